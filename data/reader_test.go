package data

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// rows reads one file with this name and text, and drops the places.
func rows(t *testing.T, r Reader, name, text string) ([]Example, error) {
	t.Helper()
	all, err := Collect(r.Read(write(t, filepath.Join(t.TempDir(), name), text)))
	for i := range all {
		all[i].Source = Place{}
	}
	return all, err
}

func TestReadTables(t *testing.T) {
	two := []Example{{Text: "a, \"b\"\nc", Label: "x"}, {Text: "d", Label: "y"}}
	for _, c := range []struct {
		name, text string
		r          Reader
		want       []Example
	}{
		{"a.csv", "text,label\n\"a, \"\"b\"\"\nc\",x\nd,y\n", Reader{}, two},
		{"bom.csv", "\ufefftext,label\r\n\"a, \"\"b\"\"\r\nc\",x\r\n\r\nd,y", Reader{}, two},
		{"names.csv", "n,Class,Message\n1,x,\"a, \"\"b\"\"\nc\"\n2,y,d\n", Reader{Columns: Columns{Text: "message", Label: "class"}}, two},
		{"numbers.csv", "x,\"a, \"\"b\"\"\nc\"\ny,d\n", Reader{NoHeader: true, Columns: Columns{Text: "2", Label: "1"}}, two},
		{"semicolon.csv", "text;label\n\"a, \"\"b\"\"\nc\";x\nd;y\n", Reader{Comma: ';'}, two},
		{"quoted.tsv", "text\tlabel\n\"a, \"\"b\"\"\nc\"\tx\nd\ty\n", Reader{Quoted: true}, two},
		{"bare.csv", "text,label\nsay \"hi\",\n", Reader{}, []Example{{Text: `say "hi"`}}},
		{"plain.tsv", "x\t\"open\ny\ttwo\" words\n", Reader{NoHeader: true, Columns: Columns{Text: "2", Label: "1"}},
			[]Example{{Text: `"open`, Label: "x"}, {Text: `two" words`, Label: "y"}}},
		{"pair.tsv", "id\ta\tb\tscore\n7\tone\ttwo\t2.5\n", Reader{Columns: Columns{Text: "a", Pair: "b", Label: "score", ID: "id"}},
			[]Example{{Text: "one", Pair: "two", Label: "2.5", ID: "7"}}},
		{"ragged.tsv", "one\tx\ntwo\ty\tmore\n", Reader{NoHeader: true, Ragged: true, Columns: Columns{Text: "1", Label: "2"}},
			[]Example{{Text: "one", Label: "x"}, {Text: "two", Label: "y"}}},
		{"several.csv", "text,label\na,x; y\nb,\n", Reader{LabelSeparator: ";"},
			[]Example{{Text: "a", Labels: []string{"x", "y"}}, {Text: "b", Labels: []string{}}}},
		{"rows.jsonl", "{\"text\":\"a\",\"label\":3}\n\n{\"label\":[\"x\",2],\"text\":\"b\"}\n{\"text\":\"c\",\"label\":null}", Reader{},
			[]Example{{Text: "a", Label: "3"}, {Text: "b", Labels: []string{"x", "2"}}, {Text: "c"}}},
		{"rows.json", " [ {\"text\":\"a ] , \\\" }\",\n\"label\":true} ,\n{\"text\":\"b\",\"other\":[[1],{\"x\":[]}]}\n]\n", Reader{},
			[]Example{{Text: "a ] , \" }", Label: "true"}, {Text: "b"}}},
		{"texts.txt", "one\n\n two \r\n", Reader{}, []Example{{Text: "one"}, {Text: "two"}}},
		{"trec", "DESC:def What is it ?\nNUM:dist How far\tis it ?\n", Reader{Format: Labelled, LabelEnd: ":"},
			[]Example{{Text: "What is it ?", Label: "DESC"}, {Text: "How far\tis it ?", Label: "NUM"}}},
	} {
		if have, err := rows(t, c.r, c.name, c.text); err != nil || !reflect.DeepEqual(have, c.want) {
			t.Errorf("%s: have %+v, %v, want %+v", c.name, have, err, c.want)
		}
	}
}

// An error names the file, the line on which the row starts, and the fault.
func TestReadErrors(t *testing.T) {
	named := Reader{Columns: Columns{Text: "text", Label: "label"}}
	for _, c := range []struct {
		name, text string
		r          Reader
		want       string
	}{
		{"a.csv", "text,label\n\"a\nb\",x\nc,y,z\n", Reader{}, "a.csv:4: the row has 3 columns, the first one 2"},
		{"a.csv", "text,label\n\"a\nb\"c,x\n", Reader{}, "a.csv:2: column 1 goes on after its closing quote"},
		{"a.csv", "text,label\n\n\"a\nb\n", Reader{}, "a.csv:3: a quote is not closed"},
		{"a.csv", "words,class\na,b\n", Reader{}, `a.csv:1: which column is the text is not clear: say a name of ["words" "class"], or a number from 1 to 2`},
		{"a.csv", "text,class\na,b\n", named, `there is no column "label"`},
		{"a.csv", "a,b\n", Reader{NoHeader: true, Columns: Columns{Text: "3"}}, `there is no column "3": say a number from 1 to 2`},
		{"a.csv", "text\n \n", Reader{}, "a.csv:2: the text is empty"},
		{"a.csv", "text,label\na,\n", named, "a.csv:2: the label is empty"},
		{"a.csv", "text\n\xff\n", Reader{}, "a.csv:2: not UTF-8"},
		{"a.csv", "text\n" + strings.Repeat("a", 50), Reader{MaxRow: 40}, "a.csv:2: the line has more than 40 bytes"},
		{"a.csv", "", Reader{}, "a.csv holds nothing to read"},
		{"a.jsonl", "{\"text\":\"a\"}\n{\"text\":[1]}\n", Reader{}, `a.jsonl:2: "text": want a string`},
		{"a.jsonl", "{\"text\":\"a\"", Reader{}, "a.jsonl:1: no JSON object"},
		{"a.json", "[{\"text\":\"a\"},\n{\"text\":", Reader{}, "a.json:2: the array ends in the middle"},
		{"a.json", "{\"text\":\"a\"}", Reader{}, "a.json:1: want a JSON array"},
		{"a.json", "[{\"text\":\"a\"}] 7", Reader{}, "a.json:1: there is something after the end"},
		{"a.json", "[{\"text\":\"" + strings.Repeat("a", 50) + "\"}]", Reader{MaxRow: 40}, "a.json:1: an element of the array has more than 40 bytes"},
		{"a", "text", Reader{}, "the name does not tell the format"},
		{"a", "DESC:def\n", Reader{Format: Labelled}, "a:1: the line is one word"},
	} {
		if have, err := rows(t, c.r, c.name, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: have %+v, %v, want %s", c.text, have, err, c.want)
		}
	}
	if _, err := Collect(Reader{}.Read(filepath.Join(t.TempDir(), "none.csv"))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func TestSkips(t *testing.T) {
	text := "text,label\na,x\nb\nc,x\n,x\nd,x\n"
	for _, c := range []struct {
		limit int
		want  []string
		bad   int
	}{{0, nil, 1}, {1, nil, 2}, {2, []string{"a", "c", "d"}, 2}, {-1, []string{"a", "c", "d"}, 2}} {
		s := &Skips{Limit: c.limit}
		all, err := rows(t, Reader{Skip: s}, "a.csv", text)
		var texts []string
		for _, e := range all {
			texts = append(texts, e.Text)
		}
		if (err == nil) != (c.want != nil) || !slices.Equal(texts, c.want) || s.Count != c.bad || len(s.First) != c.bad {
			t.Errorf("limit %d: have %q, %v, %+v", c.limit, texts, err, s)
		}
		if err != nil && !isBadRow(err) {
			t.Errorf("%v is no bad row", err)
		}
	}
	// A line that is too long does not hide those after it, where rows are lines.
	s := &Skips{Limit: -1}
	all, err := rows(t, Reader{Skip: s, MaxRow: 20}, "a.jsonl", `{"text":"`+strings.Repeat("a", 200000)+"\"}\n{\"text\":\"b\"}\n")
	if err != nil || len(all) != 1 || s.Count != 1 {
		t.Errorf("have %v, %v, %+v", all, err, s)
	}
}

// zipped makes a zip file with these names and texts.
func zipped(t *testing.T, path string, members ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		w, err := z.Create(members[i])
		if err == nil {
			_, err = io.WriteString(w, members[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return write(t, path, b.String())
}

func TestReadFolders(t *testing.T) {
	dir := t.TempDir()
	members := []string{"b/2.txt", "two\n", "a/1.txt", "one", "a/deep/3.md", "three", "README", "no text", "c/4.jpg", "pixels"}
	for i := 0; i < len(members); i += 2 {
		write(t, filepath.Join(dir, "set", members[i]), members[i+1])
	}
	z := zipped(t, filepath.Join(dir, "set.zip"), members...)
	var wrapped []string
	for i, m := range members {
		if i%2 == 0 {
			m = "wrap/" + m
		}
		wrapped = append(wrapped, m)
	}
	w := zipped(t, filepath.Join(dir, "wrapped.zip"), wrapped...)
	for _, root := range []string{filepath.Join(dir, "set"), z, w + "/wrap"} {
		have, err := Collect(Reader{}.Read(root))
		want := []Example{
			{Text: "one", Label: "a", ID: "a/1.txt", Source: Place{root + "/a/1.txt", 1}},
			{Text: "three", Label: "a", ID: "a/deep/3.md", Source: Place{root + "/a/deep/3.md", 1}},
			{Text: "two", Label: "b", ID: "b/2.txt", Source: Place{root + "/b/2.txt", 1}},
		}
		if err != nil || !reflect.DeepEqual(have, want) {
			t.Errorf("have %+v, %v", have, err)
		}
		items, err := Collect(Reader{}.Items(root, ".jpg"))
		if err != nil || !reflect.DeepEqual(items, []Item{{"c", "c/4.jpg", []byte("pixels")}}) {
			t.Errorf("have %+v, %v", items, err)
		}
		if _, err := Collect(Reader{}.Items(root, ".png")); err == nil {
			t.Error("finding nothing is no error")
		}
		if _, err := Collect(Reader{MaxRow: 4}.Read(root)); err == nil || !strings.Contains(err.Error(), "3.md:1: the file has more than 4 bytes") {
			t.Errorf("error %v", err)
		}
	}
	tables := zipped(t, filepath.Join(dir, "tables.zip"), "train.jsonl", "{\"text\":\"a\"}\n{\"text\":\"b\"}", "test.csv", "text\nc\n")
	for path, want := range map[string]string{tables: "c a b", tables + "/train.jsonl": "a b"} {
		all, err := Collect(Reader{}.Read(path))
		var texts []string
		for _, e := range all {
			texts = append(texts, e.Text)
		}
		if err != nil || strings.Join(texts, " ") != want {
			t.Errorf("%s: have %q, %v", path, texts, err)
		}
	}
	if _, err := Collect(Reader{}.Read(tables + "/none.csv")); err == nil {
		t.Error("a member that is not there is no error")
	}
	if _, err := Collect(Reader{}.Read(write(t, filepath.Join(dir, "broken.zip"), "PK"))); err == nil {
		t.Error("a broken zip file is no error")
	}
}

func TestSentences(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "a.conll"), "-DOCSTART- O\n\nWe\tO\nmet\tO\n\t\nAnn NNP B-person\r\n\n\nalone\n\nBob\tB-person")
	s := &Skips{Limit: 1}
	have, err := Collect(Reader{Skip: s}.Sentences(path))
	want := []Sentence{
		{[]string{"We", "met"}, []string{"O", "O"}, Place{path, 3}},
		{[]string{"Ann"}, []string{"B-person"}, Place{path, 6}},
		{[]string{"Bob"}, []string{"B-person"}, Place{path, 11}},
	}
	if err != nil || !reflect.DeepEqual(have, want) || s.Count != 1 || s.First[0].Place.Line != 9 {
		t.Errorf("have %+v, %v, %+v", have, err, s)
	}
	long := Reader{MaxRow: 20}
	have, err = Collect(long.sentences(strings.NewReader("a\tO\n"+strings.Repeat("b", 50)+"\tO\n\nc\tO\n"), "f"))
	if err == nil || !strings.Contains(err.Error(), "f:2: the line has more than 20 bytes") {
		t.Errorf("a long line gives %+v, %v", have, err)
	}
	if _, err := Collect(Reader{}.Sentences(path)); err == nil || !strings.Contains(err.Error(), "a.conll:9: want a token, a tab and a tag") {
		t.Errorf("error %v", err)
	}
}

// Whatever a table holds, reading it ends, and what a writer of CSV wrote
// comes back.
func FuzzTable(f *testing.F) {
	for _, s := range []string{"text,label\na,b\n", "\"a\"\"\n,\",b\r\n", "\xff,\"", "\ufeff\"\"\n\n\"\"x"} {
		f.Add(s, "plain", "with \"quotes\", and\nlines")
	}
	f.Fuzz(func(t *testing.T, text, a, b string) {
		r := Reader{NoHeader: true, Columns: Columns{Text: "1"}, MaxRow: 100, Skip: &Skips{Limit: -1}}
		n := 0
		for e, err := range r.table(strings.NewReader(text), "f", CSV) {
			if n++; err == nil && (e.Source.Line < 1 || len(e.Text) > 100) || n > len(text)+1 {
				t.Fatalf("%q gives %+v", text, e)
			}
			if err != nil && !isBadRow(err) {
				break
			}
		}
		clean := func(s string) string { return strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\r", "") }
		a, b = clean(a), clean(b)
		if strings.TrimSpace(a) == "" || strings.TrimSpace(b) == "" {
			return
		}
		quote := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
		r = Reader{NoHeader: true, Columns: Columns{Text: "1", Pair: "2"}}
		have, err := Collect(r.table(strings.NewReader(quote(a)+","+quote(b)+"\r\n"), "f", CSV))
		if err != nil || len(have) != 1 || have[0].Text != a || have[0].Pair != b {
			t.Errorf("%q, %q come back as %+v, %v", a, b, have, err)
		}
	})
}

// Reading JSON ends, whether as lines or as an array, and an array of the
// objects on the lines gives the same rows.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"text":"a","label":["x"]}`, `[{"text":"]"},{}]`, "[", "[]", `{"text":"\\\""}` + "\n" + `{"text":"b"}`, "[1,\"\\"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range []func(io.Reader, string) func(func(Example, error) bool){
			func(in io.Reader, name string) func(func(Example, error) bool) {
				return Reader{MaxRow: 100}.jsonArray(in, name)
			},
			func(in io.Reader, name string) func(func(Example, error) bool) {
				return Reader{MaxRow: 100}.jsonLines(in, name)
			},
		} {
			n := 0
			for e, err := range r(strings.NewReader(text), "f") {
				if n++; err == nil && (e.Text == "" || e.Source.Line < 1) || n > len(text)+1 {
					t.Fatalf("%q gives %+v", text, e)
				}
				if err != nil && !isBadRow(err) {
					break
				}
			}
		}
		lines, err := Collect(Reader{}.jsonLines(strings.NewReader(text), "f"))
		if err != nil || len(lines) == 0 {
			return
		}
		var objects []string
		for line := range strings.SplitSeq(strings.TrimPrefix(text, "\ufeff"), "\n") {
			if strings.Trim(line, " \t\r\n\v\f\u0085\u00a0") != "" {
				objects = append(objects, line)
			}
		}
		array, err := Collect(Reader{}.jsonArray(strings.NewReader("["+strings.Join(objects, ",")+"]"), "f"))
		for i := range array {
			array[i].Source = lines[min(i, len(lines)-1)].Source
		}
		if err != nil || !reflect.DeepEqual(array, lines) {
			t.Errorf("%q: as lines %+v, as an array %+v, %v", text, lines, array, err)
		}
	})
}

// Each sentence has as many tags as words, and none is empty.
func FuzzSentences(f *testing.F) {
	for _, s := range []string{"a\tO\n\nb\tB-x\n", "-DOCSTART-\n\n\t\n", "a\tO\n" + strings.Repeat("a", 101) + "\tO\n\nb\tO", "a b\n\xff\tO", "\ufeff\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for s, err := range (Reader{MaxRow: 100}).sentences(strings.NewReader(text), "f") {
			if err == nil && (len(s.Tokens) == 0 || len(s.Tokens) != len(s.Tags) || slices.Contains(s.Tokens, "") || slices.Contains(s.Tags, "")) {
				t.Errorf("%q gives %+v", text, s)
			}
		}
	})
}

// The published numbers of rows come out of the published files.
func TestSharedDatasets(t *testing.T) {
	root := os.Getenv("QKV_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	root = filepath.Join(root, "data", "datasets")
	if _, err := os.Stat(root); err != nil {
		t.Skip("no shared data sets beside the checkout")
	}
	tabs := Reader{Format: TSV, NoHeader: true, Columns: Columns{Text: "2", Label: "1"}}
	sst := Reader{NoHeader: true, Columns: Columns{Text: "1", Label: "2"}}
	trec := Reader{Format: Labelled}
	coarse := Reader{Format: Labelled, LabelEnd: ":"}
	sts := Reader{Format: TSV, NoHeader: true, Ragged: true, Columns: Columns{Text: "6", Pair: "7", Label: "5"}, LabelEnd: "."}
	bank := Reader{Columns: Columns{Label: "category"}}
	for _, c := range []struct {
		path          string
		r             Reader
		rows, classes int
	}{
		{"sms_spam/SMSSpamCollection", tabs, 5574, 2},
		{"sms_spam/train.tsv", tabs, 4437, 2}, {"sms_spam/test.tsv", tabs, 1137, 2},
		{"banking77/train.csv", bank, 10003, 77}, {"banking77/test.csv", bank, 3080, 77},
		{"sst2/train.tsv", sst, 6920, 2}, {"sst2/dev.tsv", sst, 872, 2}, {"sst2/test.tsv", sst, 1821, 2},
		{"trec/train.txt", trec, 5452, 50}, {"trec/train.txt", coarse, 5452, 6}, {"trec/test.txt", coarse, 500, 6},
		{"movie_reviews.zip/train.jsonl", Reader{}, 1800, 2}, {"movie_reviews.zip/test.jsonl", Reader{}, 200, 2},
		{"movie_reviews.zip", Reader{}, 2000, 2},
		{"stsbenchmark/sts-train.csv", sts, 4749, 6}, {"stsbenchmark/sts-dev.csv", sts, 1250, 6}, {"stsbenchmark/sts-test.csv", sts, 1129, 6},
	} {
		s, err := Measure(c.r.Read(filepath.Join(root, filepath.FromSlash(c.path))), nil)
		if err != nil || s.Rows != c.rows || len(s.Classes) != c.classes {
			t.Errorf("%s: %d rows, %d classes, %v, want %d and %d", c.path, s.Rows, len(s.Classes), err, c.rows, c.classes)
		}
	}
	for name, want := range map[string]int{"train": 3394, "dev": 1009, "test": 1287} {
		all, err := Collect(Reader{}.Sentences(filepath.Join(root, "wnut17", name+".conll")))
		if err != nil || len(all) != want {
			t.Errorf("wnut17 %s: %d sentences, %v, want %d", name, len(all), err, want)
		}
	}
	pictures := map[string]int{}
	for item, err := range (Reader{}).Items(filepath.Join(root, "clothing", "test.zip"), ".jpg") {
		if err != nil {
			t.Fatal(err)
		}
		pictures[item.Label]++
	}
	total := 0
	for _, n := range pictures {
		total += n
	}
	if len(pictures) != 10 || total != 372 {
		t.Errorf("clothing: %v", pictures)
	}
}

func ExampleReader_Read() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "mail.csv")
	if err := os.WriteFile(path, []byte("subject,folder\nYour invoice,bills\n\"Dinner, Friday?\",friends\n"), 0o666); err != nil {
		panic(err)
	}
	reader := Reader{Columns: Columns{Text: "subject", Label: "folder"}}
	for e, err := range reader.Read(path) {
		if err != nil {
			panic(err)
		}
		fmt.Printf("line %d, %s: %s\n", e.Source.Line, e.Label, e.Text)
	}
	// Output:
	// line 2, bills: Your invoice
	// line 3, friends: Dinner, Friday?
}

func BenchmarkRead(b *testing.B) {
	text := "text,label\n" + strings.Repeat("\"a line, of some words, as people write them\",label\n", 2000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		for _, err := range (Reader{}).table(strings.NewReader(text), "f", CSV) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

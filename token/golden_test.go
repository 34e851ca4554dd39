package token

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// shared returns a path under the folder of reference data beside the checkout, and skips the test where it is absent.
func shared(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("QKV_SHARED")
	if root == "" {
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				break
			}
			up := filepath.Dir(dir)
			if up == dir {
				t.Fatal("no go.mod above the package")
			}
			dir = up
		}
		root = filepath.Join(filepath.Dir(dir), "shared")
	}
	path := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no reference data: %v", err)
	}
	return path
}

// loadShared loads a vocabulary of the reference data.
func loadShared(t testing.TB, name string) *Tokenizer {
	t.Helper()
	text, err := os.ReadFile(shared(t, "data", "tokenizers", name, "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	tok, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// goldenEncoding is an encoding in a record.
type goldenEncoding struct {
	IDs         []int32            `json:"ids"`
	Tokens      []string           `json:"tokens"`
	TypeIDs     []int32            `json:"type_ids"`
	SpecialMask []int32            `json:"special_tokens_mask"`
	Offsets     [][2]int           `json:"offsets_chars"`
	WordIDs     []*int             `json:"word_ids"`
	Attention   []int32            `json:"attention_mask"`
	SequenceIDs []*int             `json:"sequence_ids"`
	Overflowing *[]*goldenEncoding `json:"overflowing"`
}

// goldenRecord is a line of a golden file.
type goldenRecord struct {
	goldenEncoding
	Case       string
	Text       string
	Pair       *string
	Special    bool `json:"add_special_tokens"`
	Truncation *struct {
		MaxLength int `json:"max_length"`
		Strategy  string
		Direction string
		Stride    int
	}
	Padding *struct {
		Length     *int
		MultipleOf *int `json:"multiple_of"`
		Side       string
		ID         int32  `json:"pad_id"`
		TypeID     int32  `json:"pad_type_id"`
		Token      string `json:"pad_token"`
	}
	Error              string
	Decoded            string
	DecodedWithSpecial string `json:"decoded_with_special"`
}

// readLines reads a file of one JSON object a line.
func readLines[T any](t testing.TB, path string) []T {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []T
	s := bufio.NewScanner(f)
	s.Buffer(nil, 64<<20)
	for s.Scan() {
		var r T
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			t.Fatalf("%s: line %d: %v", path, len(out)+1, err)
		}
		out = append(out, r)
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// goldenNames are the vocabularies that must equal the reference on every record, and how many records there are.
var goldenNames = map[string]int{
	"bert-base-cased": 232, "bert-base-uncased": 232, "clip-vit-base-patch32": 232, "gpt2": 232, "mini-added": 256,
	"mini-bpe-prefix": 256, "mini-bpe-suffix": 256, "mini-bytelevel": 256, "mini-ctc": 256, "mini-wordpiece": 256,
	"albert-base-v2": 232, "barthez": 232, "mini-unigram": 256, "t5-small": 232, "unigram-bytefallback": 232,
	"xlm-roberta-fixture": 232, "mistral-7b-v0.1": 232, "phi-2": 232, "qwen3": 232, "roberta-base": 232, "stories260K": 232, "whisper-tiny": 232,
}

func TestGolden(t *testing.T) {
	for name, count := range goldenNames {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkGolden(t, loadShared(t, name), name, count)
		})
	}
}

// checkGolden checks a tokenizer against all records of a vocabulary.
func checkGolden(t *testing.T, tok *Tokenizer, name string, count int) {
	records := readLines[goldenRecord](t, shared(t, "data", "golden", "tokenizers", name+".jsonl"))
	if len(records) != count {
		t.Errorf("have %d records, want %d", len(records), count)
	}
	failed := 0
	for _, r := range records {
		if diff := r.check(tok); diff != "" {
			failed++
			t.Errorf("%s: %q: %s", r.Case, r.Text, diff)
		}
	}
	t.Logf("%d of %d records", len(records)-failed, len(records))
}

// without is a file system that hides a file.
type without struct {
	fs.FS
	name string
}

func (w without) Open(name string) (fs.File, error) {
	if name == w.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return w.FS.Open(name)
}

func TestOlderFilesGolden(t *testing.T) {
	for _, name := range []string{"bert-base-cased", "bert-base-uncased", "gpt2", "roberta-base"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tok, err := Open(without{os.DirFS(shared(t, "data", "tokenizers", name)), "tokenizer.json"})
			if err != nil {
				t.Fatal(err)
			}
			checkGolden(t, tok, name, 232)
		})
	}
}

func TestSaveGolden(t *testing.T) {
	for _, name := range []string{"bert-base-cased", "mini-added", "roberta-base", "stories260K"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from := os.DirFS(shared(t, "data", "tokenizers", name))
			tok, err := Open(from)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := tok.Save(dir); err != nil {
				t.Fatal(err)
			}
			again, err := Open(os.DirFS(dir))
			if err != nil {
				t.Fatal(err)
			}
			if again.Special != tok.Special || again.MaxLength != tok.MaxLength {
				t.Errorf("special: have %v, %d, want %v, %d", again.Special, again.MaxLength, tok.Special, tok.MaxLength)
			}
			checkGolden(t, again, name, goldenNames[name])
			var have, want any
			text, err := os.ReadFile(filepath.Join(dir, "tokenizer.json"))
			if err != nil {
				t.Fatal(err)
			}
			original, err := fs.ReadFile(from, "tokenizer.json")
			if err != nil {
				t.Fatal(err)
			}
			if json.Unmarshal(text, &have) != nil || json.Unmarshal(original, &want) != nil || !reflect.DeepEqual(have, want) {
				t.Error("the saved file says something else")
			}
		})
	}
}

// check runs a record and returns the first field that differs.
func (r *goldenRecord) check(tok *Tokenizer) string {
	in := Input{Text: r.Text}
	if r.Pair != nil {
		in.Pair, in.HasPair = *r.Pair, true
	}
	o := Options{AddSpecialTokens: r.Special}
	sides := map[string]Side{"right": Right, "left": Left}
	if c := r.Truncation; c != nil {
		strategies := map[string]Strategy{"longest_first": LongestFirst, "only_first": OnlyFirst, "only_second": OnlySecond}
		o.Truncation = &Truncation{c.MaxLength, strategies[c.Strategy], sides[c.Direction], c.Stride}
	}
	if p := r.Padding; p != nil {
		o.Padding = &Padding{Side: sides[p.Side], ID: p.ID, TypeID: p.TypeID, Token: p.Token}
		if p.Length != nil {
			o.Padding.Length = *p.Length
		}
		if p.MultipleOf != nil {
			o.Padding.MultipleOf = *p.MultipleOf
		}
	}
	e, err := tok.EncodeWith(in, o)
	if r.Error != "" || err != nil {
		if (r.Error != "") != (err != nil) {
			return fmt.Sprintf("error: have %v, want %q", err, r.Error)
		}
		return ""
	}
	if diff := r.diff(e, in); diff != "" {
		return diff
	}
	if have := tok.Decode(r.IDs, true); have != r.Decoded {
		return fmt.Sprintf("decoded: have %q, want %q", have, r.Decoded)
	}
	if have := tok.Decode(r.IDs, false); have != r.DecodedWithSpecial {
		return fmt.Sprintf("decoded with special: have %q, want %q", have, r.DecodedWithSpecial)
	}
	if r.Pair == nil && r.Truncation == nil && r.Padding == nil {
		ids := tok.AppendIDs(nil, r.Text)
		if r.Special {
			ids = tok.IDs(r.Text)
		}
		if len(ids)+len(r.IDs) > 0 && !reflect.DeepEqual(ids, r.IDs) {
			return fmt.Sprintf("ids alone: have %v, want %v", ids, r.IDs)
		}
	}
	return ""
}

// diff compares an encoding with the reference's.
func (g *goldenEncoding) diff(e *Encoding, in Input) string {
	check := func(name string, have, want any) string {
		if reflect.ValueOf(have).Len()+reflect.ValueOf(want).Len() > 0 && !reflect.DeepEqual(have, want) {
			return fmt.Sprintf("%s: have %q, want %q", name, fmt.Sprint(have), fmt.Sprint(want))
		}
		return ""
	}
	bytes := make([][2]int, 0, len(e.CharOffsets))
	for i, o := range e.CharOffsets {
		switch e.SequenceIDs[i] {
		case 0:
			o = [2]int{byteOffset(in.Text, o[0]), byteOffset(in.Text, o[1])}
		case 1:
			o = [2]int{byteOffset(in.Pair, o[0]), byteOffset(in.Pair, o[1])}
		}
		bytes = append(bytes, o)
	}
	diffs := []string{
		check("ids", e.IDs, g.IDs), check("tokens", e.Tokens, g.Tokens), check("type ids", e.TypeIDs, g.TypeIDs),
		check("special tokens mask", e.SpecialTokensMask, g.SpecialMask), check("offsets", e.CharOffsets, g.Offsets),
		check("byte offsets", e.Offsets, bytes), check("word ids", e.WordIDs, ints(g.WordIDs)),
	}
	if g.Attention != nil {
		diffs = append(diffs, check("attention mask", e.AttentionMask, g.Attention))
	}
	if g.SequenceIDs != nil {
		diffs = append(diffs, check("sequence ids", e.SequenceIDs, ints(g.SequenceIDs)))
	}
	for _, d := range diffs {
		if d != "" {
			return d
		}
	}
	if g.Overflowing == nil {
		return ""
	}
	if len(e.Overflowing) != len(*g.Overflowing) {
		return fmt.Sprintf("overflowing: have %d, want %d", len(e.Overflowing), len(*g.Overflowing))
	}
	for i, o := range *g.Overflowing {
		if d := o.diff(e.Overflowing[i], in); d != "" {
			return fmt.Sprintf("overflowing %d: %s", i, d)
		}
	}
	return ""
}

// byteOffset returns where character n of s begins.
func byteOffset(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// ints makes −1 of null.
func ints(in []*int) []int {
	out := make([]int, len(in))
	for i, p := range in {
		out[i] = -1
		if p != nil {
			out[i] = *p
		}
	}
	return out
}

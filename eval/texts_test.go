package eval

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// Translations of sacrebleu, written by testdata/texts.py.
func TestSacrebleu(t *testing.T) {
	var ref struct {
		Translations []struct {
			Want                           [][]string
			Got                            []string
			Corpus, Lower, Plain, Sentence []float64
			Text                           string
			ChrF, ChrFPP, ChrF3            float64
			ChrFSentence                   float64
		}
		Tokens [][2]string
	}
	readJSON(t, "texts.json", &ref)
	f := &figures{t: t}
	defer f.report("sacrebleu")
	for i, c := range ref.Translations {
		bleu := func(name string, b BLEU, want []float64) {
			t.Helper()
			have, err := b.Corpus(c.Want, c.Got)
			if name == "sentence" {
				have, err = b.Sentence(c.Want[0], c.Got[0])
			}
			for j, v := range []float64{have.Score, have.Precisions[0], have.Precisions[1], have.Precisions[2], have.Precisions[3],
				have.Brevity, float64(have.Got), float64(have.Want)} {
				f.same(name, i, v, err, &want[j])
			}
			if name == "corpus" && have.String() != c.Text {
				t.Errorf("case %d: have %s, want %s", i, have, c.Text)
			}
		}
		bleu("corpus", BLEU{}, c.Corpus)
		bleu("lower", BLEU{Lowercase: true}, c.Lower)
		bleu("plain", BLEU{Tokenized: true}, c.Plain)
		bleu("sentence", BLEU{}, c.Sentence)
		have, err := ChrF{}.Corpus(c.Want, c.Got)
		f.same("chrF2", i, have, err, &c.ChrF)
		have, err = ChrF{Words: 2}.Corpus(c.Want, c.Got)
		f.same("chrF2++", i, have, err, &c.ChrFPP)
		have, err = ChrF{Chars: 4, Beta: 3, Lowercase: true}.Corpus(c.Want, c.Got)
		f.same("chrF3", i, have, err, &c.ChrF3)
		have, err = ChrF{Words: 2}.Sentence(c.Want[0], c.Got[0])
		f.same("chrF2++ of a sentence", i, have, err, &c.ChrFSentence)
	}
	for _, c := range ref.Tokens {
		if have := strings.Join(fields(tokenize13a(c[0])), " "); have != c[1] {
			t.Errorf("tokens of %q: have %q, want %q", c[0], have, c[1])
		}
	}
}

// Figures that sacrebleu's own tests state (test_bleu.py and test_chrf.py, 2.6.0).
func TestSacrebleuPublished(t *testing.T) {
	want := [][]string{
		{"The dog bit the man.", "The dog had bit the man."},
		{"It was not unexpected.", "No one was surprised."},
		{"The man bit him first.", "The man had bitten the dog."},
	}
	got := []string{"The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."}
	for _, c := range []struct {
		b    BLEU
		want float64
	}{{BLEU{}, 48.530827}, {BLEU{Tokenized: true}, 49.1919566}} {
		if have, err := c.b.Corpus(want, got); err != nil || !within(have.Score, c.want, 1e-6) {
			t.Errorf("%+v: have %v (%v), want %v", c.b, have, err, c.want)
		}
	}
	for _, c := range []struct {
		want, got string
		score     float64
	}{{"test", "test", 100}, {"a test", "test", 36.78794411714425}, {"a test", "a test", 100}} {
		if have, err := (BLEU{}).Sentence([]string{c.want}, c.got); err != nil || !within(have.Score, c.score, 1e-9) {
			t.Errorf("%q for %q: have %v (%v), want %v", c.got, c.want, have, err, c.score)
		}
	}
	for _, c := range []struct {
		want, got []string
		score     float64
	}{
		{[]string{"a"}, []string{"a"}, 100},
		{[]string{"reference"}, []string{""}, 0},
		{[]string{"abc"}, []string{"a b c"}, 100},
		{[]string{"a", "c"}, []string{"a", "b"}, 50},
		{[]string{"ab"}, []string{"aa"}, 25},
	} {
		var refs [][]string
		for _, w := range c.want {
			refs = append(refs, []string{w})
		}
		if have, err := (ChrF{Beta: 3}).Corpus(refs, c.got); err != nil || !within(have, c.score, 1e-4) {
			t.Errorf("chrF3 of %q for %q: have %v (%v), want %v", c.got, c.want, have, err, c.score)
		}
	}
}

func within(have, want, tolerance float64) bool {
	return have-want <= tolerance && want-have <= tolerance
}

// Summaries of rouge_score and words of NLTK, written by testdata/texts.py.
func TestRougeScore(t *testing.T) {
	var ref struct {
		Summaries []struct {
			Want, Got   string
			Plain, Stem [4][]float64
		}
		Stems [][2]string
	}
	readJSON(t, "texts.json", &ref)
	f := &figures{t: t}
	defer f.report("rouge_score")
	for i, c := range ref.Summaries {
		for stem, want := range map[bool][4][]float64{false: c.Plain, true: c.Stem} {
			r := Rouge{Stem: stem}
			f.sameScore("ROUGE-1", i, r.N(1, c.Want, c.Got), want[0])
			f.sameScore("ROUGE-2", i, r.N(2, c.Want, c.Got), want[1])
			f.sameScore("ROUGE-L", i, r.L(c.Want, c.Got), want[2])
			f.sameScore("ROUGE-Lsum", i, r.Lsum(c.Want, c.Got), want[3])
		}
	}
	for _, c := range ref.Stems {
		if have := Stem(c[0]); have != c[1] {
			t.Errorf("stem of %s: have %s, want %s", c[0], have, c[1])
		}
	}
	t.Logf("%d stems", len(ref.Stems))
}

// The example of Lin 2004, section 3.2, as rouge_score's tests have it: 4 of 5 words
// found, among 10.
func TestRougePaper(t *testing.T) {
	s := Rouge{}.Lsum("w1 w2 w3 w4 w5", "w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5")
	if !near(s.Recall, .8) || !near(s.Precision, .4) {
		t.Errorf("have %+v, want recall 0.8 and precision 0.4", s)
	}
	if s := (Rouge{}).N(0, "a", "a"); s != (Score{}) {
		t.Errorf("ROUGE-0 is %+v", s)
	}
}

// Tags of seqeval, written by testdata/texts.py.
func TestSeqeval(t *testing.T) {
	type scores struct {
		Types                  []string
		Each                   [][]float64
		Micro, Macro, Weighted []float64
	}
	var ref struct {
		Tags []struct {
			Want, Got [][]string
			Lenient   scores
			Strict    *scores
			Report    string
			Spans     [][][3]any // type, first, last
		}
	}
	readJSON(t, "texts.json", &ref)
	f := &figures{t: t}
	defer f.report("seqeval")
	strict := 0
	for i, c := range ref.Tags {
		for j, s := range c.Want {
			spans, err := Spans(s, Lenient)
			if err != nil || len(spans) != len(c.Spans[j]) {
				t.Fatalf("case %d: %v: have %v (%v), want %v", i, s, spans, err, c.Spans[j])
			}
			for k, want := range c.Spans[j] {
				if have := spans[k]; have.Type != want[0] || float64(have.Start) != want[1] || float64(have.End-1) != want[2] {
					t.Errorf("case %d: %v: have %v, want %v", i, s, have, want)
				}
			}
		}
		check := func(name string, scheme Scheme, want scores) {
			t.Helper()
			have, err := NamedEntities(c.Want, c.Got, scheme)
			if err != nil || len(have.Types) != len(want.Types) {
				t.Fatalf("%s, case %d: have %v (%v), want types %v", name, i, have, err, want.Types)
			}
			for k, l := range have.Types {
				if l.Name != want.Types[k] {
					t.Errorf("%s, case %d: have type %s, want %s", name, i, l.Name, want.Types[k])
				}
				f.sameScore(name, i, l.Score, want.Each[k])
			}
			if len(want.Types) > 0 {
				f.sameScore(name+" micro", i, have.Micro, want.Micro)
				f.sameScore(name+" macro", i, have.Macro, want.Macro)
				f.sameScore(name+" weighted", i, have.Weighted, want.Weighted)
			}
			if scheme == Lenient && c.Report != "" && have.String() != c.Report {
				t.Errorf("case %d: have\n%swant\n%s", i, have, c.Report)
			}
		}
		check("lenient", Lenient, c.Lenient)
		if c.Strict != nil {
			strict++
			check("strict", StrictIOB2, *c.Strict)
		}
	}
	if strict < 10 {
		t.Errorf("only %d strict cases", strict)
	}
}

// Answers of the official script of SQuAD 2.0, written by testdata/texts.py.
func TestSQuADScript(t *testing.T) {
	var ref struct {
		SQuAD struct {
			Cases []struct {
				Want      []string
				Got       string
				Normal    string
				Exact, F1 float64
			}
			All, Has, No []float64
		}
	}
	readJSON(t, "texts.json", &ref)
	f := &figures{t: t}
	defer f.report("the script")
	var questions []Question
	for i, c := range ref.SQuAD.Cases {
		if have := NormalizeAnswer(c.Got); have != c.Normal {
			t.Errorf("%q: have %q, want %q", c.Got, have, c.Normal)
		}
		f.same("exact match of "+c.Got, i, ExactMatch(c.Want, c.Got), nil, &c.Exact)
		f.same("F1 of "+c.Got, i, AnswerF1(c.Want, c.Got), nil, &c.F1)
		questions = append(questions, Question{c.Want, c.Got})
	}
	r, err := SQuAD(questions)
	for _, c := range []struct {
		have Answers
		want []float64
	}{{r.All, ref.SQuAD.All}, {r.HasAnswer, ref.SQuAD.Has}, {r.NoAnswer, ref.SQuAD.No}} {
		f.same("exact", c.have.Total, 100*c.have.Exact, err, &c.want[0])
		f.same("F1", c.have.Total, 100*c.have.F1, err, &c.want[1])
		if c.have.Total != int(c.want[2]) {
			t.Errorf("%d questions, want %v", c.have.Total, c.want[2])
		}
	}
}

// Lower case as Python has it, written by testdata/texts.py.
func TestLower(t *testing.T) {
	var ref struct{ Cases [][2]string }
	readJSON(t, "texts.json", &ref)
	for _, c := range ref.Cases {
		if have := lower(c[0]); have != c[1] {
			t.Errorf("%q: have %q, want %q", c[0], have, c[1])
		}
	}
	if len(ref.Cases) < 100 {
		t.Errorf("only %d cases", len(ref.Cases))
	}
}

func TestPerfectTexts(t *testing.T) {
	text := "The cat sat on the mat, and so did the dog."
	bleu, err1 := BLEU{}.Corpus([][]string{{"Nothing alike", text}}, []string{text})
	chrf, err2 := ChrF{Words: 2}.Sentence([]string{text}, text)
	tags := [][]string{{"B-PER", "I-PER", "O", "B-LOC"}}
	strict, err3 := NamedEntities(tags, tags, StrictIOB2)
	squad, err4 := SQuAD([]Question{{[]string{text}, strings.ToUpper(text)}, {}})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	r := Rouge{Stem: true}
	for i, v := range []float64{bleu.Score / 100, chrf / 100, r.N(2, text, text).F1, r.L(text, text).F1, r.Lsum(text, text).F1,
		strict.Micro.F1, strict.Macro.F1, squad.All.Exact, squad.All.F1, squad.NoAnswer.F1} {
		if !near(v, 1) {
			t.Errorf("figure %d of perfect answers is %v", i, v)
		}
	}
}

// Sentences in another order give the same corpus score.
func TestCorpusOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	words := strings.Fields("a b c d e f.")
	var want [][]string
	var got []string
	for range 30 {
		text := func() string {
			var b []string
			for range 1 + r.IntN(9) {
				b = append(b, words[r.IntN(len(words))])
			}
			return strings.Join(b, " ")
		}
		want, got = append(want, []string{text(), text()}), append(got, text())
	}
	bleu, err1 := BLEU{}.Corpus(want, got)
	chrf, err2 := ChrF{}.Corpus(want, got)
	want, got = shuffled(r, want, got)
	bleu2, err3 := BLEU{}.Corpus(want, got)
	chrf2, err4 := ChrF{}.Corpus(want, got)
	if err := errors.Join(err1, err2, err3, err4); err != nil || bleu != bleu2 || chrf != chrf2 {
		t.Errorf("have %v and %v, then %v and %v (%v)", bleu, chrf, bleu2, chrf2, err)
	}
}

func TestTextFaults(t *testing.T) {
	for _, c := range []struct {
		err      error
		mentions string
	}{
		{second(BLEU{}.Corpus(nil, nil)), "bleu: no rows"},
		{second(BLEU{}.Corpus([][]string{{"a"}, {}}, []string{"a", "b"})), "text 1 has no reference"},
		{second(BLEU{}.Sentence(nil, "a")), "text 0 has no reference"},
		{second(ChrF{}.Corpus([][]string{{"a"}}, nil)), "1 wanted but 0 got"},
		{second(SQuAD(nil)), "no questions"},
		{second(Spans([]string{"O", ""}, Lenient)), `tag 1 is ""`},
		{second(Spans([]string{"U-PER"}, Lenient)), `tag 0 is "U-PER": want O, or one of BIES`},
		{second(Spans([]string{"S-PER"}, StrictIOB2)), "one of BI "},
		{second(NamedEntities([][]string{{"O"}}, [][]string{{"O", "O"}}, Lenient)), "sentence 0 has 1 wanted but 2 got"},
		{second(NamedEntities([][]string{{"O"}}, [][]string{{"x"}}, Lenient)), "got sentence 0"},
		{second(NamedEntities(nil, nil, Lenient)), "no rows"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.mentions) {
			t.Errorf("have error %v, want one with %q", c.err, c.mentions)
		}
	}
}

// Whatever the texts, no metric panics and all stay within their bounds.
func FuzzTexts(f *testing.F) {
	f.Add("The cat &amp; the dog.\nB-PER", "the cat's dogs, running\nI-PER", uint8(2))
	f.Add("", "\xff\xfeİΣ 1.-\x1c", uint8(0))
	f.Fuzz(func(t *testing.T, want, got string, n uint8) {
		if len(want)+len(got) > 2000 {
			return
		}
		bleu, err1 := BLEU{Lowercase: n%2 == 0}.Sentence([]string{want, got[:len(got)/2]}, got)
		chrf, err2 := ChrF{Words: int(n % 4)}.Sentence([]string{want}, got)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		r := Rouge{Stem: true}
		figures := []float64{bleu.Score / 100, bleu.Brevity, chrf / 100, r.N(int(n%5), want, got).F1, r.L(want, got).F1, r.Lsum(want, got).F1,
			AnswerF1([]string{want}, got), ExactMatch([]string{want}, got)}
		for i, v := range figures {
			if !(v >= 0 && v <= 1+1e-9) {
				t.Errorf("figure %d is %v", i, v)
			}
		}
		if same := AnswerF1([]string{got}, got); !near(same, 1) {
			t.Errorf("an answer against itself has F1 %v", same)
		}
		for _, scheme := range []Scheme{Lenient, StrictIOB2} {
			tags := strings.Fields(got)
			spans, err := Spans(tags, scheme)
			last := 0
			for _, s := range spans {
				if err != nil || s.Start < last || s.End <= s.Start || s.End > len(tags) {
					t.Fatalf("spans %v of %d tags, %v", spans, len(tags), err)
				}
				last = s.End
			}
		}
	})
}

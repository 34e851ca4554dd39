package finetune

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/batch"
	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/lora"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/safetensors"
	"github.com/qkvgo/qkv/scratch"
	"github.com/qkvgo/qkv/train"
	"github.com/qkvgo/qkv/zoo"
	"github.com/qkvgo/qkv/zoo/zootest"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// folder is the folder of a tiny model.
func folder(t *testing.T, kind string) string {
	t.Helper()
	dir := t.TempDir()
	if err := zootest.Make(kind, dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// pets is a set that a model of the words of zootest can learn.
func pets() string {
	var b strings.Builder
	b.WriteString("text,label\n")
	for i := range 48 {
		who, class := "cat", "feline"
		if i%2 == 1 {
			who, class = "dog", "canine"
		}
		fmt.Fprintf(&b, "the %s %s%s,%s\n", who, []string{"sat", "ran", "slept"}[i/2%3], strings.Repeat(" home", i/6), class)
	}
	return b.String()
}

// A pretrained network gets a head, learns a CSV file, and is saved as a folder
// that opens again to the same scores, and that the tasks open too.
func TestRun(t *testing.T) {
	o := Defaults()
	o.Model, o.Train, o.Share, o.Final, o.Out = folder(t, "bert-classifier"), []string{write(t, "pets.csv", pets())}, 8, 0.25, filepath.Join(t.TempDir(), "out")
	no := 0.0
	o.Epochs, o.Rate, o.Batch, o.Dropout = 30, 0.01, 4, &no
	var log []string
	o.Watch = func(e train.Event) { log = append(log, e.Message) }
	out, err := o.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer out.Model.Close()
	if out.Sizes != [3]int{28, 8, 12} {
		t.Errorf("split into %v", out.Sizes)
	}
	if want := (data.Labels{"canine", "feline"}); !slices.Equal(out.Labels, want) {
		t.Errorf("labels %v", out.Labels)
	}
	if f, _ := out.Test.Figure("accuracy"); f < 0.75 {
		t.Errorf("accuracy %v:\n%s", f, out.Test)
	}
	if !strings.Contains(log[0], "BertForSequenceClassification") || !strings.Contains(log[0], "28 examples to learn, 8 to judge on, 12 to test on; new: 2") {
		t.Errorf("log %q", log)
	}
	again, err := Load(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	e, _, err := Columns{}.Read(o.Train...)
	if err != nil {
		t.Fatal(err)
	}
	a, err := out.Model.Predict(t.Context(), e, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := again.Predict(t.Context(), e, nil)
	if err != nil || !reflect.DeepEqual(a.Logits, b.Logits) {
		t.Errorf("the saved folder gives other scores (%v)", err)
	}
	var config map[string]any
	raw, err := os.ReadFile(filepath.Join(o.Out, "config.json"))
	if err := errors.Join(err, json.Unmarshal(raw, &config)); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(config["id2label"], " ", config["label2id"], " ", config["architectures"], config["problem_type"]) !=
		"map[0:canine 1:feline] map[canine:0 feline:1] [BertForSequenceClassification]single_label_classification" {
		t.Errorf("config.json: %s", raw)
	}
	for _, name := range []string{"report.json", "finetune.yaml", "log.jsonl", "tokenizer.json"} {
		if _, err := os.Stat(filepath.Join(o.Out, name)); err != nil {
			t.Error(err)
		}
	}
	if boards, _ := filepath.Glob(filepath.Join(o.Out, "runs", "events*")); len(boards) != 1 {
		t.Errorf("event files %q", boards)
	}
	// The file of options makes the same model again.
	var repeat Options
	raw, err = os.ReadFile(filepath.Join(o.Out, "finetune.yaml"))
	if err := errors.Join(err, ReadConfig(raw, &repeat)); err != nil {
		t.Fatal(err)
	}
	repeat.Out = ""
	twin, err := repeat.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer twin.Model.Close()
	c, err := twin.Model.Predict(t.Context(), e, nil)
	if err != nil || !reflect.DeepEqual(a.Logits, c.Logits) {
		t.Errorf("the run of its options gives other scores (%v)", err)
	}
	// A folder with a run is not written over.
	if _, err := o.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "holds a run already") {
		t.Errorf("a second run: %v", err)
	}
}

// A run that is stopped goes on to the bits of one that was not.
func TestResume(t *testing.T) {
	o := Defaults()
	o.Model, o.Train, o.Share = folder(t, "bert"), []string{write(t, "pets.csv", pets())}, 8
	o.Epochs, o.Rate, o.Batch = 2, 0.01, 8
	whole := o
	whole.Out = filepath.Join(t.TempDir(), "whole")
	a, err := whole.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Model.Close()
	o.Out = filepath.Join(t.TempDir(), "parts")
	ctx, cancel := context.WithCancel(t.Context())
	o.Watch = func(e train.Event) {
		if e.Record != nil && e.Record.Step == 4 {
			cancel()
		}
	}
	var stopped *train.Stopped
	if _, err := o.Run(ctx); !errors.As(err, &stopped) || stopped.Step != 4 {
		t.Fatalf("stopped: %v", err)
	}
	o.Watch, o.Resume = nil, true
	// Other examples, or another size of batches, are another run.
	other := o
	other.Batch = 4
	if _, err := other.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "per_device_train_batch_size was 8, now 4") {
		t.Errorf("another batch: %v", err)
	}
	b, err := o.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Model.Close()
	x, err := os.ReadFile(filepath.Join(whole.Out, "model.safetensors"))
	y, err2 := os.ReadFile(filepath.Join(o.Out, "model.safetensors"))
	if err != nil || err2 != nil || !bytes.Equal(x, y) {
		t.Errorf("stopped and taken up, the weights differ (%v, %v)", err, err2)
	}
}

// Every kind of task learns from its own form of data.
func TestTasks(t *testing.T) {
	conll := strings.Repeat("the O\ncat B-pet\nsat O\n\nthe O\ndog B-pet\nran O\nhome B-place\n\n", 6)
	numbers, several := "text\tlabel\n", "text\tlabel\n"
	for i := range 24 {
		n := i % 4
		numbers += fmt.Sprintf("the cat%s\t%d\n", strings.Repeat(" ran", n), n)
		several += fmt.Sprintf("%s\t%s\n", []string{"the cat", "the dog", "cat dog", "home"}[n], []string{"feline", "canine", "canine+feline", ""}[n])
	}
	for _, c := range []struct {
		name, model string
		columns     Columns
		scratch     Scratch
		file        string
		figure      string
		least       float64
	}{
		{"tags", "bert-masked", Columns{}, Scratch{}, write(t, "x.conll", conll), "span F1", 1},
		{"tags from nothing", "", Columns{}, Scratch{Kind: "transformer", Width: 16, Layers: 1, Tokens: "words"}, write(t, "x.conll", conll), "span F1", 1},
		{"numbers", "bert-labels", Columns{Task: "regression"}, Scratch{}, write(t, "x.tsv", numbers), "Pearson", 0.9},
		{"several labels", "bert", Columns{Separator: "+"}, Scratch{}, write(t, "x.tsv", several), "micro F1", 0.75},
		{"several from nothing", "", Columns{Separator: "+"}, Scratch{Kind: "transformer", Width: 32, Layers: 1, Tokens: "words"}, write(t, "x.tsv", several), "micro F1", 0.75},
		{"tf-idf", "", Columns{}, Scratch{Kind: "tfidf", C: 100}, write(t, "x.csv", pets()), "accuracy", 1},
		{"llama", "llama", Columns{}, Scratch{}, write(t, "x.csv", pets()), "accuracy", 0.9},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Defaults()
			o.Model, o.Scratch, o.Columns = c.model, c.scratch, c.columns
			if c.model != "" {
				o.Model = folder(t, c.model)
			}
			o.Train, o.Test = []string{c.file}, []string{c.file}
			o.Epochs, o.Rate, o.Batch = 40, 0.01, 4
			no := 0.0
			o.Training.Schedule, o.Dropout = "constant", &no
			out, err := o.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer out.Model.Close()
			if f, ok := out.Test.Figure(c.figure); !ok || f < c.least {
				t.Errorf("%s is %v (%v):\n%s", c.figure, f, ok, out.Test)
			}
		})
	}
}

// Adapters learn in place of the weights and go into them in the end; a teacher's
// scores are learnt beside the labels.
func TestAdaptersAndTeacher(t *testing.T) {
	csv := write(t, "pets.csv", pets())
	o := Defaults()
	o.Model, o.Train, o.Share, o.Out = folder(t, "bert-classifier"), []string{csv}, 8, filepath.Join(t.TempDir(), "teacher")
	o.Epochs, o.Rate, o.Batch = 2, 0.01, 8
	out, err := o.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out.Model.Close()
	o.Teacher, o.Out = o.Out, ""
	taught, err := o.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	taught.Model.Close()
	o.LoRA = &lora.Config{Rank: 2}
	o.Teacher, o.Out = "", filepath.Join(t.TempDir(), "merged")
	if out, err = o.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer out.Model.Close()
	merged, err := Load(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	defer merged.Close()
	e, _, err := Columns{}.Read(csv)
	if err != nil {
		t.Fatal(err)
	}
	a, err := out.Model.Predict(t.Context(), e, nil)
	b, err2 := merged.Predict(t.Context(), e, nil)
	if err != nil || err2 != nil || !reflect.DeepEqual(a.Logits, b.Logits) {
		t.Errorf("merged adapters give other scores once saved (%v, %v)", err, err2)
	}
	o.LoRA, o.Out, o.Teacher = nil, "", folder(t, "bert-labels")
	if _, err := o.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "is no teacher of this task") {
		t.Errorf("a teacher of another task: %v", err)
	}
}

// Pictures in folders of their classes, on disk and in a zip file.
func TestPictures(t *testing.T) {
	dir, archive := t.TempDir(), filepath.Join(t.TempDir(), "p.zip")
	f, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for i := range 12 {
		class := []string{"dark", "light"}[i%2]
		img := image.NewGray(image.Rect(0, 0, 8, 8))
		for p := range img.Pix {
			img.Pix[p] = byte(200*(i%2) + i + p%7)
		}
		var b bytes.Buffer
		if err := errors.Join(png.Encode(&b, img), os.MkdirAll(filepath.Join(dir, class), 0o777)); err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("%s/%d.png", class, i)
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Write(b.Bytes())
		if err := errors.Join(err, os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	o := Defaults()
	o.Model, o.Train, o.Test, o.Share, o.Out = folder(t, "vit"), []string{dir}, []string{archive}, 0.25, filepath.Join(t.TempDir(), "out")
	o.Epochs, o.Rate, o.Batch = 8, 0.01, 4
	out, err := o.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer out.Model.Close()
	if accuracy, _ := out.Test.Figure("accuracy"); accuracy != 1 || out.Sizes != [3]int{9, 3, 12} {
		t.Errorf("accuracy %v, sizes %v", accuracy, out.Sizes)
	}
	again, err := Load(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Processor == nil || again.Labels[1] != "light" {
		t.Errorf("labels %v", again.Labels)
	}
}

// What makes no sense is refused, and named.
func TestRefused(t *testing.T) {
	csv := write(t, "x.csv", pets())
	conll := write(t, "x.conll", "the O\ncat B-pet\n")
	for _, c := range []struct {
		model string
		with  func(o *Options)
		want  string
	}{
		{"", func(o *Options) { o.Train = []string{csv} }, "say what to start from"},
		{"bert", func(o *Options) { o.Train = []string{csv}; o.Kind = "lstm" }, "say what to start from"},
		{"bert", func(o *Options) {}, "no examples to learn from"},
		{"bert", func(o *Options) { o.Train = []string{"none.csv"} }, "none.csv"},
		{"bert", func(o *Options) { o.Train = []string{csv}; o.Columns.Label = "colour" }, "colour"},
		{"bert", func(o *Options) { o.Train = []string{csv}; o.Task = "poetry" }, `task "poetry": have classes`},
		{"bert", func(o *Options) { o.Train = []string{csv}; o.Task = "regression" }, `"feline" is not a number`},
		{"bert", func(o *Options) { o.Train = []string{csv}; o.Task = "tags" }, "x.csv"},
		{"vit", func(o *Options) { o.Train = []string{csv} }, "takes pictures, not texts"},
		{"vit", func(o *Options) { o.Train = []string{conll} }, "has no head for token_classification"},
		{"bert", func(o *Options) { o.Train = []string{csv}; o.Metric = "beauty"; o.Share = 8 }, "beauty"},
		{"bert", func(o *Options) { o.Train = []string{csv}; o.Optimizer = "magic" }, "magic"},
		{"", func(o *Options) { o.Train = []string{csv}; o.Kind = "poem" }, `"poem": have bag`},
	} {
		var o Options
		if c.model != "" {
			o.Model = folder(t, c.model)
		}
		o.Epochs = 1
		c.with(&o)
		if out, err := o.Run(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: have %v and %v", c.want, out, err)
		}
	}
	if _, err := Load(folder(t, "gpt2")); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a language model as a classifier: %v", err)
	}
}

// Keys of options are different from each other, files hold them all, and what is
// written is read back.
func TestConfig(t *testing.T) {
	o := Defaults()
	keys := map[string]bool{}
	for i, f := range Fields(&o) {
		if keys[f.Key] {
			t.Errorf("the key %s is there twice", f.Key)
		}
		keys[f.Key] = true
		switch v := f.Value; v.Interface().(type) {
		case string:
			v.SetString(fmt.Sprint("x: #", i))
		case bool:
			v.SetBool(true)
		case int:
			v.SetInt(int64(i))
		case uint64:
			v.SetUint(math.MaxUint64)
		case float64:
			v.SetFloat(1e-5 * float64(i))
		case []string:
			v.Set(reflect.ValueOf([]string{"a", "- b"}))
		case []int:
			v.Set(reflect.ValueOf([]int{1, i}))
		case *float64:
			x := float64(i)
			v.Set(reflect.ValueOf(&x))
		case *bool:
			x := false
			v.Set(reflect.ValueOf(&x))
		case *lora.Config:
			v.Set(reflect.ValueOf(&lora.Config{Rank: 4, Alpha: 16}))
		case []train.Group:
			v.Set(reflect.ValueOf([]train.Group{{Pattern: "*.bias", Rate: 2}}))
		default:
			t.Errorf("%s is a %s", f.Key, v.Type())
		}
	}
	var b bytes.Buffer
	o.Command = "qkv finetune"
	if err := WriteConfig(&b, o); err != nil {
		t.Fatal(err)
	}
	var again Options
	if err := ReadConfig(b.Bytes(), &again); err != nil {
		t.Fatalf("%v:\n%s", err, &b)
	}
	if again.Command = o.Command; !reflect.DeepEqual(o, again) {
		t.Errorf("written %+v, read %+v", o, again)
	}
	var spelled Options
	if err := ReadConfig([]byte(`{"train": ["a.csv"], "seed": 3, "peft_config": {"r": 4}}`), &spelled); err != nil || spelled.Seed != 3 || spelled.LoRA.Rank != 4 {
		t.Errorf("as JSON: %+v, %v", spelled, err)
	}
	for _, wrong := range []string{"modell: x", "seed: much", "train: 7", "- a", "{"} {
		if err := ReadConfig([]byte(wrong), &again); err == nil {
			t.Errorf("%q is read", wrong)
		}
	}
}

// Whatever scratch makes can be asked for, but for what a run says otherwise.
func TestScratchOptions(t *testing.T) {
	var o Options
	have := map[string]bool{"kind": true, "task": true, "length": true, "seed": true, "dropout": true, "untied": true}
	for _, f := range Fields(&o) {
		have[f.Key] = true
	}
	for f := range reflect.TypeFor[scratch.Options]().Fields() {
		if key := f.Tag.Get("json"); !have[key] {
			t.Errorf("no option for scratch's %s", key)
		}
	}
}

// The figures are those of package eval; two models are held against each other.
func TestCompare(t *testing.T) {
	want := []int{0, 1, 1, 0, 1, 1, 0, 1}
	report := func(right int) *Report {
		r := &Report{Kind: batch.Classes, Labels: data.Labels{"a", "b"}, Examples: len(want), rounds: 100}
		p := &batch.Predictions{Kind: batch.Classes, Labels: r.Labels}
		for i, c := range want {
			if i >= right {
				c = 1 - c
			}
			p.Logits = append(p.Logits, []float32{float32(1 - c), float32(c)})
		}
		if err := r.classes(want, p); err != nil {
			t.Fatal(err)
		}
		return r
	}
	a, b := report(4), report(7)
	if f, _ := b.Figure("accuracy"); f != 7./8 {
		t.Errorf("accuracy %v", f)
	}
	c, err := Compare(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if c.Paired.Difference.Point != 3./8 || c.McNemar.OnlySecond != 3 || c.McNemar.OnlyFirst != 0 || math.Abs(c.McNemar.Exact-0.25) > 1e-12 {
		t.Errorf("have %+v, %+v", c.Paired, c.McNemar)
	}
	for _, part := range []string{"accuracy", "macro F1", "ROC AUC", "Brier", "want \\ got"} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("the report has no %s:\n%s", part, b)
		}
	}
	b.Examples = 3
	if _, err := Compare(a, b); err == nil {
		t.Error("reports on different sets are compared")
	}
}

// What is saved has the names, shapes and keys that the reference's own class
// writes, whatever folder it was made from.
func TestReferenceNames(t *testing.T) {
	shared := "../../shared/golden/core/"
	if _, err := os.Stat(shared); err != nil {
		t.Skip("no ../shared beside the checkout")
	}
	for _, c := range []struct {
		name string
		kind batch.Kind
		from []string
	}{
		{"bert-seqcls", batch.Classes, []string{"bert-seqcls", "bert-base", "bert-mlm"}},
		{"bert-tokcls", batch.Tags, []string{"bert-tokcls", "bert-base"}},
		{"gpt2-seqcls", batch.Classes, []string{"gpt2-seqcls", "gpt2-lm-eos"}},
		{"llama-seqcls", batch.Classes, []string{"llama-seqcls", "llama-mha"}},
	} {
		reference, err := zoo.Open(shared + c.name)
		if err != nil {
			t.Fatal(err)
		}
		defer reference.Close()
		labels := data.Labels{}
		if l, ok := reference.Model.(model.Labelled); ok {
			for i := range l.ClassLabels().Count() {
				labels = append(labels, l.ClassLabels().Name(i))
			}
		}
		for _, from := range c.from {
			var m *Model
			if m, err = open(shared+from, Task{Kind: c.kind, Labels: labels}); err != nil {
				t.Errorf("%s from %s: %v", c.name, from, err)
				continue
			}
			dir := t.TempDir()
			if err := checkpoint.Save(dir, m.Model, m.Config); err != nil {
				t.Fatal(err)
			}
			m.Close()
			saved, err := checkpoint.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			have, want := names(saved.Weights), names(reference.Folder.Weights)
			if c.kind != batch.Tags && from == c.name && !maps.EqualFunc(have, want, slices.Equal[[]int]) {
				t.Errorf("%s from %s: have %v, want %v", c.name, from, have, want)
			}
			if a, b := slices.Sorted(maps.Keys(have)), slices.Sorted(maps.Keys(want)); c.name[:4] == from[:4] && sameDepth(saved.Config, reference.Folder.Config) && !slices.Equal(a, b) {
				t.Errorf("%s from %s: have %v, want %v", c.name, from, a, b)
			}
			saved.Close()
		}
	}
	// A family without a page says so.
	if _, err := Open("../../shared/data/weights/albert-trec", Task{Kind: batch.Classes, Labels: data.Labels{"a", "b"}}); err == nil {
		t.Log("ALBERT has a page by now: hold its names against the trained folder here")
	} else if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("albert-trec: %v", err)
	}
}

// names are the shapes of a file's arrays.
func names(f *safetensors.File) map[string][]int {
	all := map[string][]int{}
	for x := range f.All() {
		all[x.Name] = x.Shape
	}
	return all
}

// sameDepth says whether two configs have as many layers.
func sameDepth(a, b []byte) bool {
	layers := func(raw []byte) string {
		var c map[string]any
		_ = json.Unmarshal(raw, &c)
		return fmt.Sprint(c["num_hidden_layers"], c["n_layer"], c["attention_bias"], c["tie_word_embeddings"])
	}
	return layers(a) == layers(b)
}

package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/token"
	"github.com/qkvgo/qkv/zoo"
)

// fables writes a text that is easy to learn, and gives its file.
func fables(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	animals, verbs := []string{"fox", "crow", "lion", "mouse"}, []string{"saw", "met", "helped", "fled from"}
	for i := range 120 {
		fmt.Fprintf(&text, "The %s %s the %s.\n", animals[i%4], verbs[i/4%4], animals[(i/16+i+1)%4])
		if i%10 == 9 {
			text.WriteString("<|endoftext|>\n")
		}
	}
	path := filepath.Join(t.TempDir(), "fables.txt")
	if err := os.WriteFile(path, []byte(text.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// small is a training of seconds.
func small(t *testing.T, arch, text string) LM {
	return LM{Texts: []string{text}, Validation: []string{text}, Arch: arch, Layers: 2, Width: 16, Heads: 2, Context: 12, Vocab: 290,
		Tied: true, Steps: 12, Batch: 4, Rate: 1e-2, LeastRate: 1e-3, Warmup: 2, Beta2: 0.95, Decay: 0.1, Clip: 1, Dropout: 0.1, Seed: 4,
		EvalEvery: 5, EvalWindows: 4, Out: filepath.Join(t.TempDir(), "out")}
}

func weights(t *testing.T, dir string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// The folder that a training leaves is a model like any other, and says what it
// was made from.
func TestLMWritesModelFolder(t *testing.T) {
	for _, arch := range []string{"llama", "gpt2"} {
		o := small(t, arch, fables(t))
		o.Store, o.Steps, o.Command = nn.BF16, 40, "qkv train lm fables.txt"
		if arch == "llama" {
			o.KVHeads, o.Tied = 1, false
		}
		if err := o.Train(t.Context()); err != nil {
			t.Fatal(arch, err)
		}
		m, err := zoo.Open(o.Out)
		if err != nil {
			t.Fatal(arch, err)
		}
		for name, w := range nn.Params(m.Model) {
			if w.DType() != nn.BF16 {
				t.Errorf("%s: %s is stored as %v", arch, name, w.DType())
			}
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		tok, err := token.Open(os.DirFS(o.Out))
		if err != nil {
			t.Fatal(err)
		}
		if tok.VocabSize() != o.Vocab || tok.Special.EOS != 0 || tok.MaxLength != o.Context {
			t.Errorf("%s: a tokenizer of %d tokens, end %d, length %d", arch, tok.VocabSize(), tok.Special.EOS, tok.MaxLength)
		}
		raw, err := os.ReadFile(filepath.Join(o.Out, recordFile))
		if err != nil {
			t.Fatal(err)
		}
		var record training
		if err := json.Unmarshal(raw, &record); err != nil {
			t.Fatal(err)
		}
		if record.Command != o.Command || len(record.Data) != 1 || record.Data[0].Name != "fables.txt" || len(record.Data[0].SHA256) != 64 ||
			record.Options.Seed != o.Seed || record.Documents != 12 || record.Seen != 40*4*12 {
			t.Errorf("%s: record %+v", arch, record)
		}
		first, last := record.Curve[0], record.Curve[len(record.Curve)-1]
		if last.Step != 40 || record.Final == nil || record.Final.Loss > first.Loss-1 || record.Final.Labels != record.Tokens-1 {
			t.Errorf("%s: final %+v after %+v", arch, record.Final, record.Curve)
		}
		records, err := readLog(filepath.Join(o.Out, logFile))
		if err != nil || len(records) != 40 || records[4].ValLoss == 0 || records[5].ValLoss != 0 || records[39].BitsPerByte == 0 {
			t.Errorf("%s: log %+v, %v", arch, records, err)
		}
	}
}

// Whatever computes, and wherever it stops in between, the file is the same.
func TestLMSameFile(t *testing.T) {
	text := fables(t)
	o := small(t, "llama", text)
	o.KVHeads = 1
	if err := o.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := weights(t, o.Out)
	for i, set := range kernel.Sets() {
		dev := cpu.New(cpu.Options{Threads: 1 + i, Kernels: set})
		o.Device, o.Out = dev, filepath.Join(t.TempDir(), "out")
		if err := o.Train(t.Context()); err != nil {
			t.Fatal(err)
		}
		if weights(t, o.Out) != want {
			t.Errorf("%s on %d threads gives another file", set.Name, 1+i)
		}
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	}

	o.Device, o.Out, o.SaveEvery = nil, filepath.Join(t.TempDir(), "out"), 4
	enough := errors.New("enough")
	for _, stop := range []int{3, 9} {
		ctx, cancel := context.WithCancelCause(t.Context())
		o.Watch = func(e Event) {
			if e.Record != nil && e.Record.Step == stop {
				cancel(enough)
			}
		}
		err := o.Train(ctx)
		var stopped *Stopped
		if !errors.As(err, &stopped) || stopped.Step != stop || !errors.Is(err, enough) {
			t.Fatalf("stopped with %v", err)
		}
		if stop == 3 {
			if err := o.Train(t.Context()); err == nil {
				t.Fatal("started anew over a run")
			}
		}
		o.Resume = true
	}
	o.Watch = nil
	other := o
	other.Rate = 2e-2
	if err := other.Train(t.Context()); err == nil || !strings.Contains(err.Error(), "lr was 0.01, now 0.02") {
		t.Errorf("went on with another rate: %v", err)
	}
	if err := o.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	if weights(t, o.Out) != want {
		t.Error("a run stopped twice gives another file")
	}
	records, err := readLog(filepath.Join(o.Out, logFile))
	if err != nil || len(records) != o.Steps {
		t.Errorf("%d steps in the log, %v", len(records), err)
	}
	for i, r := range records {
		if r.Step != i+1 {
			t.Errorf("line %d of the log is step %d", i+1, r.Step)
		}
	}
}

func TestLMRefuses(t *testing.T) {
	text := fables(t)
	for name, spoil := range map[string]func(*LM){
		"arch":       func(o *LM) { o.Arch = "bert" },
		"heads":      func(o *LM) { o.Heads = 3 },
		"kv heads":   func(o *LM) { o.KVHeads = 4 },
		"gpt2 kv":    func(o *LM) { o.Arch, o.KVHeads = "gpt2", 1 },
		"batch":      func(o *LM) { o.Batch = 0 },
		"accumulate": func(o *LM) { o.Accumulate = 3 },
		"no file":    func(o *LM) { o.Texts = []string{"none.txt"} },
		"vocab":      func(o *LM) { o.Vocab = 100 },
		"context":    func(o *LM) { o.Context = 100000 },
		"tokenizer":  func(o *LM) { o.Tokenizer = t.TempDir() },
		"store":      func(o *LM) { o.Store = nn.F16 },
	} {
		o := small(t, "llama", text)
		spoil(&o)
		if err := o.Train(t.Context()); err == nil {
			t.Errorf("%s: trained", name)
		}
		if entries, _ := os.ReadDir(o.Out); len(entries) > 0 {
			t.Errorf("%s: left %v", name, entries)
		}
	}
}

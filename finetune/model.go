package finetune

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/batch"
	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/internal/atomicfile"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/pixel"
	"github.com/qkvgo/qkv/token"
	"github.com/qkvgo/qkv/zoo"
)

// Model is a network with the head of a task, and what turns examples into rows.
type Model struct {
	model.Model
	Architecture string
	Config       []byte           // config.json
	Kind         batch.Kind       // what it is asked
	Labels       data.Labels      // classes by number; nil for regression
	Tokenizer    *token.Tokenizer // nil for pictures
	Processor    *pixel.Processor // nil for texts
	MaxLength    int              // tokens of a text; what is beyond is cut off. 0: no limit
	Fresh        []string         // parameters that the folder did not have: the new head's
	Device       device.Device    // nil: the machine's cores
	Precision    nn.Precision     // of projections, in predictions

	files map[string][]byte // that go along as they are
	close func() error
}

// kept are files of a folder that Save copies.
var kept = []string{"preprocessor_config.json", "special_tokens_map.json", "vocab.txt", "vocab.json", "merges.txt"}

// Load opens the folder of a model that has its task already.
func Load(dir string) (*Model, error) {
	loaded, err := zoo.Open(dir)
	if err != nil {
		return nil, err
	}
	m := &Model{Model: loaded.Model, Architecture: loaded.Architecture, Config: loaded.Folder.Config, close: loaded.Close}
	if err := m.describe(); err == nil {
		err = m.openFiles(dir)
		if err == nil {
			return m, nil
		}
		loaded.Close()
		return nil, err
	} else {
		loaded.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
}

// describe reads off the config what the model is asked.
func (m *Model) describe() error {
	var c struct{ model.Labels }
	if err := json.Unmarshal(m.Config, &c); err != nil {
		return fmt.Errorf("%s: %w", checkpoint.ConfigName, err)
	}
	m.Kind = batch.Classes
	switch {
	case strings.HasSuffix(m.Architecture, "ForTokenClassification"):
		m.Kind = batch.Tags
	case c.ProblemType == string(batch.Labels):
		m.Kind = batch.Labels
	case c.ProblemType == string(batch.Regression) || c.ProblemType == "" && c.Count() == 1:
		m.Kind = batch.Regression
		return nil
	default:
		if _, ok := m.Model.(model.Labelled); !ok {
			return &checkpoint.Unsupported{What: m.Architecture + " has no classes: give it a head with qkv finetune"}
		}
	}
	for i := range c.Count() {
		m.Labels = append(m.Labels, c.Name(i))
	}
	return nil
}

// openFiles opens what stands beside the weights.
func (m *Model) openFiles(dir string) (err error) {
	m.files = map[string][]byte{}
	for _, name := range kept {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			m.files[name] = raw
		} else if !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if _, ok := m.Model.(model.Vision); ok {
		m.Processor, err = pixel.OpenProcessor(os.DirFS(dir))
	} else {
		m.Tokenizer, err = token.Open(os.DirFS(dir))
		if err == nil {
			m.MaxLength = zoo.Positions(m.Model)
			if n := m.Tokenizer.MaxLength; n > 0 && (m.MaxLength == 0 || n < m.MaxLength) {
				m.MaxLength = n
			}
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	return nil
}

// Task is the head that a network is to get.
type Task struct {
	Kind    batch.Kind
	Labels  data.Labels // classes by number; nil for regression
	Seed    uint64      // of the head's first values
	Dropout *float64    // takes the place of every dropout rate in the config; nil: they stay
}

// endings are how architectures with a head for a task end, texts' before
// pictures'.
func (t Task) endings() []string {
	if t.Kind == batch.Tags {
		return []string{"ForTokenClassification"}
	}
	return []string{"ForSequenceClassification", "ForImageClassification"}
}

// Open opens the folder of a network, pretrained or fine-tuned before, and gives
// it the head of a task. Parameters that the folder has keep its values; those of
// a new head are drawn as the reference draws them.
func Open(dir string, t Task) (*Model, error) {
	m, err := open(dir, t)
	if err != nil {
		return nil, err
	}
	if err := m.openFiles(dir); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// open is Open without what stands beside the weights.
func open(dir string, t Task) (_ *Model, err error) {
	t.Kind = cmp.Or(t.Kind, batch.Classes)
	config, err := checkpoint.Config(os.DirFS(dir), dir)
	if err != nil {
		return nil, err
	}
	var c struct {
		Architectures []string `json:"architectures"`
		Std           *float64 `json:"initializer_range"`
	}
	if err := json.Unmarshal(config, &c); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", dir, checkpoint.ConfigName, err)
	}
	if len(c.Architectures) == 0 {
		return nil, fmt.Errorf("%s: %s names no architecture", dir, checkpoint.ConfigName)
	}
	architecture, ok := "", false
	for _, ending := range t.endings() {
		if architecture, ok = zoo.Sibling(c.Architectures[0], ending); ok {
			break
		}
	}
	if !ok {
		return nil, &checkpoint.Unsupported{What: fmt.Sprintf("%s is a %s, whose family has no head for %s", dir, c.Architectures[0], t.Kind)}
	}
	if config, err = t.config(config, architecture); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	loaded, fresh, err := zoo.OpenBody(dir, config)
	if err != nil {
		return nil, err
	}
	m := &Model{Model: loaded.Model, Architecture: architecture, Config: config, Kind: t.Kind, Labels: t.Labels, Fresh: fresh, close: loaded.Close}
	std := 0.02
	if c.Std != nil {
		std = *c.Std
	}
	for name, w := range nn.Params(m.Model) {
		if w.Name = name; !slices.Contains(fresh, name) {
			continue
		}
		switch {
		case len(w.Shape) > 1:
			nn.InitNormal(w, float32(std), t.Seed)
		case strings.HasSuffix(name, "weight"):
			nn.InitOnes(w)
		default:
			nn.InitZeros(w)
		}
	}
	return m, nil
}

// config is a config.json with the task's head in place of its own.
func (t Task) config(config []byte, architecture string) ([]byte, error) {
	var c map[string]any
	if err := json.Unmarshal(config, &c); err != nil {
		return nil, fmt.Errorf("%s: %w", checkpoint.ConfigName, err)
	}
	t.set(c, architecture)
	raw, err := json.MarshalIndent(c, "", "  ")
	return append(raw, '\n'), err
}

// set writes the keys of the head into a config.
func (t Task) set(c map[string]any, architecture string) {
	c["architectures"] = []string{architecture}
	delete(c, "num_labels")
	delete(c, "_num_labels")
	delete(c, "problem_type")
	c["torch_dtype"] = "float32" // training widens
	delete(c, "dtype")
	switch t.Kind {
	case batch.Regression:
		c["id2label"], c["label2id"] = map[string]string{"0": "LABEL_0"}, map[string]int{"LABEL_0": 0}
	default:
		c["id2label"], c["label2id"] = t.Labels.ID2Label(), t.Labels.Label2ID()
	}
	if t.Kind != batch.Tags {
		c["problem_type"] = string(t.Kind)
	}
}

// Close unmaps the weights of a folder; no pass may use the model after it.
func (m *Model) Close() error {
	if m.close == nil {
		return nil
	}
	return m.close()
}

// Save writes the model into the folder dir as Hugging Face has it: config.json,
// model.safetensors, the tokenizer or the way to prepare pictures.
func (m *Model) Save(dir string) error {
	if err := checkpoint.Save(dir, m.Model, m.Config); err != nil {
		return err
	}
	return m.saveFiles(dir)
}

// saveFiles writes what stands beside the weights.
func (m *Model) saveFiles(dir string) error {
	for name, raw := range m.files {
		err := atomicfile.Write(filepath.Join(dir, name), func(w io.Writer) error {
			_, err := w.Write(raw)
			return err
		})
		if err != nil {
			return err
		}
	}
	if m.Tokenizer != nil {
		return m.Tokenizer.Save(dir)
	}
	return nil
}

// set encodes examples for the model.
func (m *Model) set(ctx context.Context, e Examples, bare bool) (*batch.Set, error) {
	o := batch.TextOptions{Tokenizer: m.Tokenizer, MaxLength: m.MaxLength, Kind: m.Kind, Labels: m.Labels, Bare: bare}
	switch {
	case m.Processor != nil && e.Pictures != nil:
		labels := m.Labels
		if bare {
			labels = nil
		}
		return batch.Pictures(e.Pictures, m.Processor, labels)
	case m.Processor != nil:
		return nil, &checkpoint.Unsupported{What: m.Architecture + " takes pictures, not texts"}
	case e.Pictures != nil:
		return nil, &checkpoint.Unsupported{What: m.Architecture + " takes texts, not pictures"}
	case m.Kind == batch.Tags && e.Sentences != nil:
		return batch.Sentences(ctx, e.Sentences, o)
	case m.Kind == batch.Tags:
		return nil, fmt.Errorf("%s tags words: give sentences in the form of CoNLL (.conll, a word and its tag a line)", m.Architecture)
	case e.Sentences != nil:
		return nil, &checkpoint.Unsupported{What: m.Architecture + " classifies whole texts, not words"}
	}
	return batch.Texts(ctx, e.Texts, o)
}

// Predict runs the model over examples; labels that they have are not read.
func (m *Model) Predict(ctx context.Context, e Examples, passed func(examples, rows int)) (*batch.Predictions, error) {
	s, err := m.set(ctx, e, true)
	if err != nil {
		return nil, err
	}
	return m.predict(ctx, s, passed)
}

func (m *Model) predict(ctx context.Context, s *batch.Set, passed func(examples, rows int)) (*batch.Predictions, error) {
	return batch.Predict(ctx, m.Model, s, batch.PredictOptions{Device: m.Device, Precision: m.Precision, Passed: passed})
}

// Evaluate runs the model over labelled examples and reports how good it is.
func (m *Model) Evaluate(ctx context.Context, e Examples) (*Report, error) {
	s, err := m.set(ctx, e, false)
	if err != nil {
		return nil, err
	}
	p, err := m.predict(ctx, s, nil)
	if err != nil {
		return nil, err
	}
	return NewReport(s, p)
}

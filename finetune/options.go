package finetune

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/batch"
	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/internal/atomicfile"
	"github.com/qkvgo/qkv/internal/tfevents"
	"github.com/qkvgo/qkv/scratch"
	"github.com/qkvgo/qkv/train"
)

// Options are all that a run of fine-tuning is asked, and what its configuration
// file holds. The files, the folder Model and the fields that decide the result
// decide it to the last bit.
type Options struct {
	Model    string   `json:"model,omitempty"` // folder to start from; empty with Kind
	Scratch           // from_scratch and the sizes of what is made
	Train    []string `json:"train"`                // files to learn from
	Dev      []string `json:"dev,omitempty"`        // files to judge on during the run
	Test     []string `json:"test,omitempty"`       // files to judge the result on
	Share    float64  `json:"dev_share,omitempty"`  // of Train for judging where Dev is empty: a fraction below 1 or a number of rows
	Final    float64  `json:"test_share,omitempty"` // of Train for the last judgement where Test is empty
	Columns           // what in the files are examples
	Training          // how the model is fitted
	Teacher  string   `json:"teacher,omitempty"`    // folder of a model of the same task, from whose scores is learnt too
	Merge    bool     `json:"merge"`                // adapters (peft_config) are added to the weights in the end
	Length   int      `json:"max_length,omitempty"` // tokens of an example at most; 0: as many as the model has positions for
	Save     int      `json:"save_steps,omitempty"` // steps between checkpoints; 0: only where the run stops
	Board    bool     `json:"tensorboard"`          // event files for TensorBoard in the folder runs
	Out      string   `json:"output_dir,omitempty"` // folder of the result

	Resume  bool   `json:"-"`
	Command string `json:"-"` // for the record
	Version string `json:"-"` // of the program, for the record
	// Watch is told what goes on; nil: nobody listens.
	Watch func(train.Event) `json:"-"`
}

// Scratch is scratch.Options as fields of a run.
type Scratch struct {
	Kind          string  `json:"from_scratch,omitempty"` // one of scratch.Kinds
	Tokens        string  `json:"tokens,omitempty"`
	Vocab         int     `json:"vocab,omitempty"`
	MinFrequency  int     `json:"min_frequency,omitempty"`
	Cased         bool    `json:"cased,omitempty"`
	NGrams        int     `json:"ngrams,omitempty"`
	Buckets       int     `json:"buckets,omitempty"`
	MinDocuments  int     `json:"min_documents,omitempty"`
	MaxFeatures   int     `json:"max_features,omitempty"`
	C             float64 `json:"c,omitempty"`
	Width         int     `json:"width,omitempty"`
	Layers        int     `json:"layers,omitempty"`
	Pooling       string  `json:"pooling,omitempty"`
	Bidirectional bool    `json:"bidirectional,omitempty"`
	ForgetBias    float64 `json:"forget_bias,omitempty"`
	Filters       int     `json:"filters,omitempty"`
	Widths        []int   `json:"widths,omitempty"`
	Positions     string  `json:"positions,omitempty"`
	Norm          string  `json:"norm,omitempty"`
	FFN           string  `json:"ffn,omitempty"`
	Inner         int     `json:"ffn_width,omitempty"`
	Attention     string  `json:"attention,omitempty"`
	Reach         int     `json:"window,omitempty"`
	Heads         int     `json:"heads,omitempty"`
	Decoder       bool    `json:"decoder,omitempty"`
}

// options are what package scratch takes.
func (s Scratch) options(length int) scratch.Options {
	return scratch.Options{Kind: s.Kind, Tokens: s.Tokens, Vocab: s.Vocab, MinFrequency: s.MinFrequency, Cased: s.Cased, NGrams: s.NGrams,
		Buckets: s.Buckets, MinDocuments: s.MinDocuments, MaxFeatures: s.MaxFeatures, C: s.C, Width: s.Width, Layers: s.Layers, Pooling: s.Pooling,
		Bidirectional: s.Bidirectional, ForgetBias: s.ForgetBias, Filters: s.Filters, Widths: s.Widths, Positions: s.Positions, Norm: s.Norm, FFN: s.FFN, Inner: s.Inner,
		Attention: s.Attention, Window: s.Reach, Heads: s.Heads, Decoder: s.Decoder, Length: length}
}

// Defaults are the options that a run has where nobody says otherwise.
func Defaults() Options {
	o := Options{Board: true, Merge: true}
	o.KeepBest = true
	return o
}

// Outcome is what came of a run.
type Outcome struct {
	Model     *Model
	Result    *train.Result
	Labels    data.Labels
	Sizes     [3]int  // examples to learn, to judge on, to test on
	Dev, Test *Report // of the result; nil where there are no such examples
}

// Report is the report that counts: the test's, or else the judge's, or nil.
func (o *Outcome) Report() *Report { return cmp.Or(o.Test, o.Dev) }

// Files that a run leaves beside the model's.
const (
	configFile = "finetune.yaml" // the options, complete
	reportFile = "report.json"   // what came of it
	boardDir   = "runs"
)

// Run does what the options say. The caller closes the outcome's model.
func (o Options) Run(ctx context.Context) (_ *Outcome, err error) {
	if (o.Model == "") == (o.Kind == "") {
		return nil, errors.New("say what to start from: the folder of a model, or a kind to make from scratch (one of the two)")
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	learn, dev, test, err := o.read()
	if err != nil {
		return nil, err
	}
	kind := o.Columns.Asked(learn)
	labels, err := o.classes(kind, learn, dev, test)
	if err != nil {
		return nil, err
	}
	out := &Outcome{Labels: labels, Sizes: [3]int{learn.Len(), dev.Len(), test.Len()}}
	t := Task{Kind: kind, Labels: out.Labels, Seed: o.Seed}
	if o.Kind != "" {
		o.say("making a %s for %s: %d examples, %d classes", o.Kind, kind, learn.Len(), len(out.Labels))
		made := o.Scratch.options(o.Length)
		if o.Dropout != nil {
			made.Dropout = *o.Dropout
		}
		out.Model, err = New(made, t, learn)
	} else {
		out.Model, err = Open(o.Model, t)
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			out.Model.Close()
		}
	}()
	m := out.Model
	if o.Length > 0 && (m.MaxLength == 0 || o.Length < m.MaxLength) {
		m.MaxLength = o.Length
		if m.Tokenizer != nil {
			m.Tokenizer.MaxLength = o.Length
		}
	}
	o.say("%s, %d parameters; %d examples to learn, %d to judge on, %d to test on; new: %d of its arrays", m.Architecture,
		scratch.Parameters(m.Model), learn.Len(), dev.Len(), test.Len(), len(m.Fresh))
	done, err := o.training(dev.Len() > 0, m)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done.close()) }()
	if done.About, err = o.about(m, learn); err != nil {
		return nil, err
	}
	if out.Result, err = m.Fit(ctx, learn, dev, done.Training); err != nil {
		return nil, err
	}
	if out.Dev, err = o.report(ctx, m, dev); err != nil {
		return nil, err
	}
	if out.Test, err = o.report(ctx, m, test); err != nil || o.Out == "" {
		return out, err
	}
	return out, o.record(out)
}

// check looks at what can be said before anything is read.
func (o Options) check() error {
	if o.Kind != "" && !slices.Contains(scratch.Kinds, o.Kind) {
		return fmt.Errorf("from_scratch %q: have %s", o.Kind, strings.Join(scratch.Kinds, ", "))
	}
	if o.Out != "" {
		if path, _, err := train.Latest(o.Out); err != nil || path == "" {
			if err := train.Vacant(o.Out); err != nil {
				return err
			}
		}
	}
	return o.Plan.Check()
}

// classes are the labels of all examples, of which those to learn from must have
// two. What is only in the others is told.
func (o Options) classes(kind batch.Kind, learn, dev, test Examples) (data.Labels, error) {
	learnt, all := LabelsOf(kind, learn), LabelsOf(kind, learn, dev, test)
	if kind == batch.Classes && len(learnt) < 2 {
		return nil, fmt.Errorf("all %d examples to learn from have one label, %q: want two classes or more", learn.Len(), strings.Join(learnt, ""))
	}
	for _, label := range all {
		if !slices.Contains(learnt, label) {
			o.say("no example to learn from has the label %q: it will not be found", label)
		}
	}
	return all, nil
}

// say tells people what goes on.
func (o Options) say(format string, args ...any) {
	if o.Watch != nil {
		o.Watch(train.Event{Message: fmt.Sprintf(format, args...)})
	}
}

// read reads and splits the files.
func (o Options) read() (learn, dev, test Examples, err error) {
	for _, part := range []struct {
		what  string
		files []string
		into  *Examples
	}{{"train", o.Train, &learn}, {"dev", o.Dev, &dev}, {"test", o.Test, &test}} {
		if len(part.files) == 0 {
			continue
		}
		var skipped *data.Skips
		if *part.into, skipped, err = o.Columns.Read(part.files...); err != nil {
			return learn, dev, test, err
		}
		if skipped != nil && skipped.Count > 0 {
			o.say("%d bad rows of %s were passed over, the first: %v", skipped.Count, part.what, skipped.First[0])
		}
	}
	p := data.Parts{Seed: o.Seed}
	if len(o.Dev) == 0 {
		p.Dev = o.Share
	}
	if len(o.Test) == 0 {
		p.Test = o.Final
	}
	if p.Dev > 0 || p.Test > 0 {
		rest, d, t, err := Split(learn, p)
		if err != nil {
			return learn, dev, test, err
		}
		learn = rest
		if p.Dev > 0 {
			dev = d
		}
		if p.Test > 0 {
			test = t
		}
	}
	if learn.Len() == 0 {
		return learn, dev, test, errors.New("there are no examples to learn from")
	}
	return learn, dev, test, nil
}

// fitting is a Training with what must be closed after it.
type fitting struct {
	Training
	board   *tfevents.Writer
	teacher *Model
}

func (f *fitting) close() (err error) {
	if f.board != nil {
		err = f.board.Close()
	}
	if f.teacher != nil {
		err = errors.Join(err, f.teacher.Close())
	}
	return err
}

// training fills in the defaults that depend on the rest.
func (o Options) training(judged bool, m *Model) (_ *fitting, err error) {
	f := &fitting{Training: o.Training}
	f.Base, f.Training.Merge = o.Model, o.Merge
	if f.LoRA != nil && f.LoRA.Save == nil { // a new head is trained whole
		adapted := *f.LoRA
		for _, name := range m.Fresh {
			module := name[:strings.LastIndexByte(name, '.')]
			if !slices.Contains(adapted.Save, module) {
				adapted.Save = append(adapted.Save, module)
			}
		}
		f.LoRA = &adapted
	}
	if o.Teacher != "" {
		if f.teacher, err = Load(o.Teacher); err != nil {
			return nil, err
		}
		if f.teacher.Kind != m.Kind || !slices.Equal(f.teacher.Labels, m.Labels) {
			return nil, errors.Join(f.close(), fmt.Errorf("%s is no teacher of this task: it answers %s, %.300q", o.Teacher, f.teacher.Kind, f.teacher.Labels))
		}
		f.Training.Teacher = f.teacher.Model
	}
	f.C, f.Training.Out, f.Training.Resume, f.SaveEvery, f.Training.Watch = o.Scratch.C, o.Out, o.Resume, o.Save, o.Watch
	if f.KeepBest = f.KeepBest && judged; judged {
		f.Metric = cmp.Or(f.Metric, Metric(m.Kind))
	}
	if o.Out == "" || !o.Board {
		return f, nil
	}
	f.openBoard(filepath.Join(o.Out, boardDir))
	return f, nil
}

// openBoard lets TensorBoard look on, beside whoever does already. Its file begins
// with the first step. A curve that cannot be written is no reason to end a run.
func (f *fitting) openBoard(dir string) {
	watch, failed := f.Watch, false
	f.Watch = func(e train.Event) {
		if e.Record != nil && f.board == nil && !failed {
			var err error
			if f.board, err = tfevents.Create(dir); err != nil {
				failed = true
				if watch != nil {
					watch(train.Event{Message: fmt.Sprintf("no curves for TensorBoard: %v", err)})
				}
			}
		}
		if r := e.Record; r != nil && f.board != nil {
			_ = f.board.Add(int64(r.Step), scalars(r)...)
		}
		if watch != nil {
			watch(e)
		}
	}
}

// scalars are what TensorBoard shows of a step.
func scalars(r *train.Record) []tfevents.Scalar {
	list := []tfevents.Scalar{{Tag: "train/loss", Value: r.Loss}, {Tag: "train/learning_rate", Value: r.Rate},
		{Tag: "train/tokens_per_second", Value: r.TokensPerSecond}}
	if r.Norm > 0 {
		list = append(list, tfevents.Scalar{Tag: "train/grad_norm", Value: r.Norm})
	}
	for key, value := range r.Metrics {
		list = append(list, tfevents.Scalar{Tag: "eval/" + key, Value: value})
	}
	return list
}

// about is what a run that is taken up must have in common with the one that
// began: the model it started from and the examples.
func (o Options) about(m *Model, learn Examples) ([]byte, error) {
	sum := sha256.New()
	for _, e := range learn.Texts {
		fmt.Fprintf(sum, "%q %q %q %q\n", e.Text, e.Pair, e.Label, e.Labels)
	}
	for _, s := range learn.Sentences {
		fmt.Fprintf(sum, "%q %q\n", s.Tokens, s.Tags)
	}
	for _, p := range learn.Pictures {
		fmt.Fprintf(sum, "%q %q %x\n", p.Name, p.Label, sha256.Sum256(p.Bytes))
	}
	config := sha256.Sum256(m.Config)
	return json.Marshal(map[string]any{"model": o.Model, "config.json": hex.EncodeToString(config[:8]), "examples": hex.EncodeToString(sum.Sum(nil)[:8]),
		"per_device_train_batch_size": o.Batch, "batch_tokens": o.Training.Tokens, "length_window": o.Window, "max_length": o.Length})
}

// report evaluates the result on examples, if there are any.
func (o Options) report(ctx context.Context, m *Model, e Examples) (*Report, error) {
	if e.Len() == 0 {
		return nil, nil
	}
	return m.Evaluate(ctx, e)
}

// record writes the options and what came of them into the folder.
func (o Options) record(out *Outcome) error {
	err := atomicfile.Write(filepath.Join(o.Out, configFile), func(w io.Writer) error { return WriteConfig(w, o) })
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(struct {
		Command  string         `json:"command,omitempty"`
		Version  string         `json:"version,omitempty"`
		Steps    int            `json:"steps"`
		BestStep int            `json:"best_step,omitempty"`
		Seconds  float64        `json:"seconds"`
		Examples map[string]int `json:"examples"`
		Dev      *Report        `json:"dev,omitempty"`
		Test     *Report        `json:"test,omitempty"`
	}{o.Command, o.Version, out.Result.Steps, out.Result.BestAt, out.Result.Elapsed.Seconds(),
		map[string]int{"train": out.Sizes[0], "dev": out.Sizes[1], "test": out.Sizes[2]}, out.Dev, out.Test}, "", " ")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(o.Out, reportFile), func(w io.Writer) error {
		_, err := w.Write(append(raw, '\n'))
		return err
	})
}

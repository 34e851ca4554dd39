package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/lora"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Run trains any model on any batches: language models, classifiers of
// sequences, rows and pictures, regression. With a folder Out it keeps
// checkpoints there from which it goes on to the bits of never having stopped,
// and writes the result there as a Hugging Face folder; without one nothing is
// written. Either way the model has the result's weights in the end.
type Run struct {
	Plan

	Model model.Model // its parameters are trained, those that are frozen excepted
	Loss  Loss        // nil: the model's own, smoothed as the plan has it

	// Data are the batches, as many as the steps need. A plan in epochs needs a
	// source that counts them, such as data.Set.
	Data data.Source
	// Held gives the batches to evaluate the loss on; nil: none.
	Held func() iter.Seq2[data.Batch, error]
	// Judge gives other metrics of the model as it is; nil: none. It must not
	// change it, and not be random.
	Judge func(ctx context.Context) (map[string]float64, error)

	// Teacher is a model whose scores are learnt too, as Distilled has it; nil:
	// none. Not with a Loss, nor with label smoothing.
	Teacher model.Model

	Base  string // what the model was loaded from, for adapters: a folder or a hub name
	Merge bool   // adapters are added to the weights in the end, and the whole model is saved

	Out       string                 // folder of the result; empty: nothing is written
	Resume    bool                   // go on from the latest checkpoint in Out
	SaveEvery int                    // steps between checkpoints; 0: only where the run stops
	Config    []byte                 // config.json of the model, for the folders
	Files     func(dir string) error // writes what else belongs into them, such as the tokenizer; nil: nothing
	About     []byte                 // a JSON object that the run that Resume takes up must have too; nil: none

	Device device.Device // nil: the machine's cores
	Watch  func(Event)   // is told what goes on; nil: nobody listens
}

// Result is what came of a run.
type Result struct {
	Steps   int                // steps taken
	Epochs  float64            // passes over the data; 0 where the source does not count
	Loss    float64            // of the last step's batches, before the step
	Metrics map[string]float64 // of the weights that are the result; nil where nothing was evaluated
	Best    float64            // the best value of the plan's metric
	BestAt  int                // the step that it was found after; 0: none was evaluated
	Early   bool               // the run ended because nothing got better
	Records []Record           // of all steps that this process took
	Elapsed time.Duration      // of this process
	Waited  time.Duration      // of that, for batches that were not ready
}

// Counted is a source that knows how many batches passes over it have.
type Counted interface{ Batches(epochs float64) int64 }

// Train runs the training to its end, or until ctx ends: then, with a folder, it
// saves its state and gives a *Stopped.
func (r Run) Train(ctx context.Context) (result *Result, err error) {
	defer tensor.Guard(&err)
	w := &running{Run: r, started: time.Now()}
	if err := w.prepare(); err != nil {
		return nil, err
	}
	if w.Out != "" {
		if err := w.open(); err != nil {
			return nil, err
		}
		defer w.log.Close()
	}
	w.from = w.trainer.Done
	w.thaw()
	defer w.thawAll()
	if !w.state.Early {
		err = w.trainer.Run(ctx, w.Data)
	}
	switch {
	case errors.Is(err, errEarly):
	case err != nil && ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) && w.Out != "":
		if err := w.save(); err != nil {
			return nil, err
		}
		path, step, err := Latest(w.Out)
		if err != nil {
			return nil, err
		}
		return nil, &Stopped{step, w.steps, path, context.Cause(ctx)}
	case err != nil:
		return nil, err
	}
	return w.finish(ctx)
}

// errEarly ends a run in which nothing gets better.
var errEarly = errors.New("no better metric")

// running is a Run at work.
type running struct {
	Run
	steps   int                 // of the whole run
	epoch   int                 // batches of the first pass over the data; 0: unknown
	end     func(epoch int) int // the step that ends it; nil: unknown
	passes  int                 // epochs that endsEpoch has come to, and
	ended   int                 // the step that ended the last of them
	spec    []byte
	loss    Loss
	trainer *Trainer
	average *Average
	adapted *lora.Adapters // nil: the weights themselves are trained
	places  []place        // of the parameters that are trained
	layers  int
	state   standing
	best    [][]float32 // the best weights, where there is no folder for them
	log     *runLog
	records []Record
	waited  time.Duration
	started time.Time
	from    int // the step this process began after
}

// standing is what a checkpoint remembers beside weights and optimizer.
type standing struct {
	Best   float64 `json:"best"`
	BestAt int     `json:"best_step"` // 0: nothing was evaluated yet
	Worse  int     `json:"worse"`     // evaluations since then
	Early  bool    `json:"early,omitempty"`
}

// prepare makes all that a run needs, and writes nothing.
func (r *running) prepare() error {
	if err := r.Plan.Check(); err != nil {
		return err
	}
	if err := r.count(); err != nil {
		return err
	}
	schedule, err := r.schedule(r.steps)
	if err != nil {
		return err
	}
	if r.loss, err = r.chooseLoss(); err != nil {
		return err
	}
	if r.LoRA != nil {
		config := *r.LoRA
		if config.Save == nil {
			config.Save = r.heads()
		}
		if r.adapted, err = lora.Attach(r.Model, config, r.Seed); err != nil {
			return err
		}
	}
	if err := Freeze(r.weights(), r.Plan.Freeze...); err != nil {
		return err
	}
	r.places, r.layers = heights(r.trained())
	optimizer, err := r.optimizer(r.trained(), r.Device)
	if err != nil {
		return err
	}
	switch r.Average {
	case "ema":
		r.average = NewEMA(r.trained(), or(r.AverageDecay, 0.999), r.Device)
	case "swa":
		r.average = NewSWA(r.trained(), r.Device)
	}
	r.trainer = &Trainer{Loss: r.regularized, Optimizer: optimizer, Options: Options{
		Steps: r.steps, Accumulate: r.Accumulate, Schedule: schedule, Clip: r.clip(), ClipValue: r.ClipValue,
		Seed: r.Seed, Device: r.Device, Stepped: r.stepped, Prepare: r.regularize,
		Recompute: r.Recompute, BF16Activations: r.BF16Activations,
	}}
	r.spec, err = r.describe()
	return err
}

// heads are the modules that PEFT takes for heads, which adapters leave to be trained
// whole unless the plan names others.
func (r *running) heads() (modules []string) {
	for name := range nn.Params(r.Model) {
		if head, _, _ := strings.Cut(name, "."); slices.Contains([]string{"classifier", "score", "qa_outputs"}, head) && !slices.Contains(modules, head) {
			modules = append(modules, head)
		}
	}
	return modules
}

// chooseLoss is the loss that the plan and the caller ask for.
func (r *running) chooseLoss() (Loss, error) {
	switch {
	case r.Teacher != nil && (r.Loss != nil || r.Smoothing > 0):
		return nil, fmt.Errorf("a teacher's scores are learnt beside the model's own loss, without label smoothing or another loss")
	case r.Loss != nil:
		return r.Loss, nil
	case r.Teacher != nil:
		share := 0.5
		if r.TeacherShare != nil {
			share = *r.TeacherShare
		}
		return Distilled(r.Model, r.Teacher, or(r.Temperature, 2), share), nil
	case r.Smoothing > 0:
		return Smoothed(r.Model, r.Smoothing), nil
	}
	return Own(r.Model), nil
}

// regularize sets up the pass of a batch.
func (r *running) regularize(p *nn.Pass) {
	if r.Dropout != nil {
		p.Dropout = new(float32(*r.Dropout))
	}
	p.Depth = nn.Depth{Rate: float32(r.DropPath), Layers: r.layers}
}

// regularized is the loss in a pass that regularize set up.
func (r *running) regularized(p *nn.Pass, in *model.Input) *tensor.Tensor {
	loss := r.loss(p, in)
	if r.DropPath > 0 && p.Paths() == 0 {
		panic(&tensor.Fault{Op: "drop_path_rate", Msg: fmt.Sprintf("%T has no branches that can be left out", r.Model)})
	}
	return loss
}

// weights is what has the parameters that may be trained.
func (r *running) weights() any {
	if r.adapted != nil {
		return r.adapted
	}
	return r.Model
}

// trained gives the parameters that are trained.
func (r *running) trained() iter.Seq2[string, *nn.Param] {
	return func(yield func(string, *nn.Param) bool) {
		for name, w := range nn.Params(r.weights()) {
			if !w.Frozen && !yield(name, w) {
				return
			}
		}
	}
}

// describe is what a checkpoint must agree with: the plan and what the caller
// says of the rest.
func (r *running) describe() ([]byte, error) {
	all := map[string]json.RawMessage{}
	if len(r.About) > 0 {
		if err := json.Unmarshal(r.About, &all); err != nil {
			return nil, err
		}
	}
	raw, err := json.Marshal(r.Plan)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	if !r.BF16Activations {
		delete(all, "gradient_checkpointing") // it changes no bit
	}
	return json.Marshal(all)
}

// open readies the folder: it takes up a checkpoint, or makes sure there is none.
func (r *running) open() error {
	path, err := startIn(r.Out, r.Resume)
	if err != nil {
		return err
	}
	if path != "" {
		if err := r.resume(); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(r.Out, 0o777); err != nil {
		return err
	}
	r.log, err = openLog(filepath.Join(r.Out, logFile), r.trainer.Done)
	return err
}

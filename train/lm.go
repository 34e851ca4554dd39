package train

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/nn"
)

// LM trains a language model on text files, from nothing: it learns a byte-level
// vocabulary, trains, and writes a Hugging Face folder. The fields with JSON
// names and the texts decide the result, to the last bit.
type LM struct {
	Texts      []string `json:"-"` // as data.Files takes them
	Validation []string `json:"-"` // likewise; none: nothing is evaluated

	Arch      string  `json:"arch"` // llama or gpt2
	Layers    int     `json:"layers"`
	Width     int     `json:"width"`
	Heads     int     `json:"heads"`
	KVHeads   int     `json:"kv_heads"`        // llama; 0: as heads
	FFN       int     `json:"ffn"`             // inner width; 0: the architecture's usual multiple of Width
	Context   int     `json:"context"`         // tokens a sequence
	Vocab     int     `json:"vocab"`           // tokens of the vocabulary to learn
	Tokenizer string  `json:"tokenizer"`       // folder with one to use instead; empty: learn
	Chars     bool    `json:"chars,omitempty"` // characters are the tokens; Vocab is not read
	Tied      bool    `json:"tie"`             // the embeddings are the output layer too
	InitStd   float64 `json:"init_std"`        // 0: 0.02

	Steps      int     `json:"steps"`
	Batch      int     `json:"batch"`      // sequences a step
	Accumulate int     `json:"accumulate"` // parts that a step's batch is computed in; 0: 1
	Rate       float64 `json:"lr"`
	LeastRate  float64 `json:"min_lr"`       // at the end of the cosine
	Warmup     int     `json:"warmup"`       // steps
	Beta2      float64 `json:"beta2"`        // 0: 0.999
	Decay      float64 `json:"weight_decay"` // of matrices
	Clip       float64 `json:"clip"`
	Dropout    float64 `json:"dropout"`
	Seed       uint64  `json:"seed"`

	EvalEvery   int      `json:"-"` // steps between evaluations; 0: only at the end
	EvalWindows int      `json:"-"` // sequences of an evaluation during the run; 0: all
	SaveEvery   int      `json:"-"` // steps between checkpoints; 0: only where the run stops
	Store       nn.DType `json:"-"` // how the result's weights are stored: F32 or BF16

	Out     string        `json:"-"` // folder of the result
	Resume  bool          `json:"-"` // go on from the latest checkpoint in Out
	Command string        `json:"-"` // for the record
	Version string        `json:"-"` // of the program, for the record
	Device  device.Device `json:"-"` // nil: the machine's cores

	// Watch is told what goes on; nil: nobody listens.
	Watch func(Event) `json:"-"`
}

// Event is news of a run: a message for people, or the record of a step.
type Event struct {
	Message string
	Record  *Record
}

// Stopped says that a run ended early, after saving its state.
type Stopped struct {
	Step, Steps int
	Dir         string // the checkpoint
	Cause       error
}

// Error says where the run stopped and how it goes on.
func (s *Stopped) Error() string {
	return fmt.Sprintf("stopped after step %d of %d; the same command with --resume goes on from %s", s.Step, s.Steps, s.Dir)
}

// Unwrap gives the cause.
func (s *Stopped) Unwrap() error { return s.Cause }

// Train runs the training to its end, or until ctx ends: then it saves its state
// and gives a *Stopped.
func (o LM) Train(ctx context.Context) error {
	r := &lmRun{LM: o}
	if err := r.check(); err != nil {
		return err
	}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(r.Out, 0o777); err != nil {
		return err
	}
	var err error
	if r.log, err = openLog(filepath.Join(r.Out, logFile), r.trainer.Done); err != nil {
		return err
	}
	defer r.log.Close()
	err = r.trainer.Run(ctx, r.windows())
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		if err := r.save(); err != nil {
			return err
		}
		dir, step, err := Latest(r.Out)
		if err != nil {
			return err
		}
		return &Stopped{step, r.Steps, dir, context.Cause(ctx)}
	}
	if err != nil {
		return err
	}
	if err := r.save(); err != nil {
		return err
	}
	return r.finish(ctx)
}

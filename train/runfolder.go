package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/internal/atomicfile"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/safetensors"
)

// Names within the folder of a run, beside checkpoints and log.
const (
	bestName    = "best-"               // and the step: the weights of the best evaluation so far
	averageFile = "average.safetensors" // in a checkpoint
)

func alreadyThere(path string) error {
	return fmt.Errorf("%s holds a run already: go on with --resume, or choose another folder", path)
}

// Vacant gives an error where dir cannot become the folder of a result: it holds a
// model already, or is no folder.
func Vacant(dir string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file: the result needs a folder", dir)
	}
	for _, name := range []string{"model.safetensors", "model.safetensors.index.json", "adapter_model.safetensors"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return fmt.Errorf("%s holds a model already: choose another folder", dir)
		}
	}
	return nil
}

// startIn gives the checkpoint in dir that a run goes on from, or an empty path
// where it begins; whether dir is fit for that is seen before any work is done.
func startIn(dir string, resume bool) (path string, err error) {
	path, _, err = Latest(dir)
	switch {
	case err != nil:
		return "", err
	case path == "":
		return "", Vacant(dir)
	case !resume:
		return "", alreadyThere(path)
	}
	return path, nil
}

// save writes a checkpoint.
func (r *running) save() error {
	state, err := json.Marshal(r.state)
	if err != nil {
		return err
	}
	return r.trainer.Save(r.Out, Kept{Weights: r.writeTo, Run: r.spec, State: state, More: func(dir string) error {
		if r.average != nil {
			if err := safetensors.Write(filepath.Join(dir, averageFile), r.average.State(), nil); err != nil {
				return err
			}
		}
		return r.files(dir)
	}})
}

// writeTo writes the model, or its adapters with the config that says its head.
func (r *running) writeTo(dir string) error {
	if r.adapted != nil {
		if err := r.adapted.Save(dir, r.Base, taskType(r.Model)); err != nil || r.Config == nil {
			return err
		}
		return atomicfile.Write(filepath.Join(dir, checkpoint.ConfigName), func(w io.Writer) error {
			_, err := w.Write(r.Config)
			return err
		})
	}
	return checkpoint.Save(dir, r.Model, r.Config)
}

// readFrom reads what writeTo wrote.
func (r *running) readFrom(dir string) error {
	if r.adapted != nil {
		return r.adapted.Restore(dir)
	}
	return readWeights(dir, r.Model)
}

// taskType is PEFT's name for what a model does; empty where it has none.
func taskType(m model.Model) string {
	switch m.(type) {
	case model.CausalLM:
		return "CAUSAL_LM"
	case model.Labelled:
		return "SEQ_CLS"
	}
	return ""
}

// files writes what belongs into a folder beside the model.
func (r *running) files(dir string) error {
	if r.Files == nil {
		return nil
	}
	return r.Files(dir)
}

// resume takes up the latest checkpoint.
func (r *running) resume() error {
	path, state, err := r.trainer.resume(r.Out, r.readFrom, r.spec)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(state, &r.state); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(path, trainerFile), err)
	}
	if r.average == nil {
		return nil
	}
	f, err := safetensors.Open(filepath.Join(path, averageFile))
	if err != nil {
		return err
	}
	defer f.Close()
	return r.average.Restore(f)
}

// keep makes the weights the best so far. A run that is taken up before this
// step comes by here again with the same ones.
func (r *running) keep() error {
	if r.Out == "" {
		r.best = r.best[:0]
		for _, p := range r.places {
			r.best = append(r.best, slices.Clone(p.w.Float32()))
		}
		return nil
	}
	path := r.bestPath()
	if _, err := os.Stat(path); err == nil {
		return nil // the same step of the same run has the same bits
	}
	err := atomicfile.Folder(path, func(temp string) error {
		if err := r.writeTo(temp); err != nil {
			return err
		}
		return r.files(temp)
	})
	if err != nil {
		return err
	}
	return clean(r.Out, bestName, path)
}

// bestPath is the folder of the best weights.
func (r *running) bestPath() string {
	return filepath.Join(r.Out, bestName+strconv.Itoa(r.state.BestAt))
}

// recall gives the model the best weights.
func (r *running) recall() error {
	if r.Out != "" {
		return r.readFrom(r.bestPath())
	}
	for i, p := range r.places {
		copy(p.w.Own(), r.best[i])
		p.w.Changed()
	}
	return nil
}

// finish gives the model the weights of the result and writes them.
func (r *running) finish(ctx context.Context) (*Result, error) {
	if r.Out != "" {
		if err := r.save(); err != nil {
			return nil, err
		}
	}
	result := &Result{Steps: r.trainer.Done, Epochs: r.epochs(r.trainer.Done),
		Best: r.state.Best, BestAt: r.state.BestAt, Early: r.state.Early, Records: r.records}
	if n := len(r.records); n > 0 {
		result.Loss = r.records[n-1].Loss
	}
	switch {
	case r.KeepBest && r.state.BestAt > 0:
		if err := r.recall(); err != nil {
			return nil, err
		}
	case r.averaged():
		r.average.Swap()
	}
	if err := r.final(ctx, result); err != nil {
		return nil, err
	}
	if r.adapted != nil && r.Merge {
		if err := r.adapted.Merge(); err != nil {
			return nil, err
		}
		r.adapted = nil
	}
	if r.Out != "" {
		if err := errors.Join(r.files(r.Out), r.writeTo(r.Out)); err != nil {
			return nil, err
		}
	}
	result.Elapsed, result.Waited = time.Since(r.started), r.waited
	return result, nil
}

// final evaluates the result, unless its record says what comes out.
func (r *running) final(ctx context.Context, result *Result) error {
	if r.Held == nil && r.Judge == nil {
		return nil
	}
	at := result.Steps
	if r.KeepBest && r.state.BestAt > 0 {
		at = r.state.BestAt
	}
	for _, rec := range r.records {
		if rec.Step == at && rec.Metrics != nil {
			result.Metrics = rec.Metrics
			return nil
		}
	}
	metrics, err := r.metrics(ctx)
	result.Metrics = metrics
	return err
}

package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/internal/atomicfile"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/safetensors"
)

// Names of a checkpoint's folder and of the files in it that are not the
// model's own.
const (
	checkpointName = "checkpoint-" // and the number of steps done
	optimizerFile  = "optimizer.safetensors"
	trainerFile    = "trainer.json"
)

// trainerState is what trainer.json holds.
type trainerState struct {
	Step  int             `json:"step"`
	Run   json.RawMessage `json:"run,omitempty"`   // what the run was started with
	State json.RawMessage `json:"state,omitempty"` // what else goes on
}

// Kept is what a checkpoint holds besides the trainer's own state.
type Kept struct {
	Model  any    // its parameters
	Config []byte // config.json
	// Weights, if not nil, writes other files in place of model and config.
	Weights func(dir string) error
	Run     []byte // JSON object of what the run was started with, which Resume compares; nil: none
	// State is JSON that Resume gives back; nil: none.
	State []byte
	// More writes further files into the folder, each synced; nil: none.
	More func(dir string) error
}

// Save writes the state of the run into the folder checkpoint-N of dir, N the
// number of steps done: the model as a Hugging Face folder, the optimizer's
// state, and the step, from which the place in the data and the random state
// follow. The folder appears when it is whole and on the disk; then those of
// earlier steps are removed. A full disk or a crash at any moment leaves the
// last one as it was.
func (t *Trainer) Save(dir string, k Kept) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	path := filepath.Join(dir, checkpointName+strconv.Itoa(t.Done))
	if _, err := os.Stat(path); err == nil {
		return nil // the same step of the same run has the same bits
	}
	err := atomicfile.Folder(path, func(temp string) error {
		if err := k.weights(temp); err != nil {
			return err
		}
		if k.More != nil {
			if err := k.More(temp); err != nil {
				return err
			}
		}
		if err := safetensors.Write(filepath.Join(temp, optimizerFile), t.Optimizer.State(), nil); err != nil {
			return err
		}
		return writeJSON(filepath.Join(temp, trainerFile), trainerState{t.Done, k.Run, k.State})
	})
	if err != nil {
		return err
	}
	return clean(dir, checkpointName, path)
}

// weights writes the model.
func (k Kept) weights(dir string) error {
	if k.Weights != nil {
		return k.Weights(dir)
	}
	return checkpoint.Save(dir, k.Model, k.Config)
}

// Resume takes up the latest checkpoint in dir, made with the same run, and
// says whether there is one. The model m must have the optimizer's parameters.
func (t *Trainer) Resume(dir string, m any, run []byte) (found bool, err error) {
	path, _, err := t.resume(dir, func(path string) error { return readWeights(path, m) }, run)
	return path != "", err
}

// resume is Resume that reads the weights by read, and gives the checkpoint's
// folder, empty where there is none, and Kept's State.
func (t *Trainer) resume(dir string, read func(path string) error, run []byte) (path string, more []byte, err error) {
	path, state, err := latestOf(dir, run)
	if err != nil || path == "" {
		return "", nil, err
	}
	moments, err := safetensors.Open(filepath.Join(path, optimizerFile))
	if err != nil {
		return "", nil, err
	}
	defer moments.Close()
	if err := read(path); err != nil {
		return "", nil, err
	}
	if err := t.Optimizer.Restore(moments); err != nil {
		return "", nil, fmt.Errorf("%s: %w", path, err)
	}
	t.Done = state.Step
	return path, state.State, clean(dir, checkpointName, path) // of what a kill left
}

// readWeights gives the parameters of m the values in the model folder path.
func readWeights(path string, m any) error {
	weights, err := safetensors.OpenModel(path)
	if err != nil {
		return err
	}
	defer weights.Close()
	for name, w := range nn.Params(m) {
		if w.Name != "" {
			name = w.Name
		}
		x, ok := weights.Tensor(name)
		if !ok || x.Len() != w.Len() {
			return fmt.Errorf("%s does not hold %s of shape %v", path, name, w.Shape)
		}
		if err := x.ToFloat32(w.Own()); err != nil {
			return err
		}
		w.Changed()
	}
	return nil
}

// latestOf is Latest with what the checkpoint says of itself, and fails where it
// is of another run.
func latestOf(dir string, run []byte) (path string, state trainerState, err error) {
	path, step, err := Latest(dir)
	if err != nil || path == "" {
		return "", state, err
	}
	raw, err := os.ReadFile(filepath.Join(path, trainerFile))
	if err != nil {
		return "", state, err
	}
	if err := json.Unmarshal(raw, &state); err != nil {
		return "", state, fmt.Errorf("%s: %w", filepath.Join(path, trainerFile), err)
	}
	if err := sameRun(state.Run, run); err != nil {
		return "", state, fmt.Errorf("%s: %w", path, err)
	}
	if state.Step != step {
		return "", state, fmt.Errorf("%s: the folder was renamed: it holds step %d", path, state.Step)
	}
	return path, state, nil
}

// sameRun gives an error that names what differs between two runs, JSON objects
// or nil.
func sameRun(have, want []byte) error {
	var a, b map[string]json.RawMessage
	for raw, into := range map[*[]byte]*map[string]json.RawMessage{&have: &a, &want: &b} {
		if len(*raw) > 0 {
			if err := json.Unmarshal(*raw, into); err != nil {
				return err
			}
		}
	}
	var differences []error
	for _, key := range sortedKeys(a, b) {
		if string(compact(a[key])) != string(compact(b[key])) {
			differences = append(differences, fmt.Errorf("%s was %s, now %s", key, compact(a[key]), compact(b[key])))
		}
	}
	if len(differences) > 0 {
		return fmt.Errorf("the run was started otherwise; go on with the same options, or start in another folder:\n%w", errors.Join(differences...))
	}
	return nil
}

// Latest gives the checkpoint of the most steps in dir and their number; an
// empty path where there is none.
func Latest(dir string) (path string, step int, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return "", 0, nil
	}
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), checkpointName)
		n, bad := strconv.Atoi(number)
		if ok && bad == nil && e.IsDir() && (path == "" || n > step) {
			path, step = filepath.Join(dir, e.Name()), n
		}
	}
	return path, step, err
}

// clean removes all folders of dir whose names begin so but the one at keep, and
// what killed runs left of them.
func clean(dir, name, keep string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !e.IsDir() || path == keep {
			continue
		}
		if strings.HasPrefix(e.Name(), "."+name) {
			errs = append(errs, os.RemoveAll(path))
		} else if strings.HasPrefix(e.Name(), name) {
			errs = append(errs, atomicfile.RemoveFolder(path))
		}
	}
	return errors.Join(errs...)
}

// writeJSON writes v as an indented JSON file, whole or not at all.
func writeJSON(path string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(append(raw, '\n'))
		return err
	})
}

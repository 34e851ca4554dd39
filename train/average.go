package train

import (
	"fmt"
	"iter"
	"slices"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/safetensors"
)

// Average keeps an average of parameters over the steps of a run, which often
// predicts better than the last ones.
type Average struct {
	names  []string
	params []*nn.Param
	kept   [][]float32
	count  int
	weight func(count int) float32 // of the new values; count is how many there were before
	dev    device.Device
}

// NewSWA averages all values that Update sees equally: stochastic weight
// averaging (Izmailov et al. 2018, algorithm 1).
func NewSWA(params iter.Seq2[string, *nn.Param], dev device.Device) *Average {
	return newAverage(params, dev, func(count int) float32 { return 1 / float32(count+1) })
}

// NewEMA is an exponential moving average: decay times itself and 1−decay times
// the new values, from the first ones on.
func NewEMA(params iter.Seq2[string, *nn.Param], decay float64, dev device.Device) *Average {
	return newAverage(params, dev, func(count int) float32 {
		if count == 0 {
			return 1
		}
		return float32(1 - decay)
	})
}

func newAverage(params iter.Seq2[string, *nn.Param], dev device.Device, weight func(int) float32) *Average {
	if dev == nil {
		dev = cpu.Default()
	}
	a := &Average{weight: weight, dev: dev}
	for name, w := range params {
		w.Own()
		a.names, a.params, a.kept = append(a.names, name), append(a.params, w), append(a.kept, slices.Clone(w.Float32()))
	}
	return a
}

// Update takes the parameters' values into the average.
func (a *Average) Update() {
	share := a.weight(a.count)
	a.count++
	k := a.dev.Kernels()
	for i, w := range a.params {
		kept, now := a.kept[i], w.Float32()
		if share == 1 {
			copy(kept, now)
			continue
		}
		a.dev.Parallel(len(kept), pieceSize, func(lo, hi int, _ *kernel.Workspace) {
			difference := a.dev.Alloc(hi - lo)
			defer a.dev.Free(difference)
			k.Sub(difference, now[lo:hi], kept[lo:hi])
			k.AddScaled(kept[lo:hi], difference, share)
		})
	}
}

// Swap exchanges the parameters' values and the average's: once to evaluate with
// the average, and once more to go on training.
func (a *Average) Swap() {
	for i, w := range a.params {
		now := w.Float32()
		for j, v := range now {
			now[j], a.kept[i][j] = a.kept[i][j], v
		}
		w.Changed()
	}
}

// The names of an average's state, as PyTorch's AveragedModel has them.
const (
	averageName  = "module."
	averagedName = "n_averaged"
)

// State is views of the average, and how many values it holds.
func (a *Average) State() []safetensors.Tensor {
	out := []safetensors.Tensor{{Name: averagedName, DType: safetensors.F32, Data: bytesOf([]float32{float32(a.count)})}}
	for i, name := range a.names {
		out = append(out, safetensors.Tensor{Name: averageName + name, DType: safetensors.F32, Shape: a.params[i].Shape, Data: bytesOf(a.kept[i])})
	}
	return out
}

// Restore takes up a State; where it fails, it changes nothing.
func (a *Average) Restore(f *safetensors.File) error {
	count, err := readState(f, averagedName, 1)
	if err != nil {
		return fmt.Errorf("the average: %w", err)
	}
	kept := make([][]float32, len(a.kept))
	for i, name := range a.names {
		if kept[i], err = readState(f, averageName+name, len(a.kept[i])); err != nil {
			return fmt.Errorf("the average: %w", err)
		}
	}
	a.count, a.kept = int(count[0]), kept
	return nil
}

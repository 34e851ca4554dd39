package zoo_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/zoo"
)

// low are the precisions below float32.
var low = []nn.Precision{nn.Int8, nn.BFloat16, nn.Int8All}

// In every precision threads and kernels change no bit; that the numbers are
// others than float32's shows that it was used.
func TestLowSameBits(t *testing.T) {
	for _, precision := range low {
		t.Run(precision.String(), func(t *testing.T) { lowSameBits(t, precision) })
	}
}

func lowSameBits(t *testing.T, precision nn.Precision) {
	different := 0
	each(t, func(t *testing.T, architecture string, _ []byte, m model.Model) {
		rows, in := call(architecture, m)
		outputs := func(d device.Device) (all []float32) {
			p := nn.NewPass(t.Context(), rows, nn.Options{Device: d, Precision: precision})
			defer p.Close()
			for _, o := range m.Run(p, in) {
				all = append(all, o.Value.Float32s()...)
			}
			return all
		}
		want := outputs(nil)
		for i, set := range kernel.Sets() {
			d := cpu.New(cpu.Options{Threads: 1 + 2*i, Kernels: set})
			if !slices.Equal(outputs(d), want) {
				t.Errorf("%s differs", set.Name)
			}
			d.Close()
		}
		var exact []float32
		p := nn.NewPass(t.Context(), rows, nn.Options{})
		defer p.Close()
		for _, o := range m.Run(p, in) {
			exact = append(exact, o.Value.Float32s()...)
		}
		if !slices.Equal(exact, want) {
			different++
		}
	})
	if different == 0 {
		t.Error("no model's outputs differ from float32's")
	}
}

// Rows are rounded by themselves: scores are the same alone as in a batch, and
// token by token with a cache as at once.
func TestLowAloneAndCached(t *testing.T) {
	for _, precision := range low {
		t.Run(precision.String(), func(t *testing.T) { lowAloneAndCached(t, precision) })
	}
}

func lowAloneAndCached(t *testing.T, precision nn.Precision) {
	each(t, func(t *testing.T, architecture string, _ []byte, m model.Model) {
		lm, ok := m.(model.CausalLM)
		rows, in := call(architecture, m)
		if !ok || in.Encoded != nil {
			return
		}
		scores := func(rows nn.Batch, ids []int32, memory *nn.Memory) []float32 {
			p := nn.NewPass(t.Context(), rows, nn.Options{Precision: precision})
			defer p.Close()
			p.Memory = memory
			return lm.Unembed(p, lm.Hidden(p, ids)).Float32s()
		}
		whole := scores(rows, in.IDs, nil)
		for i := range rows.Len() {
			lo, hi := rows.Off[i], rows.Off[i+1]
			want := whole[lo*lm.Vocabulary() : hi*lm.Vocabulary()]
			if got := scores(nn.Sequences(hi-lo), in.IDs[lo:hi], nil); !slices.Equal(got, want) {
				t.Errorf("sequence %d has other scores alone", i)
			}
			var memory nn.Memory
			var got []float32
			for n := range hi - lo {
				row := nn.Sequences(1)
				row.Positions[0] = int32(n)
				row.Context = []int{hi - lo}
				got = append(got, scores(row, in.IDs[lo+n:lo+n+1], &memory)...)
			}
			memory.Close()
			if !slices.Equal(got, want) {
				t.Errorf("sequence %d has other scores with a cache", i)
			}
		}
	})
}

// The forecast of panels is what a pass then holds.
func TestLowForecast(t *testing.T) {
	for _, precision := range low {
		t.Run(precision.String(), func(t *testing.T) { lowForecast(t, precision) })
	}
}

func lowForecast(t *testing.T, precision nn.Precision) {
	each(t, func(t *testing.T, architecture string, _ []byte, m model.Model) {
		f, err := zoo.ForecastOn(m, 3, precision, nn.CacheFloat32, cpu.Options{})
		if err != nil {
			t.Fatal(err)
		}
		exact, err := zoo.ForecastOf(m, 3)
		if err != nil {
			t.Fatal(err)
		}
		rows, in := call(architecture, m)
		if in.Encoded != nil || strings.Contains(architecture, "DoubleHeads") {
			return // the forecast is for tokens alone
		}
		p := nn.NewPass(t.Context(), rows, nn.Options{Precision: precision})
		defer p.Close()
		m.Run(p, in)
		var panels int64
		for _, w := range nn.Params(m) {
			_, n := w.Copies()
			panels += int64(n)
		}
		if f.Panels != panels || f.Panels > exact.Panels {
			t.Errorf("panels take %d bytes, the forecast says %d, and %d in float32", panels, f.Panels, exact.Panels)
		}
		if f.Work != exact.Work {
			t.Errorf("work is %d, in float32 %d", f.Work, exact.Work)
		}
	})
}

package measure

import (
	"context"
	"fmt"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// gemmShapes are M, N, K of the products that models are made of.
var gemmShapes = [][3]int{{197, 768, 768}, {197, 3072, 768}, {197, 768, 3072}, {1576, 768, 768}, {512, 4096, 1024}, {1024, 1024, 1024}}

// Kernels times products and the loops between them; in another precision than
// float32, products alone.
func (b *Bench) Kernels(ctx context.Context) error {
	if b.Precision != nn.Float32 {
		for _, s := range gemmShapes {
			if err := b.gemmLow(ctx, s[0], s[1], s[2]); err != nil {
				return err
			}
		}
		return b.gemvLow(ctx, 4096, 4096)
	}
	for _, s := range gemmShapes {
		if err := b.gemm(ctx, s[0], s[1], s[2]); err != nil {
			return err
		}
	}
	if err := b.gemv(ctx, 4096, 4096); err != nil {
		return err
	}
	return b.loops(ctx, 1024, 3072)
}

// gemm times a product with prepared weights, then one without.
func (b *Bench) gemm(ctx context.Context, m, n, k int) error {
	s := tensor.NewScope(b.Device, nil)
	defer s.Close()
	x := s.Of(numbers(m*k), m, k)
	shape, work := fmt.Sprintf("%dx%dx%d", m, n, k), float64(m)*float64(n)*float64(k)
	for _, panels := range []*tensor.Panels{new(tensor.Panels), nil} {
		name := "gemm"
		if panels == nil {
			name = "gemm-unpacked"
		}
		w := s.Weight(numbers(n*k), panels, false, n, k)
		err := b.report(ctx, Result{Name: name, Shape: shape}, work, 0, 0, func() error {
			x.MatMulT(w)
			s.Mark("bench", x, w)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// gemv times the product of one row with weights that no cache holds.
func (b *Bench) gemv(ctx context.Context, n, k int) error {
	s := tensor.NewScope(b.Device, nil)
	defer s.Close()
	const copies = 4 // 256 MB of weights, read in turn
	var weights []*tensor.Tensor
	data := numbers(n * k)
	for range copies {
		weights = append(weights, s.Weight(data, new(tensor.Panels), false, n, k))
	}
	x := s.Of(numbers(k), 1, k)
	bytes := 4 * float64(n) * float64(k) * copies
	return b.report(ctx, Result{Name: "gemv", Shape: fmt.Sprintf("%dx1x%dx%d", copies, n, k)}, 0, bytes, 0, func() error {
		for _, w := range weights {
			x.MatMulT(w)
		}
		s.Mark("bench", x)
		return nil
	})
}

// loops times element-wise work over [rows, width].
func (b *Bench) loops(ctx context.Context, rows, width int) error {
	x, y := numbers(rows*width), make([]float32, rows*width)
	gamma := numbers(width)
	k := b.Device.Kernels()
	for _, loop := range []struct {
		name string
		f    func(dst, x []float32)
	}{
		{"gelu", k.GELU}, {"gelu-tanh", k.GELUTanh}, {"silu", k.SiLU}, {"exp", k.Exp}, {"softmax", k.Softmax},
		{"layer-norm", func(dst, x []float32) { k.LayerNorm(dst, x, gamma, gamma, 1e-5) }},
		{"rms-norm", func(dst, x []float32) { k.RMSNorm(dst, x, gamma, 1e-5) }},
		{"add", func(dst, x []float32) { k.Add(dst, x, x) }},
	} {
		err := b.report(ctx, Result{Name: loop.name, Shape: fmt.Sprintf("%dx%d", rows, width)}, 0, 8*float64(rows*width), 0, func() error {
			b.Device.Parallel(rows, 16, func(lo, hi int, _ *kernel.Workspace) {
				for i := lo; i < hi; i++ {
					loop.f(y[i*width:(i+1)*width], x[i*width:(i+1)*width])
				}
			})
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Attention times exact softmax over growing lengths, all pairs, causal and in a
// band, forward and backward.
func (b *Bench) Attention(ctx context.Context) error {
	const heads, width = 12, 64
	for _, n := range []int{128, 512, 1024, 4096} {
		x := numbers(n * heads * width)
		for _, p := range []struct {
			name  string
			seen  attention.Pattern
			pairs float64
		}{
			{"full", attention.Full, float64(n) * float64(n)},
			{"causal", attention.Causal, float64(n) * float64(n+1) / 2},
			{"band-512", attention.Band{Left: 255, Right: 256}, float64(n) * float64(min(n, 512))},
		} {
			work := p.pairs * heads * width * 2
			shape := fmt.Sprintf("%dx%dx%d", n, heads, width)
			core := attention.Core{Heads: heads}
			run := func(tape bool) func() error {
				return func() error {
					pass := nn.NewPass(ctx, nn.Sequences(n), nn.Options{Device: b.Device, Tape: tape})
					defer pass.Close()
					q, k, v := pass.Input(x, n, heads*width), pass.Input(x, n, heads*width), pass.Input(x, n, heads*width)
					out := core.Attend(pass, q, k, v, p.seen)
					if tape {
						out.Sum().Backward()
					}
					return nil
				}
			}
			if err := b.report(ctx, Result{Name: "attention-" + p.name, Shape: shape}, work, 0, 0, run(false)); err != nil {
				return err
			}
			if err := b.report(ctx, Result{Name: "attention-" + p.name + "-train", Shape: shape}, 3.5*work, 0, 0, run(true)); err != nil {
				return err
			}
		}
	}
	return nil
}

package measure

import (
	"context"
	"fmt"

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
	for _, l := range gemmLayouts {
		if err := b.gemmUnpacked(ctx, l.m, l.n, l.k, l.layout); err != nil {
			return err
		}
	}
	if err := b.gemv(ctx, 4096, 4096); err != nil {
		return err
	}
	return b.loops(ctx, 1024, 3072)
}

// gemmLayouts are the products of a training step of BERT-base with 8 texts of 128
// tokens, forward, to the input and to the weight, and what they leave out of the
// four layouts.
var gemmLayouts = []struct {
	m, n, k int
	layout  string // as Result has it
}{
	{1024, 3072, 768, "nt"}, {1024, 768, 3072, "nt"}, {1024, 768, 3072, "nn"}, {1024, 3072, 768, "nn"},
	{3072, 768, 1024, "tn"}, {768, 3072, 1024, "tn+"}, {768, 768, 1024, "tn+"}, {768, 3072, 512, "tt"},
}

// gemmUnpacked times a product of matrices as they are stored.
func (b *Bench) gemmUnpacked(ctx context.Context, m, n, k int, layout string) error {
	s := tensor.NewScope(b.Device, nil)
	defer s.Close()
	view := func(rows, cols int, transposed bool) kernel.View {
		if transposed {
			return kernel.View{Data: numbers(rows * cols), RowStride: 1, ColStride: rows}
		}
		return kernel.View{Data: numbers(rows * cols), RowStride: cols, ColStride: 1}
	}
	x, y, c := view(m, k, layout[0] == 't'), view(k, n, layout[1] == 't'), s.Of(make([]float32, m*n), m, n)
	multiply := s.Multiply
	if layout[2:] == "+" {
		multiply = s.MultiplyOnto
	}
	r := Result{Name: "gemm-unpacked", Shape: fmt.Sprintf("%dx%dx%d", m, n, k), Layout: layout}
	return b.report(ctx, r, float64(m)*float64(n)*float64(k), 0, 0, func() error {
		multiply(m, n, k, x, y, c)
		return nil
	})
}

// gemm times a product with prepared weights, then one without.
func (b *Bench) gemm(ctx context.Context, m, n, k int) error {
	s := tensor.NewScope(b.Device, nil)
	defer s.Close()
	x := s.Of(numbers(m*k), m, k)
	shape, work := fmt.Sprintf("%dx%dx%d", m, n, k), float64(m)*float64(n)*float64(k)
	for _, panels := range []*tensor.Panels{new(tensor.Panels), nil} {
		r := Result{Name: "gemm", Shape: shape}
		if panels == nil {
			r.Name, r.Layout = "gemm-unpacked", "nt"
		}
		w := s.Weight(numbers(n*k), panels, false, n, k)
		err := b.report(ctx, r, work, 0, 0, func() error {
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

package measure

import (
	"context"
	"fmt"

	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// In makes everything that follows be measured in a precision, after its limit.
func (b *Bench) In(ctx context.Context, p nn.Precision) error {
	b.Precision = p
	saturate := b.Device.Kernels().SaturateInt8
	switch p {
	case nn.Float32:
		return nil
	case nn.BFloat16:
		saturate = b.Device.Kernels().SaturateBF16
	}
	n := b.Device.Threads()
	done := make([]int, n)
	median, least, err := b.time(ctx, func() error {
		b.Device.Parallel(n, 1, func(lo, hi int, _ *kernel.Workspace) {
			for i := lo; i < hi; i++ {
				done[i] = saturate(1 << 18)
			}
		})
		return nil
	})
	if err != nil {
		return err
	}
	b.LowPeak = 2 * float64(done[0]) * float64(n) / least.Seconds() / 1e9
	return b.emit(Result{Name: "peak", Shape: b.Device.Name(), DType: p.String(), Threads: n,
		Median: 1e3 * median.Seconds(), Min: 1e3 * least.Seconds(), GFLOPS: b.LowPeak, Share: 1})
}

// gemmLow times a product with prepared weights in the bench's precision, rows
// rounded on the way.
func (b *Bench) gemmLow(ctx context.Context, m, n, k int) error {
	s := tensor.NewScope(b.Device, nil)
	defer s.Close()
	x, w := numbers(m*k), b.lowWeight(s, numbers(n*k), n, k)
	return b.report(ctx, Result{Name: "gemm", Shape: fmt.Sprintf("%dx%dx%d", m, n, k), DType: b.Precision.String()},
		float64(m)*float64(n)*float64(k), 0, 0, func() error {
			s.Of(x, m, k).MatMulT(w) // rows as no product has seen them
			s.Mark("bench", w)
			return nil
		})
}

// gemvLow is gemv in the bench's precision.
func (b *Bench) gemvLow(ctx context.Context, n, k int) error {
	s := tensor.NewScope(b.Device, nil)
	defer s.Close()
	const copies = 8 // more than any cache, read in turn
	var weights []*tensor.Tensor
	data := numbers(n * k)
	for range copies {
		weights = append(weights, b.lowWeight(s, data, n, k))
	}
	x, size := numbers(k), 1.0
	if b.Precision == nn.BFloat16 {
		size = 2
	}
	bytes := size * float64(n) * float64(k) * copies
	r := Result{Name: "gemv", Shape: fmt.Sprintf("%dx1x%dx%d", copies, n, k), DType: b.Precision.String()}
	return b.report(ctx, r, 0, bytes, 0, func() error {
		for _, w := range weights {
			s.Of(x, 1, k).MatMulT(w)
		}
		s.Mark("bench")
		return nil
	})
}

// lowWeight is a weight that products read in the bench's precision.
func (b *Bench) lowWeight(s *tensor.Scope, data []float32, n, k int) *tensor.Tensor {
	w := s.Weight(data, new(tensor.Panels), false, n, k)
	if b.Precision == nn.BFloat16 {
		return w.InBF16()
	}
	return w.InInt8()
}

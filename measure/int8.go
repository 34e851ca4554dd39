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
	if p != nn.Int8 {
		return nil
	}
	n := b.Device.Threads()
	done := make([]int, n)
	median, least, err := b.time(ctx, func() error {
		b.Device.Parallel(n, 1, func(lo, hi int, _ *kernel.Workspace) {
			for i := lo; i < hi; i++ {
				done[i] = b.Device.Kernels().SaturateInt8(1 << 18)
			}
		})
		return nil
	})
	if err != nil {
		return err
	}
	b.Int8Peak = 2 * float64(done[0]) * float64(n) / least.Seconds() / 1e9
	return b.emit(Result{Name: "peak", Shape: b.Device.Name(), DType: p.String(), Threads: n,
		Median: 1e3 * median.Seconds(), Min: 1e3 * least.Seconds(), GFLOPS: b.Int8Peak, Share: 1})
}

// gemmInt8 times a product with prepared weights of 8 bits, rows rounded on the
// way.
func (b *Bench) gemmInt8(ctx context.Context, m, n, k int) error {
	s := tensor.NewScope(b.Device, nil)
	defer s.Close()
	x, name := s.Of(numbers(m*k), m, k), "gemm"
	if m == 1 {
		name = "gemv"
	}
	w := s.Weight(numbers(n*k), new(tensor.Panels), false, n, k).InInt8()
	return b.report(ctx, Result{Name: name, Shape: fmt.Sprintf("%dx%dx%d", m, n, k), DType: nn.Int8.String()},
		float64(m)*float64(n)*float64(k), 0, 0, func() error {
			x.MatMulT(w)
			s.Mark("bench", x, w)
			return nil
		})
}

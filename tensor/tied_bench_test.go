package tensor_test

import (
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/tensor"
)

// The backward pass of a table that is looked up and also scores: a model's
// tied embedding, with a short text and GPT-2's vocabulary.
func BenchmarkTiedTable(b *testing.B) {
	dev := cpu.New(cpu.Options{})
	defer dev.Close()
	const vocabulary, width, rows = 50257, 256, 16
	table := make([]float32, vocabulary*width)
	ids := make([]int32, rows)
	for b.Loop() {
		s := tensor.NewScope(dev, new(tensor.Tape))
		w := s.Weight(table, nil, true, vocabulary, width)
		w.Gather(ids).MatMulT(w).CrossEntropy(ids).Backward()
		s.Close()
	}
	b.ReportMetric(float64(dev.Memory().Peak)/1e6, "MB")
}

package gpt2_test

import (
	"context"
	"fmt"
	"slices"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/model/gpt2"
	"github.com/qkvgo/qkv/nn"
)

// A pattern goes into a model by one line, wherever the model attends: here a
// sliding window of two tokens, in each of two layers. The sixth token then no
// longer depends on the first, but still on the fourth.
func ExampleNew_pattern() {
	c := gpt2.Defaults()
	c.V, c.T, c.D, c.L, c.H = 10, 6, 16, 2, 4
	m := gpt2.New(c)
	for name, w := range nn.Params(m) {
		w.Name = name
		nn.InitNormal(w, 0.5, 1)
	}
	last := func(ids ...int32) []float32 {
		p := nn.NewPass(context.Background(), nn.Sequences(len(ids)), nn.Options{})
		defer p.Close()
		return p.Last(m.Forward(p, ids, nil, nil, nn.Batch{})).Float32s()
	}
	show := func() {
		said := last(0, 1, 2, 3, 4, 5)
		fmt.Println("the last word depends on the first:", !slices.Equal(said, last(9, 1, 2, 3, 4, 5)),
			"and on the fourth:", !slices.Equal(said, last(0, 1, 2, 9, 4, 5)))
	}
	show()
	for _, core := range nn.Find[*attention.Core](m) {
		core.Pattern = attention.Band{Left: 1} // with the page's own causal pattern: each word and the one before
	}
	show()
	// Output:
	// the last word depends on the first: true and on the fourth: true
	// the last word depends on the first: false and on the fourth: true
}

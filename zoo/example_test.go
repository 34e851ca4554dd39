package zoo_test

import (
	"fmt"

	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/zoo"
)

// A model without values is made from its config.json alone: its parameters are
// known before a weight is read.
func ExampleNew() {
	config := []byte(`{"architectures": ["GPT2LMHeadModel"], "n_layer": 2, "n_embd": 8, "n_head": 2, "vocab_size": 100, "n_positions": 16}`)
	m, architecture, _, err := zoo.New(config, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	count := 0
	for name, w := range nn.Params(m) {
		if count == 0 {
			fmt.Println(name, w.Shape)
		}
		count += w.Len()
	}
	fmt.Println(architecture, "has", count, "parameters")
	// Output:
	// transformer.wte.weight [100 8]
	// GPT2LMHeadModel has 2688 parameters
}

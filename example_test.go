package qkv_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/qkvgo/qkv"
	"github.com/qkvgo/qkv/zoo/zootest"
)

// Texts that go on, piece by piece.
func Example() {
	g, err := qkv.OpenGenerator("models/gpt2")
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	o := g.Options
	o.MaxNewTokens, o.DoSample, o.Seed = 100, true, 7
	for piece, err := range g.Text(context.Background(), "Once upon a time", o) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(piece)
	}
}

// folder makes the folder of a tiny model with drawn values.
func folder(kind string) (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "qkv")
	if err == nil {
		err = zootest.Make(kind, dir)
	}
	if err != nil {
		log.Fatal(err)
	}
	return dir, func() { os.RemoveAll(dir) }
}

func ExampleOpenEmbedder() {
	dir, remove := folder("bert")
	defer remove()
	e, err := qkv.OpenEmbedder(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer e.Close()
	vectors, err := e.Embed(context.Background(), "the cat sat .", "the dog ran home and slept .")
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range vectors {
		fmt.Println(len(v), "numbers")
	}
	// Output:
	// 8 numbers
	// 8 numbers
}

func ExampleOpenClassifier() {
	dir, remove := folder("bert-classifier")
	defer remove()
	c, err := qkv.OpenClassifier(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	results, err := c.Texts(context.Background(), "the cat sat .")
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range results[0] { // the likeliest first
		fmt.Printf("%s %.2f\n", s.Label, s.Score)
	}
	// Output:
	// neither 0.60
	// bad 0.33
	// good 0.07
}

func ExampleForecastOf() {
	dir, remove := folder("llama")
	defer remove()
	m, err := qkv.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	f, err := qkv.ForecastOf(m, 16)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("weights:", f.Weights, "bytes")
	fmt.Println("cache:", f.Cache, "bytes")
	// Output:
	// weights: 4416 bytes
	// cache: 1024 bytes
}

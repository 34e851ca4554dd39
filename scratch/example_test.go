package scratch_test

import (
	"context"
	"fmt"
	"slices"

	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/scratch"
)

// The lowest rung: a bag of words, fitted to six messages. Every other kind is made
// alike, and trained by train.Run instead of Fit.
func ExampleNew() {
	messages := []string{"the book is late", "renew my book please", "a late book again", "the heating is cold", "cold rooms today", "no heating today"}
	labels, classes := data.Labels{"loans", "building"}, []int32{0, 0, 0, 1, 1, 1}
	m, err := scratch.New(scratch.Options{Kind: "tfidf"}, slices.Values(messages), labels)
	if err != nil {
		fmt.Println(err)
		return
	}
	ids := make([][]int32, len(messages))
	for i, text := range messages {
		ids[i], _ = m.Encode(text)
	}
	if _, err := m.Model.(model.Direct).Fit(context.Background(), ids, classes, model.FitOptions{C: 10}); err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{"may I renew the book", "why is it so cold"} {
		ids, _ := m.Encode(text)
		p := nn.NewPass(context.Background(), nn.Sequences(len(ids)), nn.Options{})
		scores := m.Run(p, &model.Input{IDs: ids})[0].Value.Row(0)
		fmt.Println(text+":", labels[slices.Index(scores, slices.Max(scores))])
		p.Close()
	}
	fmt.Println(m.Architecture, "with", scratch.Parameters(m.Model), "parameters")
	// Output:
	// may I renew the book: loans
	// why is it so cold: building
	// QKVBagForSequenceClassification with 62 parameters
}

package data

import (
	"math"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/tensor"
)

// Of the tokens 15 % are chosen; of these 80, 10 and 10 % are hidden, exchanged and
// left, within three deviations; special ones never. Labels are those of chosen
// tokens alone: talk A25.
func TestMasking(t *testing.T) {
	const vocab, mask, n = 1000, 4, 200
	texts := make([][]int32, n)
	for i := range texts {
		for at := range 202 {
			id := int32(5 + (i*202+at*7)%(vocab-5))
			if at == 0 || at == 201 {
				id = 2
			}
			texts[i] = append(texts[i], id)
		}
	}
	m := Masking{Mask: mask, Vocab: vocab, Never: []int32{0, 1, 2, 3, 4}}
	b, err := m.Batch(texts, 7)
	if err != nil {
		t.Fatal(err)
	}
	flat := slices.Concat(texts...)
	var all, chosen, hidden, kept, other float64
	for i, id := range b.Input.IDs {
		label := b.Input.Labels[i]
		switch {
		case flat[i] == 2:
			if id != 2 || label != tensor.Ignore {
				t.Fatalf("a special token became %d with label %d", id, label)
			}
			continue
		case label == tensor.Ignore:
			if id != flat[i] {
				t.Fatalf("token %d is not chosen and became %d", flat[i], id)
			}
		case label != flat[i]:
			t.Fatalf("token %d has label %d", flat[i], label)
		case id == mask:
			hidden++
		case id == flat[i]:
			kept++
		default:
			other++
		}
		all++
		if label != tensor.Ignore {
			chosen++
		}
	}
	for _, c := range []struct {
		what           string
		have, of, rate float64
	}{{"chosen", chosen, all, 0.15}, {"hidden", hidden, chosen, 0.8}, {"exchanged", other, chosen, 0.1}, {"left", kept, chosen, 0.1}} {
		deviation := math.Sqrt(c.of * c.rate * (1 - c.rate))
		if math.Abs(c.have-c.of*c.rate) > 3*deviation {
			t.Errorf("%v of %v are %s, want %v ± %.0f", c.have, c.of, c.what, c.of*c.rate, 3*deviation)
		}
	}
	again, _ := m.Batch(texts, 7)
	next, _ := m.Batch(texts, 8)
	if !slices.Equal(again.Input.IDs, b.Input.IDs) || slices.Equal(next.Input.IDs, b.Input.IDs) {
		t.Error("the same draw gives other masks, or another the same")
	}
}

// A text so short that chance would choose nothing has one token chosen; without a
// mask token there is an error.
func TestMaskingOfLittle(t *testing.T) {
	m := Masking{Mask: 4, Vocab: 9, Never: []int32{2, 3}}
	for draw := range uint64(20) {
		b, err := m.Batch([][]int32{{2, 7, 3}}, draw)
		if err != nil || b.Input.Labels[1] != 7 {
			t.Errorf("labels %v, %v", b.Input.Labels, err)
		}
	}
	if _, err := (Masking{Mask: -1, Vocab: 9}).Batch(nil, 0); err == nil {
		t.Error("no mask token is no error")
	}
}

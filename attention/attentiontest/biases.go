package attentiontest

import (
	"math"
	"math/rand/v2"

	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/position"
)

// Bias is a term with its definition in float64.
type Bias struct {
	Name   string
	Term   position.Term
	Params []*nn.Param
	// Score is what the term adds to the score of query i and key j of a head,
	// both counted from the start of their sequence. params are the values of
	// Params.
	Score func(params [][]float64, head, i, j int, q, k []float64, scale float64) float64
}

// MakeBias makes a bias for so many query heads of width dk and sequences of up
// to longest rows, with random parameters.
type MakeBias func(d *rand.Rand, heads, dk, longest int) Bias

// Biases are the terms of package position.
var Biases = []MakeBias{alibi, oneSided, twoSided, relativeKey, relativeKeyQuery}

// alibi is Press et al. 2022 with slopes 2^(−8k/n) for a power of two n, and for
// other n those of half the next power and every other one of that.
func alibi(_ *rand.Rand, heads, _, _ int) Bias {
	return Bias{Name: "alibi", Term: position.NewALiBi(heads, 8), Score: func(_ [][]float64, head, i, j int, _, _ []float64, _ float64) float64 {
		n := 1
		for 2*n <= heads {
			n *= 2
		}
		exponent := 8 * float64(head+1) / float64(n)
		if head >= n {
			exponent = 8 * float64(2*(head-n)+1) / float64(2*n)
		}
		return -math.Exp2(-exponent) * math.Abs(float64(i-j))
	}}
}

func oneSided(d *rand.Rand, heads, _, _ int) Bias { return t5(d, heads, 16, 100, false) }

func twoSided(d *rand.Rand, heads, _, _ int) Bias { return t5(d, heads, 32, 128, true) }

// t5 is the learned bias of Raffel et al. 2020 as the reference rounds it: near
// distances have a bucket each, the rest of a side's n buckets grow
// logarithmically up to farthest.
func t5(d *rand.Rand, heads, buckets, farthest int, two bool) Bias {
	table := param(d, buckets, heads)
	return Bias{Name: "t5", Term: &position.Buckets{Table: table, Farthest: farthest, TwoSided: two}, Params: []*nn.Param{table},
		Score: func(params [][]float64, head, i, j int, _, _ []float64, _ float64) float64 {
			n, at, away := buckets, 0, max(i-j, 0)
			if two {
				n /= 2
				if away = max(i-j, j-i); j > i {
					at = n
				}
			}
			if near := n / 2; away < near {
				at += away
			} else {
				grown := math.Log(float64(away)/float64(near)) / math.Log(float64(farthest)/float64(near)) * float64(n-near)
				at += min(near+int(grown+1e-6), n-1) // whole numbers stay whole
			}
			return params[0][at*heads+head]
		}}
}

func relativeKey(d *rand.Rand, _, dk, longest int) Bias { return shaw(d, dk, longest, false) }

func relativeKeyQuery(d *rand.Rand, _, dk, longest int) Bias { return shaw(d, dk, longest, true) }

// shaw is BERT's relative_key and relative_key_query.
func shaw(d *rand.Rand, dk, longest int, both bool) Bias {
	table := param(d, 2*longest-1, dk)
	return Bias{Name: "shaw", Term: &position.Shaw{Table: table, Both: both}, Params: []*nn.Param{table},
		Score: func(params [][]float64, _, i, j int, q, k []float64, scale float64) float64 {
			e := params[0][(i-j+longest-1)*dk:][:dk]
			sum := dot(q, e)
			if both {
				sum += dot(k, e)
			}
			return scale * sum
		}}
}

func param(d *rand.Rand, rows, width int) *nn.Param {
	p := nn.NewParam(rows, width)
	p.Set((&draw{d}).normal(rows * width))
	return p
}

package bag

import (
	"math"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/internal/portable"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/model"
)

// regression is the objective over fixed documents. Its point is a weight for each
// feature that occurs and column, [features, columns], and the columns' biases.
type regression struct {
	dev      device.Device
	c        float64
	columns  int     // classes; 1 for two of them
	features []int32 // that occur in a document
	labels   []int32
	rows     matrix    // a row a document
	turned   matrix    // a row a feature
	residual []float64 // [documents, columns]: probability less label
	losses   []float64 // [documents]
}

// matrix is a sparse one: row i has value[at[i]:at[i+1]] in columns column[…].
type matrix struct {
	at, column []int
	value      []float64
}

func newRegression(m *Model, documents [][]int32, labels []int32, o model.FitOptions) *regression {
	r := &regression{dev: o.Device, c: o.C, columns: m.Count(), labels: labels, rows: matrix{at: []int{0}},
		losses: make([]float64, len(documents))}
	if r.columns == 2 {
		r.columns = 1
	}
	place := make([]int, m.F)
	vectors := make([]Vector, len(documents))
	for i, ids := range documents {
		vectors[i] = m.Vector(ids)
		for _, f := range vectors[i].Index {
			place[f] = 1
		}
	}
	for f, occurs := range place {
		if occurs == 1 {
			place[f] = len(r.features)
			r.features = append(r.features, int32(f))
		}
	}
	for _, v := range vectors {
		for t, f := range v.Index {
			r.rows.column, r.rows.value = append(r.rows.column, place[f]), append(r.rows.value, float64(v.Value[t]))
		}
		r.rows.at = append(r.rows.at, len(r.rows.column))
	}
	r.turned = r.rows.turn(len(r.features))
	r.residual = make([]float64, len(documents)*r.columns)
	return r
}

// turn is the transposed matrix, which has n rows; the columns of each ascend.
func (m matrix) turn(n int) matrix {
	t := matrix{make([]int, n+1), make([]int, len(m.column)), make([]float64, len(m.value))}
	for _, c := range m.column {
		t.at[c+1]++
	}
	for c := range n {
		t.at[c+1] += t.at[c]
	}
	next := append([]int{}, t.at[:n]...)
	for row := range len(m.at) - 1 {
		for i := m.at[row]; i < m.at[row+1]; i++ {
			to := next[m.column[i]]
			next[m.column[i]]++
			t.column[to], t.value[to] = row, m.value[i]
		}
	}
	return t
}

// size is the length of a point.
func (r *regression) size() int { return (len(r.features) + 1) * r.columns }

// at is the objective at a point x, and its gradient. Each document's scores are one
// chain of sums over its features, each feature's slope one over its documents, the
// loss one over all.
func (r *regression) at(x, gradient []float64) float64 {
	n, k := len(r.labels), r.columns
	bias := len(r.features) * k
	r.dev.Parallel(n, 64, func(lo, hi int, _ *kernel.Workspace) {
		for i := lo; i < hi; i++ {
			z := r.residual[i*k : (i+1)*k]
			copy(z, x[bias:])
			for t := r.rows.at[i]; t < r.rows.at[i+1]; t++ {
				w, v := x[r.rows.column[t]*k:], r.rows.value[t]
				for j := range z {
					z[j] += float64(v * w[j])
				}
			}
			r.losses[i] = judge(z, r.labels[i])
		}
	})
	r.dev.Parallel(len(r.features), 128, func(lo, hi int, _ *kernel.Workspace) {
		for f := lo; f < hi; f++ {
			g := gradient[f*k : (f+1)*k]
			clear(g)
			for t := r.turned.at[f]; t < r.turned.at[f+1]; t++ {
				z, v := r.residual[r.turned.column[t]*k:], r.turned.value[t]
				for j := range g {
					g[j] += float64(v * z[j])
				}
			}
			for j := range g {
				g[j] = float64(r.c*g[j]) + x[f*k+j]
			}
		}
	})
	clear(gradient[bias:])
	loss := 0.0
	for i := range n {
		loss += r.losses[i]
		for j := range k {
			gradient[bias+j] += r.residual[i*k+j]
		}
	}
	for j := range k {
		gradient[bias+j] *= r.c
	}
	return float64(r.c*loss) + float64(0.5*r.dot(x[:bias], x[:bias]))
}

// judge is −ln p[label] of scores z, and makes z the probabilities less the label: of
// the second of two classes where there is one score.
func judge(z []float64, label int32) float64 {
	if len(z) == 1 {
		s := z[0]
		if label == 0 {
			s = -s
		}
		e := portable.Exp(-math.Abs(s))
		miss := e / (1 + e) // probability of the other label, where this one is the likelier
		if s < 0 {
			miss = 1 / (1 + e)
		}
		if z[0] = miss; label == 1 {
			z[0] = -miss
		}
		return max(-s, 0) + portable.Log(1+e)
	}
	top := z[0]
	for _, v := range z {
		top = max(top, v)
	}
	own, sum := z[label]-top, 0.0
	for j, v := range z {
		z[j] = portable.Exp(v - top)
		sum += z[j]
	}
	for j := range z {
		z[j] /= sum
	}
	z[label]--
	return portable.Log(sum) - own
}

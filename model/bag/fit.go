package bag

import (
	"context"
	"fmt"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/model"
)

// Fit finds the one lowest point of
//
//	C·Σ_documents −ln softmax(x·W + b)[label] + ½·‖W‖²
//
// by L-BFGS: scikit-learn's LogisticRegression(C=C), for two classes too, where one
// vector of weights stands for the difference of both and the first class's is 0. It
// begins with the documents' tf-idf weights where the config asks for these. Sums run
// in a fixed order: threads change no bit.
func (m *Model) Fit(ctx context.Context, documents [][]int32, labels []int32, o model.FitOptions) (model.Fitted, error) {
	k := m.Count()
	if len(documents) != len(labels) || len(documents) == 0 {
		return model.Fitted{}, fmt.Errorf("fit: %d documents and %d labels, want as many, and some", len(documents), len(labels))
	}
	for i, l := range labels {
		if k < 2 || l < 0 || int(l) >= k {
			return model.Fitted{}, fmt.Errorf("fit: document %d has class %d of %d", i+1, l, k)
		}
	}
	if m.IDF != nil {
		m.weigh(documents)
	}
	if o.C == 0 {
		o.C = 1
	}
	if o.Tolerance == 0 {
		o.Tolerance = 1e-6
	}
	if o.Most == 0 {
		o.Most = 1000
	}
	if o.Device == nil {
		o.Device = cpu.Default()
	}
	r := newRegression(m, documents, labels, o)
	found, fitted, err := r.minimize(ctx, o)
	if err != nil {
		return fitted, err
	}
	r.store(m, found)
	return fitted, nil
}

// store gives the model the weights that were found; features that no document has
// weigh nothing.
func (r *regression) store(m *Model, found []float64) {
	k := m.Count()
	coef, bias := make([]float32, m.F*k), make([]float32, k)
	for a, f := range r.features {
		for j := range r.columns {
			coef[int(f)*k+k-r.columns+j] = float32(found[a*r.columns+j])
		}
	}
	for j := range r.columns {
		bias[k-r.columns+j] = float32(found[len(r.features)*r.columns+j])
	}
	m.Coef.Set(coef)
	m.Bias.Set(bias)
}

package check_test

import (
	"testing"

	"github.com/qkvgo/qkv/check"
	"github.com/qkvgo/qkv/nn"
)

// A case in int8 is off by more than float32 may be and by less than a twentieth,
// and its first choices are counted.
func TestPrecision(t *testing.T) {
	for name, config := range configs {
		c := newCase(t, config, masks["right"])
		if r := c.run(t); r.Status != check.OK {
			t.Fatalf("%s: %+v", name, r)
		}
		for _, precision := range []nn.Precision{nn.Int8, nn.BFloat16} {
			r := check.Precision(t.Context(), c.dir, precision, check.Options{})
			if r.Status != check.OK || r.DType != precision.String() || r.Tensors == 0 || r.Worst == "" {
				t.Fatalf("%s: %+v", name, r)
			}
			if r.Largest < 1e-4 || r.Largest > 0.2 || r.Mean <= 0 || r.Mean > r.Largest {
				t.Errorf("%s: off by %g, mean %g", name, r.Largest, r.Mean)
			}
			if r.Rows == 0 || r.Agreement < 0.5 || r.Agreement > 1 || r.Reference < 0.5 || r.Reference > 1 {
				t.Errorf("%s: agreement %g, with the reference %g, of %d rows", name, r.Agreement, r.Reference, r.Rows)
			}
		}
		exact := check.Precision(t.Context(), c.dir, nn.Float32, check.Options{})
		if exact.Largest > 1e-5 || exact.Agreement != 1 || exact.Reference != 1 {
			t.Errorf("%s: in float32 off by %g, agreement %g", name, exact.Largest, exact.Agreement)
		}
	}
	if r := check.Precision(t.Context(), t.TempDir(), nn.Int8, check.Options{}); r.Status != check.Unsupported || r.Why == "" {
		t.Errorf("an empty folder: %+v", r)
	}
}

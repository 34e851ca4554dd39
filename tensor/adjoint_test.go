package tensor_test

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/tensor"
)

const unit = 0x1p-24

// notOps are the methods of Tensor that compute nothing.
var notOps = []string{"Shape", "Rows", "Width", "Stride", "Scope", "Row", "Data", "Float32s", "Ints", "Scalar", "View",
	"Transposed", "Keep", "Exact", "Overwritten", "Named", "InInt8", "InBF16", "Needs", "Grad", "Backward"}

// Every op is in the table.
func TestTableIsComplete(t *testing.T) {
	known := slices.Clone(notOps)
	for _, o := range ops {
		known = append(known, o.name)
	}
	methods := reflect.TypeFor[*tensor.Tensor]()
	for i := range methods.NumMethod() {
		if name := methods.Method(i).Name; !slices.Contains(known, name) {
			t.Errorf("%s is neither in ops nor in notOps", name)
		}
	}
}

// Every op gives the plain function's value, and its adjoint the slopes of the
// plain function, whatever the operands look like in memory and whichever of
// them want a gradient, also when the layer with the op has ended before the
// adjoint runs, whether what it reads was kept or is computed again.
func TestOps(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 2})
	defer dev.Close()
	for n, o := range ops {
		t.Run(o.name, func(t *testing.T) {
			for trial := range uint64(25) {
				d := newDraw(uint64(n)<<32|trial, false)
				checkOp(t, dev, d, o, o.draw(d))
			}
		})
	}
	if m := dev.Memory(); m.InUse != 0 {
		t.Errorf("%d bytes still in use", m.InUse)
	}
}

func checkOp(t *testing.T, dev *cpu.Device, d draw, o op, c call) {
	t.Helper()
	s := tensor.NewScope(dev, &tensor.Tape{Recompute: d.IntN(2) == 0})
	defer s.Close()
	operands, x, wanted := make([]operand, len(c.in)), make([]*tensor.Tensor, len(c.in)), false
	values := d.IntN(2) == 0 // computed in this scope, whose memory goes back
	for i, m := range c.in {
		operands[i] = lay(d, s, m, d.IntN(4) > 0)
		x[i] = operands[i].view
		if values {
			x[i] = x[i].Scale(1)
		}
		wanted = wanted || operands[i].wants
	}
	y := c.op(x)
	want := c.ref(c.in)
	if y.Rows() != want.rows || y.Width() != want.width {
		t.Fatalf("have %d rows of %d, want %d of %d", y.Rows(), y.Width(), want.rows, want.width)
	}
	for i, have := range y.Float32s() {
		if !within(float64(have), want.v[i], unit*(o.relative*math.Abs(want.v[i])+o.absolute)) {
			t.Fatalf("element %d of %v: have %v, want %v", i, sizes(c.in), have, want.v[i])
		}
	}
	if y.Needs() != wanted {
		t.Fatalf("needs a gradient: %v, want %v", y.Needs(), wanted)
	}
	if !wanted {
		return
	}
	s.Mark("the end of the layer", y)
	cotangent := d.normal(want.rows, want.width)
	y.Mul(s.Of(cotangent.float32s(), y.Shape()...)).Sum().Backward()
	for i := range operands {
		operands[i].check(t, d, o, c, i, cotangent)
	}
}

func sizes(in []mat) (s [][2]int) {
	for _, m := range in {
		s = append(s, [2]int{m.rows, m.width})
	}
	return s
}

// within says whether have is want, or as near as the bound; not a number
// is itself.
func within(have, want, bound float64) bool {
	if math.IsNaN(want) {
		return math.IsNaN(have)
	}
	return math.Abs(have-want) <= bound || have == want
}

// operand is a matrix that lies in a larger one as some view.
type operand struct {
	whole, view *tensor.Tensor
	wants       bool
	at          func(i, j int) int // place in whole
}

// lay puts m into the scope: whole, or as columns, rows or a window of a larger
// matrix, or reshaped from a vector.
func lay(d draw, s *tensor.Scope, m mat, wants bool) operand {
	rows, width, r0, c0 := m.rows, m.width, 0, 0
	how := d.IntN(5)
	if how&1 != 0 {
		width, c0 = width+5, 2
	}
	if how&2 != 0 {
		rows, r0 = rows+3, 1
	}
	data := make([]float32, rows*width)
	for i := range data {
		data[i] = 7 // what lies beside the operand must not matter
	}
	at := func(i, j int) int { return (r0+i)*width + c0 + j }
	for i := range m.rows {
		for j := range m.width {
			data[at(i, j)] = float32(m.at(i, j))
		}
	}
	shape := []int{rows, width}
	if how == 4 {
		shape = []int{rows * width}
	}
	whole := s.Weight(data, nil, wants, shape...)
	view := whole
	switch {
	case how == 4:
		view = whole.Reshape(rows, width)
	case how&1 != 0:
		view = whole.Cols(c0, c0+m.width)
	}
	if how&2 != 0 {
		view = view.Slice(r0, r0+m.rows)
	}
	return operand{whole, view, wants, at}
}

// check compares the gradient of operand k with differences of the plain
// function.
func (p operand) check(t *testing.T, d draw, o op, c call, k int, cotangent mat) {
	t.Helper()
	g := p.whole.Grad()
	if !p.wants {
		if g != nil {
			t.Fatalf("operand %d is frozen and has a gradient", k)
		}
		return
	}
	n, m := len(p.whole.Data()), c.in[k]
	have := make([]float64, n)
	if g != nil {
		if !slices.Equal(g.Shape(), p.whole.Shape()) || len(g.Data()) != n {
			t.Fatalf("gradient of operand %d: %v in %d numbers, want %v", k, g.Shape(), len(g.Data()), p.whole.Shape())
		}
		for i, v := range g.Data() {
			have[i] = float64(v)
		}
	}
	bound := o.slope
	if bound == 0 {
		bound = 64
	}
	largest, inside := 1.0, make([]bool, n)
	for i := range m.rows {
		for j := range m.width {
			inside[p.at(i, j)] = true
			largest = max(largest, math.Abs(have[p.at(i, j)]))
		}
	}
	for i, v := range have {
		if !inside[i] && v != 0 {
			t.Fatalf("gradient of operand %d is %v beside the view", k, v)
		}
	}
	for range min(len(m.v), 40) {
		i := d.IntN(len(m.v))
		want := slope(c, k, i, cotangent)
		if v := have[p.at(i/m.width, i%m.width)]; !within(v, want, bound*unit*largest+1e-8) {
			t.Fatalf("gradient of element %d of operand %d of %v: have %v, want %v", i, k, sizes(c.in), v, want)
		}
	}
}

// slope is the derivative of Σ y·cotangent by element i of operand k.
func slope(c call, k, i int, cotangent mat) float64 {
	const h = 1e-4
	in := slices.Clone(c.in)
	in[k].v = slices.Clone(in[k].v)
	at := func(v float64) float64 {
		in[k].v[i] = v
		return c.ref(in).with(cotangent, func(y, c float64) float64 { return y * c }).sum()
	}
	v := c.in[k].v[i]
	return (at(v+h) - at(v-h)) / (2 * h)
}

// Every op and its gradients have the same bits on any number of threads and
// with every kernel set.
func TestOpsSameBits(t *testing.T) {
	for n, o := range ops {
		t.Run(o.name, func(t *testing.T) {
			c := o.draw(newDraw(uint64(n), true))
			want := bitsOf(c, cpu.Options{Threads: 1, Kernels: kernel.Sets()[len(kernel.Sets())-1]})
			for _, set := range kernel.Sets() {
				for _, threads := range []int{1, 2, 3, 7} {
					have := bitsOf(c, cpu.Options{Threads: threads, Kernels: set})
					if i := firstDifference(have, want); i >= 0 {
						t.Errorf("%d threads of %s: number %d of %v differs", threads, set.Name, i, sizes(c.in))
					}
				}
			}
		})
	}
}

// bitsOf is the result of a call and the gradients of all its operands.
func bitsOf(c call, o cpu.Options) []float32 {
	dev := cpu.New(o)
	s := tensor.NewScope(dev, new(tensor.Tape))
	x := make([]*tensor.Tensor, len(c.in))
	for i, m := range c.in {
		x[i] = s.Input(m.float32s(), m.rows, m.width)
	}
	y := c.op(x)
	bits := y.Float32s()
	y.Mul(s.Of(weightsLike(y), y.Shape()...)).Sum().Backward()
	for i := range x {
		bits = append(bits, x[i].Grad().Float32s()...)
	}
	s.Close()
	dev.Close()
	return bits
}

// weightsLike is a fixed cotangent: the same for a row wherever it stands would
// hide mistakes, so it varies with the place.
func weightsLike(y *tensor.Tensor) []float32 {
	w := make([]float32, y.Rows()*y.Width())
	for i := range w {
		w[i] = float32(i%13)/8 - 0.7
	}
	return w
}

// firstDifference is where two lists of numbers differ in a bit, or -1.
func firstDifference(a, b []float32) int {
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return i
		}
	}
	return -1
}

// A row alone has the bits it has in the middle of a batch, and so has its
// gradient.
func TestRowsAlone(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 2})
	defer dev.Close()
	for n, o := range ops {
		if o.byRow == nil {
			continue
		}
		t.Run(o.name, func(t *testing.T) {
			d := newDraw(uint64(n), true)
			c := o.draw(d)
			rows := c.in[0].rows
			whole, grads := rowBits(dev, o, c, 0, rows)
			for _, i := range []int{0, rows / 2, rows - 1} {
				y, g := rowBits(dev, o, c, i, i+1)
				if firstDifference(y, whole[i*len(y):(i+1)*len(y)]) >= 0 {
					t.Errorf("row %d of %d alone differs", i, rows)
				}
				for k := range g {
					if firstDifference(g[k], grads[k][i*len(g[k]):(i+1)*len(g[k])]) >= 0 {
						t.Errorf("row %d of %d: gradient of operand %d alone differs", i, rows, o.byRow[k])
					}
				}
			}
		})
	}
}

// rowBits runs a call over rows lo:hi of the operands that are taken by row. It
// gives the result and those operands' gradients.
func rowBits(dev *cpu.Device, o op, c call, lo, hi int) (y []float32, grads [][]float32) {
	s := tensor.NewScope(dev, new(tensor.Tape))
	defer s.Close()
	x := make([]*tensor.Tensor, len(c.in))
	for i, m := range c.in {
		if slices.Contains(o.byRow, i) {
			m = m.window(lo, hi, 0, m.width)
		}
		x[i] = s.Input(m.float32s(), m.rows, m.width)
	}
	out := c.op(x)
	y = out.Float32s()
	// The cotangent of a row is the same in both runs.
	w := weightsLike(out)
	for i := range w {
		w[i] = float32((lo*out.Width()+i)%13)/8 - 0.7
	}
	out.Mul(s.Of(w, out.Shape()...)).Sum().Backward()
	for _, k := range o.byRow {
		grads = append(grads, x[k].Grad().Float32s())
	}
	return y, grads
}

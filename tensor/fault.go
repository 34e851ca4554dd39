package tensor

import (
	"errors"
	"fmt"
	"strings"

	"github.com/qkvgo/qkv/device"
)

// Fault is what an op panics with where its operands do not fit.
type Fault struct {
	Op     string  // the op's name
	Param  string  // the parameter involved, if any
	Shapes [][]int // the operands' shapes
	Msg    string  // what is wrong
}

// Error names the op, the parameter, the shapes and what is wrong.
func (f *Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.Op)
	if f.Param != "" {
		b.WriteString(" with " + f.Param)
	}
	for i, s := range f.Shapes {
		if i == 0 {
			b.WriteString(": ")
		} else {
			b.WriteString(" and ")
		}
		fmt.Fprint(&b, s)
	}
	if f.Msg != "" {
		b.WriteString(": " + f.Msg)
	}
	return b.String()
}

// Canceled is what a pass panics with when its context ends; Guard gives the
// context's error.
type Canceled struct{ Err error }

// Guard, deferred at a package's border, turns a fault, a cancellation or an
// allocation failure into *err and lets every other panic fly:
//
//	func (m *Model) Embed(text string) (v []float32, err error) {
//		defer tensor.Guard(&err)
func Guard(err *error) {
	switch e := recover().(type) {
	case nil:
	case *Fault:
		*err = errors.Join(*err, e)
	case *Canceled:
		*err = errors.Join(*err, e.Err)
	case *device.OutOfMemory:
		*err = errors.Join(*err, e)
	default:
		panic(e)
	}
}

// fault is the op's complaint about its operands.
func fault(op, msg string, operands ...*Tensor) *Fault {
	f := &Fault{Op: op, Msg: msg}
	for _, x := range operands {
		f.Shapes = append(f.Shapes, x.shape)
		if f.Param == "" {
			f.Param = x.name
		}
	}
	return f
}

// same panics unless x and y have equal rows and width.
func same(op string, x, y *Tensor) {
	if x.rows != y.rows || x.width != y.width {
		panic(fault(op, "shapes differ", x, y))
	}
}

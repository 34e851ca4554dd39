// Package nn is what model pages are made of: parameters, the pass that reads
// them, the batch of sequences it carries, and the layers without attention.
package nn

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/tensor"
)

// DType is how a parameter's numbers are stored.
type DType uint8

// The storage types of parameters. Arithmetic is in float32 whatever it is.
const (
	F32 DType = iota
	BF16
	F16
)

// String is the type's name as safetensors writes it.
func (t DType) String() string { return [...]string{"F32", "BF16", "F16"}[t] }

// Size is the bytes of one number.
func (t DType) Size() int { return [...]int{4, 2, 2}[t] }

// Param is one weight of a model: a struct field of a layer, bound to the tensor
// of a checkpoint that its tag names. A loaded Param is read by many passes at
// once and not changed; training changes it between passes.
type Param struct {
	Name   string // full name in the checkpoint, once bound
	Shape  []int
	Frozen bool // no gradient is wanted

	mu     sync.Mutex
	dtype  DType
	raw    []byte    // as stored: a view of the mapped file, or owned
	keep   any       // what raw is a view of
	f32    []float32 // the values; of 16-bit storage made at first use
	panels tensor.Panels
}

// NewParam declares a parameter; it has no values until it is bound or set.
func NewParam(shape ...int) *Param { return &Param{Shape: shape} }

// Len is the number of elements.
func (w *Param) Len() int {
	n := 1
	for _, d := range w.Shape {
		n *= d
	}
	return n
}

// DType is how the numbers are stored.
func (w *Param) DType() DType { return w.dtype }

// Bound says whether the parameter has values.
func (w *Param) Bound() bool { return w.raw != nil || w.f32 != nil || w.Len() == 0 }

// Bind makes raw, little-endian numbers of type t, the parameter's storage. No
// copy is made where the memory is aligned: raw must stay as it is.
func (w *Param) Bind(t DType, raw []byte) {
	if len(raw) != w.Len()*t.Size() {
		panic(fmt.Sprintf("nn: %s: %d bytes for shape %v of %s", w.Name, len(raw), w.Shape, t))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dtype, w.raw, w.keep, w.f32 = t, raw, nil, nil
	w.panels.Prepared = nil
	w.panels.Drop()
}

// BindKept is Bind that holds on to owner, whose memory raw is a view of. If owner
// has a method Rest, it is called when a copy in the kernels' order has been made.
func (w *Param) BindKept(t DType, raw []byte, owner any) {
	w.Bind(t, raw)
	w.keep = owner
	if r, ok := owner.(interface{ Rest() }); ok {
		w.panels.Prepared = r.Rest
	}
}

// Set gives the parameter float32 values of its own, taking over data.
func (w *Param) Set(data []float32) {
	if len(data) != w.Len() {
		panic(fmt.Sprintf("nn: %s: %d values for shape %v", w.Name, len(data), w.Shape))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dtype, w.raw, w.keep, w.f32 = F32, nil, nil, data
	w.panels.Prepared = nil
	w.panels.Drop()
}

// Float32 is the values, row by row. It is read-only unless Own was called.
func (w *Param) Float32() []float32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.values()
}

func (w *Param) values() []float32 {
	if w.f32 != nil || w.Len() == 0 {
		return w.f32
	}
	if w.raw == nil {
		panic(&tensor.Fault{Op: "Use", Param: w.Name, Shapes: [][]int{w.Shape}, Msg: "the parameter has no values yet"})
	}
	n := w.Len()
	p := unsafe.Pointer(unsafe.SliceData(w.raw))
	switch {
	case w.dtype == F32 && uintptr(p)%4 == 0:
		w.f32 = unsafe.Slice((*float32)(p), n)
	case w.dtype == F32:
		w.f32 = make([]float32, n)
		copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w.f32))), 4*n), w.raw)
	default:
		half := make([]uint16, n)
		copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(half))), 2*n), w.raw)
		w.f32 = make([]float32, n)
		if w.dtype == BF16 {
			kernel.Best().BF16ToF32(w.f32, half)
		} else {
			kernel.Best().F16ToF32(w.f32, half)
		}
	}
	return w.f32
}

// half is the storage, where that is numbers of 16 bits in place and nobody has
// asked for float32 yet.
func (w *Param) half() (h tensor.Half, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := unsafe.Pointer(unsafe.SliceData(w.raw))
	if w.dtype == F32 || w.f32 != nil || len(w.raw) == 0 || uintptr(p)%2 != 0 {
		return h, false
	}
	return tensor.Half{Bits: unsafe.Slice((*uint16)(p), w.Len()), BF16: w.dtype == BF16}, true
}

// Copies is the bytes that the parameter takes beside its storage: values of 16
// bits that were widened as a whole, and panels for the kernels.
func (w *Param) Copies() (widened, panels int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dtype != F32 && w.f32 != nil {
		widened = 4 * len(w.f32)
	}
	return widened, w.panels.Bytes()
}

// Own makes the values the parameter's own, so that training may change them in
// place, and gives them. Storage becomes F32, and no file is needed any more.
func (w *Param) Own() []float32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.raw != nil {
		w.f32 = append([]float32{}, w.values()...)
		w.dtype, w.raw, w.keep = F32, nil, nil
		w.panels.Prepared = nil
	}
	return w.f32
}

// Changed says that the values were changed in place: prepared copies are made
// anew at the next use.
func (w *Param) Changed() { w.panels.Drop() }

// Raw is the storage as it would be written to a file: type and little-endian
// bytes, without a copy.
func (w *Param) Raw() (DType, []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.raw != nil {
		return w.dtype, w.raw
	}
	return F32, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w.f32))), 4*len(w.f32))
}

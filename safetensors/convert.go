package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"unsafe"
)

// littleEndian tells whether this machine stores numbers as the format does.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// Float32s returns the numbers of an F32 tensor as they lie in the file, without
// a copy, and false if that cannot be: another type, another byte order, or bytes
// that are not aligned to 4. The view is valid as long as Data is.
func (t Tensor) Float32s() ([]float32, bool) {
	p := unsafe.SliceData(t.Data)
	if t.DType != F32 || !littleEndian || uintptr(unsafe.Pointer(p))%4 != 0 {
		return nil, false
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(p)), len(t.Data)/4), true
}

// ToFloat32 writes the tensor's numbers to dst, which must have Len elements.
// F16 and BF16 widen exactly; F64 is rounded to nearest. Other types are errors.
func (t Tensor) ToFloat32(dst []float32) error {
	if err := t.checkLen(len(dst)); err != nil {
		return err
	}
	switch t.DType {
	case F32:
		if src, ok := t.Float32s(); ok {
			copy(dst, src)
			return nil
		}
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
		}
	case BF16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(t.Data[2*i:])) << 16)
		}
	case F16:
		for i := range dst {
			dst[i] = widenF16(binary.LittleEndian.Uint16(t.Data[2*i:]))
		}
	case F64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(t.Data[8*i:])))
		}
	default:
		return fmt.Errorf("%v: cannot be read as floating-point numbers; supported are F32, F16, BF16 and F64", t)
	}
	return nil
}

// ToInt64 writes the numbers of an integer or BOOL tensor to dst, which must have
// Len elements. Other types are errors, and so is a U64 above the largest int64.
func (t Tensor) ToInt64(dst []int64) error {
	if err := t.checkLen(len(dst)); err != nil {
		return err
	}
	le := binary.LittleEndian
	for i := range dst {
		switch b := t.Data[i*t.DType.Size():]; t.DType {
		case Bool, U8:
			dst[i] = int64(b[0])
		case I8:
			dst[i] = int64(int8(b[0]))
		case I16:
			dst[i] = int64(int16(le.Uint16(b)))
		case U16:
			dst[i] = int64(le.Uint16(b))
		case I32:
			dst[i] = int64(int32(le.Uint32(b)))
		case U32:
			dst[i] = int64(le.Uint32(b))
		case I64:
			dst[i] = int64(le.Uint64(b))
		case U64:
			u := le.Uint64(b)
			if u > math.MaxInt64 {
				return fmt.Errorf("%v: element %d is %d, too large for a signed integer", t, i, u)
			}
			dst[i] = int64(u)
		default:
			return fmt.Errorf("%v: cannot be read as integers", t)
		}
	}
	return nil
}

// checkLen returns an error unless the tensor has n elements and their bytes.
func (t Tensor) checkLen(n int) error {
	if t.Len() != n || len(t.Data) != n*t.DType.Size() {
		return fmt.Errorf("%v: have room for %d elements and %d bytes of them, want %d", t, n, len(t.Data), t.Len())
	}
	return nil
}

// widenF16 returns the value of an IEEE 754 half-precision number.
func widenF16(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exponent := uint32(h>>10) & 0x1f
	fraction := uint32(h) & 0x3ff
	switch {
	case exponent == 0x1f: // infinity or NaN
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	case exponent == 0 && fraction == 0:
		return math.Float32frombits(sign)
	case exponent == 0: // subnormal: fraction · 2⁻²⁴, normal in float32
		shift := uint32(bits.LeadingZeros32(fraction)) - 21 // brings the leading one to bit 10
		fraction = fraction << shift & 0x3ff
		return math.Float32frombits(sign | (113-shift)<<23 | fraction<<13)
	default:
		return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
	}
}

package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// FromFloat32 returns a tensor of type F32, F16 or BF16 with these values, which
// must be as many as the shape says. The narrow types round to nearest, ties to
// even; F16 turns what is too large into infinity. An F32 tensor is a view of
// values where the machine stores numbers as the format does.
func FromFloat32(name string, dtype DType, shape []int, values []float32) (Tensor, error) {
	t := Tensor{Name: name, DType: dtype, Shape: shape}
	if size, ok := byteSize(F32, shape); !ok || size != 4*len(values) {
		return Tensor{}, fmt.Errorf("%v: have %d values", t, len(values))
	}
	switch dtype {
	case F32:
		if littleEndian {
			t.Data = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 4*len(values))
			return t, nil
		}
		for _, v := range values {
			t.Data = binary.LittleEndian.AppendUint32(t.Data, math.Float32bits(v))
		}
	case BF16:
		t.Data = make([]byte, 2*len(values))
		for i, v := range values {
			binary.LittleEndian.PutUint16(t.Data[2*i:], narrowBF16(v))
		}
	case F16:
		t.Data = make([]byte, 2*len(values))
		for i, v := range values {
			binary.LittleEndian.PutUint16(t.Data[2*i:], narrowF16(v))
		}
	default:
		return Tensor{}, fmt.Errorf("%v: cannot be made of floating-point numbers; supported are F32, F16 and BF16", t)
	}
	return t, nil
}

// narrowBF16 rounds to the nearest bfloat16, ties to even.
func narrowBF16(v float32) uint16 {
	b := math.Float32bits(v)
	if v != v {
		return uint16(b>>16) | 0x40 // quiet, lest the fraction be cut to an infinity's
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// narrowF16 rounds to the nearest half-precision number, ties to even.
func narrowF16(v float32) uint16 {
	b := math.Float32bits(v)
	sign := uint16(b >> 16 & 0x8000)
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000: // NaN
		return sign | 0x7e00 | uint16(b>>13&0x1ff)
	case b >= 0x477ff000: // at least half a step above the largest, 65504
		return sign | 0x7c00
	case b < 0x38800000: // below 2⁻¹⁴: a multiple of 2⁻²⁴, which the sum rounds to
		sum := math.Float32frombits(b) + 0.5
		return sign | uint16(math.Float32bits(sum)-math.Float32bits(0.5))
	default:
		b += 0xfff + b>>13&1
		return sign | uint16((b-112<<23)>>13)
	}
}

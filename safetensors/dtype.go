package safetensors

import "fmt"

// DType is the type of a tensor's numbers.
type DType uint8

// The types of the format, in the order in which the reference ranks them: a
// file holds the arrays of higher types first.
const (
	Bool DType = iota + 1
	U8
	I8
	F8E5M2
	F8E4M3
	F8E8M0
	I16
	U16
	F16
	BF16
	I32
	U32
	F32
	F64
	I64
	U64
)

var dtypes = [...]struct {
	name string
	size int
}{
	Bool: {"BOOL", 1}, U8: {"U8", 1}, I8: {"I8", 1},
	F8E5M2: {"F8_E5M2", 1}, F8E4M3: {"F8_E4M3", 1}, F8E8M0: {"F8_E8M0", 1},
	I16: {"I16", 2}, U16: {"U16", 2}, F16: {"F16", 2}, BF16: {"BF16", 2},
	I32: {"I32", 4}, U32: {"U32", 4}, F32: {"F32", 4},
	F64: {"F64", 8}, I64: {"I64", 8}, U64: {"U64", 8},
}

// ParseDType returns the type that a header calls name, and false if the format
// has none of that name.
func ParseDType(name string) (DType, bool) {
	for d, t := range dtypes {
		if t.name == name && d > 0 {
			return DType(d), true
		}
	}
	return 0, false
}

// known tells whether d is one of the constants.
func (d DType) known() bool { return d > 0 && int(d) < len(dtypes) }

// String returns the header's name of the type, such as "BF16".
func (d DType) String() string {
	if !d.known() {
		return fmt.Sprintf("DType(%d)", uint8(d))
	}
	return dtypes[d].name
}

// Size returns the bytes of one number, 0 for an unknown type.
func (d DType) Size() int {
	if !d.known() {
		return 0
	}
	return dtypes[d].size
}

package parquet

import (
	"math"
	"strconv"
)

// Kind is what a value is.
type Kind uint8

// The kinds.
const (
	Null Kind = iota
	Bool
	Int
	Uint
	Real
	String // bytes, UTF-8 where the column says so
	List
)

// Value is one value of a row.
type Value struct {
	Kind  Kind
	Bits  uint64 // of Bool, Int, Uint and Real
	Bytes []byte // of String; not to be changed
	List  []Value
	short bool // a Real of 32 bits
}

// Int is the value of an Int.
func (v Value) Int() int64 { return int64(v.Bits) }

// Float is the value of a Real.
func (v Value) Float() float64 { return math.Float64frombits(v.Bits) }

// String is the value as text: empty for a null, true and false, shortest decimals.
func (v Value) String() string {
	switch v.Kind {
	case Bool:
		return strconv.FormatBool(v.Bits != 0)
	case Int:
		return strconv.FormatInt(int64(v.Bits), 10)
	case Uint:
		return strconv.FormatUint(v.Bits, 10)
	case Real:
		if v.short {
			return strconv.FormatFloat(v.Float(), 'g', -1, 32)
		}
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case String:
		return string(v.Bytes)
	case List:
		s := "["
		for i, e := range v.List {
			if i > 0 {
				s += " "
			}
			s += e.String()
		}
		return s + "]"
	}
	return ""
}

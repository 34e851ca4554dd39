package train

import "unsafe"

// bytesOf is the memory of x as little-endian bytes, without a copy.
func bytesOf(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}

package cpu

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// mapMemory gives fresh pages of the operating system, zero when first touched.
// regionSize is the memory that runs are cut from, in bytes: all of it is charged.
const regionSize = 32 << 20

func mapMemory(size int) ([]byte, error) {
	p, err := windows.VirtualAlloc(0, uintptr(size), windows.MEM_RESERVE|windows.MEM_COMMIT, windows.PAGE_READWRITE)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&p)), size), nil
}

func unmapMemory(b []byte) error {
	return windows.VirtualFree(uintptr(unsafe.Pointer(unsafe.SliceData(b))), 0, windows.MEM_RELEASE)
}

//go:build unix

package cpu

import "golang.org/x/sys/unix"

// regionSize is the address space that runs are cut from, in bytes.
const regionSize = 1 << 30

// mapMemory gives fresh pages of the operating system, zero when first touched.
func mapMemory(size int) ([]byte, error) {
	return unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
}

func unmapMemory(b []byte) error { return unix.Munmap(b) }

//go:build unix && !aix && !solaris

package mmap

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func mapFile(f *os.File, size int) ([]byte, error) {
	return syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ, syscall.MAP_SHARED)
}

func unmap(data []byte) error { return syscall.Munmap(data) }

// rest is advice: where it cannot be taken, nothing is lost.
func rest(pages []byte) { _ = unix.Madvise(pages, unix.MADV_DONTNEED) }

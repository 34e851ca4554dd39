//go:build (!unix && !windows) || aix || solaris

package mmap

import (
	"io"
	"os"
)

func mapFile(f *os.File, size int) ([]byte, error) {
	data := make([]byte, size)
	_, err := io.ReadFull(io.NewSectionReader(f, 0, int64(size)), data)
	return data, err
}

func unmap([]byte) error { return nil }

// rest does nothing here: the system takes pages when it needs them.
func rest([]byte) {}

//go:build !unix && !windows

package cpu

// regionSize is the memory that runs are cut from, in bytes.
const regionSize = 32 << 20

// mapMemory gives memory of the collected heap where pages cannot be mapped.
func mapMemory(size int) ([]byte, error) { return make([]byte, size), nil }

func unmapMemory([]byte) error { return nil }

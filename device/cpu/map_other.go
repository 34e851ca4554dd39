//go:build !unix && !windows

package cpu

// mapMemory gives memory of the collected heap where pages cannot be mapped.
func mapMemory(size int) ([]byte, error) { return make([]byte, size), nil }

func unmapMemory([]byte) error { return nil }

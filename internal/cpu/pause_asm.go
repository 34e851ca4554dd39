//go:build amd64 || arm64

package cpu

// Pause executes n times, at least once, the instruction that tells the core
// that a loop waits: a sister thread gets its share and less energy is used.
// It cannot be interrupted, so n should stay below a few hundred.
func Pause(n int)

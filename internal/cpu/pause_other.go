//go:build !amd64 && !arm64

package cpu

// Pause passes a little time, the longer the greater n.
//
//go:noinline
func Pause(n int) {
	for range n {
	}
}

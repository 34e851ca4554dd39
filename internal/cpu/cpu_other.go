//go:build !amd64 && !arm64

package cpu

// Read returns what this processor can do.
func Read() (Features, Caches) {
	return Features{}, Caches{}.withDefaults()
}

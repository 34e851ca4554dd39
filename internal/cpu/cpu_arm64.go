package cpu

import "golang.org/x/sys/cpu"

// Read returns what this processor can do. Arm's caches cannot be asked for by
// a program.
func Read() (Features, Caches) {
	return Features{Dot: cpu.ARM64.HasASIMDDP}, Caches{}.withDefaults()
}

//go:build !amd64 && !arm64

package kernel

// machineSets returns the tables of this processor, plainest first, with only
// the entries that are their own.
func machineSets() []*Set { return nil }

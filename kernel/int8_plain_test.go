//go:build !amd64

package kernel

// plainInt8 is sets as they are without an extension that this processor has.
func plainInt8() []*Set { return nil }

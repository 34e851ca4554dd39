package kernel

import "fmt"

// Activation is a function that may follow a matrix product. The zero value is
// the identity.
type Activation uint8

// The activations; each has a loop of the same name in Set.
const (
	None Activation = iota
	ReLU
	GELU      // x·Φ(x)
	GELUTanh  // its approximation by tanh
	GELUQuick // x·sigmoid(1.702x)
	SiLU      // x·sigmoid(x)
	Tanh
	Sigmoid
)

var activationNames = [...]string{"none", "relu", "gelu", "gelu_tanh", "gelu_quick", "silu", "tanh", "sigmoid"}

// String returns the name in lower case.
func (a Activation) String() string {
	if int(a) < len(activationNames) {
		return activationNames[a]
	}
	return fmt.Sprintf("Activation(%d)", uint8(a))
}

// Activate writes a(x) to dst.
func (s *Set) Activate(a Activation, dst, x []float32) {
	switch a {
	case None:
		copy(dst, x[:len(dst)])
	case ReLU:
		s.ReLU(dst, x)
	case GELU:
		s.GELU(dst, x)
	case GELUTanh:
		s.GELUTanh(dst, x)
	case GELUQuick:
		s.GELUQuick(dst, x)
	case SiLU:
		s.SiLU(dst, x)
	case Tanh:
		s.Tanh(dst, x)
	case Sigmoid:
		s.Sigmoid(dst, x)
	default:
		panic("kernel: unknown " + a.String())
	}
}

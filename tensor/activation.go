package tensor

import "github.com/qkvgo/qkv/kernel"

// Activation is a function between two layers, by the name that configs give it.
type Activation string

// The activations that configs name. Identity stands for none.
const (
	Identity     Activation = ""
	Linear       Activation = "linear"
	ReLU         Activation = "relu"
	ReLU2        Activation = "relu2" // the square of relu (So et al. 2021, Primer, §3)
	ReLU6        Activation = "relu6" // relu, 6 at most
	LeakyReLU    Activation = "leaky_relu"
	GELU         Activation = "gelu"
	GELUPython   Activation = "gelu_python"
	GELU10       Activation = "gelu_10" // gelu, −10 to 10
	GELUNew      Activation = "gelu_new"
	GELUFast     Activation = "gelu_fast"
	GELUAccurate Activation = "gelu_accurate"
	GELUTanh     Activation = "gelu_pytorch_tanh"
	QuickGELU    Activation = "quick_gelu"
	SiLU         Activation = "silu"
	Swish        Activation = "swish"
	Mish         Activation = "mish"
	Tanh         Activation = "tanh"
	Sigmoid      Activation = "sigmoid"
)

// activation is how a named function is computed: by fused in the epilogue of a
// product, or by apply alone where fused is kernel.None.
type activation struct {
	fused kernel.Activation
	apply func(x *Tensor) *Tensor
}

// activation gives the function; ok is false where the name is unknown.
func (a Activation) activation() (f activation, ok bool) {
	switch a {
	case Identity, Linear:
		f = activation{kernel.None, func(x *Tensor) *Tensor { return x }}
	case ReLU:
		f = activation{kernel.ReLU, (*Tensor).ReLU}
	case ReLU2:
		f = activation{kernel.None, func(x *Tensor) *Tensor { r := x.ReLU(); return r.Mul(r) }}
	case ReLU6:
		f = activation{kernel.None, func(x *Tensor) *Tensor { return x.Clamp(0, 6) }}
	case LeakyReLU:
		f = activation{kernel.None, func(x *Tensor) *Tensor { return x.LeakyReLU(0.01) }}
	case GELU, GELUPython:
		f = activation{kernel.GELU, (*Tensor).GELU}
	case GELU10:
		f = activation{kernel.None, func(x *Tensor) *Tensor { return x.GELU().Clamp(-10, 10) }}
	case GELUNew, GELUFast, GELUAccurate, GELUTanh:
		f = activation{kernel.GELUTanh, (*Tensor).GELUTanh}
	case QuickGELU:
		f = activation{kernel.GELUQuick, (*Tensor).GELUQuick}
	case SiLU, Swish:
		f = activation{kernel.SiLU, (*Tensor).SiLU}
	case Mish:
		f = activation{kernel.None, (*Tensor).Mish}
	case Tanh:
		f = activation{kernel.Tanh, (*Tensor).Tanh}
	case Sigmoid:
		f = activation{kernel.Sigmoid, (*Tensor).Sigmoid}
	default:
		return f, false
	}
	return f, true
}

// Known says whether the name is one that Apply obeys.
func (a Activation) Known() bool {
	_, ok := a.activation()
	return ok
}

// Apply is y = a(x).
func (a Activation) Apply(x *Tensor) *Tensor { return a.must().apply(x) }

func (a Activation) must() activation {
	f, ok := a.activation()
	if !ok {
		panic(&Fault{Op: "activation", Msg: "no activation is named " + string(a)})
	}
	return f
}

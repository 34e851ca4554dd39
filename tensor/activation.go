package tensor

import "github.com/qkvgo/qkv/kernel"

// Activation is a function between two layers, by the name that configs give it.
type Activation string

// The activations that configs name. Identity stands for none.
const (
	Identity  Activation = ""
	ReLU      Activation = "relu"
	GELU      Activation = "gelu"
	GELUNew   Activation = "gelu_new"
	GELUFast  Activation = "gelu_fast"
	GELUTanh  Activation = "gelu_pytorch_tanh"
	QuickGELU Activation = "quick_gelu"
	SiLU      Activation = "silu"
	Swish     Activation = "swish"
	Tanh      Activation = "tanh"
	Sigmoid   Activation = "sigmoid"
	Linear    Activation = "linear"
)

// Known says whether the name is one that Apply obeys.
func (a Activation) Known() bool {
	switch a {
	case Identity, Linear, ReLU, GELU, GELUNew, GELUFast, GELUTanh, QuickGELU, SiLU, Swish, Tanh, Sigmoid:
		return true
	}
	return false
}

// Apply is y = a(x).
func (a Activation) Apply(x *Tensor) *Tensor {
	switch a {
	case Identity, Linear:
		return x
	case ReLU:
		return x.ReLU()
	case GELU:
		return x.GELU()
	case GELUNew, GELUFast, GELUTanh:
		return x.GELUTanh()
	case QuickGELU:
		return x.GELUQuick()
	case SiLU, Swish:
		return x.SiLU()
	case Tanh:
		return x.Tanh()
	case Sigmoid:
		return x.Sigmoid()
	}
	panic(&Fault{Op: "activation", Msg: "no activation is named " + string(a)})
}

// kernel is the activation in a product's epilogue.
func (a Activation) kernel() kernel.Activation {
	switch a {
	case Identity, Linear:
		return kernel.None
	case ReLU:
		return kernel.ReLU
	case GELU:
		return kernel.GELU
	case GELUNew, GELUFast, GELUTanh:
		return kernel.GELUTanh
	case QuickGELU:
		return kernel.GELUQuick
	case SiLU, Swish:
		return kernel.SiLU
	case Tanh:
		return kernel.Tanh
	case Sigmoid:
		return kernel.Sigmoid
	}
	panic(&Fault{Op: "activation", Msg: "no activation is named " + string(a)})
}

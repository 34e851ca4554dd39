package nn

import (
	"hash/fnv"
	"math"

	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/tensor"
)

// First values of parameters, for training from nothing. A value depends on the
// seed, the parameter's name and the element's index alone: neither the order of
// parameters nor the machine changes it.

// Name gives every parameter of the model m, the struct behind a pointer, the
// name under which Params gives it. Binding to a checkpoint does that too; a
// model that starts from nothing needs it.
func Name(m any) {
	for name, w := range Params(m) {
		w.Name = name
	}
}

// InitZeros makes all values 0.
func InitZeros(w *Param) { w.Set(make([]float32, w.Len())) }

// InitOnes makes all values 1.
func InitOnes(w *Param) {
	data := make([]float32, w.Len())
	for i := range data {
		data[i] = 1
	}
	w.Set(data)
}

// InitUniform draws the values evenly from [-bound, bound).
func InitUniform(w *Param, bound float32, seed uint64) {
	data := make([]float32, w.Len())
	k := kernel.Best()
	k.Uniform(data, seed, w.stream(), 0)
	k.AddConst(data, data, -0.5) // exact
	k.Scale(data, data, 2*bound)
	w.Set(data)
}

// InitXavier draws the values of a weight [out, in, …] evenly from ±√(6/(in +
// out)), each times the size of the further axes (Glorot & Bengio 2010, eq. 16).
func InitXavier(w *Param, seed uint64) {
	in, out := w.fans("InitXavier")
	InitUniform(w, float32(math.Sqrt(6/float64(in+out))), seed)
}

// InitKaiming draws the values of a weight [out, in, …] evenly from
// ±√(6/((1 + slope²)·in)), in times the size of the further axes (He et al. 2015,
// eq. 14, for a rectifier of that slope below zero): slope 0 before a ReLU, √5
// for the ±1/√in that linear layers commonly start with.
func InitKaiming(w *Param, slope float64, seed uint64) {
	in, _ := w.fans("InitKaiming")
	square := float64(slope * slope)
	InitUniform(w, float32(math.Sqrt(6/(float64((1+square)*float64(in))))), seed)
}

// InitNormal draws the values from the normal distribution of mean 0 and
// deviation std: elements 2i and 2i+1 from uniform numbers 2i and 2i+1 (Box &
// Muller 1958). None lies further out than 5.8 std.
func InitNormal(w *Param, std float32, seed uint64) {
	const pairs = 512 // at a time
	data, site, k := make([]float32, w.Len()), w.stream(), kernel.Best()
	var drawn [2 * pairs]float32
	var radius, angle, cos, sin [pairs]float32
	for at := 0; at < len(data); at += 2 * pairs {
		k.Uniform(drawn[:], seed, site, uint64(at))
		for i := range pairs {
			radius[i], angle[i] = 1-drawn[2*i], drawn[2*i+1] // radius in (0, 1]
		}
		k.Log(radius[:], radius[:])
		k.Scale(radius[:], radius[:], -2)
		k.Sqrt(radius[:], radius[:])
		k.Scale(radius[:], radius[:], std)
		k.Scale(angle[:], angle[:], 2*math.Pi)
		k.Cos(cos[:], angle[:])
		k.Sin(sin[:], angle[:])
		for i := range pairs {
			drawn[2*i], drawn[2*i+1] = radius[i]*cos[i], radius[i]*sin[i]
		}
		copy(data[at:], drawn[:])
	}
	w.Set(data)
}

// stream is the sequence of random numbers that belongs to the parameter.
func (w *Param) stream() uint64 {
	if w.Name == "" {
		panic(&tensor.Fault{Op: "Init", Shapes: [][]int{w.Shape}, Msg: "random values follow from a parameter's name, and it has none; call Name first"})
	}
	h := fnv.New64a()
	h.Write([]byte(w.Name))
	return h.Sum64()
}

// fans is how many numbers one output of a weight [out, in, …] is summed from,
// and how many one input goes to.
func (w *Param) fans(op string) (in, out int) {
	if len(w.Shape) < 2 {
		panic(&tensor.Fault{Op: op, Param: w.Name, Shapes: [][]int{w.Shape}, Msg: "takes a weight [out, in, …]"})
	}
	out, in = w.Shape[0], w.Shape[1]
	for _, n := range w.Shape[2:] {
		in, out = in*n, out*n
	}
	return in, out
}

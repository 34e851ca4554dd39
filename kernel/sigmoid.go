package kernel

import "math"

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

// copySign is x with the sign of s; x must not be negative.
func copySign(x, s float32) float32 {
	return math.Float32frombits(math.Float32bits(x) | math.Float32bits(s)&(1<<31))
}

// tanh(t) = t + t³(tanh3 + tanh5·t² + …), 0 ≤ t < tanhSmall, to 2⁻²⁷.
const (
	tanh3  = -0x1.555534p-2
	tanh5  = 0x1.110762p-3
	tanh7  = -0x1.b8439ap-5
	tanh9  = 0x1.525328p-6
	tanh11 = -0x1.769df8p-8

	tanhSmall = 0.625
)

// tanh is within 2 ulp: a polynomial near zero, 1 - 2/(e²ᵗ+1) elsewhere.
func tanh(x float32) float32 {
	t := abs(x)
	s := t * t
	p := FMA(tanh11, s, tanh9)
	p = FMA(p, s, tanh7)
	p = FMA(p, s, tanh5)
	p = FMA(p, s, tanh3)
	r := FMA(p*s, t, t)
	if !(t < tanhSmall) {
		r = 1 - 2/(exp(t+t)+1)
	}
	return copySign(r, x)
}

// sigmoid is 1/(1+e⁻ˣ) within 2 ulp, also where it is denormal.
func sigmoid(x float32) float32 {
	s, _ := sigmoids(x)
	return s
}

// sigmoids returns sigmoid(x) and sigmoid(-x), which is 1 minus it. The
// exponential of -|x| cannot overflow. One Newton step takes the rounding of
// 1+e and of the division out of the reciprocal.
func sigmoids(x float32) (s, rest float32) {
	e := exp(-abs(x))
	d := 1 + e
	lost := e - (d - 1)
	inv := 1 / d
	inv = FMA(inv, FMA(-inv, lost, FMA(-inv, d, 1)), inv)
	if x >= 0 {
		return inv, e * inv
	}
	return e * inv, inv
}

package kernel

import "math"

// mapGo makes the loop dst[i] = f(x[i]).
func mapGo(f func(x float32) float32) func(dst, x []float32) {
	return func(dst, x []float32) {
		x = x[:len(dst)]
		for i, v := range x {
			dst[i] = f(v)
		}
	}
}

// mapBackGo makes the loop dx[i] = g[i]·slope(x[i]).
func mapBackGo(slope func(x float32) float32) func(dx, g, x []float32) {
	return func(dx, g, x []float32) {
		g, x = g[:len(dx)], x[:len(dx)]
		for i, v := range x {
			dx[i] = g[i] * slope(v)
		}
	}
}

func relu(x float32) float32 {
	if x <= 0 {
		return 0
	}
	return x
}

func reluBackGo(dx, g, x []float32) {
	g, x = g[:len(dx)], x[:len(dx)]
	for i, v := range x {
		d := g[i]
		if v <= 0 {
			d = 0
		}
		dx[i] = d
	}
}

func sqrt(x float32) float32  { return float32(math.Sqrt(float64(x))) }
func rsqrt(x float32) float32 { return 1 / sqrt(x) }

// tanhSlope and sigmoidSlope take the function's value, not its argument.
func tanhSlope(y float32) float32    { return FMA(-y, y, 1) }
func sigmoidSlope(y float32) float32 { return y * (1 - y) }

func addGo(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] + y[i]
	}
}

func subGo(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] - y[i]
	}
}

func mulGo(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] * y[i]
	}
}

func divGo(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] / y[i]
	}
}

func maxGo(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		v := x[i]
		if v <= y[i] || y[i] != y[i] {
			v = y[i]
		}
		dst[i] = v
	}
}

func scaleGo(dst, x []float32, s float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = x[i] * s
	}
}

func addConstGo(dst, x []float32, s float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = x[i] + s
	}
}

func addScaledGo(dst, x []float32, s float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = FMA(s, x[i], dst[i])
	}
}

func mulAddGo(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = FMA(x[i], y[i], dst[i])
	}
}

func rotaryGo(dst, x, cos, sin []float32) {
	half := len(x) / 2
	dst, cos, sin = dst[:2*half], cos[:half], sin[:half]
	for i := range half {
		a, b, c, s := x[i], x[half+i], cos[i], sin[i]
		dst[i] = FMA(a, c, -(b * s))
		dst[half+i] = FMA(b, c, a*s)
	}
}

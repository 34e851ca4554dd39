package kernel

import "math"

// lanes is the number of partial results of a reduction along a row.
const lanes = 16

// fold adds up the lanes: lane l takes lane l+8, then l+4, l+2 and l+1.
func fold(acc *[lanes]float32) float32 {
	for width := lanes / 2; width > 0; width /= 2 {
		for l := range width {
			acc[l] += acc[l+width]
		}
	}
	return acc[0]
}

func sumGo(x []float32) float32 {
	var acc [lanes]float32
	for i, v := range x {
		acc[i%lanes] += v
	}
	return fold(&acc)
}

func dotGo(x, y []float32) float32 {
	y = y[:len(x)]
	var acc [lanes]float32
	for i, v := range x {
		acc[i%lanes] = FMA(v, y[i], acc[i%lanes])
	}
	return fold(&acc)
}

// sumSquaresAboutGo is Σ (x-c)².
func sumSquaresAboutGo(x []float32, c float32) float32 {
	var acc [lanes]float32
	for i, v := range x {
		d := v - c
		acc[i%lanes] = FMA(d, d, acc[i%lanes])
	}
	return fold(&acc)
}

func maxOfGo(x []float32) float32 {
	var acc [lanes]float32
	for l := range acc {
		acc[l] = float32(math.Inf(-1))
	}
	for i, v := range x {
		if v > acc[i%lanes] {
			acc[i%lanes] = v
		}
	}
	for width := lanes / 2; width > 0; width /= 2 {
		for l := range width {
			if acc[l+width] > acc[l] {
				acc[l] = acc[l+width]
			}
		}
	}
	return acc[0]
}

//go:build amd64 || arm64

package kernel

import "unsafe"

// The functions below make table entries of assembly loops: they check the
// lengths once and pass pointers.

func start(x []float32) *float32 { return unsafe.SliceData(x) }

func map1(f func(dst, x *float32, n int)) func(dst, x []float32) {
	return func(dst, x []float32) { f(start(dst), start(x[:len(dst)]), len(dst)) }
}

func map2(f func(dst, x, y *float32, n int)) func(dst, x, y []float32) {
	return func(dst, x, y []float32) {
		f(start(dst), start(x[:len(dst)]), start(y[:len(dst)]), len(dst))
	}
}

// mapNear leaves slices with an argument beyond the reach of the short
// reduction to the Go definition. NaNs pass: they come out as they went in.
func mapNear(f func(dst, x *float32, n int), largest func(x *float32, n int) float32, far func(dst, x []float32)) func(dst, x []float32) {
	return func(dst, x []float32) {
		x = x[:len(dst)]
		if largest(start(x), len(x)) <= sinNear {
			f(start(dst), start(x), len(dst))
		} else {
			far(dst, x)
		}
	}
}

func mapScalar(f func(dst, x *float32, n int, s float32)) func(dst, x []float32, s float32) {
	return func(dst, x []float32, s float32) { f(start(dst), start(x[:len(dst)]), len(dst), s) }
}

func mapScalar2(f func(dst, x, y *float32, n int, s float32)) func(dst, x, y []float32, s float32) {
	return func(dst, x, y []float32, s float32) {
		f(start(dst), start(x[:len(dst)]), start(y[:len(dst)]), len(dst), s)
	}
}

func mapSum(f func(dst, x *float32, n int, s float32) float32) func(dst, x []float32, s float32) float32 {
	return func(dst, x []float32, s float32) float32 {
		return f(start(dst), start(x[:len(dst)]), len(dst), s)
	}
}

func mapRotary(f func(low, high, x, y, cos, sin *float32, n int)) func(dst, x, cos, sin []float32) {
	return func(dst, x, cos, sin []float32) {
		half := len(x) / 2
		dst, cos, sin = dst[:2*half], cos[:half], sin[:half]
		f(start(dst), start(dst[half:]), start(x), start(x[half:]), start(cos), start(sin), half)
	}
}

func mapAdamW(f func(w, g, m, v *float32, n int, keep, mix, beta2, mix2, root, eps, advance float32)) func(w, g, m, v []float32, a *AdamWArgs) {
	return func(w, g, m, v []float32, a *AdamWArgs) {
		n := len(w)
		f(start(w), start(g[:n]), start(m[:n]), start(v[:n]), n, a.keep, a.mix, a.beta2, a.mix2, a.root, a.eps, a.advance)
	}
}

func reduce1(f func(x *float32, n int) float32) func(x []float32) float32 {
	return func(x []float32) float32 { return f(start(x), len(x)) }
}

func reduce2(f func(x, y *float32, n int) float32) func(x, y []float32) float32 {
	return func(x, y []float32) float32 { return f(start(x), start(y[:len(x)]), len(x)) }
}

func reduceAbout(f func(x *float32, n int, c float32) float32) func(x []float32, c float32) float32 {
	return func(x []float32, c float32) float32 { return f(start(x), len(x), c) }
}

func mapNorm1(f func(dst, x *float32, n int, mean, rstd float32)) func(dst, x []float32, mean, rstd float32) {
	return func(dst, x []float32, mean, rstd float32) {
		f(start(dst), start(x[:len(dst)]), len(dst), mean, rstd)
	}
}

func mapNorm2(f func(dst, x, gamma *float32, n int, mean, rstd float32)) func(dst, x, gamma []float32, mean, rstd float32) {
	return func(dst, x, gamma []float32, mean, rstd float32) {
		n := len(dst)
		f(start(dst), start(x[:n]), start(gamma[:n]), n, mean, rstd)
	}
}

func mapNorm3(f func(dst, x, gamma, beta *float32, n int, mean, rstd float32)) func(dst, x, gamma, beta []float32, mean, rstd float32) {
	return func(dst, x, gamma, beta []float32, mean, rstd float32) {
		n := len(dst)
		f(start(dst), start(x[:n]), start(gamma[:n]), start(beta[:n]), n, mean, rstd)
	}
}

func reduceNorm1(f func(g, x *float32, n int, mean, rstd float32) (sum, dot float32)) func(g, x []float32, mean, rstd float32) (sum, dot float32) {
	return func(g, x []float32, mean, rstd float32) (sum, dot float32) {
		return f(start(g), start(x[:len(g)]), len(g), mean, rstd)
	}
}

func reduceNorm2(f func(g, x, gamma *float32, n int, mean, rstd float32) (sum, dot float32)) func(g, x, gamma []float32, mean, rstd float32) (sum, dot float32) {
	return func(g, x, gamma []float32, mean, rstd float32) (sum, dot float32) {
		n := len(g)
		return f(start(g), start(x[:n]), start(gamma[:n]), n, mean, rstd)
	}
}

func mapNormBack1(f func(dx, g, x *float32, n int, mean, rstd, a, b float32)) func(dx, g, x []float32, mean, rstd, a, b float32) {
	return func(dx, g, x []float32, mean, rstd, a, b float32) {
		n := len(dx)
		f(start(dx), start(g[:n]), start(x[:n]), n, mean, rstd, a, b)
	}
}

func mapNormBack2(f func(dx, g, x, gamma *float32, n int, mean, rstd, a, b float32)) func(dx, g, x, gamma []float32, mean, rstd, a, b float32) {
	return func(dx, g, x, gamma []float32, mean, rstd, a, b float32) {
		n := len(dx)
		f(start(dx), start(g[:n]), start(x[:n]), start(gamma[:n]), n, mean, rstd, a, b)
	}
}

// mapWiden and mapNarrow leave the elements beyond the last group of 16 to the
// Go definition.
func mapWiden(f func(dst *float32, src *uint16, n int), rest func(dst []float32, src []uint16)) func(dst []float32, src []uint16) {
	return func(dst []float32, src []uint16) {
		src = src[:len(dst)]
		n := len(dst) &^ (lanes - 1)
		f(start(dst), unsafe.SliceData(src), n)
		rest(dst[n:], src[n:])
	}
}

func mapNarrow(f func(dst *uint16, src *float32, n int), rest func(dst []uint16, src []float32)) func(dst []uint16, src []float32) {
	return func(dst []uint16, src []float32) {
		src = src[:len(dst)]
		n := len(dst) &^ (lanes - 1)
		f(unsafe.SliceData(dst), start(src), n)
		rest(dst[n:], src[n:])
	}
}

// drawer wraps a generator that fills turns of so many counters, four numbers
// each; what comes before and after is drawn by the Go definition.
func drawer(
	f func(dst *float32, turns int, keyLow, keyHigh, siteLow, siteHigh, counterLow, counterHigh uint32), counters int,
) func(dst []float32, key, site, offset uint64) {
	return func(dst []float32, key, site, offset uint64) {
		before, turns, after := drawTurns(len(dst), counters, offset)
		counter := (offset + uint64(before)) / 4
		Uniform(dst[:before], key, site, offset)
		f(start(dst[before:]), turns, uint32(key), uint32(key>>32), uint32(site), uint32(site>>32), uint32(counter), uint32(counter>>32))
		Uniform(dst[after:], key, site, offset+uint64(after))
	}
}

// dropper is drawer for Dropout.
func dropper(
	f func(dst *float32, turns int, keyLow, keyHigh, siteLow, siteHigh, counterLow, counterHigh uint32, x *float32, rate, scale float32), counters int,
) func(dst, x []float32, rate float32, key, site, offset uint64) {
	return func(dst, x []float32, rate float32, key, site, offset uint64) {
		x = x[:len(dst)]
		before, turns, after := drawTurns(len(dst), counters, offset)
		counter := (offset + uint64(before)) / 4
		Dropout(dst[:before], x[:before], rate, key, site, offset)
		f(start(dst[before:]), turns, uint32(key), uint32(key>>32), uint32(site), uint32(site>>32), uint32(counter), uint32(counter>>32),
			start(x[before:]), rate, 1/(1-rate))
		Dropout(dst[after:], x[after:], rate, key, site, offset+uint64(after))
	}
}

// drawTurns cuts n numbers from offset on: the first before bring offset to
// the edge of a counter, then come turns of so many counters that the lower
// half of none overflows, and the rest follows after.
func drawTurns(n, counters int, offset uint64) (before, turns, after int) {
	before = min(n, int(-offset%4))
	counter := (offset + uint64(before)) / 4
	room := (1<<32 - counter%(1<<32)) / uint64(counters)
	turns = int(min(uint64((n-before)/(4*counters)), room))
	return before, turns, before + turns*4*counters
}

func mapScaleMax(f func(x, top *float32, rows, n int, s float32)) func(x []float32, s float32, top []float32) {
	return func(x []float32, s float32, top []float32) {
		if rows := len(top); rows > 0 {
			f(start(x), start(top), rows, len(x)/rows, s)
		}
	}
}

func mapScaleRows(f func(x, by *float32, rows, n int)) func(x, by []float32) {
	return func(x, by []float32) {
		if rows := len(by); rows > 0 {
			f(start(x), start(by), rows, len(x)/rows)
		}
	}
}

func mapTileStep(f func(m, shift, corr, top *float32, n int)) func(m, shift, corr, top []float32) {
	return func(m, shift, corr, top []float32) {
		n := len(m)
		f(start(m), start(shift[:n]), start(corr[:n]), start(top[:n]), n)
	}
}

func mapExpSubRows(f func(x, shift, sum *float32, rows, n int)) func(x, shift, sums []float32) {
	return func(x, shift, sums []float32) {
		if rows := len(sums); rows > 0 {
			f(start(x), start(shift[:rows]), start(sums), rows, len(x)/rows)
		}
	}
}

func mapWeightsBack(f func(x, dx, lse, delta *float32, rows, n int, s float32)) func(x, dx []float32, s float32, lse, delta []float32) {
	return func(x, dx []float32, s float32, lse, delta []float32) {
		if rows := len(lse); rows > 0 {
			f(start(x), start(dx[:len(x)]), start(lse), start(delta[:rows]), rows, len(x)/rows, s)
		}
	}
}

// turner transposes squares of so many lanes by assembly and the rest in Go.
func turner(lanes int, packColumns func(dst *float32, width int, src *float32, stride, squares int)) func(dst []float32, stride, n, width int, x View) {
	return func(dst []float32, stride, n, width int, x View) {
		rows, cols := n/lanes*lanes, width/lanes*lanes
		if x.ColStride != 1 || cols == 0 {
			rows, cols = 0, 0
		}
		for i := 0; i < rows; i += lanes {
			packColumns(&dst[i], 4*stride, &x.Data[i*x.RowStride], 4*x.RowStride, cols/lanes)
		}
		if cols < width && rows > 0 {
			turnGo(dst[cols*stride:], stride, rows, width-cols, x.at(0, cols))
		}
		if rows < n {
			turnGo(dst[rows:], stride, n-rows, width, x.at(rows, 0))
		}
	}
}

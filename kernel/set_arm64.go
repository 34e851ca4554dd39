package kernel

import (
	"unsafe"

	"github.com/qkvgo/qkv/internal/cpu"
)

// machineSets returns the tables of this processor, plainest first, with only
// the entries that are their own.
func machineSets() []*Set {
	s := neonSet()
	if f, _ := cpu.Read(); f.Dot {
		s.int8 = int8Dot()
	}
	return []*Set{s}
}

func neonSet() *Set {
	return &Set{
		Name: "neon",

		Exp:       map1(expNEON),
		Log:       map1(logNEON),
		Tanh:      map1(tanhNEON),
		Erf:       map1(erfNEON),
		Sigmoid:   map1(sigmoidNEON),
		Sin:       mapNear(sinNEON, largestNEON, mapGo(sin)),
		Cos:       mapNear(cosNEON, largestNEON, mapGo(cos)),
		GELU:      map1(geluNEON),
		GELUTanh:  map1(geluTanhNEON),
		GELUQuick: map1(geluQuickNEON),
		SiLU:      map1(siluNEON),
		ReLU:      map1(reluNEON),
		Sqrt:      map1(sqrtNEON),
		Rsqrt:     map1(rsqrtNEON),

		GELUBack:      map2(geluSlopeNEON),
		GELUTanhBack:  map2(geluTanhSlopeNEON),
		GELUQuickBack: map2(geluQuickSlopeNEON),
		SiLUBack:      map2(siluSlopeNEON),
		ReLUBack:      map2(reluBackNEON),
		TanhBack:      map2(tanhSlopeNEON),
		SigmoidBack:   map2(sigmoidSlopeNEON),

		Add:       map2(addNEON),
		Sub:       map2(subNEON),
		Mul:       map2(mulNEON),
		Div:       map2(divNEON),
		Max:       map2(maxNEON),
		MulAdd:    map2(mulAddNEON),
		Scale:     mapScalar(scaleNEON),
		AddConst:  mapScalar(addConstNEON),
		AddScaled: mapScalar(addScaledNEON),
		ScaleZero: mapScalar(scaleZeroNEON),
		Rotary:    mapRotary(rotaryNEON),
		AdamW:     mapAdamW(adamWNEON),
		Uniform:   drawer(uniformNEON, 4),
		Dropout:   dropper(dropoutNEON, 4),

		Sum:   reduce1(sumNEON),
		Dot:   reduce2(dotNEON),
		MaxOf: reduce1(maxOfNEON),

		BF16ToF32: mapWiden(bf16ToF32NEON, bf16ToF32Go),
		F16ToF32:  mapWiden(f16ToF32NEON, f16ToF32Go),
		RoundBF16: map1(roundBF16NEON),
		F32ToBF16: mapNarrow(f32ToBF16NEON, f32ToBF16Go),
		F32ToF16:  mapNarrow(f32ToF16NEON, f32ToF16Go),

		sumSquaresAbout: reduceAbout(sumSquaresAboutNEON),
		expSub:          mapSum(expSubNEON),
		sumExpSub:       reduceAbout(sumExpSubNEON),
		subMul:          mapScalar2(subMulNEON),
		scaleMax:        scaleMaxByRow,
		scaleRows:       scaleRowsByRow,
		tileStep:        mapTileStep(tileStepNEON),
		expSubRows:      expSubByRow,
		weightsBack:     weightsBackByRow,
		normalize:       mapNorm1(normalizeNEON),
		normalizeScale:  mapNorm2(normalizeScaleNEON),
		normalizeAffine: mapNorm3(normalizeAffineNEON),
		normSums:        reduceNorm1(normSumsNEON),
		normSumsScale:   reduceNorm2(normSumsScaleNEON),
		normBack:        mapNormBack1(normBackNEON),
		normBackScale:   mapNormBack2(normBackScaleNEON),
		normGrad:        mapNorm2(normGradNEON),

		tiles: &tiling{rows: 6, width: 16, tile: stripNEON, pack: packNEON, turn: turner(4, packColumnsNEON)},
		int8:  int8NEON(),
		rows:  rowsNEON(),
	}
}

// scaleMaxByRow is scaleMax by other loops, row by row.
func scaleMaxByRow(x []float32, s float32, top []float32) {
	n := len(x) / max(len(top), 1)
	for r := range top {
		row := x[r*n : (r+1)*n]
		scaleNEON(start(row), start(row), n, s)
		top[r] = maxOfNEON(start(row), n)
	}
}

// scaleRowsByRow is scaleRows by scale, row by row.
func scaleRowsByRow(x, by []float32) {
	n := len(x) / max(len(by), 1)
	for r, v := range by {
		row := x[r*n : (r+1)*n]
		scaleNEON(start(row), start(row), n, v)
	}
}

// expSubByRow is expSubRows by expSub.
func expSubByRow(x, shift, sums []float32) {
	n := len(x) / max(len(sums), 1)
	for r := range sums {
		row := x[r*n : (r+1)*n]
		sums[r] = expSubNEON(start(row), start(row), n, shift[r])
	}
}

// weightsBackByRow is weightsBack by other loops, row by row.
func weightsBackByRow(x, dx []float32, s float32, lse, delta []float32) {
	n := len(x) / max(len(lse), 1)
	for r := range lse {
		row, grad := x[r*n:(r+1)*n], dx[r*n:(r+1)*n]
		scaleNEON(start(row), start(row), n, s)
		addConstNEON(start(row), start(row), n, -lse[r])
		expNEON(start(row), start(row), n)
		addConstNEON(start(grad), start(grad), n, -delta[r])
		mulNEON(start(grad), start(grad), start(row), n)
	}
}

// rowsNEON multiplies float32 by the tile; the rest is in Go.
func rowsNEON() *rowLoops {
	r := rowLoopsGo()
	r.f32 = func(groups, k int, a []float32, b []float32, bs int, c []float32, accumulate bool, _ []float32) {
		for j := range groups {
			var from *float32
			if accumulate {
				from = &c[16*j]
			}
			tileNEON(1, k, start(a), 0, 4, unsafe.SliceData(b[min(16*j, len(b)):]), 4*bs, from, 0, &c[16*j], 0)
		}
	}
	return r
}

// stripNEON is tileFunc by tiles of up to six rows, of nearly equal height.
func stripNEON(m, n, k int, a []float32, ar, ac int, b []float32, bs int, from []float32, ldf int, to []float32, ldt int, _ ahead) {
	const rows, width = 6, 16
	tiles := (m + rows - 1) / rows
	for t := range tiles {
		i, h := t*m/tiles, (t+1)*m/tiles-t*m/tiles
		var left, sums *float32
		if k > 0 {
			left = &a[i*ar]
		}
		if from != nil {
			sums = &from[i*ldf]
		}
		if n == width {
			tileNEON(h, k, left, 4*ar, 4*ac, unsafe.SliceData(b), 4*bs, sums, 4*ldf, &to[i*ldt], 4*ldt)
			continue
		}
		// Columns that do not exist in C are computed beside it.
		var whole [rows * width]float32
		if from != nil {
			for r := range h {
				copy(whole[r*width:][:n], from[(i+r)*ldf:])
			}
			sums = &whole[0]
		}
		tileNEON(h, k, left, 4*ar, 4*ac, unsafe.SliceData(b), 4*bs, sums, 4*width, &whole[0], 4*width)
		for r := range h {
			copy(to[(i+r)*ldt:][:n], whole[r*width:])
		}
	}
}

// packNEON is packGo with columns of B transposed four by four.
func packNEON(dst []float32, width, k, n int, b View) {
	if b.RowStride != 1 || k < 4 {
		packGo(dst, width, k, n, b)
		return
	}
	const side = 4
	for j := 0; j < n; j += width {
		cols, panel, from := min(width, n-j), dst[j*k:][:width*k], b.at(0, j)
		rows := k / side * side
		done := cols / side * side
		for c := 0; c < done; c += side {
			packColumnsNEON(&panel[c], 4*width, &from.Data[c*from.ColStride], 4*from.ColStride, k/side)
		}
		for i := range k {
			first := done
			if i >= rows {
				first = 0
			}
			row := panel[i*width:][:width]
			for c := first; c < cols; c++ {
				row[c] = from.Data[i+c*from.ColStride]
			}
			clear(row[cols:])
		}
	}
}

// int8NEON is the tiling for whole numbers that every processor runs.
func int8NEON() *int8Tiling {
	return &int8Tiling{rows: 1, width: 16, tile: int8Tile(int8TileNEON),
		rangeOf: rangeOver(4, rangeOfNEON), quantize: quantizeOver(4, quantizeNEON),
		saturate: func(steps int) int { saturateInt8NEON(steps); return steps * 24 * 8 }}
}

// int8Dot is the tiling on SDOT.
func int8Dot() *int8Tiling {
	return &int8Tiling{rows: 6, width: 16, tile: int8Tile(int8TileDot),
		rangeOf: rangeOver(4, rangeOfNEON), quantize: quantizeOver(4, quantizeNEON),
		saturate: func(steps int) int { saturateInt8Dot(steps); return steps * 24 * 16 }}
}

package kernel

import (
	"unsafe"

	"github.com/qkvgo/qkv/internal/cpu"
)

// machineSets returns the tables of this processor, plainest first, with only
// the entries that are their own.
func machineSets() []*Set {
	var list []*Set
	f, _ := cpu.Read()
	if f.AVX2 {
		s := avx2Set()
		if f.AVXVNNI {
			s.int8 = int8AVXVNNI()
		}
		list = append(list, s)
	}
	if f.AVX512 {
		s := avx512Set()
		if f.VNNI {
			s.int8 = int8VNNI()
		} else {
			s.int8 = list[0].int8
		}
		s.bf16 = bf16AVX512()
		if f.BF16 {
			s.bf16.withDots()
		}
		list = append(list, s)
	}
	return list
}

func avx2Set() *Set {
	return &Set{
		Name: "avx2",

		Exp:       map1(expAVX2),
		Log:       map1(logAVX2),
		Tanh:      map1(tanhAVX2),
		Erf:       map1(erfAVX2),
		Sigmoid:   map1(sigmoidAVX2),
		Sin:       mapNear(sinAVX2, largestAVX2, mapGo(sin)),
		Cos:       mapNear(cosAVX2, largestAVX2, mapGo(cos)),
		GELU:      map1(geluAVX2),
		GELUTanh:  map1(geluTanhAVX2),
		GELUQuick: map1(geluQuickAVX2),
		SiLU:      map1(siluAVX2),
		ReLU:      map1(reluAVX2),
		Sqrt:      map1(sqrtAVX2),
		Rsqrt:     map1(rsqrtAVX2),

		GELUBack:      map2(geluSlopeAVX2),
		GELUTanhBack:  map2(geluTanhSlopeAVX2),
		GELUQuickBack: map2(geluQuickSlopeAVX2),
		SiLUBack:      map2(siluSlopeAVX2),
		ReLUBack:      map2(reluBackAVX2),
		TanhBack:      map2(tanhSlopeAVX2),
		SigmoidBack:   map2(sigmoidSlopeAVX2),

		Add:       map2(addAVX2),
		Sub:       map2(subAVX2),
		Mul:       map2(mulAVX2),
		Div:       map2(divAVX2),
		Max:       map2(maxAVX2),
		MulAdd:    map2(mulAddAVX2),
		Scale:     mapScalar(scaleAVX2),
		AddConst:  mapScalar(addConstAVX2),
		AddScaled: mapScalar(addScaledAVX2),
		ScaleZero: mapScalar(scaleZeroAVX2),
		Rotary:    mapRotary(rotaryAVX2),
		AdamW:     mapAdamW(adamWAVX2),
		Uniform:   drawer(uniformAVX2, 8),
		Dropout:   dropper(dropoutAVX2, 8),

		Sum:   reduce1(sumAVX2),
		Dot:   reduce2(dotAVX2),
		MaxOf: reduce1(maxOfAVX2),

		BF16ToF32: mapWiden(bf16ToF32AVX2, bf16ToF32Go),
		F16ToF32:  mapWiden(f16ToF32AVX2, f16ToF32Go),
		RoundBF16: map1(roundBF16AVX2),
		F32ToBF16: mapNarrow(f32ToBF16AVX2, f32ToBF16Go),
		F32ToF16:  mapNarrow(f32ToF16AVX2, f32ToF16Go),

		sumSquaresAbout: reduceAbout(sumSquaresAboutAVX2),
		expSub:          mapSum(expSubAVX2),
		sumExpSub:       reduceAbout(sumExpSubAVX2),
		subMul:          mapScalar2(subMulAVX2),
		scaleMax:        mapScaleMax(scaleMaxAVX2),
		scaleRows:       mapScaleRows(scaleRowsAVX2),
		tileStep:        mapTileStep(tileStepAVX2),
		expSubRows:      mapExpSubRows(expSubRowsAVX2),
		weightsBack:     mapWeightsBack(weightsBackAVX2),
		normalize:       mapNorm1(normalizeAVX2),
		normalizeScale:  mapNorm2(normalizeScaleAVX2),
		normalizeAffine: mapNorm3(normalizeAffineAVX2),
		normSums:        reduceNorm1(normSumsAVX2),
		normSumsScale:   reduceNorm2(normSumsScaleAVX2),
		normBack:        mapNormBack1(normBackAVX2),
		normBackScale:   mapNormBack2(normBackScaleAVX2),
		normGrad:        mapNorm2(normGradAVX2),

		tiles: &tiling{rows: 6, width: 16, tile: strip(6, tileAVX2), pack: packer(packRowsAVX2, packColumnsAVX2), turn: turner(square, packColumnsAVX2)},
		int8:  int8AVX2(),
		rows: &rowLoops{f32: mapRow(rowF32AVX2), bf16: mapRow(rowBF16AVX2), int8: mapRow(rowInt8AVX2),
			widenInt8: mapWidenInt8(int8ToF32AVX2)},
		bf16: &bf16Tiling{pair: pairGo, widen: widenOver(widenAVX2), flush: strip(6, tileFlushedAVX2)},
	}
}

func avx512Set() *Set {
	return &Set{
		Name: "avx512",

		Exp:       map1(expAVX512),
		Log:       map1(logAVX512),
		Tanh:      map1(tanhAVX512),
		Erf:       map1(erfAVX512),
		Sigmoid:   map1(sigmoidAVX512),
		Sin:       mapNear(sinAVX512, largestAVX512, mapGo(sin)),
		Cos:       mapNear(cosAVX512, largestAVX512, mapGo(cos)),
		GELU:      map1(geluAVX512),
		GELUTanh:  map1(geluTanhAVX512),
		GELUQuick: map1(geluQuickAVX512),
		SiLU:      map1(siluAVX512),
		ReLU:      map1(reluAVX512),
		Sqrt:      map1(sqrtAVX512),
		Rsqrt:     map1(rsqrtAVX512),

		GELUBack:      map2(geluSlopeAVX512),
		GELUTanhBack:  map2(geluTanhSlopeAVX512),
		GELUQuickBack: map2(geluQuickSlopeAVX512),
		SiLUBack:      map2(siluSlopeAVX512),
		ReLUBack:      map2(reluBackAVX512),
		TanhBack:      map2(tanhSlopeAVX512),
		SigmoidBack:   map2(sigmoidSlopeAVX512),

		Add:       map2(addAVX512),
		Sub:       map2(subAVX512),
		Mul:       map2(mulAVX512),
		Div:       map2(divAVX512),
		Max:       map2(maxAVX512),
		MulAdd:    map2(mulAddAVX512),
		Scale:     mapScalar(scaleAVX512),
		AddConst:  mapScalar(addConstAVX512),
		AddScaled: mapScalar(addScaledAVX512),
		ScaleZero: mapScalar(scaleZeroAVX512),
		Rotary:    mapRotary(rotaryAVX512),
		AdamW:     mapAdamW(adamWAVX512),
		Uniform:   drawer(uniformAVX512, 16),
		Dropout:   dropper(dropoutAVX512, 16),

		Sum:   reduce1(sumAVX512),
		Dot:   reduce2(dotAVX512),
		MaxOf: reduce1(maxOfAVX512),

		BF16ToF32: mapWiden(bf16ToF32AVX512, bf16ToF32Go),
		F16ToF32:  mapWiden(f16ToF32AVX512, f16ToF32Go),
		RoundBF16: map1(roundBF16AVX512),
		F32ToBF16: mapNarrow(f32ToBF16AVX512, f32ToBF16Go),
		F32ToF16:  mapNarrow(f32ToF16AVX512, f32ToF16Go),

		sumSquaresAbout: reduceAbout(sumSquaresAboutAVX512),
		expSub:          mapSum(expSubAVX512),
		sumExpSub:       reduceAbout(sumExpSubAVX512),
		subMul:          mapScalar2(subMulAVX512),
		scaleMax:        mapScaleMax(scaleMaxAVX512),
		scaleRows:       mapScaleRows(scaleRowsAVX512),
		tileStep:        mapTileStep(tileStepAVX512),
		expSubRows:      mapExpSubRows(expSubRowsAVX512),
		weightsBack:     mapWeightsBack(weightsBackAVX512),
		normalize:       mapNorm1(normalizeAVX512),
		normalizeScale:  mapNorm2(normalizeScaleAVX512),
		normalizeAffine: mapNorm3(normalizeAffineAVX512),
		normSums:        reduceNorm1(normSumsAVX512),
		normSumsScale:   reduceNorm2(normSumsScaleAVX512),
		normBack:        mapNormBack1(normBackAVX512),
		normBackScale:   mapNormBack2(normBackScaleAVX512),
		normGrad:        mapNorm2(normGradAVX512),

		tiles: &tiling{rows: 12, width: 32, tile: strip(12, tileAVX512), pack: packer(packRowsAVX512, packColumnsAVX512), turn: turner(square, packColumnsAVX512)},
		rows: &rowLoops{f32: mapRow(rowF32AVX512), bf16: mapRow(rowBF16AVX512), int8: mapRow(rowInt8AVX512),
			widenInt8: mapWidenInt8(int8ToF32AVX512)},
	}
}

// strip wraps an assembly tile, which takes its distances in bytes.
func strip(
	rows int, f func(m, n, k int, a *float32, ar, ac int, b *float32, bs int, from *float32, ldf int, to *float32, ldt int, next *float32, pairs, apart, step, hop int),
) tileFunc {
	return func(m, n, k int, a []float32, ar, ac int, b []float32, bs int, from []float32, ldf int, to []float32, ldt int, next ahead) {
		// Every tile fetches its share: two lines of some short rows, or all of two
		// long ones.
		const line = 4 * lineFloats
		first, pairs, apart, step, hop := unsafe.SliceData(b), 0, line, 0, 0
		if next.rows > 0 {
			tiles := (m + rows - 1) / rows
			first, step = unsafe.SliceData(next.data), 4*next.step
			if next.width <= 2*lineFloats {
				pairs = (next.rows + tiles - 1) / tiles
				hop = pairs * step
			} else {
				pairs, apart, step, hop = (next.width+lineFloats-1)/lineFloats, step, line, 2*step
			}
		}
		f(m, n, k, unsafe.SliceData(a), 4*ar, 4*ac, unsafe.SliceData(b), 4*bs, unsafe.SliceData(from), 4*ldf, unsafe.SliceData(to), 4*ldt,
			first, pairs, apart, step, hop)
	}
}

// square is the side of the squares that the assembly transposes.
const square = 8

// packer fills panels by the assembly that copies rows or the one that transposes
// squares, and the rest in Go.
func packer(
	packRows func(dst, src *float32, stride, k, n int),
	packColumns func(dst *float32, width int, src *float32, stride, squares int),
) func(dst []float32, width, k, n int, b View) {
	return func(dst []float32, width, k, n int, b View) {
		if k > 0 && b.ColStride == 1 {
			// Some rows of all panels at a time: their memory is contiguous.
			const some = 32
			for i := 0; i < k; i += some {
				for j := 0; j < n; j += width {
					from := b.Data[i*b.RowStride+j:]
					packRows(&dst[j*k+i*width], &from[0], 4*b.RowStride, min(some, k-i), min(width, n-j))
				}
			}
			return
		}
		for j := 0; j < n && k > 0; j += width {
			cols := min(width, n-j)
			panel := dst[j*k:][:width*k]
			from := b.at(0, j)
			rows, done := 0, 0 // packed: the first done columns of the first rows
			if b.RowStride == 1 {
				rows = k / square * square
				for cols >= square && done < cols {
					first := min(done, cols-square) // the last square may overlap
					packColumns(&panel[first], 4*width, &from.Data[first*b.ColStride], 4*b.ColStride, k/square)
					done = first + square
				}
			}
			if done < width {
				packRest(panel, width, 0, rows, done, cols, from)
			}
			packRest(panel, width, rows, k, 0, cols, from)
		}
	}
}

// packRest fills rows i0 to i1 of a panel, from column j0 on.
func packRest(panel []float32, width, i0, i1, j0, cols int, from View) {
	for i := i0; i < i1; i++ {
		row := panel[i*width:][:width]
		at := i*from.RowStride + j0*from.ColStride
		for j := j0; j < cols; j++ {
			row[j] = from.Data[at]
			at += from.ColStride
		}
		clear(row[cols:])
	}
}

// mapRow takes the distance of rows in bytes.
func mapRow[T any](f func(groups, k int, a *float32, b *T, bs int, c *float32, accumulate bool, next *T)) rowFunc[T] {
	size := int(unsafe.Sizeof(*new(T)))
	return func(groups, k int, a []float32, b []T, bs int, c []float32, accumulate bool, next []T) {
		if len(next) == 0 {
			next = b
		}
		f(groups, k, start(a), unsafe.SliceData(b), size*bs, start(c), accumulate, unsafe.SliceData(next))
	}
}

// mapWidenInt8 leaves the elements beyond the last group of 16 to Go.
func mapWidenInt8(f func(dst *float32, src *int8, n int)) func(dst []float32, src []int8) {
	return func(dst []float32, src []int8) {
		n := len(dst) &^ (lanes - 1)
		f(start(dst), unsafe.SliceData(src), n)
		for i := n; i < len(dst); i++ {
			dst[i] = float32(src[i])
		}
	}
}

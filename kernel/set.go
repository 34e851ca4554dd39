package kernel

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"
)

// Set is the kernel table of one instruction set. Every field is filled; the
// comment gives the loop it runs over all elements of dst, or of the first slice
// where there is no dst.
type Set struct {
	Name string // "go", "avx2", "avx512" or "neon"

	// Functions: dst[i] = f(x[i]).
	Exp, Log           func(dst, x []float32) // within 1 ulp
	Tanh, Erf, Sigmoid func(dst, x []float32) // within 2 ulp
	Sin, Cos           func(dst, x []float32) // within 2 ulp, any argument
	GELU               func(dst, x []float32) // 0.5x(1+erf(x/√2))
	GELUTanh           func(dst, x []float32) // 0.5x(1+tanh(√(2/π)(x+0.044715x³)))
	GELUQuick, SiLU    func(dst, x []float32) // x·sigmoid(1.702x), x·sigmoid(x)
	ReLU               func(dst, x []float32) // 0 where x ≤ 0
	Sqrt, Rsqrt        func(dst, x []float32) // √x and 1/√x, each operation exact

	// Adjoints: dx[i] = g[i]·f'(x[i]).
	GELUBack, GELUTanhBack, GELUQuickBack, SiLUBack, ReLUBack func(dx, g, x []float32)
	TanhBack, SigmoidBack                                     func(dx, g, y []float32) // from y = f(x)

	// Arithmetic.
	Add, Sub, Mul, Div func(dst, x, y []float32)                // dst = x∘y
	Max                func(dst, x, y []float32)                // NaN if either is; y on a tie
	Scale              func(dst, x []float32, s float32)        // dst = x·s
	AddConst           func(dst, x []float32, s float32)        // dst = x + s
	AddScaled          func(dst, x []float32, s float32)        // dst = FMA(s, x, dst)
	ScaleZero          func(dst, x []float32, s float32)        // dst = x·s + 0, which makes -0 0
	MulAdd             func(dst, x, y []float32)                // dst = FMA(x, y, dst)
	AdamW              func(w, g, m, v []float32, a *AdamWArgs) // one optimizer step (Loshchilov and Hutter 2019)

	// Rotary turns one head vector x of even length d, cos and sin of length d/2
	// (Su et al. 2021, eq. 34, halves in Hugging Face's order):
	//
	//	dst[i]     = FMA(x[i], cos[i], -(x[i+d/2]·sin[i]))
	//	dst[i+d/2] = FMA(x[i+d/2], cos[i], x[i]·sin[i])
	Rotary func(dst, x, cos, sin []float32)

	// Random numbers, as the functions Uniform and Dropout define.
	Uniform func(dst []float32, key, site, offset uint64)
	Dropout func(dst, x []float32, rate float32, key, site, offset uint64)

	// Reductions in 16 lanes.
	Sum   func(x []float32) float32    // Σ x
	Dot   func(x, y []float32) float32 // Σ x·y
	MaxOf func(x []float32) float32    // -Inf if empty; NaNs are passed over

	// Conversions; to the narrow types by round to nearest, ties to even.
	BF16ToF32, F16ToF32 func(dst []float32, src []uint16)
	F32ToBF16, F32ToF16 func(dst []uint16, src []float32)

	// RoundBF16 rounds to bfloat16 and keeps 32 bits; denormals become ±0.
	RoundBF16 func(dst, x []float32)

	// Parts of the methods; each is defined by the function of its name with
	// "Go" appended.
	sumSquaresAbout func(x []float32, c float32) float32
	expSub          func(dst, x []float32, c float32) float32
	sumExpSub       func(x []float32, c float32) float32
	subMul          func(dx, g, y []float32, c float32)
	scaleMax        func(x []float32, s float32, top []float32)
	scaleRows       func(x, by []float32)
	tileStep        func(m, shift, corr, top []float32)
	expSubRows      func(x, shift, sums []float32)
	weightsBack     func(x, dx []float32, s float32, lse, delta []float32)
	normalize       func(dst, x []float32, mean, rstd float32)
	normalizeScale  func(dst, x, gamma []float32, mean, rstd float32)
	normalizeAffine func(dst, x, gamma, beta []float32, mean, rstd float32)
	normSums        func(g, x []float32, mean, rstd float32) (sum, dot float32)
	normSumsScale   func(g, x, gamma []float32, mean, rstd float32) (sum, dot float32)
	normBack        func(dx, g, x []float32, mean, rstd, a, b float32)
	normBackScale   func(dx, g, x, gamma []float32, mean, rstd, a, b float32)
	normGrad        func(dgamma, g, x []float32, mean, rstd float32)

	tiles *tiling     // how Gemm multiplies
	int8  *int8Tiling // how GemmInt8 does
	rows  *rowLoops   // how RowPlain does
	bf16  *bf16Tiling // how GemmPairs and GemmBF16 do
}

// SumSquares returns Σ x², in 16 lanes.
func (s *Set) SumSquares(x []float32) float32 { return s.sumSquaresAbout(x, 0) }

// goSet returns the table that defines all others.
func goSet() *Set {
	return &Set{
		Name:      "go",
		Exp:       mapGo(exp),
		Log:       mapGo(log),
		Tanh:      mapGo(tanh),
		Erf:       mapGo(erf),
		Sigmoid:   mapGo(sigmoid),
		Sin:       mapGo(sin),
		Cos:       mapGo(cos),
		GELU:      mapGo(gelu),
		GELUTanh:  mapGo(geluTanh),
		GELUQuick: mapGo(geluQuickly),
		SiLU:      mapGo(silu),
		ReLU:      mapGo(relu),
		Sqrt:      mapGo(sqrt),
		Rsqrt:     mapGo(rsqrt),

		GELUBack:      mapBackGo(geluSlope),
		GELUTanhBack:  mapBackGo(geluTanhSlope),
		GELUQuickBack: mapBackGo(geluQuickSlope),
		SiLUBack:      mapBackGo(siluSlope),
		ReLUBack:      reluBackGo,
		TanhBack:      mapBackGo(tanhSlope),
		SigmoidBack:   mapBackGo(sigmoidSlope),

		Add: addGo, Sub: subGo, Mul: mulGo, Div: divGo, Max: maxGo,
		Scale: scaleGo, AddConst: addConstGo, AddScaled: addScaledGo, ScaleZero: scaleZeroGo, MulAdd: mulAddGo,
		Rotary: rotaryGo, AdamW: adamWGo, Uniform: Uniform, Dropout: Dropout,

		Sum: sumGo, Dot: dotGo, MaxOf: maxOfGo,
		BF16ToF32: bf16ToF32Go, F16ToF32: f16ToF32Go,
		F32ToBF16: f32ToBF16Go, F32ToF16: f32ToF16Go,
		RoundBF16: roundBF16Go,

		sumSquaresAbout: sumSquaresAboutGo,
		expSub:          expSubGo,
		sumExpSub:       sumExpSubGo,
		subMul:          subMulGo,
		scaleMax:        scaleMaxGo,
		scaleRows:       scaleRowsGo,
		tileStep:        tileStepGo,
		expSubRows:      expSubRowsGo,
		weightsBack:     weightsBackGo,
		normalize:       normalizeGo,
		normalizeScale:  normalizeScaleGo,
		normalizeAffine: normalizeAffineGo,
		normSums:        normSumsGo,
		normSumsScale:   normSumsScaleGo,
		normBack:        normBackGo,
		normBackScale:   normBackScaleGo,
		normGrad:        normGradGo,

		tiles: &tiling{rows: 4, width: 16, tile: tileGo, pack: packGo, turn: turnGo},
		int8:  &int8Tiling{rows: 1, width: 16, tile: int8TileGo(16), rangeOf: rangeOfGo, quantize: quantizeGo, saturate: saturateInt8Go},
		rows:  rowLoopsGo(),
		bf16:  &bf16Tiling{pair: pairGo, widen: widenGo, flush: tileFlushGo},
	}
}

// sets builds the tables once.
var sets = sync.OnceValue(func() []*Set {
	all := []*Set{goSet()}
	for _, s := range machineSets() {
		s.completeFrom(all[0])
		all = append([]*Set{s}, all...)
	}
	return all
})

// completeFrom takes the entries that s lacks from a plainer set.
func (s *Set) completeFrom(plainer *Set) {
	own, other := entries(s), entries(plainer)
	for i, entry := range own {
		if entry.IsNil() {
			entry.Set(other[i])
		}
	}
}

// entries returns the fields of s that may be missing, in order.
func entries(s *Set) []reflect.Value {
	var list []reflect.Value
	for _, field := range reflect.ValueOf(s).Elem().Fields() {
		if field.Kind() == reflect.String {
			continue
		}
		// Through the address, since some fields are unexported.
		list = append(list, reflect.NewAt(field.Type(), field.Addr().UnsafePointer()).Elem())
	}
	return list
}

// Sets returns the tables that this processor can run, best first; the last
// is "go".
func Sets() []*Set { return append([]*Set(nil), sets()...) }

// best is decided once.
var best = sync.OnceValues(func() (*Set, error) { return Choose(os.Getenv("QKV_CPU")) })

// Best returns the table to use: the one that the environment variable QKV_CPU
// names, or the first of Sets. It panics if QKV_CPU names none; a program that
// wants to say so itself calls Choose first.
func Best() *Set {
	s, err := best()
	if err != nil {
		panic(err)
	}
	return s
}

// Choose returns the table of that name, or the best one for an empty name.
func Choose(name string) (*Set, error) {
	all := sets()
	if name == "" {
		return all[0], nil
	}
	var names []string
	for _, s := range all {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return nil, fmt.Errorf("kernel: QKV_CPU=%s: this processor runs %s; set one of these or unset QKV_CPU",
		name, strings.Join(names, ", "))
}

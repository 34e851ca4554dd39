package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"

	"github.com/qkvgo/qkv/internal/cpu"
)

// A loop is one entry of the table as the conformance test sees it.
type loop struct {
	entry string // name of the field
	out   int    // number of slices written; they come first and hold random values before
	in    int    // number of slices read
	call  func(s *Set, v [][]float32, c []float32) []float32
}

func unary(entry string, f func(s *Set) func(dst, x []float32)) loop {
	return loop{entry, 1, 1, func(s *Set, v [][]float32, c []float32) []float32 {
		f(s)(v[0], v[1])
		return nil
	}}
}

func binary(entry string, f func(s *Set) func(dst, x, y []float32)) loop {
	return loop{entry, 1, 2, func(s *Set, v [][]float32, c []float32) []float32 {
		f(s)(v[0], v[1], v[2])
		return nil
	}}
}

func scalar(entry string, f func(s *Set) func(dst, x []float32, c float32)) loop {
	return loop{entry, 1, 1, func(s *Set, v [][]float32, c []float32) []float32 {
		f(s)(v[0], v[1], c[0])
		return nil
	}}
}

var loops = []loop{
	unary("Exp", func(s *Set) func(dst, x []float32) { return s.Exp }),
	unary("Log", func(s *Set) func(dst, x []float32) { return s.Log }),
	unary("Tanh", func(s *Set) func(dst, x []float32) { return s.Tanh }),
	unary("Erf", func(s *Set) func(dst, x []float32) { return s.Erf }),
	unary("Sigmoid", func(s *Set) func(dst, x []float32) { return s.Sigmoid }),
	unary("Sin", func(s *Set) func(dst, x []float32) { return s.Sin }),
	unary("Cos", func(s *Set) func(dst, x []float32) { return s.Cos }),
	unary("GELU", func(s *Set) func(dst, x []float32) { return s.GELU }),
	unary("GELUTanh", func(s *Set) func(dst, x []float32) { return s.GELUTanh }),
	unary("GELUQuick", func(s *Set) func(dst, x []float32) { return s.GELUQuick }),
	unary("SiLU", func(s *Set) func(dst, x []float32) { return s.SiLU }),
	unary("ReLU", func(s *Set) func(dst, x []float32) { return s.ReLU }),
	unary("Sqrt", func(s *Set) func(dst, x []float32) { return s.Sqrt }),
	unary("RoundBF16", func(s *Set) func(dst, x []float32) { return s.RoundBF16 }),
	unary("Rsqrt", func(s *Set) func(dst, x []float32) { return s.Rsqrt }),
	binary("GELUBack", func(s *Set) func(dst, x, y []float32) { return s.GELUBack }),
	binary("GELUTanhBack", func(s *Set) func(dst, x, y []float32) { return s.GELUTanhBack }),
	binary("GELUQuickBack", func(s *Set) func(dst, x, y []float32) { return s.GELUQuickBack }),
	binary("SiLUBack", func(s *Set) func(dst, x, y []float32) { return s.SiLUBack }),
	binary("ReLUBack", func(s *Set) func(dst, x, y []float32) { return s.ReLUBack }),
	binary("TanhBack", func(s *Set) func(dst, x, y []float32) { return s.TanhBack }),
	binary("SigmoidBack", func(s *Set) func(dst, x, y []float32) { return s.SigmoidBack }),
	binary("Add", func(s *Set) func(dst, x, y []float32) { return s.Add }),
	binary("Sub", func(s *Set) func(dst, x, y []float32) { return s.Sub }),
	binary("Mul", func(s *Set) func(dst, x, y []float32) { return s.Mul }),
	binary("Div", func(s *Set) func(dst, x, y []float32) { return s.Div }),
	binary("Max", func(s *Set) func(dst, x, y []float32) { return s.Max }),
	binary("MulAdd", func(s *Set) func(dst, x, y []float32) { return s.MulAdd }),
	scalar("Scale", func(s *Set) func(dst, x []float32, c float32) { return s.Scale }),
	scalar("AddConst", func(s *Set) func(dst, x []float32, c float32) { return s.AddConst }),
	scalar("AddScaled", func(s *Set) func(dst, x []float32, c float32) { return s.AddScaled }),
	{"Rotary", 1, 3, func(s *Set, v [][]float32, c []float32) []float32 {
		even := len(v[0]) &^ 1
		s.Rotary(v[0][:even], v[1][:even], v[2], v[3])
		return nil
	}},
	{"AdamW", 3, 1, func(s *Set, v [][]float32, c []float32) []float32 {
		s.AdamW(v[0], v[3], v[1], v[2], NewAdamWArgs(1e-3, 0.9, 0.999, 1e-8, 0.01, 7))
		return nil
	}},
	{"Uniform", 1, 0, func(s *Set, v [][]float32, c []float32) []float32 {
		key, site, offset := randomPlace(c)
		s.Uniform(v[0], key, site, offset)
		return nil
	}},
	{"Dropout", 1, 1, func(s *Set, v [][]float32, c []float32) []float32 {
		key, site, offset := randomPlace(c)
		s.Dropout(v[0], v[1], 0.25, key, site, offset)
		return nil
	}},
	{"Sum", 0, 1, func(s *Set, v [][]float32, c []float32) []float32 { return []float32{s.Sum(v[0])} }},
	{"MaxOf", 0, 1, func(s *Set, v [][]float32, c []float32) []float32 { return []float32{s.MaxOf(v[0])} }},
	{"Dot", 0, 2, func(s *Set, v [][]float32, c []float32) []float32 { return []float32{s.Dot(v[0], v[1])} }},
	{"sumSquaresAbout", 0, 1, func(s *Set, v [][]float32, c []float32) []float32 {
		return []float32{s.sumSquaresAbout(v[0], c[0])}
	}},
	{"expSub", 1, 1, func(s *Set, v [][]float32, c []float32) []float32 {
		return []float32{s.expSub(v[0], v[1], c[0])}
	}},
	{"sumExpSub", 0, 1, func(s *Set, v [][]float32, c []float32) []float32 {
		return []float32{s.sumExpSub(v[0], c[0])}
	}},
	{"subMul", 1, 2, func(s *Set, v [][]float32, c []float32) []float32 {
		s.subMul(v[0], v[1], v[2], c[0])
		return nil
	}},
	scalar("ScaleZero", func(s *Set) func(dst, x []float32, c float32) { return s.ScaleZero }),
	{"scaleMax", 2, 0, func(s *Set, v [][]float32, c []float32) []float32 {
		x, top := ofRows(v[0]), v[1][:min(3, len(v[1]))]
		s.scaleMax(x, c[0], top)
		return nil
	}},
	{"scaleRows", 1, 1, func(s *Set, v [][]float32, c []float32) []float32 {
		s.scaleRows(ofRows(v[0]), v[1][:min(3, len(v[1]))])
		return nil
	}},
	{"tileStep", 3, 1, func(s *Set, v [][]float32, c []float32) []float32 {
		s.tileStep(v[0], v[1], v[2], v[3])
		return nil
	}},
	{"expSubRows", 2, 1, func(s *Set, v [][]float32, c []float32) []float32 {
		rows := min(3, len(v[1]))
		s.expSubRows(ofRows(v[0]), v[2][:rows], v[1][:rows])
		return nil
	}},
	{"weightsBack", 2, 2, func(s *Set, v [][]float32, c []float32) []float32 {
		rows := min(3, len(v[1]))
		s.weightsBack(ofRows(v[0]), ofRows(v[1]), c[0], v[2][:rows], v[3][:rows])
		return nil
	}},
	{"normalize", 1, 1, func(s *Set, v [][]float32, c []float32) []float32 {
		s.normalize(v[0], v[1], c[0], c[1])
		return nil
	}},
	{"normalizeScale", 1, 2, func(s *Set, v [][]float32, c []float32) []float32 {
		s.normalizeScale(v[0], v[1], v[2], c[0], c[1])
		return nil
	}},
	{"normalizeAffine", 1, 3, func(s *Set, v [][]float32, c []float32) []float32 {
		s.normalizeAffine(v[0], v[1], v[2], v[3], c[0], c[1])
		return nil
	}},
	{"normSums", 0, 2, func(s *Set, v [][]float32, c []float32) []float32 {
		a, b := s.normSums(v[0], v[1], c[0], c[1])
		return []float32{a, b}
	}},
	{"normSumsScale", 0, 3, func(s *Set, v [][]float32, c []float32) []float32 {
		a, b := s.normSumsScale(v[0], v[1], v[2], c[0], c[1])
		return []float32{a, b}
	}},
	{"normBack", 1, 2, func(s *Set, v [][]float32, c []float32) []float32 {
		s.normBack(v[0], v[1], v[2], c[0], c[1], c[2], c[3])
		return nil
	}},
	{"normBackScale", 1, 3, func(s *Set, v [][]float32, c []float32) []float32 {
		s.normBackScale(v[0], v[1], v[2], v[3], c[0], c[1], c[2], c[3])
		return nil
	}},
	{"normGrad", 1, 2, func(s *Set, v [][]float32, c []float32) []float32 {
		s.normGrad(v[0], v[1], v[2], c[0], c[1])
		return nil
	}},
	// The 16-bit side of a conversion travels in float32: its low half.
	{"BF16ToF32", 1, 1, widen(func(s *Set) func([]float32, []uint16) { return s.BF16ToF32 })},
	{"F16ToF32", 1, 1, widen(func(s *Set) func([]float32, []uint16) { return s.F16ToF32 })},
	{"F32ToBF16", 1, 1, narrow(func(s *Set) func([]uint16, []float32) { return s.F32ToBF16 })},
	{"F32ToF16", 1, 1, narrow(func(s *Set) func([]uint16, []float32) { return s.F32ToF16 })},
}

// apart are the loops whose inputs may not be what they write.
var apart = map[string]bool{"AdamW": true, "scaleRows": true, "expSubRows": true, "weightsBack": true}

// ofRows is as much of x as makes three rows.
func ofRows(x []float32) []float32 { return x[:len(x)/3*3] }

// randomPlace makes a place in the sequences of random numbers of scalars.
func randomPlace(c []float32) (key, site, offset uint64) {
	offset = uint64(math.Float32bits(c[2])) % 1000
	if c[3] > 0 { // where the counter's lower half overflows
		offset += 4<<32 - 600
	}
	return uint64(math.Float32bits(c[0])) << 20, uint64(math.Float32bits(c[1])) << 20, offset
}

func widen(f func(s *Set) func([]float32, []uint16)) func(s *Set, v [][]float32, c []float32) []float32 {
	return func(s *Set, v [][]float32, c []float32) []float32 {
		src := make([]uint16, len(v[1]))
		for i, x := range v[1] {
			b := math.Float32bits(x)
			src[i] = uint16(b ^ b>>16)
		}
		f(s)(v[0], src)
		return nil
	}
}

func narrow(f func(s *Set) func([]uint16, []float32)) func(s *Set, v [][]float32, c []float32) []float32 {
	return func(s *Set, v [][]float32, c []float32) []float32 {
		dst := make([]uint16, len(v[0])+2)
		dst[0], dst[len(dst)-1] = 0xabcd, 0xabcd
		f(s)(dst[1:len(dst)-1:len(dst)-1], v[1])
		for i, h := range dst[1 : len(dst)-1] {
			v[0][i] = math.Float32frombits(uint32(h))
		}
		return []float32{float32(dst[0]), float32(dst[len(dst)-1])}
	}
}

// TestEntriesEqualGo compares every loop of every set with its definition, bit
// for bit: all lengths up to 200 and some long ones, unaligned, in place and
// not, with ordinary and with special values, and canaries around all slices.
func TestEntriesEqualGo(t *testing.T) {
	plain := Sets()[len(Sets())-1]
	var lengths []int
	for n := range 201 {
		lengths = append(lengths, n)
	}
	lengths = append(lengths, 767, 768, 1000, 4099)
	for _, l := range loops {
		t.Run(l.entry, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			for _, n := range lengths {
				for values := range valueKinds {
					for alias := -1; alias < l.in && (l.out > 0 || alias < 0); alias++ {
						if apart[l.entry] && alias >= 0 || n > 200 && values != n%valueKinds {
							continue
						}
						c := make([]float32, 4)
						fillValues(r, c, values)
						proto := make([][]float32, l.out+l.in)
						for i := range proto {
							proto[i] = make([]float32, n)
							fillValues(r, proto[i], values)
						}
						want, wantScalars := runGuarded(t, r, plain, l, proto, c, alias)
						for _, s := range Sets()[:len(Sets())-1] {
							have, haveScalars := runGuarded(t, r, s, l, proto, c, alias)
							if err := sameBits(haveScalars, wantScalars); err != nil {
								t.Fatalf("%s n=%d values=%d: scalar %v", s.Name, n, values, err)
							}
							for i := range have {
								if err := sameBits(have[i], want[i]); err != nil {
									t.Fatalf("%s n=%d values=%d alias=%d: slice %d %v", s.Name, n, values, alias, i, err)
								}
							}
						}
					}
				}
			}
		})
	}
}

// TestEntriesEqualGoDensely runs the loops of one argument over a dense sample
// of all float32.
func TestEntriesEqualGoDensely(t *testing.T) {
	const step = 40009 // a prime, about 100 000 values
	var x []float32
	for b := uint64(0); b < 1<<32; b += step {
		x = append(x, math.Float32frombits(uint32(b)))
	}
	g := make([]float32, len(x))
	for i := range g {
		g[i] = 1
	}
	plain := Sets()[len(Sets())-1]
	for _, l := range loops {
		if l.out != 1 || l.in > 2 {
			continue
		}
		v := [][]float32{make([]float32, len(x)), g, x}
		if l.in == 1 {
			v = [][]float32{v[0], x}
		}
		c := []float32{0.5, 0.25, 0.125, 2}
		l.call(plain, v, c)
		want := append([]float32(nil), v[0]...)
		for _, s := range Sets()[:len(Sets())-1] {
			clear(v[0])
			if l.entry == "MulAdd" || l.entry == "AddScaled" || l.entry == "normGrad" {
				continue // they add to what is there
			}
			l.call(s, v, c)
			if err := sameBits(v[0], want); err != nil {
				t.Errorf("%s %s: %v", s.Name, l.entry, err)
			}
		}
	}
}

// TestEveryEntryIsCompared fails if the table has an entry that the
// conformance tests would silently pass over.
func TestEveryEntryIsCompared(t *testing.T) {
	byEntry := map[string]loop{}
	for _, l := range loops {
		byEntry[l.entry] = l
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Set]()) {
		switch field.Name {
		case "Name", "tiles", "int8", "bf16", "rows": // TestGemm, TestGemmInt8Conforms, TestGemmBF16Conforms, TestRowPlain
			continue
		}
		l, ok := byEntry[field.Name]
		if !ok {
			t.Errorf("Set.%s is in no conformance test", field.Name)
			continue
		}
		// Without the entry the loop must fail, or it does not test it.
		crippled := goSet()
		hole := reflect.ValueOf(crippled).Elem().FieldByIndex(field.Index)
		reflect.NewAt(hole.Type(), hole.Addr().UnsafePointer()).Elem().SetZero()
		v := make([][]float32, l.out+l.in)
		for i := range v {
			v[i] = make([]float32, 8)
		}
		if !panics(func() { l.call(crippled, v, make([]float32, 4)) }) {
			t.Errorf("the conformance test of Set.%s does not call it", field.Name)
		}
	}
}

func TestSets(t *testing.T) {
	want := []string{"go"}
	f, _ := cpu.Read()
	if f.AVX2 {
		want = append([]string{"avx2"}, want...)
	}
	if f.AVX512 {
		want = append([]string{"avx512"}, want...)
	}
	if runtime.GOARCH == "arm64" {
		want = append([]string{"neon"}, want...)
	}
	var have []string
	for _, s := range Sets() {
		have = append(have, s.Name)
		for i, entry := range entries(s) {
			if entry.IsNil() {
				t.Errorf("set %s: entry %d is missing", s.Name, i)
			}
		}
		if c, err := Choose(s.Name); c != s || err != nil {
			t.Errorf("Choose(%q) = %v, %v", s.Name, c, err)
		}
	}
	if !reflect.DeepEqual(have, want) {
		t.Errorf("sets: have %v, want %v", have, want)
	}
	for _, s := range machineSets() {
		for i, entry := range entries(s) {
			if entry.IsNil() && s.Name != "neon" { // which may leave some to Go
				t.Errorf("set %s: entry %d is not its own: comparing it would compare nothing", s.Name, i)
			}
		}
	}
	if s, err := Choose(""); s != Sets()[0] || err != nil {
		t.Errorf("Choose of nothing is not the best: %v, %v", s, err)
	}
	if _, err := Choose("sse"); err == nil {
		t.Error("Choose of an unknown set gives no error")
	}
}

const (
	canary = 1234.5
	margin = 40 // elements around a slice
)

// runGuarded runs a loop on copies of the prototypes at odd offsets, with
// canaries around them, and returns what was written. alias tells which input
// shares its memory with the first output.
func runGuarded(t *testing.T, r *rand.Rand, s *Set, l loop, proto [][]float32, c []float32, alias int) (out [][]float32, scalars []float32) {
	t.Helper()
	whole := make([][]float32, len(proto))
	v := make([][]float32, len(proto))
	for i, p := range proto {
		if alias >= 0 && i == l.out+alias {
			copy(v[0], p)
			v[i] = v[0]
			continue
		}
		start := margin + r.IntN(16)
		whole[i] = make([]float32, start+len(p)+margin)
		for j := range whole[i] {
			whole[i][j] = canary
		}
		v[i] = whole[i][start : start+len(p) : start+len(p)]
		copy(v[i], p)
	}
	scalars = l.call(s, v, c)
	for i, w := range whole {
		if w == nil {
			continue
		}
		start := len(w) - margin - len(v[i])
		for j, x := range w {
			if (j < start || j >= start+len(v[i])) && x != canary {
				t.Fatalf("%s %s n=%d: wrote outside slice %d, at %d", s.Name, l.entry, len(v[i]), i, j-start)
			}
		}
		if i >= l.out {
			if err := sameBits(v[i], proto[i]); err != nil {
				t.Fatalf("%s %s n=%d: changed its input %d: %v", s.Name, l.entry, len(v[i]), i, err)
			}
		}
	}
	return v[:l.out], scalars
}

// sameBits reports the first element that differs; two NaNs are the same.
func sameBits(have, want []float32) error {
	if len(have) != len(want) {
		return fmt.Errorf("length: have %d, want %d", len(have), len(want))
	}
	for i, w := range want {
		h := have[i]
		if math.Float32bits(h) != math.Float32bits(w) && !(h != h && w != w) {
			return fmt.Errorf("[%d]: have %v (%08x), want %v (%08x)", i, h, math.Float32bits(h), w, math.Float32bits(w))
		}
	}
	return nil
}

const valueKinds = 3

var specials = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -0.5, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
	math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 0x1p-126, -0x1p-126, 0x1.fffffcp-127,
	math.MaxFloat32, -math.MaxFloat32, 88, 88.7, 88.75, 89, 90, -87, -87.5, -90, -103, -103.9, -104, -105, -200,
	0.625, 0.925, 4, -4, 1e5, 1.0001e5, 1e10, 65504, 65519, 65520, 6e-5, 6e-8, 2.9e-8, 3e-8, 8.9e-8,
}

// fillValues fills x with ordinary values (kind 0), any bits (1), or specials
// among ordinary ones (2).
func fillValues(r *rand.Rand, x []float32, kind int) {
	for i := range x {
		switch {
		case kind == 1:
			x[i] = math.Float32frombits(r.Uint32())
		case kind == 2 && r.IntN(3) > 0:
			x[i] = specials[r.IntN(len(specials))]
		default:
			x[i] = float32(r.NormFloat64() * 3)
		}
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

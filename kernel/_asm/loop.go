package main

import (
	"fmt"
	"slices"
	"strings"
)

// A loop is an assembly function over slices.
type loop struct {
	name    string
	doc     string   // the loop in Go, without the subscript
	slices  []string // parameters; "name:bf16" and "name:f16" hold 16-bit floats
	scalars []string // float32 parameters
	sums    []string // results, each folded from 16 lanes
	rows    []string // a loop over rows: parameters with one number for each row
	matrix  bool     // a loop over rows: slices are [rows, n] without gaps, sums have one number for each row
	fold    string   // "VADDPS" or "VMAXPS"
	body    func(b *body)
}

// kindOf tells whether a slice holds 16-bit floats.
func (l *loop) kindOf(slice string) string {
	for _, s := range l.slices {
		if name, kind, ok := strings.Cut(s, ":"); ok && name == slice {
			return kind
		}
	}
	return ""
}

// whole: conversions run over whole groups of 16 only.
func (l *loop) whole() bool { return strings.Contains(strings.Join(l.slices, " "), ":") }

// params returns the arguments and results: slices, their length, scalars; sums.
// Over rows, pointers to what each row has one number of and to its sum, and the
// number of rows, come before the length.
func (l *loop) params() (args, results []param) {
	for _, s := range l.slices {
		name, kind, _ := strings.Cut(s, ":")
		p := param{name, "*float32"}
		if kind != "" {
			p.kind = "*uint16"
		}
		args = append(args, p)
	}
	if l.matrix {
		for _, name := range slices.Concat(l.rows, l.sums) {
			args = append(args, param{name, "*float32"})
		}
		args = append(args, param{"rows", "int"})
	}
	args = append(args, param{"n", "int"})
	for _, s := range l.scalars {
		args = append(args, param{s, "float32"})
	}
	for _, s := range l.sums {
		if !l.matrix {
			results = append(results, param{s, "float32"})
		}
	}
	return args, results
}

// lanes is the number of elements of the shortest whole turn.
const lanes = 16

// most is how many vectors are computed side by side, as long as registers suffice.
const most = 4

// write writes the loop: turns of several vectors side by side, turns of 16
// elements, then a masked one; over rows, so for each.
//
// Registers: one a slice, from the list below; AX is the index, CX counts the
// elements left, DX serves masks. The last vector register of AVX2 holds the
// mask of the tail, K7 that of AVX-512.
func (l *loop) write(a *assembly, g *declarations, m *machine, names map[string]float64, table *constantTable) {
	args, results := l.params()
	pointers := map[string]string{}
	for i, p := range args[:len(l.slices)] {
		pointers[p.name] = []string{"DI", "SI", "R8", "R9", "R10", "R11"}[i]
	}
	if l.matrix {
		for i, name := range slices.Concat(l.rows, l.sums) {
			if pointers[name] = "BX"; i < len(l.rows) {
				pointers[name] = []string{"R12", "R13"}[i]
			}
		}
	}
	f := function(a, g, l.name+m.suffix, l.doc, args, results)
	for _, p := range args {
		if p.kind[0] == '*' {
			a.op("MOVQ", f.at(p.name), pointers[p.name])
		}
	}
	if l.matrix {
		a.op("MOVQ", f.at("rows"), "R15")
	} else {
		a.op("MOVQ", f.at("n"), "CX")
		a.op("XORL", "AX", "AX")
	}

	address := func(slice string, half int) string {
		if l.kindOf(slice) != "" {
			return fmt.Sprintf("%d(%s)(AX*2)", half*2*m.lanes, pointers[slice])
		}
		return fmt.Sprintf("%d(%s)(AX*4)", half*m.bytes(), pointers[slice])
	}

	halves := lanes / m.lanes
	pinned := 0 // registers held throughout, counted from 0
	hold := func() *value {
		v := &value{reg: pinned, pinned: true}
		pinned++
		return v
	}
	sums := make([][]*value, halves)
	for h := range halves {
		for range l.sums {
			sums[h] = append(sums[h], hold())
		}
	}
	scalars := map[string]*value{}
	for _, s := range l.scalars {
		scalars[s] = hold()
		a.op("VBROADCASTSS", f.at(s), m.v(scalars[s].reg))
	}
	for _, s := range l.rows {
		scalars[s] = hold()
	}

	constants := map[uint32]*value{}
	build := func(half int, tail bool) *body {
		b := &body{m: m, loop: l, names: names, half: half, tail: tail, constants: constants, scalars: scalars, sums: sums[half%halves]}
		l.body(b)
		b.schedule()
		return b
	}
	newWriter := func(out *assembly) *writer {
		w := &writer{a: out, m: m, table: table, address: address, wanted: map[*value]int{}}
		last := m.regs - 1
		if m == avx2 {
			last-- // the mask
		}
		for r := last; r >= pinned; r-- {
			w.free = append(w.free, r)
		}
		w.freeMask = []int{6, 5, 4, 3, 2, 1}
		return w
	}

	// vectors are those of so many elements, as bodies.
	vectors := func(elements int) (bodies []*body) {
		for h := range elements / m.lanes {
			bodies = append(bodies, build(h, false))
		}
		return bodies
	}

	// A trial tells how many vectors may be under way at once, and how many registers
	// are left over for constants.
	abreast, trial := most, (*writer)(nil)
	for ; ; abreast /= 2 {
		trial = newWriter(newAssembly())
		trial.table = &constantTable{m: m}
		if trial.fits(vectors(abreast * m.lanes)...) {
			break
		}
	}
	left := len(trial.free) - trial.peak - 1
	if len(l.sums) > 0 {
		left-- // the tail keeps results apart from the sums
	}
	if l.matrix { // folding a row's lanes takes registers 14 and 15
		left = min(left, 14-pinned)
	}
	var order []*value
	for _, v := range constants {
		if trial.wanted[v] > 0 {
			order = append(order, v)
		}
	}
	slices.SortFunc(order, func(v, u *value) int {
		if d := trial.wanted[u] - trial.wanted[v]; d != 0 {
			return d
		}
		return int(int64(v.bits) - int64(u.bits))
	})
	for _, v := range order[:max(0, min(left, len(order)))] {
		v.reg = pinned
		pinned++
		a.op("VBROADCASTSS", table.at(v.bits), m.v(v.reg))
	}
	if l.matrix {
		a.op("TESTQ", "R15", "R15")
		a.op("JZ", "end")
		a.label("row")
		a.op("MOVQ", f.at("n"), "CX")
		a.op("XORL", "AX", "AX")
		for _, s := range l.rows {
			a.op("VBROADCASTSS", "("+pointers[s]+")", m.v(scalars[s].reg))
			a.op("ADDQ", "$4", pointers[s])
		}
	}
	for h := range halves {
		for _, s := range sums[h] {
			if l.fold == "VMAXPS" {
				a.op("VBROADCASTSS", table.at(0xff800000), m.v(s.reg))
			} else {
				m.zero(a, s.reg)
			}
		}
	}

	for _, turn := range slices.Compact([]int{max(abreast*m.lanes, lanes), lanes}) {
		loop, next := "loop", "tail"
		if turn > lanes {
			loop, next = "wide", "rest"
		}
		a.op("SUBQ", fmt.Sprintf("$%d", turn), "CX")
		a.op("JLT", next)
		a.op("PCALIGN", "$32")
		a.label(loop)
		for some := range slices.Chunk(vectors(turn), abreast) {
			newWriter(a).bodies(some...)
		}
		a.op("ADDQ", fmt.Sprintf("$%d", turn), "AX")
		a.op("SUBQ", fmt.Sprintf("$%d", turn), "CX")
		a.op("JGE", loop)
		if turn > lanes {
			a.label(next)
			a.op("ADDQ", fmt.Sprintf("$%d", turn), "CX")
		}
	}
	a.label("tail")
	if !l.whole() {
		a.op("ADDQ", fmt.Sprintf("$%d", lanes), "CX")
		a.op("JZ", "done")
		if m == avx512 {
			a.op("MOVL", "$-1", "DX")
			a.op("SHLL", "CX", "DX")
			a.op("NOTL", "DX")
			a.op("KMOVW", "DX", "K7")
			newWriter(a).bodies(build(0, true))
		} else {
			a.op("LEAQ", "laneMask<>+64(SB)", "DX")
			a.op("SHLQ", "$2", "CX")
			a.op("SUBQ", "CX", "DX")
			a.op("VMOVUPS", "(DX)", m.v(m.regs-1))
			newWriter(a).bodies(build(0, true))
			a.op("CMPQ", "CX", "$32")
			a.op("JLE", "done")
			a.op("VMOVUPS", "32(DX)", m.v(m.regs-1))
			newWriter(a).bodies(build(1, true))
		}
	}
	a.label("done")
	for i, name := range l.sums {
		l.foldLanes(a, m, sums, i)
		if l.matrix {
			a.op("VMOVSS", "X15", "("+pointers[name]+")")
			a.op("ADDQ", "$4", pointers[name])
		} else {
			a.op("VMOVSS", "X15", f.at(name))
		}
	}
	if l.matrix {
		a.op("MOVQ", f.at("n"), "CX")
		for _, s := range l.slices {
			a.op("LEAQ", fmt.Sprintf("(%s)(CX*4)", pointers[s]), pointers[s])
		}
		a.op("DECQ", "R15")
		a.op("JNZ", "row")
		a.label("end")
	}
	a.op("VZEROUPPER")
	a.op("RET")
}

// foldLanes leaves in X15 the fold of sum i: lane l takes lane l+8, then l+4,
// l+2 and l+1.
func (l *loop) foldLanes(a *assembly, m *machine, sums [][]*value, i int) {
	r := sums[0][i].reg
	y, x := fmt.Sprintf("Y%d", r), fmt.Sprintf("X%d", r)
	high := "Y14"
	if m == avx512 {
		a.op("VEXTRACTF64X4", "$1", m.v(r), high)
	} else {
		high = m.v(sums[1][i].reg)
	}
	a.op(l.fold, y, high, y)
	a.op("VEXTRACTF128", "$1", y, "X14")
	a.op(l.fold, x, "X14", x)
	a.op("VMOVHLPS", x, x, "X14")
	a.op(l.fold, x, "X14", x)
	a.op("VMOVSHDUP", x, "X14")
	a.op(strings.Replace(l.fold, "PS", "SS", 1), x, "X14", "X15")
}

package main

import (
	"fmt"
	"slices"
)

// neon is the vector unit that every 64-bit Arm processor has. Go's assembler
// knows few of its instructions on floats, so they are written as words, with
// the mnemonic of the Arm Architecture Reference Manual beside each.
var neon = &machine{name: "neon", suffix: "NEON", lanes: 4, reg: "V", regs: 32, rows: 6}

// Words of instructions on four lanes; registers go where word puts them.
var neonWords = map[string]uint32{
	"FADD": 0x4e20d400, "FSUB": 0x4ea0d400, "FMUL": 0x6e20dc00, "FDIV": 0x6e20fc00,
	"FSQRT": 0x6ea1f800, "FMLA": 0x4e20cc00, "FMLS": 0x4ea0cc00,
	"FCMEQ": 0x4e20e400, "FCMGE": 0x6e20e400, "FCMGT": 0x6ea0e400,
	"SCVTF": 0x4e21d800, "FCVTNS": 0x4e21a800,
	"ADD": 0x4ea08400, "SUB": 0x6ea08400, "MUL": 0x4ea09c00, "MLS": 0x6ea09400,
	"SMAX": 0x4ea06400, "SMIN": 0x4ea06c00, "UMAX": 0x6ea06400, "ADDP": 0x4ea0bc00,
	"AND": 0x4e201c00, "ORR": 0x4ea01c00, "EOR": 0x6e201c00, "NOT": 0x6e205800,
	"BSL": 0x6e601c00, "BIT": 0x6ea01c00,
	"XTN": 0x0e612800, "XTNB": 0x0e212800, "FCVTL": 0x0e217800, "FCVTN": 0x0e216800, "UXTL": 0x2f10a400,
	"SXTLB": 0x0f08a400, "SXTLB2": 0x4f08a400, "UXTLB": 0x2f08a400,
	"SMLAL": 0x0e608000, "SMLAL2": 0x4e608000, "SDOT": 0x4f80e000,
	"UMULL": 0x2ea0c000, "UMULL2": 0x6ea0c000, "UZP2": 0x4e805800,
	"TRN1": 0x4e802800, "TRN2": 0x4e806800, "TRN1D": 0x4ec02800, "TRN2D": 0x4ec06800,
}

// word writes dst = op(n, m), by register numbers.
func (a *assembly) word(op string, dst, n, m int) {
	code, ok := neonWords[op]
	if !ok {
		panic("no word for " + op)
	}
	fmt.Fprintf(a, "\tWORD $0x%08x // %s V%d, V%d, V%d\n", code|uint32(m)<<16|uint32(n)<<5|uint32(dst), op, dst, n, m)
}

// word1 writes dst = op(n).
func (a *assembly) word1(op string, dst, n int) {
	fmt.Fprintf(a, "\tWORD $0x%08x // %s V%d, V%d\n", neonWords[op]|uint32(n)<<5|uint32(dst), op, dst, n)
}

// shiftWord writes dst = op(n, by) for SSHR, USHR and SHL.
func (a *assembly) shiftWord(op string, dst, n, by int) {
	code := map[string]uint32{"SSHR": 0x4f000400, "USHR": 0x6f000400, "SHL": 0x4f005400}[op]
	amount := 64 - by
	if op == "SHL" {
		amount = 32 + by
	}
	fmt.Fprintf(a, "\tWORD $0x%08x // %s V%d, V%d, #%d\n", code|uint32(amount)<<16|uint32(n)<<5|uint32(dst), op, dst, n, by)
}

// copyWord writes dst = n.
func (a *assembly) copyWord(dst, n int) {
	if dst != n {
		a.word("ORR", dst, n, n)
	}
}

// neonWriter writes bodies for NEON. Every operand is in a register, and there
// are no masks: a predicate is a vector of ones and zeros.
type neonWriter struct{ writer }

func (w *neonWriter) body(b *body) {
	for i, in := range b.insts {
		w.inst(b, i, in)
	}
}

// in is the register of a value; a constant that has none of its own comes from
// the table into a temporary one.
func (w *neonWriter) in(v *value, temporary *[]int) int {
	if v.kind != literal || v.reg >= 0 {
		return v.reg
	}
	w.wanted[v]++
	r := w.take()
	w.a.op("FMOVQ", w.table.inRegister(v.bits), fmt.Sprintf("F%d", r))
	*temporary = append(*temporary, r)
	return r
}

func (w *neonWriter) inst(b *body, at int, in *inst) {
	switch in.op {
	case "load":
		in.dst.reg = w.take()
		w.load(b, in)
		return
	case "store":
		w.store(b, in)
		w.release(in.args[0], at)
		return
	}
	var temporary []int
	var args []int
	for _, v := range in.args {
		args = append(args, w.in(v, &temporary))
	}
	// receive gives a register for the result that starts with the contents of
	// argument i: its own if it is needed no more.
	receive := func(i int) int {
		v := in.args[i]
		if t := slices.Index(temporary, args[i]); t >= 0 {
			temporary = slices.Delete(temporary, t, t+1)
			return args[i]
		}
		if v.kind != literal && !v.pinned && v.last == at {
			v.pinned = true // its register goes on as the result's
			return v.reg
		}
		r := w.take()
		w.a.copyWord(r, args[i])
		return r
	}
	dst := -1
	a := w.a
	switch in.op {
	case "VFMADD", "VFNMADD":
		op := map[string]string{"VFMADD": "FMLA", "VFNMADD": "FMLS"}[in.op]
		if in.into != nil && !b.tail && in.args[2] == in.into {
			dst = in.into.reg
		} else {
			dst = receive(2)
		}
		a.word(op, dst, args[0], args[1])
	case "choose":
		dst = receive(0)
		a.word("BSL", dst, args[1], args[2])
	case "VMINPS", "VMAXPS":
		dst = w.take()
		if in.op == "VMINPS" {
			a.word("FCMGT", dst, args[1], args[0])
		} else {
			a.word("FCMGT", dst, args[0], args[1])
		}
		a.word("BSL", dst, args[0], args[1])
	default:
		// All arguments are read before the result is written.
		for _, v := range in.args {
			w.release(v, at)
		}
		dst = w.take()
		w.simple(in, dst, args)
	}
	for _, r := range temporary {
		w.give(r)
	}
	for _, v := range in.args {
		w.release(v, at)
	}
	in.dst.reg = dst
	if in.into == nil {
		return
	}
	if b.tail {
		a.word("BIT", in.into.reg, dst, neonMask)
	} else {
		a.copyWord(in.into.reg, dst)
	}
	if dst != in.into.reg {
		w.give(dst)
	}
	in.dst.pinned = true
}

// simple writes an instruction that reads its arguments first.
func (w *neonWriter) simple(in *inst, dst int, args []int) {
	a := w.a
	switch in.op {
	case "VADDPS", "VSUBPS", "VMULPS", "VDIVPS", "VPADDD", "VPSUBD", "VPAND", "VPOR", "VPXOR":
		a.word(map[string]string{"VADDPS": "FADD", "VSUBPS": "FSUB", "VMULPS": "FMUL", "VDIVPS": "FDIV", "VPADDD": "ADD",
			"VPSUBD": "SUB", "VPAND": "AND", "VPOR": "ORR", "VPXOR": "EOR"}[in.op], dst, args[0], args[1])
	case "VSQRTPS":
		a.word1("FSQRT", dst, args[0])
	case "VCVTDQ2PS":
		a.word1("SCVTF", dst, args[0])
	case "VPSRAD", "VPSRLD", "VPSLLD":
		var by int
		fmt.Sscanf(in.imm, "$%d", &by)
		a.shiftWord(map[string]string{"VPSRAD": "SSHR", "VPSRLD": "USHR", "VPSLLD": "SHL"}[in.op], dst, args[0], by)
	case "signs":
		a.shiftWord("SSHR", dst, args[0], 31)
	case "VCMPPS":
		x, y := args[0], args[1]
		switch in.imm {
		case equal:
			a.word("FCMEQ", dst, x, y)
		case greater:
			a.word("FCMGT", dst, x, y)
		case greaterOrEqual:
			a.word("FCMGE", dst, x, y)
		case less:
			a.word("FCMGT", dst, y, x)
		case lessOrEqual:
			a.word("FCMGE", dst, y, x)
		case notLess:
			a.word("FCMGT", dst, y, x)
			a.word1("NOT", dst, dst)
		case notGreaterEqual:
			a.word("FCMGE", dst, x, y)
			a.word1("NOT", dst, dst)
		case unordered:
			if x != y {
				panic("unordered is there for one value only")
			}
			a.word("FCMEQ", dst, x, y)
			a.word1("NOT", dst, dst)
		}
	default:
		panic("no NEON for " + in.op)
	}
}

func (w *neonWriter) load(b *body, in *inst) {
	r, memory := in.dst.reg, w.address(in.mem, b.half)
	f := fmt.Sprintf("F%d", r)
	switch b.loop.kindOf(in.mem) {
	case "bf16":
		w.a.op("FMOVD", memory, f)
		w.a.word1("UXTL", r, r)
		w.a.shiftWord("SHL", r, r, 16)
	case "f16":
		w.a.op("FMOVD", memory, f)
		w.a.word1("FCVTL", r, r)
	default:
		w.a.op("FMOVQ", memory, f)
	}
}

func (w *neonWriter) store(b *body, in *inst) {
	var temporary []int
	r, memory := w.in(in.args[0], &temporary), w.address(in.mem, b.half)
	switch kind := b.loop.kindOf(in.mem); kind {
	case "":
		w.a.op("FMOVQ", fmt.Sprintf("F%d", r), memory)
	default:
		narrow := w.take()
		w.a.word1(map[string]string{"bf16": "XTN", "f16": "FCVTN"}[kind], narrow, r)
		w.a.op("FMOVD", fmt.Sprintf("F%d", narrow), memory)
		w.give(narrow)
	}
	for _, r := range temporary {
		w.give(r)
	}
}

// inRegister is the operand of a constant in every lane; constantsReg points to
// the table.
func (t *constantTable) inRegister(bits uint32) string {
	i := slices.Index(t.order, bits)
	if i < 0 {
		i = len(t.order)
		t.order = append(t.order, bits)
	}
	return fmt.Sprintf("%d(%s)", i*t.size(), constantsReg)
}

// What the registers of a loop hold.
const (
	constantsReg = "R7"
	countReg     = "R6"
	tailReg      = "R8"  // copies of the tails of the slices, 16 elements each
	maskReg      = "R12" // the mask of the tail's lanes
	neonMask     = 31    // the vector register of a part of it
)

// writeNEON writes the loop: whole turns of 16 elements, then one over copies
// of the rest, from which the elements that exist go back.
//
// Registers: R0 … R5 point to the slices, the others are named above.
func (l *loop) writeNEON(a *assembly, g *declarations, names map[string]float64, table *constantTable) {
	m := neon
	args, results := l.params()
	pointers := map[string]string{}
	for i, p := range args[:len(l.slices)] {
		pointers[p.name] = fmt.Sprintf("R%d", i)
	}
	local := 0
	if !l.whole() {
		local = 4 * lanes * len(l.slices)
	}
	f := functionWithLocals(a, g, l.name+m.suffix, l.doc, args, results, local)
	for _, p := range args[:len(l.slices)] {
		a.op("MOVD", f.at(p.name), pointers[p.name])
	}
	a.op("MOVD", f.at("n"), countReg)
	a.op("MOVD", "$constant<>(SB)", constantsReg)

	size := func(slice string) int {
		if l.kindOf(slice) != "" {
			return 2
		}
		return 4
	}
	address := func(slice string, quarter int) string {
		return fmt.Sprintf("%d(%s)", quarter*m.lanes*size(slice), pointers[slice])
	}
	copies := func(slice string, quarter int) string {
		i := slices.IndexFunc(args, func(p param) bool { return p.name == slice })
		return fmt.Sprintf("%d(%s)", 4*lanes*i+quarter*m.bytes(), tailReg)
	}

	const quarters = lanes / 4
	pinned := 0
	hold := func() *value {
		v := &value{reg: pinned, pinned: true}
		pinned++
		return v
	}
	sums := make([][]*value, quarters)
	for q := range quarters {
		for range l.sums {
			sums[q] = append(sums[q], hold())
		}
	}
	scalars := map[string]*value{}
	for _, s := range l.scalars {
		v := hold()
		scalars[s] = v
		a.op("FMOVS", f.at(s), fmt.Sprintf("F%d", v.reg))
		broadcast(a, v.reg)
	}
	constants := map[uint32]*value{}
	build := func(quarter int, tail bool) *body {
		b := &body{m: m, loop: l, names: names, half: quarter, tail: tail, constants: constants, scalars: scalars, sums: sums[quarter]}
		l.body(b)
		return b
	}
	newWriter := func(out *assembly, address func(slice string, quarter int) string) *neonWriter {
		w := &neonWriter{writer{a: out, m: m, table: table, address: address, wanted: map[*value]int{}}}
		for r := neonMask - 1; r >= pinned; r-- {
			w.free = append(w.free, r)
		}
		return w
	}

	// A trial tells how many registers are left over for constants.
	trial := newWriter(newAssembly(), address)
	trial.table = &constantTable{m: m}
	trial.body(build(0, false))
	left := len(trial.free) - trial.peak - 2
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
		a.op("FMOVQ", table.inRegister(v.bits), fmt.Sprintf("F%d", v.reg))
	}
	for q := range quarters {
		for _, s := range sums[q] {
			if l.fold == "VMAXPS" {
				a.op("FMOVQ", table.inRegister(0xff800000), fmt.Sprintf("F%d", s.reg))
			} else {
				a.word("EOR", s.reg, s.reg, s.reg)
			}
		}
	}

	subtract := fmt.Sprintf("$%d", lanes)
	a.op("SUBS", subtract, countReg, countReg)
	a.op("BLT", "tail")
	a.op("PCALIGN", "$32")
	a.label("loop")
	var stored, read []string
	for q := range quarters {
		b := build(q, false)
		for _, in := range b.insts {
			if in.op == "store" && !slices.Contains(stored, in.mem) {
				stored = append(stored, in.mem)
			}
			if in.op == "load" && !slices.Contains(read, in.mem) {
				read = append(read, in.mem)
			}
		}
		newWriter(a, address).body(b)
	}
	for _, p := range args[:len(l.slices)] {
		a.op("ADD", fmt.Sprintf("$%d", lanes*size(p.name)), pointers[p.name])
	}
	a.op("SUBS", subtract, countReg, countReg)
	a.op("BGE", "loop")
	a.label("tail")
	if !l.whole() {
		a.op("ADDS", subtract, countReg, countReg)
		a.op("BEQ", "done")
		a.op("MOVD", fmt.Sprintf("$tails-%d(SP)", local), tailReg)
		for _, s := range read {
			copyTail(a, s, pointers[s], copies(s, 0), true)
		}
		if len(l.sums) > 0 {
			a.op("MOVD", "$laneMask<>+64(SB)", maskReg)
			a.op("SUB", countReg+"<<2", maskReg, maskReg)
		}
		for q := range quarters {
			if len(l.sums) > 0 {
				a.op("FMOVQ", fmt.Sprintf("%d(%s)", q*m.bytes(), maskReg), fmt.Sprintf("F%d", neonMask))
			}
			newWriter(a, copies).body(build(q, true))
		}
		for _, s := range stored {
			copyTail(a, s+"Back", pointers[s], copies(s, 0), false)
		}
	}
	a.label("done")
	for i, name := range l.sums {
		at := func(q int) int { return sums[q][i].reg }
		foldNEON(a, l.fold, at(0), at(2))
		foldNEON(a, l.fold, at(1), at(3))
		foldNEON(a, l.fold, at(0), at(1))
		a.op("VEXT", "$8", fmt.Sprintf("V%d.B16", at(0)), fmt.Sprintf("V%d.B16", at(0)), "V30.B16")
		foldNEON(a, l.fold, at(0), 30)
		a.op("VEXT", "$4", fmt.Sprintf("V%d.B16", at(0)), fmt.Sprintf("V%d.B16", at(0)), "V30.B16")
		foldNEON(a, l.fold, at(0), 30)
		a.op("FMOVS", fmt.Sprintf("F%d", at(0)), f.at(name))
	}
	a.op("RET")
}

// foldNEON makes register low the fold of itself with register high.
func foldNEON(a *assembly, fold string, low, high int) {
	if fold == "VADDPS" {
		a.word("FADD", low, low, high)
		return
	}
	a.word("FCMGT", neonMask, high, low)
	a.word("BIT", low, high, neonMask)
}

// broadcast copies the first lane of a register to all.
func broadcast(a *assembly, r int) {
	a.op("VDUP", fmt.Sprintf("V%d.S[0]", r), fmt.Sprintf("V%d.S4", r))
}

// copyTail copies the elements that are left from a slice to its copy, or back.
func copyTail(a *assembly, name, pointer, copied string, there bool) {
	a.op("MOVD", pointer, "R9")
	a.op("MOVD", "$"+copied, "R10")
	a.op("MOVD", countReg, "R11")
	from, to := "R9", "R10"
	if !there {
		from, to = to, from
	}
	a.label("copy" + name)
	a.op("MOVWU.P", "4("+from+")", "R13")
	a.op("MOVW.P", "R13", "4("+to+")")
	a.op("SUBS", "$1", "R11", "R11")
	a.op("BNE", "copy"+name)
}

// writeLaneMasks writes what loads of a mask slide over.
func writeLaneMasks(a *assembly) {
	a.WriteString("\n// sixteen lanes on, sixteen off\n")
	for i := range 32 {
		value := "0xffffffff"
		if i >= 16 {
			value = "0"
		}
		fmt.Fprintf(a, "DATA laneMask<>+%d(SB)/4, $%s\n", 4*i, value)
	}
	a.WriteString("GLOBL laneMask<>(SB), RODATA|NOPTR, $128\n")
}

package main

import (
	"fmt"
	"math"
	"slices"
)

// A body describes what one turn of a loop does to one vector of elements, as
// a list of instructions on values that are assigned once. Registers are given
// out when the body is written.
type body struct {
	m     *machine
	loop  *loop
	insts []*inst
	names map[string]float64 // constants of the Go definitions
	half  int                // which vector of the 16 lanes
	tail  bool               // some lanes are masked off

	constants map[uint32]*value
	scalars   map[string]*value
	sums      []*value // accumulators of this half
}

type kind int

const (
	ordinary  kind = iota
	predicate      // a mask
	literal        // a constant
)

type value struct {
	kind   kind
	bits   uint32 // of a constant
	reg    int    // -1: a constant that stays in memory
	pinned bool   // holds its register throughout the loop
	last   int    // the instruction that uses it last
}

type inst struct {
	op   string
	imm  string // an immediate operand
	mem  string // what a load reads or a store writes
	dst  *value
	args []*value
	into *value // accumulator that receives the result
}

func (b *body) add(in *inst) *value {
	for _, v := range in.args {
		v.last = len(b.insts)
	}
	b.insts = append(b.insts, in)
	return in.dst
}

func (b *body) vec(op string, args ...*value) *value {
	return b.add(&inst{op: op, dst: &value{reg: -1}, args: args})
}

func (b *body) shift(op string, n int, x *value) *value {
	return b.add(&inst{op: op, imm: fmt.Sprintf("$%d", n), dst: &value{reg: -1}, args: []*value{x}})
}

// bits is a constant by its bits, c by its value, named by its Go name.
func (b *body) bits(u uint32) *value {
	v := b.constants[u]
	if v == nil {
		v = &value{kind: literal, bits: u, reg: -1}
		b.constants[u] = v
	}
	return v
}

func (b *body) c(x float64) *value { return b.bits(math.Float32bits(float32(x))) }

func (b *body) named(name string) *value {
	x, ok := b.names[name]
	if !ok {
		panic("no constant " + name + " in package kernel")
	}
	return b.c(x)
}

func (b *body) negated(name string) *value { return b.c(-b.names[name]) }

// integer is a named constant that the Go code uses as bits.
func (b *body) integer(name string) *value { return b.bits(uint32(int64(b.names[name]))) }

func (b *body) scalar(name string) *value { return b.scalars[name] }

func (b *body) sum(i int) *value { return b.sums[i] }

// update makes v, which was computed last, the new value of accumulator i.
func (b *body) update(i int, v *value) {
	for _, in := range b.insts {
		if in.dst == v {
			in.into = b.sums[i]
			return
		}
	}
	panic("update with a value that no instruction computes")
}

func (b *body) load(name string) *value {
	return b.add(&inst{op: "load", mem: name, dst: &value{reg: -1}})
}

func (b *body) store(name string, v *value) {
	b.add(&inst{op: "store", mem: name, args: []*value{v}})
}

func (b *body) plus(x, y *value) *value   { return b.vec("VADDPS", x, y) }
func (b *body) minus(x, y *value) *value  { return b.vec("VSUBPS", x, y) }
func (b *body) times(x, y *value) *value  { return b.vec("VMULPS", x, y) }
func (b *body) over(x, y *value) *value   { return b.vec("VDIVPS", x, y) }
func (b *body) sqrt(x *value) *value      { return b.vec("VSQRTPS", x) }
func (b *body) iplus(x, y *value) *value  { return b.vec("VPADDD", x, y) }
func (b *body) iminus(x, y *value) *value { return b.vec("VPSUBD", x, y) }
func (b *body) and(x, y *value) *value    { return b.vec("VPAND", x, y) }
func (b *body) or(x, y *value) *value     { return b.vec("VPOR", x, y) }
func (b *body) xor(x, y *value) *value    { return b.vec("VPXOR", x, y) }
func (b *body) float(x *value) *value     { return b.vec("VCVTDQ2PS", x) }

// least is "if x < y then x else y", largest "if x > y then x else y".
func (b *body) least(x, y *value) *value   { return b.vec("VMINPS", x, y) }
func (b *body) largest(x, y *value) *value { return b.vec("VMAXPS", x, y) }

// fma is x·y + z, fnma -(x·y) + z.
func (b *body) fma(x, y, z *value) *value  { return b.vec("VFMADD", x, y, z) }
func (b *body) fnma(x, y, z *value) *value { return b.vec("VFNMADD", x, y, z) }

// The predicates of VCMPPS that the loops use, none of which signals.
const (
	equal           = "$0"
	unordered       = "$3"
	less            = "$17"
	lessOrEqual     = "$18"
	notLess         = "$21"
	notGreaterEqual = "$25"
	greaterOrEqual  = "$29"
	greater         = "$30"
)

func (b *body) compare(how string, x, y *value) *value {
	return b.add(&inst{op: "VCMPPS", imm: how, dst: &value{kind: predicate, reg: -1}, args: []*value{x, y}})
}

// signs is the mask of the lanes whose top bit is set.
func (b *body) signs(x *value) *value {
	return b.add(&inst{op: "signs", dst: &value{kind: predicate, reg: -1}, args: []*value{x}})
}

// choose is x where the mask is set and y elsewhere.
func (b *body) choose(m, x, y *value) *value {
	return b.add(&inst{op: "choose", dst: &value{reg: -1}, args: []*value{m, x, y}})
}

// writer gives out registers and writes the instructions of a body.
type writer struct {
	a        *assembly
	m        *machine
	free     []int // vector registers, the next one last
	freeMask []int
	peak     int // most vector registers in use at a time
	used     int
	table    *constantTable
	address  func(slice string, half int) string
	wanted   map[*value]int // how often a constant had to go through a register
}

func (w *writer) take() int {
	if len(w.free) == 0 {
		panic(errRegisters)
	}
	r := w.free[len(w.free)-1]
	w.free = w.free[:len(w.free)-1]
	w.used++
	w.peak = max(w.peak, w.used)
	return r
}

func (w *writer) give(r int) {
	w.free = append(w.free, r)
	w.used--
}

// takeMask: only AVX-512 keeps masks in registers of their own.
func (w *writer) takeMask() int {
	if w.m != avx512 {
		return w.take()
	}
	if len(w.freeMask) == 0 {
		panic(errRegisters)
	}
	r := w.freeMask[len(w.freeMask)-1]
	w.freeMask = w.freeMask[:len(w.freeMask)-1]
	return r
}

func (w *writer) release(v *value, at int) {
	if v.pinned || v.last != at || v.reg < 0 || v.kind == literal {
		return
	}
	if v.kind == predicate && w.m == avx512 {
		w.freeMask = append(w.freeMask, v.reg)
	} else {
		w.give(v.reg)
	}
	v.pinned = true // given back once, even if used twice here
}

// bodies writes bodies of the same loop side by side, an instruction of each in
// turn: while one chain waits for its last result, the others go on.
func (w *writer) bodies(bodies ...*body) {
	for i := range bodies[0].insts {
		for _, b := range bodies {
			w.inst(b, i, b.insts[i])
		}
	}
}

// fits tells whether the registers suffice for bodies.
func (w *writer) fits(bodies ...*body) (ok bool) {
	defer func() {
		if why := recover(); why != nil && why != errRegisters {
			panic(why)
		}
	}()
	w.bodies(bodies...)
	return true
}

const errRegisters = "out of registers"

func (w *writer) inst(b *body, at int, in *inst) {
	a, m := w.a, w.m
	switch in.op {
	case "load":
		in.dst.reg = w.take()
		w.load(b, in)
		return
	case "store":
		w.store(b, in)
		w.release(in.args[0], at)
		return
	case "VFMADD", "VFNMADD":
		w.fma(b, at, in)
		return
	}

	args := slices.Clone(in.args)
	commutes := slices.Contains([]string{"VADDPS", "VMULPS", "VPADDD", "VPAND", "VPOR", "VPXOR"}, in.op)
	if len(args) == 2 && commutes && args[0].kind == literal {
		args[0], args[1] = args[1], args[0]
	}
	// One operand may stay in memory: the last, or the first choice.
	fromMemory := len(args) - 1
	if in.op == "choose" {
		fromMemory = 1
	}
	if len(args) == 1 {
		fromMemory = -1
	}
	operands := make([]string, len(args))
	suffix := ""
	var temporary []int
	for i, v := range args {
		operand, bcst, temp := w.operand(v, i == fromMemory)
		operands[i] = operand
		suffix += bcst
		temporary = append(temporary, temp...)
	}
	for _, r := range temporary {
		w.give(r)
	}
	for _, v := range in.args {
		w.release(v, at)
	}
	into := in.into
	if into != nil && !b.tail {
		in.dst.reg, in.dst.pinned = into.reg, true
	} else if in.dst.kind == predicate {
		in.dst.reg = w.takeMask()
	} else {
		in.dst.reg = w.take()
	}
	dst := m.v(in.dst.reg)
	op := in.op
	switch {
	case in.dst.kind == predicate && m == avx512:
		dst = fmt.Sprintf("K%d", in.dst.reg)
	case m == avx512 && slices.Contains([]string{"VPAND", "VPOR", "VPXOR"}, op):
		op += "D"
	}
	switch {
	case in.op == "signs" && m == avx512:
		a.op("VPMOVD2M", operands[0], dst)
	case in.op == "signs":
		a.op("VMOVAPS", operands[0], dst)
	case in.op == "choose" && m == avx512:
		a.op("VBLENDMPS"+suffix, operands[1], operands[2], operands[0], dst)
	case in.op == "choose":
		a.op("VBLENDVPS", operands[0], operands[1], operands[2], dst)
	default:
		list := []string{}
		if in.imm != "" {
			list = append(list, in.imm)
		}
		slices.Reverse(operands)
		a.op(op+suffix, append(append(list, operands...), dst)...)
	}
	w.finishSum(b, in)
}

// finishSum merges a result into its accumulator where lanes are masked off.
func (w *writer) finishSum(b *body, in *inst) {
	if in.into == nil || !b.tail {
		return
	}
	sum, dst := w.m.v(in.into.reg), w.m.v(in.dst.reg)
	if w.m == avx512 {
		w.a.op("VMOVAPS", dst, "K7", sum)
	} else {
		w.a.op("VBLENDVPS", w.m.v(w.m.regs-1), dst, sum, sum)
	}
	w.give(in.dst.reg)
	in.dst.pinned = true
}

// operand is the text of a value; a constant that may not stay in memory goes
// through a temporary register.
func (w *writer) operand(v *value, memory bool) (text, suffix string, temporary []int) {
	switch {
	case v.kind == predicate && w.m == avx512:
		return fmt.Sprintf("K%d", v.reg), "", nil
	case v.kind != literal || v.reg >= 0:
		return w.m.v(v.reg), "", nil
	}
	where := w.table.at(v.bits)
	if memory {
		w.wanted[v]++
		if w.m == avx512 {
			return where, ".BCST", nil
		}
		return where, "", nil
	}
	w.wanted[v] += 100
	r := w.take()
	w.a.op("VBROADCASTSS", where, w.m.v(r))
	return w.m.v(r), "", []int{r}
}

// fma picks the form in which a register that is not needed any more receives
// the result, and in which at most one constant comes from memory.
func (w *writer) fma(b *body, at int, in *inst) {
	x, y, z := in.args[0], in.args[1], in.args[2]
	if x.kind == literal && x.reg < 0 {
		x, y = y, x // only y and z may be in memory
	}
	yMemory := y.kind == literal && y.reg < 0
	zMemory := z.kind == literal && z.reg < 0
	dies := func(v *value) bool {
		return v.kind == ordinary && !v.pinned && v.last == at
	}
	xs, _, tx := w.operand(x, false)
	ys, suffixY, ty := w.operand(y, !zMemory)
	zs, suffixZ, tz := w.operand(z, true)
	suffix := suffixY + suffixZ
	temporary := append(append(tx, ty...), tz...)
	yMemory = yMemory && !zMemory

	receive := func(v *value) string { // its register goes on as the result's
		in.dst.reg = v.reg
		v.pinned = true
		return w.m.v(v.reg)
	}
	write := func(form string, operands ...string) { w.a.op(in.op+form+"PS"+suffix, operands...) }
	switch {
	case in.into != nil && !b.tail && z == in.into:
		in.dst.reg, in.dst.pinned = z.reg, true
		write("231", ys, xs, zs)
	case dies(z) && !zMemory:
		write("231", ys, xs, receive(z))
	case dies(x) && !yMemory:
		write("213", zs, ys, receive(x))
	case dies(x): // y from memory
		write("132", ys, zs, receive(x))
	case dies(y):
		write("213", zs, xs, receive(y))
	case len(ty) > 0: // y is in a temporary register: take that
		in.dst.reg = ty[0]
		temporary = slices.DeleteFunc(temporary, func(r int) bool { return r == ty[0] })
		write("213", zs, xs, ys)
	case zMemory:
		in.dst.reg = w.take()
		w.a.op("VMOVAPS", xs, w.m.v(in.dst.reg))
		write("213", zs, ys, w.m.v(in.dst.reg))
	default:
		in.dst.reg = w.take()
		w.a.op("VMOVAPS", zs, w.m.v(in.dst.reg))
		write("231", ys, xs, w.m.v(in.dst.reg))
	}
	for _, r := range temporary {
		w.give(r)
	}
	for _, v := range in.args {
		w.release(v, at)
	}
	w.finishSum(b, in)
}

func (w *writer) load(b *body, in *inst) {
	dst, memory := w.m.v(in.dst.reg), w.address(in.mem, b.half)
	switch b.loop.kindOf(in.mem) {
	case "bf16":
		w.a.op("VPMOVZXWD", memory, dst)
		w.a.op("VPSLLD", "$16", dst, dst)
	case "f16":
		w.a.op("VCVTPH2PS", memory, dst)
	default:
		switch {
		case !b.tail:
			w.a.op("VMOVUPS", memory, dst)
		case w.m == avx512:
			w.a.op("VMOVUPS.Z", memory, "K7", dst)
		default:
			w.a.op("VMASKMOVPS", memory, w.m.v(w.m.regs-1), dst)
		}
	}
}

func (w *writer) store(b *body, in *inst) {
	src, memory := w.m.v(in.args[0].reg), w.address(in.mem, b.half)
	switch b.loop.kindOf(in.mem) {
	case "bf16": // the words are ready in the low halves
		if w.m == avx512 {
			w.a.op("VPMOVDW", src, memory)
			return
		}
		r := w.take()
		low, high := fmt.Sprintf("X%d", in.args[0].reg), fmt.Sprintf("X%d", r)
		w.a.op("VEXTRACTI128", "$1", src, high)
		w.a.op("VPACKUSDW", high, low, high)
		w.a.op("VMOVDQU", high, memory)
		w.give(r)
	case "f16":
		w.a.op("VCVTPS2PH", "$0", src, memory)
	default:
		switch {
		case !b.tail:
			w.a.op("VMOVUPS", src, memory)
		case w.m == avx512:
			w.a.op("VMOVUPS", src, "K7", memory)
		default:
			w.a.op("VMASKMOVPS", src, w.m.v(w.m.regs-1), memory)
		}
	}
}

// constantTable collects the constants of a file: a whole register each, or one
// lane that AVX-512 broadcasts.
type constantTable struct {
	m     *machine
	order []uint32
}

func (t *constantTable) size() int {
	if t.m == avx512 {
		return 4
	}
	return t.m.bytes()
}

func (t *constantTable) at(bits uint32) string {
	i := slices.Index(t.order, bits)
	if i < 0 {
		i = len(t.order)
		t.order = append(t.order, bits)
	}
	return fmt.Sprintf("constant<>+%d(SB)", i*t.size())
}

func (t *constantTable) write(a *assembly) {
	a.WriteString("\n// constants, in every lane\n")
	for i, bits := range t.order {
		for offset := 0; offset < t.size(); offset += 4 {
			fmt.Fprintf(a, "DATA constant<>+%d(SB)/4, $0x%08x\n", i*t.size()+offset, bits)
		}
	}
	fmt.Fprintf(a, "GLOBL constant<>(SB), RODATA|NOPTR, $%d\n", len(t.order)*t.size())
}

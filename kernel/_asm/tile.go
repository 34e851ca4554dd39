package main

import "fmt"

// tileArgs are the parameters of a strip of tiles.
var tileArgs = []param{
	{"m", "int"}, {"n", "int"}, {"k", "int"},
	{"a", "*float32"}, {"ar", "int"}, {"ac", "int"},
	{"b", "*float32"}, {"bs", "int"},
	{"from", "*float32"}, {"ldf", "int"}, {"to", "*float32"}, {"ldt", "int"},
	{"next", "*float32"}, {"pairs", "int"}, {"apart", "int"}, {"step", "int"}, {"hop", "int"},
}

// writeTiles writes the heart of the matrix product: a strip of any number of
// rows times one panel of B, two vector registers wide. The rows are cut into
// tiles of nearly equal height, whose sums stay in registers while k ascends:
// every element is a chain of fused multiply–adds, a broadcast element of A
// times a vector of B.
//
// Registers: SI, R9, R10, R11 point to rows 0, 3, 6, 9 of A, BX is the distance
// of its rows, R12 that of its columns; DI points to B, R13 is the distance of
// its rows; R14 is the distance of rows of the result; R15 counts k. AX points to
// memory to fetch, two lines DX bytes apart at each step of k, R8 bytes after the
// last two, as long as CX counts.
func writeTiles(a *assembly, g *declarations, m *machine) {
	doc := "to[i*ldt+j] = from[i*ldf+j] + Σ_p a[i*ar+p*ac]·b[p*bs+j], i < m, j < n, p < k, with distances in bytes; " +
		"from zero where from is nil; meanwhile every tile prefetches so many pairs of lines, apart from each other, " +
		"a step after the pair before, and a hop after the tile before"
	f := functionWithLocals(a, g, "tile"+m.suffix, doc, tileArgs, nil, 24)
	loadColumnMasks(a, m, f)
	a.op("MOVQ", f.at("ar"), "BX")
	a.op("MOVQ", f.at("ac"), "R12")
	a.op("MOVQ", f.at("bs"), "R13")
	a.op("MOVQ", f.at("ldt"), "R14")

	// tiles = ⌈m/rows⌉, height = m/tiles, the rest is spread.
	a.op("MOVQ", f.at("m"), "AX")
	a.op("ADDQ", fmt.Sprintf("$%d", m.rows-1), "AX")
	a.op("XORL", "DX", "DX")
	a.op("MOVQ", fmt.Sprintf("$%d", m.rows), "CX")
	a.op("DIVQ", "CX")
	a.op("MOVQ", "AX", "CX")
	a.op("MOVQ", f.at("m"), "AX")
	a.op("XORL", "DX", "DX")
	a.op("DIVQ", "CX")
	a.op("MOVQ", "CX", tilesLeft)
	a.op("MOVQ", "AX", height)
	a.op("MOVQ", "DX", higher)
	a.op("MOVQ", f.at("a"), "SI")

	for _, vectors := range []int{1, 2} {
		narrow := fmt.Sprintf("v%d", vectors)
		if vectors == 1 {
			a.op("CMPQ", f.at("n"), fmt.Sprintf("$%d", m.lanes))
			a.op("JGT", "v2next")
		}
		a.label(narrow + "next")
		a.op("DECQ", tilesLeft)
		a.op("JLT", "done")
		a.op("MOVQ", f.at("b"), "DI")
		a.op("MOVQ", f.at("k"), "R15")
		a.op("LEAQ", "(BX)(BX*2)", "R11")
		a.op("LEAQ", "(SI)(R11*1)", "R9")
		a.op("LEAQ", "(SI)(R11*2)", "R10")
		a.op("ADDQ", "R10", "R11")
		// The first tiles are one higher.
		a.op("MOVQ", height, "AX")
		a.op("DECQ", higher)
		a.op("JLT", narrow+"low")
		for h := 2; h <= m.rows; h++ {
			a.op("CMPQ", "AX", fmt.Sprintf("$%d", h-1))
			a.op("JEQ", fmt.Sprintf("%srows%d", narrow, h))
		}
		a.label(narrow + "low")
		for h := 1; h < m.rows; h++ {
			a.op("CMPQ", "AX", fmt.Sprintf("$%d", h))
			a.op("JEQ", fmt.Sprintf("%srows%d", narrow, h))
		}
		for h := m.rows; h >= 1; h-- {
			a.label(fmt.Sprintf("%srows%d", narrow, h))
			writeTile(a, m, f, h, vectors)
			a.op("JMP", narrow+"next")
		}
	}
	a.label("done")
	a.op("VZEROUPPER")
	a.op("RET")
}

// Local variables of the tiles.
const (
	tilesLeft = "tiles-8(SP)"
	height    = "height-16(SP)"
	higher    = "higher-24(SP)" // tiles still to come that are one higher
)

// loadColumnMasks prepares the masks of the columns that exist: K1 and K2, or
// none (AVX2 makes them where it needs them).
func loadColumnMasks(a *assembly, m *machine, f frame) {
	if m != avx512 {
		return
	}
	a.op("MOVQ", f.at("n"), "CX")
	a.op("MOVQ", "$-1", "AX")
	a.op("SHLQ", "CX", "AX")
	a.op("NOTQ", "AX")
	a.op("KMOVW", "AX", "K1")
	a.op("SHRQ", "$16", "AX")
	a.op("KMOVW", "AX", "K2")
}

// writeTile writes one tile of h rows.
func writeTile(a *assembly, m *machine, f frame, h, vectors int) {
	sum := func(i, v int) string { return m.v(i*vectors + v) }
	b := func(v int) string { return m.v(m.rows*2 + v) }
	spare := func(i int) string {
		first := m.rows*2 + 2
		return m.v(first + i%(m.regs-first))
	}
	element := func(i int) string { // of A, row i
		base := []string{"SI", "R9", "R10", "R11"}[i/3]
		switch i % 3 {
		case 1:
			return "(" + base + ")(BX*1)"
		case 2:
			return "(" + base + ")(BX*2)"
		}
		return "(" + base + ")"
	}
	loop, fromZero := a.fresh("loop"), a.fresh("zero")

	for i := range h * vectors {
		m.zero(a, i)
	}
	a.op("CMPQ", f.at("from"), "$0")
	a.op("JEQ", fromZero)
	moveTile(a, m, f, h, vectors, false)
	a.label(fromZero)
	a.op("TESTQ", "R15", "R15")
	a.op("JZ", loop+"end")

	fetches := h > m.rows/2 // lower tiles are alone, or few, and wait for memory anyway
	if fetches {
		a.op("MOVQ", f.at("next"), "AX")
		a.op("MOVQ", f.at("pairs"), "CX")
		a.op("MOVQ", f.at("apart"), "DX")
		a.op("MOVQ", f.at("step"), "R8")
	} else {
		// Few rows wait for B: ask for what they need 32 steps later.
		a.op("MOVQ", "R13", "AX")
		a.op("SHLQ", "$5", "AX")
	}
	a.op("PCALIGN", "$32")
	a.label(loop)
	for v := range vectors {
		a.op("VMOVUPS", fmt.Sprintf("%d(DI)", v*m.bytes()), b(v))
	}
	a.op("ADDQ", "R13", "DI")
	for i := range h {
		a.op("VBROADCASTSS", element(i), spare(i))
		for v := range vectors {
			a.op("VFMADD231PS", b(v), spare(i), sum(i, v))
		}
	}
	for i := 0; i < h; i += 3 {
		a.op("ADDQ", "R12", []string{"SI", "R9", "R10", "R11"}[i/3])
	}
	// L2 is asked for what the next call will read, while this tile computes; B's
	// current row stands in when there is no more to ask for.
	if fetches {
		a.op("PREFETCHT1", "(AX)")
		a.op("PREFETCHT1", "(AX)(DX*1)")
		a.op("ADDQ", "R8", "AX")
		a.op("DECQ", "CX")
		a.op("CMOVQLT", "DI", "AX")
	} else {
		for line := 0; line < vectors*m.bytes(); line += 64 {
			a.op("PREFETCHT0", fmt.Sprintf("%d(DI)(AX*1)", line))
		}
	}
	a.op("DECQ", "R15")
	a.op("JNZ", loop)
	if fetches {
		a.op("MOVQ", f.at("hop"), "AX")
		a.op("ADDQ", "AX", f.at("next"))
	}
	a.label(loop + "end")
	moveTile(a, m, f, h, vectors, true)

	// To the next tile: back over k, on by h rows.
	a.op("MOVQ", f.at("k"), "R15")
	a.op("IMULQ", "R12", "R15")
	a.op("SUBQ", "R15", "SI")
	a.op("IMUL3Q", fmt.Sprintf("$%d", h), "BX", "R15")
	a.op("ADDQ", "R15", "SI")
	a.op("IMUL3Q", fmt.Sprintf("$%d", h), "R14", "R15")
	a.op("ADDQ", "R15", f.at("to"))
}

// moveTile loads the sums or stores them.
func moveTile(a *assembly, m *machine, f frame, h, vectors int, store bool) {
	step := "R14"
	move := func(masked bool) {
		if store {
			a.op("MOVQ", f.at("to"), "DI")
		} else {
			step = "R15"
			a.op("MOVQ", f.at("from"), "DI")
			a.op("MOVQ", f.at("ldf"), "R15")
		}
		for i := range h {
			for v := range vectors {
				memory, sum := fmt.Sprintf("%d(DI)", v*m.bytes()), m.v(i*vectors+v)
				switch {
				case m == avx512 && store:
					a.op("VMOVUPS", sum, fmt.Sprintf("K%d", 1+v), memory)
				case m == avx512:
					a.op("VMOVUPS.Z", memory, fmt.Sprintf("K%d", 1+v), sum)
				case masked && store:
					a.op("VMASKMOVPS", sum, m.v(12+v), memory)
				case masked:
					a.op("VMASKMOVPS", memory, m.v(12+v), sum)
				case store:
					a.op("VMOVUPS", sum, memory)
				default:
					a.op("VMOVUPS", memory, sum)
				}
			}
			if i < h-1 || !store {
				a.op("ADDQ", step, "DI")
			}
		}
		if !store {
			a.op("MOVQ", "DI", f.at("from"))
		}
	}
	if m == avx512 {
		move(false)
	} else {
		whole, end := a.fresh("whole"), a.fresh("moved")
		a.op("CMPQ", f.at("n"), fmt.Sprintf("$%d", vectors*m.lanes))
		a.op("JEQ", whole)
		a.op("LEAQ", "laneMask<>+64(SB)", "DI")
		a.op("MOVQ", f.at("n"), "R15")
		a.op("SHLQ", "$2", "R15")
		a.op("SUBQ", "R15", "DI")
		for v := range vectors {
			a.op("VMOVUPS", fmt.Sprintf("%d(DI)", v*m.bytes()), m.v(12+v))
		}
		move(true)
		a.op("JMP", end)
		a.label(whole)
		move(false)
		a.label(end)
	}
	if !store {
		a.op("MOVQ", f.at("b"), "DI")
		a.op("MOVQ", f.at("k"), "R15")
	}
}

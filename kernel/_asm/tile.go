package main

import "fmt"

// tileArgs are the parameters of a strip of tiles.
var tileArgs = []param{
	{"m", "int"}, {"n", "int"}, {"k", "int"},
	{"a", "*float32"}, {"ar", "int"}, {"ac", "int"},
	{"b", "*float32"}, {"bs", "int"},
	{"c", "*float32"}, {"ldc", "int"}, {"accumulate", "bool"},
	{"next", "*float32"}, {"lines", "int"},
}

// writeTiles writes the heart of the matrix product: a strip of any number of
// rows times one panel of B, two vector registers wide. The rows are cut into
// tiles of nearly equal height, whose sums stay in registers while k ascends:
// every element is a chain of fused multiply–adds, a broadcast element of A
// times a vector of B.
//
// Registers: SI, R9, R10, R11 point to rows 0, 3, 6, 9 of A, BX is the distance
// of its rows, R12 that of its columns; DI points to B, R13 is the distance of
// its rows; DX points to C, R14 is the distance of its rows; R15 counts k; CX
// counts tiles, AX is their height, and the first R8 of them are one higher.
func writeTiles(a *assembly, g *declarations, m *machine) {
	name := "tile" + m.suffix
	f := function(a, g, name, "c[i*ldc+j] (+)= Σ_p a[i*ar+p*ac]·b[p*bs+j], i < m, j < n, p < k, with distances in bytes; before each tile, so many lines from next on are prefetched", tileArgs, nil)
	loadColumnMasks(a, m, f)
	a.op("MOVQ", f.at("ar"), "BX")
	a.op("MOVQ", f.at("ac"), "R12")
	a.op("MOVQ", f.at("bs"), "R13")
	a.op("MOVQ", f.at("ldc"), "R14")

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
	a.op("MOVQ", "DX", "R8")
	a.op("MOVQ", f.at("c"), "DX")
	a.op("MOVQ", f.at("a"), "SI")

	for _, vectors := range []int{1, 2} {
		narrow := fmt.Sprintf("v%d", vectors)
		if vectors == 1 {
			a.op("CMPQ", f.at("n"), fmt.Sprintf("$%d", m.lanes))
			a.op("JGT", "v2next")
		}
		a.label(narrow + "next")
		a.op("TESTQ", "CX", "CX")
		a.op("JZ", "done")
		a.op("DECQ", "CX")
		prefetch(a, f, narrow)
		a.op("MOVQ", f.at("b"), "DI")
		a.op("MOVQ", f.at("k"), "R15")
		a.op("LEAQ", "(BX)(BX*2)", "R11")
		a.op("LEAQ", "(SI)(R11*1)", "R9")
		a.op("LEAQ", "(SI)(R11*2)", "R10")
		a.op("ADDQ", "R10", "R11")
		// The height is AX, or AX+1 for the first R8 tiles.
		a.op("TESTQ", "R8", "R8")
		a.op("JZ", narrow+"low")
		a.op("DECQ", "R8")
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

// prefetch asks L2 for some lines of what the next call will read, so that
// memory works while the tile does.
func prefetch(a *assembly, f frame, narrow string) {
	a.op("MOVQ", f.at("lines"), "R15")
	a.op("TESTQ", "R15", "R15")
	a.op("JZ", narrow+"fetched")
	a.op("MOVQ", f.at("next"), "DI")
	a.label(narrow + "fetch")
	a.op("PREFETCHT1", "(DI)")
	a.op("ADDQ", "$64", "DI")
	a.op("DECQ", "R15")
	a.op("JNZ", narrow+"fetch")
	a.op("MOVQ", "DI", f.at("next"))
	a.label(narrow + "fetched")
}

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
	a.op("CMPB", f.at("accumulate"), "$0")
	a.op("JEQ", fromZero)
	moveTile(a, m, f, h, vectors, false)
	a.label(fromZero)
	a.op("TESTQ", "R15", "R15")
	a.op("JZ", loop+"end")

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
	a.op("DECQ", "R15")
	a.op("JNZ", loop)
	a.label(loop + "end")
	moveTile(a, m, f, h, vectors, true)

	// To the next tile: back over k, on by h rows.
	a.op("MOVQ", f.at("k"), "R15")
	a.op("IMULQ", "R12", "R15")
	a.op("SUBQ", "R15", "SI")
	a.op("IMUL3Q", fmt.Sprintf("$%d", h), "BX", "R15")
	a.op("ADDQ", "R15", "SI")
	a.op("IMUL3Q", fmt.Sprintf("$%d", h), "R14", "R15")
	a.op("ADDQ", "R15", "DX")
}

// moveTile loads the sums from C or stores them there.
func moveTile(a *assembly, m *machine, f frame, h, vectors int, store bool) {
	move := func(masked bool) {
		a.op("MOVQ", "DX", "DI")
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
			if i < h-1 {
				a.op("ADDQ", "R14", "DI")
			}
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

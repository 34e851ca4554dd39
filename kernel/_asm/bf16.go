package main

import "fmt"

// writeBF16 writes what products of bfloat16 are made of.
func writeBF16(a *assembly, g *declarations, m *machine) {
	writeWiden(a, g, m)
	writeFlushed(a, g, m)
	if m == avx512 {
		writeDots(a, g, m)
		writeThin(a, g, m)
		writePair(a, g, m)
		writeSaturateBF16(a, g, m)
	}
}

// evex writes a 512-bit instruction of two sources in registers, of the opcode map
// 0F38 with W0, that Go's assembler does not know: prefix is 1 for 66, 2 for F3, 3
// for F2.
func evex(a *assembly, text string, prefix, opcode, rm, vvvv, reg int) {
	bit := func(r, i int) int { return ^r >> i & 1 }
	p0 := bit(reg, 3)<<7 | bit(rm, 4)<<6 | bit(rm, 3)<<5 | bit(reg, 4)<<4 | 2
	p1 := (^vvvv&15)<<3 | 1<<2 | prefix
	p2 := 2<<5 | bit(vvvv, 4)<<3
	modrm := 3<<6 | reg&7<<3 | rm&7
	fmt.Fprintf(a, "\tBYTE $0x62; BYTE $0x%02x; BYTE $0x%02x; BYTE $0x%02x; BYTE $0x%02x; BYTE $0x%02x // %s Z%d, Z%d, Z%d\n",
		p0, p1, p2, opcode, modrm, text, rm, vvvv, reg)
}

// dotBF16 is sum += upper halves of x·y, then lower halves.
func dotBF16(a *assembly, x, y, sum int) { evex(a, "VDPBF16PS", 2, 0x52, x, y, sum) }

// writeWiden writes widen: steps of two registers of words become two rows each.
func writeWiden(a *assembly, g *declarations, m *machine) {
	f := function(a, g, "widen"+m.suffix, "of widenGo over steps of a panel",
		[]param{{"dst", "*float32"}, {"panel", "*uint32"}, {"steps", "int"}}, nil)
	a.op("MOVQ", f.at("dst"), "DI")
	a.op("MOVQ", f.at("panel"), "SI")
	a.op("MOVQ", f.at("steps"), "CX")
	upperHalves(a, m, 7)
	a.op("TESTQ", "CX", "CX")
	a.op("JLE", "done")
	a.label("loop")
	for v := range 2 {
		splitWords(a, m, fmt.Sprintf("%d(SI)", v*m.bytes()), 7, 2*v, 2*v+1)
		a.op("VMOVUPS", m.v(2*v), fmt.Sprintf("%d(DI)", v*m.bytes()))
		a.op("VMOVUPS", m.v(2*v+1), fmt.Sprintf("%d(DI)", (2+v)*m.bytes()))
	}
	a.op("ADDQ", fmt.Sprintf("$%d", 2*m.bytes()), "SI")
	a.op("ADDQ", fmt.Sprintf("$%d", 4*m.bytes()), "DI")
	a.op("DECQ", "CX")
	a.op("JNZ", "loop")
	a.label("done")
	a.op("VZEROUPPER")
	a.op("RET")
}

// upperHalves fills a register with the mask of the upper half of each word.
func upperHalves(a *assembly, m *machine, reg int) {
	a.op("MOVL", "$0xffff0000", "AX")
	a.op("VMOVD", "AX", fmt.Sprintf("X%d", reg))
	a.op("VPBROADCASTD", fmt.Sprintf("X%d", reg), m.v(reg))
}

// splitWords widens the halves of the words in memory.
func splitWords(a *assembly, m *machine, memory string, mask, upper, lower int) {
	load, and := "VMOVDQU", "VPAND"
	if m == avx512 {
		load, and = "VMOVDQU32", "VPANDD"
	}
	a.op(load, memory, m.v(lower))
	a.op(and, m.v(mask), m.v(lower), m.v(upper))
	a.op("VPSLLD", "$16", m.v(lower), m.v(lower))
}

// writeFlushed writes the float32 tile with denormals taken for zero: MXCSR says
// so while it runs.
func writeFlushed(a *assembly, g *declarations, m *machine) {
	f := layout(tileArgs, nil)
	name := "tileFlushed" + m.suffix
	text := signature(name, tileArgs, nil)
	doc := "of tile" + m.suffix + " with MXCSR's DAZ and FTZ set"
	room := (f.size + 7) / 8 * 8
	fmt.Fprintf(a, "\n// %s\n//\n// %s\nTEXT ·%s(SB), NOSPLIT, $%d-%d\n", text, doc, name, room+8, f.size)
	fmt.Fprintf(g, "\n// %s runs the loop %s\n//\n//go:noescape\n%s\n", name, doc, text)
	for _, p := range tileArgs {
		a.op("MOVQ", f.at(p.name), "AX")
		a.op("MOVQ", "AX", fmt.Sprintf("%d(SP)", f.offsets[p.name]))
	}
	saved, flushing := fmt.Sprintf("%d(SP)", room), fmt.Sprintf("%d(SP)", room+4)
	a.op("STMXCSR", saved)
	a.op("MOVL", saved, "AX")
	a.op("ORL", "$0x8040", "AX")
	a.op("MOVL", "AX", flushing)
	a.op("LDMXCSR", flushing)
	a.op("CALL", "·tile"+m.suffix+"(SB)")
	a.op("LDMXCSR", saved)
	a.op("RET")
}

// rowPointers are SI, R9, R10, R11 for rows 0, 3, 6, 9 of A.
var rowPointers = []string{"SI", "R9", "R10", "R11"}

// abreast are the panels that tiles read side by side, and up to how many rows.
var abreast = []struct{ panels, rows int }{{1, 12}, {2, 6}, {4, 3}}

// writeDots writes the tiles of dot products: any number of rows times one panel,
// or few rows times two or four. Sums stay in registers from the first step to the
// bias.
//
// Registers: SI, R9, R10, R11 point to rows 0, 3, 6, 9 of A, BX is the distance of
// its rows; DI points to B, R13 is the distance of its panels, and R8 three times
// that; DX points to C, R14 is the distance of its rows; R15 counts the steps; R12
// points to the bias or is 0. With one panel, CX counts tiles, AX is their height,
// and the first R8 of them are one higher.
func writeDots(a *assembly, g *declarations, m *machine) {
	f := function(a, g, "dots"+m.suffix, "of GemmBF16 over m rows and whole panels, with distances in bytes", []param{
		{"m", "int"}, {"panels", "int"}, {"steps", "int"}, {"a", "*uint32"}, {"lda", "int"}, {"b", "*uint32"}, {"panel", "int"},
		{"bias", "*float32"}, {"c", "*float32"}, {"ldc", "int"}, {"accumulate", "bool"},
	}, nil)
	for _, r := range [][2]string{{"a", "SI"}, {"lda", "BX"}, {"panel", "R13"}, {"ldc", "R14"}, {"bias", "R12"}} {
		a.op("MOVQ", f.at(r[0]), r[1])
	}
	for _, group := range abreast[1:] {
		a.op("CMPQ", f.at("panels"), fmt.Sprintf("$%d", group.panels))
		a.op("JEQ", fmt.Sprintf("p%d", group.panels))
	}
	// tiles = ⌈m/12⌉, height = m/tiles, the rest is spread.
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
	a.label("next")
	a.op("TESTQ", "CX", "CX")
	a.op("JZ", "done")
	a.op("DECQ", "CX")
	beginDots(a, f)
	a.op("TESTQ", "R8", "R8")
	a.op("JZ", "low")
	a.op("DECQ", "R8")
	for h := 2; h <= m.rows; h++ {
		a.op("CMPQ", "AX", fmt.Sprintf("$%d", h-1))
		a.op("JEQ", fmt.Sprintf("p1rows%d", h))
	}
	a.label("low")
	for h := 1; h < m.rows; h++ {
		a.op("CMPQ", "AX", fmt.Sprintf("$%d", h))
		a.op("JEQ", fmt.Sprintf("p1rows%d", h))
	}
	for h := m.rows; h >= 1; h-- {
		a.label(fmt.Sprintf("p1rows%d", h))
		writeDotTile(a, m, f, h, 1)
		a.op("MOVQ", f.at("steps"), "R15")
		a.op("SHLQ", "$2", "R15")
		a.op("SUBQ", "R15", "SI")
		a.op("IMUL3Q", fmt.Sprintf("$%d", h), "BX", "R15")
		a.op("ADDQ", "R15", "SI")
		a.op("ADDQ", "R14", "DX")
		a.op("JMP", "next")
	}
	for _, group := range abreast[1:] {
		label := fmt.Sprintf("p%d", group.panels)
		a.label(label)
		a.op("MOVQ", f.at("c"), "DX")
		a.op("LEAQ", "(R13)(R13*2)", "R8")
		beginDots(a, f)
		for h := 1; h < group.rows; h++ {
			a.op("CMPQ", f.at("m"), fmt.Sprintf("$%d", h))
			a.op("JEQ", fmt.Sprintf("%srows%d", label, h))
		}
		for h := group.rows; h >= 1; h-- {
			a.label(fmt.Sprintf("%srows%d", label, h))
			writeDotTile(a, m, f, h, group.panels)
			a.op("JMP", "done")
		}
	}
	a.label("done")
	a.op("VZEROUPPER")
	a.op("RET")
}

// beginDots sets the pointers of a tile.
func beginDots(a *assembly, f frame) {
	a.op("MOVQ", f.at("b"), "DI")
	a.op("MOVQ", f.at("steps"), "R15")
	a.op("LEAQ", "(BX)(BX*2)", "R11")
	a.op("LEAQ", "(SI)(R11*1)", "R9")
	a.op("LEAQ", "(SI)(R11*2)", "R10")
	a.op("ADDQ", "R10", "R11")
}

// writeDotTile writes one tile of h rows and so many panels.
func writeDotTile(a *assembly, m *machine, f frame, h, panels int) {
	vectors := 2 * panels
	sum := func(i, v int) int { return i*vectors + v }
	loop, end := a.fresh("loop"), a.fresh("end")
	for i := range h * vectors {
		m.zero(a, i)
	}
	a.op("CMPB", f.at("accumulate"), "$0")
	a.op("JEQ", loop)
	a.op("MOVQ", "DX", "DI")
	for i := range h {
		for v := range vectors {
			a.op("VMOVUPS", fmt.Sprintf("%d(DI)", v*m.bytes()), m.v(sum(i, v)))
		}
		if i < h-1 {
			a.op("ADDQ", "R14", "DI")
		}
	}
	a.op("MOVQ", f.at("b"), "DI")
	a.label(loop)
	element := func(i int) string {
		return "(" + rowPointers[i/3] + ")" + []string{"", "(BX*1)", "(BX*2)"}[i%3]
	}
	if panels == 1 {
		for v := range 2 {
			a.op("VMOVDQU32", fmt.Sprintf("%d(DI)", v*m.bytes()), m.v(24+v))
		}
		for i := range h {
			a.op("VPBROADCASTD", element(i), m.v(26+i%6))
			for v := range 2 {
				dotBF16(a, 24+v, 26+i%6, sum(i, v))
			}
		}
	} else {
		for i := range h {
			a.op("VPBROADCASTD", element(i), m.v(26+i))
		}
		for v := range vectors {
			base := []string{"(DI)", "(DI)(R13*1)", "(DI)(R13*2)", "(DI)(R8*1)"}[v/2]
			a.op("VMOVDQU32", fmt.Sprintf("%d%s", v%2*m.bytes(), base), m.v(24+v%2))
			for i := range h {
				dotBF16(a, 24+v%2, 26+i, sum(i, v))
			}
		}
	}
	a.op("ADDQ", fmt.Sprintf("$%d", 2*m.bytes()), "DI")
	for i := 0; i < h; i += 3 {
		a.op("ADDQ", "$4", rowPointers[i/3])
	}
	a.op("DECQ", "R15")
	a.op("JNZ", loop)

	a.op("TESTQ", "R12", "R12")
	a.op("JZ", end)
	for v := range vectors {
		a.op("VMOVUPS", fmt.Sprintf("%d(R12)", v*m.bytes()), m.v(24))
		for i := range h {
			a.op("VADDPS", m.v(24), m.v(sum(i, v)), m.v(sum(i, v)))
		}
	}
	a.label(end)
	for i := range h {
		for v := range vectors {
			a.op("VMOVUPS", m.v(sum(i, v)), fmt.Sprintf("%d(DX)", v*m.bytes()))
		}
		if i < h-1 {
			a.op("ADDQ", "R14", "DX")
		}
	}
}

// writeThin writes thin: one row of float32 times up to four panels.
func writeThin(a *assembly, g *declarations, m *machine) {
	f := function(a, g, "thin"+m.suffix, "of one row of C over whole panels, with distances in bytes", []param{
		{"panels", "int"}, {"steps", "int"}, {"a", "*float32"}, {"b", "*uint32"}, {"panel", "int"}, {"c", "*float32"},
	}, nil)
	for _, r := range [][2]string{{"steps", "R15"}, {"a", "SI"}, {"b", "DI"}, {"panel", "R13"}, {"c", "DX"}} {
		a.op("MOVQ", f.at(r[0]), r[1])
	}
	upperHalves(a, m, 31)
	a.op("LEAQ", "(R13)(R13*2)", "R8")
	for p := 1; p < 4; p++ {
		a.op("CMPQ", f.at("panels"), fmt.Sprintf("$%d", p))
		a.op("JEQ", fmt.Sprintf("panels%d", p))
	}
	for p := 4; p >= 1; p-- {
		a.label(fmt.Sprintf("panels%d", p))
		for v := range 2 * p {
			m.zero(a, v)
		}
		a.op("PCALIGN", "$32")
		a.label(fmt.Sprintf("loop%d", p))
		a.op("VBROADCASTSS", "(SI)", m.v(29))
		a.op("VBROADCASTSS", "4(SI)", m.v(30))
		for v := range 2 * p {
			base := []string{"(DI)", "(DI)(R13*1)", "(DI)(R13*2)", "(DI)(R8*1)"}[v/2]
			upper, lower := 8+2*v, 9+2*v
			splitWords(a, m, fmt.Sprintf("%d%s", v%2*m.bytes(), base), 31, upper, lower)
			a.op("VFMADD231PS", m.v(upper), m.v(29), m.v(v))
			a.op("VFMADD231PS", m.v(lower), m.v(30), m.v(v))
		}
		a.op("ADDQ", "$8", "SI")
		a.op("ADDQ", fmt.Sprintf("$%d", 2*m.bytes()), "DI")
		a.op("DECQ", "R15")
		a.op("JNZ", fmt.Sprintf("loop%d", p))
		for v := range 2 * p {
			a.op("VMOVUPS", m.v(v), fmt.Sprintf("%d(DX)", v*m.bytes()))
		}
		a.op("VZEROUPPER")
		a.op("RET")
	}
}

// writePair writes pair for 32 numbers a turn.
func writePair(a *assembly, g *declarations, m *machine) {
	f := function(a, g, "pair"+m.suffix, "of pairGo over n floats, a multiple of 32",
		[]param{{"dst", "*uint32"}, {"x", "*float32"}, {"n", "int"}}, nil)
	a.op("MOVQ", f.at("dst"), "DI")
	a.op("MOVQ", f.at("x"), "SI")
	a.op("MOVQ", f.at("n"), "CX")
	a.op("SUBQ", "$32", "CX")
	a.op("JLT", "done")
	a.op("PCALIGN", "$32")
	a.label("loop")
	a.op("VMOVUPS", "(SI)", "Z0")
	a.op("VMOVUPS", "64(SI)", "Z1")
	evex(a, "VCVTNE2PS2BF16", 3, 0x72, 0, 1, 2)
	a.op("VPROLD", "$16", "Z2", "Z2")
	a.op("VMOVDQU32", "Z2", "(DI)")
	a.op("ADDQ", "$128", "SI")
	a.op("ADDQ", "$64", "DI")
	a.op("SUBQ", "$32", "CX")
	a.op("JGE", "loop")
	a.label("done")
	a.op("VZEROUPPER")
	a.op("RET")
}

// writeSaturateBF16 writes a loop of the tile's products on registers alone.
func writeSaturateBF16(a *assembly, g *declarations, m *machine) {
	f := function(a, g, "saturateBF16"+m.suffix, "of a tile's products, steps times, on registers alone",
		[]param{{"steps", "int"}}, nil)
	a.op("MOVQ", f.at("steps"), "CX")
	for i := range 26 {
		m.zero(a, i)
	}
	a.op("TESTQ", "CX", "CX")
	a.op("JLE", "done")
	a.op("PCALIGN", "$32")
	a.label("loop")
	for i := range 24 {
		dotBF16(a, 24, 25, i)
	}
	a.op("DECQ", "CX")
	a.op("JNZ", "loop")
	a.label("done")
	a.op("VZEROUPPER")
	a.op("RET")
}

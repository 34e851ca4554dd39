package main

import "fmt"

// writeNEONInt8 writes what products of whole numbers of 8 bits are made of: a
// tile of one row that every processor runs, and one of six for those with dot
// products (FEAT_DotProd).
func writeNEONInt8(a *assembly, g *declarations) {
	writeNEONInt8Tile(a, g)
	writeNEONDotTile(a, g)
	writeNEONRangeOf(a, g)
	writeNEONQuantize(a, g)
	writeNEONSaturate(a, g, "saturateInt8NEON", func(sum int) {
		a.word("SMLAL", sum, 24, 25)
		a.word("SMLAL2", sum, 24, 25)
	})
	writeNEONSaturate(a, g, "saturateInt8Dot", func(sum int) { a.word("SDOT", sum, 24, 25) })
}

// Registers of both tiles: R8 … R13 point to the rows of A; R2 points to B; R3
// points to C, R4 is the distance of its rows; R5 counts the quads of k; R6 and
// R7 point to the rows' scales and zeros, R14 and R15 to the columns' scales and
// sums, R16 to the bias.
func beginNEONInt8(a *assembly, g *declarations, name string) frame {
	f := function(a, g, name, "of int8TileGo over rows, with distances in bytes", []param{
		{"rows", "int"}, {"steps", "int"}, {"a", "*uint8"}, {"lda", "int"}, {"b", "*int8"},
		{"columnScale", "*float32"}, {"columnSum", "*int32"}, {"bias", "*float32"},
		{"scale", "*float32"}, {"zero", "*int32"}, {"c", "*float32"}, {"ldc", "int"},
	}, nil)
	for _, r := range [][2]string{{"a", row(0)}, {"lda", "R1"}, {"b", "R2"}, {"c", "R3"}, {"ldc", "R4"}, {"steps", "R5"},
		{"scale", "R6"}, {"zero", "R7"}, {"columnScale", "R14"}, {"columnSum", "R15"}, {"bias", "R16"}} {
		a.op("MOVD", f.at(r[0]), r[1])
	}
	return f
}

// writeNEONInt8Tile writes the tile without dot products: bytes widened to
// words, four sums for each column, which are added up in the end.
func writeNEONInt8Tile(a *assembly, g *declarations) {
	beginNEONInt8(a, g, "int8TileNEON")
	for i := range 16 {
		a.word("EOR", i, i, i)
	}
	a.op("CBZ", "R5", "end")
	a.op("PCALIGN", "$32")
	a.label("loop")
	a.op("FMOVS.P", "4("+row(0)+")", "F16")
	broadcast(a, 16)
	a.word1("UXTLB", 16, 16)
	for v := range tileVectors {
		a.op("FMOVQ", fmt.Sprintf("%d(R2)", 16*v), "F17")
		a.word1("SXTLB", 18, 17)
		a.word1("SXTLB2", 19, 17)
		a.word("SMLAL", 4*v, 18, 16)
		a.word("SMLAL2", 4*v+1, 18, 16)
		a.word("SMLAL", 4*v+2, 19, 16)
		a.word("SMLAL2", 4*v+3, 19, 16)
	}
	a.op("ADD", "$64", "R2")
	a.op("SUBS", "$1", "R5", "R5")
	a.op("BNE", "loop")
	a.label("end")
	for v := range tileVectors {
		a.word("ADDP", 4*v, 4*v, 4*v+1)
		a.word("ADDP", 4*v+1, 4*v+2, 4*v+3)
		a.word("ADDP", v, 4*v, 4*v+1)
	}
	finishNEONInt8Row(a, 0, 0)
	a.op("RET")
}

// writeNEONDotTile writes the tile on SDOT, whose numbers are all signed: A's
// lose 128, which the zero point makes good.
func writeNEONDotTile(a *assembly, g *declarations) {
	f := beginNEONInt8(a, g, "int8TileDot")
	for i := 1; i < neon.rows; i++ {
		a.op("ADD", "R1", row(i-1), row(i))
	}
	a.op("VMOVI", "$128", "V31.B16")
	a.op("MOVD", f.at("rows"), "R0")
	for h := 1; h < neon.rows; h++ {
		a.op("CMP", fmt.Sprintf("$%d", h), "R0")
		a.op("BEQ", fmt.Sprintf("rows%d", h))
	}
	for h := neon.rows; h >= 1; h-- {
		a.label(fmt.Sprintf("rows%d", h))
		loop := a.fresh("loop")
		for i := range h * tileVectors {
			a.word("EOR", i, i, i)
		}
		a.op("CBZ", "R5", loop+"end")
		a.op("PCALIGN", "$32")
		a.label(loop)
		for v := range tileVectors {
			a.op("FMOVQ", fmt.Sprintf("%d(R2)", 16*v), fmt.Sprintf("F%d", 24+v))
		}
		a.op("ADD", "$64", "R2")
		for i := range h {
			quad := 28 + i%3
			a.op("FMOVS.P", "4("+row(i)+")", fmt.Sprintf("F%d", quad))
			a.word("EOR", quad, quad, 31)
			for v := range tileVectors {
				a.word("SDOT", i*tileVectors+v, 24+v, quad)
			}
		}
		a.op("SUBS", "$1", "R5", "R5")
		a.op("BNE", loop)
		a.label(loop + "end")
		for i := range h {
			finishNEONInt8Row(a, i, 128)
			if i < h-1 {
				a.op("ADD", "R4", "R3")
			}
		}
		a.op("RET")
	}
}

// finishNEONInt8Row takes the zero point out of the sums of row i, from register
// 4·i on, scales them, adds the bias and stores them. The elements of A were
// multiplied less by so much.
func finishNEONInt8Row(a *assembly, i, less int) {
	const zero, scale, t, bias = 24, 25, 26, 27
	a.op("MOVW", fmt.Sprintf("%d(R7)", 4*i), "R0")
	if less != 0 {
		a.op("SUB", fmt.Sprintf("$%d", less), "R0")
	}
	a.op("VDUP", "R0", fmt.Sprintf("V%d.S4", zero))
	a.op("FMOVS", fmt.Sprintf("%d(R6)", 4*i), fmt.Sprintf("F%d", scale))
	broadcast(a, scale)
	for v := range tileVectors {
		sum := tileVectors*i + v
		load := func(pointer string, r int) {
			a.op("FMOVQ", fmt.Sprintf("%d(%s)", 16*v, pointer), fmt.Sprintf("F%d", r))
		}
		load("R15", t)
		a.word("MLS", sum, zero, t)
		a.word1("SCVTF", sum, sum)
		load("R14", t)
		a.word("FMUL", t, t, scale)
		load("R16", bias)
		a.word("FMLA", bias, t, sum)
		a.op("FMOVQ", fmt.Sprintf("F%d", bias), fmt.Sprintf("%d(R3)", 16*v))
	}
}

func writeNEONRangeOf(a *assembly, g *declarations) {
	f := function(a, g, "rangeOfNEON", "of rangeOfGo over n floats, whole vectors, into lo, hi and top, a vector each",
		[]param{{"x", "*float32"}, {"n", "int"}, {"lo", "*float32"}, {"hi", "*float32"}, {"top", "*uint32"}}, nil)
	const lo, hi, top, x, mask = 0, 1, 2, 3, 4
	a.op("MOVD", f.at("x"), "R0")
	a.op("MOVD", f.at("n"), "R1")
	for i := range 3 {
		a.word("EOR", i, i, i)
	}
	a.op("SUBS", "$4", "R1", "R1")
	a.op("BLT", "done")
	a.label("loop")
	a.op("FMOVQ.P", "16(R0)", "F3")
	a.word("FCMGT", mask, lo, x)
	a.word("BIT", lo, x, mask)
	a.word("FCMGT", mask, x, hi)
	a.word("BIT", hi, x, mask)
	a.shiftWord("SHL", mask, x, 1)
	a.shiftWord("USHR", mask, mask, 1)
	a.word("UMAX", top, top, mask)
	a.op("SUBS", "$4", "R1", "R1")
	a.op("BGE", "loop")
	a.label("done")
	for i, r := range []string{"lo", "hi", "top"} {
		a.op("MOVD", f.at(r), "R2")
		a.op("FMOVQ", fmt.Sprintf("F%d", i), "(R2)")
	}
	a.op("RET")
}

func writeNEONQuantize(a *assembly, g *declarations) {
	f := function(a, g, "quantizeNEON", "of quantizeGo over n floats, whole vectors",
		[]param{{"dst", "*uint8"}, {"x", "*float32"}, {"n", "int"}, {"inv", "float32"}, {"zero", "int32"}}, nil)
	const q, inv, zero, most, none = 0, 1, 2, 3, 4
	a.op("MOVD", f.at("dst"), "R0")
	a.op("MOVD", f.at("x"), "R1")
	a.op("MOVD", f.at("n"), "R2")
	a.op("FMOVS", f.at("inv"), "F1")
	broadcast(a, inv)
	a.op("MOVW", f.at("zero"), "R3")
	a.op("VDUP", "R3", "V2.S4")
	a.op("MOVD", "$255", "R3")
	a.op("VDUP", "R3", "V3.S4")
	a.word("EOR", none, none, none)
	a.op("SUBS", "$4", "R2", "R2")
	a.op("BLT", "done")
	a.label("loop")
	a.op("FMOVQ.P", "16(R1)", "F0")
	a.word("FMUL", q, q, inv)
	a.word1("FCVTNS", q, q)
	a.word("ADD", q, q, zero)
	a.word("SMAX", q, q, none)
	a.word("SMIN", q, q, most)
	a.word1("XTN", q, q)
	a.word1("XTNB", q, q)
	a.op("FMOVS.P", "F0", "4(R0)")
	a.op("SUBS", "$4", "R2", "R2")
	a.op("BGE", "loop")
	a.label("done")
	a.op("RET")
}

// writeNEONSaturate writes a loop of a tile's products on registers alone.
func writeNEONSaturate(a *assembly, g *declarations, name string, multiply func(sum int)) {
	f := function(a, g, name, "of a tile's products, steps times, on registers alone", []param{{"steps", "int"}}, nil)
	a.op("MOVD", f.at("steps"), "R0")
	for i := range 26 {
		a.word("EOR", i, i, i)
	}
	a.op("CBZ", "R0", "done")
	a.label("loop")
	for i := range 24 {
		multiply(i)
	}
	a.op("SUBS", "$1", "R0", "R0")
	a.op("BNE", "loop")
	a.label("done")
	a.op("RET")
}

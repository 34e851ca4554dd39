package main

import "fmt"

// writeNEONTile writes a tile of up to six rows and exactly four vectors of
// columns: every element is a chain of fused multiply–adds, an element of A
// times a vector of B.
//
// Registers: R8 … R13 point to the rows of A, R1 is the distance of its columns;
// R2 points to B, R3 is the distance of its rows; R4 points to where sums come
// from, then to where they go, R5 is the distance of rows there; R6 counts k. Sums are in V0 … V23, B in V24 … V27,
// elements of A in V28 … V31.
func writeNEONTile(a *assembly, g *declarations) {
	m := neon
	f := function(a, g, "tileNEON",
		"to[i*ldt+j] = from[i*ldf+j] + Σ_p a[i*ar+p*ac]·b[p*bs+j], i < m <= 6, j < 16, p < k, with distances in bytes; from zero where from is nil",
		[]param{{"m", "int"}, {"k", "int"}, {"a", "*float32"}, {"ar", "int"}, {"ac", "int"},
			{"b", "*float32"}, {"bs", "int"}, {"from", "*float32"}, {"ldf", "int"}, {"to", "*float32"}, {"ldt", "int"}}, nil)
	for _, r := range [][2]string{{"a", "R8"}, {"ar", "R0"}, {"ac", "R1"}, {"b", "R2"}, {"bs", "R3"}, {"from", "R4"}, {"ldf", "R5"}, {"k", "R6"}} {
		a.op("MOVD", f.at(r[0]), r[1])
	}
	for i := 1; i < m.rows; i++ {
		a.op("ADD", "R0", row(i-1), row(i))
	}
	a.op("MOVD", f.at("m"), "R7")
	for h := 1; h < m.rows; h++ {
		a.op("CMP", fmt.Sprintf("$%d", h), "R7")
		a.op("BEQ", fmt.Sprintf("rows%d", h))
	}
	for h := m.rows; h >= 1; h-- {
		a.label(fmt.Sprintf("rows%d", h))
		writeNEONRows(a, f, h)
		a.op("RET")
	}
}

// row is the register that points to row i of A.
func row(i int) string { return fmt.Sprintf("R%d", 8+i) }

const tileVectors = 4

func writeNEONRows(a *assembly, f frame, h int) {
	loop, fromZero := a.fresh("loop"), a.fresh("zero")
	sum := func(i, v int) int { return i*tileVectors + v }
	move := func(store bool) {
		a.op("MOVD", "R4", "R14")
		for i := range h {
			for v := range tileVectors {
				memory, reg := fmt.Sprintf("%d(R14)", 16*v), fmt.Sprintf("F%d", sum(i, v))
				if store {
					a.op("FMOVQ", reg, memory)
				} else {
					a.op("FMOVQ", memory, reg)
				}
			}
			if i < h-1 {
				a.op("ADD", "R5", "R14")
			}
		}
	}
	for i := range h * tileVectors {
		a.word("EOR", i, i, i)
	}
	a.op("CBZ", "R4", fromZero)
	move(false)
	a.label(fromZero)
	a.op("CBZ", "R6", loop+"end")
	a.op("PCALIGN", "$32")
	a.label(loop)
	for v := range tileVectors {
		a.op("FMOVQ", fmt.Sprintf("%d(R2)", 16*v), fmt.Sprintf("F%d", 24+v))
	}
	a.op("ADD", "R3", "R2")
	for i := range h {
		element := 28 + i%4
		a.op("FMOVS", "("+row(i)+")", fmt.Sprintf("F%d", element))
		a.op("ADD", "R1", row(i))
		for v := range tileVectors {
			// FMLA by element: the first lane of the last register.
			dst := sum(i, v)
			fmt.Fprintf(a, "\tWORD $0x%08x // FMLA V%d, V%d, V%d.S[0]\n",
				0x4f801000|uint32(element)<<16|uint32(24+v)<<5|uint32(dst), dst, 24+v, element)
		}
	}
	a.op("SUBS", "$1", "R6", "R6")
	a.op("BNE", loop)
	a.label(loop + "end")
	a.op("MOVD", f.at("to"), "R4")
	a.op("MOVD", f.at("ldt"), "R5")
	move(true)
}

// writeNEONPackColumns writes the transposition of squares of four columns of B
// into a panel, each column contiguous in B.
func writeNEONPackColumns(a *assembly, g *declarations) {
	f := function(a, g, "packColumnsNEON",
		"dst[i*width+j] = src[j*stride+i] for i < 4·squares and j < 4, with distances in bytes",
		[]param{{"dst", "*float32"}, {"width", "int"}, {"src", "*float32"}, {"stride", "int"}, {"squares", "int"}}, nil)
	a.op("MOVD", f.at("dst"), "R0")
	a.op("MOVD", f.at("src"), "R1")
	a.op("MOVD", f.at("stride"), "R5")
	a.op("MOVD", f.at("squares"), "R6")
	a.op("MOVD", f.at("width"), "R7")
	a.op("ADD", "R5", "R1", "R2")
	a.op("ADD", "R5", "R2", "R3")
	a.op("ADD", "R5", "R3", "R4")
	a.op("CBZ", "R6", "done")
	a.label("loop")
	for i := range 4 {
		a.op("FMOVQ", fmt.Sprintf("(R%d)", 1+i), fmt.Sprintf("F%d", i))
		a.op("ADD", "$16", fmt.Sprintf("R%d", 1+i))
	}
	a.word("TRN1", 4, 0, 1)
	a.word("TRN2", 5, 0, 1)
	a.word("TRN1", 6, 2, 3)
	a.word("TRN2", 7, 2, 3)
	a.word("TRN1D", 0, 4, 6)
	a.word("TRN1D", 1, 5, 7)
	a.word("TRN2D", 2, 4, 6)
	a.word("TRN2D", 3, 5, 7)
	for i := range 4 {
		a.op("FMOVQ", fmt.Sprintf("F%d", i), "(R0)")
		a.op("ADD", "R7", "R0")
	}
	a.op("SUBS", "$1", "R6", "R6")
	a.op("BNE", "loop")
	a.label("done")
	a.op("RET")
}

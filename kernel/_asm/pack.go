package main

import "fmt"

// writePacking writes the two ways in which a panel of B is usually filled:
// from rows (copied) and from columns (transposed square by square).
func writePacking(a *assembly, g *declarations, m *machine) {
	writePackRows(a, g, m)
	writePackColumns(a, g, m)
	if m == avx2 {
		writeLaneMasks(a)
	}
}

func writePackRows(a *assembly, g *declarations, m *machine) {
	f := function(a, g, "packRows"+m.suffix,
		fmt.Sprintf("dst[%d*i+j] = src[i*stride+j] for i < k and j < n, then zeros, the stride in bytes", 2*m.lanes),
		[]param{{"dst", "*float32"}, {"src", "*float32"}, {"stride", "int"}, {"k", "int"}, {"n", "int"}}, nil)
	loadColumnMasks(a, m, f)
	a.op("MOVQ", f.at("dst"), "DI")
	a.op("MOVQ", f.at("src"), "SI")
	a.op("MOVQ", f.at("stride"), "BX")
	a.op("MOVQ", f.at("k"), "DX")
	load := func(v int) {
		memory := fmt.Sprintf("%d(SI)", v*m.bytes())
		if m == avx512 {
			a.op("VMOVUPS.Z", memory, fmt.Sprintf("K%d", 1+v), m.v(v))
		} else {
			a.op("VMASKMOVPS", memory, m.v(2+v), m.v(v))
		}
	}
	if m == avx2 {
		a.op("LEAQ", "laneMask<>+64(SB)", "R8")
		a.op("MOVQ", f.at("n"), "CX")
		a.op("SHLQ", "$2", "CX")
		a.op("SUBQ", "CX", "R8")
		a.op("VMOVUPS", "(R8)", "Y2")
		a.op("VMOVUPS", "32(R8)", "Y3")
	}
	a.op("TESTQ", "DX", "DX")
	a.op("JZ", "done")
	a.label("loop")
	for v := range 2 {
		load(v)
		a.op("VMOVUPS", m.v(v), fmt.Sprintf("%d(DI)", v*m.bytes()))
	}
	a.op("ADDQ", "BX", "SI")
	a.op("ADDQ", fmt.Sprintf("$%d", 2*m.bytes()), "DI")
	a.op("DECQ", "DX")
	a.op("JNZ", "loop")
	a.label("done")
	a.op("VZEROUPPER")
	a.op("RET")
}

// square is the side of the squares in which columns are transposed, so few that
// columns whose distance is a power of two find room in L1 beside each other.
const square = 8

// writePackColumns transposes squares: columns of B, each contiguous. The lower
// half of register r is loaded from column r, the upper from column r+4, four
// elements at a time; four such registers are then transposed half by half, which
// leaves whole rows. Most of the moving is done by the loads.
func writePackColumns(a *assembly, g *declarations, m *machine) {
	f := function(a, g, "packColumns"+m.suffix,
		fmt.Sprintf("dst[i*width+j] = src[j*stride+i] for i < %d·squares and j < %d, with distances in bytes", square, square),
		[]param{{"dst", "*float32"}, {"width", "int"}, {"src", "*float32"}, {"stride", "int"}, {"squares", "int"}}, nil)
	a.op("MOVQ", f.at("dst"), "DI")
	a.op("MOVQ", f.at("src"), "SI")
	a.op("MOVQ", f.at("stride"), "BX")
	a.op("MOVQ", f.at("squares"), "DX")
	a.op("MOVQ", f.at("width"), "R12")
	a.op("LEAQ", "(R12)(R12*2)", "R13")
	a.op("LEAQ", "(BX)(BX*2)", "R8")
	a.op("LEAQ", "(SI)(BX*4)", "R9")
	a.op("TESTQ", "DX", "DX")
	a.op("JZ", "done")
	a.label("loop")
	for i := 0; i < square; i += 4 { // rows i … i+3 of the square
		for r, index := range []string{"", "(BX*1)", "(BX*2)", "(R8*1)"} {
			a.op("VMOVUPS", fmt.Sprintf("%d(SI)%s", 4*i, index), fmt.Sprintf("X%d", r))
			a.op("VINSERTF128", "$1", fmt.Sprintf("%d(R9)%s", 4*i, index), fmt.Sprintf("Y%d", r), fmt.Sprintf("Y%d", r))
		}
		for r, reg := range transposeQuarters(a, avx2) {
			a.op("VMOVUPS", reg, "(DI)"+[]string{"", "(R12*1)", "(R12*2)", "(R13*1)"}[r])
		}
		a.op("LEAQ", "(DI)(R12*4)", "DI")
	}
	a.op("ADDQ", fmt.Sprintf("$%d", 4*square), "SI")
	a.op("ADDQ", fmt.Sprintf("$%d", 4*square), "R9")
	a.op("DECQ", "DX")
	a.op("JNZ", "loop")
	a.label("done")
	a.op("VZEROUPPER")
	a.op("RET")
}

// transposeQuarters transposes registers 0 … 3 as 4×4 matrices, one for each
// 128 bits, and returns where the rows are.
func transposeQuarters(a *assembly, m *machine) []string {
	// 4, 5: registers 0 and 1 interleaved; 6, 7: 2 and 3.
	a.op("VUNPCKLPS", m.v(1), m.v(0), m.v(4))
	a.op("VUNPCKHPS", m.v(1), m.v(0), m.v(5))
	a.op("VUNPCKLPS", m.v(3), m.v(2), m.v(6))
	a.op("VUNPCKHPS", m.v(3), m.v(2), m.v(7))
	a.op("VUNPCKLPD", m.v(6), m.v(4), m.v(8))
	a.op("VUNPCKHPD", m.v(6), m.v(4), m.v(9))
	a.op("VUNPCKLPD", m.v(7), m.v(5), m.v(10))
	a.op("VUNPCKHPD", m.v(7), m.v(5), m.v(11))
	return []string{m.v(8), m.v(9), m.v(10), m.v(11)}
}

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

// writePackColumns transposes squares: lanes columns of B, each contiguous.
// Quarter g of a register is loaded from column 4g+r, four elements at a time;
// four such registers, r = 0 … 3, are then transposed quarter by quarter, which
// leaves whole rows. Most of the moving is done by the loads.
func writePackColumns(a *assembly, g *declarations, m *machine) {
	n := m.lanes
	f := function(a, g, "packColumns"+m.suffix,
		fmt.Sprintf("dst[i*width+j] = src[j*stride+i] for i < %d·squares and j < %d, with distances in bytes", n, n),
		[]param{{"dst", "*float32"}, {"width", "int"}, {"src", "*float32"}, {"stride", "int"}, {"squares", "int"}}, nil)
	a.op("MOVQ", f.at("dst"), "DI")
	a.op("MOVQ", f.at("stride"), "BX")
	a.op("MOVQ", f.at("squares"), "DX")
	a.op("MOVQ", f.at("width"), "R12")
	a.op("LEAQ", "(R12)(R12*2)", "R13")
	a.op("LEAQ", "(BX)(BX*2)", "R8")
	columns := []string{"SI", "R9", "R10", "R11"}[:n/4] // columns 0, 4, 8, 12
	a.op("MOVQ", f.at("src"), "SI")
	for q := 1; q < len(columns); q++ {
		a.op("LEAQ", fmt.Sprintf("(%s)(BX*4)", columns[q-1]), columns[q])
	}
	if m == avx512 {
		for q, mask := range []string{"$0x00f0", "$0x0f00", "$0xf000"} {
			a.op("MOVL", mask, "AX")
			a.op("KMOVW", "AX", fmt.Sprintf("K%d", q+1))
		}
	}
	a.op("TESTQ", "DX", "DX")
	a.op("JZ", "done")
	a.label("loop")
	for i := 0; i < n; i += 4 { // rows i … i+3 of the square
		for q, column := range columns {
			for r, index := range []string{"", "(BX*1)", "(BX*2)", "(R8*1)"} {
				memory := fmt.Sprintf("%d(%s)%s", 4*i, column, index)
				switch {
				case q == 0:
					a.op("VMOVUPS", memory, fmt.Sprintf("X%d", r))
				case m == avx512:
					a.op("VBROADCASTF32X4", memory, fmt.Sprintf("K%d", q), m.v(r))
				default:
					a.op("VINSERTF128", "$1", memory, m.v(r), m.v(r))
				}
			}
		}
		for r, reg := range transposeQuarters(a, m) {
			a.op("VMOVUPS", reg, "(DI)"+[]string{"", "(R12*1)", "(R12*2)", "(R13*1)"}[r])
		}
		a.op("LEAQ", "(DI)(R12*4)", "DI")
	}
	for _, column := range columns {
		a.op("ADDQ", fmt.Sprintf("$%d", m.bytes()), column)
	}
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

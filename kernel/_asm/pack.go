package main

import "fmt"

// writePacking writes the two ways in which a panel of B is usually filled:
// from rows (copied) and from columns (transposed square by square).
func writePacking(a *assembly, g *declarations, m *machine) {
	writePackRows(a, g, m)
	writePackColumns(a, g, m)
	if m == avx2 {
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
func writePackColumns(a *assembly, g *declarations, m *machine) {
	n := m.lanes
	f := function(a, g, "packColumns"+m.suffix,
		fmt.Sprintf("dst[%d*i+j] = src[j*stride+i] for i < %d·squares and j < %d, the stride in bytes", 2*n, n, n),
		[]param{{"dst", "*float32"}, {"src", "*float32"}, {"stride", "int"}, {"squares", "int"}}, nil)
	a.op("MOVQ", f.at("dst"), "DI")
	a.op("MOVQ", f.at("src"), "SI")
	a.op("MOVQ", f.at("stride"), "BX")
	a.op("MOVQ", f.at("squares"), "DX")
	a.op("LEAQ", "(BX)(BX*2)", "R8")
	a.op("TESTQ", "DX", "DX")
	a.op("JZ", "done")
	a.label("loop")
	a.op("MOVQ", "SI", "R9")
	for i := range n {
		memory := []string{"(R9)", "(R9)(BX*1)", "(R9)(BX*2)", "(R9)(R8*1)"}[i%4]
		a.op("VMOVUPS", memory, m.v(i))
		if i%4 == 3 && i < n-1 {
			a.op("LEAQ", "(R9)(BX*4)", "R9")
		}
	}
	rows := transpose8
	if m == avx512 {
		rows = transpose16
	}
	for i, r := range rows(a) {
		a.op("VMOVUPS", m.v(r), fmt.Sprintf("%d(DI)", i*2*m.bytes()))
	}
	a.op("ADDQ", fmt.Sprintf("$%d", m.bytes()), "SI")
	a.op("ADDQ", fmt.Sprintf("$%d", n*2*m.bytes()), "DI")
	a.op("DECQ", "DX")
	a.op("JNZ", "loop")
	a.label("done")
	a.op("VZEROUPPER")
	a.op("RET")
}

// unpackPairs interleaves rows within each 128-bit quarter: registers from..
// hold rows, to.. receive, for each group of four rows r, the transposed 4×4
// blocks: register to+4g+i holds column i of rows 4g … 4g+3, quarter by
// quarter.
func unpackPairs(a *assembly, reg string, n, from, to int) {
	r := func(i int) string { return fmt.Sprintf("%s%d", reg, i) }
	for g := 0; g < n; g += 4 {
		x := from + g
		y := to + g
		// y0, y1: rows 0 and 1 interleaved; y2, y3: rows 2 and 3.
		a.op("VUNPCKLPS", r(x+1), r(x), r(y))
		a.op("VUNPCKHPS", r(x+1), r(x), r(y+1))
		a.op("VUNPCKLPS", r(x+3), r(x+2), r(y+2))
		a.op("VUNPCKHPS", r(x+3), r(x+2), r(y+3))
		// back to x: columns 0, 1, 2, 3.
		a.op("VUNPCKLPD", r(y+2), r(y), r(x))
		a.op("VUNPCKHPD", r(y+2), r(y), r(x+1))
		a.op("VUNPCKLPD", r(y+3), r(y+1), r(x+2))
		a.op("VUNPCKHPD", r(y+3), r(y+1), r(x+3))
	}
}

// transpose8 transposes Y0…Y7 and returns where the rows are.
func transpose8(a *assembly) []int {
	unpackPairs(a, "Y", 8, 0, 8)
	// Yi: column i (low half) and i+4 (high) of rows 0–3; Y(4+i): of rows 4–7.
	rows := make([]int, 8)
	for i := range 4 {
		low, high := fmt.Sprintf("Y%d", i), fmt.Sprintf("Y%d", 4+i)
		a.op("VPERM2F128", "$0x20", high, low, fmt.Sprintf("Y%d", 8+i))
		a.op("VPERM2F128", "$0x31", high, low, fmt.Sprintf("Y%d", 12+i))
		rows[i], rows[4+i] = 8+i, 12+i
	}
	return rows
}

// transpose16 transposes Z0…Z15 and returns where the rows are.
func transpose16(a *assembly) []int {
	unpackPairs(a, "Z", 16, 0, 16)
	z := func(i int) string { return fmt.Sprintf("Z%d", i) }
	rows := make([]int, 16)
	for i := range 4 {
		// Zi, Z(4+i), Z(8+i), Z(12+i): columns i, 4+i, 8+i, 12+i, one a quarter,
		// of rows 0–3, 4–7, 8–11, 12–15: a 4×4 transpose of quarters.
		a.op("VSHUFF32X4", "$0x44", z(4+i), z(i), z(16))
		a.op("VSHUFF32X4", "$0xee", z(4+i), z(i), z(17))
		a.op("VSHUFF32X4", "$0x44", z(12+i), z(8+i), z(18))
		a.op("VSHUFF32X4", "$0xee", z(12+i), z(8+i), z(19))
		a.op("VSHUFF32X4", "$0x88", z(18), z(16), z(i))
		a.op("VSHUFF32X4", "$0xdd", z(18), z(16), z(4+i))
		a.op("VSHUFF32X4", "$0x88", z(19), z(17), z(8+i))
		a.op("VSHUFF32X4", "$0xdd", z(19), z(17), z(12+i))
		rows[i], rows[4+i], rows[8+i], rows[12+i] = i, 4+i, 8+i, 12+i
	}
	return rows
}

package main

import "fmt"

// writeInt8 writes what products of whole numbers of 8 bits are made of.
func writeInt8(a *assembly, g *declarations, m *machine) {
	writeInt8Tiles(a, g, m)
	writeRangeOf(a, g, m)
	writeQuantize(a, g, m)
	writeSaturate(a, g, m)
}

// int8Rows is the height of the machine's tiles of whole numbers. AVX-512 has
// instructions for the purpose and multiplies as it does floats; AVX2 keeps two
// sums for each element, of even and of odd pairs.
func int8Rows(m *machine) int {
	if m == avx512 {
		return 12
	}
	return 2
}

// writeInt8Tiles writes a tile of rows times one panel, two vectors of float32
// wide. Sums stay in registers from the first k to the epilogue.
//
// Registers: SI, R9, R10, R11 point to rows 0, 3, 6, 9 of A, BX is the distance
// of its rows; DI points to B; DX points to C, R14 is the distance of its rows;
// R15 counts the quads of k; R8 and R12 point to the rows' scales and zeros; AX
// and CX to the columns' scales and sums, R13 to the bias.
func writeInt8Tiles(a *assembly, g *declarations, m *machine) {
	f := function(a, g, "int8Tile"+m.suffix, "of int8TileGo over rows, with distances in bytes", []param{
		{"rows", "int"}, {"steps", "int"}, {"a", "*uint8"}, {"lda", "int"}, {"b", "*int8"},
		{"columnScale", "*float32"}, {"columnSum", "*int32"}, {"bias", "*float32"},
		{"scale", "*float32"}, {"zero", "*int32"}, {"c", "*float32"}, {"ldc", "int"},
	}, nil)
	for _, r := range [][2]string{{"a", "SI"}, {"lda", "BX"}, {"b", "DI"}, {"c", "DX"}, {"ldc", "R14"}, {"steps", "R15"},
		{"scale", "R8"}, {"zero", "R12"}, {"columnScale", "AX"}, {"columnSum", "CX"}, {"bias", "R13"}} {
		a.op("MOVQ", f.at(r[0]), r[1])
	}
	a.op("LEAQ", "(BX)(BX*2)", "R11")
	a.op("LEAQ", "(SI)(R11*1)", "R9")
	a.op("LEAQ", "(SI)(R11*2)", "R10")
	a.op("ADDQ", "R10", "R11")
	rows := int8Rows(m)
	for h := 1; h < rows; h++ {
		a.op("CMPQ", f.at("rows"), fmt.Sprintf("$%d", h))
		a.op("JEQ", fmt.Sprintf("rows%d", h))
	}
	for h := rows; h >= 1; h-- {
		a.label(fmt.Sprintf("rows%d", h))
		writeInt8Tile(a, m, h)
		a.op("VZEROUPPER")
		a.op("RET")
	}
}

// int8Element is the address of the quad of A in row i.
func int8Element(i int) string {
	return "(" + []string{"SI", "R9", "R10", "R11"}[i/3] + ")" + []string{"", "(BX*1)", "(BX*2)"}[i%3]
}

// writeInt8Tile writes one tile of h rows.
func writeInt8Tile(a *assembly, m *machine, h int) {
	loop := a.fresh("loop")
	sums := 2 * h // in vectors
	if m == avx2 {
		sums *= 2
	}
	for i := range sums {
		m.zero(a, i)
	}
	a.op("TESTQ", "R15", "R15")
	a.op("JZ", loop+"end")
	a.op("PCALIGN", "$32")
	a.label(loop)
	if m == avx512 {
		b := func(v int) string { return m.v(24 + v) }
		for v := range 2 {
			a.op("VMOVDQU32", fmt.Sprintf("%d(DI)", v*m.bytes()), b(v))
		}
		for i := range h {
			q := m.v(26 + i%6)
			a.op("VPBROADCASTD", int8Element(i), q)
			for v := range 2 {
				a.op("VPDPBUSD", b(v), q, m.v(2*i+v))
			}
		}
	} else {
		// Bytes widened to words; a product of words and its neighbour's make a
		// sum of 32 bits, two for each column.
		for i := range h {
			q := fmt.Sprintf("%d", 12+i)
			a.op("VPBROADCASTD", int8Element(i), "X"+q)
			a.op("VPMOVZXBW", "X"+q, "Y"+q)
		}
		for v := range 4 {
			a.op("VPMOVSXBW", fmt.Sprintf("%d(DI)", v*16), "Y8")
			for i := range h {
				spare := m.v(9 + i)
				a.op("VPMADDWD", "Y8", m.v(12+i), spare)
				a.op("VPADDD", spare, m.v(4*i+v), m.v(4*i+v))
			}
		}
	}
	a.op("ADDQ", fmt.Sprintf("$%d", 2*m.bytes()), "DI")
	for i := 0; i < h; i += 3 {
		a.op("ADDQ", "$4", []string{"SI", "R9", "R10", "R11"}[i/3])
	}
	a.op("DECQ", "R15")
	a.op("JNZ", loop)
	a.label(loop + "end")
	for i := range h {
		finishInt8Row(a, m, i)
		if i < h-1 {
			a.op("ADDQ", "R14", "DX")
		}
	}
}

// finishInt8Row takes the zero point out of row i, scales it, adds the bias and
// stores it.
func finishInt8Row(a *assembly, m *machine, i int) {
	first := 24 // free registers from here
	if m == avx2 {
		first = 10
	}
	zero, scale, t := m.v(first), m.v(first+1), m.v(first+2)
	a.op("VPBROADCASTD", fmt.Sprintf("%d(R12)", 4*i), zero)
	a.op("VBROADCASTSS", fmt.Sprintf("%d(R8)", 4*i), scale)
	for v := range 2 {
		at := func(base string) string { return fmt.Sprintf("%d(%s)", v*m.bytes(), base) }
		sum := m.v(2*i + v)
		if m == avx2 {
			even, odd := m.v(4*i+2*v), m.v(4*i+2*v+1)
			sum = even
			a.op("VPHADDD", odd, even, sum)
			a.op("VPERMQ", "$0xd8", sum, sum)
		}
		a.op("VPMULLD", at("CX"), zero, t)
		a.op("VPSUBD", t, sum, sum)
		a.op("VCVTDQ2PS", sum, sum)
		a.op("VMULPS", at("AX"), scale, t)
		a.op("VFMADD213PS", at("R13"), t, sum)
		a.op("VMOVUPS", sum, at("DX"))
	}
}

// writeRangeOf writes rangeOf for whole vectors.
func writeRangeOf(a *assembly, g *declarations, m *machine) {
	f := function(a, g, "rangeOf"+m.suffix, "of rangeOfGo over n floats, whole vectors, into lo, hi and top, a vector each",
		[]param{{"x", "*float32"}, {"n", "int"}, {"lo", "*float32"}, {"hi", "*float32"}, {"top", "*uint32"}}, nil)
	lo, hi, top, x, bits, mask := m.v(0), m.v(1), m.v(2), m.v(3), m.v(4), m.v(5)
	and, bytes := "VPAND", fmt.Sprintf("$%d", m.bytes())
	move := "VMOVDQU"
	if m == avx512 {
		and, move = "VPANDD", "VMOVDQU32"
	}
	a.op("MOVQ", f.at("x"), "SI")
	a.op("MOVQ", f.at("n"), "CX")
	for i := range 3 {
		m.zero(a, i)
	}
	a.op("MOVL", "$0x7fffffff", "AX")
	a.op("VMOVD", "AX", "X5")
	a.op("VPBROADCASTD", "X5", mask)
	a.op("SUBQ", fmt.Sprintf("$%d", m.lanes), "CX")
	a.op("JLT", "done")
	a.op("PCALIGN", "$32")
	a.label("loop")
	a.op("VMOVUPS", "(SI)", x)
	a.op("VMINPS", lo, x, lo)
	a.op("VMAXPS", hi, x, hi)
	a.op(and, mask, x, bits)
	a.op("VPMAXUD", bits, top, top)
	a.op("ADDQ", bytes, "SI")
	a.op("SUBQ", fmt.Sprintf("$%d", m.lanes), "CX")
	a.op("JGE", "loop")
	a.label("done")
	for _, r := range [][2]string{{"lo", lo}, {"hi", hi}, {"top", top}} {
		a.op("MOVQ", f.at(r[0]), "DI")
		a.op(move, r[1], "(DI)")
	}
	a.op("VZEROUPPER")
	a.op("RET")
}

// writeQuantize writes quantize for whole vectors.
func writeQuantize(a *assembly, g *declarations, m *machine) {
	f := function(a, g, "quantize"+m.suffix, "of quantizeGo over n floats, whole vectors",
		[]param{{"dst", "*uint8"}, {"x", "*float32"}, {"n", "int"}, {"inv", "float32"}, {"zero", "int32"}}, nil)
	q, inv, zero, most, none := m.v(0), m.v(1), m.v(2), m.v(3), m.v(4)
	a.op("MOVQ", f.at("dst"), "DI")
	a.op("MOVQ", f.at("x"), "SI")
	a.op("MOVQ", f.at("n"), "CX")
	a.op("VBROADCASTSS", f.at("inv"), inv)
	a.op("MOVL", f.at("zero"), "AX")
	a.op("VMOVD", "AX", "X2")
	a.op("VPBROADCASTD", "X2", zero)
	a.op("MOVL", "$255", "AX")
	a.op("VMOVD", "AX", "X3")
	a.op("VPBROADCASTD", "X3", most)
	m.zero(a, 4)
	a.op("SUBQ", fmt.Sprintf("$%d", m.lanes), "CX")
	a.op("JLT", "done")
	a.op("PCALIGN", "$32")
	a.label("loop")
	a.op("VMULPS", "(SI)", inv, q)
	a.op("VCVTPS2DQ", q, q)
	a.op("VPADDD", zero, q, q)
	a.op("VPMAXSD", none, q, q)
	a.op("VPMINSD", most, q, q)
	if m == avx512 {
		a.op("VPMOVDB", q, "(DI)")
	} else {
		a.op("VEXTRACTI128", "$1", q, "X5")
		a.op("VPACKUSDW", "X5", "X0", "X0")
		a.op("VPACKUSWB", "X0", "X0", "X0")
		a.op("VMOVQ", "X0", "(DI)")
	}
	a.op("ADDQ", fmt.Sprintf("$%d", m.lanes), "DI")
	a.op("ADDQ", fmt.Sprintf("$%d", m.bytes()), "SI")
	a.op("SUBQ", fmt.Sprintf("$%d", m.lanes), "CX")
	a.op("JGE", "loop")
	a.label("done")
	a.op("VZEROUPPER")
	a.op("RET")
}

// writeSaturate writes a loop of the tile's products on registers alone.
func writeSaturate(a *assembly, g *declarations, m *machine) {
	f := function(a, g, "saturateInt8"+m.suffix, "of a tile's products, steps times, on registers alone",
		[]param{{"steps", "int"}}, nil)
	sums := 24
	if m == avx2 {
		sums = 8
	}
	a.op("MOVQ", f.at("steps"), "CX")
	for i := range sums + 2 {
		m.zero(a, i)
	}
	a.op("TESTQ", "CX", "CX")
	a.op("JLE", "done")
	a.op("PCALIGN", "$32")
	a.label("loop")
	for i := range sums {
		if m == avx512 {
			a.op("VPDPBUSD", m.v(sums), m.v(sums+1), m.v(i))
			continue
		}
		spare := m.v(sums + 2 + i%4)
		a.op("VPMADDWD", m.v(sums), m.v(sums+1), spare)
		a.op("VPADDD", spare, m.v(i), m.v(i))
	}
	a.op("DECQ", "CX")
	a.op("JNZ", "loop")
	a.label("done")
	a.op("VZEROUPPER")
	a.op("RET")
}

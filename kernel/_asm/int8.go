package main

import "fmt"

// writeInt8 writes what products of whole numbers of 8 bits are made of.
func writeInt8(a *assembly, g *declarations, m *machine) {
	writeInt8Tiles(a, g, m, m == avx512)
	if m == avx2 {
		writeInt8Tiles(a, g, m, true)
	}
	writeRangeOf(a, g, m)
	writeQuantize(a, g, m)
	writeSaturate(a, g, m)
}

// int8Rows is the height of the machine's tiles of whole numbers. With VPDPBUSD
// they are as high as those of floats; without it there are two sums for each
// element, of even and of odd pairs.
func int8Rows(m *machine, dots bool) int {
	if dots {
		return m.rows
	}
	return 2
}

// writeInt8Tiles writes a strip of any number of rows times one panel, two vectors
// of float32 wide, with VPDPBUSD (AVX-512 VNNI, or AVX-VNNI for AVX2's registers) or
// without. Sums stay in registers from the first k to the epilogue.
//
// Registers: SI, R9, R10, R11 point to rows 0, 3, 6, 9 of A, BX is the distance
// of its rows; DI points to B; DX points to C, R14 is the distance of its rows;
// R15 counts the quads of k; R8 and R12 point to the rows' scales and zeros; AX
// and CX to the columns' scales and sums, R13 to the bias. The argument rows
// counts what is left.
func writeInt8Tiles(a *assembly, g *declarations, m *machine, dots bool) {
	name := "int8Tile" + m.suffix
	if dots && m == avx2 {
		name = "int8TileAVXVNNI"
	}
	f := function(a, g, name, "of int8TileGo over rows, with distances in bytes", []param{
		{"rows", "int"}, {"steps", "int"}, {"a", "*uint8"}, {"lda", "int"}, {"b", "*int8"},
		{"columnScale", "*float32"}, {"columnSum", "*int32"}, {"bias", "*float32"},
		{"scale", "*float32"}, {"zero", "*int32"}, {"c", "*float32"}, {"ldc", "int"},
	}, nil)
	for _, r := range [][2]string{{"a", "SI"}, {"lda", "BX"}, {"c", "DX"}, {"ldc", "R14"},
		{"scale", "R8"}, {"zero", "R12"}, {"columnScale", "AX"}, {"columnSum", "CX"}, {"bias", "R13"}} {
		a.op("MOVQ", f.at(r[0]), r[1])
	}
	rows := int8Rows(m, dots)
	a.label("next")
	a.op("MOVQ", f.at("b"), "DI")
	a.op("LEAQ", "(BX)(BX*2)", "R11")
	a.op("LEAQ", "(SI)(R11*1)", "R9")
	a.op("LEAQ", "(SI)(R11*2)", "R10")
	a.op("ADDQ", "R10", "R11")
	a.op("MOVQ", f.at("rows"), "R15")
	for h := range rows {
		a.op("CMPQ", "R15", fmt.Sprintf("$%d", h))
		if h == 0 {
			a.op("JEQ", "done")
		} else {
			a.op("JEQ", fmt.Sprintf("rows%d", h))
		}
	}
	for h := rows; h >= 1; h-- {
		a.label(fmt.Sprintf("rows%d", h))
		a.op("MOVQ", f.at("steps"), "R15")
		writeInt8Tile(a, m, h, dots)
		if h < rows { // the last
			a.op("JMP", "done")
			continue
		}
		a.op("MOVQ", f.at("steps"), "R15")
		a.op("SHLQ", "$2", "R15")
		a.op("SUBQ", "R15", "SI")
		a.op("IMUL3Q", fmt.Sprintf("$%d", h), "BX", "R15")
		a.op("ADDQ", "R15", "SI")
		a.op("ADDQ", "R14", "DX")
		a.op("ADDQ", fmt.Sprintf("$%d", 4*h), "R8")
		a.op("ADDQ", fmt.Sprintf("$%d", 4*h), "R12")
		a.op("SUBQ", fmt.Sprintf("$%d", h), f.at("rows"))
		a.op("JMP", "next")
	}
	a.label("done")
	a.op("VZEROUPPER")
	a.op("RET")
}

// dotBytes is sum += the products of four unsigned bytes x and signed bytes y.
func dotBytes(a *assembly, m *machine, y, x, sum int) {
	if m == avx512 {
		a.op("VPDPBUSD", m.v(y), m.v(x), m.v(sum))
		return
	}
	// VEX.256.66.0F38.W0 50: Go's assembler would write the form of AVX-512.
	bit := func(r int) int { return ^r >> 3 & 1 }
	p0 := bit(sum)<<7 | 1<<6 | bit(y)<<5 | 2
	p1 := (^x&15)<<3 | 1<<2 | 1
	fmt.Fprintf(a, "\tBYTE $0xc4; BYTE $0x%02x; BYTE $0x%02x; BYTE $0x50; BYTE $0x%02x // VPDPBUSD Y%d, Y%d, Y%d\n",
		p0, p1, 3<<6|sum&7<<3|y&7, y, x, sum)
}

// int8Element is the address of the quad of A in row i.
func int8Element(i int) string {
	return "(" + []string{"SI", "R9", "R10", "R11"}[i/3] + ")" + []string{"", "(BX*1)", "(BX*2)"}[i%3]
}

// writeInt8Tile writes one tile of h rows.
func writeInt8Tile(a *assembly, m *machine, h int, dots bool) {
	loop := a.fresh("loop")
	sums := 2 * h // in vectors
	if !dots {
		sums *= 2
	}
	for i := range sums {
		m.zero(a, i)
	}
	a.op("TESTQ", "R15", "R15")
	a.op("JZ", loop+"end")
	a.op("PCALIGN", "$32")
	a.label(loop)
	if dots {
		load, first := "VMOVDQU32", 2*m.rows
		if m == avx2 {
			load = "VMOVDQU"
		}
		spare := m.regs - first - 2
		for v := range 2 {
			a.op(load, fmt.Sprintf("%d(DI)", v*m.bytes()), m.v(first+v))
		}
		for i := range h {
			q := first + 2 + i%spare
			a.op("VPBROADCASTD", int8Element(i), m.v(q))
			for v := range 2 {
				dotBytes(a, m, first+v, q, 2*i+v)
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
		finishInt8Row(a, m, i, dots)
		if i < h-1 {
			a.op("ADDQ", "R14", "DX")
		}
	}
}

// finishInt8Row takes the zero point out of row i, scales it, adds the bias and
// stores it.
func finishInt8Row(a *assembly, m *machine, i int, dots bool) {
	first := 2 * m.rows // free registers from here
	if !dots {
		first = 10
	}
	zero, scale, t := m.v(first), m.v(first+1), m.v(first+2)
	a.op("VPBROADCASTD", fmt.Sprintf("%d(R12)", 4*i), zero)
	a.op("VBROADCASTSS", fmt.Sprintf("%d(R8)", 4*i), scale)
	for v := range 2 {
		at := func(base string) string { return fmt.Sprintf("%d(%s)", v*m.bytes(), base) }
		sum := m.v(2*i + v)
		if !dots {
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

// writeRangeOf writes rangeOf for whole vectors, some at a time.
func writeRangeOf(a *assembly, g *declarations, m *machine) {
	f := function(a, g, "rangeOf"+m.suffix, "of rangeOfGo over n floats, whole vectors", []param{{"x", "*float32"}, {"n", "int"}},
		[]param{{"lo", "float32"}, {"hi", "float32"}, {"top", "uint32"}})
	some := 4
	and := "VPANDD"
	if m == avx2 {
		some, and = 2, "VPAND"
	}
	lo, hi, top := func(i int) int { return 3 * i }, func(i int) int { return 3*i + 1 }, func(i int) int { return 3*i + 2 }
	x, bits, mask := 3*some, 3*some+1, 3*some+2
	a.op("MOVQ", f.at("x"), "SI")
	a.op("MOVQ", f.at("n"), "CX")
	for i := range 3 * some {
		m.zero(a, i)
	}
	a.op("MOVL", "$0x7fffffff", "AX")
	a.op("VMOVD", "AX", fmt.Sprintf("X%d", mask))
	a.op("VPBROADCASTD", fmt.Sprintf("X%d", mask), m.v(mask))
	for _, group := range []int{some, 1} {
		loop := fmt.Sprintf("by%d", group)
		a.op("SUBQ", fmt.Sprintf("$%d", group*m.lanes), "CX")
		a.op("JLT", loop+"end")
		a.op("PCALIGN", "$32")
		a.label(loop)
		for i := range group {
			a.op("VMOVUPS", fmt.Sprintf("%d(SI)", i*m.bytes()), m.v(x))
			a.op("VMINPS", m.v(lo(i)), m.v(x), m.v(lo(i)))
			a.op("VMAXPS", m.v(hi(i)), m.v(x), m.v(hi(i)))
			a.op(and, m.v(mask), m.v(x), m.v(bits))
			a.op("VPMAXUD", m.v(bits), m.v(top(i)), m.v(top(i)))
		}
		a.op("ADDQ", fmt.Sprintf("$%d", group*m.bytes()), "SI")
		a.op("SUBQ", fmt.Sprintf("$%d", group*m.lanes), "CX")
		a.op("JGE", loop)
		a.label(loop + "end")
		a.op("ADDQ", fmt.Sprintf("$%d", group*m.lanes), "CX")
	}
	for i, op := range []string{"VMINPS", "VMAXPS", "VPMAXUD"} {
		for j := 1; j < some; j++ {
			a.op(op, m.v(3*j+i), m.v(i), m.v(i))
		}
		whole, half := fmt.Sprintf("Y%d", i), fmt.Sprintf("X%d", i)
		if m == avx512 {
			a.op("VEXTRACTF64X4", "$1", m.v(i), "Y15")
			a.op(op, "Y15", whole, whole)
		}
		a.op("VEXTRACTF128", "$1", whole, "X15")
		a.op(op, "X15", half, half)
		for _, turn := range []string{"$0x4e", "$0xb1"} {
			a.op("VPERMILPS", turn, half, "X15")
			a.op(op, "X15", half, half)
		}
	}
	a.op("VMOVSS", "X0", f.at("lo"))
	a.op("VMOVSS", "X1", f.at("hi"))
	a.op("VMOVD", "X2", "AX")
	a.op("MOVL", "AX", f.at("top"))
	a.op("VZEROUPPER")
	a.op("RET")
}

// writeQuantize writes quantize for whole vectors, four at a time on AVX-512. The
// packing instructions clamp.
func writeQuantize(a *assembly, g *declarations, m *machine) {
	f := function(a, g, "quantize"+m.suffix, "of quantizeGo over n floats, whole vectors",
		[]param{{"dst", "*uint8"}, {"x", "*float32"}, {"n", "int"}, {"inv", "float32"}, {"zero", "int32"}}, nil)
	inv, zero := 4, 5
	a.op("MOVQ", f.at("dst"), "DI")
	a.op("MOVQ", f.at("x"), "SI")
	a.op("MOVQ", f.at("n"), "CX")
	a.op("VBROADCASTSS", f.at("inv"), m.v(inv))
	a.op("MOVL", f.at("zero"), "AX")
	a.op("VMOVD", "AX", fmt.Sprintf("X%d", zero))
	a.op("VPBROADCASTD", fmt.Sprintf("X%d", zero), m.v(zero))
	groups := []int{1}
	if m == avx512 {
		groups = []int{4, 1}
		// Packing works in quarters of a register: this puts words back in order.
		a.op("MOVQ", "$0x0d0905010c080400", "AX")
		a.op("MOVQ", "$0x0f0b07030e0a0602", "BX")
		a.op("VMOVQ", "AX", "X6")
		a.op("VPINSRQ", "$1", "BX", "X6", "X6")
		a.op("VPMOVZXBD", "X6", "Z6")
	}
	for _, group := range groups {
		loop := fmt.Sprintf("by%d", group)
		a.op("SUBQ", fmt.Sprintf("$%d", group*m.lanes), "CX")
		a.op("JLT", loop+"end")
		a.op("PCALIGN", "$32")
		a.label(loop)
		for i := range group {
			a.op("VMULPS", fmt.Sprintf("%d(SI)", i*m.bytes()), m.v(inv), m.v(i))
			a.op("VCVTPS2DQ", m.v(i), m.v(i))
			a.op("VPADDD", m.v(zero), m.v(i), m.v(i))
		}
		switch {
		case group == 4:
			a.op("VPACKSSDW", "Z1", "Z0", "Z0")
			a.op("VPACKSSDW", "Z3", "Z2", "Z2")
			a.op("VPACKUSWB", "Z2", "Z0", "Z0")
			a.op("VPERMD", "Z0", "Z6", "Z0")
			a.op("VMOVDQU32", "Z0", "(DI)")
		case m == avx512:
			a.op("VPXORD", "Z1", "Z1", "Z1")
			a.op("VPMAXSD", "Z1", "Z0", "Z0")
			a.op("VPMOVUSDB", "Z0", "(DI)")
		default:
			a.op("VEXTRACTI128", "$1", "Y0", "X1")
			a.op("VPACKSSDW", "X1", "X0", "X0")
			a.op("VPACKUSWB", "X0", "X0", "X0")
			a.op("VMOVQ", "X0", "(DI)")
		}
		a.op("ADDQ", fmt.Sprintf("$%d", group*m.lanes), "DI")
		a.op("ADDQ", fmt.Sprintf("$%d", group*m.bytes()), "SI")
		a.op("SUBQ", fmt.Sprintf("$%d", group*m.lanes), "CX")
		a.op("JGE", loop)
		a.label(loop + "end")
		a.op("ADDQ", fmt.Sprintf("$%d", group*m.lanes), "CX")
	}
	a.op("VZEROUPPER")
	a.op("RET")
}

// writeSaturate writes a loop of the tile's products on registers alone.
func writeSaturate(a *assembly, g *declarations, m *machine) {
	if m == avx2 {
		writeSaturateOf(a, g, m, "saturateInt8AVXVNNI", true)
	}
	writeSaturateOf(a, g, m, "saturateInt8"+m.suffix, m == avx512)
}

func writeSaturateOf(a *assembly, g *declarations, m *machine, name string, dots bool) {
	f := function(a, g, name, "of a tile's products, steps times, on registers alone",
		[]param{{"steps", "int"}}, nil)
	sums := 2 * m.rows
	if !dots {
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
		if dots {
			dotBytes(a, m, sums, sums+1, i)
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

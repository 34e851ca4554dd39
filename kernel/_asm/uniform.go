package main

import "fmt"

// writeUniform writes the generator of random numbers: a counter in each lane,
// ten rounds of Philox, four words a counter. Lane 4g+r holds counter
// (lanes/4)·r + g, so that transposing quarters puts the words in order.
func writeUniform(a *assembly, g *declarations, m *machine, table *constantTable) {
	writePhilox(a, g, m, table, "uniform",
		fmt.Sprintf("dst[4i+j] = word j of Philox(key, {counter+i, site}) >> 8 · 2⁻²⁴ for i < %d·turns, while counterLow does not overflow", m.lanes))
	writePhilox(a, g, m, table, "dropout",
		"dst = x·scale where the number that uniform draws is at least rate, else 0")

	a.WriteString("\n// the counters of the lanes\n")
	for l := range m.lanes {
		fmt.Fprintf(a, "DATA laneCounter<>+%d(SB)/4, $%d\n", 4*l, m.lanes/4*(l%4)+l/4)
	}
	fmt.Fprintf(a, "GLOBL laneCounter<>(SB), RODATA|NOPTR, $%d\n", m.bytes())
}

// writePhilox writes one function that uses the numbers.
func writePhilox(a *assembly, g *declarations, m *machine, table *constantTable, name, doc string) {
	args := []param{{"dst", "*float32"}, {"turns", "int"}, {"keyLow", "uint32"}, {"keyHigh", "uint32"},
		{"siteLow", "uint32"}, {"siteHigh", "uint32"}, {"counterLow", "uint32"}, {"counterHigh", "uint32"}}
	dropout := name == "dropout"
	if dropout {
		args = append(args, param{"x", "*float32"}, param{"rate", "float32"}, param{"scale", "float32"})
	}
	f := function(a, g, name+m.suffix, doc, args, nil)
	v := m.v
	const (
		k0, k1   = 12, 13 // the keys of the round
		base     = 14     // of counters
		evenMask = "K1"
	)
	xor := func(x, y, dst string) {
		if m == avx512 {
			a.op("VPXORD", x, y, dst)
		} else {
			a.op("VPXOR", x, y, dst)
		}
	}
	withConstant := func(op string, bits uint32, x, dst string) {
		if m == avx512 {
			op += ".BCST"
		}
		a.op(op, table.at(bits), x, dst)
	}
	// product leaves the halves of x times a constant: the low one in low, the
	// high one in high.
	product := func(x, constant, low, even, high string) {
		a.op("VPSRLQ", "$32", x, high)
		a.op("VPMULUDQ", constant, x, even)
		a.op("VPMULUDQ", constant, high, high)
		a.op("VPMULLD", constant, x, low)
		if m == avx512 {
			a.op("VMOVSHDUP", even, evenMask, high)
		} else {
			a.op("VMOVSHDUP", even, even)
			a.op("VPBLENDD", "$0xaa", high, even, high)
		}
	}
	const multiplier0, multiplier1 = 0xd2511f53, 0xcd9e8d57
	const weyl0, weyl1 = 0x9e3779b9, 0xbb67ae85

	a.op("MOVQ", f.at("dst"), "DI")
	a.op("MOVQ", f.at("turns"), "CX")
	a.op("VBROADCASTSS", f.at("counterLow"), v(base))
	a.op("VPADDD", "laneCounter<>(SB)", v(base), v(base))
	if m == avx512 {
		a.op("MOVL", "$0x5555", "AX")
		a.op("KMOVW", "AX", evenMask)
	}
	if dropout {
		a.op("MOVQ", f.at("x"), "SI")
	}
	a.op("TESTQ", "CX", "CX")
	a.op("JZ", "done")
	a.label("loop")
	// Registers 0 … 3 hold the words, 4 … 7 the products of the first
	// multiplier and what it needs, 8 … 11 those of the second.
	a.op("VMOVUPS", v(base), v(0))
	a.op("VBROADCASTSS", f.at("counterHigh"), v(1))
	a.op("VBROADCASTSS", f.at("siteLow"), v(2))
	a.op("VBROADCASTSS", f.at("siteHigh"), v(3))
	a.op("VBROADCASTSS", f.at("keyLow"), v(k0))
	a.op("VBROADCASTSS", f.at("keyHigh"), v(k1))
	a.op("VBROADCASTSS", table.at(multiplier0), v(4))
	a.op("VBROADCASTSS", table.at(multiplier1), v(8))
	for round := range 10 {
		product(v(0), v(4), v(5), v(6), v(7))
		product(v(2), v(8), v(9), v(10), v(11))
		xor(v(11), v(1), v(0))
		xor(v(k0), v(0), v(0))
		xor(v(7), v(3), v(2))
		xor(v(k1), v(2), v(2))
		a.op("VMOVUPS", v(9), v(1))
		a.op("VMOVUPS", v(5), v(3))
		if round < 9 {
			withConstant("VPADDD", weyl0, v(k0), v(k0))
			withConstant("VPADDD", weyl1, v(k1), v(k1))
		}
	}
	rows := transposeQuarters(a, m)
	if dropout {
		a.op("VBROADCASTSS", f.at("rate"), v(rateReg))
		a.op("VBROADCASTSS", f.at("scale"), v(scaleReg))
	}
	for i, r := range rows {
		a.op("VPSRLD", "$8", r, r)
		a.op("VCVTDQ2PS", r, r)
		withConstant("VMULPS", 0x33800000, r, r) // 2⁻²⁴
		if dropout {
			keepLanes(a, m, r, fmt.Sprintf("%d(SI)", i*m.bytes()))
		}
		a.op("VMOVUPS", r, fmt.Sprintf("%d(DI)", i*m.bytes()))
	}
	if dropout {
		a.op("ADDQ", fmt.Sprintf("$%d", 4*m.bytes()), "SI")
	}
	withConstant("VPADDD", uint32(m.lanes), v(base), v(base))
	a.op("ADDQ", fmt.Sprintf("$%d", 4*m.bytes()), "DI")
	a.op("DECQ", "CX")
	a.op("JNZ", "loop")
	a.label("done")
	a.op("VZEROUPPER")
	a.op("RET")
}

// Registers that are free once the numbers are drawn.
const rateReg, scaleReg, spareReg = 0, 1, 2

// keepLanes turns numbers r into elements of x, scaled or zero.
func keepLanes(a *assembly, m *machine, r, x string) {
	rate, scale, spare := m.v(rateReg), m.v(scaleReg), m.v(spareReg)
	if m == avx512 {
		a.op("VCMPPS", greaterOrEqual, rate, r, "K2")
		a.op("VMULPS.Z", x, scale, "K2", r)
		return
	}
	a.op("VCMPPS", greaterOrEqual, rate, r, r)
	a.op("VMULPS", x, scale, spare)
	a.op("VANDPS", spare, r, r)
}

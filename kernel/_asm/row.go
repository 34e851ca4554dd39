package main

import "fmt"

// writeRows writes the product of one row with a matrix B of float32, bfloat16 or
// int8, up to four times 16 columns of which are summed in registers:
// c[j] (+)= Σ_p a[p]·b[p·bs+j], every element a chain of fused multiply–adds.
//
// Registers: SI points to A, DI to B, R13 is the distance of its rows, DX points
// to C, CX counts k, R8 points to what is fetched early.
func writeRows(a *assembly, g *declarations, m *machine) {
	for _, kind := range []string{"F32", "BF16", "Int8"} {
		pointer := map[string]string{"F32": "*float32", "BF16": "*uint16", "Int8": "*int8"}[kind]
		f := function(a, g, "row"+kind+m.suffix, "c[j] (+)= Σ_p a[p]·b[p*bs+j], j < 16·groups, p < k, bs in bytes; so many bytes from next on are prefetched",
			[]param{{"groups", "int"}, {"k", "int"}, {"a", "*float32"}, {"b", pointer}, {"bs", "int"}, {"c", "*float32"}, {"accumulate", "bool"}, {"next", pointer}}, nil)
		a.op("MOVQ", f.at("k"), "CX")
		a.op("MOVQ", f.at("a"), "SI")
		a.op("MOVQ", f.at("b"), "DI")
		a.op("MOVQ", f.at("bs"), "R13")
		a.op("MOVQ", f.at("c"), "DX")
		a.op("MOVQ", f.at("next"), "R8")
		for groups := 1; groups < rowGroups; groups++ {
			a.op("CMPQ", f.at("groups"), fmt.Sprintf("$%d", groups))
			a.op("JEQ", fmt.Sprintf("groups%d", groups))
		}
		for groups := rowGroups; groups >= 1; groups-- {
			a.label(fmt.Sprintf("groups%d", groups))
			writeRow(a, m, f, kind, groups*lanes/m.lanes)
			a.op("VZEROUPPER")
			a.op("RET")
		}
	}
}

// rowGroups is how many times 16 columns a row is summed over at once.
const rowGroups = 4

// writeRow writes the loop over k for so many vectors of columns.
func writeRow(a *assembly, m *machine, f frame, kind string, vectors int) {
	// Sums come first; one register for the element of A, the rest for B.
	element := m.v(vectors)
	spare := func(v int) string { return m.v(vectors + 1 + v%(m.regs-vectors-1)) }
	for v := range vectors {
		m.zero(a, v)
	}
	fromZero, loop, end := a.fresh("zero"), a.fresh("loop"), a.fresh("end")
	a.op("CMPB", f.at("accumulate"), "$0")
	a.op("JEQ", fromZero)
	for v := range vectors {
		a.op("VMOVUPS", fmt.Sprintf("%d(DX)", v*m.bytes()), m.v(v))
	}
	a.label(fromZero)
	a.op("TESTQ", "CX", "CX")
	a.op("JZ", end)
	a.op("PCALIGN", "$32")
	a.label(loop)
	a.op("VBROADCASTSS", "(SI)", element)
	bytes := map[string]int{"F32": 4, "BF16": 2, "Int8": 1}[kind] * vectors * m.lanes
	for at := 0; at < bytes; at += 64 {
		a.op("PREFETCHT0", fmt.Sprintf("%d(R8)", at))
	}
	a.op("ADDQ", fmt.Sprintf("$%d", bytes), "R8")
	for v := range vectors {
		b := spare(v)
		switch kind {
		case "F32":
			a.op("VFMADD231PS", fmt.Sprintf("%d(DI)", v*m.bytes()), element, m.v(v))
			continue
		case "BF16":
			a.op("VPMOVZXWD", fmt.Sprintf("%d(DI)", v*m.bytes()/2), b)
			a.op("VPSLLD", "$16", b, b)
		case "Int8":
			a.op("VPMOVSXBD", fmt.Sprintf("%d(DI)", v*m.bytes()/4), b)
			a.op("VCVTDQ2PS", b, b)
		}
		a.op("VFMADD231PS", b, element, m.v(v))
	}
	a.op("ADDQ", "$4", "SI")
	a.op("ADDQ", "R13", "DI")
	a.op("DECQ", "CX")
	a.op("JNZ", loop)
	a.label(end)
	for v := range vectors {
		a.op("VMOVUPS", m.v(v), fmt.Sprintf("%d(DX)", v*m.bytes()))
	}
}

// writeInt8ToF32 writes the conversion of whole groups of 16.
func writeInt8ToF32(a *assembly, g *declarations, m *machine) {
	f := function(a, g, "int8ToF32"+m.suffix, "dst = src widened, n a multiple of 16",
		[]param{{"dst", "*float32"}, {"src", "*int8"}, {"n", "int"}}, nil)
	a.op("MOVQ", f.at("dst"), "DI")
	a.op("MOVQ", f.at("src"), "SI")
	a.op("MOVQ", f.at("n"), "CX")
	a.op("SUBQ", fmt.Sprintf("$%d", m.lanes), "CX")
	a.op("JLT", "done")
	a.label("loop")
	a.op("VPMOVSXBD", "(SI)", m.v(0))
	a.op("VCVTDQ2PS", m.v(0), m.v(0))
	a.op("VMOVUPS", m.v(0), "(DI)")
	a.op("ADDQ", fmt.Sprintf("$%d", m.lanes), "SI")
	a.op("ADDQ", fmt.Sprintf("$%d", m.bytes()), "DI")
	a.op("SUBQ", fmt.Sprintf("$%d", m.lanes), "CX")
	a.op("JGE", "loop")
	a.label("done")
	a.op("VZEROUPPER")
	a.op("RET")
}

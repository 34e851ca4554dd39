package main

import "fmt"

// writeNEONPhilox writes the generator of random numbers, or dropout by them: a
// counter in each of four lanes, ten rounds of Philox, four words a counter,
// which go to memory interleaved.
//
// Registers: V0 … V3 hold the words, V4 … V11 products; V12 and V13 the keys of
// the round, V14 the counters, V15 and V16 the multipliers, V17 and V18 what is
// added to the keys, V19 the scale 2⁻²⁴, V20 … V24 what stays the same.
func writeNEONPhilox(a *assembly, g *declarations, table *constantTable, name, doc string) {
	args := []param{{"dst", "*float32"}, {"turns", "int"}, {"keyLow", "uint32"}, {"keyHigh", "uint32"},
		{"siteLow", "uint32"}, {"siteHigh", "uint32"}, {"counterLow", "uint32"}, {"counterHigh", "uint32"}}
	dropout := name == "dropout"
	if dropout {
		args = append(args, param{"x", "*float32"}, param{"rate", "float32"}, param{"scale", "float32"})
	}
	f := function(a, g, name+neon.suffix, doc, args, nil)
	spread := func(from string, r int) {
		a.op("MOVWU", f.at(from), "R2")
		a.op("VDUP", "R2", fmt.Sprintf("V%d.S4", r))
	}
	constant := func(bits uint32, r int) { a.op("FMOVQ", table.inRegister(bits), fmt.Sprintf("F%d", r)) }
	const base = 14
	a.op("MOVD", f.at("dst"), "R0")
	a.op("MOVD", f.at("turns"), "R1")
	a.op("MOVD", "$constant<>(SB)", constantsReg)
	a.op("MOVD", "$laneCounter<>(SB)", "R3")
	a.op("FMOVQ", "(R3)", "F4")
	spread("counterLow", base)
	a.word("ADD", base, base, 4)
	constant(0xd2511f53, 15)
	constant(0xcd9e8d57, 16)
	constant(0x9e3779b9, 17)
	constant(0xbb67ae85, 18)
	constant(0x33800000, 19)
	for i, s := range []string{"counterHigh", "siteLow", "siteHigh", "keyLow", "keyHigh"} {
		spread(s, 20+i)
	}
	constant(4, 25)
	if dropout {
		a.op("MOVD", f.at("x"), "R4")
		a.op("FMOVS", f.at("rate"), "F26")
		broadcast(a, 26)
		a.op("FMOVS", f.at("scale"), "F27")
		broadcast(a, 27)
	}
	// product leaves the low halves of x times a constant in low, the high ones
	// in high.
	product := func(x, constant, low, high, spare int) {
		a.word("UMULL", high, x, constant)
		a.word("UMULL2", spare, x, constant)
		a.word("UZP2", high, high, spare)
		a.word("MUL", low, x, constant)
	}
	a.op("CBZ", "R1", "done")
	a.label("loop")
	a.copyWord(0, base)
	a.copyWord(1, 20)
	a.copyWord(2, 21)
	a.copyWord(3, 22)
	a.copyWord(12, 23)
	a.copyWord(13, 24)
	for round := range 10 {
		product(0, 15, 4, 5, 6)
		product(2, 16, 7, 8, 9)
		a.word("EOR", 0, 8, 1)
		a.word("EOR", 0, 0, 12)
		a.word("EOR", 2, 5, 3)
		a.word("EOR", 2, 2, 13)
		a.copyWord(1, 7)
		a.copyWord(3, 4)
		if round < 9 {
			a.word("ADD", 12, 12, 17)
			a.word("ADD", 13, 13, 18)
		}
	}
	for r := range 4 {
		a.shiftWord("USHR", r, r, 8)
		a.word1("SCVTF", r, r)
		a.word("FMUL", r, r, 19)
	}
	if dropout {
		a.op("VLD4.P", "64(R4)", "[V4.S4, V5.S4, V6.S4, V7.S4]")
		for r := range 4 {
			a.word("FCMGE", r, r, 26)
			a.word("FMUL", 4+r, 4+r, 27)
			a.word("AND", r, r, 4+r)
		}
	}
	a.op("VST4.P", "[V0.S4, V1.S4, V2.S4, V3.S4]", "64(R0)")
	a.word("ADD", base, base, 25)
	a.op("SUBS", "$1", "R1", "R1")
	a.op("BNE", "loop")
	a.label("done")
	a.op("RET")
}

func writeNEONUniform(a *assembly, g *declarations, table *constantTable) {
	writeNEONPhilox(a, g, table, "uniform",
		"dst[4i+j] = word j of Philox(key, {counter+i, site}) >> 8 · 2⁻²⁴ for i < 4·turns, while counterLow does not overflow")
	writeNEONPhilox(a, g, table, "dropout",
		"dst = x·scale where the number that uniform draws is at least rate, else 0")
	a.WriteString("\n// the counters of the lanes\n")
	for l := range 4 {
		fmt.Fprintf(a, "DATA laneCounter<>+%d(SB)/4, $%d\n", 4*l, l)
	}
	a.WriteString("GLOBL laneCounter<>(SB), RODATA|NOPTR, $16\n")
}

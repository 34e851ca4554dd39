package main

import "slices"

// latency is how many cycles a result takes, roughly: it only decides the order.
func (in *inst) latency() int {
	switch in.op {
	case "load":
		return 8
	case "VDIVPS", "VSQRTPS":
		return 14
	case "store", "VPAND", "VPOR", "VPXOR", "VPADDD", "VPSUBD", "VPSLLD", "VPSRLD", "VPSRAD", "choose":
		return 1
	}
	return 4
}

// schedule sorts the instructions by how long it takes from each to the end, so
// that independent chains of a body run side by side and short ones start late.
// Loads of a body come before its stores, so slices may be the same.
func (b *body) schedule() {
	left := map[*inst]int{}   // cycles from the start of an instruction
	after := map[*value]int{} // and from when a value is there
	for _, in := range slices.Backward(b.insts) {
		left[in] = in.latency()
		if in.dst != nil {
			left[in] += after[in.dst]
		}
		for _, v := range in.args {
			after[v] = max(after[v], left[in])
		}
	}
	slices.SortStableFunc(b.insts, func(x, y *inst) int { return left[y] - left[x] })
	for i, in := range b.insts {
		for _, v := range in.args {
			v.last = i
		}
	}
}

package kernel

func rangeOver(lanes int, f func(x *float32, n int, lo, hi *float32, top *uint32)) func(x []float32) (lo, hi float32, top uint32) {
	return func(x []float32) (lo, hi float32, top uint32) {
		whole := len(x) / lanes * lanes
		lo, hi, top = rangeOfGo(x[whole:])
		if whole == 0 {
			return lo, hi, top
		}
		var least, most [16]float32
		var bits [16]uint32
		f(&x[0], whole, &least[0], &most[0], &bits[0])
		for i := range lanes {
			lo, hi, top = min(lo, least[i]), max(hi, most[i]), max(top, bits[i])
		}
		return lo, hi, top
	}
}

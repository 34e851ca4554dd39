package kernel

// Saturate runs k steps of the set's register tile on operands that never leave
// the first cache lines, as many fused multiply–adds a second as a core can do,
// and gives their number. It measures the limit that products are held against.
func (s *Set) Saturate(k int) (multiplyAdds int) {
	t := s.tiles
	line := make([]float32, max(t.rows, t.width)+lineFloats)
	c := make([]float32, t.rows*t.width)
	t.tile(t.rows, t.width, k, line, 0, 0, line, 0, nil, 0, c, t.width, ahead{})
	return k * t.rows * t.width
}

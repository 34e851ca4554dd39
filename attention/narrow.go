package attention

import (
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
)

// fewRows is how many rows multiply a tile of a cache as it is, one by one, which
// reads it once from memory and then from near; for more, rows go together over
// the tile in float32. The chains are the same.
const fewRows = 4

// dot is bank's. In int8 the products of whole numbers are multiplied by the
// key's scale.
func (m *cache) dot(b *block, q kernel.View, t, lo, width int, x []float32, s *scratch) {
	p, w := m.history[b.seq].pages[t], s.w
	switch {
	case b.rows > fewRows:
		w.dot(b, q, m.plainKeys(p, b.kvhead, s), lo, width, x)
	case m.kept == nn.CacheFloat32:
		dotRows(b, q, m.dk, width, x, w.set.RowPlain, keysIn[float32](m, p, b.kvhead)[lo:], p.room, valuesIn[float32](m, p, b.kvhead))
	case m.kept == nn.CacheBFloat16:
		dotRows(b, q, m.dk, width, x, w.set.RowPlainBF16, keysIn[uint16](m, p, b.kvhead)[lo:], p.room, valuesIn[uint16](m, p, b.kvhead))
	default:
		dotRows(b, q, m.dk, width, x, w.set.RowPlainInt8, keysIn[int8](m, p, b.kvhead)[lo:], p.room, valuesIn[int8](m, p, b.kvhead))
	}
	if m.kept == nn.CacheInt8 {
		_, keys := m.scales(p, b.kvhead)
		for r := range b.rows {
			c := x[r*width : (r+1)*width]
			w.set.Mul(c, c, keys[lo:lo+width])
		}
	}
}

// dotRows multiplies the queries of a block by keys, rows ascending, since each
// writes beyond its end; the first fetches next.
func dotRows[T stored](b *block, q kernel.View, dk, width int, x []float32,
	product func(n int, a []float32, b []T, bs int, c []float32, accumulate bool, next []T), keys []T, room int, next []T) {
	for r := range b.rows {
		product(width, q.Data[r*q.RowStride:][:dk], keys, room, x[r*width:], false, next)
		next = nil
	}
}

// mix is bank's. In int8 the weights are multiplied by the values' scales first.
func (m *cache) mix(b *block, x []float32, t, lo, width int, mix []float32, s *scratch) {
	p, w := m.history[b.seq].pages[t], s.w
	if m.kept == nn.CacheInt8 {
		values, _ := m.scales(p, b.kvhead)
		for r := range b.rows {
			c := x[r*width : (r+1)*width]
			w.set.Mul(c, c, values[lo:lo+width])
		}
	}
	after := p // the page whose keys are likely to come next
	if t+1 < len(m.history[b.seq].pages) {
		after = m.history[b.seq].pages[t+1]
	}
	switch {
	case b.rows > fewRows || b.rows > 1 && m.dv%16 != 0: // a row must not write into the next
		w.mix(b, x, m.plainValues(p, b.kvhead, t, b.seq, s), lo, width, mix)
	case m.kept == nn.CacheFloat32:
		mixRows(b, x, width, mix, m.dv, w.set.RowPlain, valuesIn[float32](m, p, b.kvhead)[lo*m.dv:], keysIn[float32](m, after, b.kvhead))
	case m.kept == nn.CacheBFloat16:
		mixRows(b, x, width, mix, m.dv, w.set.RowPlainBF16, valuesIn[uint16](m, p, b.kvhead)[lo*m.dv:], keysIn[uint16](m, after, b.kvhead))
	default:
		mixRows(b, x, width, mix, m.dv, w.set.RowPlainInt8, valuesIn[int8](m, p, b.kvhead)[lo*m.dv:], keysIn[int8](m, after, b.kvhead))
	}
}

// mixRows adds to the mix of each row of a block the values that it weighs; the
// first fetches next.
func mixRows[T stored](b *block, x []float32, width int, mix []float32, dv int,
	product func(n int, a []float32, b []T, bs int, c []float32, accumulate bool, next []T), values, next []T) {
	for r := range b.rows {
		product(dv, x[r*width:][:width], values, dv, mix[r*dv:], true, next)
		next = nil
	}
}

// plainKeys is the keys of a head of a page in float32, [Dk, room], without their
// scales.
func (m *cache) plainKeys(p *page, head int, s *scratch) kernel.View {
	v := kernel.View{RowStride: p.room, ColStride: 1}
	n := m.dk * p.room
	switch m.kept {
	case nn.CacheFloat32:
		v.Data = keysIn[float32](m, p, head)
	case nn.CacheBFloat16:
		v.Data = s.wide[:n]
		s.w.set.BF16ToF32(v.Data, keysIn[uint16](m, p, head))
	default:
		v.Data = s.wide[:n]
		s.w.set.Int8ToF32(v.Data, keysIn[int8](m, p, head))
	}
	return v
}

// plainValues is the values of a head of page t of a sequence in float32, without
// their scales.
func (m *cache) plainValues(p *page, head, t, seq int, s *scratch) kernel.View {
	v := kernel.View{RowStride: m.dv, ColStride: 1}
	n := min(Tile, m.history[seq].rows-t*Tile) * m.dv
	switch m.kept {
	case nn.CacheFloat32:
		v.Data = valuesIn[float32](m, p, head)
	case nn.CacheBFloat16:
		v.Data = s.wide
		s.w.set.BF16ToF32(v.Data[:n], valuesIn[uint16](m, p, head)[:n])
	default:
		v.Data = s.wide
		s.w.set.Int8ToF32(v.Data[:n], valuesIn[int8](m, p, head)[:n])
	}
	return v
}

// keys is bank's.
func (m *cache) keys(seq, head, t int, s *scratch) kernel.View {
	p := m.history[seq].pages[t]
	v := m.plainKeys(p, head, s)
	if m.kept == nn.CacheInt8 {
		_, keys := m.scales(p, head)
		for d := range m.dk {
			row := v.Data[d*p.room:][:p.room]
			s.w.set.Mul(row, row, keys)
		}
	}
	return v
}

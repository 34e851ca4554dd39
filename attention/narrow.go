package attention

import (
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
)

// fewRows is how many rows multiply a tile that is kept in a narrow type as it is;
// for more it is widened first. The chains are the same.
const fewRows = 2

// dot is bank's. In int8 the products of whole numbers are multiplied by the
// key's scale.
func (m *cache) dot(b *block, q kernel.View, t, lo, width int, x []float32, s *scratch) {
	p, w := m.history[b.seq].pages[t], s.w
	row := func(r int) ([]float32, []float32) { return q.Data[r*q.RowStride:][:m.dk], x[r*width:] }
	switch {
	case m.kept == nn.CacheFloat32:
		w.dot(b, q, m.plainKeys(p, b.kvhead, s), lo, width, x, valuesIn[float32](m, p, b.kvhead))
	case b.rows > fewRows:
		w.dot(b, q, m.plainKeys(p, b.kvhead, s), lo, width, x, nil)
	case m.kept == nn.CacheBFloat16:
		for r := range b.rows {
			a, c := row(r)
			w.set.RowPlainBF16(width, a, keysIn[uint16](m, p, b.kvhead)[lo:], p.room, c, false, valuesIn[uint16](m, p, b.kvhead))
		}
	default:
		for r := range b.rows {
			a, c := row(r)
			w.set.RowPlainInt8(width, a, keysIn[int8](m, p, b.kvhead)[lo:], p.room, c, false, valuesIn[int8](m, p, b.kvhead))
		}
	}
	if m.kept == nn.CacheInt8 {
		_, keys := m.scales(p, b.kvhead)
		for r := range b.rows {
			c := x[r*width : (r+1)*width]
			w.set.Mul(c, c, keys[lo:lo+width])
		}
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
	case m.kept == nn.CacheFloat32:
		w.mix(b, x, m.plainValues(p, b.kvhead, t, b.seq, s), lo, width, mix, keysIn[float32](m, after, b.kvhead))
	case b.rows > 1:
		w.mix(b, x, m.plainValues(p, b.kvhead, t, b.seq, s), lo, width, mix, nil)
	case m.kept == nn.CacheBFloat16:
		w.set.RowPlainBF16(m.dv, x[:width], valuesIn[uint16](m, p, b.kvhead)[lo*m.dv:], m.dv, mix, true, keysIn[uint16](m, after, b.kvhead))
	default:
		w.set.RowPlainInt8(m.dv, x[:width], valuesIn[int8](m, p, b.kvhead)[lo*m.dv:], m.dv, mix, true, keysIn[int8](m, after, b.kvhead))
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

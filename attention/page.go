package attention

import (
	"unsafe"

	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
)

// page is one tile of keys and values of all heads. It has room for fewer keys
// than a tile while a sequence is short.
//
// Its memory holds values [heads, room, Dv], then keys [heads, Dk, room], in the
// cache's type, and in int8 two numbers for each head and key: what its value is
// to be multiplied by, [heads, room], and its key.
type page struct {
	data []float32
	room int
	refs int // histories that hold it
}

// stored are the types of numbers in a page.
type stored interface{ float32 | uint16 | int8 }

// width is the bytes of a number in a page.
func (m *cache) width() int { return [...]int{4, 2, 1}[m.kept] }

// page is a new page with room for n keys or a few more.
func (m *cache) page(n int) *page {
	n = room(n)
	floats := m.heads * n * (m.dk + m.dv) * m.width() / 4 // n is a multiple of 16
	if m.kept == nn.CacheInt8 {
		floats += 2 * m.heads * n
	}
	return &page{data: m.dev.Alloc(floats), room: n, refs: 1}
}

// numbers is the memory of a page as numbers of a type.
func numbers[T stored](p *page) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(p.data))), 4*len(p.data)/int(unsafe.Sizeof(*new(T))))
}

// keysIn is the keys of a head, [Dk, room].
func keysIn[T stored](m *cache, p *page, head int) []T {
	at := (m.heads*m.dv + head*m.dk) * p.room
	return numbers[T](p)[at : at+m.dk*p.room]
}

// valuesIn is the values of a head, [room, Dv], and what stands behind them.
func valuesIn[T stored](m *cache, p *page, head int) []T {
	return numbers[T](p)[head*m.dv*p.room:]
}

// scales is what the values and the keys of a head in int8 are to be multiplied
// by, [room] each.
func (m *cache) scales(p *page, head int) (values, keys []float32) {
	s := p.data[len(p.data)-2*m.heads*p.room:]
	return s[head*p.room:][:p.room], s[(m.heads+head)*p.room:][:p.room]
}

// copyPage copies the first used keys of a page to another.
func copyPage[T stored](m *cache, to, from *page, used int) {
	for head := range m.heads {
		a, b := keysIn[T](m, to, head), keysIn[T](m, from, head)
		for d := range m.dk {
			copy(a[d*to.room:], b[d*from.room:][:used])
		}
		copy(valuesIn[T](m, to, head), valuesIn[T](m, from, head)[:used*m.dv])
	}
}

// grown is a page with room for n keys that begins with the used keys of old.
func (m *cache) grown(old *page, used, n int) *page {
	p := m.page(n)
	switch m.kept {
	case nn.CacheBFloat16:
		copyPage[uint16](m, p, old, used)
	case nn.CacheInt8:
		copyPage[int8](m, p, old, used)
		for head := range m.heads {
			v, k := m.scales(p, head)
			oldV, oldK := m.scales(old, head)
			copy(v, oldV[:used])
			copy(k, oldK[:used])
		}
	default:
		copyPage[float32](m, p, old, used)
	}
	return p
}

// write sets row at of a history; k is [heads·Dk], v is [heads·Dv]. spare is
// scratch for a head of either.
func (m *cache) write(h *history, at int, k, v []float32, spare *[]float32) {
	p, j := h.pages[at/Tile], at%Tile
	*spare = (*spare)[:0]
	for len(*spare) < max(m.dk, m.dv) {
		*spare = append(*spare, 0)
	}
	for head := range m.heads {
		key, value := k[head*m.dk:(head+1)*m.dk], v[head*m.dv:(head+1)*m.dv]
		switch m.kept {
		case nn.CacheBFloat16:
			half := unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(*spare))), m.dk)
			m.dev.Kernels().F32ToBF16(half, key)
			setColumn(keysIn[uint16](m, p, head)[j:], p.room, half)
			m.dev.Kernels().F32ToBF16(valuesIn[uint16](m, p, head)[j*m.dv:][:m.dv], value)
		case nn.CacheInt8:
			small := unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(*spare))), m.dk)
			values, keys := m.scales(p, head)
			keys[j] = kernel.QuantizeRow(small, key)
			setColumn(keysIn[int8](m, p, head)[j:], p.room, small)
			values[j] = kernel.QuantizeRow(valuesIn[int8](m, p, head)[j*m.dv:][:m.dv], value)
		default:
			setColumn(keysIn[float32](m, p, head)[j:], p.room, key)
			copy(valuesIn[float32](m, p, head)[j*m.dv:], value)
		}
	}
}

// setColumn writes x downwards, one element every stride.
func setColumn[T stored](dst []T, stride int, x []T) {
	for d, v := range x {
		dst[d*stride] = v
	}
}

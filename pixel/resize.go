package pixel

import "fmt"

// Resize returns the picture at another size, to the bit as Pillow's
// Image.resize. Columns first, then rows, each rounded to 8 bits.
func (m *Image) Resize(width, height int, f Filter) (*Image, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	if width < 1 || height < 1 {
		return nil, fmt.Errorf("cannot resize to %d × %d pixels", width, height)
	}
	if !f.known() {
		return nil, fmt.Errorf("unknown filter %d", int(f))
	}
	if f == Nearest {
		return m.nearest(width, height), nil
	}
	if width != m.Width {
		m = m.resizeRows(newTaps(m.Width, width, f))
	}
	if height != m.Height {
		m = m.resizeColumns(newTaps(m.Height, height, f))
	}
	return m, nil
}

// nearest picks the source pixels under the new ones' centres.
func (m *Image) nearest(width, height int) *Image {
	columns, rows := nearestIndices(m.Width, width), nearestIndices(m.Height, height)
	out := NewImage(width, height, m.Channels)
	i := 0
	for _, y := range rows {
		for _, x := range columns {
			from := (y*m.Width + x) * m.Channels
			i += copy(out.Pix[i:i+m.Channels], m.Pix[from:])
		}
	}
	return out
}

// nearestIndices returns for each of n pixels the one of size that it shows. The
// coordinate is summed up step by step, as Pillow does it: at ties the rounding
// of the sum decides.
func nearestIndices(size, n int) []int {
	scale := float64(size) / float64(n)
	indices := make([]int, n)
	at := scale * 0.5
	for i := range indices {
		indices[i] = min(int(at), size-1)
		at += scale
	}
	return indices
}

// weightBits is the precision of 8-bit resampling: weights are whole multiples
// of 2⁻²².
const weightBits = 32 - 8 - 2

// taps says which source pixels make a new one: pixel i is the sum of
// weights[i][k] · source[first[i]+k].
type taps struct {
	first   []int
	weights [][]int32
}

// newTaps returns the weights that bring a line of size pixels to n.
func newTaps(size, n int, f Filter) taps {
	t := taps{make([]int, n), make([][]int32, n)}
	scale := float64(size) / float64(n)
	widen := max(scale, 1)
	support := float64(f.support() * widen)
	narrow := 1 / widen
	var w []float64
	for i := range n {
		centre := (float64(i) + 0.5) * scale
		first := max(int(float64(centre)-support+0.5), 0)
		end := min(int(float64(centre)+support+0.5), size)
		w = w[:0]
		sum := 0.0
		for x := first; x < end; x++ {
			v := f.at(float64((float64(x) - float64(centre) + 0.5) * narrow))
			w = append(w, v)
			sum += v
		}
		t.first[i] = first
		t.weights[i] = make([]int32, len(w))
		for k, v := range w {
			t.weights[i][k] = fixed(v / sum)
		}
	}
	return t
}

// fixed rounds v · 2²² to the nearest integer, halves away from zero.
func fixed(v float64) int32 {
	v = float64(v * (1 << weightBits))
	if v < 0 {
		return int32(v - 0.5)
	}
	return int32(v + 0.5)
}

// round8 brings a sum of weighted samples, with half a unit added, to 8 bits.
func round8(sum int32) byte { return clip(int(sum >> weightBits)) }

// resizeRows resizes each row.
func (m *Image) resizeRows(t taps) *Image {
	c := m.Channels
	out := NewImage(len(t.first), m.Height, c)
	i := 0
	for y := range m.Height {
		row := m.Pix[y*m.Width*c:][:m.Width*c]
		for x, first := range t.first {
			for channel := range c {
				sum := int32(1) << (weightBits - 1)
				at := first*c + channel
				for _, w := range t.weights[x] {
					sum += w * int32(row[at])
					at += c
				}
				out.Pix[i] = round8(sum)
				i++
			}
		}
	}
	return out
}

// resizeColumns resizes each column, a whole row at a time.
func (m *Image) resizeColumns(t taps) *Image {
	stride := m.Width * m.Channels
	out := NewImage(m.Width, len(t.first), m.Channels)
	sums := make([]int32, stride)
	for y, first := range t.first {
		for i := range sums {
			sums[i] = 1 << (weightBits - 1)
		}
		for k, w := range t.weights[y] {
			for i, v := range m.Pix[(first+k)*stride:][:stride] {
				sums[i] += w * int32(v)
			}
		}
		for i, sum := range sums {
			out.Pix[y*stride+i] = round8(sum)
		}
	}
	return out
}

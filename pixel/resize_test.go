package pixel

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
)

func randomImage(r *rand.Rand, width, height, channels int) *Image {
	m := NewImage(width, height, channels)
	for i := range m.Pix {
		m.Pix[i] = byte(r.Uint32())
	}
	return m
}

// weighted resizes a picture by the definition: each pixel the weighted mean of
// all, in float64 and without a rounding between the two directions.
func weighted(m *Image, width, height int, f Filter) []float64 {
	weight := func(i, n, x, size int) float64 {
		scale := float64(size) / float64(n)
		return f.at((float64(x) + 0.5 - (float64(i)+0.5)*scale) / max(scale, 1))
	}
	var out []float64
	for y := range height {
		for x := range width {
			for c := range m.Channels {
				sum, total := 0.0, 0.0
				for sy := range m.Height {
					wy := weight(y, height, sy, m.Height)
					for sx := range m.Width {
						w := wy * weight(x, width, sx, m.Width)
						total += w
						sum += w * float64(m.Pix[(sy*m.Width+sx)*m.Channels+c])
					}
				}
				out = append(out, min(max(sum/total, 0), 255))
			}
		}
	}
	return out
}

// Resizing is the weighted mean of the filter, up to the two roundings.
func TestResizeIsTheWeightedMean(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		m := randomImage(r, 1+r.IntN(12), 1+r.IntN(12), 1+2*r.IntN(2))
		// The centre of the picture, where nothing is cut off by the range that
		// a clipped intermediate would change.
		for i := range m.Pix {
			m.Pix[i] = m.Pix[i]/2 + 64
		}
		w, h := 1+r.IntN(16), 1+r.IntN(16)
		for _, f := range []Filter{Lanczos, Bilinear, Bicubic, Hamming} {
			have, err := m.Resize(w, h, f)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range weighted(m, w, h, f) {
				if d := math.Abs(float64(have.Pix[i]) - want); d > 1.5 {
					t.Fatalf("%v, %d × %d to %d × %d, sample %d: have %d, want %.2f", f, m.Width, m.Height, w, h, i, have.Pix[i], want)
				}
			}
		}
	}
}

// A box that halves a picture takes the mean of four, rounded twice.
func TestResizeBox(t *testing.T) {
	m := &Image{4, 2, 1, []byte{10, 20, 30, 41, 50, 60, 70, 80}}
	have, err := m.Resize(2, 1, Box)
	if err != nil {
		t.Fatal(err)
	}
	if want := []byte{35, 56}; !bytes.Equal(have.Pix, want) { // (15+55)/2, (36+75)/2
		t.Errorf("have %v, want %v", have.Pix, want)
	}
}

// A picture of one colour keeps it, at every size and with every filter; a
// picture of the same size is a copy.
func TestResizeKeeps(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for f := Nearest; f <= Hamming; f++ {
		for range 20 {
			flat := NewImage(1+r.IntN(40), 1+r.IntN(40), 3)
			colour := []byte{byte(r.Uint32()), byte(r.Uint32()), 255}
			for i := range flat.Pix {
				flat.Pix[i] = colour[i%3]
			}
			out, err := flat.Resize(1+r.IntN(60), 1+r.IntN(60), f)
			if err != nil {
				t.Fatal(err)
			}
			for i, have := range out.Pix {
				if have != colour[i%3] {
					t.Fatalf("%v: colour %v became %d", f, colour, have)
				}
			}
			m := randomImage(r, 1+r.IntN(9), 1+r.IntN(9), 1)
			same, err := m.Resize(m.Width, m.Height, f)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(same.Pix, m.Pix) {
				t.Errorf("%v: the same size changed the picture", f)
			}
		}
	}
}

func TestNearest(t *testing.T) {
	m := &Image{3, 1, 1, []byte{1, 2, 3}}
	for _, c := range []struct {
		width int
		want  []byte
	}{{1, []byte{2}}, {2, []byte{1, 3}}, {6, []byte{1, 1, 2, 2, 3, 3}}} {
		have, err := m.Resize(c.width, 1, Nearest)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have.Pix, c.want) {
			t.Errorf("width %d: have %v, want %v", c.width, have.Pix, c.want)
		}
	}
}

func TestResizeRefuses(t *testing.T) {
	good := NewImage(2, 2, 1)
	for name, resize := range map[string]func() (*Image, error){
		"no width":      func() (*Image, error) { return good.Resize(0, 1, Box) },
		"filter":        func() (*Image, error) { return good.Resize(1, 1, 6) },
		"empty":         func() (*Image, error) { return (&Image{Channels: 3}).Resize(1, 1, Box) },
		"two channels":  func() (*Image, error) { return NewImage(1, 1, 2).Resize(1, 1, Box) },
		"too few bytes": func() (*Image, error) { return (&Image{2, 2, 1, []byte{1}}).Resize(1, 1, Box) },
	} {
		if _, err := resize(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestGrey(t *testing.T) {
	m := &Image{4, 1, 3, []byte{255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255}}
	if have, want := m.Grey().Pix, []byte{76, 150, 29, 255}; !bytes.Equal(have, want) {
		t.Errorf("have %v, want %v", have, want)
	}
	r := rand.New(rand.NewPCG(5, 6))
	grey := randomImage(r, 7, 5, 1)
	if !bytes.Equal(grey.RGB().Grey().Pix, grey.Pix) {
		t.Error("grey does not come back from colour")
	}
}

func BenchmarkResize(b *testing.B) {
	m := randomImage(rand.New(rand.NewPCG(7, 8)), 640, 480, 3)
	b.SetBytes(int64(len(m.Pix)))
	for b.Loop() {
		if _, err := m.Resize(224, 224, Bicubic); err != nil {
			b.Fatal(err)
		}
	}
}

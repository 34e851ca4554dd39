// Package pixel turns pictures into a model's rows: it decodes PNG and JPEG,
// resizes and normalises as Hugging Face's image processors do.
//
// The arithmetic is Pillow's, which those processors stand on: a picture that
// is resized and normalised here has the same bytes and the same float32
// numbers. A picture becomes one row per pixel, channels last: [H·W, C].
package pixel

import "fmt"

// Image is a picture of 8-bit grey (1 channel) or red, green, blue (3 channels).
type Image struct {
	Width, Height int
	Channels      int    // 1 or 3
	Pix           []byte // [Height, Width, Channels]
}

// NewImage returns a black picture.
func NewImage(width, height, channels int) *Image {
	return &Image{width, height, channels, make([]byte, width*height*channels)}
}

// check returns an error unless the picture has a size, one or three channels
// and as many bytes as they need.
func (m *Image) check() error {
	switch {
	case m.Width < 1 || m.Height < 1:
		return fmt.Errorf("picture of %d × %d pixels is empty", m.Width, m.Height)
	case m.Channels != 1 && m.Channels != 3:
		return fmt.Errorf("picture has %d channels, want 1 or 3", m.Channels)
	case len(m.Pix)%m.Channels != 0 || len(m.Pix)/m.Channels/m.Width != m.Height || len(m.Pix) != m.Width*m.Height*m.Channels:
		return fmt.Errorf("picture of %d × %d pixels and %d channels has %d bytes", m.Width, m.Height, m.Channels, len(m.Pix))
	}
	return nil
}

// RGB returns the picture with three channels; grey is repeated.
func (m *Image) RGB() *Image {
	if m.Channels == 3 {
		return m
	}
	out := NewImage(m.Width, m.Height, 3)
	for i, g := range m.Pix {
		out.Pix[3*i], out.Pix[3*i+1], out.Pix[3*i+2] = g, g, g
	}
	return out
}

// Grey returns the picture with one channel, the luma of ITU-R 601-2:
// L = 0.299 R + 0.587 G + 0.114 B, in Pillow's 16-bit fixed point.
func (m *Image) Grey() *Image {
	if m.Channels == 1 {
		return m
	}
	out := NewImage(m.Width, m.Height, 1)
	for i := range out.Pix {
		r, g, b := uint32(m.Pix[3*i]), uint32(m.Pix[3*i+1]), uint32(m.Pix[3*i+2])
		out.Pix[i] = byte((19595*r + 38470*g + 7471*b + 1<<15) >> 16)
	}
	return out
}

// clip limits v to 0…255.
func clip(v int) byte { return byte(min(max(v, 0), 255)) }

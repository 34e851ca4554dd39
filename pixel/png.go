package pixel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
)

// decodePNG decodes a PNG file. Deflate makes at most 1032 bytes of one, and a
// byte holds at most 8 pixels.
func decodePNG(b []byte, l Limits) (*Image, error) {
	config, err := png.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	if err := checkSize(config, l, 1032*8*len(b)); err != nil {
		return nil, err
	}
	m, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	if p, ok := m.(*image.Paletted); ok {
		return upright(fromPalette(p, len(pngChunk(b, "PLTE"))/3), exifOrientation(pngChunk(b, "eXIf"))), nil
	}
	depth, colour := b[24], b[25] // of the header chunk, which comes first
	return upright(fromPNG(m, depth == 16 && colour == 0), exifOrientation(pngChunk(b, "eXIf"))), nil
}

// pngChunk returns the contents of a file's first chunk of that name, nil if
// there is none.
func pngChunk(b []byte, name string) []byte {
	for b = b[8:]; len(b) >= 12; {
		size := uint64(binary.BigEndian.Uint32(b))
		if size > uint64(len(b)-12) {
			return nil
		}
		if string(b[4:8]) == name {
			return b[8 : 8+size]
		}
		b = b[12+size:]
	}
	return nil
}

// fromPNG takes the 8-bit samples out of what the standard library decodes.
// Where Pillow's conversion of 16 bits keeps the high byte, that of grey without
// alpha (grey16) clips at 255 instead.
func fromPNG(m image.Image, grey16 bool) *Image {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	switch m := m.(type) {
	case *image.Gray:
		return packed(w, h, 1, m.Pix, m.Stride, 1)
	case *image.RGBA:
		return packed(w, h, 3, m.Pix, m.Stride, 4)
	case *image.NRGBA:
		return packed(w, h, 3, m.Pix, m.Stride, 4)
	case *image.RGBA64:
		return packed(w, h, 3, m.Pix, m.Stride, 8)
	case *image.NRGBA64:
		if grey16 { // with a transparent level
			return clipped(w, h, m.Pix, m.Stride, 8)
		}
		return packed(w, h, 3, m.Pix, m.Stride, 8)
	case *image.Gray16:
		return clipped(w, h, m.Pix, m.Stride, 2)
	}
	panic(fmt.Sprintf("pixel: image/png returned %T", m))
}

// packed takes the first channels samples of each pixel of step bytes. Samples
// of 16 bits (a step of 8) give their high byte.
func packed(w, h, channels int, pix []byte, stride, step int) *Image {
	out := NewImage(w, h, channels)
	bytesPerSample := 1
	if step == 8 {
		bytesPerSample = 2
	}
	i := 0
	for y := range h {
		row := pix[y*stride:][:w*step]
		for x := range w {
			for c := range channels {
				out.Pix[i] = row[x*step+c*bytesPerSample]
				i++
			}
		}
	}
	return out
}

// clipped takes the first 16-bit sample of each pixel of step bytes, at most 255.
func clipped(w, h int, pix []byte, stride, step int) *Image {
	out := NewImage(w, h, 1)
	for y := range h {
		row := pix[y*stride:][:w*step]
		for x := range w {
			out.Pix[y*w+x] = clip(int(row[x*step])<<8 | int(row[x*step+1]))
		}
	}
	return out
}

// fromPalette looks the colours up; their transparency is dropped. Indices
// beyond the file's entries show as grey (i, i, i).
func fromPalette(m *image.Paletted, entries int) *Image {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	var table [256][3]byte
	for i := range table {
		table[i] = [3]byte{byte(i), byte(i), byte(i)}
		if i < min(entries, len(m.Palette)) {
			table[i] = stored(m.Palette[i])
		}
	}
	out := NewImage(w, h, 3)
	for y := range h {
		for x, index := range m.Pix[y*m.Stride:][:w] {
			copy(out.Pix[3*(y*w+x):], table[index][:])
		}
	}
	return out
}

// stored returns a palette's colour as the file has it, whatever its transparency.
func stored(c color.Color) [3]byte {
	switch c := c.(type) {
	case color.NRGBA:
		return [3]byte{c.R, c.G, c.B}
	case color.RGBA:
		return [3]byte{c.R, c.G, c.B}
	}
	panic(fmt.Sprintf("pixel: image/png returned a palette of %T", c))
}

package pixel

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
)

// decodeJPEG decodes a JPEG file. A block of 8 × 8 samples takes one bit at
// least.
func decodeJPEG(b []byte, l Limits) (*Image, error) {
	config, err := jpeg.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	if err := checkSize(config, l, 8*64*len(b)); err != nil {
		return nil, err
	}
	m, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return upright(fromJPEG(m), jpegOrientation(b)), nil
}

// fromJPEG takes the 8-bit samples out of what the standard library decodes.
func fromJPEG(m image.Image) *Image {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	switch m := m.(type) {
	case *image.Gray:
		return packed(w, h, 1, m.Pix, m.Stride, 1)
	case *image.RGBA: // red, green and blue in the file
		return packed(w, h, 3, m.Pix, m.Stride, 4)
	case *image.CMYK:
		return fromCMYK(m)
	case *image.YCbCr:
		return fromYCbCr(m)
	}
	panic(fmt.Sprintf("pixel: image/jpeg returned %T", m))
}

// fromCMYK mixes inks as Pillow does, without a colour profile:
// R = 255 − K − C·(255 − K)/255.
func fromCMYK(m *image.CMYK) *Image {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	out := NewImage(w, h, 3)
	for y := range h {
		for x := range w {
			ink := m.Pix[y*m.Stride+4*x:][:4]
			white := 255 - int(ink[3])
			for c := range 3 {
				t := int(ink[c])*white + 128
				out.Pix[3*(y*w+x)+c] = clip(white - (t+t>>8)>>8)
			}
		}
	}
	return out
}

// fromYCbCr interpolates the chroma planes to full size and converts the colours
// in libjpeg's 16-bit fixed point.
func fromYCbCr(m *image.YCbCr) *Image {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	across, down := chromaSteps(m.SubsampleRatio)
	cb := upsample(m.Cb, m.CStride, w, h, across, down)
	cr := upsample(m.Cr, m.CStride, w, h, across, down)
	out := NewImage(w, h, 3)
	for y := range h {
		luma := m.Y[y*m.YStride:][:w]
		for x, l := range luma {
			i := y*w + x
			l, b, r := int(l), int(cb[i])-128, int(cr[i])-128
			out.Pix[3*i] = clip(l + (91881*r+1<<15)>>16)
			out.Pix[3*i+1] = clip(l + (-22554*b-46802*r+1<<15)>>16)
			out.Pix[3*i+2] = clip(l + (116130*b+1<<15)>>16)
		}
	}
	return out
}

// chromaSteps returns how many pixels a chroma sample covers.
func chromaSteps(r image.YCbCrSubsampleRatio) (across, down int) {
	switch r {
	case image.YCbCrSubsampleRatio422:
		return 2, 1
	case image.YCbCrSubsampleRatio420:
		return 2, 2
	case image.YCbCrSubsampleRatio440:
		return 1, 2
	case image.YCbCrSubsampleRatio411:
		return 4, 1
	case image.YCbCrSubsampleRatio410:
		return 4, 2
	}
	return 1, 1
}

// upsample returns a chroma plane at full size, [h, w]. As in libjpeg ("fancy
// upsampling"), a sample at half the resolution stands in the middle of two
// pixels, which take three parts of it and one of the neighbour on their side;
// other steps repeat the sample, and so do planes at most two samples wide.
func upsample(plane []byte, stride, w, h, across, down int) []byte {
	cw, ch := (w+across-1)/across, (h+down-1)/down
	out := make([]byte, w*h)
	smooth := down <= 2 && (across == 1 || across == 2 && cw > 2)
	if !smooth || across == 1 && down == 1 {
		for y := range h {
			for x := range w {
				out[y*w+x] = plane[y/down*stride+x/across]
			}
		}
		return out
	}
	sums := make([]int, cw) // of a row, or of 3 parts of it and one of the row on the pixel's side
	for y := range h {
		row := plane[y/down*stride:][:cw]
		line := out[y*w:][:w]
		if down == 1 {
			for x := range sums {
				sums[x] = int(row[x])
			}
			spread(line, sums, 2, 1, 2)
			continue
		}
		side := min(max(y/2-1+y%2*2, 0), ch-1)
		other := plane[side*stride:][:cw]
		for x := range sums {
			sums[x] = 3*int(row[x]) + int(other[x])
		}
		if across == 1 {
			for x, s := range sums {
				line[x] = byte((s + 1 + y%2) >> 2)
			}
		} else {
			spread(line, sums, 4, 8, 7)
		}
	}
	return out
}

// spread makes two pixels of each sum: three parts of it and one of the
// neighbour to the left or right, or of itself at the ends, plus the rounding of
// that side, shifted down.
func spread(line []byte, sums []int, shift, left, right int) {
	last := len(sums) - 1
	for x := range line {
		i := x / 2
		if x%2 == 0 {
			line[x] = byte((3*sums[i] + sums[max(i-1, 0)] + left) >> shift)
		} else {
			line[x] = byte((3*sums[i] + sums[min(i+1, last)] + right) >> shift)
		}
	}
}

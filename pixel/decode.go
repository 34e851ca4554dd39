package pixel

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
)

// Limits bounds what Decode takes. Zero means the default.
type Limits struct {
	Bytes  int64 // of the file; default 256 MiB
	Pixels int   // width × height; default 89,478,485, from where on Pillow warns
}

const (
	defaultBytes  = 256 << 20
	defaultPixels = 89_478_485
)

// Decode reads a PNG or JPEG file as a pipeline of Hugging Face loads it: turned
// upright by its EXIF orientation, transparency dropped (the colour stored under
// it shows), 16-bit samples brought to 8 bits. Grey stays grey.
//
// PNG gives Pillow's pixels exactly. JPEG's chroma is interpolated and converted
// with libjpeg's integers, but the cosine transform is the standard library's,
// whose rounding differs: by up to 3 levels, in the mean by 0.01 to 0.2 (up to 5
// and 0.5 for the rare YCCK, whose chroma the library repeats). Arithmetic coding
// and chroma planes of different sizes are errors.
//
// Sizes are checked before anything is allocated: against the limits, and
// against what a file of that length can hold.
func Decode(r io.Reader, l Limits) (*Image, error) {
	if l.Bytes == 0 {
		l.Bytes = defaultBytes
	}
	if l.Pixels == 0 {
		l.Pixels = defaultPixels
	}
	b, err := io.ReadAll(io.LimitReader(r, l.Bytes+1))
	if err != nil {
		return nil, fmt.Errorf("read picture: %w", err)
	}
	switch {
	case int64(len(b)) > l.Bytes:
		return nil, fmt.Errorf("picture has more than %d bytes", l.Bytes)
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return decodePNG(b, l)
	case bytes.HasPrefix(b, []byte("\xff\xd8")):
		return decodeJPEG(b, l)
	case len(b) == 0:
		return nil, errors.New("picture is empty")
	}
	return nil, errors.New("picture is neither PNG nor JPEG")
}

// checkSize holds a header's size to the limits and to the number of pixels
// that the file can hold at most.
func checkSize(c image.Config, l Limits, capacity int) error {
	switch {
	case c.Width < 1 || c.Height < 1:
		return fmt.Errorf("picture of %d × %d pixels is empty", c.Width, c.Height)
	case c.Width > l.Pixels/c.Height:
		return fmt.Errorf("picture of %d × %d pixels, at most %d pixels are allowed", c.Width, c.Height, l.Pixels)
	case c.Width > capacity/c.Height:
		return fmt.Errorf("picture claims %d × %d pixels, which its file is too short to hold", c.Width, c.Height)
	}
	return nil
}

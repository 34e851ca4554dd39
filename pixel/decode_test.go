package pixel

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

// pngBytes encodes a picture.
func pngBytes(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegBytes(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Every kind of PNG that the standard library writes gives its stored samples.
func TestDecodePNG(t *testing.T) {
	r := image.Rect(0, 0, 5, 3)
	draw := func(m interface {
		image.Image
		Set(x, y int, c color.Color)
	}) image.Image {
		for y := range 3 {
			for x := range 5 {
				m.Set(x, y, color.NRGBA64{uint16(x * 0x1234), uint16(y * 0x2345), uint16(x*y) * 0x321, uint16(0x1111 * (x + y + 1))})
			}
		}
		return m
	}
	palette := color.Palette{color.NRGBA{1, 2, 3, 255}, color.NRGBA{4, 5, 6, 7}, color.NRGBA{8, 9, 10, 0}}
	paletted := image.NewPaletted(r, palette)
	for i := range paletted.Pix {
		paletted.Pix[i] = byte(i % 3)
	}
	grey16 := image.NewGray16(r)
	for i := range 15 {
		binary.BigEndian.PutUint16(grey16.Pix[2*i:], uint16(i*40))
	}
	for name, c := range map[string]struct {
		m    image.Image
		want func(x, y int) [3]byte
	}{
		"NRGBA": {draw(image.NewNRGBA(r)), nil},
		"NRGBA64": {draw(image.NewNRGBA64(r)), func(x, y int) [3]byte {
			return [3]byte{byte(x * 0x1234 >> 8), byte(y * 0x2345 >> 8), byte(x * y * 0x321 >> 8)}
		}},
		"palette": {paletted, func(x, y int) [3]byte { return stored(palette[(5*y+x)%3]) }},
		"Gray16": {grey16, func(x, y int) [3]byte {
			v := byte(min((5*y+x)*40, 255))
			return [3]byte{v, v, v}
		}},
	} {
		m, err := Decode(bytes.NewReader(pngBytes(t, c.m)), Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if grey := name == "Gray16"; m.Width != 5 || m.Height != 3 || grey != (m.Channels == 1) {
			t.Errorf("%s: %d × %d pixels of %d channels", name, m.Width, m.Height, m.Channels)
			continue
		}
		m = m.RGB()
		for y := range 3 {
			for x := range 5 {
				var want [3]byte
				if c.want != nil {
					want = c.want(x, y)
				} else {
					want = stored(c.m.At(x, y))
				}
				if have := [3]byte(m.Pix[3*(5*y+x):]); have != want {
					t.Errorf("%s: pixel %d, %d: have %v, want %v", name, x, y, have, want)
				}
			}
		}
	}
}

// A grey JPEG gives the standard library's samples; a coloured one of a single
// colour gives that colour.
func TestDecodeJPEG(t *testing.T) {
	grey := image.NewGray(image.Rect(0, 0, 19, 11))
	r := rand.New(rand.NewPCG(1, 2))
	for i := range grey.Pix {
		grey.Pix[i] = byte(r.Uint32())
	}
	b := jpegBytes(t, grey)
	want, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	m, err := Decode(bytes.NewReader(b), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for i, have := range m.Pix {
		if w := want.At(i%19, i/19).(color.Gray).Y; have != w {
			t.Fatalf("pixel %d: have %d, want %d", i, have, w)
		}
	}
	for _, size := range []int{1, 2, 3, 4, 5, 8, 17, 33} {
		colour := image.NewRGBA(image.Rect(0, 0, size, size/2+1))
		for i := range colour.Pix {
			colour.Pix[i] = [4]byte{200, 100, 50, 255}[i%4]
		}
		m, err := Decode(bytes.NewReader(jpegBytes(t, colour)), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for i, have := range m.Pix {
			if d := int(have) - int(colour.Pix[i/3*4+i%3]); d < -3 || d > 3 {
				t.Fatalf("width %d, sample %d: have %d, want %d", size, i, have, colour.Pix[i/3*4+i%3])
			}
		}
	}
}

// The worked numbers of libjpeg's interpolation, by hand from its formulas.
func TestUpsample(t *testing.T) {
	for _, c := range []struct {
		name               string
		plane              []byte
		stride             int
		w, h, across, down int
		want               []byte
	}{
		{"none", []byte{1, 2, 9, 3, 4, 9}, 3, 2, 2, 1, 1, []byte{1, 2, 3, 4}},
		{"across", []byte{10, 20, 40, 99}, 4, 5, 1, 2, 1, []byte{10, 13, 17, 25, 35}},
		{"across, even", []byte{10, 20, 40, 99}, 4, 6, 1, 2, 1, []byte{10, 13, 17, 25, 35, 40}},
		{"across, narrow", []byte{10, 20}, 2, 4, 1, 2, 1, []byte{10, 10, 20, 20}},
		{"down", []byte{10, 20, 41}, 1, 1, 6, 1, 2, []byte{10, 13, 17, 25, 36, 41}},
		{"both", []byte{10, 20, 40, 50, 60, 80}, 3, 6, 3, 2, 2, []byte{
			10, 12, 18, 25, 35, 40, // 4·row 0
			20, 22, 28, 35, 45, 50, // 3·row 0 + row 1
			40, 42, 48, 55, 65, 70}}, // 3·row 1 + row 0
		{"a quarter", []byte{10, 20}, 2, 7, 1, 4, 1, []byte{10, 10, 10, 10, 20, 20, 20}},
	} {
		if have := upsample(c.plane, c.stride, c.w, c.h, c.across, c.down); !bytes.Equal(have, c.want) {
			t.Errorf("%s: have %v, want %v", c.name, have, c.want)
		}
	}
}

// Each orientation of a marked picture, written out.
func TestUpright(t *testing.T) {
	m := &Image{3, 2, 1, []byte("abcdef")} // abc over def
	for orientation, want := range []string{
		"abc/def", "abc/def", "cba/fed", "fed/cba", "def/abc", "ad/be/cf", "da/eb/fc", "fc/eb/da", "cf/be/ad", "abc/def",
	} {
		have := upright(m, orientation)
		var rows []string
		for y := range have.Height {
			rows = append(rows, string(have.Pix[y*have.Width:][:have.Width]))
		}
		if text := strings.Join(rows, "/"); text != want {
			t.Errorf("orientation %d: have %s, want %s", orientation, text, want)
		}
	}
	colour := upright(&Image{1, 2, 3, []byte("abcdef")}, 6)
	if string(colour.Pix) != "defabc" || colour.Width != 2 {
		t.Errorf("colour: have %q", colour.Pix)
	}
}

// exif returns a directory with an orientation.
func exif(order binary.AppendByteOrder, orientation uint16) []byte {
	b := []byte("II*\x00")
	if order.String() == "BigEndian" {
		b = []byte("MM\x00*")
	}
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 2)
	for _, entry := range [][2]uint16{{256, 1}, {274, orientation}} {
		b = order.AppendUint16(b, entry[0])
		b = order.AppendUint16(b, 3)
		b = order.AppendUint32(b, 1)
		b = order.AppendUint16(b, entry[1])
		b = order.AppendUint16(b, 0)
	}
	return b
}

func TestOrientationInFiles(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		e := exif(order, 6)
		for n := range e {
			if have := exifOrientation(e[:n]); have != 0 && n < 32 {
				t.Errorf("directory cut at %d gives %d", n, have)
			}
		}
		grey := image.NewGray(image.Rect(0, 0, 4, 2))
		file := pngBytes(t, grey)
		chunk := append([]byte("eXIf"), e...)
		chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk))
		chunk = append(binary.BigEndian.AppendUint32(nil, uint32(len(e))), chunk...)
		withPNG := append(append(bytes.Clone(file[:33]), chunk...), file[33:]...)

		file = jpegBytes(t, grey)
		segment := append([]byte("Exif\x00\x00"), e...)
		segment = append([]byte{0xff, 0xe1, 0, byte(len(segment) + 2)}, segment...)
		withJPEG := append(append(bytes.Clone(file[:2]), segment...), file[2:]...)

		for name, b := range map[string][]byte{"PNG": withPNG, "JPEG": withJPEG} {
			m, err := Decode(bytes.NewReader(b), Limits{})
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if m.Width != 2 || m.Height != 4 {
				t.Errorf("%s, %v: %d × %d pixels, want them turned", name, order, m.Width, m.Height)
			}
		}
	}
}

// claim returns a PNG file of n bytes of compressed data whose header claims a
// size.
func claim(width, height uint32, n int) []byte {
	b := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(name string, content []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(content)))
		body := append([]byte(name), content...)
		b = append(b, body...)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(body))
	}
	header := binary.BigEndian.AppendUint32(nil, width)
	header = binary.BigEndian.AppendUint32(header, height)
	chunk("IHDR", append(header, 8, 2, 0, 0, 0))
	chunk("IDAT", make([]byte, n))
	return b
}

func TestDecodeRefuses(t *testing.T) {
	picture := pngBytes(t, image.NewGray(image.Rect(0, 0, 30, 20)))
	for _, c := range []struct {
		name   string
		file   []byte
		limits Limits
		want   string
	}{
		{"nothing", nil, Limits{}, "picture is empty"},
		{"text", []byte("hello"), Limits{}, "neither PNG nor JPEG"},
		{"signature", picture[:8], Limits{}, "EOF"},
		{"cut", picture[:len(picture)-20], Limits{}, "EOF"},
		{"long", picture, Limits{Bytes: int64(len(picture)) - 1}, "more than"},
		{"large", picture, Limits{Pixels: 599}, "30 × 20 pixels, at most 599"},
		{"bomb", claim(60000, 60000, 9), Limits{}, "60000 × 60000 pixels, at most"},
		{"lie", claim(9000, 9000, 9), Limits{}, "too short to hold"},
		{"no JPEG", []byte("\xff\xd8\xff\xd9"), Limits{}, "JPEG"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Decode(bytes.NewReader(c.file), c.limits)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: have error %v, want %q in it", c.name, err, c.want)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
			t.Errorf("%s: refusing it cost %d bytes", c.name, grown)
		}
	}
	if _, err := Decode(bytes.NewReader(picture), Limits{Bytes: int64(len(picture)), Pixels: 600}); err != nil {
		t.Errorf("a picture of just the allowed size: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	grey := image.NewGray(image.Rect(0, 0, 7, 5))
	colour := image.NewRGBA(image.Rect(0, 0, 9, 6))
	for _, m := range []image.Image{grey, colour, image.NewPaletted(grey.Rect, color.Palette{color.Black, color.White})} {
		f.Add(pngBytes(f, m))
		f.Add(jpegBytes(f, m))
	}
	f.Add(claim(8, 8, 30))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Decode(bytes.NewReader(b), Limits{Pixels: 1 << 20})
		if err != nil {
			return
		}
		if err := m.check(); err != nil {
			t.Fatal(err)
		}
	})
}

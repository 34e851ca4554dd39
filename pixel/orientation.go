package pixel

import (
	"bytes"
	"encoding/binary"
)

// upright turns a picture as EXIF's orientation asks:
//
//	1 as it is           5 mirrored along the main diagonal
//	2 mirrored sideways  6 turned clockwise
//	3 turned half round  7 mirrored along the other diagonal
//	4 mirrored upside    8 turned counter-clockwise
//
// Any other value leaves it as it is.
func upright(m *Image, orientation int) *Image {
	if orientation < 2 || orientation > 8 {
		return m
	}
	out := NewImage(m.Width, m.Height, m.Channels)
	if orientation >= 5 {
		out.Width, out.Height = m.Height, m.Width
	}
	for y := range out.Height {
		for x := range out.Width {
			fromX, fromY := x, y
			if orientation >= 5 {
				fromX, fromY = y, x
			}
			if orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8 {
				fromX = m.Width - 1 - fromX
			}
			if orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7 {
				fromY = m.Height - 1 - fromY
			}
			from := (fromY*m.Width + fromX) * m.Channels
			copy(out.Pix[(y*out.Width+x)*m.Channels:][:m.Channels], m.Pix[from:])
		}
	}
	return out
}

// jpegOrientation returns the orientation that a JPEG file's EXIF segment gives,
// 0 if there is none or it is broken.
func jpegOrientation(b []byte) int {
	const app1, startOfScan = 0xe1, 0xda
	for b = b[2:]; len(b) >= 4 && b[0] == 0xff && b[1] != startOfScan; {
		if b[1] == 0xff { // fill before a marker
			b = b[1:]
			continue
		}
		size := int(binary.BigEndian.Uint16(b[2:]))
		if size < 2 || len(b) < 2+size {
			return 0
		}
		if segment, ok := bytes.CutPrefix(b[4:2+size], []byte("Exif\x00\x00")); ok && b[1] == app1 {
			return exifOrientation(segment)
		}
		b = b[2+size:]
	}
	return 0
}

// exifOrientation returns tag 274 of a TIFF directory, 0 if it is not there.
func exifOrientation(b []byte) int {
	if len(b) < 8 {
		return 0
	}
	var order binary.ByteOrder
	switch string(b[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 0
	}
	start := int64(order.Uint32(b[4:]))
	if start+2 > int64(len(b)) {
		return 0
	}
	const entrySize, orientationTag, short = 12, 274, 3
	entries := b[start+2:]
	for range order.Uint16(b[start:]) {
		if len(entries) < entrySize {
			return 0
		}
		if order.Uint16(entries) == orientationTag && order.Uint16(entries[2:]) == short {
			return int(order.Uint16(entries[8:]))
		}
		entries = entries[entrySize:]
	}
	return 0
}

package tfevents

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// event is what the reader finds.
type event struct {
	wall    float64
	step    uint64
	version string
	scalars map[string]float32
}

// read reads records and their protocol buffers, checksums tested, field by field
// from the format's documents and not with the writer's helpers.
func read(t *testing.T, r io.Reader) (events []event) {
	t.Helper()
	for {
		var head [12]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			return events
		}
		n := binary.LittleEndian.Uint64(head[:8])
		check(t, head[:8], binary.LittleEndian.Uint32(head[8:]))
		data := make([]byte, n+4)
		if _, err := io.ReadFull(r, data); err != nil {
			t.Fatal(err)
		}
		check(t, data[:n], binary.LittleEndian.Uint32(data[n:]))
		e := event{scalars: map[string]float32{}}
		fields(t, data[:n], func(field int, number uint64, inner []byte) {
			switch field {
			case 1:
				e.wall = math.Float64frombits(number)
			case 2:
				e.step = number
			case 3:
				e.version = string(inner)
			case 5:
				fields(t, inner, func(field int, _ uint64, value []byte) {
					if field != 1 {
						t.Fatalf("field %d of a summary", field)
					}
					tag := ""
					fields(t, value, func(field int, number uint64, inner []byte) {
						switch field {
						case 1:
							tag = string(inner)
						case 2:
							e.scalars[tag] = math.Float32frombits(uint32(number))
						default:
							t.Fatalf("field %d of a value", field)
						}
					})
				})
			default:
				t.Fatalf("field %d of an event", field)
			}
		})
		events = append(events, e)
	}
}

// check takes the mask off and compares, bit by bit.
func check(t *testing.T, data []byte, sum uint32) {
	t.Helper()
	rot := sum - 0xa282ead8
	want := rot>>17 | rot<<15
	crc := ^uint32(0)
	for _, b := range data {
		crc ^= uint32(b)
		for range 8 {
			crc = crc>>1 ^ 0x82f63b78&-(crc&1)
		}
	}
	if ^crc != want {
		t.Fatalf("the checksum is %#x, want %#x", ^crc, want)
	}
}

func fields(t *testing.T, b []byte, visit func(field int, number uint64, inner []byte)) {
	t.Helper()
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		b = b[n:]
		switch field := int(key >> 3); key & 7 {
		case 0:
			v, n := binary.Uvarint(b)
			visit(field, v, nil)
			b = b[n:]
		case 1:
			visit(field, binary.LittleEndian.Uint64(b), nil)
			b = b[8:]
		case 2:
			size, n := binary.Uvarint(b)
			visit(field, 0, b[n:n+int(size)])
			b = b[n+int(size):]
		case 5:
			visit(field, uint64(binary.LittleEndian.Uint32(b)), nil)
			b = b[4:]
		default:
			t.Fatalf("wire type %d", key&7)
		}
	}
}

func TestEvents(t *testing.T) {
	var b bytes.Buffer
	w, err := New(&b, func() time.Time { return time.Unix(1700000000, 500e6) })
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add(1, Scalar{"train/loss", 2.5}); err != nil {
		t.Fatal(err)
	}
	if err := w.Add(300, Scalar{"train/loss", 0.125}, Scalar{"eval/accuracy", 1}); err != nil {
		t.Fatal(err)
	}
	// The first record's data: the time, step 0, the version.
	const first = "0900002040fc54d941" + "1000" + "1a0d627261696e2e4576656e743a32"
	if have := hex.EncodeToString(b.Bytes()[12 : 12+26]); have != first {
		t.Errorf("the first record is %s, want %s", have, first)
	}
	events := read(t, bytes.NewReader(b.Bytes()))
	if len(events) != 3 || events[0].version != "brain.Event:2" || events[2].step != 300 || events[2].wall != 1700000000.5 {
		t.Fatalf("events %+v", events)
	}
	if events[1].scalars["train/loss"] != 2.5 || events[2].scalars["train/loss"] != 0.125 || events[2].scalars["eval/accuracy"] != 1 {
		t.Errorf("events %+v", events)
	}
}

// The checksum of nine digits is CRC-32C's published one.
func TestMasked(t *testing.T) {
	crc := uint32(0xe3069283)
	if have := masked([]byte("123456789")); have != (crc>>15|crc<<17)+0xa282ead8 {
		t.Errorf("have %#x", have)
	}
}

func TestCreate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs")
	w, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Add(7, Scalar{"a", 1}), w.Close()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %q, %v", files, err)
	}
	f, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if events := read(t, f); len(events) != 2 || events[1].step != 7 {
		t.Errorf("events %+v", events)
	}
}

// FuzzScalar writes a number under any tag and at any step, and reads it back.
func FuzzScalar(f *testing.F) {
	f.Add("train/loss", int64(1), 0.5)
	f.Add("", int64(-1), math.Inf(1))
	f.Fuzz(func(t *testing.T, tag string, step int64, value float64) {
		var out bytes.Buffer
		w, err := New(&out, func() time.Time { return time.Unix(1, 0) })
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Add(step, Scalar{tag, value}, Scalar{tag + "'", 1}); err != nil {
			t.Fatal(err)
		}
		events := read(t, &out)
		if len(events) != 2 || events[1].step != uint64(step) || len(events[1].scalars) != 2 {
			t.Fatalf("have %+v", events)
		}
		if have := events[1].scalars[tag]; math.Float32bits(have) != math.Float32bits(float32(value)) && value == value {
			t.Errorf("%q: have %v, want %v", tag, have, float32(value))
		}
	})
}

// Package tfevents writes the event files that TensorBoard reads: a curve is a tag
// with a number at some steps.
//
// A file is TFRecords (tensorflow/core/lib/io/record_writer.h): length, checksum
// of the length, data, checksum of the data. The data are protocol buffers of
// type tensorflow.Event (tensorflow/core/util/event.proto), of which this package
// spells the few fields that scalars need.
package tfevents

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"
)

// Writer appends events to one file. It is for one goroutine.
type Writer struct {
	out  io.Writer
	file *os.File // nil where the caller owns out
	now  func() time.Time
}

// Create starts an event file in the folder dir, which it makes if need be. The
// name says when it was begun, as TensorBoard wants it; a run that is taken up
// writes another file beside the first, and TensorBoard shows both as one curve.
func Create(dir string) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("events.out.tfevents.%d.qkv.%d", time.Now().Unix(), os.Getpid())
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, err
	}
	w := &Writer{out: f, file: f, now: time.Now}
	if err := w.start(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return w, nil
}

// New is a writer to out with a clock of the caller's.
func New(out io.Writer, now func() time.Time) (*Writer, error) {
	w := &Writer{out: out, now: now}
	return w, w.start()
}

// start writes the event that every file begins with.
func (w *Writer) start() error {
	return w.record(appendBytes(w.event(0), 3, []byte("brain.Event:2"))) // file_version
}

// Close ends the file.
func (w *Writer) Close() error {
	if w.file == nil {
		return nil
	}
	return w.file.Close()
}

// Scalar is a number under a tag, such as "train/loss".
type Scalar struct {
	Tag   string
	Value float64
}

// Add writes the numbers of a step.
func (w *Writer) Add(step int64, scalars ...Scalar) error {
	var summary []byte
	for _, s := range scalars {
		value := appendBytes(nil, 1, []byte(s.Tag))     // Value.tag
		value = appendFloat(value, 2, float32(s.Value)) // Value.simple_value
		summary = appendBytes(summary, 1, value)        // Summary.value
	}
	return w.record(appendBytes(w.event(step), 5, summary)) // Event.summary
}

// event is the fields of an Event that all have: wall_time and step.
func (w *Writer) event(step int64) []byte {
	b := append([]byte(nil), 1<<3|1) // wall_time, 64 bits
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(w.now().UnixNano())/1e9))
	b = append(b, 2<<3) // step, a varint
	return binary.AppendUvarint(b, uint64(step))
}

// appendBytes is a field of bytes.
func appendBytes(b []byte, field int, data []byte) []byte {
	b = append(b, byte(field<<3|2))
	b = binary.AppendUvarint(b, uint64(len(data)))
	return append(b, data...)
}

// appendFloat is a field of 32 bits.
func appendFloat(b []byte, field int, x float32) []byte {
	b = append(b, byte(field<<3|5))
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
}

// record frames data.
func (w *Writer) record(data []byte) error {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(b, masked(b))
	b = append(b, data...)
	b = binary.LittleEndian.AppendUint32(b, masked(data))
	_, err := w.out.Write(b)
	return err
}

// castagnoli is the polynomial of CRC-32C.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is the CRC-32C of data, rotated and shifted so that a checksum of data
// that hold checksums means something (tensorflow/core/lib/hash/crc32c.h).
func masked(data []byte) uint32 {
	c := crc32.Checksum(data, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

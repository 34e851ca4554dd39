package safetensors

import (
	"bytes"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// file returns a file with this header and data.
func file(header, data string) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

// encode returns the bytes that Encode writes.
func encode(t testing.TB, tensors []Tensor, metadata map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Encode(&b, tensors, metadata); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// random returns n tensors of random types, shapes (empty ones too) and bytes.
func random(r *rand.Rand, n int) []Tensor {
	tensors := make([]Tensor, n)
	for i := range tensors {
		x := Tensor{Name: fmt.Sprintf("layer.%d.\"é\n\x01/weight", i), DType: DType(1 + r.IntN(len(dtypes)-1)), Shape: []int{}}
		for range r.IntN(4) {
			x.Shape = append(x.Shape, r.IntN(5))
		}
		x.Data = make([]byte, x.Len()*x.DType.Size())
		for j := range x.Data {
			x.Data[j] = byte(r.Uint32())
		}
		tensors[i] = x
	}
	r.Shuffle(n, func(i, j int) { tensors[i], tensors[j] = tensors[j], tensors[i] })
	return tensors
}

// same fails the test unless f holds exactly the tensors.
func same(t *testing.T, f *File, tensors []Tensor) {
	t.Helper()
	if f.Len() != len(tensors) {
		t.Errorf("have %d tensors, want %d", f.Len(), len(tensors))
	}
	if names := f.Names(); !slices.IsSorted(names) || len(names) != len(tensors) {
		t.Errorf("names %q are not sorted or not %d", names, len(tensors))
	}
	for _, want := range tensors {
		have, ok := f.Tensor(want.Name)
		if !ok {
			t.Errorf("%v: is missing", want)
			continue
		}
		if have.Name != want.Name || have.DType != want.DType || !slices.Equal(have.Shape, want.Shape) || !bytes.Equal(have.Data, want.Data) {
			t.Errorf("have %v, want %v, or the bytes differ", have, want)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	path := filepath.Join(t.TempDir(), "x.safetensors")
	for n := range 40 {
		tensors := random(r, n)
		metadata := map[string]string{"format": "pt", "note \"<&>\"": "\u2028\t\\"}
		if n%2 == 0 {
			metadata = nil
		}
		if err := Write(path, tensors, metadata); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		same(t, f, tensors)
		if fmt.Sprint(f.Metadata) != fmt.Sprint(metadata) {
			t.Errorf("metadata: have %v, want %v", f.Metadata, metadata)
		}
		written, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		again := encode(t, slices.Collect(f.All()), f.Metadata)
		if !bytes.Equal(again, written) {
			t.Errorf("%d tensors: reading and writing changed the bytes", n)
		}
		p, err := Parse(written)
		if err != nil {
			t.Fatal(err)
		}
		same(t, p, tensors)
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestLayout(t *testing.T) {
	tensors := []Tensor{
		{Name: "b", DType: BF16, Shape: []int{1}, Data: []byte("bb")},
		{Name: "a", DType: BF16, Shape: []int{1}, Data: []byte("aa")},
		{Name: "mask", DType: Bool, Shape: []int{}, Data: []byte{1}},
		{Name: "none", DType: F64, Shape: []int{0, 3}},
		{Name: "ids", DType: I64, Shape: []int{1, 1}, Data: []byte("iiiiiiii")},
	}
	want := file(`{"__metadata__":{"format":"pt"},`+
		`"ids":{"dtype":"I64","shape":[1,1],"data_offsets":[0,8]},`+
		`"none":{"dtype":"F64","shape":[0,3],"data_offsets":[8,8]},`+
		`"a":{"dtype":"BF16","shape":[1],"data_offsets":[8,10]},`+
		`"b":{"dtype":"BF16","shape":[1],"data_offsets":[10,12]},`+
		`"mask":{"dtype":"BOOL","shape":[],"data_offsets":[12,13]}}    `, "iiiiiiiiaabb\x01")
	if have := encode(t, tensors, map[string]string{"format": "pt"}); !bytes.Equal(have, want) {
		t.Errorf("have %q\nwant %q", have, want)
	}
}

func TestProblems(t *testing.T) {
	one := func(dtype, shape, offsets string) string {
		return fmt.Sprintf(`{"w":{"dtype":%s,"shape":%s,"data_offsets":%s}}`, dtype, shape, offsets)
	}
	two := func(offsets string) string {
		return `{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"w":{"dtype":"U8","shape":[4],"data_offsets":` + offsets + `}}`
	}
	for _, c := range []struct {
		name  string
		bytes []byte
		want  []string // one of each problem's words
	}{
		{"empty file", nil, []string{"0 bytes are too few"}},
		{"short file", []byte("1234567"), []string{"7 bytes are too few"}},
		{"long header", binary.LittleEndian.AppendUint64(nil, 100_000_001), []string{"at most 100000000"}},
		{"huge header", binary.LittleEndian.AppendUint64(nil, 1<<63), []string{"at most 100000000"}},
		{"cut header", file("{}", "")[:9], []string{"cut off"}},
		{"no header", file("", ""), []string{"does not begin with {"}},
		{"space first", file(" {}", ""), []string{"does not begin with {"}},
		{"array", file("[]", ""), []string{"does not begin with {"}},
		{"broken JSON", file(`{"w":`, ""), []string{"header: w: unexpected EOF"}},
		{"text after", file(`{}{}`, ""), []string{"more text"}},
		{"UTF-8", file("{\"\xff\":1}", ""), []string{"UTF-8"}},
		{"number for a tensor", file(`{"w":3}`, ""), []string{"w: have 3, want {"}},
		{"null for a tensor", file(`{"w":null}`, ""), []string{"w: have <nil>, want {"}},
		{"metadata", file(`{"__metadata__":{"format":1}}`, ""), []string{`"format": have 1, want a string`}},
		{"same name", file(`{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"w":{}}`, ""), []string{"w: occurs twice"}},
		{"same key", file(`{"w":{"dtype":"U8","dtype":"U8"}}`, ""), []string{"w: dtype: occurs twice"}},
		{"no dtype", file(`{"w":{}}`, ""), []string{"w: has no dtype", "w: has no shape", "w: has no data_offsets"}},
		{"dtype", file(one(`"F31"`, "[1]", "[0,4]"), "1234"), []string{`w: unknown dtype "F31"`}},
		{"empty dtype", file(one(`""`, "[1]", "[0,4]"), "1234"), []string{`w: unknown dtype ""`}},
		{"negative", file(one(`"F32"`, "[-1]", "[0,4]"), "1234"), []string{"w: shape: have -1"}},
		{"fraction", file(one(`"F32"`, "[1.0]", "[0,4]"), "1234"), []string{"w: shape: have 1.0"}},
		{"large", file(one(`"F32"`, "[9223372036854775808]", "[0,4]"), "1234"), []string{"w: shape: have 9223372036854775808"}},
		{"overflow", file(one(`"F32"`, "[4294967296,4294967297]", "[0,4]"), "1234"), []string{"too large to be true"}},
		{"overflow by size", file(one(`"F32"`, "[4611686018427387904]", "[0,0]"), ""), []string{"too large to be true"}},
		{"size", file(one(`"F32"`, "[2]", "[0,4]"), "1234"), []string{"w: F32[2] takes 8 bytes, data_offsets [0 4] hold 4"}},
		{"three offsets", file(one(`"F32"`, "[1]", "[0,4,4]"), "1234"), []string{"want begin and end"}},
		{"backwards", file(one(`"F32"`, "[1]", "[4,0]"), "1234"), []string{"want begin and end"}},
		{"beyond", file(one(`"F32"`, "[1]", "[0,4]"), "123"), []string{"w: data_offsets [0 4] lie beyond the file's 3 bytes"}},
		{"lie", file(one(`"U8"`, "[9223372036854775807]", "[0,9223372036854775807]"), "123"), []string{"w: data_offsets [0 9223372036854775807] lie beyond"}},
		{"left over", file(one(`"F32"`, "[1]", "[0,4]"), "12345"), []string{"1 bytes of data belong to no tensor"}},
		{"late", file(one(`"F32"`, "[1]", "[1,5]"), "12345"), []string{"w: data_offsets [1 5] do not begin at 0, where the header ends"}},
		{"overlap", file(two("[3,7]"), "1234567"), []string{"w: data_offsets [3 7] overlap a, which ends at 4"}},
		{"same place", file(two("[0,4]"), "1234"), []string{"w: data_offsets [0 4] overlap a"}},
		{"hole", file(two("[5,9]"), "123456789"), []string{"w: data_offsets [5 9] do not begin at 4, where a ends"}},
		{"several", file(`{"a":{"dtype":"X","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,2]},"c":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, "12"),
			[]string{`a: unknown dtype "X"`, "b: U8[2] takes 2 bytes", "c: data_offsets [2 3] lie beyond"}},
	} {
		_, err := Parse(c.bytes)
		var format *FormatError
		if !errors.As(err, &format) {
			t.Errorf("%s: have error %v, want a FormatError", c.name, err)
			continue
		}
		if len(format.Problems) != len(c.want) {
			t.Errorf("%s: have %q, want %q", c.name, format.Problems, c.want)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(format.Problems[i], want) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: have %q, want %q in it", c.name, format.Problems[i], want)
			}
		}
	}
}

// The reference skips keys that it does not know and padding after the header.
func TestUnknownKeys(t *testing.T) {
	f, err := Parse(file(`{"w":{"shape":[1],"later":{"a":[1,{}]},"dtype":"U8","data_offsets":[0,1]}}  `, "x"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, f, []Tensor{{Name: "w", DType: U8, Shape: []int{1}, Data: []byte("x")}})
}

// A header that claims much costs little.
func TestLiesCostNothing(t *testing.T) {
	lies := [][]byte{
		file(`{"w":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}`, ""),
		file(`{"w":{"dtype":"F64","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,99999999999]}}`, ""),
		append(binary.LittleEndian.AppendUint64(nil, 99_999_999), "{}"...),
	}
	for i, b := range lies {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := Parse(b); err == nil {
			t.Errorf("lie %d was believed", i)
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<10 {
			t.Errorf("lie %d cost %d bytes", i, grown)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := Tensor{Name: "w", DType: U8, Shape: []int{1}, Data: []byte("x")}
	for name, tensors := range map[string][]Tensor{
		"name":      {{Name: "__metadata__", DType: U8, Shape: []int{1}, Data: []byte("x")}},
		"UTF-8":     {{Name: "\xff", DType: U8, Shape: []int{1}, Data: []byte("x")}},
		"twice":     {good, good},
		"dtype":     {{Name: "w", Shape: []int{1}, Data: []byte("x")}},
		"bytes":     {{Name: "w", DType: U8, Shape: []int{2}, Data: []byte("x")}},
		"dimension": {{Name: "w", DType: U8, Shape: []int{-1}, Data: nil}},
	} {
		if err := Write(path, tensors, nil); err == nil {
			t.Errorf("%s: was written", name)
		}
	}
	if err := Write(path, []Tensor{good}, map[string]string{"\xff": ""}); err == nil {
		t.Error("metadata: was written")
	}
	if b, _ := os.ReadFile(path); string(b) != "old" {
		t.Errorf("the old file is now %q", b)
	}
}

// A file may be replaced by what is read from it.
func TestReplaceItself(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a mapped file cannot be replaced on Windows")
	}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	tensors := random(rand.New(rand.NewPCG(3, 4)), 10)
	if err := Write(path, tensors, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := Write(path, slices.Collect(f.All())[3:], nil); err != nil {
		t.Fatal(err)
	}
	same(t, f, tensors)
	g, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	same(t, g, slices.Collect(f.All())[3:])
}

//go:embed testdata/tiny.safetensors
var embedded embed.FS

func TestOpenFS(t *testing.T) {
	f, err := OpenFS(embedded, "testdata/tiny.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	w, ok := f.Tensor("w")
	if !ok || w.String() != "w F32[2 3]" {
		t.Errorf("have %v, want w F32[2 3]", w)
	}
	if _, ok := f.Tensor("missing"); ok {
		t.Error("a tensor that is not there was found")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.safetensors")
	if _, err := Open(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("have %v, want that it does not exist", err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("a folder was opened")
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path)
	if err == nil || !strings.HasPrefix(err.Error(), path+": 0 bytes") {
		t.Errorf("have %v, want the path and the problem", err)
	}
}

// Nothing stays mapped: not after Close, not after an error, not when forgotten;
// and a tensor that is held holds its mapping.
func TestMapped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	want := Tensor{Name: "w", DType: U8, Shape: []int{3}, Data: []byte("abc")}
	if err := Write(path, []Tensor{want}, nil); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	start, _ := Mapped()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if now, _ := Mapped(); now != start+1 {
		t.Errorf("open: have %d mappings, want %d", now, start+1)
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if now, _ := Mapped(); now != start {
		t.Errorf("closed: have %d mappings, want %d", now, start)
	}
	if err := os.WriteFile(path+".bad", []byte("bad"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path + ".bad"); err == nil {
		t.Error("a bad file was opened")
	}
	if now, _ := Mapped(); now != start {
		t.Errorf("refused: have %d mappings, want %d", now, start)
	}
	if f, err = Open(path); err != nil {
		t.Fatal(err)
	}
	w, _ := f.Tensor("w")
	f = nil
	for range 3 {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	if string(w.Data) != "abc" {
		t.Errorf("have %q, want abc", w.Data)
	}
	runtime.KeepAlive(w)
	w = Tensor{}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		runtime.GC()
		if now, _ := Mapped(); now == start {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a forgotten file is still mapped")
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(file(`{}`, ""))
	f.Add(file(`{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, "1234"))
	f.Add(file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"w":{"dtype":"I64","shape":[],"data_offsets":[4,12]}}`, "123456789012"))
	f.Add(encode(f, random(rand.New(rand.NewPCG(5, 6)), 5), nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Parse(b)
		if err != nil {
			return
		}
		total := 0
		for x := range file.All() {
			if x.Len()*x.DType.Size() != len(x.Data) {
				t.Fatalf("%v has %d bytes", x, len(x.Data))
			}
			total += len(x.Data)
		}
		if total > len(b) {
			t.Fatalf("%d bytes of data in a file of %d", total, len(b))
		}
		again, err := Parse(encode(t, slices.Collect(file.All()), file.Metadata))
		if err != nil {
			t.Fatal(err)
		}
		same(t, again, slices.Collect(file.All()))
	})
}

package mmap

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func mapBytes(t *testing.T, content []byte) *Mapping {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := Map(f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMap(t *testing.T) {
	for _, size := range []int{0, 1, 4095, 4096, 4097, 70001} {
		content := bytes.Repeat([]byte("abcdefg"), size/7+1)[:size]
		count, total := Stats()
		m := mapBytes(t, content)
		if !bytes.Equal(m.Bytes(), content) {
			t.Errorf("%d bytes: the mapping differs from the file", size)
		}
		if _, now := Stats(); now-total != int64(size) {
			t.Errorf("%d bytes: statistics grew by %d", size, now-total)
		}
		for range 2 {
			if err := m.Close(); err != nil {
				t.Errorf("%d bytes: Close: %v", size, err)
			}
		}
		if c, b := Stats(); c != count || b != total {
			t.Errorf("%d bytes: after Close: have %d mappings, %d bytes, want %d, %d", size, c, b, count, total)
		}
		if m.Bytes() != nil {
			t.Errorf("%d bytes: bytes remain after Close", size)
		}
	}
}

func TestMapRefusesFolder(t *testing.T) {
	f, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := Map(f); err == nil {
		t.Error("a folder was mapped")
	}
}

// A mapping that nobody holds goes without Close.
func TestForgottenMapping(t *testing.T) {
	count, _ := Stats()
	for range 3 {
		mapBytes(t, []byte("forgotten"))
	}
	deadline := time.Now().Add(5 * time.Second)
	for {
		runtime.GC()
		if now, _ := Stats(); now == count {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("forgotten mappings are still open")
		}
		time.Sleep(time.Millisecond)
	}
}

// Bytes that rest are read again as they were, whole pages or less.
func TestRest(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcde"), 2000)
	m := mapBytes(t, want)
	defer m.Close()
	for _, part := range [][2]int{{0, len(want)}, {1, 5}, {4095, 12289}, {100, len(want)}, {7, 7}} {
		m.Rest(m.Bytes()[part[0]:part[1]])
		if !bytes.Equal(m.Bytes(), want) {
			t.Fatalf("after bytes %d to %d rested, the file reads otherwise", part[0], part[1])
		}
	}
	(*Mapping)(nil).Rest(want) // bytes of no file
}

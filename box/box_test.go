package box_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/box"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/task"
)

// The model is small, and its card is that of the file beside it.
func TestCard(t *testing.T) {
	size := int64(0)
	err := fs.WalkDir(box.FS(), ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		size += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if size > 8e6 {
		t.Errorf("the model takes %d bytes, more than 8 MB", size)
	}
	weights, err := fs.ReadFile(box.FS(), "model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	card, err := fs.ReadFile(box.FS(), "README.md")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(weights)
	if !strings.Contains(string(card), hex.EncodeToString(sum[:])) {
		t.Errorf("the card does not name the file's SHA-256, %x", sum)
	}
}

// The model tells the same story on every kernel set, with one thread and with
// several, and it is the one that the card quotes.
func TestStory(t *testing.T) {
	card, err := fs.ReadFile(box.FS(), "README.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, set := range kernel.Sets() {
		g, err := task.OpenTextGeneratorFS(box.FS(), box.Name)
		if err != nil {
			t.Fatal(err)
		}
		d := cpu.New(cpu.Options{Threads: 1 + 2*i, Kernels: set})
		g.Device = d
		o := g.Options
		o.MaxNewTokens = 40
		const prompt = "Once upon a time"
		story := prompt
		for piece, err := range g.Text(context.Background(), prompt, o) {
			if err != nil {
				t.Fatal(err)
			}
			story += piece
		}
		if len(story) < 100 || !strings.Contains(string(card), story) {
			t.Errorf("%s: the card does not quote %q", set.Name, story)
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

package token

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// english returns about a megabyte of stories.
func english(b testing.TB) string {
	dir := shared(b, "data", "datasets", "tinyshakespeare")
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(files) == 0 {
		b.Skip("no texts")
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		b.Fatal(err)
	}
	return string(text[:min(len(text), 1<<20)])
}

// perToken reports tokens per second.
func perToken(b *testing.B, tokens int) {
	b.ReportMetric(float64(tokens)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}

func BenchmarkIDs(b *testing.B) {
	for _, name := range []string{"gpt2", "qwen3", "bert-base-uncased", "stories260K", "mistral-7b-v0.1"} {
		b.Run(name, func(b *testing.B) {
			tok := loadShared(b, name)
			text := english(b)
			n := len(tok.IDs(text))
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			var ids []int32
			for b.Loop() {
				ids = tok.AppendIDs(ids[:0], text)
			}
			perToken(b, n)
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, name := range []string{"gpt2", "bert-base-uncased"} {
		b.Run(name, func(b *testing.B) {
			tok := loadShared(b, name)
			text := english(b)[:64<<10]
			var n int
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				e, err := tok.Encode(text)
				if err != nil {
					b.Fatal(err)
				}
				n = e.Len()
			}
			perToken(b, n)
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	tok := loadShared(b, "gpt2")
	text := english(b)
	ids := tok.IDs(text)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		tok.Decode(ids, true)
	}
	perToken(b, len(ids))
}

func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"gpt2", "bert-base-uncased", "qwen3"} {
		b.Run(name, func(b *testing.B) {
			text, err := os.ReadFile(shared(b, "data", "tokenizers", name, "tokenizer.json"))
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkTrainBPE(b *testing.B) {
	text := english(b)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := TrainBPE(strings.Lines(text), BPEOptions{VocabSize: 4096, MinFrequency: 2}); err != nil {
			b.Fatal(err)
		}
	}
}

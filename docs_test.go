package qkv_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/zoo"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// goBlocks gives the Go code in a page, a slice of lines a block.
func goBlocks(page string) (blocks [][]string) {
	for _, m := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(page, -1) {
		blocks = append(blocks, strings.Split(strings.TrimSpace(m[1]), "\n"))
	}
	return blocks
}

// missing gives the lines of a block that a source does not have.
func missing(block []string, source string) (lines []string) {
	have := map[string]bool{}
	for line := range strings.Lines(source) {
		have[strings.TrimSpace(line)] = true
	}
	for _, line := range block {
		if !have[strings.TrimSpace(line)] {
			lines = append(lines, line)
		}
	}
	return lines
}

// The README's Go is an example that compiles.
func TestReadmeExample(t *testing.T) {
	blocks := goBlocks(read(t, "README.md"))
	if len(blocks) == 0 {
		t.Fatal("the README has no Go")
	}
	for _, b := range blocks {
		for _, line := range missing(b, read(t, "example_test.go")) {
			t.Errorf("example_test.go has no line %q", line)
		}
	}
}

// The README's table is the zoo's.
func TestReadmeArchitectures(t *testing.T) {
	readme := read(t, "README.md")
	for _, name := range zoo.Architectures() {
		if !strings.Contains(readme, "`"+name+"`") {
			t.Errorf("the README does not name %s", name)
		}
	}
	known := strings.Join(zoo.Architectures(), " ") + " "
	for _, m := range regexp.MustCompile("`((?:GPT2|Llama|Bert|ViT)[A-Z]\\w+)`").FindAllStringSubmatch(readme, -1) {
		if !strings.Contains(known, m[1]+" ") {
			t.Errorf("the README names %s, which the zoo does not know", m[1])
		}
	}
}

// The tour visits at most seven files, and shows what is in them.
func TestTour(t *testing.T) {
	stops := strings.Split(read(t, "docs/tour.md"), "\n## ")[1:]
	if len(stops) == 0 || len(stops) > 7 {
		t.Errorf("%d stops, want 1 to 7", len(stops))
	}
	for _, stop := range stops {
		title, text, _ := strings.Cut(stop, "\n")
		name := strings.Trim(title[strings.Index(title, "`")+1:], "`")
		blocks := goBlocks(text)
		if len(blocks) == 0 {
			t.Errorf("%s: nothing is shown", name)
		}
		for _, b := range blocks {
			for _, line := range missing(b, read(t, name)) {
				t.Errorf("%s has no line %q", name, line)
			}
		}
	}
}

// Links between the pages lead to files.
func TestLinks(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "README.md", "CONTRIBUTING.md", "CHANGELOG.md") {
		for _, m := range regexp.MustCompile(`\]\(([\w./-]*[./A-Z][\w./-]*)\)`).FindAllStringSubmatch(read(t, page), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: link to %s: %v", page, m[1], err)
			}
		}
	}
}

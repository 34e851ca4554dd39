package safetensors

import (
	"fmt"
	"strings"
)

// FormatError lists all that is wrong with a file or a sharded model.
type FormatError struct {
	Path     string   // file, or folder of a sharded model; empty for bytes in memory
	Problems []string // one line each, naming the tensor
}

// Error returns the path and the problems, a line each if there are several.
func (e *FormatError) Error() string {
	head := "safetensors"
	if e.Path != "" {
		head = e.Path
	}
	if len(e.Problems) == 1 {
		return head + ": " + e.Problems[0]
	}
	return fmt.Sprintf("%s: %d problems:\n\t%s", head, len(e.Problems), strings.Join(e.Problems, "\n\t"))
}

// problems collects what is wrong.
type problems []string

func (p *problems) add(format string, args ...any) {
	*p = append(*p, fmt.Sprintf(format, args...))
}

// err returns the collection as an error, nil if it is empty.
func (p problems) err(path string) error {
	if len(p) == 0 {
		return nil
	}
	return &FormatError{Path: path, Problems: p}
}

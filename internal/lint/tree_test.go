package lint

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/qkvgo/qkv"

// root is the folder of go.mod, seen from this package's.
var root = filepath.Join("..", "..")

// source is a Go file outside tests.
type source struct {
	path    string // from the root, with slashes
	syntax  *ast.File
	imports []string
}

// The tree is read once, whatever the number of tests.
var fset = token.NewFileSet()
var readTree = sync.OnceValues(parseTree)

// packages returns the module's packages by their path from the root, "." for
// the root itself, each with its files outside tests.
func packages(t *testing.T) map[string][]source {
	t.Helper()
	tree, err := readTree()
	if err != nil {
		t.Fatal(err)
	}
	if len(tree) < 5 {
		t.Fatalf("only %d packages found", len(tree))
	}
	return tree
}

// names returns the packages in order.
func names(tree map[string][]source) []string { return slices.Sorted(maps.Keys(tree)) }

func parseTree() (map[string][]source, error) {
	tree := map[string][]source{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && outsideBuild(name, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") || strings.HasPrefix(d.Name(), "_") {
			return nil
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		s := source{path: rel, syntax: f}
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, imported)
		}
		tree[path.Dir(rel)] = append(tree[path.Dir(rel)], s)
		return nil
	})
	return tree, err
}

// outsideBuild tells whether "./..." leaves a folder out: hidden, testdata, or a
// module of its own.
func outsideBuild(name, base string) bool {
	if base == "testdata" || base[0] == '.' || base[0] == '_' {
		return true
	}
	_, err := os.Stat(filepath.Join(name, "go.mod"))
	return err == nil
}

// internalImports returns the packages of this module that one imports.
func internalImports(files []source) []string {
	var list []string
	for _, f := range files {
		for _, p := range f.imports {
			if rest, ok := strings.CutPrefix(p, module); ok && (rest == "" || rest[0] == '/') {
				list = append(list, strings.TrimPrefix(path.Join(".", rest), "/"))
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// textFiles yields the repository's text files: what git tracks or would track,
// or, outside a repository, all files.
func textFiles(t *testing.T, yield func(name string, content []byte)) {
	t.Helper()
	for _, name := range repositoryFiles(t) {
		b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if os.IsNotExist(err) {
			continue // deleted, not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(b[:min(len(b), 8000)], 0) < 0 {
			yield(name, b)
		}
	}
}

func repositoryFiles(t *testing.T) []string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root, ".git")); err == nil {
		out, err := exec.Command("git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
		if err == nil {
			return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
		}
	}
	var list []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Name() == ".git" {
			return filepath.SkipDir
		}
		if d.Type().IsRegular() {
			rel, err := filepath.Rel(root, name)
			if err != nil {
				return err
			}
			list = append(list, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

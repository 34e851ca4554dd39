package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"slices"
	"strings"
	"testing"
)

// Every package says what it is for.
func TestPackageComments(t *testing.T) {
	tree := packages(t)
	for _, name := range names(tree) {
		documented := func(f source) bool { return f.syntax.Doc.Text() != "" }
		if !slices.ContainsFunc(tree[name], documented) {
			t.Errorf("%s: has no package comment", name)
		}
	}
}

// Every exported name that a user can import says what it is.
func TestExportedComments(t *testing.T) {
	tree := packages(t)
	for _, name := range names(tree) {
		if strings.HasPrefix(name, "internal/") || strings.Contains(name, "/internal/") {
			continue
		}
		for _, f := range tree[name] {
			if f.syntax.Name.Name == "main" {
				continue
			}
			for _, missing := range undocumented(f.syntax) {
				t.Errorf("%s: %s has no comment", f.path, missing)
			}
		}
	}
}

// undocumented returns the exported functions, methods of exported types, types,
// constants and variables without a comment. One on a group counts for all.
func undocumented(f *ast.File) (list []string) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			name := d.Name.Name
			if d.Recv != nil {
				receiver := typeName(d.Recv.List[0].Type)
				if !ast.IsExported(receiver) {
					continue
				}
				name = receiver + "." + name
			}
			if d.Name.IsExported() && d.Doc.Text() == "" {
				list = append(list, name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				var names []*ast.Ident
				var doc string
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					names, doc = []*ast.Ident{spec.Name}, spec.Doc.Text()+spec.Comment.Text()
				case *ast.ValueSpec:
					names, doc = spec.Names, spec.Doc.Text()+spec.Comment.Text()
				}
				for _, n := range names {
					if n.IsExported() && d.Doc.Text() == "" && doc == "" {
						list = append(list, n.Name)
					}
				}
			}
		}
	}
	return list
}

// typeName returns a receiver's type without star and type parameters.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return fmt.Sprintf("%T", e)
}

func TestUndocumented(t *testing.T) {
	const text = `package p
func A() {}
// B is.
func B() {}
func c() {}
type D struct{}
func (d *D) E() {}
func (D) f() {}
type g[T any] struct{}
func (g[T]) H() {}
type I[T, U any] struct{} // I is.
func (*I[T, U]) J() {}
const K = 1
// These are.
var ( L = 1; M = 2 )
const (
	// N is.
	N = 1
	O = 2
	p = 3
)`
	f, err := parser.ParseFile(fset, "p.go", text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	if have, want := undocumented(f), []string{"A", "D", "D.E", "I.J", "K", "O"}; !slices.Equal(have, want) {
		t.Errorf("have %q, want %q", have, want)
	}
}

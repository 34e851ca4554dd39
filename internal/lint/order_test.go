package lint

import (
	_ "embed"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

//go:embed order.txt
var orderText string

// order is a list of ranks, in the order of its lines.
type order []struct {
	pattern string
	rank    int
}

// parseOrder reads lines of a rank, a package or pattern, and a remark.
func parseOrder(text string) (order, error) {
	var o order
	for i, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		if len(fields) < 3 {
			return nil, fmt.Errorf("line %d: want a rank, a package and what it is for: %q", i+1, line)
		}
		rank, err := strconv.Atoi(fields[0])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		if len(o) > 0 && rank > o[len(o)-1].rank {
			return nil, fmt.Errorf("line %d: rank %d stands below %d", i+1, rank, o[len(o)-1].rank)
		}
		o = append(o, struct {
			pattern string
			rank    int
		}{fields[1], rank})
	}
	return o, nil
}

// rank returns the rank of a package, false if it is not listed.
func (o order) rank(name string) (int, bool) {
	for _, exact := range []bool{true, false} {
		for _, line := range o {
			ok, err := path.Match(line.pattern, name)
			if err == nil && ok && (!exact || line.pattern == name) {
				return line.rank, true
			}
		}
	}
	return 0, false
}

// violations returns what is wrong with a package's imports.
func (o order) violations(name string, imports []string) (list []string) {
	rank, ok := o.rank(name)
	if !ok {
		return []string{name + ": is not in order.txt; give it a rank"}
	}
	for _, imported := range imports {
		switch below, ok := o.rank(imported); {
		case !ok:
			list = append(list, fmt.Sprintf("%s: imports %s, which is not in order.txt", name, imported))
		case below >= rank:
			list = append(list, fmt.Sprintf("%s (rank %d) imports %s (rank %d): only lower ranks may be imported", name, rank, imported, below))
		}
	}
	return list
}

// Every package imports only packages of lower rank.
func TestImportOrder(t *testing.T) {
	o, err := parseOrder(orderText)
	if err != nil {
		t.Fatalf("order.txt: %v", err)
	}
	tree := packages(t)
	for _, name := range names(tree) {
		for _, v := range o.violations(name, internalImports(tree[name])) {
			t.Error(v)
		}
	}
}

// The rules themselves catch what they should.
func TestOrderRules(t *testing.T) {
	o, err := parseOrder("# remark\n9 top x\n5 page/* x\n\n4 page x\n1 low/* x\n0 low/base x\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		imports []string
		wrong   int
	}{
		{"top", []string{"page/a", "page", "low/x", "low/base"}, 0},
		{"page/a", []string{"page"}, 0},
		{"page/a", []string{"page/b"}, 1},
		{"page", []string{"page/a", "top"}, 2},
		{"low/x", []string{"low/base"}, 0},
		{"low/base", []string{"low/x"}, 1},
		{"top", []string{"other"}, 1},
		{"other", nil, 1},
		{"page/a/b", nil, 1},
	} {
		if have := o.violations(c.name, c.imports); len(have) != c.wrong {
			t.Errorf("%s imports %q: have %q, want %d violations", c.name, c.imports, have, c.wrong)
		}
	}
	for _, bad := range []string{"1 a", "x a y", "1 a x\n2 b x"} {
		if _, err := parseOrder(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// Importing one model page links no other.
func TestPagesStandAlone(t *testing.T) {
	tree := packages(t)
	for _, name := range names(tree) {
		if !strings.HasPrefix(name, "model/") {
			continue
		}
		seen := []string{name}
		for i := 0; i < len(seen); i++ {
			for _, imported := range internalImports(tree[seen[i]]) {
				if !slices.Contains(seen, imported) {
					seen = append(seen, imported)
				}
			}
		}
		for _, other := range seen[1:] {
			if strings.HasPrefix(other, "model/") {
				t.Errorf("importing %s links %s", name, other)
			}
		}
	}
}

// The command knows no model by name: models come through the zoo.
func TestCommandKnowsNoModel(t *testing.T) {
	for _, imported := range internalImports(packages(t)["cmd/qkv"]) {
		if strings.HasPrefix(imported, "model/") {
			t.Errorf("cmd/qkv imports %s", imported)
		}
	}
}

// There is no cgo.
func TestNoCgo(t *testing.T) {
	for _, files := range packages(t) {
		for _, f := range files {
			if slices.Contains(f.imports, "C") {
				t.Errorf(`%s imports "C"`, f.path)
			}
		}
	}
}

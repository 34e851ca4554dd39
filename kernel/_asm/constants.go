package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
)

// readConstants returns the numeric constants of the Go definitions, so that
// each stands in one place only.
func readConstants(dir string) (map[string]float64, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || strings.Contains(name, "_amd64") || strings.Contains(name, "_arm64") || strings.Contains(name, "_other") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("reading constants: %w", err)
		}
		files = append(files, file)
	}
	// Imports stay unresolved: the constants used here need none.
	config := types.Config{IgnoreFuncBodies: true, Error: func(error) {}}
	pkg, _ := config.Check("kernel", set, files, nil)
	values := map[string]float64{}
	for _, name := range pkg.Scope().Names() {
		c, ok := pkg.Scope().Lookup(name).(*types.Const)
		if !ok {
			continue
		}
		if v := constant.ToFloat(c.Val()); v.Kind() == constant.Float {
			values[name], _ = constant.Float64Val(v)
		}
	}
	return values, nil
}

// Package lint holds the house in order. It has no code, only tests over the
// whole source tree: the import order of order.txt, documentation, the length of
// model pages, generated files, cgo, and what must not stand in a text file.
//
//	go test ./internal/lint
package lint

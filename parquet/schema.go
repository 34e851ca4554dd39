package parquet

import (
	"fmt"
	"strings"
)

// Type is how a column's values are stored.
type Type int

// The types.
const (
	Boolean Type = iota
	Int32
	Int64
	Int96
	Float
	Double
	Bytes
	Fixed // byte strings of one length
)

// Column is a column of values: a leaf of the schema.
type Column struct {
	Name     string // its path, with dots
	Type     Type
	Unsigned bool // whole numbers without a sign
	Text     bool // bytes that are UTF-8
	List     bool // each row has a list of values

	index          int
	length         int // of Fixed
	maxDef, maxRep int
	listDef        int // the definition level from which a list has an element
}

// readSchema turns the flattened tree of a file's schema into its leaves.
func readSchema(elements []any) ([]Column, error) {
	var columns []Column
	at := 0
	var walk func(path []string, def, rep, listDef, depth int) error
	walk = func(path []string, def, rep, listDef, depth int) error {
		if at >= len(elements) || depth > 32 {
			return fmt.Errorf("the schema has no end")
		}
		e, ok := elements[at].(fields)
		if !ok {
			return fmt.Errorf("the schema holds what is no element")
		}
		at++
		if depth > 0 {
			path = append(path[:len(path):len(path)], e.text(4))
			switch e.num(3) {
			case 1: // optional
				def++
			case 2: // repeated
				def, rep = def+1, rep+1
				listDef = def
			}
		}
		children := e.num(5)
		if children == 0 && depth > 0 {
			kind := e.num(1)
			if kind < 0 || kind > int64(Fixed) {
				return fmt.Errorf("column %s has type %d", strings.Join(path, "."), kind)
			}
			converted, logical := e.num(6), e.sub(10)
			_, hasConverted := e[6]
			_, text := logical[1]
			columns = append(columns, Column{Name: strings.Join(path, "."), Type: Type(kind), index: len(columns), length: int(e.num(2)),
				Unsigned: hasConverted && converted >= 11 && converted <= 14, Text: text || hasConverted && (converted == 0 || converted == 4 || converted == 19),
				List: rep > 0, maxDef: def, maxRep: rep, listDef: listDef})
			return nil
		}
		for range children {
			if err := walk(path, def, rep, listDef, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	if err := walk(nil, 0, 0, 0, 0); err != nil {
		return nil, err
	}
	if at != len(elements) {
		return nil, fmt.Errorf("the schema has %d elements too many", len(elements)-at)
	}
	return columns, nil
}

// short is the name that people call a column by: the path without the steps that
// lists put between, so that tokens.list.element is tokens.
func (c Column) short() string {
	name := c.Name
	for _, end := range []string{".list.element", ".list.item", ".bag.array_element", ".array", ".list.array"} {
		name = strings.TrimSuffix(name, end)
	}
	return name
}

// Command asm writes the assembly of package kernel: for each instruction set
// the tiles of the matrix product and the loops, with the Go declarations that
// belong to them. It needs nothing but the standard library.
//
//	go run -C _asm . -out ..
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	out := flag.String("out", "", "directory of package kernel: constants are read there, files written there")
	into := flag.String("into", "", "write to this directory instead")
	flag.Parse()
	if *into == "" {
		*into = *out
	}
	constants, err := readConstants(*out)
	if err != nil {
		log.Fatal(err)
	}
	files := map[string]string{}
	for _, m := range []*machine{avx2, avx512} {
		a, g := newAssembly(), newDeclarations()
		writeTiles(a, g, m)
		writePacking(a, g, m)
		table := &constantTable{m: m}
		writeLoops(a, g, m, constants, table)
		writeUniform(a, g, m, table)
		table.write(a)
		small, smallGo := newAssembly(), newDeclarations()
		writeInt8(small, smallGo, m)
		row, rowGo := newAssembly(), newDeclarations()
		writeRows(row, rowGo, m)
		writeInt8ToF32(row, rowGo, m)
		files["row_"+m.name+"_amd64.s"] = row.String()
		files["row_"+m.name+"_amd64.go"] = rowGo.String()
		half, halfGo := newAssembly(), newDeclarations()
		writeBF16(half, halfGo, m)
		files["bf16_"+m.name+"_amd64.s"] = half.String()
		files["bf16_"+m.name+"_amd64.go"] = halfGo.String()
		files["int8_"+m.name+"_amd64.s"] = small.String()
		files["int8_"+m.name+"_amd64.go"] = smallGo.String()
		files["kernels_"+m.name+"_amd64.s"] = a.String()
		files["kernels_"+m.name+"_amd64.go"] = g.String()
	}
	a, g := newAssembly(), newDeclarations()
	table := &constantTable{m: neon}
	writeNEONTile(a, g)
	writeNEONPackColumns(a, g)
	for _, l := range loops {
		if !l.matrix { // over rows, wrappers call others row by row
			l.writeNEON(a, g, constants, table)
		}
	}
	writeNEONUniform(a, g, table)
	writeNEONInt8(a, g)
	table.write(a)
	writeLaneMasks(a)
	files["kernels_neon_arm64.s"], files["kernels_neon_arm64.go"] = a.String(), g.String()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(*into, name), []byte(text), 0o666); err != nil {
			log.Fatal(fmt.Errorf("writing assembly: %w", err))
		}
	}
}

// Package kernel holds the loops over flat slices that everything else is made
// of: products of matrices, functions, norms, softmax, random numbers.
//
// A [Set] is the table of these loops for one instruction set. The set "go"
// defines every result by an order of operations in plain Go; the sets "avx2"
// and "avx512" compute the same bits faster, and fall back to the next plainer
// set where they have no loop of their own. So a program gives the same answer
// on every processor.
//
// # The one arithmetic
//
//   - A sum of products is one chain: acc = FMA(a, b, acc), the index
//     ascending, from zero or from the value already there.
//   - A sum along a row runs in 16 lanes, lane l taking elements l, l+16, …;
//     then lane l takes lane l+8, l+4, l+2 and l+1 in turn.
//   - A function is a fixed polynomial in FMA form; division and square root
//     are the exact ones. Nothing is flushed to zero.
//
// Slices given to a loop may have any length and alignment. Inputs must be at
// least as long as dst, which is checked once at entry. An output may be the
// same slice as an input of the same length, but must not overlap it otherwise.
// All loops are free of state and may run on many goroutines at once.
package kernel

//go:generate go run -C _asm . -out ..

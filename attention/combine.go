package attention

import "slices"

// Hidden hides keys from every query of their sequence: sequence i does not
// meet key j where hidden[i][j] is true. A nil or short slice hides nothing
// more. It is how an attention mask with holes is written; rows that pad a
// sequence at an end are better left out of the batch.
func Hidden(hidden [][]bool) Pattern {
	m := make(mask, len(hidden))
	for i, keys := range hidden {
		if !slices.Contains(keys, true) {
			continue
		}
		m[i] = make([]uint64, (len(keys)+Tile-1)/Tile+1)
		for j, h := range keys {
			if h {
				m[i][j/Tile] |= 1 << (j % Tile)
			}
		}
	}
	return m
}

// mask has the bits of hidden keys, per sequence; with an empty word after the
// last.
type mask [][]uint64

func (m mask) Cover(at Place, _, _, k0, k1 int) Cover {
	if at.Seq >= len(m) || m[at.Seq] == nil {
		return All
	}
	any, all := false, true
	for k := k0; k < k1; k += Tile {
		seen := m.Row(at, 0, k) & span(k, k1, k)
		any = any || seen != 0
		all = all && seen == span(k, k1, k)
	}
	switch {
	case all:
		return All
	case !any:
		return None
	}
	return Some
}

func (m mask) Row(at Place, _, k0 int) uint64 {
	if at.Seq >= len(m) {
		return ^uint64(0)
	}
	words, i, shift := m[at.Seq], k0/Tile, k0%Tile
	var w uint64
	if i < len(words) {
		w = words[i] >> shift
	}
	if i+1 < len(words) {
		w |= words[i+1] << (Tile - shift) // nothing where shift is 0
	}
	return ^w
}

// Union lets meet what any of the patterns lets meet.
func Union(patterns ...Pattern) Pattern { return union(patterns) }

type union []Pattern

func (u union) Cover(at Place, q0, q1, k0, k1 int) Cover {
	result := None
	for _, p := range u {
		switch p.Cover(at, q0, q1, k0, k1) {
		case All:
			return All
		case Some:
			result = Some
		}
	}
	return result
}

func (u union) Row(at Place, q, k0 int) (w uint64) {
	for _, p := range u {
		w |= p.Row(at, q, k0)
	}
	return w
}

// Intersect lets meet what all of the patterns let meet; nil patterns count as
// Full.
func Intersect(patterns ...Pattern) Pattern {
	var kept intersection
	for _, p := range patterns {
		if p != nil && p != Pattern(Full) {
			kept = append(kept, p)
		}
	}
	switch len(kept) {
	case 0:
		return Full
	case 1:
		return kept[0]
	}
	return kept
}

type intersection []Pattern

func (x intersection) Cover(at Place, q0, q1, k0, k1 int) Cover {
	result := All
	for _, p := range x {
		switch p.Cover(at, q0, q1, k0, k1) {
		case None:
			return None
		case Some:
			result = Some
		}
	}
	return result
}

func (x intersection) Row(at Place, q, k0 int) uint64 {
	w := ^uint64(0)
	for _, p := range x {
		w &= p.Row(at, q, k0)
	}
	return w
}

// Except lets meet what p does not.
func Except(p Pattern) Pattern { return except{p} }

type except struct{ p Pattern }

func (e except) Cover(at Place, q0, q1, k0, k1 int) Cover {
	switch e.p.Cover(at, q0, q1, k0, k1) {
	case All:
		return None
	case None:
		return All
	}
	return Some
}

func (e except) Row(at Place, q, k0 int) uint64 { return ^e.p.Row(at, q, k0) }

// Heads gives each query head a pattern of its own, in turn.
func Heads(patterns ...Pattern) Pattern { return heads(patterns) }

type heads []Pattern

func (h heads) Cover(at Place, q0, q1, k0, k1 int) Cover {
	return h[at.Head%len(h)].Cover(at, q0, q1, k0, k1)
}

func (h heads) Row(at Place, q, k0 int) uint64 { return h[at.Head%len(h)].Row(at, q, k0) }

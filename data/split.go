package data

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Parts says how a set is split. Dev and Test are fractions of its rows below
// 1, and numbers of rows from 1 on; the rest is for training.
type Parts struct {
	Dev, Test float64
	Seed      uint64
}

// Split cuts a set into three. Each class has its share of each part: within
// one row of the exact fraction where no text comes twice. Rows with equal
// texts stay together, so that no text is learned and tested on.
//
// Where a row goes depends on the seed, on its text and on the other rows, and
// not on the order of the files; within a part rows keep their order.
func (p Parts) Split(all []Example) (train, dev, test []Example, err error) {
	shares := [3]float64{1: p.Dev, 2: p.Test}
	for i, s := range shares {
		switch {
		case s < 0 || s != s:
			return nil, nil, nil, fmt.Errorf("a part of %v rows: want a fraction below 1 or a number", s)
		case s >= 1:
			shares[i] = s / float64(max(1, len(all)))
		}
	}
	shares[0] = 1 - shares[1] - shares[2]
	if shares[0] < 0 {
		return nil, nil, nil, fmt.Errorf("%d rows are too few for %v to develop and %v to test on", len(all), p.Dev, p.Test)
	}
	var parts [3][]Example
	for i, part := range assign(all, shares, p.Seed) {
		parts[part] = append(parts[part], all[i])
	}
	return parts[0], parts[1], parts[2], nil
}

// group is all rows with one text.
type group struct {
	class string // the first by name, where their labels differ
	fate  [4]uint32
	rows  []int
}

// assign gives each row's part.
func assign(all []Example, shares [3]float64, seed uint64) []int {
	part := make([]int, len(all))
	var want, have [3]float64 // rows of the classes so far
	for _, class := range strata(all, seed) {
		rows := 0
		for _, g := range class {
			rows += len(g.rows)
		}
		quota := quotas(rows, shares, &want, have)
		left := quota
		for _, g := range class {
			// The first part with room takes the group; else the one with most room.
			to := slices.IndexFunc(left[:], func(n int) bool { return n >= len(g.rows) })
			if to < 0 {
				to = slices.Index(left[:], slices.Max(left[:]))
			}
			left[to] -= len(g.rows)
			for _, i := range g.rows {
				part[i] = to
			}
		}
		for i := range have {
			have[i] += float64(quota[i] - left[i])
		}
	}
	return part
}

// strata gives the groups of each class in an order of the seed's; the classes
// by name.
func strata(all []Example, seed uint64) [][]group {
	byText := map[[4]uint32]*group{}
	for i, e := range all {
		f := fate(e, seed)
		g := byText[f]
		if g == nil {
			g = &group{class: e.class(), fate: f}
			byText[f] = g
		}
		g.class = min(g.class, e.class())
		g.rows = append(g.rows, i)
	}
	classes := map[string][]group{}
	for _, g := range byText {
		classes[g.class] = append(classes[g.class], *g)
	}
	var sorted [][]group
	for _, class := range slices.Sorted(maps.Keys(classes)) {
		groups := classes[class]
		slices.SortFunc(groups, func(a, b group) int { return slices.Compare(a.fate[:], b.fate[:]) })
		sorted = append(sorted, groups)
	}
	return sorted
}

// quotas divides a class of so many rows: each part's share rounded down, and
// what is left over to the parts that the classes so far have left the
// furthest behind, at most a row each. want is what they should have.
func quotas(rows int, shares [3]float64, want *[3]float64, have [3]float64) (quota [3]int) {
	rest := rows
	order := []int{}
	for i, s := range shares {
		exact := float64(s * float64(rows))
		quota[i] = min(int(exact+1e-9), rest) // a product that should be whole may fall just short
		want[i] += exact
		rest -= quota[i]
		if exact-float64(quota[i]) > 1e-9 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(want[b]-have[b]-float64(quota[b]), want[a]-have[a]-float64(quota[a]))
	})
	for _, i := range order[:min(rest, len(order))] {
		quota[i]++
		rest--
	}
	quota[0] += rest
	return quota
}

// PerClass takes n rows of each class, all of them where it has fewer, in the
// order they have. The rows of a smaller n are among those of a larger one, so
// that a learning curve is about more rows and not about other ones.
func PerClass(all []Example, n int, seed uint64) []Example {
	taken := make([]bool, len(all))
	for _, class := range strataOfRows(all, seed) {
		for _, i := range class[:min(max(n, 0), len(class))] {
			taken[i] = true
		}
	}
	var some []Example
	for i, e := range all {
		if taken[i] {
			some = append(some, e)
		}
	}
	return some
}

// strataOfRows gives the rows of each class in an order of the seed's, equal
// texts in their own.
func strataOfRows(all []Example, seed uint64) map[string][]int {
	fates := make([][4]uint32, len(all))
	classes := map[string][]int{}
	for i, e := range all {
		fates[i] = fate(e, seed)
		classes[e.class()] = append(classes[e.class()], i)
	}
	for _, rows := range classes {
		slices.SortStableFunc(rows, func(a, b int) int { return slices.Compare(fates[a][:], fates[b][:]) })
	}
	return classes
}

package token

import (
	"errors"
	"fmt"
)

// A Strategy says which text of a pair gives way when both do not fit.
type Strategy int

// The strategies.
const (
	LongestFirst Strategy = iota // the longer one, then both alike
	OnlyFirst
	OnlySecond
)

// A Side is an end of a text.
type Side int

// The sides.
const (
	Right Side = iota
	Left
)

// Truncation limits the length of an encoding. What does not fit goes to Overflowing, in windows of the same length.
type Truncation struct {
	MaxLength int // tokens, those of the post-processor included
	Strategy  Strategy
	Side      Side // the end that is cut
	Stride    int  // how many tokens neighbouring windows share
}

// apply cuts first, and second if there is one, so that both together have at most limit tokens.
func (t *Truncation) apply(limit int, first, second *Encoding) error {
	if t.Stride < 0 {
		return fmt.Errorf("truncation: a stride of %d", t.Stride)
	}
	if limit < 0 {
		return fmt.Errorf("truncation: the special tokens alone exceed the %d tokens allowed", t.MaxLength)
	}
	n1, n2 := first.Len(), 0
	if second != nil {
		n2 = second.Len()
	}
	excess := n1 + n2 - limit
	if limit > 0 && excess <= 0 {
		return nil
	}
	switch {
	case limit == 0:
		n1, n2 = 0, 0
	case t.Strategy == OnlyFirst:
		n1 -= excess
	case t.Strategy == OnlySecond && second == nil:
		return errors.New("truncation: only the second text may be cut, and there is none")
	case t.Strategy == OnlySecond:
		n2 -= excess
	case second == nil:
		n1 = limit
	default:
		n1, n2 = share(limit, n1, n2)
	}
	if limit > 0 && (t.Strategy == OnlyFirst && n1 <= 0 || t.Strategy == OnlySecond && n2 <= 0) {
		return fmt.Errorf("truncation: the text that may be cut would have to lose all its tokens to fit %d", t.MaxLength)
	}
	if err := t.cut(first, n1); err != nil || second == nil {
		return err
	}
	return t.cut(second, n2)
}

// share returns the lengths of two texts that do not fit limit together: the shorter one stays whole if the longer can
// make room and remain the longer; otherwise they share alike.
func share(limit, n1, n2 int) (int, int) {
	short := min(n1, n2)
	long := short
	if short <= limit {
		long = max(short, limit-short)
	}
	if short+long > limit {
		short = limit / 2
		long = short + limit%2
	}
	if n1 > n2 {
		return long, short
	}
	return short, long
}

// cut leaves a window of n tokens in e and puts the other windows into Overflowing.
func (t *Truncation) cut(e *Encoding, n int) error {
	if n >= e.Len() {
		return nil
	}
	if n == 0 {
		whole := *e
		*e = Encoding{Overflowing: []*Encoding{&whole}}
		return nil
	}
	if t.Stride >= n {
		return fmt.Errorf("truncation: a stride of %d does not fit windows of %d tokens", t.Stride, n)
	}
	var windows []*Encoding
	length := e.Len()
	for done := 0; ; done += n - t.Stride { // tokens behind the window, seen from the end that is not cut
		rest := length - done
		if t.Side == Left {
			windows = append(windows, e.slice(max(rest-n, 0), rest))
		} else {
			windows = append(windows, e.slice(done, min(done+n, length)))
		}
		if rest <= n {
			break
		}
	}
	*e = *windows[0]
	e.Overflowing = windows[1:]
	return nil
}

package token

import "fmt"

// Padding lengthens an encoding, and what overflowed from it, with a token that means nothing.
type Padding struct {
	Length     int // tokens to reach; 0: the encoding's own length
	MultipleOf int // rounds the length up; 0: does not
	Side       Side
	ID         int32
	TypeID     int32
	Token      string
}

// padMax is the longest encoding that padding makes, in tokens.
const padMax = 1 << 28

// apply pads e.
func (p *Padding) apply(e *Encoding) error {
	length := p.Length
	if length == 0 {
		length = e.Len()
	}
	if length < 0 || p.MultipleOf < 0 || length > padMax || p.MultipleOf > padMax {
		return fmt.Errorf("padding: a length of %d in multiples of %d", p.Length, p.MultipleOf)
	}
	if m := p.MultipleOf; m > 0 && length%m > 0 {
		length += m - length%m
	}
	for w := range e.all {
		p.fill(w, length)
	}
	return nil
}

// fill pads one encoding.
func (p *Padding) fill(e *Encoding, length int) {
	var fill Encoding
	for range length - e.Len() {
		fill.put(p.ID, p.Token, p.TypeID, 0)
	}
	if fill.Len() == 0 {
		return
	}
	if p.Side == Right {
		e.append(&fill)
		return
	}
	over := e.Overflowing
	fill.append(e)
	*e = fill
	e.Overflowing = over
}

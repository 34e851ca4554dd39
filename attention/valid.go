package attention

import "fmt"

// checked is a pattern that can be wrong.
type checked interface {
	// wrong says what is, or nothing.
	wrong() string
}

// wrong says what is wrong with a pattern, or nothing.
func wrong(p Pattern) string {
	if p == nil {
		return "a pattern is made of one that is nil"
	}
	if c, ok := p.(checked); ok {
		return c.wrong()
	}
	return ""
}

// firstWrong says what is wrong with the first pattern with which something is.
func firstWrong(what string, patterns []Pattern) string {
	if len(patterns) == 0 {
		return what + " of no patterns"
	}
	for _, p := range patterns {
		if s := wrong(p); s != "" {
			return s
		}
	}
	return ""
}

func (b Block) wrong() string {
	if b.Size < 1 {
		return fmt.Sprintf("Block has a size of %d, want 1 or more", b.Size)
	}
	return ""
}

func (s Stride) wrong() string {
	if s.Step < 1 {
		return fmt.Sprintf("Stride has a step of %d, want 1 or more", s.Step)
	}
	return ""
}

func (p Plain) wrong() string {
	if p > Causal {
		return fmt.Sprintf("there is no plain pattern %d", uint8(p))
	}
	return ""
}

func (u union) wrong() string        { return firstWrong("Union", u) }
func (x intersection) wrong() string { return firstWrong("Intersect", x) }
func (h heads) wrong() string        { return firstWrong("Heads", h) }
func (e except) wrong() string       { return wrong(e.p) }

package generate

import "strings"

// stopper turns the ids of one sequence into text and holds back what may yet turn out to be the
// beginning of a stop string, wherever the borders of the ids fall.
type stopper struct {
	text  Detokenizer
	stops []string
	held  string // text that is not released: it may begin a stop string
	ready string // text that take may release
	done  bool   // a stop string is complete: nothing follows
}

func newStopper(text Detokenizer, stops []string) *stopper {
	return &stopper{text: text, stops: stops}
}

// push takes the next id and reports whether a stop string is complete. The text before it is ready
// then, and nothing follows.
func (s *stopper) push(id int32) (stopped bool) { return s.grow(s.text.Push(id)) }

// end takes the last of the text; what is held back is ready then, up to a stop string.
func (s *stopper) end() {
	if !s.done && !s.grow(s.text.Flush()) {
		s.ready, s.held = s.ready+s.held, ""
	}
}

// take gives the text that has become ready since the last call.
func (s *stopper) take() string {
	text := s.ready
	s.ready = ""
	return text
}

func (s *stopper) grow(text string) (stopped bool) {
	s.held += text
	at := -1 // where the first stop string begins
	for _, stop := range s.stops {
		if i := strings.Index(s.held, stop); i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	if at >= 0 {
		s.ready, s.held, s.done = s.ready+s.held[:at], "", true
		return true
	}
	n := len(s.held) - s.pending()
	s.ready, s.held = s.ready+s.held[:n], s.held[n:]
	return false
}

// pending is the length of the longest end of held that begins a stop string.
func (s *stopper) pending() int {
	longest := 0
	for _, stop := range s.stops {
		for n := min(len(stop)-1, len(s.held)); n > longest; n-- {
			if strings.HasSuffix(s.held, stop[:n]) {
				longest = n
			}
		}
	}
	return longest
}

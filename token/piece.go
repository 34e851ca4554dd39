package token

import "unicode/utf8"

// A span is a half-open range of bytes of the input.
type span struct{ start, end int32 }

// A piece is a stretch of the input on its way to tokens: its text as the stages so far have left it and, for every
// byte of that text, the bytes of the input it stands for.
type piece struct {
	text   string
	origin []span // origin[i] belongs to byte i of text; nil: byte i stands for itself, at start+i of the input
	start  int    // where the piece begins in the input
	added  int32  // the id of the added token this piece is, or noToken
	loose  bool   // nobody will ask where the bytes come from: origin stays nil, start may be wrong unless 0
}

// noToken stands where there is no id.
const noToken int32 = -1

// at returns the input bytes that byte i stands for: all the bytes of its character.
func (p *piece) at(i int) span {
	if p.origin != nil {
		return p.origin[i]
	}
	from, to := i, i+1
	for from > 0 && !utf8.RuneStart(p.text[from]) {
		from--
	}
	for to < len(p.text) && !utf8.RuneStart(p.text[to]) {
		to++
	}
	return span{int32(p.start + from), int32(p.start + to)}
}

// span returns the input bytes that text[i:j] stands for. An empty range lies i bytes after the beginning of the piece,
// whatever the normalizers have done: the reference says so.
func (p *piece) span(i, j int) span {
	if i >= j {
		return span{int32(p.start + i), int32(p.start + j)}
	}
	return span{p.at(i).start, p.at(j - 1).end}
}

// slice returns text[i:j] as a piece of its own.
func (p *piece) slice(i, j int) piece {
	q := piece{text: p.text[i:j], start: p.start + i, added: p.added, loose: p.loose}
	if p.origin != nil {
		q.origin = p.origin[i:j:j]
		q.start = int(p.span(i, j).start)
	}
	return q
}

// An editor rewrites a piece from left to right and keeps account of origins.
type editor struct {
	p      *piece
	next   int // the first byte of p.text not yet dealt with
	text   []byte
	origin []span
}

func edit(p *piece) *editor {
	e := &editor{p: p, text: make([]byte, 0, len(p.text)+len(p.text)/4)}
	if !p.loose {
		e.origin = make([]span, 0, cap(e.text))
	}
	return e
}

// keep leaves the next n bytes as they are.
func (e *editor) keep(n int) {
	e.text = append(e.text, e.p.text[e.next:e.next+n]...)
	switch {
	case e.p.loose:
	case e.p.origin != nil:
		e.origin = append(e.origin, e.p.origin[e.next:e.next+n]...)
	default:
		for i := e.next; i < e.next+n; {
			s := e.p.at(i)
			for range min(int(s.end)-e.p.start, e.next+n) - i {
				e.origin = append(e.origin, s)
				i++
			}
		}
	}
	e.next += n
}

// replace puts r in the place of the next n > 0 bytes, with the origin of the first of them.
func (e *editor) replace(r rune, n int) {
	var from span
	if !e.p.loose {
		from = e.p.at(e.next)
	}
	e.put(r, from)
	e.next += n
}

// insert adds r, which shares the origin of the byte before.
func (e *editor) insert(r rune) {
	from := span{int32(e.p.start), int32(e.p.start)}
	if e.next > 0 && !e.p.loose {
		from = e.p.at(e.next - 1)
	}
	e.put(r, from)
}

// drop leaves the next n bytes out.
func (e *editor) drop(n int) { e.next += n }

func (e *editor) put(r rune, from span) {
	n := len(e.text)
	e.text = utf8.AppendRune(e.text, r)
	if !e.p.loose {
		for range len(e.text) - n {
			e.origin = append(e.origin, from)
		}
	}
}

// done stores the result in the piece; what was not dealt with is dropped.
func (e *editor) done() {
	e.p.text = string(e.text)
	e.p.origin = e.origin
	if e.origin == nil && !e.p.loose {
		e.p.origin = []span{}
	}
}

// rewrite replaces every character of p that f changes. The first rune of f's answer takes the character's place, the
// others follow it; an empty answer removes the character.
func (p *piece) rewrite(f func(r rune, to []rune) []rune) {
	var e *editor
	var buf [4]rune
	for i, n := 0, 0; i < len(p.text); i += n {
		var r rune
		r, n = utf8.DecodeRuneInString(p.text[i:])
		to := f(r, buf[:0])
		if len(to) == 1 && to[0] == r {
			if e != nil {
				e.keep(n)
			}
			continue
		}
		if e == nil {
			e = edit(p)
			e.keep(i)
		}
		if len(to) == 0 {
			e.drop(n)
			continue
		}
		e.replace(to[0], n)
		for _, c := range to[1:] {
			e.insert(c)
		}
	}
	if e != nil {
		e.done()
	}
}

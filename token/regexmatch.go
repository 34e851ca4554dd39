package token

import "unicode/utf8"

// find returns the first match at or after from.
func (re *regex) find(text string, from int) (start, end int) {
	m := matcher{re: re, text: text}
	for i := from; i <= len(text); {
		if i < len(text) {
			if b := text[i]; b < utf8.RuneSelf && re.first[b>>6]>>(b&63)&1 == 0 {
				i++
				continue
			}
		}
		if end := m.match(i); end >= 0 {
			return i, end
		}
		_, n := utf8.DecodeRuneInString(text[i:])
		i += max(n, 1)
	}
	return -1, -1
}

// A matcher runs a program over a text.
type matcher struct {
	re    *regex
	text  string
	stack []choice
	marks []int
	steps int
	tried map[[2]int]bool // (pc, position) from which nothing matches; nil until the steps become many
}

// A choice is a place to go on from when stuck: at pos, or, for a run, at every position from pos towards stop.
type choice struct {
	pc, pos int
	stop    int  // the last position that may be tried
	lazy    bool // positions grow
	mark    bool // no choice: mark pc was pos before
	run     *charSet
}

// patience is the number of steps after which a matcher begins to remember what it has tried. A pattern like (a+)+b
// would else take time exponential in the length of the text.
const patience = 1 << 14

// match returns the end of the match that begins at pos, or −1.
func (m *matcher) match(pos int) int {
	m.stack = append(m.stack[:0], choice{pc: 0, pos: pos, stop: pos})
	if m.marks == nil {
		m.marks = make([]int, m.re.marks)
	}
	for len(m.stack) > 0 {
		pc, pos := m.resume()
		if pc < 0 {
			continue
		}
		if end := m.run(pc, pos); end >= 0 {
			return end
		}
	}
	return -1
}

// resume takes the next place to go on from off the stack; pc is −1 where there was only a mark to restore.
func (m *matcher) resume() (pc, pos int) {
	c := &m.stack[len(m.stack)-1]
	pc, pos = c.pc, c.pos
	if c.mark {
		m.marks[pc] = pos
		m.stack = m.stack[:len(m.stack)-1]
		return -1, 0
	}
	if pos == c.stop {
		m.stack = m.stack[:len(m.stack)-1]
		return pc, pos
	}
	if c.lazy {
		r, n := utf8.DecodeRuneInString(m.text[pos:])
		if pos+n >= len(m.text)+1 || n == 0 || !c.run.has(r) {
			m.stack = m.stack[:len(m.stack)-1]
			return pc, pos
		}
		c.pos += n
		return pc, pos
	}
	_, n := utf8.DecodeLastRuneInString(m.text[:pos])
	c.pos -= n
	return pc, pos
}

// run goes on from pc at pos until the program matches, which gives the end, or is stuck, which gives −1.
func (m *matcher) run(pc, pos int) int {
	for {
		m.steps++
		if m.steps > patience {
			if m.tried == nil {
				m.tried = map[[2]int]bool{}
			}
			key := [2]int{pc, pos}
			if m.tried[key] {
				return -1
			}
			m.tried[key] = true
		}
		switch in := &m.re.code[pc]; in.op {
		case opMatch:
			return pos
		case opRune, opSet:
			r, n := utf8.DecodeRuneInString(m.text[pos:])
			if n == 0 || in.op == opRune && r != in.r || in.op == opSet && !in.set.has(r) {
				return -1
			}
			pos += n
			pc++
		case opRun:
			end, ok := m.repeat(in, pc+1, pos)
			if !ok {
				return -1
			}
			pos = end
			pc++
		case opSplit:
			m.stack = append(m.stack, choice{pc: in.y, pos: pos, stop: pos})
			pc = in.x
		case opJump:
			pc = in.x
		case opMark:
			m.stack = append(m.stack, choice{pc: in.x, pos: m.marks[in.x], mark: true})
			m.marks[in.x] = pos
			pc++
		case opAgain:
			if m.marks[in.x] == pos {
				pc++
			} else {
				pc = in.y
			}
		case opAtomic:
			sub := matcher{re: in.sub, text: m.text}
			end := sub.match(pos)
			m.steps += sub.steps
			if end < 0 {
				return -1
			}
			pos = end
			pc++
		default:
			if !m.holds(in, pos) {
				return -1
			}
			pc++
		}
	}
}

// repeat matches the characters of a run and notes where else it could have ended.
func (m *matcher) repeat(in *instr, next, pos int) (end int, ok bool) {
	count := 0
	least := pos // the end after in.min characters
	i := pos
	for count != in.max {
		if in.lazy && count == in.min {
			break
		}
		if i >= len(m.text) {
			break
		}
		r, n := rune(m.text[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(m.text[i:])
		}
		if !in.set.has(r) {
			break
		}
		i += n
		count++
		if count == in.min {
			least = i
		}
	}
	m.steps += count
	if count < in.min {
		return 0, false
	}
	if in.lazy {
		m.lazily(in, next, i, count)
		return i, true
	}
	if i > least {
		_, n := utf8.DecodeLastRuneInString(m.text[:i])
		m.stack = append(m.stack, choice{pc: next, pos: i - n, stop: least})
	}
	return i, true
}

// lazily notes the longer ends of a lazy run that has matched count characters up to pos.
func (m *matcher) lazily(in *instr, next, pos, count int) {
	r, n := utf8.DecodeRuneInString(m.text[pos:])
	if n == 0 || count == in.max || !in.set.has(r) {
		return
	}
	stop := len(m.text)
	if in.max >= 0 {
		stop = pos
		for range in.max - count {
			_, w := utf8.DecodeRuneInString(m.text[stop:])
			stop += w
		}
	}
	m.stack = append(m.stack, choice{pc: next, pos: pos + n, stop: stop, lazy: true, run: in.set})
}

// holds tests an assertion.
func (m *matcher) holds(in *instr, pos int) bool {
	text := m.text
	switch in.op {
	case opLine:
		return pos == 0 || text[pos-1] == '\n' && pos < len(text)
	case opLineEnd:
		return pos == len(text) || text[pos] == '\n'
	case opText:
		return pos == 0
	case opTextEnd:
		return pos == len(text)
	case opTextLast:
		return pos == len(text) || pos == len(text)-1 && text[pos] == '\n'
	case opWordEdge, opWordIn:
		before, _ := utf8.DecodeLastRuneInString(text[:pos])
		after, _ := utf8.DecodeRuneInString(text[pos:])
		edge := (pos > 0 && chars().of(before)&classWord != 0) != (pos < len(text) && chars().of(after)&classWord != 0)
		return edge == (in.op == opWordEdge)
	}
	for range in.behind {
		if pos == 0 {
			return in.not
		}
		_, n := utf8.DecodeLastRuneInString(text[:pos])
		pos -= n
	}
	sub := matcher{re: in.sub, text: text}
	found := sub.match(pos) >= 0
	m.steps += sub.steps
	return found != in.not
}

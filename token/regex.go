package token

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A regex is a regular expression as tokenizer files write them: Oniguruma's dialect, without capturing, with look-around,
// atomic groups and Unicode classes. ^ and $ hold at every line. Go's own regexp has no look-around, on which most of
// these patterns rest.
//
// It is a program for a machine that tries alternatives in order and goes back to the last choice when stuck
// (regexmatch.go).
type regex struct {
	code  []instr
	marks int // how many marks it has
	// first holds the ASCII characters that a match may begin with; where it may be empty, all.
	first [2]uint64
}

// An instr is a step of a program.
type instr struct {
	op       opcode
	x, y     int      // jump targets
	r        rune     // opRune
	set      *charSet // opSet, opRun
	min, max int      // opRun: how many; max < 0: any number
	lazy     bool     // opRun: few first
	sub      *regex   // opLook, opAtomic
	not      bool     // opLook: must not match
	behind   int      // opLook: characters to step back first
}

type opcode uint8

const (
	opMatch    opcode = iota
	opRune            // the character r
	opSet             // a character of set
	opRun             // min to max characters of set
	opSplit           // try x, then y
	opJump            // go on at x
	opMark            // note the place in mark x
	opAgain           // go on at y, but if mark x says that nothing was matched since, with the next step
	opLook            // sub matches here, or does not
	opAtomic          // what sub matches first, never reconsidered
	opLine            // beginning of a line
	opLineEnd         // end of a line
	opText            // beginning of the text
	opTextEnd         // end of the text
	opTextLast        // end of the text or before a line feed there
	opWordEdge        // between a word character and another
	opWordIn          // not there
)

// programMax bounds the steps of a program, which repetition multiplies.
const programMax = 1 << 14

// compileRegex translates a pattern.
func compileRegex(pattern string) (*regex, error) {
	c := &compiler{rest: pattern}
	n, err := c.alternatives(0)
	if err == nil && c.rest != "" {
		err = fmt.Errorf("unexpected %q", c.rest)
	}
	if err == nil {
		var re *regex
		if re, err = assemble(n); err == nil {
			return re, nil
		}
	}
	return nil, fmt.Errorf("regular expression %q: %w", pattern, err)
}

// A node is a part of a pattern.
type node struct {
	kind     nodeKind
	subs     []*node
	r        rune
	set      *charSet
	min, max int
	lazy     bool
	hold     bool // possessive
	op       opcode
	not      bool
	behind   bool
}

type nodeKind int

const (
	nodeSeq nodeKind = iota
	nodeAlt
	nodeRune
	nodeSet
	nodeRepeat
	nodeAssert // op
	nodeLook
	nodeAtomic
)

// A compiler parses a pattern.
type compiler struct {
	rest   string
	fold   bool // letters match in either case
	dotAll bool
	extend bool // white space and comments do not count
}

// groupMax is how deep groups may lie.
const groupMax = 64

func (c *compiler) take(prefix string) bool {
	rest, ok := strings.CutPrefix(c.rest, prefix)
	if ok {
		c.rest = rest
	}
	return ok
}

func (c *compiler) next() rune {
	r, n := utf8.DecodeRuneInString(c.rest)
	c.rest = c.rest[n:]
	return r
}

// alternatives parses a|b|c up to a closing parenthesis or the end.
func (c *compiler) alternatives(depth int) (*node, error) {
	if depth > groupMax {
		return nil, fmt.Errorf("groups lie more than %d deep", groupMax)
	}
	outer := *c
	alt := &node{kind: nodeAlt}
	for {
		seq, err := c.sequence(depth)
		if err != nil {
			return nil, err
		}
		alt.subs = append(alt.subs, seq)
		if !c.take("|") {
			break
		}
	}
	c.fold, c.dotAll, c.extend = outer.fold, outer.dotAll, outer.extend
	if len(alt.subs) == 1 {
		return alt.subs[0], nil
	}
	return alt, nil
}

// sequence parses what stands between bars.
func (c *compiler) sequence(depth int) (*node, error) {
	seq := &node{kind: nodeSeq}
	for c.rest != "" && c.rest[0] != '|' && c.rest[0] != ')' {
		if c.extend && c.skipSpace() {
			continue
		}
		n, err := c.atom(depth)
		if err != nil {
			return nil, err
		}
		if n == nil {
			continue
		}
		if n, err = c.repeats(n); err != nil {
			return nil, err
		}
		seq.subs = append(seq.subs, n)
	}
	return seq, nil
}

// skipSpace skips white space or a comment in extended patterns.
func (c *compiler) skipSpace() bool {
	if c.rest[0] == '#' {
		_, c.rest, _ = strings.Cut(c.rest, "\n")
		return true
	}
	trimmed := strings.TrimLeft(c.rest, " \t\r\n\f\v")
	skipped := len(trimmed) < len(c.rest)
	c.rest = trimmed
	return skipped
}

// repeats parses the quantifiers after n.
func (c *compiler) repeats(n *node) (*node, error) {
	for c.rest != "" {
		lo, hi := 0, -1
		braces := false
		switch c.rest[0] {
		case '*':
			c.rest = c.rest[1:]
		case '+':
			lo = 1
			c.rest = c.rest[1:]
		case '?':
			hi = 1
			c.rest = c.rest[1:]
		case '{':
			var ok bool
			if lo, hi, ok = c.braces(); !ok {
				return n, nil
			}
			braces = true
		default:
			return n, nil
		}
		if hi >= 0 && lo > hi {
			return nil, fmt.Errorf("cannot repeat {%d,%d}", lo, hi)
		}
		if n.kind == nodeAssert {
			return nil, fmt.Errorf("nothing to repeat before %q", c.rest)
		}
		n = &node{kind: nodeRepeat, subs: []*node{n}, min: lo, max: hi}
		if c.take("?") {
			n.lazy = true
		} else if !braces && c.take("+") { // after braces a + repeats again
			n.hold = true
		}
	}
	return n, nil
}

// repeatMax is the largest number in braces.
const repeatMax = 1000

// braces parses {n}, {n,}, {,m} or {n,m}; anything else is no quantifier.
func (c *compiler) braces() (lo, hi int, ok bool) {
	body, rest, found := strings.Cut(c.rest[1:], "}")
	from, to, comma := strings.Cut(body, ",")
	if !found || from == "" && to == "" {
		return 0, 0, false
	}
	hi = -1
	var err error
	if from != "" {
		if lo, err = strconv.Atoi(from); err != nil || lo < 0 || lo > repeatMax {
			return 0, 0, false
		}
	}
	if !comma {
		hi = lo
	} else if to != "" {
		if hi, err = strconv.Atoi(to); err != nil || hi < 0 || hi > repeatMax {
			return 0, 0, false
		}
	}
	c.rest = rest
	return lo, hi, true
}

// atom parses one thing that may be repeated; nil if it was but a switch of options.
func (c *compiler) atom(depth int) (*node, error) {
	switch r := c.next(); r {
	case '(':
		return c.group(depth)
	case '[':
		set, err := c.class(0)
		return &node{kind: nodeSet, set: set}, err
	case '.':
		return &node{kind: nodeSet, set: c.dot()}, nil
	case '^':
		return &node{kind: nodeAssert, op: opLine}, nil
	case '$':
		return &node{kind: nodeAssert, op: opLineEnd}, nil
	case '\\':
		return c.escape()
	case '*', '+', '?':
		return nil, fmt.Errorf("nothing to repeat before %q", string(r)+c.rest)
	default:
		return c.char(r), nil
	}
}

func (c *compiler) dot() *charSet {
	if c.dotAll {
		return newSet(&charSet{ranges: [][2]rune{{0, utf8.MaxRune}}})
	}
	return newSet(&charSet{not: true, ranges: [][2]rune{{'\n', '\n'}}})
}

// char matches r, in either case if so asked.
func (c *compiler) char(r rune) *node {
	if c.fold && unicode.SimpleFold(r) != r {
		set := &charSet{}
		set.addFolded(r, r)
		return &node{kind: nodeSet, set: newSet(set)}
	}
	return &node{kind: nodeRune, r: r}
}

// group parses what follows an opening parenthesis.
func (c *compiler) group(depth int) (*node, error) {
	outer := *c
	n := &node{kind: nodeSeq}
	switch {
	case !c.take("?"):
	case c.take("#"):
		_, rest, ok := strings.Cut(c.rest, ")")
		if !ok {
			return nil, fmt.Errorf("a comment has no end")
		}
		c.rest = rest
		return nil, nil
	case c.take(":"):
	case c.take("="):
		n = &node{kind: nodeLook}
	case c.take("!"):
		n = &node{kind: nodeLook, not: true}
	case c.take("<="):
		n = &node{kind: nodeLook, behind: true}
	case c.take("<!"):
		n = &node{kind: nodeLook, behind: true, not: true}
	case c.take(">"):
		n = &node{kind: nodeAtomic}
	case c.take("<"), c.take("P<"):
		_, rest, ok := strings.Cut(c.rest, ">")
		if !ok {
			return nil, fmt.Errorf("a group's name has no end")
		}
		c.rest = rest
	default:
		if err := c.options(); err != nil {
			return nil, err
		}
		if c.take(")") { // holds to the end of the enclosing group, as a group of its own
			sub, err := c.alternatives(depth + 1)
			return sub, err
		}
		if !c.take(":") {
			return nil, fmt.Errorf("group (?%s is not supported", c.rest)
		}
	}
	sub, err := c.alternatives(depth + 1)
	if err != nil {
		return nil, err
	}
	if !c.take(")") {
		return nil, fmt.Errorf("a parenthesis is not closed")
	}
	c.fold, c.dotAll, c.extend = outer.fold, outer.dotAll, outer.extend
	n.subs = []*node{sub}
	return n, nil
}

// options parses the letters of (?i), (?im-x: and the like.
func (c *compiler) options() error {
	on := true
	for c.rest != "" {
		switch c.rest[0] {
		case 'i':
			c.fold = on
		case 'm', 's':
			c.dotAll = on
		case 'x':
			c.extend = on
		case '-':
			on = false
		default:
			return nil
		}
		c.rest = c.rest[1:]
	}
	return nil
}

// escape parses what follows a backslash outside a class.
func (c *compiler) escape() (*node, error) {
	if c.rest == "" {
		return nil, fmt.Errorf("a backslash stands at the end")
	}
	asserts := map[byte]opcode{'A': opText, 'z': opTextEnd, 'Z': opTextLast, 'b': opWordEdge, 'B': opWordIn}
	if op, ok := asserts[c.rest[0]]; ok {
		c.rest = c.rest[1:]
		return &node{kind: nodeAssert, op: op}, nil
	}
	if strings.HasPrefix(c.rest, "R") { // any line break
		c.rest = c.rest[1:]
		crlf := &node{kind: nodeSeq, subs: []*node{{kind: nodeRune, r: '\r'}, {kind: nodeRune, r: '\n'}}}
		one := newSet(&charSet{ranges: [][2]rune{{'\n', '\r'}, {0x85, 0x85}, {0x2028, 0x2029}}})
		return &node{kind: nodeAtomic, subs: []*node{{kind: nodeAlt, subs: []*node{crlf, {kind: nodeSet, set: one}}}}}, nil
	}
	set, r, err := c.escaped()
	if err != nil {
		return nil, err
	}
	if set != nil {
		return &node{kind: nodeSet, set: newSet(set)}, nil
	}
	return c.char(r), nil
}

// assemble makes a program of a pattern.
func assemble(n *node) (*regex, error) {
	a := &assembler{}
	if err := a.emit(n); err != nil {
		return nil, err
	}
	a.add(instr{op: opMatch})
	re := &regex{code: a.code, marks: a.marks}
	re.first = [2]uint64{^uint64(0), ^uint64(0)}
	if set, ok := re.begins(0, map[int]bool{}); ok {
		re.first = set
	}
	return re, nil
}

// begins returns the ASCII characters that a match from pc on may begin with, or false if it may begin with anything.
func (re *regex) begins(pc int, seen map[int]bool) ([2]uint64, bool) {
	if seen[pc] {
		return [2]uint64{}, true
	}
	seen[pc] = true
	switch in := re.code[pc]; in.op {
	case opRune:
		var s [2]uint64
		if in.r < 128 {
			s[in.r>>6] = 1 << (in.r & 63)
		}
		return s, true
	case opSet:
		return in.set.ascii, true
	case opRun:
		s := in.set.ascii
		if in.min > 0 {
			return s, true
		}
		t, ok := re.begins(pc+1, seen)
		return [2]uint64{s[0] | t[0], s[1] | t[1]}, ok
	case opSplit:
		s, ok1 := re.begins(in.x, seen)
		t, ok2 := re.begins(in.y, seen)
		return [2]uint64{s[0] | t[0], s[1] | t[1]}, ok1 && ok2
	case opJump:
		return re.begins(in.x, seen)
	case opMark:
		return re.begins(pc+1, seen)
	}
	return [2]uint64{}, false
}

type assembler struct {
	code  []instr
	marks int
}

func (a *assembler) add(in instr) int {
	a.code = append(a.code, in)
	return len(a.code) - 1
}

func (a *assembler) emit(n *node) error {
	if len(a.code) > programMax {
		return fmt.Errorf("its program has more than %d steps", programMax)
	}
	switch n.kind {
	case nodeSeq:
		for _, s := range n.subs {
			if err := a.emit(s); err != nil {
				return err
			}
		}
	case nodeAlt:
		return a.alternatives(n.subs)
	case nodeRune:
		a.add(instr{op: opRune, r: n.r})
	case nodeSet:
		a.add(instr{op: opSet, set: n.set})
	case nodeAssert:
		a.add(instr{op: n.op})
	case nodeRepeat:
		return a.repeat(n)
	case nodeAtomic, nodeLook:
		sub, err := assemble(n.subs[0])
		if err != nil {
			return err
		}
		if n.kind == nodeAtomic {
			a.add(instr{op: opAtomic, sub: sub})
			return nil
		}
		in := instr{op: opLook, sub: sub, not: n.not}
		if n.behind {
			width, ok := n.subs[0].width()
			if !ok {
				return fmt.Errorf("look-behind of varying length is not supported")
			}
			in.behind = width
		}
		a.add(in)
	}
	return nil
}

func (a *assembler) alternatives(subs []*node) error {
	var ends []int
	for i, s := range subs {
		split := -1
		if i < len(subs)-1 {
			split = a.add(instr{op: opSplit})
			a.code[split].x = split + 1
		}
		if err := a.emit(s); err != nil {
			return err
		}
		if split >= 0 {
			ends = append(ends, a.add(instr{op: opJump}))
			a.code[split].y = len(a.code)
		}
	}
	for _, e := range ends {
		a.code[e].x = len(a.code)
	}
	return nil
}

func (a *assembler) repeat(n *node) error {
	sub := n.subs[0]
	if n.hold {
		plain := *n
		plain.hold = false
		return a.emit(&node{kind: nodeAtomic, subs: []*node{&plain}})
	}
	if sub.kind == nodeRune {
		sub = &node{kind: nodeSet, set: newSet(&charSet{ranges: [][2]rune{{sub.r, sub.r}}})}
	}
	if sub.kind == nodeSet {
		a.add(instr{op: opRun, set: sub.set, min: n.min, max: n.max, lazy: n.lazy})
		return nil
	}
	for range n.min {
		if err := a.emit(sub); err != nil {
			return err
		}
	}
	if n.max < 0 {
		split := a.add(instr{op: opSplit})
		back := instr{op: opJump, x: split}
		if sub.mayBeEmpty() { // else it would repeat for ever
			back = instr{op: opAgain, x: a.marks, y: split}
			a.add(instr{op: opMark, x: a.marks})
			a.marks++
		}
		if err := a.emit(sub); err != nil {
			return err
		}
		a.add(back)
		a.branch(split, n.lazy)
		return nil
	}
	var splits []int
	for range n.max - n.min {
		splits = append(splits, a.add(instr{op: opSplit}))
		if err := a.emit(sub); err != nil {
			return err
		}
	}
	for _, s := range splits {
		a.branch(s, n.lazy)
	}
	return nil
}

// branch makes the split choose between the step after it and the end of the program so far.
func (a *assembler) branch(split int, lazy bool) {
	in := &a.code[split]
	in.x, in.y = split+1, len(a.code)
	if lazy {
		in.x, in.y = in.y, in.x
	}
}

// width returns the number of characters that n matches, if it is always the same.
func (n *node) width() (int, bool) {
	switch n.kind {
	case nodeRune, nodeSet:
		return 1, true
	case nodeAssert, nodeLook:
		return 0, true
	case nodeRepeat:
		w, ok := n.subs[0].width()
		return w * n.min, ok && n.min == n.max
	case nodeAlt:
		first, ok := n.subs[0].width()
		same := !slices.ContainsFunc(n.subs[1:], func(s *node) bool {
			w, ok := s.width()
			return !ok || w != first
		})
		return first, ok && same
	}
	total := 0
	for _, s := range n.subs {
		w, ok := s.width()
		if !ok {
			return 0, false
		}
		total += w
	}
	return total, true
}

// mayBeEmpty tells whether n may match nothing.
func (n *node) mayBeEmpty() bool {
	switch n.kind {
	case nodeRune, nodeSet:
		return false
	case nodeAssert, nodeLook:
		return true
	case nodeRepeat:
		return n.min == 0 || n.subs[0].mayBeEmpty()
	case nodeAlt:
		return slices.ContainsFunc(n.subs, (*node).mayBeEmpty)
	}
	return !slices.ContainsFunc(n.subs, func(s *node) bool { return !s.mayBeEmpty() })
}

package token

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A jsonReader reads JSON (RFC 8259) from a string and hands out parts of it without copying. Vocabularies are a megabyte
// and more of short strings, with which encoding/json takes its time.
type jsonReader struct {
	text string
	at   int
}

// jsonDepthMax is how deep values may lie within one another.
const jsonDepthMax = 1000

// fault is an error at the reader's place.
func (r *jsonReader) fault(want string) error {
	if r.at >= len(r.text) {
		return fmt.Errorf("the text ends where %s should stand", want)
	}
	return fmt.Errorf("byte %d: %q stands where %s should", r.at, r.text[r.at:min(len(r.text), r.at+8)], want)
}

// peek skips white space and returns the next byte, or 0 at the end.
func (r *jsonReader) peek() byte {
	for r.at < len(r.text) {
		switch c := r.text[r.at]; c {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return c
		}
	}
	return 0
}

// take skips white space and c, if c is next.
func (r *jsonReader) take(c byte) bool {
	if r.peek() != c || r.at >= len(r.text) {
		return false
	}
	r.at++
	return true
}

// object reads an object; member must read the value of the key it is given.
func (r *jsonReader) object(member func(key string) error) error {
	if !r.take('{') {
		return r.fault("{")
	}
	if r.take('}') {
		return nil
	}
	for {
		key, err := r.string()
		if err != nil {
			return err
		}
		if !r.take(':') {
			return r.fault("a colon")
		}
		if err := member(key); err != nil {
			return err
		}
		if r.take('}') {
			return nil
		}
		if !r.take(',') {
			return r.fault("a comma or }")
		}
	}
}

// array reads an array; element must read an element.
func (r *jsonReader) array(element func(i int) error) error {
	if !r.take('[') {
		return r.fault("[")
	}
	if r.take(']') {
		return nil
	}
	for i := 0; ; i++ {
		if err := element(i); err != nil {
			return err
		}
		if r.take(']') {
			return nil
		}
		if !r.take(',') {
			return r.fault("a comma or ]")
		}
	}
}

// string reads a string.
func (r *jsonReader) string() (string, error) {
	if !r.take('"') {
		return "", r.fault("a string")
	}
	from := r.at
	escaped := false
	for r.at < len(r.text) {
		switch c := r.text[r.at]; {
		case c == '"':
			s := r.text[from:r.at]
			r.at++
			if escaped {
				return unescape(s)
			}
			return s, nil
		case c == '\\':
			escaped = true
			r.at = min(r.at+2, len(r.text))
		case c < ' ':
			return "", r.fault("an escape for the control character")
		default:
			r.at++
		}
	}
	return "", r.fault("the end of a string")
}

// unescape undoes the escapes in a string.
func unescape(s string) (string, error) {
	var b strings.Builder
	for s != "" {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		c := s[i+1]
		s = s[i+2:]
		const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
		if k := strings.IndexByte(from, c); k >= 0 {
			b.WriteByte(to[k])
			continue
		}
		if c != 'u' {
			return "", fmt.Errorf(`\%c is no escape`, c)
		}
		unit, rest, err := hexUnit(s)
		if err != nil {
			return "", err
		}
		s = rest
		if utf16.IsSurrogate(unit) {
			second := rune(utf8.RuneError)
			if after, ok := strings.CutPrefix(s, `\u`); ok {
				if second, rest, err = hexUnit(after); err != nil {
					return "", err
				}
			}
			if pair := utf16.DecodeRune(unit, second); pair != utf8.RuneError {
				unit, s = pair, rest
			}
		}
		b.WriteRune(unit)
	}
	return b.String(), nil
}

// hexUnit reads the four digits of \uXXXX.
func hexUnit(s string) (rune, string, error) {
	if len(s) < 4 {
		return 0, "", errors.New(`\u needs four digits`)
	}
	n, err := strconv.ParseUint(s[:4], 16, 16)
	if err != nil {
		return 0, "", fmt.Errorf(`\u%s is no escape`, s[:4])
	}
	return rune(n), s[4:], nil
}

// number returns the text of a number.
func (r *jsonReader) number() (string, error) {
	r.peek()
	from := r.at
	r.accept("-")
	if !r.accept("0") && !r.digits() {
		return "", r.fault("a number")
	}
	if r.accept(".") && !r.digits() {
		return "", r.fault("a digit")
	}
	if r.accept("eE") {
		r.accept("+-")
		if !r.digits() {
			return "", r.fault("a digit")
		}
	}
	return r.text[from:r.at], nil
}

// accept skips one byte if it is in set.
func (r *jsonReader) accept(set string) bool {
	if r.at < len(r.text) && strings.IndexByte(set, r.text[r.at]) >= 0 {
		r.at++
		return true
	}
	return false
}

// digits skips digits and tells whether there were any.
func (r *jsonReader) digits() bool {
	from := r.at
	for r.at < len(r.text) && '0' <= r.text[r.at] && r.text[r.at] <= '9' {
		r.at++
	}
	return r.at > from
}

// id reads a number that is an id.
func (r *jsonReader) id() (int32, error) {
	s, err := r.number()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%s is no id", s)
	}
	return int32(n), nil
}

// raw returns the text of whatever value is next.
func (r *jsonReader) raw(depth int) (string, error) {
	c := r.peek()
	from := r.at
	if depth > jsonDepthMax {
		return "", fmt.Errorf("values lie more than %d deep", jsonDepthMax)
	}
	skip := func() error {
		_, err := r.raw(depth + 1)
		return err
	}
	var err error
	switch c {
	case '{':
		err = r.object(func(string) error { return skip() })
	case '[':
		err = r.array(func(int) error { return skip() })
	case '"':
		_, err = r.string()
	case 't', 'f', 'n':
		for _, word := range []string{"true", "false", "null"} {
			if strings.HasPrefix(r.text[r.at:], word) {
				r.at += len(word)
				return word, nil
			}
		}
		err = r.fault("a value")
	default:
		_, err = r.number()
	}
	return r.text[from:r.at], err
}

// end tells whether nothing follows.
func (r *jsonReader) end() error {
	if r.peek() != 0 || r.at < len(r.text) {
		return r.fault("the end")
	}
	return nil
}

// members returns the values of an object by their keys.
func members(text string) (map[string]string, error) {
	r := &jsonReader{text: text}
	out := map[string]string{}
	err := r.object(func(key string) (err error) {
		out[key], err = r.raw(0)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, r.end()
}

// readVocab reads an object of tokens and their ids.
func readVocab(text string) (map[string]int32, error) {
	const likely = 16 // bytes an entry
	ids := make(map[string]int32, len(text)/likely)
	r := &jsonReader{text: text}
	err := r.object(func(key string) (err error) {
		ids[key], err = r.id()
		return err
	})
	return ids, err
}

// readScores reads an array of [token, score].
func readScores(text string) (tokens []string, scores []float64, err error) {
	r := &jsonReader{text: text}
	err = r.array(func(int) error {
		var token string
		var score float64
		n := 0
		err := r.array(func(i int) (err error) {
			n++
			if i == 0 {
				token, err = r.string()
				return err
			}
			s, err := r.number()
			score = quickFloat(s)
			return err
		})
		if err == nil && n != 2 {
			err = fmt.Errorf("an entry has %d parts, not a token and a score", n)
		}
		tokens, scores = append(tokens, token), append(scores, score)
		return err
	})
	return tokens, scores, err
}

// quickFloat returns the value of a number as the reference reads it: the digits as a whole number, which float64 rounds,
// divided by a power of ten, which rounds again. The last bit decides between two ways to cut a word that should be
// equally good.
func quickFloat(s string) float64 {
	s, negative := strings.CutPrefix(s, "-")
	mantissa, exponent, _ := strings.Cut(strings.ToLower(s), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits, power := uint64(0), 0
	full := false // more digits do not fit, and do not count
	for i, part := range [2]string{whole, fraction} {
		for j := range len(part) {
			high, low := bits.Mul64(digits, 10)
			next, carry := bits.Add64(low, uint64(part[j]-'0'), 0)
			full = full || high > 0 || carry > 0
			switch {
			case !full:
				digits = next
				power -= i
			case i == 0:
				power++
			}
		}
	}
	e, err := strconv.Atoi(cmp.Or(exponent, "0"))
	if err != nil { // beyond all float64s
		e = 1 << 20
		if strings.HasPrefix(exponent, "-") {
			e = -e
		}
	}
	f := float64(digits)
	switch power += e; {
	case power >= 0:
		f *= math.Pow10(power)
	case power < -308:
		f = f / 1e308 / math.Pow10(-power-308)
	default:
		f /= math.Pow10(-power)
	}
	if math.IsNaN(f) { // 0 times a power beyond all float64s
		f = 0
	}
	if negative {
		return -f
	}
	return f
}

// readMerges reads an array of "a b" or ["a", "b"] and gives the pairs to take.
func readMerges(text string, take func(i int, left, right string) error) error {
	r := &jsonReader{text: text}
	return r.array(func(i int) error {
		var pair [2]string
		if r.peek() != '[' {
			s, err := r.string()
			if err != nil {
				return err
			}
			var ok bool
			if pair[0], pair[1], ok = strings.Cut(s, " "); !ok || strings.Contains(pair[1], " ") {
				return fmt.Errorf("%q is not two tokens with a space between them", s)
			}
			return take(i, pair[0], pair[1])
		}
		n := 0
		err := r.array(func(j int) (err error) {
			n++
			if j < 2 {
				pair[j], err = r.string()
				return err
			}
			return r.fault("]")
		})
		if err == nil && n != 2 {
			err = fmt.Errorf("a merge has %d parts", n)
		}
		if err != nil {
			return err
		}
		return take(i, pair[0], pair[1])
	})
}

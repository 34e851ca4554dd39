package token

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// fileMax is the size of the largest file that Parse and Open read.
const fileMax = 256 << 20

// nestingMax is how deep components may lie within Sequence components.
const nestingMax = 8

// file is a tokenizer.json. Components are kept as they stand there, so that they go out as they came in.
type file struct {
	version, truncation, padding, normalizer, preTokenizer, postProcessor, decoder, model string

	added []AddedToken
}

// readFileText takes a tokenizer.json apart.
func readFileText(text string) (*file, error) {
	parts, err := members(text)
	if err != nil {
		return nil, err
	}
	f := &file{
		version: parts["version"], truncation: parts["truncation"], padding: parts["padding"],
		normalizer: parts["normalizer"], preTokenizer: parts["pre_tokenizer"], postProcessor: parts["post_processor"],
		decoder: parts["decoder"], model: parts["model"],
	}
	if added := parts["added_tokens"]; added != "" {
		if err := json.Unmarshal([]byte(added), &f.added); err != nil {
			return nil, fmt.Errorf("added_tokens: %w", err)
		}
	}
	return f, nil
}

// MarshalJSON puts it together again.
func (f *file) MarshalJSON() ([]byte, error) {
	added := f.added
	if added == nil {
		added = []AddedToken{}
	}
	list, err := json.Marshal(added)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for i, part := range [][2]string{
		{"version", cmp.Or(f.version, `"1.0"`)}, {"truncation", f.truncation}, {"padding", f.padding},
		{"added_tokens", string(list)}, {"normalizer", f.normalizer}, {"pre_tokenizer", f.preTokenizer},
		{"post_processor", f.postProcessor}, {"decoder", f.decoder}, {"model", f.model},
	} {
		sep := ','
		if i == 0 {
			sep = '{'
		}
		fmt.Fprintf(&out, "%c%q:%s", sep, part[0], cmp.Or(part[1], "null"))
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// A component is the JSON object of a part of the pipeline and where it stands in the file.
type component struct {
	raw   json.RawMessage
	path  string
	depth int
	kind  string // its type
}

// open reads the component's type.
func (c *component) open() error {
	var head struct {
		Type *string `json:"type"`
	}
	if err := c.read(&head); err != nil {
		return err
	}
	if head.Type == nil {
		return c.fault("it has no type")
	}
	c.kind = *head.Type
	if c.depth > nestingMax {
		return c.fault("components lie more than %d deep", nestingMax)
	}
	return nil
}

// read fills fields from the component's.
func (c component) read(fields any) error {
	if err := json.Unmarshal(c.raw, fields); err != nil {
		return c.fault("%w", err)
	}
	return nil
}

// fault is an error of the component.
func (c component) fault(format string, args ...any) error {
	return fmt.Errorf("token: tokenizer.json: %s: %w", c.path, fmt.Errorf(format, args...))
}

// unsupported is the error for a component of unknown type.
func (c component) unsupported(known ...string) error {
	return c.fault("%s is not supported; known are %s", c.kind, strings.Join(known, ", "))
}

// children returns the components of a Sequence.
func (c component) children(key string) ([]component, error) {
	var fields map[string]json.RawMessage
	if err := c.read(&fields); err != nil {
		return nil, err
	}
	var raws []json.RawMessage
	if err := json.Unmarshal(fields[key], &raws); err != nil {
		return nil, c.fault("%s: %w", key, err)
	}
	out := make([]component, len(raws))
	for i, raw := range raws {
		out[i] = component{raw: raw, path: fmt.Sprintf("%s.%s[%d]", c.path, key, i), depth: c.depth + 1}
	}
	return out, nil
}

// sequence parses the components of a Sequence.
func sequence[T any](c component, key string, parse func(component) (T, error)) ([]T, error) {
	children, err := c.children(key)
	if err != nil {
		return nil, err
	}
	var out []T
	for _, child := range children {
		p, err := parse(child)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// patternField is {"String": s} or {"Regex": s}.
type patternField struct {
	String *string
	Regex  *string
}

// pattern makes the pattern of component c's field.
func (f patternField) pattern(c component) (pattern, error) {
	switch {
	case f.String != nil:
		return literal(*f.String), nil
	case f.Regex != nil:
		if words, ok := knownPatterns[*f.Regex]; ok {
			return words, nil
		}
		re, err := compileRegex(*f.Regex)
		if err != nil {
			return nil, c.fault("%w", err)
		}
		return re, nil
	}
	return nil, c.fault("pattern is neither a String nor a Regex")
}

func parseNormalizer(c component) (normalizer, error) {
	if err := c.open(); err != nil {
		return nil, err
	}
	switch c.kind {
	case "Sequence":
		ns, err := sequence(c, "normalizers", parseNormalizer)
		return normalizers(ns), err
	case "NFC":
		return form{canonical, true}, nil
	case "NFD":
		return form{canonical, false}, nil
	case "NFKC":
		return form{compatibility, true}, nil
	case "NFKD":
		return form{compatibility, false}, nil
	case "Lowercase":
		return lowercase{}, nil
	case "StripAccents":
		return stripAccents{}, nil
	case "Nmt":
		return nmt{}, nil
	case "ByteLevel":
		return byteNormalizer{}, nil
	case "BertNormalizer":
		f := struct {
			Clean   bool  `json:"clean_text"`
			Chinese bool  `json:"handle_chinese_chars"`
			Accents *bool `json:"strip_accents"`
			Lower   bool  `json:"lowercase"`
		}{Clean: true, Chinese: true, Lower: true}
		err := c.read(&f)
		accents := f.Lower
		if f.Accents != nil {
			accents = *f.Accents
		}
		return bertNormalizer{f.Clean, f.Chinese, accents, f.Lower}, err
	case "Strip":
		f := struct {
			Left  bool `json:"strip_left"`
			Right bool `json:"strip_right"`
		}{true, true}
		err := c.read(&f)
		return strip{f.Left, f.Right}, err
	case "Prepend":
		var f struct{ Prepend string }
		err := c.read(&f)
		return prepend(f.Prepend), err
	case "Replace":
		n, err := parseReplace(c)
		return n, err
	case "Precompiled":
		var f struct {
			Table string `json:"precompiled_charsmap"`
		}
		if err := c.read(&f); err != nil {
			return nil, err
		}
		p, err := parsePrecompiled(f.Table)
		if err != nil {
			return nil, c.fault("precompiled_charsmap: %w", err)
		}
		return p, nil
	}
	return nil, c.unsupported("BertNormalizer", "ByteLevel", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Nmt",
		"Precompiled", "Prepend", "Replace", "Sequence", "Strip", "StripAccents")
}

// parseReplace reads a Replace normalizer or decoder.
func parseReplace(c component) (replaceAll, error) {
	var f struct {
		Pattern patternField
		Content string
	}
	if err := c.read(&f); err != nil {
		return replaceAll{}, err
	}
	pat, err := f.Pattern.pattern(c)
	return replaceAll{pat, f.Content}, err
}

func parsePreTokenizer(c component) (preTokenizers, error) {
	if err := c.open(); err != nil {
		return nil, err
	}
	one := func(t preTokenizer, err error) (preTokenizers, error) { return preTokenizers{t}, err }
	switch c.kind {
	case "Sequence":
		ts, err := sequence(c, "pretokenizers", parsePreTokenizer)
		return slices.Concat(ts...), err
	case "BertPreTokenizer":
		return preTokenizers{
			splitAt{pattern: oneOf(classSpace), behavior: removed},
			splitAt{pattern: oneOf(classPunctuation), behavior: isolated},
		}, nil
	case "Whitespace":
		return one(splitAt{pattern: runs(whitespaceWords), behavior: removed, invert: true}, nil)
	case "WhitespaceSplit":
		return one(splitAt{pattern: oneOf(classSpace), behavior: removed}, nil)
	case "Punctuation":
		b, err := parseBehavior(c, "Isolated")
		return one(splitAt{pattern: oneOf(classPunctuation), behavior: b}, err)
	case "Digits":
		var f struct {
			Individual bool `json:"individual_digits"`
		}
		err := c.read(&f)
		b := contiguous
		if f.Individual {
			b = isolated
		}
		return one(splitAt{pattern: oneOf(classNumeric), behavior: b}, err)
	case "CharDelimiterSplit":
		var f struct{ Delimiter string }
		err := c.read(&f)
		return one(splitAt{pattern: literal(f.Delimiter), behavior: removed}, err)
	case "FixedLength":
		f := struct{ Length int }{5}
		err := c.read(&f)
		if err == nil && f.Length <= 0 {
			err = c.fault("a length of %d", f.Length)
		}
		return one(fixedLength(f.Length), err)
	case "Split":
		var f struct {
			Pattern patternField
			Invert  bool
		}
		if err := c.read(&f); err != nil {
			return nil, err
		}
		b, err := parseBehavior(c, "")
		if err != nil {
			return nil, err
		}
		pat, err := f.Pattern.pattern(c)
		return one(splitAt{pat, b, f.Invert}, err)
	case "ByteLevel":
		f := struct {
			PrefixSpace bool `json:"add_prefix_space"`
			Words       bool `json:"use_regex"`
		}{true, true}
		err := c.read(&f)
		return one(&byteLevel{prefixSpace: f.PrefixSpace, words: f.Words, spell: true}, err)
	case "Metaspace":
		m, err := parseMetaspace(c)
		return one(m, err)
	}
	return nil, c.unsupported("BertPreTokenizer", "ByteLevel", "CharDelimiterSplit", "Digits", "FixedLength", "Metaspace",
		"Punctuation", "Sequence", "Split", "Whitespace", "WhitespaceSplit")
}

// parseBehavior reads the behavior of a component; without a default it must be there.
func parseBehavior(c component, byDefault string) (behavior, error) {
	f := struct{ Behavior string }{byDefault}
	if err := c.read(&f); err != nil {
		return 0, err
	}
	b, ok := behaviors[f.Behavior]
	if !ok {
		return 0, c.fault("behavior %q is not known", f.Behavior)
	}
	return b, nil
}

// parseMetaspace reads a Metaspace pre-tokenizer or decoder, old forms included.
func parseMetaspace(c component) (metaspace, error) {
	f := struct {
		Replacement string
		Scheme      *string `json:"prepend_scheme"`
		PrefixSpace *bool   `json:"add_prefix_space"` // before there was a scheme
		Split       bool
	}{Replacement: "▁", Split: true}
	if err := c.read(&f); err != nil {
		return metaspace{}, err
	}
	m := metaspace{mark: f.Replacement, prepend: always, words: f.Split}
	if f.PrefixSpace != nil && !*f.PrefixSpace {
		m.prepend = never
	}
	if f.Scheme != nil {
		switch *f.Scheme {
		case "always":
			m.prepend = always
		case "first":
			m.prepend = first
		case "never":
			m.prepend = never
		default:
			return m, c.fault("prepend_scheme %q is not known", *f.Scheme)
		}
	}
	if f.Replacement == "" {
		return m, c.fault("replacement is empty")
	}
	return m, nil
}

func parsePostProcessor(c component) (postProcessor, error) {
	if err := c.open(); err != nil {
		return nil, err
	}
	switch c.kind {
	case "Sequence":
		ps, err := sequence(c, "processors", parsePostProcessor)
		return postProcessors(ps), err
	case "TemplateProcessing":
		return parseTemplate(c)
	case "BertProcessing", "RobertaProcessing":
		f := struct {
			Cls, Sep    json.RawMessage
			TrimOffsets bool `json:"trim_offsets"`
			PrefixSpace bool `json:"add_prefix_space"`
		}{TrimOffsets: true, PrefixSpace: true}
		if err := c.read(&f); err != nil {
			return nil, err
		}
		p := frame{roberta: c.kind == "RobertaProcessing", prefixed: f.PrefixSpace}
		p.trim = p.roberta && f.TrimOffsets
		return p, errors.Join(p.cls.read(c, "cls", f.Cls), p.sep.read(c, "sep", f.Sep))
	case "ByteLevel":
		f := struct {
			TrimOffsets bool `json:"trim_offsets"`
			PrefixSpace bool `json:"add_prefix_space"`
		}{true, true}
		err := c.read(&f)
		return trimmer{f.TrimOffsets, f.PrefixSpace}, err
	}
	return nil, c.unsupported("BertProcessing", "ByteLevel", "RobertaProcessing", "Sequence", "TemplateProcessing")
}

// read reads ["[SEP]", 102].
func (t *namedToken) read(c component, key string, raw json.RawMessage) error {
	if err := json.Unmarshal(raw, &[]any{&t.token, &t.id}); err != nil {
		return c.fault("%s: %w", key, err)
	}
	return nil
}

// templateField is a piece of a template in the file.
type templateField struct {
	Sequence, SpecialToken *struct {
		ID     string
		TypeID int32 `json:"type_id"`
	}
}

func parseTemplate(c component) (postProcessor, error) {
	var f struct {
		Single, Pair []templateField
		Tokens       map[string]struct {
			IDs    []int32
			Tokens []string
		} `json:"special_tokens"`
	}
	if err := c.read(&f); err != nil {
		return nil, err
	}
	pieces := func(key string, fields []templateField) ([]templatePiece, error) {
		var out []templatePiece
		for _, f1 := range fields {
			switch {
			case f1.Sequence != nil && (f1.Sequence.ID == "A" || f1.Sequence.ID == "B"):
				out = append(out, templatePiece{text: int(f1.Sequence.ID[0] - 'A'), typeID: f1.Sequence.TypeID})
			case f1.SpecialToken != nil:
				t, ok := f.Tokens[f1.SpecialToken.ID]
				if !ok || len(t.IDs) != len(t.Tokens) {
					return nil, c.fault("%s: special_tokens does not say what %q is", key, f1.SpecialToken.ID)
				}
				out = append(out, templatePiece{text: -1, typeID: f1.SpecialToken.TypeID, ids: t.IDs, tokens: t.Tokens})
			default:
				return nil, c.fault("%s: a piece is neither a SpecialToken nor Sequence A or B", key)
			}
		}
		return out, nil
	}
	single, err1 := pieces("single", f.Single)
	pair, err2 := pieces("pair", f.Pair)
	return template{single, pair}, errors.Join(err1, err2)
}

func parseDecoder(c component) (decoder, error) {
	if err := c.open(); err != nil {
		return nil, err
	}
	switch c.kind {
	case "Sequence":
		ds, err := sequence(c, "decoders", parseDecoder)
		return decoders(ds), err
	case "ByteLevel":
		return byteLevelDecoder{}, nil
	case "ByteFallback":
		return byteFallback{}, nil
	case "Fuse":
		return fuse{}, nil
	case "WordPiece":
		f := struct {
			Prefix  string
			Cleanup bool
		}{"##", true}
		err := c.read(&f)
		return wordPieceDecoder(f.Prefix, f.Cleanup), err
	case "BPEDecoder":
		f := struct{ Suffix string }{"</w>"}
		err := c.read(&f)
		return suffixDecoder(f.Suffix), err
	case "Metaspace":
		m, err := parseMetaspace(c)
		return metaspaceDecoder(m), err
	case "Replace":
		n, err := parseReplace(c)
		return replaceDecoder(n), err
	case "Strip":
		var f struct {
			Content     string
			Start, Stop int
		}
		err := c.read(&f)
		if err == nil && (f.Content == "" || f.Start < 0 || f.Stop < 0 || max(f.Start, f.Stop) > 1<<16) {
			err = c.fault("cannot strip %q %d and %d times", f.Content, f.Start, f.Stop)
		}
		return stripDecoder{f.Content, f.Start, f.Stop}, err
	case "CTC":
		f := struct {
			Pad     string `json:"pad_token"`
			Mark    string `json:"word_delimiter_token"`
			Cleanup bool
		}{"<pad>", "|", true}
		err := c.read(&f)
		return ctc{f.Pad, f.Mark, f.Cleanup}, err
	}
	return nil, c.unsupported("BPEDecoder", "ByteFallback", "ByteLevel", "CTC", "Fuse", "Metaspace", "Replace", "Sequence",
		"Strip", "WordPiece")
}

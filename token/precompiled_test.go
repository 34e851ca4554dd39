package token

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// makeTable is the base64 text of a table of replacements. It puts the children of every node at the first offset where
// all have room; the trie of a key ends in a node without label that holds where its replacement begins.
func makeTable(t testing.TB, replacements map[string]string) string {
	t.Helper()
	var blob strings.Builder
	at := map[string]uint32{}
	var keys []string
	for k := range replacements {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		at[k] = uint32(blob.Len())
		blob.WriteString(replacements[k] + "\x00")
	}
	units := make([]uint32, 1<<12)
	used := map[uint32]bool{0: true}
	var place func(node uint32, prefix string)
	place = func(node uint32, prefix string) {
		var labels []byte
		for _, k := range keys {
			if strings.HasPrefix(k, prefix) && len(k) > len(prefix) && !slices.Contains(labels, k[len(prefix)]) {
				labels = append(labels, k[len(prefix)])
			}
		}
		value, ends := at[prefix]
		for offset := uint32(1); ; offset++ {
			base := node ^ offset
			free := !ends || !used[base]
			for _, l := range labels {
				free = free && !used[base^uint32(l)]
			}
			if !free {
				continue
			}
			units[node] |= offset << 10
			if ends {
				used[base] = true
				units[node] |= 1 << 8
				units[base] = value | 1<<31
			}
			for _, l := range labels {
				used[base^uint32(l)] = true
				units[base^uint32(l)] = uint32(l)
			}
			for _, l := range labels {
				place(base^uint32(l), prefix+string([]byte{l}))
			}
			return
		}
	}
	place(0, "")
	raw := binary.LittleEndian.AppendUint32(nil, uint32(4*len(units)))
	for _, u := range units {
		raw = binary.LittleEndian.AppendUint32(raw, u)
	}
	return base64.StdEncoding.EncodeToString(append(raw, blob.String()...))
}

// someTable is a table with replacements longer and shorter than what they replace.
func someTable(t testing.TB) string {
	return makeTable(t, map[string]string{
		"\a": "", "\t": " ", "\r": " ", "½": "1/2", "ﬁ": "fi", "e\u0301": "é", "Ａ": "A", "Ⅳ": "IV", "\u3000": " ",
	})
}

func TestPrecompiled(t *testing.T) {
	p, err := parsePrecompiled(someTable(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ text, want string }{
		{"", ""}, {"plain", "plain"}, {"½ﬁ", "1/2fi"}, {"e\u0301x", "éx"}, {"a\ab", "ab"}, {"\r\nx", " x"}, {"\n\u0301", "\n\u0301"},
		{"e\u0301\u0323\u0323", "e\u0301\u0323\u0323"}, {"½\u0301", "1/2"}, {"日本", "日本"},
		{"\u0600e\u0301", "\u0600e\u0301"}, {"e\u0301🏼", "e\u0301🏼"}, {"\u0600\r\nx", "\u0600 x"},
	} {
		q := piece{text: c.text, added: noToken}
		p.normalize(&q)
		if q.text != c.want {
			t.Errorf("%q: have %q, want %q", c.text, q.text, c.want)
		}
		if q.origin != nil && len(q.origin) != len(q.text) {
			t.Errorf("%q: %d origins for %d bytes", c.text, len(q.origin), len(q.text))
		}
	}
	for _, bad := range []string{"!", "", "AAA=", base64.StdEncoding.EncodeToString([]byte{255, 255, 255, 255, 0})} {
		if _, err := parsePrecompiled(bad); err == nil {
			t.Errorf("%q is taken for a table", bad)
		}
	}
}

func TestPrefixTree(t *testing.T) {
	keys := []string{"a", "ab", "abc", "b", "", "a", "xyz"}
	for b := range 40 {
		keys = append(keys, "m"+string(rune('0'+b)))
	}
	tree := newPrefixTree(keys)
	for _, text := range []string{"", "a", "abcd", "xy", "xyz", "b", "m5", "mW", "m~"} {
		var have, want []int32
		tree.prefixes(text, func(_ int, v int32) bool { have = append(have, v); return true })
		for n := 1; n <= len(text); n++ {
			if i := slices.Index(keys, text[:n]); i >= 0 {
				want = append(want, int32(i))
			}
		}
		if !slices.Equal(have, want) {
			t.Errorf("%q: have %v, want %v", text, have, want)
		}
	}
}

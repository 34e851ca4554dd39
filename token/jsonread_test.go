package token

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
)

func TestJSONReaderEqualsTheLibrary(t *testing.T) {
	texts := []string{
		`null`, `true`, `nul`, `{}`, `[]`, `{"a":1,}`, `[1,]`, `[1 2]`, `{"a" 1}`, `{1:2}`, `"a`, `"\q"`, `"\u12"`, `"\ud83d\ude00"`,
		`"\ud83d"`, `"\ud83dx"`, `"\ude00\ud83d"`, "\"a\nb\"", `-0`, `01`, `1.`, `.5`, `1e`, `1e+5`, `-1.5E-3`, `--1`, ` [ 1 , "a\n\"" ] `, `[1]x`, ``, ` `,
		`{"a":{"b":[1,2,{"c":null}]},"é":"\u00e9\t\/"}`, "\x00", "[\x00]", `"\`, `[`, `{"a":`,
	}
	const bytes = `{}[],:"\0123456789-.eEtrufalsn `
	r := rand.New(rand.NewPCG(7, 8))
	for _, s := range texts {
		for range 200 { // and the same with a byte changed
			b := []byte(s)
			if len(b) > 0 && r.IntN(4) > 0 {
				b[r.IntN(len(b))] = bytes[r.IntN(len(bytes))]
			}
			text := string(b)
			reader := &jsonReader{text: text}
			_, err := reader.raw(0)
			if err == nil {
				err = reader.end()
			}
			if have, want := err == nil, json.Valid(b); have != want {
				t.Fatalf("%q: have %v (%v), want %v", text, have, err, want)
			}
			var want string
			if json.Unmarshal(b, &want) != nil || text == "null" || len(text) > 0 && text[0] == ' ' {
				continue
			}
			reader = &jsonReader{text: text}
			if have, err := reader.string(); err == nil && have != want {
				t.Fatalf("%q: have %q, want %q", text, have, want)
			}
		}
	}
}

func TestQuickFloat(t *testing.T) {
	for s, want := range map[string]float64{
		"0": 0, "-0.0": 0, "1.5": 1.5, "-12.25e1": -122.5, "1e400": math.Inf(1), "1e-400": 0, "0e999999999999": 0, "123456789012345678901234": 1.2345678901234568e23,
		"0.1": 0.1, "-8.25": -8.25, "1E+2": 100, "1e-310": 1e-310,
	} {
		if have := quickFloat(s); math.Abs(have-want) > math.Abs(want)*1e-15 && have != want {
			t.Errorf("%s: have %v, want %v", s, have, want)
		}
	}
}

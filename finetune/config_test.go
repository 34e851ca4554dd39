package finetune

import (
	"bytes"
	"testing"
)

// FuzzReadConfig reads any bytes as a configuration file: an error or options, which then are written and read back as
// they are.
func FuzzReadConfig(f *testing.F) {
	var all bytes.Buffer
	if err := WriteConfig(&all, Defaults()); err != nil {
		f.Fatal(err)
	}
	f.Add(all.Bytes())
	f.Add([]byte("learning_rate: 2e-3\ntrain: [a.csv, b.csv]\nfreeze: ['bert.*']\npeft_config: {r: 8}\n"))
	f.Add([]byte(`{"from_scratch": "lstm", "widths": [3, 4], "dropout": 0.1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		o := Defaults()
		if ReadConfig(raw, &o) != nil {
			return
		}
		var written bytes.Buffer
		if err := WriteConfig(&written, o); err != nil {
			t.Fatal(err)
		}
		again := Options{}
		if err := ReadConfig(written.Bytes(), &again); err != nil {
			t.Fatalf("what was written is not read: %v\n%s", err, &written)
		}
		var twice bytes.Buffer
		if err := WriteConfig(&twice, again); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(written.Bytes(), twice.Bytes()) {
			t.Errorf("have\n%swant\n%s", &twice, &written)
		}
	})
}

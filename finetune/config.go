package finetune

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ReadConfig reads a YAML or JSON file of options over o, which keeps what the
// file does not name. A key that is no option is an error.
func ReadConfig(raw []byte, o *Options) error {
	var any map[string]any
	if err := yaml.Unmarshal(raw, &any); err != nil { // YAML holds JSON
		return err
	}
	spelled, err := json.Marshal(any)
	if err != nil {
		return err
	}
	known := Fields(o)
	for key := range any {
		if !slices.ContainsFunc(known, func(f Option) bool { return f.Key == key }) {
			return fmt.Errorf("there is no option %q%s", key, meant(key, known))
		}
	}
	d := json.NewDecoder(bytes.NewReader(spelled))
	d.DisallowUnknownFields()
	err = d.Decode(o)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return fmt.Errorf("%s: have a %s, want %s", wrong.Field[strings.LastIndexByte(wrong.Field, '.')+1:], wrong.Value, wanted(wrong.Type))
	}
	return err
}

// meant asks for the option whose name is nearest to key, where one is near.
func meant(key string, known []Option) string {
	best, least := "", len(key)/3+1
	for _, f := range known {
		if d := distance(key, f.Key); d < least {
			best, least = f.Key, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": is %q meant?", best)
}

// distance is how many letters must be put in, left out or changed to make b of a
// (Levenshtein 1966).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		above := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := above
			if a[i] != b[j] {
				change++
			}
			above = row[j+1]
			row[j+1] = min(change, above+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// wanted names a type for people.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return wanted(t.Elem())
	case reflect.Int, reflect.Uint64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Struct:
		return "a map"
	}
	return "a " + t.Kind().String()
}

// Option is one field of Options.
type Option struct {
	Key   string // in configuration files
	Value reflect.Value
}

// Fields gives every field of o that a configuration file holds, in order.
func Fields(o *Options) (list []Option) {
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		for i := range v.NumField() {
			f := v.Type().Field(i)
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch {
			case f.Anonymous:
				walk(v.Field(i))
			case key != "-" && key != "" && f.IsExported():
				list = append(list, Option{key, v.Field(i)})
			}
		}
	}
	walk(reflect.ValueOf(o).Elem())
	return list
}

// WriteConfig writes all options as YAML, those with their zero value too, each
// in a line of its own. What ReadConfig reads of it are the same options.
func WriteConfig(w io.Writer, o Options) error {
	if o.Command != "" {
		if _, err := fmt.Fprintf(w, "# %s\n", o.Command); err != nil {
			return err
		}
	}
	for _, f := range Fields(&o) {
		value, err := json.Marshal(f.Value.Interface()) // a value of YAML as it is
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s: %s\n", f.Key, value); err != nil {
			return err
		}
	}
	return nil
}

package finetune

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
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
	d := json.NewDecoder(bytes.NewReader(spelled))
	d.DisallowUnknownFields()
	return d.Decode(o)
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

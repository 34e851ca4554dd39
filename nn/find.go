package nn

import (
	"iter"
	"reflect"
	"strconv"
	"strings"
)

// Params walks the parameters of a model, the struct behind the pointer m, in
// the order of its fields, with the names that their tags spell: a field tagged
// `ckpt:"h"` that holds a slice of blocks gives h.0, h.1, …; a tag may have dots
// of its own; a field without a tag adds nothing to the name. A parameter that
// stands in several places (tied weights) comes once, under its first name.
func Params(m any) iter.Seq2[string, *Param] {
	return func(yield func(string, *Param) bool) {
		seen := map[*Param]bool{}
		walk(reflect.ValueOf(m), "", func(name string, v reflect.Value) bool {
			w, ok := v.Interface().(*Param)
			if !ok {
				return true
			}
			if w == nil || seen[w] {
				return true
			}
			seen[w] = true
			return yield(name, w)
		})
	}
}

// Namer is a part of a model whose parameters have names that tags cannot spell,
// such as PyTorch's weight_ih_l0_reverse. Params takes these names, behind that of
// the part, in place of its fields.
type Namer interface {
	Named() iter.Seq2[string, *Param]
}

// Find gives every T within the model m that is not nil, in the order of its
// fields: Find[*attention.Core] gives the cores of all layers, so that another
// paper can be put into each.
func Find[T any](m any) []T {
	var found []T
	walk(reflect.ValueOf(m), "", func(_ string, v reflect.Value) bool {
		if v.Kind() == reflect.Pointer && v.IsNil() {
			return true
		}
		if x, ok := v.Interface().(T); ok {
			found = append(found, x)
		} else if v.CanAddr() {
			if x, ok := v.Addr().Interface().(T); ok {
				found = append(found, x)
			}
		}
		return true
	})
	return found
}

// walk calls f with every exported field below v and its name, parents first,
// until f gives false. Fields of an embedded struct count as its owner's, exported
// or not.
func walk(v reflect.Value, name string, f func(string, reflect.Value) bool) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return true
		}
		if v.Type() == reflect.TypeFor[*Param]() {
			return true
		}
		if part, ok := namer(v); ok {
			for own, w := range part.Named() {
				if !f(join(name, own), reflect.ValueOf(w)) {
					return false
				}
			}
			return true
		}
		return walk(v.Elem(), name, f)
	case reflect.Slice, reflect.Array:
		switch v.Type().Elem().Kind() {
		case reflect.Pointer, reflect.Struct, reflect.Interface, reflect.Slice, reflect.Array:
		default:
			return true // numbers
		}
		for i := range v.Len() {
			at := join(name, strconv.Itoa(i))
			if !f(at, v.Index(i)) || !walk(v.Index(i), at, f) {
				return false
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			tag := field.Tag.Get("ckpt")
			if tag == "-" || !field.IsExported() && !field.Anonymous {
				continue
			}
			at := join(name, tag)
			if field.IsExported() && !f(at, v.Field(i)) || !walk(v.Field(i), at, f) {
				return false
			}
		}
	}
	return true
}

func namer(v reflect.Value) (part Namer, ok bool) {
	if v.CanInterface() {
		part, ok = v.Interface().(Namer)
	}
	return part, ok
}

func join(a, b string) string { return strings.Trim(a+"."+b, ".") }

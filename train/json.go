package train

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// sortedKeys are the keys of both objects.
func sortedKeys(a, b map[string]json.RawMessage) []string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]json.RawMessage{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

// compact is JSON without white space; "absent" where there is none.
func compact(raw json.RawMessage) []byte {
	var b bytes.Buffer
	if len(raw) == 0 || json.Compact(&b, raw) != nil {
		return []byte("absent")
	}
	return b.Bytes()
}

package checkpoint

import (
	"slices"
	"strings"
)

// BindBody is Bind for a network that gets another head: the file's head is left
// aside, and the parameters of the page's head that the file lacks, or has in
// another shape, are named and have no values. Whatever is wrong with the
// network itself is an error as ever.
func (f *Folder) BindBody(m any, r Rules) (fresh []string, err error) {
	p := f.bind(m, r)
	head := func(name string) bool {
		return r.Base != "" && !strings.HasPrefix(name, r.Base+".") || r.spare(name)
	}
	for _, names := range []*[]string{&p.Missing, &p.Shapes} {
		*names = slices.DeleteFunc(*names, func(name string) bool {
			name, _, _ = strings.Cut(name, ": ")
			if head(name) {
				fresh = append(fresh, name)
			}
			return head(name)
		})
	}
	if f.whole(r) {
		p.Unused = slices.DeleteFunc(p.Unused, head)
		p.Untied = slices.DeleteFunc(p.Untied, func(line string) bool {
			name, _, _ := strings.Cut(line, ": ")
			return head(name)
		})
	}
	if p.any() {
		return nil, p
	}
	return fresh, nil
}

// whole says whether the file's names tell its network from its head.
func (f *Folder) whole(r Rules) bool {
	for t := range f.Weights.All() {
		if r.Base != "" && strings.HasPrefix(t.Name, r.Base+".") {
			return true
		}
	}
	return false
}

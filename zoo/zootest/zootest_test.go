package zootest

import (
	"testing"

	"github.com/qkvgo/qkv/zoo"
)

// Every kind can be made and loaded.
func TestMake(t *testing.T) {
	for kind := range Configs {
		dir := t.TempDir()
		if err := Make(kind, dir); err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		m, err := zoo.Open(dir)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		m.Close()
	}
	if Make("none", t.TempDir()) == nil {
		t.Error("an unknown kind was made")
	}
}

// Package attentiontest holds attention mechanisms to the laws of the seam:
// whatever a mechanism computes, it equals one plain loop in float64, is linear
// in V, treats sequences apart, gives the same bits on every machine, and has
// the gradients of what it computes. What a mechanism does not claim in its
// Abilities is not asked of it.
//
//	func TestSoftmax(t *testing.T) {
//		attentiontest.Run(t, attentiontest.Subject{Mechanism: attention.Softmax{}, Oracle: attentiontest.Softmax})
//	}
package attentiontest

import (
	"fmt"
	"testing"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
)

// Subject is a mechanism under test.
type Subject struct {
	Mechanism attention.Mechanism
	Oracle    Oracle  // what it should compute
	Trials    int     // random problems for each law; 0: 40
	Tolerance float64 // of numbers against the oracle's, in units of 2⁻²⁴ of the largest value; 0: 32
}

// law is one thing that must hold for any problem.
type law struct {
	name  string
	cost  int                            // trials are so many times fewer
	needs func(attention.Abilities) bool // nil: nothing
	holds func(s *Subject, d *draw, dev *cpu.Device) error
}

var laws = []law{
	{"oracle", 1, nil, oracleLaw},
	{"weights", 1, nil, weightsLaw},
	{"linear in V", 1, nil, linearLaw},
	{"merge", 1, func(a attention.Abilities) bool { return a.Patterns == attention.AnyPattern }, mergeLaw},
	{"batch is singles", 1, nil, singlesLaw},
	{"stepping is whole", 1, func(a attention.Abilities) bool { return a.Streams }, steppingLaw},
	{"wide window", 1, func(a attention.Abilities) bool { return a.Patterns == attention.AnyPattern }, windowLaw},
	{"gradients", 2, func(a attention.Abilities) bool { return a.Learns }, gradientLaw},
	{"part of the gradients", 1, func(a attention.Abilities) bool { return a.Learns }, partLaw},
	{"dropout", 4, func(a attention.Abilities) bool { return a.Drop }, dropoutLaw},
	{"same bits", 4, nil, sameBitsLaw},
}

// Run holds a mechanism to every law that its abilities claim, each on random
// problems: odd sizes, shared keys, empty sequences, patterns, terms.
func Run(t *testing.T, s Subject) {
	if s.Trials == 0 {
		s.Trials = 40
	}
	if s.Tolerance == 0 {
		s.Tolerance = 32
	}
	for i, l := range laws {
		if l.needs != nil && !l.needs(s.Mechanism.Abilities()) {
			continue
		}
		t.Run(l.name, func(t *testing.T) {
			dev := cpu.New(cpu.Options{Threads: 2})
			defer dev.Close()
			for trial := range (s.Trials + l.cost - 1) / l.cost {
				d := newDraw(uint64(i), uint64(trial))
				if err := l.holds(&s, d, dev); err != nil {
					t.Errorf("trial %d: %v", trial, err)
				}
			}
			if m := dev.Memory(); m.InUse != 0 {
				t.Errorf("%d bytes still in use", m.InUse)
			}
		})
	}
}

// devices calls f with a device of every kernel set on every number of threads.
func devices(f func(name string, dev *cpu.Device) error) error {
	for _, set := range kernel.Sets() {
		for _, n := range []int{1, 2, 3, 7} {
			dev := cpu.New(cpu.Options{Threads: n, Kernels: set})
			name := fmt.Sprintf("%s on %d threads", set.Name, n)
			err := f(name, dev)
			if closing := dev.Close(); err == nil {
				err = closing
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

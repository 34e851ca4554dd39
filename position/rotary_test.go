package position_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/position"
	"github.com/qkvgo/qkv/tensor"
)

const unit = 0x1p-24

// scaled is a rotation with its frequencies, ω by place and context, and the
// factor of cosines and sines, in float64.
type scaled struct {
	name      string
	scaling   string
	positions int
	original  int
	omega     func(i, dim, context int, theta float64) float64
	factor    float64
}

func plainOmega(i, dim, _ int, theta float64) float64 {
	return math.Pow(theta, -2*float64(i)/float64(dim))
}

// between is how far x is from lo to hi, in 0 … 1.
func between(x, lo, hi float64) float64 { return min(max((x-lo)/(hi-lo), 0), 1) }

// yarnOmega is the paper's "NTK-by-parts": dimensions that turn more than fast
// times within the context stay, those that turn less than slow times slow down.
func yarnOmega(factor, positions, fast, slow float64) func(i, dim, context int, theta float64) float64 {
	return func(i, dim, context int, theta float64) float64 {
		place := func(turns float64) float64 { // ω·positions = 2π·turns at this place
			return float64(dim) / 2 * math.Log(positions/(2*math.Pi*turns)) / math.Log(theta)
		}
		lo, hi := max(math.Floor(place(fast)), 0), min(math.Ceil(place(slow)), float64(dim-1))
		if lo == hi { // every place but the first turns less than the slowest
			hi += 0.001
		}
		slowed, w := between(float64(i), lo, hi), plainOmega(i, dim, context, theta)
		return (1-slowed)*w + slowed*w/factor
	}
}

var factors = [8]float64{1, 1.5, 2, 3, 1.25, 4, 7, 8}

func longOmega(i, dim, context int, theta float64) float64 {
	return plainOmega(i, dim, context, theta) / factors[i]
}

func shortOmega(i, dim, context int, theta float64) float64 {
	return plainOmega(i, dim, context, theta) / (1 + float64(i)/8)
}

var longrope = `{"rope_type":"longrope",%s"long_factor":[1,1.5,2,3,1.25,4,7,8],"short_factor":[1,1.125,1.25,1.375,1.5,1.625,1.75,1.875]}`

var rotations = []scaled{
	{"none", "", 128, 0, plainOmega, 1},
	{"null", " null", 128, 0, plainOmega, 1},
	{"default", `{"rope_type":"default"}`, 128, 0, plainOmega, 1},
	{"linear", `{"type":"linear","factor":2.5}`, 128, 0, func(i, dim, c int, theta float64) float64 { return plainOmega(i, dim, c, theta) / 2.5 }, 1},
	{"dynamic", `{"rope_type":"dynamic","factor":3}`, 40, 0, func(i, dim, context int, theta float64) float64 {
		if context > 40 { // the base grows so that the slowest frequency spans the context
			theta *= math.Pow(3*float64(context)/40-2, float64(dim)/float64(dim-2))
		}
		return plainOmega(i, dim, context, theta)
	}, 1},
	{"yarn", `{"rope_type":"yarn","factor":4}`, 2048, 0, yarnOmega(4, 2048, 32, 1), 0.1*math.Log(4) + 1},
	{"yarn with factors", `{"rope_type":"yarn","factor":4,"beta_fast":16,"beta_slow":2,"attention_factor":0.75}`, 4096, 0, yarnOmega(4, 4096, 16, 2), 0.75},
	{"yarn in a context of one turn", `{"rope_type":"yarn","factor":4}`, 6, 0, yarnOmega(4, 6, 32, 1), 0.1*math.Log(4) + 1},
	{"llama3", `{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":64}`, 512, 0,
		func(i, dim, c int, theta float64) float64 {
			w := plainOmega(i, dim, c, theta)
			turns := 64 * w / (2 * math.Pi)
			kept := between(turns, 1, 4)
			return kept*w + (1-kept)*w/8
		}, 1},
	{"longrope by factor", fmt.Sprintf(longrope, `"factor":4,`), 128, 0, longOmega, math.Sqrt(1 + math.Log(4)/math.Log(128))},
	{"longrope, not stretched", fmt.Sprintf(longrope, `"factor":1,`), 128, 0, shortOmega, 1},
	{"longrope by the original context", fmt.Sprintf(longrope, ""), 1024, 128, longOmega, math.Sqrt(1 + math.Log(8)/math.Log(128))},
	{"longrope at the original context", fmt.Sprintf(longrope, `"factor":4,`), 128, 128, shortOmega, 1},
	{"longrope with an attention factor", fmt.Sprintf(longrope, `"factor":4,"attention_factor":1.5,"original_max_position_embeddings":77,`), 128, 0, longOmega, 1.5},
}

// turned is a head vector turned at a position, in float64; back turns it the
// other way.
func (s scaled) turned(x []float32, dim, pos, context int, theta float64, back bool) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	for i := range dim / 2 {
		sin, cos := math.Sincos(float64(pos) * s.omega(i, dim, context, theta))
		if back {
			sin = -sin
		}
		a, b := float64(x[i]), float64(x[i+dim/2])
		y[i], y[i+dim/2] = s.factor*(a*cos-b*sin), s.factor*(b*cos+a*sin)
	}
	return y
}

// Queries and keys are turned as the papers say, each by its own position,
// whatever stands behind the turned part; gradients are turned back.
func TestRotary(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 2})
	defer dev.Close()
	d := rand.New(rand.NewPCG(1, 2))
	for _, s := range rotations {
		t.Run(s.name, func(t *testing.T) {
			for _, width := range []int{16, 21} { // of a head, 16 of it turned
				r, err := position.NewRotary(16, 500, s.positions, s.original, json.RawMessage(s.scaling))
				if err != nil {
					t.Fatal(err)
				}
				rows := nn.Sequences(5, 0, 61, 1)
				if width == 21 { // positions that go on, and contexts of their own
					rows.Positions[0], rows.Positions[66] = 300, 77
					rows.Context = []int{35, 1, 99, 80}
				}
				checkRotary(t, dev, d, s, r, rows, width)
			}
		})
	}
	if n := dev.Memory().InUse; n != 0 {
		t.Errorf("%d bytes still in use", n)
	}
}

func checkRotary(t *testing.T, dev *cpu.Device, d *rand.Rand, s scaled, r *position.Rotary, rows nn.Batch, width int) {
	t.Helper()
	const heads = 3
	p := nn.NewPass(context.Background(), rows, nn.Options{Device: dev, Tape: true})
	defer p.Close()
	n := rows.Rows()
	x, g := normal(d, n*heads*width), normal(d, n*heads*width)
	in := p.Input(x, n, heads*width)
	y := r.Rotate(p, in, heads)
	out := y.Float32s()
	y.Mul(p.Of(g, n, heads*width)).Sum().Backward()
	grad := in.Grad().Float32s()
	for seq := range rows.Len() {
		for row := rows.Off[seq]; row < rows.Off[seq+1]; row++ {
			pos := int(rows.Positions[row])
			for h := range heads {
				at := (row*heads + h) * width
				want := s.turned(x[at:at+width], 16, pos, rows.ContextOf(seq), 500, false)
				back := s.turned(g[at:at+width], 16, pos, rows.ContextOf(seq), 500, true)
				for i := range width {
					// Frequencies and angles are rounded to float32.
					tolerance := unit * 16 * (1 + float64(pos))
					if !near(out[at+i], want[i], tolerance) || !near(grad[at+i], back[i], tolerance) {
						t.Fatalf("row %d at %d, head %d, number %d: have %v and gradient %v, want %v and %v",
							row, pos, h, i, out[at+i], grad[at+i], want[i], back[i])
					}
				}
			}
		}
	}
}

func near(have float32, want, tolerance float64) bool {
	return math.Abs(float64(have)-want) <= tolerance*max(1, math.Abs(want))
}

func normal(d *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(d.NormFloat64())
	}
	return x
}

// Dot products of turned vectors depend on distances alone, and turning keeps
// lengths.
func TestRotaryIsRelative(t *testing.T) {
	r, err := position.NewRotary(8, 10000, 100, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := rand.New(rand.NewPCG(3, 4))
	q, k := normal(d, 8), normal(d, 8)
	dot := func(qpos, kpos int32) float64 {
		p := nn.NewPass(context.Background(), nn.Batch{Off: []int{0, 2}, Positions: []int32{qpos, kpos}}, nn.Options{})
		defer p.Close()
		y := r.Rotate(p, p.Of(append(append([]float32{}, q...), k...), 2, 8), 1)
		return float64(p.Kernels().Dot(y.Row(0), y.Row(1)))
	}
	for _, distance := range []int32{0, 1, 7, 50} {
		if a, b := dot(distance, 0), dot(distance+40, 40); math.Abs(a-b) > 1e-5 {
			t.Errorf("distance %d: the dot product is %v at 0 and %v at 40", distance, a, b)
		}
	}
}

// Rotations that cannot be are errors that say why; those of other kinds are
// unsupported.
func TestRotaryErrors(t *testing.T) {
	for _, c := range []struct {
		dim     int
		scaling string
		says    string
	}{
		{0, "", "cannot be turned in pairs"},
		{7, "", "cannot be turned in pairs"},
		{8, `{"rope_type":"spiral"}`, `type "spiral" (known: default, linear`},
		{8, `{"factor":2}`, `type ""`},
		{8, `{"rope_type":"linear","factr":2}`, `unknown field "factr"`},
		{8, `{"rope_type":"linear"}`, "factor is 0, want 1 or more"},
		{8, `{"rope_type":"yarn","factor":0.5}`, "factor is 0.5"},
		{8, `["linear"]`, "rope_scaling"},
		{2, `{"rope_type":"dynamic","factor":2}`, "more than 2 numbers"},
		{8, `{"rope_type":"llama3","factor":2,"low_freq_factor":4,"high_freq_factor":1,"original_max_position_embeddings":8}`, "a larger high_freq_factor"},
		{8, `{"rope_type":"longrope","factor":2,"long_factor":[1,2,3]}`, "3 factors for 4 frequencies"},
		{8, `{"rope_type":"longrope","long_factor":[1,2,3,4],"short_factor":[1,1,1,1]}`, "longrope needs factor"},
	} {
		_, err := position.NewRotary(c.dim, 10000, 100, 0, json.RawMessage(c.scaling))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%d numbers with %s: have %v, want an error with %q", c.dim, c.scaling, err, c.says)
		}
		if strings.Contains(c.says, "known:") && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%v is not marked as unsupported", err)
		}
	}
}

// Heads that do not divide the width, or are narrower than what is turned, are
// faults.
func TestRotateFaults(t *testing.T) {
	r, err := position.NewRotary(8, 10000, 100, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, heads := range []int{0, -1, 3, 4} {
		err := func() (err error) {
			defer tensor.Guard(&err)
			p := nn.NewPass(context.Background(), nn.Sequences(2), nn.Options{})
			defer p.Close()
			r.Rotate(p, p.Zeros(2, 16), heads)
			return nil
		}()
		if err == nil || !strings.Contains(err.Error(), "heads of 8 numbers or more") {
			t.Errorf("%d heads: have %v, want a fault", heads, err)
		}
	}
}

// Any rope_scaling gives a rotation or an error.
func FuzzScaling(f *testing.F) {
	for _, s := range rotations {
		f.Add([]byte(s.scaling), s.original)
	}
	f.Fuzz(func(t *testing.T, scaling []byte, original int) {
		r, err := position.NewRotary(16, 10000, 128, original, scaling)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "rope_scaling: ") {
				t.Errorf("%v does not say what is wrong", err)
			}
			return
		}
		p := nn.NewPass(context.Background(), nn.Sequences(2), nn.Options{})
		defer p.Close()
		r.Rotate(p, p.Zeros(2, 16), 1)
	})
}

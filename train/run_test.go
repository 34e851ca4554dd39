package train

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/lora"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/safetensors"
	"github.com/qkvgo/qkv/tensor"
)

// tiny is the smallest classifier with all kinds of parameters: it looks at the
// first token of a sequence.
type tiny struct {
	Embed  *nn.Embedding `ckpt:"embed"`
	Layers []*tinyLayer  `ckpt:"layers"`
	Score  *nn.Linear    `ckpt:"score"`
}

type tinyLayer struct {
	Norm *nn.LayerNorm `ckpt:"norm"`
	Up   *nn.Linear    `ckpt:"up"`
	Down *nn.Linear    `ckpt:"down"`
}

func newTiny(layers int) *tiny {
	m := &tiny{Embed: nn.NewEmbedding(29, 16), Score: nn.NewLinear(16, 3, true)}
	for range layers {
		m.Layers = append(m.Layers, &tinyLayer{nn.NewLayerNorm(16, 1e-5), nn.NewLinear(16, 24, true), nn.NewLinear(24, 16, true)})
	}
	Initial(m, 11, 0.3, layers)
	return m
}

func (m *tiny) Run(p *nn.Pass, in *model.Input) []model.Output {
	h := p.First(m.Embed.Forward(p, in.IDs))
	for i, l := range m.Layers {
		h = p.Layer(i, h)
		h = h.Add(p.Branch(0.1, l.Down.Forward(p, l.Up.Activate(p, l.Norm.Forward(p, h), tensor.GELU))))
	}
	return model.Classified(model.Labels{ID2Label: map[string]string{"0": "a", "1": "b", "2": "c"}}, m.Score.Forward(p, h), in, model.PerSequence)
}

// item is a sequence and its class.
type item struct {
	ids   []int32
	class int32
}

// items are n sequences of several lengths whose class is decided by the first
// token but for every noisy one.
func items(n, noisy int) []item {
	list := make([]item, n)
	for i := range list {
		ids := make([]int32, 1+i%4)
		for j := range ids {
			ids[j] = int32((i*7 + j*5) % 29)
		}
		list[i] = item{ids, ids[0] % 3}
		if noisy > 0 && i%noisy == 0 {
			list[i].class = int32(i) % 3
		}
	}
	return list
}

// itemSet is batches of items.
func itemSet(list []item, rows int) data.Set[item] {
	return data.Set[item]{Items: list, Rows: rows, Seed: 4, Length: func(e item) int { return len(e.ids) },
		Make: func(batch []item, _ uint64) (data.Batch, error) {
			in := &model.Input{}
			var lengths []int
			for _, e := range batch {
				in.IDs, in.Labels, lengths = append(in.IDs, e.ids...), append(in.Labels, e.class), append(lengths, len(e.ids))
			}
			return data.Batch{Rows: nn.Sequences(lengths...), Input: in}, nil
		}}
}

// plans use, together, all that a plan can say.
var plans = map[string]Plan{
	"plain": {Epochs: 3, Rate: 1e-2, Accumulate: 2, Decay: 0.1, LayerRate: 0.8, WarmupRatio: 0.1, Smoothing: 0.1, Seed: 5, Unfreeze: 0.5,
		Average: "ema", AverageDecay: 0.5, EvalEvery: 4, KeepBest: true, Clip: new(0.7)},
	"adapters": {Steps: 23, Rate: 2e-2, Schedule: "cosine_with_restarts", Cycles: 2, EvalEvery: 3, KeepBest: true, Average: "swa", AverageStart: 0.5,
		LoRA: &lora.Config{Rank: 2, Targets: lora.Targets{List: []string{"up", "down"}}, Dropout: 0.2}},
	"hypergradient": {Steps: 23, Rate: 1e-2, HyperRate: 1e-3, Optimizer: "sgd", Momentum: 0.9, Schedule: "constant", Warmup: 3, Freeze: []string{"embed.*"}, ClipValue: 0.05},
	"narrow":        {Steps: 23, Rate: 1e-2, BF16Activations: true, Optimizer: "adafactor", Schedule: "one_cycle", Patience: 9, EvalEvery: 2},
	"taught":        {Steps: 23, Rate: 1e-2, HyperRate: 1e-6, DropPath: 0.5, Temperature: 3, EvalEvery: 5},
}

// tinyRun is a run by one of the plans.
func tinyRun(plan string, dev device.Device) Run {
	held := itemSet(items(40, 0), 16)
	r := Run{Plan: plans[plan], Model: newTiny(3), Data: itemSet(items(120, 5), 8), Held: held.InOrder, Config: []byte(`{"architectures":["Tiny"]}`), Device: dev}
	if plan == "taught" {
		r.Teacher, r.Plan.Dropout = newTiny(1), new(0.2)
	}
	return r
}

func TestRunLearns(t *testing.T) {
	for _, plan := range []Plan{
		{Epochs: 10, Rate: 1e-2}, {Epochs: 10, Rate: 0.1, Optimizer: "sgd", Momentum: 0.9, Nesterov: true, Schedule: "constant"}, {Epochs: 10, Rate: 1e-2, Optimizer: "rmsprop", Schedule: "cosine"},
		{Epochs: 10, Rate: 1e-2, Optimizer: "adam", Average: "swa", AverageStart: 0.8}, {Epochs: 10, Rate: 1e-2, Optimizer: "amsgrad"}, {Epochs: 10, Rate: 1e-2, Optimizer: "nadam"}, {Epochs: 10, Rate: 1e-2, Optimizer: "radam"},
		{Epochs: 10, Rate: 1e-3, Optimizer: "lion_32bit"}, {Epochs: 10, Rate: 2e-2, Optimizer: "adafactor"}, {Steps: 140, Rate: 1e-2, Optimizer: "adamw_torch", Smoothing: 0.05, Decay: 0.01, DecayAll: true},
	} {
		r := tinyRun("plain", nil)
		r.Plan = plan
		result, err := r.Train(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		first := result.Records[0].Loss
		if last := result.Metrics["loss"]; last > 0.7*first || result.Epochs < 9 || result.Steps != len(result.Records) {
			t.Errorf("%s: the loss went from %v to %v in %v epochs", plan.Optimizer, first, last, result.Epochs)
		}
	}
}

// A run that is stopped again and again and taken up each time gives the bits of
// one that was not, with averages, evaluations, layers that thaw, adapters, a rate
// that is learnt and a teacher.
func TestRunResumes(t *testing.T) {
	for plan := range plans {
		t.Run(plan, func(t *testing.T) {
			whole := tinyRun(plan, nil)
			want, err := whole.Train(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if want.Steps != 23 || want.BestAt == 0 {
				t.Errorf("the run took %d steps, the best after %d", want.Steps, want.BestAt)
			}
			dir := t.TempDir()
			for _, stop := range []int{4, 11, 22} {
				r := tinyRun(plan, nil)
				ctx, cancel := context.WithCancel(t.Context())
				r.Out, r.Resume, r.SaveEvery = dir, true, 9
				r.Watch = func(e Event) {
					if e.Record != nil && e.Record.Step == stop {
						cancel()
					}
				}
				var stopped *Stopped
				if _, err := r.Train(ctx); !errors.As(err, &stopped) || stopped.Step != stop {
					t.Fatalf("stopped with %v", err)
				}
			}
			for range 2 { // to the end, and once more when that is reached
				r := tinyRun(plan, nil)
				r.Out, r.Resume = dir, true
				have, err := r.Train(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if !equalBits(learnt(r.Model), learnt(whole.Model)) {
					t.Error("the run that was stopped has other weights")
				}
				if have.Best != want.Best || have.BestAt != want.BestAt || !maps.Equal(have.Metrics, want.Metrics) {
					t.Errorf("have %v after %d, %v,\nwant %v after %d, %v", have.Best, have.BestAt, have.Metrics, want.Best, want.BestAt, want.Metrics)
				}
			}
			if !equalBits(folder(t, dir), learnt(whole.Model)) {
				t.Error("the folder has other weights")
			}
		})
	}
	dir := t.TempDir()
	r := tinyRun("plain", nil)
	r.Out = dir
	if _, err := r.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	r = tinyRun("plain", nil)
	r.Out, r.Resume, r.Rate = dir, true, 2e-2
	if _, err := r.Train(t.Context()); err == nil || !strings.Contains(err.Error(), "learning_rate was 0.01, now 0.02") {
		t.Errorf("another rate: %v", err)
	}
	r.Resume = false
	if _, err := r.Train(t.Context()); err == nil || !strings.Contains(err.Error(), "holds a run already") {
		t.Errorf("a folder that is taken: %v", err)
	}
}

// learnt are all parameters of a model and of its adapters.
func learnt(m any) []float32 {
	all := values(m)
	for _, l := range nn.Find[*nn.Linear](m) {
		if l.Adapter != nil {
			all = append(append(all, l.Adapter.A.Float32()...), l.Adapter.B.Float32()...)
		}
	}
	return all
}

// folder are those of the model in a run's folder, opened as a user would.
func folder(t *testing.T, dir string) []float32 {
	t.Helper()
	m := newTiny(3)
	var err error
	if lora.Is(dir) {
		_, err = lora.Open(dir, m)
	} else {
		err = readWeights(dir, m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return learnt(m)
}

func TestRunSameBitsEverywhere(t *testing.T) {
	for plan := range plans {
		var want []float32
		for _, set := range kernel.Sets() {
			for _, threads := range []int{1, 2, 3} {
				dev := cpu.New(cpu.Options{Threads: threads, Kernels: set})
				r := tinyRun(plan, dev)
				if _, err := r.Train(t.Context()); err != nil {
					t.Fatal(err)
				}
				if have := learnt(r.Model); want == nil {
					want = have
				} else if !equalBits(have, want) {
					t.Errorf("%s: %s with %d threads gives other weights", plan, set.Name, threads)
				}
				if err := dev.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// Whatever else a plan says, recomputing activations changes no bit; held in 16 bits
// they change the loss in the third digit at most.
func TestRunActivations(t *testing.T) {
	for plan := range plans {
		plain, again, narrow := tinyRun(plan, nil), tinyRun(plan, nil), tinyRun(plan, nil)
		again.Recompute, narrow.BF16Activations = true, true
		var losses [3][]Record
		for i, r := range []Run{plain, again, narrow} {
			result, err := r.Train(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			losses[i] = result.Records
		}
		if plan == "narrow" {
			continue // what is recomputed from 16 bits is other than what was kept in them
		}
		if !equalBits(learnt(plain.Model), learnt(again.Model)) {
			t.Errorf("%s: recomputing gives other weights", plan)
		}
		if equalBits(learnt(plain.Model), learnt(narrow.Model)) {
			t.Errorf("%s: 16 bits are as good as 32", plan)
		}
		for i, want := range losses[0] {
			if have := losses[2][i].Loss; math.Abs(have-want.Loss) > 5e-3*want.Loss {
				t.Errorf("%s: in step %d the loss is %v with activations in 16 bits, want %v", plan, i+1, have, want.Loss)
			}
		}
	}
}

// Adapters are trained, and nothing else: the optimizer remembers no more than they
// need, and merged they answer alike.
func TestRunAdapters(t *testing.T) {
	r := tinyRun("adapters", nil)
	before, score := values(r.Model), slices.Clone(r.Model.(*tiny).Score.Weight.Float32())
	r.Out = t.TempDir()
	result, err := r.Train(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if first := result.Records[0].Loss; result.Metrics["loss"] > 0.95*first {
		t.Errorf("the loss went from %v to %v", first, result.Metrics["loss"])
	}
	head := len(score) + 3
	if after := values(r.Model); !equalBits(before[:len(before)-head], after[:len(after)-head]) {
		t.Error("weights beside the adapters changed")
	}
	if equalBits(score, r.Model.(*tiny).Score.Weight.Float32()) {
		t.Error("the head, to be trained whole, is as it was")
	}
	state, err := safetensors.Open(filepath.Join(r.Out, "checkpoint-23", optimizerFile))
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	adapters := 3 * (2*16 + 24*2 + 2*24 + 16*2)
	numbers := 0
	for x := range state.All() {
		numbers += x.Len()
	}
	if want := 2*(adapters+head) + 3*4 + 2; numbers != want { // two means, and the steps of each
		t.Errorf("the optimizer remembers %d numbers, want %d", numbers, want)
	}
	held := func(m model.Model) float64 {
		score, err := Evaluate(t.Context(), Own(m), r.Held(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return score.Loss
	}
	merged := tinyRun("adapters", nil)
	merged.Merge, merged.Out = true, t.TempDir()
	if _, err := merged.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := newTiny(3)
	if err := readWeights(merged.Out, m); err != nil || lora.Is(merged.Out) {
		t.Fatalf("the merged model is not a whole one: %v", err)
	}
	if math.Abs(held(m)-held(r.Model)) > 1e-5 || held(m) != held(merged.Model) {
		t.Errorf("the loss is %v with adapters, merged %v, in its folder %v", held(r.Model), held(merged.Model), held(m))
	}
}

// A student that only listens to its teacher comes to say what the teacher says.
func TestRunTaught(t *testing.T) {
	r := tinyRun("taught", nil)
	r.Plan = Plan{Epochs: 20, Rate: 1e-2, TeacherShare: new(1.0), Temperature: 1}
	r.Dropout = new(0.0)
	before := values(r.Teacher)
	distance := func() float64 {
		score, err := Evaluate(t.Context(), Distilled(r.Model, r.Teacher, 1, 1), r.Held(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return score.Loss
	}
	far := distance()
	if _, err := r.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	if near := distance(); near > far/20 {
		t.Errorf("the student is at %v from its teacher, was at %v", near, far)
	}
	if !equalBits(before, values(r.Teacher)) {
		t.Error("the teacher changed")
	}
}

// With a metric that is known beforehand the best weights and the end are too.
func TestRunStopsEarly(t *testing.T) {
	for _, folder := range []string{"", t.TempDir()} {
		scores := []float64{0.5, 0.7, 0.7, 0.69, 0.705, 0.9}
		r := tinyRun("plain", nil)
		r.Plan = Plan{Epochs: 6, Rate: 1e-2, Metric: "eval_accuracy", Patience: 3, Threshold: 0.01, KeepBest: true}
		var seen [][]float32
		r.Judge = func(context.Context) (map[string]float64, error) {
			seen = append(seen, slices.Clone(values(r.Model)))
			return map[string]float64{"accuracy": scores[len(seen)-1]}, nil
		}
		r.Out = folder
		result, err := r.Train(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// The fifth is the best, but not by enough to wait for more.
		if !result.Early || len(seen) != 5 || result.BestAt != 75 || result.Best != 0.705 || result.Metrics["accuracy"] != 0.705 || result.Steps != 75 {
			t.Errorf("after %d evaluations: %+v", len(seen), result)
		}
		if !equalBits(values(r.Model), seen[4]) {
			t.Error("the model has not the best weights")
		}
	}
	r := tinyRun("plain", nil)
	r.Metric = "f1"
	if _, err := r.Train(t.Context()); err == nil || !strings.Contains(err.Error(), `no metric "f1": it has [loss]`) {
		t.Errorf("a metric that nobody gives: %v", err)
	}
}

// Layers thaw from the head down, one after each share of an epoch, and what is
// frozen by name stays as it was.
func TestRunThaws(t *testing.T) {
	r := tinyRun("plain", nil)
	r.Plan = Plan{Epochs: 5, Rate: 1e-2, Unfreeze: 1, Freeze: []string{"layers.*.norm.*"}}
	names := []string{"score.weight", "layers.2.up.weight", "layers.1.up.weight", "layers.0.up.weight", "embed.weight", "layers.0.norm.weight"}
	before := map[string][]float32{}
	params := maps.Collect(nn.Params(r.Model))
	for _, name := range names {
		before[name] = slices.Clone(params[name].Float32())
	}
	r.Watch = func(e Event) {
		epoch := int(math.Ceil(e.Record.Epoch)) // under way in this step
		for i, name := range names {
			moved := !equalBits(before[name], params[name].Float32())
			if i == 5 && moved || i < 5 && e.Record.Step%15 == 0 && moved != (i < epoch) {
				t.Errorf("after epoch %d: %s moved: %v", epoch, name, moved)
			}
		}
	}
	if _, err := r.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, w := range params {
		if w.Frozen != strings.Contains(name, "norm") {
			t.Errorf("%s is frozen: %v", name, w.Frozen)
		}
	}
}

// Decay and rates are those of Hugging Face's groups: no decay of norms and biases,
// factors of layers times those of the plan.
func TestPlanGroups(t *testing.T) {
	p := Plan{LayerRate: 0.5, Groups: []Group{{"score.*", 10, 1}, {"*.up.weight", 1, 3}}}
	var have []string
	params := nn.Params(newTiny(1))
	groups := p.groups(params)
	for name, w := range params {
		rate, decay := settings(groups, name, w, 0.1, true)
		have = append(have, fmt.Sprintf("%s %.3g %.3g", name, rate, decay))
	}
	want := []string{"embed.weight 0.25 0.1", "layers.0.norm.weight 0.5 0", "layers.0.norm.bias 0.5 0", "layers.0.up.weight 0.5 0.3", "layers.0.up.bias 0.5 0",
		"layers.0.down.weight 0.5 0.1", "layers.0.down.bias 0.5 0", "score.weight 10 0.1", "score.bias 10 0"}
	if !slices.Equal(have, want) {
		t.Errorf("have %q,\nwant %q", have, want)
	}
}

// Smoothed is (1−ε)·(mean of −ln p of the label) + ε·(mean over rows and classes of
// −ln p), LabelSmoother's formula, in float64.
func TestSmoothed(t *testing.T) {
	m := newTiny(1)
	batch, err := first(itemSet(items(12, 0), 12).InOrder())
	if err != nil {
		t.Fatal(err)
	}
	batch.Input.Labels[3] = tensor.Ignore
	p := nn.NewPass(t.Context(), batch.Rows, nn.Options{})
	defer p.Close()
	have := Smoothed(m, 0.2)(p, batch.Input).Scalar()
	bare := *batch.Input
	bare.Labels = nil
	logits := m.Run(p, &bare)[0].Value
	want, rows := 0.0, 0.0
	for i, label := range batch.Input.Labels {
		if label == tensor.Ignore {
			continue
		}
		sum, own, all := 0.0, 0.0, 0.0
		for _, v := range logits.Row(i) {
			sum += math.Exp(float64(v))
		}
		for c, v := range logits.Row(i) {
			loss := math.Log(sum) - float64(v)
			if all += loss / 3; c == int(label) {
				own = loss
			}
		}
		want, rows = want+0.8*own+0.2*all, rows+1
	}
	if want /= rows; math.Abs(float64(have)-want) > 1e-5 {
		t.Errorf("have %v, want %v", have, want)
	}
}

// first is the first of a sequence.
func first(seq iter.Seq2[data.Batch, error]) (b data.Batch, err error) {
	for b, err := range seq {
		return b, err
	}
	return b, errors.New("empty")
}

// branchless is a model without a place for stochastic depth.
type branchless struct{ *tiny }

func newBranchless() branchless { return branchless{newTiny(0)} }

func TestPlanRefuses(t *testing.T) {
	for want, change := range map[string]func(*Run){
		"learning_rate is -1":            func(r *Run) { r.Rate = -1 },
		"label_smoothing_factor is 2":    func(r *Run) { r.Smoothing = 2 },
		"lr_scheduler_type \"wavy\"":     func(r *Run) { r.Schedule = "wavy" },
		"optim \"best\"":                 func(r *Run) { r.Optimizer = "best" },
		"average \"mean\"":               func(r *Run) { r.Average = "mean" },
		"no parameter has such a name":   func(r *Run) { r.Plan.Freeze = []string{"body.*"} },
		"does not count its epochs":      func(r *Run) { r.Data = data.Windows{} },
		"an epoch has no batch":          func(r *Run) { r.Data = itemSet(nil, 8) },
		"has no branches":                func(r *Run) { r.DropPath, r.Model = 0.1, newBranchless() },
		"without label smoothing":        func(r *Run) { r.Teacher = newTiny(1) },
		"dropout is 2":                   func(r *Run) { r.Dropout = new(2.0) },
		"no linear layer to adapt":       func(r *Run) { r.LoRA = &lora.Config{} },
		"too few for one sequence of 32": func(r *Run) { r.Data, r.Steps, r.Unfreeze = data.Windows{Length: 32, Batch: 1}, 3, 0 },
	} {
		r := tinyRun("plain", nil)
		change(&r)
		r.Out = filepath.Join(t.TempDir(), "out")
		if _, err := r.Train(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("have %v, want %q", err, want)
		}
		if entries, _ := os.ReadDir(r.Out); len(entries) > 1 {
			t.Errorf("%s: a run that failed left %v", want, entries)
		}
	}
}

// sleepy gives batches late.
type sleepy struct{ data.Source }

func (s sleepy) From(n int64) iter.Seq2[data.Batch, error] {
	return func(yield func(data.Batch, error) bool) {
		for b, err := range s.Source.From(n) {
			if time.Sleep(2 * time.Millisecond); !yield(b, err) {
				return
			}
		}
	}
}

// A run says how long it waited for data.
func TestRunWaited(t *testing.T) {
	r := tinyRun("adapters", nil)
	r.Data = sleepy{r.Data}
	result, err := r.Train(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if result.Waited < 23*2*time.Millisecond || result.Waited > result.Elapsed {
		t.Errorf("waited %v of %v", result.Waited, result.Elapsed)
	}
}

package train

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// ceil is the least whole number that is not below x.
func ceil(x float64) float64 { return math.Ceil(x) }

// count finds the steps of the run, and how to find those that end an epoch.
func (r *running) count() error {
	each := int64(max(r.Accumulate, 1))
	counted, ok := r.Data.(Counted)
	r.steps = r.Plan.Steps
	if !ok {
		if r.steps == 0 || r.Unfreeze > 0 {
			return fmt.Errorf("say how many steps (max_steps): this source does not count its epochs, as num_train_epochs and unfreeze_epochs need")
		}
		return nil
	}
	r.epoch = int(counted.Batches(1))
	if r.epoch == 0 {
		return fmt.Errorf("there is nothing to learn from: an epoch has no batch")
	}
	if r.steps == 0 {
		r.steps = int((counted.Batches(or(r.Epochs, 3)) + each - 1) / each)
	}
	r.end = func(epoch int) int { return int((counted.Batches(float64(epoch)) + each - 1) / each) }
	return nil
}

// endsEpoch says whether an epoch ends with a step. Steps only rise.
func (r *running) endsEpoch(step int) bool {
	if r.end == nil {
		return false
	}
	for r.ended < step {
		r.passes++
		r.ended = r.end(r.passes)
	}
	return r.ended == step
}

// epochs is how many passes over the data so many steps are.
func (r *running) epochs(steps int) float64 {
	if r.epoch == 0 {
		return 0
	}
	return float64(steps*max(r.Accumulate, 1)) / float64(r.epoch)
}

// thaw freezes the layers whose time has not come (Howard & Ruder 2018, §3.3).
func (r *running) thaw() {
	if r.Unfreeze == 0 {
		return
	}
	lowest := r.layers + 1 - int(r.epochs(r.trainer.Done)/r.Unfreeze)
	for _, p := range r.places {
		p.w.Frozen = p.height < lowest
	}
}

// thawAll leaves the parameters as they were before thaw.
func (r *running) thawAll() {
	for _, p := range r.places {
		p.w.Frozen = false
	}
}

// stepped averages, evaluates, logs and saves when it is time.
func (r *running) stepped(s Step) error {
	r.waited += s.Waited
	rec := Record{Step: s.Number, Loss: s.Loss, Rate: s.Rate, Norm: s.Norm, TokensPerSecond: float64(s.Rows) / s.Elapsed.Seconds(),
		Epoch: r.epochs(s.Number), Rows: s.Rows, Steps: r.steps}
	if r.average != nil && r.averages(s.Number) {
		r.average.Update()
	}
	r.thaw()
	if r.evaluates(s.Number) {
		if err := r.judge(context.Background(), &rec); err != nil {
			return err
		}
	}
	done := s.Number - r.from
	rec.Left = time.Since(r.started) / time.Duration(done) * time.Duration(r.steps-s.Number)
	r.records = append(r.records, rec)
	if r.log != nil {
		if err := r.log.add(rec); err != nil {
			return err
		}
	}
	if r.Watch != nil {
		r.Watch(Event{Record: &rec})
	}
	if r.Patience > 0 && r.state.Worse >= r.Patience {
		r.state.Early = true
		return errEarly
	}
	if r.Out != "" && due(s.Number, r.SaveEvery) {
		return r.save()
	}
	return nil
}

// averages says whether the weights after a step go into the average.
func (r *running) averages(step int) bool {
	start := int(float64(r.AverageStart * float64(r.steps)))
	return step > start && (step-start)%max(r.AverageEvery, 1) == 0
}

// averaged says whether there is an average to take instead of the weights.
func (r *running) averaged() bool { return r.average != nil && r.average.count > 0 }

// evaluates says whether to evaluate after a step.
func (r *running) evaluates(step int) bool {
	if r.Held == nil && r.Judge == nil {
		return false
	}
	if step == r.steps || due(step, r.EvalEvery) {
		return true
	}
	return r.EvalEvery == 0 && r.endsEpoch(step)
}

// judge evaluates the weights that would be the result now, and keeps them where
// they are the best.
func (r *running) judge(ctx context.Context, rec *Record) error {
	if r.averaged() {
		r.average.Swap()
		defer r.average.Swap()
	}
	metrics, err := r.metrics(ctx)
	if err != nil {
		return err
	}
	rec.Metrics = metrics
	value, ok := metrics[r.metric()]
	if !ok {
		return fmt.Errorf("the evaluation has no metric %q: it has %v", r.metric(), slices.Sorted(maps.Keys(metrics)))
	}
	switch {
	case r.state.BestAt == 0 || r.better(value, r.state.Best, r.Threshold):
		r.state.Worse = 0
	default:
		r.state.Worse++
	}
	if r.state.BestAt != 0 && !r.better(value, r.state.Best, 0) {
		return nil
	}
	r.state.Best, r.state.BestAt, rec.Best = value, rec.Step, true
	if r.KeepBest {
		return r.keep()
	}
	return nil
}

// metrics are the evaluation of the model as it is.
func (r *running) metrics(ctx context.Context) (map[string]float64, error) {
	metrics := map[string]float64{}
	if r.Held != nil {
		score, err := Evaluate(ctx, r.loss, r.Held(), r.Device)
		if err != nil {
			return nil, err
		}
		metrics["loss"] = score.Loss
	}
	if r.Judge != nil {
		more, err := r.Judge(ctx)
		if err != nil {
			return nil, err
		}
		maps.Copy(metrics, more)
	}
	return metrics, nil
}

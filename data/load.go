package data

import (
	"context"
	"iter"
	"sync"
)

// Ahead runs f on the elements of a sequence before they are asked for, and
// gives the results in the order of the elements. One goroutine reads the
// sequence and workers of them run f; at most depth results and those in work are held. So a training
// step finds its batch ready, and a reader without limits does not fill memory.
//
// The first error of the sequence or of f ends the results, and so does ctx,
// with its cause. When the loop over the results ends, for whatever reason, all
// goroutines have ended; what f or the sequence are in the middle of is waited
// for. A panic in f or in the sequence comes out in the loop.
func Ahead[T, U any](ctx context.Context, seq iter.Seq2[T, error], workers, depth int, f func(T) (U, error)) iter.Seq2[U, error] {
	return func(yield func(U, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()

		jobs := make(chan job[T, U])
		waiting := make(chan chan result[U], max(1, depth))
		for range max(1, workers) {
			running.Go(func() {
				for j := range jobs {
					j.done <- j.run(f)
				}
			})
		}
		running.Go(func() { deal(ctx, seq, jobs, waiting) })

		for done := range waiting {
			var r result[U]
			select {
			case r = <-done:
			case <-ctx.Done():
				r.err = context.Cause(ctx)
			}
			if r.panicked != nil {
				panic(r.panicked)
			}
			if !yield(r.value, r.err) || r.err != nil {
				return
			}
		}
		if ctx.Err() != nil {
			var none U
			yield(none, context.Cause(ctx))
		}
	}
}

// job is an element and where its result goes; the place has room for it, so
// that no worker ever waits for a reader that left.
type job[T, U any] struct {
	value T
	err   error
	done  chan result[U]
}

// result is what became of an element.
type result[U any] struct {
	value    U
	err      error
	panicked any
}

// run is f on the element, its panic caught.
func (j job[T, U]) run(f func(T) (U, error)) (r result[U]) {
	defer func() { r.panicked = recover() }()
	if j.err != nil {
		return result[U]{err: j.err}
	}
	r.value, r.err = f(j.value)
	return r
}

// deal hands each element to a worker and its place to the reader, in order,
// until the sequence or the context ends.
func deal[T, U any](ctx context.Context, seq iter.Seq2[T, error], jobs chan<- job[T, U], waiting chan<- chan result[U]) {
	defer close(waiting)
	defer close(jobs)
	defer func() {
		if p := recover(); p != nil {
			done := make(chan result[U], 1)
			done <- result[U]{panicked: p}
			select {
			case waiting <- done:
			case <-ctx.Done():
			}
		}
	}()
	for v, err := range seq {
		j := job[T, U]{v, err, make(chan result[U], 1)}
		select {
		case waiting <- j.done:
		case <-ctx.Done():
			return
		}
		select {
		case jobs <- j:
		case <-ctx.Done():
			return
		}
	}
}

package data

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
)

// Tokens is a text as one stream of ids: an end token, then each document and
// an end token after it.
type Tokens struct {
	IDs       []int32
	Documents int
	Bytes     int64 // of the documents' text
}

// Tokenize makes a stream of documents. encode gives the ids of a text and is
// called from as many goroutines as there are cores; end is the end token's id.
// The stream does not depend on how many they are.
func Tokenize(ctx context.Context, documents iter.Seq2[string, error], encode func(text string) []int32, end int32) (*Tokens, error) {
	var texts []string
	for doc, err := range documents {
		if err != nil {
			return nil, err
		}
		texts = append(texts, doc)
	}
	if len(texts) == 0 {
		return nil, fmt.Errorf("the files hold no text")
	}
	encoded := make([][]int32, len(texts))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(texts)) {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(texts) {
					return
				}
				encoded[i] = encode(texts[i])
			}
		})
	}
	workers.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	t := &Tokens{IDs: []int32{end}, Documents: len(texts)}
	for i, ids := range encoded {
		t.IDs = append(append(t.IDs, ids...), end)
		t.Bytes += int64(len(texts[i]))
	}
	return t, nil
}

package measure

import (
	"context"
	"fmt"
	"strings"

	"github.com/qkvgo/qkv/token"
)

// Tokenize times turning text to ids, on one thread; what says what text it is.
func (b *Bench) Tokenize(ctx context.Context, t *token.Tokenizer, what, text string) error {
	var ids []int32
	lines := strings.SplitAfter(text, "\n")
	ids = t.AppendIDs(nil, text)
	r := Result{Name: "tokenize", Shape: fmt.Sprintf("%s, %d bytes", what, len(text)), DType: "u8"}
	return b.report(ctx, r, 0, float64(len(text)), float64(len(ids)), func() error {
		ids = ids[:0]
		for _, line := range lines {
			ids = t.AppendIDs(ids, line)
		}
		return nil
	})
}

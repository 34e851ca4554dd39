package finetune

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/eval"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
	"github.com/qkvgo/qkv/token"
	"github.com/qkvgo/qkv/train"
	"github.com/qkvgo/qkv/zoo"
)

// TextReport is how well a language model says what comes next in texts.
type TextReport struct {
	Documents   int           `json:"documents"`
	Tokens      int           `json:"tokens"` // that were to be said
	Loss        eval.Interval `json:"loss"`   // mean over tokens, in nats; by a bootstrap over windows
	Perplexity  float64       `json:"perplexity"`
	BitsPerByte float64       `json:"bits_per_byte"`
}

// EvaluateText runs the language model in the folder dir over texts, named as
// data.Files takes them, in windows of length tokens, each from its own start;
// 0: as many as the model has positions for, and 1,024 at most.
func EvaluateText(ctx context.Context, dir string, length int, files ...string) (_ *TextReport, err error) {
	defer tensor.Guard(&err)
	loaded, err := zoo.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, loaded.Close()) }()
	lm, ok := loaded.Model.(model.CausalLM)
	if !ok {
		return nil, &checkpoint.Unsupported{What: fmt.Sprintf("%s is a %s, which does not say what comes next in a text", dir, loaded.Architecture)}
	}
	t, err := token.Open(os.DirFS(dir))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	end := t.Special.EOS
	if id, ok := t.TokenToID(data.EndOfText); ok && end < 0 {
		end = id
	}
	var c struct {
		EOS *int32 `json:"eos_token_id"`
	}
	if end < 0 && json.Unmarshal(loaded.Folder.Config, &c) == nil && c.EOS != nil {
		end = *c.EOS
	}
	if end < 0 {
		return nil, fmt.Errorf("%s: the tokenizer has no token that ends a text (eos_token)", dir)
	}
	names, err := data.Files(files...)
	if err != nil {
		return nil, err
	}
	stream, err := data.Tokenize(ctx, data.Documents(names), func(text string) []int32 { return t.AppendIDs(nil, text) }, end)
	if err != nil {
		return nil, err
	}
	most := zoo.Positions(lm)
	if most == 0 || most > 1024 {
		most = 1024
	}
	if length == 0 || length > most {
		length = most
	}
	var losses, counts []float64
	for b, err := range (data.Windows{Tokens: stream.IDs, Length: length, Batch: 1}).InOrder(0) {
		if err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		p := nn.NewPass(ctx, b.Rows, nn.Options{})
		losses, counts = append(losses, float64(train.NextToken(lm)(p, b.Input).Scalar())), append(counts, float64(len(b.Input.Labels)))
		p.Close()
	}
	loss, err := eval.Bootstrap(len(losses), func(rows []int) (float64, error) {
		sum, n := 0.0, 0.0
		for _, i := range rows {
			sum, n = sum+float64(losses[i]*counts[i]), n+counts[i]
		}
		return sum / n, nil
	}, eval.Resampling{})
	if err != nil {
		return nil, err
	}
	s := train.Score{Loss: loss.Point, Labels: len(stream.IDs) - 1}
	return &TextReport{stream.Documents, s.Labels, loss, s.Perplexity(), s.Bits(float64(stream.Bytes) / float64(s.Labels))}, nil
}

// String is what a person reads.
func (r *TextReport) String() string {
	return fmt.Sprintf("%d documents, %d tokens\nloss           %.4f [%.4f, %.4f]\nperplexity     %.4f\nbits per byte  %.4f\n",
		r.Documents, r.Tokens, r.Loss.Point, r.Loss.Low, r.Loss.High, r.Perplexity, r.BitsPerByte)
}

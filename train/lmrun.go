package train

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/token"
	"github.com/qkvgo/qkv/zoo"
)

// lmRun is an LM at work.
type lmRun struct {
	LM
	spec    []byte // the options and the texts: what a checkpoint must agree with
	record  training
	tok     *token.Tokenizer
	end     int32        // the token that ends a document
	train   *data.Tokens // the text to learn
	held    *data.Tokens // the validation text; nil: none
	config  []byte
	model   model.CausalLM
	trainer *Trainer
	log     *runLog
}

// check refuses options that contradict each other, before any work.
func (r *lmRun) check() error {
	if r.Batch < 1 || r.Steps < 1 || r.Batch%max(r.Accumulate, 1) != 0 {
		return fmt.Errorf("a batch of %d sequences cannot be computed in %d parts, or there are no steps (%d)", r.Batch, r.Accumulate, r.Steps)
	}
	if r.Width < 1 || r.Heads < 1 || r.Width%r.Heads != 0 {
		return fmt.Errorf("the width (%d) must be a positive multiple of the heads (%d)", r.Width, r.Heads)
	}
	if r.Store != nn.F32 && r.Store != nn.BF16 {
		return fmt.Errorf("weights can be stored as F32 or BF16, not as %s", r.Store)
	}
	if _, err := startIn(r.Out, r.Resume); err != nil {
		return err
	}
	config, err := r.LM.config(max(r.Vocab, 1), 0, nn.F32)
	if err != nil {
		return err
	}
	_, _, _, err = zoo.New(config, "")
	return err
}

// prepare reads the texts, learns or opens the vocabulary, makes the model, and
// takes up a checkpoint if asked.
func (r *lmRun) prepare(ctx context.Context) error {
	texts, err := data.Files(r.Texts...)
	if err != nil {
		return err
	}
	held, err := data.Files(r.Validation...)
	if err != nil {
		return err
	}
	if r.record.Data, err = describe(texts); err != nil {
		return err
	}
	if r.record.Validation, err = describe(held); err != nil {
		return err
	}
	if r.spec, err = json.Marshal(struct {
		LM
		Data []dataFile `json:"data"`
	}{r.LM, r.record.Data}); err != nil {
		return err
	}
	if r.Resume { // before the long work
		if _, _, err := latestOf(r.Out, r.spec); err != nil {
			return err
		}
	}
	if err := r.openTokenizer(ctx, texts); err != nil {
		return err
	}
	if r.end, err = endToken(r.tok); err != nil {
		return err
	}
	if r.train, err = data.Tokenize(ctx, data.Documents(texts), r.encode, r.end); err != nil {
		return err
	}
	if err := r.windows().Check(); err != nil {
		return err
	}
	if len(held) > 0 {
		if r.held, err = data.Tokenize(ctx, data.Documents(held), r.encode, r.end); err != nil {
			return err
		}
	}
	return r.makeModel()
}

// windows is the text as the batches of one pass each.
func (r *lmRun) windows() data.Windows {
	return data.Windows{Tokens: r.train.IDs, Length: r.Context, Batch: r.Batch / max(r.Accumulate, 1), Seed: r.Seed}
}

func (r *lmRun) encode(text string) []int32 { return r.tok.AppendIDs(nil, text) }

// openTokenizer opens the tokenizer that was asked for, or that the run began
// with, or learns one.
func (r *lmRun) openTokenizer(ctx context.Context, texts []string) (err error) {
	dir := r.Tokenizer
	if path, _, err := Latest(r.Out); err == nil && path != "" {
		dir = path
	}
	if dir != "" {
		r.tok, err = token.Open(os.DirFS(dir))
		return err
	}
	var bad error
	documents := func(yield func(string) bool) {
		for doc, err := range data.Documents(texts) {
			if err == nil && ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if err != nil {
				bad = err
				return
			}
			if !yield(doc) {
				return
			}
		}
	}
	if r.Chars {
		r.tok, err = token.TrainChars(documents, data.EndOfText)
	} else {
		r.say("learning a vocabulary of %d tokens from %d files", r.Vocab, len(texts))
		r.tok, err = token.TrainBPE(documents, token.BPEOptions{VocabSize: r.Vocab, Special: []string{data.EndOfText}})
	}
	if bad != nil {
		return bad
	}
	if err == nil {
		r.tok.MaxLength = r.Context
	}
	return err
}

// endToken is the id of the token that ends a document.
func endToken(t *token.Tokenizer) (int32, error) {
	if t.Special.EOS >= 0 {
		return t.Special.EOS, nil
	}
	if id, ok := t.TokenToID(data.EndOfText); ok {
		return id, nil
	}
	return 0, fmt.Errorf("the tokenizer has no token that ends a text (eos_token)")
}

// makeModel makes the model, its optimizer and the trainer.
func (r *lmRun) makeModel() (err error) {
	if r.config, err = r.LM.config(r.tok.VocabSize(), r.end, nn.F32); err != nil {
		return err
	}
	made, _, _, err := zoo.New(r.config, "")
	if err != nil {
		return err
	}
	r.model = made.(model.CausalLM)
	Initial(r.model, r.Seed, r.initStd(), r.Layers)
	r.trainer = &Trainer{
		Loss:      NextToken(r.model),
		Optimizer: NewAdamW(nn.Params(r.model), AdamWOptions{Rate: r.Rate, Beta2: r.Beta2, Decay: r.Decay, MatricesOnly: true, Device: r.Device}),
		Options: Options{Steps: r.Steps, Accumulate: r.Accumulate, Schedule: Cosine(r.Warmup, r.Steps, r.LeastRate/r.Rate),
			Clip: r.Clip, Seed: r.Seed, Device: r.Device, Stepped: r.stepped},
	}
	if r.Resume {
		if _, err := r.trainer.Resume(r.Out, r.model, r.spec); err != nil {
			return err
		}
	}
	for _, w := range nn.Params(r.model) {
		r.record.Parameters += w.Len()
	}
	perStep := r.Batch * r.Context
	r.say("%d parameters; %d tokens of %d documents; %d steps of %d tokens are %.2f passes over the text", r.record.Parameters,
		len(r.train.IDs), r.train.Documents, r.Steps, perStep, float64(r.Steps)*float64(perStep)/float64(len(r.train.IDs)))
	if r.trainer.Done > 0 {
		r.say("going on after step %d", r.trainer.Done)
	}
	return nil
}

// say tells people what goes on.
func (r *lmRun) say(format string, args ...any) {
	if r.Watch != nil {
		r.Watch(Event{Message: fmt.Sprintf(format, args...)})
	}
}

// stepped logs a step, and evaluates and saves when it is time.
func (r *lmRun) stepped(s Step) error {
	rec := Record{Step: s.Number, Loss: s.Loss, Rate: s.Rate, Norm: s.Norm, TokensPerSecond: float64(s.Rows) / s.Elapsed.Seconds()}
	if r.held != nil && (due(s.Number, r.EvalEvery) || s.Number == r.Steps) {
		score, err := r.evaluate(context.Background(), r.EvalWindows)
		if err != nil {
			return err
		}
		rec.set(score, r.held)
	}
	if err := r.log.add(rec); err != nil {
		return err
	}
	if r.Watch != nil {
		r.Watch(Event{Record: &rec})
	}
	if due(s.Number, r.SaveEvery) {
		return r.save()
	}
	return nil
}

func due(step, every int) bool { return every > 0 && step%every == 0 }

// evaluate is the loss on the validation text, or on as many windows of it.
func (r *lmRun) evaluate(ctx context.Context, windows int) (Score, error) {
	w := data.Windows{Tokens: r.held.IDs, Length: r.Context, Batch: r.Batch / max(r.Accumulate, 1)}
	return Evaluate(ctx, NextToken(r.model), w.InOrder(windows), r.Device)
}

// save writes a checkpoint.
func (r *lmRun) save() error {
	return r.trainer.Save(r.Out, Kept{Model: r.model, Config: r.config, Run: r.spec, More: r.saveTokenizer})
}

// saveTokenizer writes the files of a model folder that are not the model's.
func (r *lmRun) saveTokenizer(dir string) error {
	if err := r.tok.Save(dir); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, "generation_config.json"), map[string]any{
		"_from_model_config": true, "bos_token_id": r.end, "eos_token_id": r.end})
}

// finish stores the weights as asked, evaluates what is stored on the whole
// validation text, and writes the folder.
func (r *lmRun) finish(ctx context.Context) error {
	if r.Store == nn.BF16 {
		StoreBF16(r.model)
	}
	config, err := r.LM.config(r.tok.VocabSize(), r.end, r.Store)
	if err != nil {
		return err
	}
	if r.held != nil {
		r.say("evaluating on %d tokens of %d documents", len(r.held.IDs), r.held.Documents)
		score, err := r.evaluate(ctx, 0)
		if err != nil {
			return err
		}
		var rec Record
		rec.set(score, r.held)
		r.record.Final = &finalScore{rec.ValLoss, rec.Perplexity, rec.BitsPerByte, score.Labels}
	}
	if err := r.saveTokenizer(r.Out); err != nil {
		return err
	}
	if err := checkpoint.Save(r.Out, r.model, config); err != nil {
		return err
	}
	records, err := readLog(filepath.Join(r.Out, logFile))
	if err != nil {
		return err
	}
	r.record.Command, r.record.Version, r.record.Options, r.record.Dtype = r.Command, r.Version, r.LM, r.Store.String()
	r.record.Documents, r.record.Tokens, r.record.Bytes = r.train.Documents, len(r.train.IDs), r.train.Bytes
	r.record.Seen = int64(r.Steps) * int64(r.Batch) * int64(r.Context)
	r.record.Curve = curve(records)
	return writeJSON(filepath.Join(r.Out, recordFile), r.record)
}

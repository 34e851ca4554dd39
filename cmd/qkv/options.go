package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/qkvgo/qkv/finetune"
	"github.com/qkvgo/qkv/scratch"
	"github.com/qkvgo/qkv/train"
)

// tuning names the flags of finetune's options: the key in a configuration file, the flag, and the help.
var tuning = [][3]string{
	{"dev", "dev", "file to judge on during the run; may be repeated"},
	{"test", "test", "file to judge the result on; may be repeated"},
	{"dev_share", "dev-share", "without --dev: the share of DATA to judge on, or the number of rows"},
	{"test_share", "test-share", "without --test: the share of DATA for the last judgement, or the number of rows"},
	{"from_scratch", "from-scratch", "start from nothing: " + strings.Join(scratch.Kinds, ", ")},
	{"tokens", "tokens", "from scratch: what the vocabulary is of: words, wordpiece or bpe"},
	{"vocab", "vocab", "from scratch: tokens of the vocabulary at most"},
	{"min_frequency", "min-frequency", "from scratch: how often a token must occur"},
	{"cased", "cased", "from scratch: tell upper case from lower"},
	{"ngrams", "ngrams", "bags: tokens of the longest n-gram"},
	{"buckets", "buckets", "bags: columns that n-grams share by a hash; 0: each has its own"},
	{"min_documents", "min-documents", "bags: in how many texts an n-gram must occur"},
	{"max_features", "max-features", "bags: only so many n-grams, the most frequent; 0: all"},
	{"c", "c", "bags: what errors count against the size of weights (default 1)"},
	{"width", "width", "from scratch: width of embeddings and hidden states"},
	{"layers", "layers", "from scratch: layers"},
	{"pooling", "pooling", "from scratch: how tokens become one vector: last, first, mean, max or concat"},
	{"bidirectional", "bidirectional", "rnn, lstm, gru: read both ways"},
	{"forget_bias", "forget-bias", "lstm: what the bias of the forget gates starts at (default 1)"},
	{"filters", "filters", "cnn: filters of each width"},
	{"widths", "filter-widths", "cnn: tokens that filters see, as 3,4,5"},
	{"positions", "positions", "transformer: " + strings.Join(scratch.Positions, ", ")},
	{"norm", "norm", "transformer: " + strings.Join(scratch.Norms, ", ")},
	{"ffn", "ffn", "transformer: " + strings.Join(scratch.FFNs, ", ")},
	{"ffn_width", "ffn-width", "transformer: inner width of the feed-forward net"},
	{"attention", "attention", "transformer: " + strings.Join(scratch.Attentions, ", ")},
	{"window", "window", "transformer: tokens to each side that a token sees, with --attention window or global; the size of blocks and strides"},
	{"heads", "heads", "transformer: attention heads"},
	{"decoder", "decoder", "transformer: tokens see only those before them"},
	{"num_train_epochs", "epochs", "passes over the data (default 3)"},
	{"max_steps", "steps", "optimizer steps; 0: as --epochs says"},
	{"per_device_train_batch_size", "batch", "examples a batch (default 16)"},
	{"batch_tokens", "batch-tokens", "tokens a batch at most, instead of --batch or beside it"},
	{"length_window", "length-window", "sort so many examples by length before they are cut into batches"},
	{"gradient_accumulation_steps", "accumulate", "batches a step"},
	{"learning_rate", "lr", "learning rate (default 5e-5)"},
	{"lr_scheduler_type", "schedule", train.ScheduleNames + " (default linear)"},
	{"warmup_steps", "warmup", "steps in which the rate rises"},
	{"warmup_ratio", "warmup-ratio", "the same as a share of all steps"},
	{"min_lr", "min-lr", "rate at the end of linear, cosine and polynomial"},
	{"num_cycles", "cycles", "cycles of the cosine schedules"},
	{"power", "power", "of the polynomial schedule"},
	{"optim", "optimizer", train.OptimizerNames + " (default adamw)"},
	{"adam_beta1", "beta1", "decay of the mean of gradients"},
	{"adam_beta2", "beta2", "decay of the mean of squares"},
	{"adam_epsilon", "epsilon", "of Adam and its kin"},
	{"hypergrad_lr", "hyper-rate", "rate at which the learning rate itself is learnt, with sgd and adam; 0: it is not"},
	{"momentum", "momentum", "of sgd and rmsprop"},
	{"nesterov", "nesterov", "Nesterov's momentum, of sgd"},
	{"weight_decay", "weight-decay", "weight decay"},
	{"decay_all", "decay-all", "weight decay of biases and norms too"},
	{"layer_decay", "layer-decay", "factor on the rate from each layer to the one below"},
	{"max_grad_norm", "clip", "greatest norm of the gradient (default 1; 0: any)"},
	{"clip_grad_value", "clip-value", "greatest magnitude of each gradient; 0: any"},
	{"freeze", "freeze", "pattern of names that are not trained; may be repeated"},
	{"unfreeze_epochs", "unfreeze", "epochs after which one more layer is trained, from the head down"},
	{"label_smoothing_factor", "label-smoothing", "share of each label that is spread over all classes"},
	{"dropout", "dropout", "every dropout rate of the model (default as it has them)"},
	{"drop_path_rate", "drop-path", "stochastic depth: the last layer's rate of being left out"},
	{"gradient_checkpointing", "recompute", "keep less between layers and compute it again: the same bits, for a third more work"},
	{"bf16_activations", "bf16-activations", "keep what gradients read in 16 bits: less memory, other bits"},
	{"teacher", "teacher", "folder of a model of the same task, from whose scores is learnt too"},
	{"temperature", "temperature", "of the teacher's scores (default 2)"},
	{"distillation_alpha", "teacher-share", "share of the loss that is the teacher's (default 0.5)"},
	{"merge", "merge", "adapters of --lora are added to the weights in the end; else the result is the adapters alone"},
	{"average", "average", "take an average of weights: ema or swa"},
	{"ema_decay", "ema-decay", "of --average ema (default 0.999)"},
	{"average_start", "average-start", "share of the steps after which averaging begins"},
	{"average_steps", "average-every", "steps between values that are averaged"},
	{"eval_steps", "eval-every", "steps between judgements (default: at the end of each epoch)"},
	{"metric_for_best_model", "metric", "figure by which the best weights are chosen (default by the task: accuracy, …)"},
	{"greater_is_better", "greater-is-better", "whether a greater figure is better (default unless it ends in loss)"},
	{"load_best_model_at_end", "keep-best", "the best weights are the result, not the last"},
	{"early_stopping_patience", "patience", "judgements without a better figure before the run ends; 0: any"},
	{"early_stopping_threshold", "threshold", "by how much better it must be"},
	{"max_length", "max-length", "tokens of an example at most (default as many as the model has positions for)"},
	{"seed", "seed", "seed of splits, order, first values and dropout"},
	{"save_steps", "save-every", "steps between checkpoints (default: only where the run stops)"},
	{"tensorboard", "tensorboard", "write event files for TensorBoard"},
	{"output_dir", "out", "folder of the result (required)"},
}

// reading names the flags of finetune.Columns, which all verbs with DATA share.
var reading = [][3]string{
	{"task", "task", "what is asked: classes, labels, regression, tags or pictures (default: as the files suggest)"},
	{"format", "format", "form of the files: csv, tsv, jsonl, json, parquet, lines, labelled (default: by their names)"},
	{"text", "text", "column of the text, by name or number (default text)"},
	{"pair", "pair", "column of a second text"},
	{"label", "label", "column of the label (default label)"},
	{"id", "id", "column that names a row"},
	{"no_header", "no-header", "tables start with their first row; columns are numbers"},
	{"ragged", "ragged", "rows of a table may be longer than the first"},
	{"quoted", "quoted", "quotes in TSV mean what they mean in CSV"},
	{"label_end", "label-end", "a label ends where this begins: with : DESC:manner is DESC"},
	{"label_separator", "label-separator", "a row has several labels, parted by this"},
	{"skip_bad_rows", "skip-bad-rows", "how many bad rows to pass over; -1: any number"},
	{"max_row_bytes", "max-row-bytes", "bytes of a row at most (default 1 MB)"},
}

// optionFlags are flags that set fields of finetune.Options.
type optionFlags struct {
	config string
	given  finetune.Options  // what the flags say
	keys   map[string]string // flag → key
}

// addOptions gives a command the flags of some tables.
func addOptions(cmd *cobra.Command, tables ...[][3]string) *optionFlags {
	o := &optionFlags{keys: map[string]string{}, given: finetune.Defaults()}
	fields := map[string]reflect.Value{}
	for _, f := range finetune.Fields(&o.given) {
		fields[f.Key] = f.Value
	}
	for _, table := range tables {
		for _, row := range table {
			o.keys[row[1]] = row[0]
			f := cmd.Flags().VarPF(fieldFlag{fields[row[0]]}, row[1], "", row[2])
			if fields[row[0]].Kind() == reflect.Bool {
				f.NoOptDefVal = "true"
			}
			if row[1] == "out" {
				f.Shorthand = "o"
			}
		}
	}
	return o
}

// options are the defaults, then the configuration file, then the flags.
func (o *optionFlags) options(cmd *cobra.Command) (finetune.Options, error) {
	all := finetune.Defaults()
	if o.config != "" {
		raw, err := os.ReadFile(o.config)
		if err == nil {
			err = finetune.ReadConfig(raw, &all)
		}
		if err != nil {
			return all, fmt.Errorf("--config %s: %w", o.config, err)
		}
	}
	given := map[string]reflect.Value{}
	for _, f := range finetune.Fields(&o.given) {
		given[f.Key] = f.Value
	}
	changed := map[string]bool{}
	cmd.Flags().Visit(func(f *pflag.Flag) { changed[o.keys[f.Name]] = true })
	for _, f := range finetune.Fields(&all) {
		if changed[f.Key] {
			f.Value.Set(given[f.Key])
		}
	}
	return all, nil
}

// fieldFlag is a field as a flag.
type fieldFlag struct{ field reflect.Value }

// String is the value as the flag would be given; empty where it is the field's zero.
func (f fieldFlag) String() string {
	switch {
	case !f.field.IsValid() || f.field.IsZero():
		return ""
	case f.field.Kind() == reflect.Pointer:
		return fmt.Sprint(f.field.Elem().Interface())
	case f.field.Kind() == reflect.Slice:
		return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(f.field.Interface())), ","), "[]")
	}
	return fmt.Sprint(f.field.Interface())
}

// Type is what the help calls the value.
func (f fieldFlag) Type() string {
	t := f.field.Type()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Int, reflect.Uint64:
		return "number"
	case reflect.Float64:
		return "float"
	case reflect.Slice:
		return "list"
	}
	return t.Kind().String()
}

// Set takes the value of the flag; lists take one more element, or several parted by commas where they are numbers.
func (f fieldFlag) Set(s string) error {
	v := f.field
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		b, err := strconv.ParseBool(s)
		v.SetBool(b)
		return asked(err, "true or false")
	case reflect.Int:
		n, err := strconv.Atoi(s)
		v.SetInt(int64(n))
		return asked(err, "a whole number")
	case reflect.Uint64:
		n, err := strconv.ParseUint(s, 10, 64)
		v.SetUint(n)
		return asked(err, "a whole number, 0 or more")
	case reflect.Float64:
		x, err := strconv.ParseFloat(s, 64)
		v.SetFloat(x)
		return asked(err, "a number")
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.String {
			v.Set(reflect.Append(v, reflect.ValueOf(s)))
			return nil
		}
		v.SetZero()
		for part := range strings.SplitSeq(s, ",") {
			n, err := strconv.Atoi(strings.TrimSpace(part))
			if err != nil {
				return asked(err, "whole numbers parted by commas")
			}
			v.Set(reflect.Append(v, reflect.ValueOf(n)))
		}
	}
	return nil
}

// asked says what a flag wants where its value could not be read.
func asked(err error, want string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, strconv.ErrRange):
		return fmt.Errorf("want %s within the machine's range", want)
	}
	return fmt.Errorf("want %s", want)
}

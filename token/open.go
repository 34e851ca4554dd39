package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Open loads the tokenizer of a model folder: tokenizer.json, or where that is missing the older vocab.txt (BERT) or
// vocab.json and merges.txt (GPT-2, RoBERTa). tokenizer_config.json and special_tokens_map.json, if they are there, say
// which token plays which part.
func Open(fsys fs.FS) (*Tokenizer, error) {
	cfg, err := readConfig(fsys)
	if err != nil {
		return nil, err
	}
	t, err := open(fsys, cfg)
	if err != nil {
		return nil, err
	}
	t.config = cfg.fields
	t.Special = cfg.special(t)
	t.MaxLength = cfg.maxLength()
	return t, nil
}

// open finds the vocabulary of a folder.
func open(fsys fs.FS, cfg *config) (*Tokenizer, error) {
	text, err := readFile(fsys, "tokenizer.json")
	if err == nil {
		return Parse(text)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if text, err = readFile(fsys, "vocab.txt"); err == nil {
		return openBERT(text, cfg)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	vocab, err := readFile(fsys, "vocab.json")
	if err == nil {
		var merges []byte
		if merges, err = readFile(fsys, "merges.txt"); err == nil {
			return openGPT2(vocab, merges, cfg)
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return nil, fmt.Errorf("token: the folder has neither tokenizer.json, nor vocab.txt, nor vocab.json and merges.txt: %w", fs.ErrNotExist)
}

// readFile reads a file that is not too large.
func readFile(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, fileMax+1))
	if err != nil {
		return nil, fmt.Errorf("token: %s: %w", name, err)
	}
	if len(text) > fileMax {
		return nil, fmt.Errorf("token: %s has more than the %d bytes that are read", name, fileMax)
	}
	return text, nil
}

// config is what tokenizer_config.json and special_tokens_map.json say.
type config struct {
	Class     string   `json:"tokenizer_class"`
	MaxLength *float64 `json:"model_max_length"`
	LowerCase *bool    `json:"do_lower_case"`
	Accents   *bool    `json:"strip_accents"`
	Chinese   *bool    `json:"tokenize_chinese_chars"`
	Prefix    bool     `json:"add_prefix_space"`

	BOS  tokenName `json:"bos_token"`
	EOS  tokenName `json:"eos_token"`
	PAD  tokenName `json:"pad_token"`
	UNK  tokenName `json:"unk_token"`
	CLS  tokenName `json:"cls_token"`
	SEP  tokenName `json:"sep_token"`
	Mask tokenName `json:"mask_token"`

	fields map[string]json.RawMessage // all of tokenizer_config.json
}

// tokenName is "<s>", {"content": "<s>", …} or null.
type tokenName string

// UnmarshalJSON reads any of the forms.
func (n *tokenName) UnmarshalJSON(raw []byte) error {
	if raw[0] == '{' {
		var t struct{ Content string }
		err := json.Unmarshal(raw, &t)
		*n = tokenName(t.Content)
		return err
	}
	return json.Unmarshal(raw, (*string)(n))
}

// readConfig reads what there is of the two files; the first has the last word.
func readConfig(fsys fs.FS) (*config, error) {
	var c config
	for _, name := range []string{"special_tokens_map.json", "tokenizer_config.json"} {
		text, err := readFile(fsys, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &c); err != nil {
			return nil, fmt.Errorf("token: %s: %w", name, err)
		}
		c.fields = nil
		if err := json.Unmarshal(text, &c.fields); err != nil {
			return nil, fmt.Errorf("token: %s: %w", name, err)
		}
	}
	return &c, nil
}

// maxLength returns the model's length limit; the absurdly large numbers that stand for none give 0.
func (c *config) maxLength() int {
	if c.MaxLength == nil || !(*c.MaxLength >= 1 && *c.MaxLength <= 1<<30) {
		return 0
	}
	return int(*c.MaxLength)
}

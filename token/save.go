package token

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"github.com/qkvgo/qkv/internal/atomicfile"
)

// MarshalJSON returns the tokenizer.json: what was parsed, or what was learnt.
func (t *Tokenizer) MarshalJSON() ([]byte, error) { return t.file.MarshalJSON() }

// Save writes tokenizer.json into a model folder, and beside it a tokenizer_config.json that names the special tokens.
// Each file is replaced all at once.
func (t *Tokenizer) Save(dir string) error {
	text, err := t.MarshalJSON()
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, "tokenizer.json"), text); err != nil {
		return err
	}
	if text, err = t.configJSON(); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, "tokenizer_config.json"), text)
}

// configJSON returns the tokenizer_config.json: the fields that Open found, and what has been set since.
func (t *Tokenizer) configJSON() ([]byte, error) {
	fields := map[string]any{"tokenizer_class": "PreTrainedTokenizerFast"}
	for key, raw := range t.config {
		fields[key] = raw
	}
	for key, id := range t.Special.byKey() {
		name, ok := t.IDToToken(id)
		if !ok {
			delete(fields, key)
			continue
		}
		var old tokenName
		raw := t.config[key]
		if len(raw) == 0 || json.Unmarshal(raw, &old) != nil || string(old) != name {
			fields[key] = name
		}
	}
	if t.MaxLength > 0 {
		fields["model_max_length"] = t.MaxLength
	}
	text, err := json.MarshalIndent(fields, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("token: tokenizer_config.json: %w", err)
	}
	return append(text, '\n'), nil
}

// writeFile replaces a file.
func writeFile(path string, text []byte) error {
	err := atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	return nil
}

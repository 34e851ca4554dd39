package token

import (
	"encoding/json"
	"fmt"
	"strings"
)

// This file makes tokenizer.json of the files that came before it, as the reference's converter does.

// openBERT makes a tokenizer of a vocab.txt, one WordPiece token a line.
func openBERT(vocabText []byte, cfg *config) (*Tokenizer, error) {
	ids := map[string]int32{}
	id := int32(0)
	for line := range strings.Lines(string(vocabText)) {
		ids[strings.TrimRight(line, "\r\n")] = id // of equal lines the last counts
		id++
	}
	name := func(t tokenName, byDefault string) string {
		if t != "" {
			return string(t)
		}
		return byDefault
	}
	cls, sep, unk := name(cfg.CLS, "[CLS]"), name(cfg.SEP, "[SEP]"), name(cfg.UNK, "[UNK]")
	var added []AddedToken
	for _, s := range []string{name(cfg.PAD, "[PAD]"), unk, cls, sep, name(cfg.Mask, "[MASK]")} {
		if id, ok := ids[s]; ok {
			added = append(added, AddedToken{ID: id, Content: s, Special: true})
		}
	}
	for _, s := range []string{cls, sep, unk} {
		if _, ok := ids[s]; !ok {
			return nil, fmt.Errorf("token: vocab.txt lacks %q", s)
		}
	}
	type object = map[string]any
	special := func(s string, typeID int) object { return object{"SpecialToken": object{"id": s, "type_id": typeID}} }
	text := func(s string, typeID int) object { return object{"Sequence": object{"id": s, "type_id": typeID}} }
	token := func(s string) object {
		return object{"id": s, "ids": []int32{ids[s]}, "tokens": []string{s}}
	}
	return assembleFile(added, object{
		"normalizer": object{
			"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": or(cfg.Chinese, true),
			"strip_accents": cfg.Accents, "lowercase": or(cfg.LowerCase, true),
		},
		"pre_tokenizer": object{"type": "BertPreTokenizer"},
		"post_processor": object{
			"type":           "TemplateProcessing",
			"single":         []object{special(cls, 0), text("A", 0), special(sep, 0)},
			"pair":           []object{special(cls, 0), text("A", 0), special(sep, 0), text("B", 1), special(sep, 1)},
			"special_tokens": object{cls: token(cls), sep: token(sep)},
		},
		"decoder": object{"type": "WordPiece", "prefix": "##", "cleanup": true},
		"model": object{
			"type": "WordPiece", "unk_token": unk, "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
			"vocab": ids,
		},
	})
}

// openGPT2 makes a tokenizer of a vocab.json and a merges.txt; where the vocabulary has <s> and </s> it is RoBERTa's.
func openGPT2(vocabText, mergesText []byte, cfg *config) (*Tokenizer, error) {
	var ids map[string]int32
	if err := json.Unmarshal(vocabText, &ids); err != nil {
		return nil, fmt.Errorf("token: vocab.json: %w", err)
	}
	var merges []string
	for line := range strings.Lines(string(mergesText)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" || len(merges) == 0 && strings.HasPrefix(line, "#version") {
			continue
		}
		merges = append(merges, line)
	}
	type object = map[string]any
	bos, isRoberta := ids["<s>"]
	eos, hasEOS := ids["</s>"]
	isRoberta = isRoberta && hasEOS
	var added []AddedToken
	var post any = object{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false}
	if isRoberta {
		post = object{
			"type": "RobertaProcessing", "cls": []any{"<s>", bos}, "sep": []any{"</s>", eos},
			"trim_offsets": true, "add_prefix_space": cfg.Prefix,
		}
		for _, s := range []string{"<s>", "<pad>", "</s>", "<unk>", "<mask>"} {
			if id, ok := ids[s]; ok {
				added = append(added, AddedToken{ID: id, Content: s, LStrip: s == "<mask>", Normalized: true, Special: true})
			}
		}
	} else if id, ok := ids["<|endoftext|>"]; ok {
		added = append(added, AddedToken{ID: id, Content: "<|endoftext|>", Normalized: true, Special: true})
	}
	return assembleFile(added, object{
		"pre_tokenizer":  object{"type": "ByteLevel", "add_prefix_space": cfg.Prefix, "trim_offsets": true, "use_regex": true},
		"post_processor": post,
		"decoder":        object{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
		"model":          object{"type": "BPE", "vocab": ids, "merges": merges},
	})
}

// assembleFile builds a tokenizer of the components of a file.
func assembleFile(added []AddedToken, components map[string]any) (*Tokenizer, error) {
	components["version"] = "1.0"
	components["added_tokens"] = added
	text, err := json.Marshal(components)
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	return Parse(text)
}

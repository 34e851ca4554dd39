package token

import "iter"

// Special holds the ids of the tokens that play a part for the model; −1 where there is none.
type Special struct {
	BOS, EOS, PAD, UNK, CLS, SEP, Mask int32
}

// usual are the spellings of special tokens, for folders whose files do not say which is which.
var usual = struct{ bos, eos, pad, unk, cls, sep, mask []tokenName }{
	bos:  []tokenName{"<s>", "<|begin_of_text|>", "<|startoftext|>", "<|endoftext|>"},
	eos:  []tokenName{"</s>", "<|end_of_text|>", "<|endoftext|>"},
	pad:  []tokenName{"<pad>", "[PAD]"},
	unk:  []tokenName{"<unk>", "[UNK]"},
	cls:  []tokenName{"[CLS]", "<s>"},
	sep:  []tokenName{"[SEP]", "</s>"},
	mask: []tokenName{"[MASK]", "<mask>"},
}

// special looks the named tokens up; where none is named, an added special token with a usual spelling takes the part.
func (c *config) special(t *Tokenizer) Special {
	find := func(name tokenName, usual []tokenName) int32 {
		if name != "" {
			if id, ok := t.TokenToID(string(name)); ok {
				return id
			}
			return noToken
		}
		for _, u := range usual {
			if id, ok := t.addedIDs[string(u)]; ok && t.added[id].Special {
				return id
			}
		}
		return noToken
	}
	return Special{
		BOS: find(c.BOS, usual.bos), EOS: find(c.EOS, usual.eos), PAD: find(c.PAD, usual.pad), UNK: find(c.UNK, usual.unk),
		CLS: find(c.CLS, usual.cls), SEP: find(c.SEP, usual.sep), Mask: find(c.Mask, usual.mask),
	}
}

// byKey yields the ids by their keys in tokenizer_config.json.
func (s Special) byKey() iter.Seq2[string, int32] {
	return func(yield func(string, int32) bool) {
		_ = yield("bos_token", s.BOS) && yield("eos_token", s.EOS) && yield("pad_token", s.PAD) && yield("unk_token", s.UNK) &&
			yield("cls_token", s.CLS) && yield("sep_token", s.SEP) && yield("mask_token", s.Mask)
	}
}

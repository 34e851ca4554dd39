package scratch

import (
	"iter"

	"github.com/qkvgo/qkv/data"
)

// Documents are texts without labels as the model is pretrained on them: ids between
// [CLS] and [SEP], or between tokens that end a text where the tokenizer has these;
// texts that are too long are cut into as many parts as they need.
func (m *Model) Documents(texts iter.Seq[string]) (all [][]int32) {
	special, end := m.Tokenizer.IDs(""), m.Tokenizer.Special.EOS
	if len(special) == 0 && end >= 0 {
		special = []int32{end, end}
	}
	most := max(m.Options.Length-len(special), 1)
	for text := range texts {
		ids := m.Tokenizer.AppendIDs(nil, text)
		for lo := 0; lo < len(ids); lo += most {
			part := ids[lo:min(lo+most, len(ids))]
			if len(special) == 2 {
				part = append(append([]int32{special[0]}, part...), special[1])
			}
			all = append(all, part)
		}
	}
	return all
}

// Masking is how tokens are hidden for a masked language model: special ones never.
func (m *Model) Masking() data.Masking {
	k := data.Masking{Mask: m.Tokenizer.Special.Mask, Vocab: m.Tokenizer.VocabSize()}
	for _, a := range m.Tokenizer.AddedTokens() {
		if a.Special {
			k.Never = append(k.Never, a.ID)
		}
	}
	return k
}

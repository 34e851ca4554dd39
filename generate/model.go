package generate

import "context"

// Model is what decoding needs of a language model: sessions that read several sequences at once.
type Model interface {
	// Start opens a session over prompts of any lengths, none of them empty, and reads them; sequence
	// i of the session is prompts[i]. The prompts must not be kept.
	Start(ctx context.Context, prompts [][]int32) (Session, error)
	// VocabSize is V, the length of a row of logits.
	VocabSize() int
}

// Session holds the sequences of one run and what the model remembers of them (its caches).
// It is used by one goroutine at a time.
type Session interface {
	// Logits gives, after Start and after every Step, the next-token logits of each live sequence,
	// [live][V]. The rows are read only and valid until the next call of any method.
	Logits() [][]float32
	// Step appends ids[i] to live sequence i and reads it. It does not keep ids.
	Step(ctx context.Context, ids []int32) error
	// Select makes the live sequences those that were at rows[0], rows[1], …: it drops, reorders and
	// duplicates. A Step always follows before Logits is asked again. It does not keep rows.
	Select(rows []int) error
	// Close gives back what the session holds.
	Close() error
}

// Detokenizer turns the ids of one sequence into text as they come. An id may complete no character
// yet: its bytes then arrive with a later Push, or with Flush at the end.
type Detokenizer interface {
	Push(id int32) string
	Flush() string
}

// Finish says why a sequence ended.
type Finish string

const (
	FinishEOS    Finish = "eos"    // an id of eos_token_id, which is the last of IDs
	FinishLength Finish = "length" // max_new_tokens or max_length
	FinishStop   Finish = "stop"   // one of stop_strings
)

// Sequence is one continuation of one prompt.
type Sequence struct {
	// IDs are the new ids, without the prompt, with the id that ended them.
	IDs []int32 `json:"ids"`
	// Score is the reference's sequences_scores: the sum of the log-probabilities (natural logarithm)
	// of IDs, divided by their number to the power length_penalty. Only beam search gives one.
	Score float32 `json:"score,omitempty"`
	// Finish is the reason why IDs end.
	Finish Finish `json:"finish"`
}

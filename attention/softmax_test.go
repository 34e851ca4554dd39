package attention_test

import (
	"testing"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/attention/attentiontest"
)

// Exact softmax obeys every law.
func TestSoftmax(t *testing.T) {
	attentiontest.Run(t, attentiontest.Subject{Mechanism: attention.Softmax{}, Oracle: attentiontest.Softmax})
}

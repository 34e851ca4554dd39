package generate_test

import (
	"context"
	"fmt"

	"github.com/qkvgo/qkv/generate"
)

// counter is a model of ten ids that has learnt to count: after n it expects n+1, and sometimes n+2.
type counter struct{}

func (counter) VocabSize() int { return 10 }

func (counter) Start(_ context.Context, prompts [][]int32) (generate.Session, error) {
	s := &counting{}
	for _, p := range prompts {
		s.last = append(s.last, p[len(p)-1])
	}
	return s, nil
}

// counting remembers the last id of every sequence; a Transformer remembers keys and values.
type counting struct{ last []int32 }

func (s *counting) Logits() (rows [][]float32) {
	for _, n := range s.last {
		row := make([]float32, 10)
		row[min(n+1, 9)], row[min(n+2, 9)] = 6, 5
		rows = append(rows, row)
	}
	return rows
}

func (s *counting) Step(_ context.Context, ids []int32) error {
	copy(s.last, ids)
	return nil
}

func (s *counting) Select(rows []int) error {
	var last []int32
	for _, r := range rows {
		last = append(last, s.last[r])
	}
	s.last = last
	return nil
}

func (s *counting) Close() error { return nil }

func ExampleGenerate() {
	out, err := generate.Generate(context.Background(), counter{}, [][]int32{{1}, {0, 6}}, generate.Options{EOS: generate.IDs{9}})
	fmt.Println(out[0].IDs, out[0].Finish, out[1].IDs, out[1].Finish, err)
	// Output: [2 3 4 5 6 7 8 9] eos [7 8 9] eos <nil>
}

func ExampleStream() {
	o := generate.Options{DoSample: true, TopP: 0.95, Seed: 7, MaxNewTokens: 5}
	for id, err := range generate.Stream(context.Background(), counter{}, []int32{0}, o) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(id, " ")
	}
	// Output: 1 3 4 5 6
}

package eval_test

import (
	"fmt"

	"github.com/qkvgo/qkv/eval"
)

func ExampleClasses() {
	want := []int{0, 0, 0, 1, 1, 2}
	got := []int{0, 0, 1, 1, 1, 0}
	c, err := eval.Classes(want, got, 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := c.Report([]string{"billing", "delivery", "praise"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(r)
	fmt.Print(c)
	// Output:
	//               precision    recall  f1-score   support
	//
	//      billing       0.67      0.67      0.67         3
	//     delivery       0.67      1.00      0.80         2
	//       praise       0.00      0.00      0.00         1
	//
	//     accuracy                           0.67         6
	//    macro avg       0.44      0.56      0.49         6
	// weighted avg       0.56      0.67      0.60         6
	// want\got 0 1 2
	//        0 2 1 0
	//        1 0 2 0
	//        2 1 0 0
}

// An interval for a figure of your own: the statistic gets row numbers.
func ExampleBootstrap() {
	want := []int{0, 0, 0, 1, 1, 2, 2, 1, 0, 1}
	got := []int{0, 0, 1, 1, 1, 0, 2, 1, 0, 1}
	macroF1 := func(rows []int) (float64, error) {
		var w, g []int
		for _, i := range rows {
			w, g = append(w, want[i]), append(g, got[i])
		}
		c, err := eval.Classes(w, g, 3)
		return c.Macro().F1, err
	}
	i, err := eval.Bootstrap(len(want), macroF1, eval.Resampling{Seed: 1})
	fmt.Println(i, err)
	// Output: 0.769 [0.398, 1.000] <nil>
}

func ExampleMcNemar() {
	// Of 40 rows both models got 28 right, the second alone 9, the first alone 1.
	first, second := make([]bool, 40), make([]bool, 40)
	for i := range 28 {
		first[i], second[i] = true, true
	}
	for i := range 9 {
		second[28+i] = true
	}
	first[37] = true
	t, err := eval.McNemar(first, second)
	fmt.Printf("p = %.4f %v\n", t.Exact, err)
	// Output: p = 0.0215 <nil>
}

func ExampleBLEU() {
	want := [][]string{{"The dog bit the man.", "The dog had bit the man."}, {"It was not unexpected.", "No one was surprised."}}
	score, err := eval.BLEU{}.Corpus(want, []string{"The dog bit the man.", "It wasn't surprising."})
	fmt.Println(score, err)
	// Output: BLEU = 63.98 80.0/62.5/66.7/75.0 (BP = 0.905 ratio = 0.909 hyp_len = 10 ref_len = 11) <nil>
}

func ExampleNamedEntities() {
	want := [][]string{{"B-PER", "I-PER", "O", "B-LOC"}}
	got := [][]string{{"B-PER", "I-PER", "O", "B-PER"}}
	e, err := eval.NamedEntities(want, got, eval.Lenient)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("F1 %.2f\n", e.Micro.F1)
	// Output: F1 0.50
}

func ExampleWilson() {
	c, err := eval.Classes([]int{0, 1, 1, 0, 1, 0, 1, 1}, []int{0, 1, 1, 0, 1, 0, 1, 0}, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	accuracy, err := eval.Wilson(c.Right(), c.Total(), 0.95)
	fmt.Println(accuracy, err)
	// Output: 0.875 [0.529, 0.978] <nil>
}

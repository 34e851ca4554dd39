package qkv_test

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/qkvgo/qkv"
	"github.com/qkvgo/qkv/batch"
	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/finetune"
	"github.com/qkvgo/qkv/talk"
	"github.com/qkvgo/qkv/train"
	"github.com/qkvgo/qkv/zoo/zootest"
)

// Texts that go on, piece by piece.
func Example() {
	g, err := qkv.OpenGenerator("models/gpt2")
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	o := g.Options
	o.MaxNewTokens, o.DoSample, o.Seed = 100, true, 7
	for piece, err := range g.Text(context.Background(), "Once upon a time", o) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(piece)
	}
}

// check ends the program where something went wrong.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// desk is a folder with a pretrained model and a table of messages, where the
// program is moved to; leave moves it back.
func desk() (leave func()) {
	home, err := os.Getwd()
	check(err)
	dir, err := os.MkdirTemp("", "qkv")
	check(err)
	check(os.Mkdir(filepath.Join(dir, "models"), 0o777))
	check(os.CopyFS(filepath.Join(dir, "models", "stories"), os.DirFS("box/model")))
	f, err := os.Create(filepath.Join(dir, "messages.csv"))
	check(err)
	all, err := talk.Messages()
	check(err)
	table := csv.NewWriter(f)
	check(table.Write([]string{"text", "label"}))
	for _, m := range all {
		if m.Label == "fees" || m.Label == "rooms" {
			check(table.Write([]string{m.Text, m.Label}))
		}
	}
	table.Flush()
	check(errors.Join(table.Error(), f.Close(), os.Chdir(dir)))
	return func() { check(errors.Join(os.Chdir(home), os.RemoveAll(dir))) }
}

// A pretrained network learns to sort messages, in twelve statements.
func Example_finetune() {
	defer desk()()
	rows, err := data.Collect(data.Reader{}.Read("messages.csv"))
	check(err)
	learn, _, judge, err := data.Parts{Test: 0.25, Seed: 1}.Split(rows)
	check(err)
	m, err := finetune.Open("models/stories", finetune.Task{Labels: batch.LabelsOf(rows)})
	check(err)
	_, err = m.Fit(context.Background(), finetune.Texts(learn), finetune.Examples{}, finetune.Training{Plan: train.Plan{Epochs: 2, Rate: 5e-4}})
	check(err)
	report, err := m.Evaluate(context.Background(), finetune.Texts(judge))
	check(err)
	check(m.Save("models/messages"))
	fmt.Println(report)
	// Output:
	// 77 examples, loss 0.2974
	// accuracy               0.8571 [0.7620, 0.9183]
	// macro F1               0.8563 [0.7662, 0.9268]
	// weighted F1            0.8564 [0.7658, 0.9341]
	// MCC                    0.7199 [0.5587, 0.8571]
	// kappa                  0.7138
	// ROC AUC                0.9588 [0.9109, 0.9931]
	// average precision      0.9688
	// Brier score            0.0907
	// log loss               0.2974
	// calibration error      0.0680
	//
	//               precision    recall  f1-score   support
	//
	//         fees       0.91      0.79      0.85        38
	//        rooms       0.82      0.92      0.87        39
	//
	//     accuracy                           0.86        77
	//    macro avg       0.86      0.86      0.86        77
	// weighted avg       0.86      0.86      0.86        77
	//
	//             want \ got   fees  rooms
	//                   fees     30      8
	//                  rooms      3     36
}

// folder makes the folder of a tiny model with drawn values.
func folder(kind string) (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "qkv")
	if err == nil {
		err = zootest.Make(kind, dir)
	}
	if err != nil {
		log.Fatal(err)
	}
	return dir, func() { os.RemoveAll(dir) }
}

func ExampleOpenEmbedder() {
	dir, remove := folder("bert")
	defer remove()
	e, err := qkv.OpenEmbedder(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer e.Close()
	vectors, err := e.Embed(context.Background(), "the cat sat .", "the dog ran home and slept .")
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range vectors {
		fmt.Println(len(v), "numbers")
	}
	// Output:
	// 8 numbers
	// 8 numbers
}

func ExampleOpenClassifier() {
	dir, remove := folder("bert-classifier")
	defer remove()
	c, err := qkv.OpenClassifier(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	results, err := c.Texts(context.Background(), "the cat sat .")
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range results[0] { // the likeliest first
		fmt.Printf("%s %.2f\n", s.Label, s.Score)
	}
	// Output:
	// neither 0.60
	// bad 0.33
	// good 0.07
}

func ExampleForecastOf() {
	dir, remove := folder("llama")
	defer remove()
	m, err := qkv.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	f, err := qkv.ForecastOf(m, 16)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("weights:", f.Weights, "bytes")
	fmt.Println("cache:", f.Cache, "bytes")
	// Output:
	// weights: 4416 bytes
	// cache: 1024 bytes
}

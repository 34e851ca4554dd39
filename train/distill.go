package train

import (
	"fmt"
	"slices"

	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Distilled is the loss of a student that learns from a teacher's scores beside the
// labels (Hinton et al. 2015, §2): share times Distillation of the two models'
// logits at a temperature, and 1−share times the student's own loss. Without labels
// the teacher alone counts. The teacher is any model with logits of the same classes;
// it computes without dropout and gets no gradient.
func Distilled(student, teacher model.Model, temperature, share float64) Loss {
	return func(p *nn.Pass, in *model.Input) *tensor.Tensor {
		rows := p.Rows // as they come in: a page may change them
		out := student.Run(p, in)
		logits := logitsOf(student, out)

		look := nn.NewPass(p.Ctx, rows, nn.Options{Device: p.Device})
		defer look.Close()
		bare := *in
		bare.Labels, bare.Targets = nil, nil
		taught := logitsOf(teacher, teacher.Run(look, &bare))
		if !slices.Equal(logits.Shape(), taught.Shape()) {
			panic(&tensor.Fault{Op: "distillation", Shapes: [][]int{logits.Shape(), taught.Shape()},
				Msg: "student and teacher must score the same classes of the same rows"})
		}
		loss := Distillation(logits, taught, float32(temperature))
		if out[0].Name != "loss" {
			return loss
		}
		return loss.Scale(float32(share)).Add(out[0].Value.Scale(float32(1 - share)))
	}
}

// logitsOf are the scores among a model's outputs.
func logitsOf(m model.Model, out []model.Output) *tensor.Tensor {
	for _, o := range out {
		if o.Name == "logits" {
			return o.Value
		}
	}
	panic(&tensor.Fault{Op: "distillation", Msg: fmt.Sprintf("%T gives no logits", m)})
}

package train

import (
	"math"

	"github.com/qkvgo/qkv/tensor"
)

// Distillation is how far a student's scores [rows, classes] are from a teacher's,
// both softened by a temperature, a scalar: temperature² times the mean over rows
// of the Kullback–Leibler divergence (Hinton et al. 2015, §2). The teacher gets
// no gradient.
func Distillation(student, teacher *tensor.Tensor, temperature float32) *tensor.Tensor {
	target := teacher.Scale(1 / temperature).Softmax().Float32s()
	each := student.Scale(1/temperature).LogSoftmax().Pointwise(tensor.KL(), target)
	return each.Sum().Scale(temperature * temperature / float32(max(student.Rows(), 1)))
}

// InfoNCE is the mean cross-entropy of picking row i of z for row i of x among all
// rows of z, by cosines over a temperature, a scalar (van den Oord et al. 2018,
// eq. 4). Both are [rows, width].
func InfoNCE(x, z *tensor.Tensor, temperature float32) *tensor.Tensor {
	targets := make([]int32, x.Rows())
	for i := range targets {
		targets[i] = int32(i)
	}
	return unit(x).MatMulT(unit(z)).Scale(1 / temperature).CrossEntropy(targets)
}

// unit is the rows of x at length 1.
func unit(x *tensor.Tensor) *tensor.Tensor {
	return x.RMSNorm(nil, 1e-12).Scale(float32(1 / math.Sqrt(float64(x.Width()))))
}

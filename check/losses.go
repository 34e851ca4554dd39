package check

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// lossCall is a loss on its way: the scope of its numbers, what it reads, and
// how what it gives is joined.
type lossCall struct {
	*part
	p         *nn.Pass
	x         *tensor.Tensor // the input that gets a gradient
	name      string         // its name
	target    []float32      // or nil
	classes   []int32        // or nil
	weight    []float32      // of classes or elements, or nil
	positive  []float32      // or nil
	reduction string
}

// loss gives the loss, and the gradient of Σ loss_i·i/n.
func (c *part) loss(ctx context.Context, d device.Device) (map[string][]float32, error) {
	p := nn.NewPass(ctx, nn.Batch{}, nn.Options{Device: d, Tape: true})
	defer p.Close()
	l := &lossCall{part: c, p: p, reduction: "mean"}
	if err := l.read(); err != nil {
		return nil, err
	}
	loss, err := l.value()
	if err != nil {
		return nil, err
	}
	all := map[string][]float32{"loss": loss.Float32s()}
	n := loss.Rows() * loss.Width()
	share := make([]float32, n)
	for i := range share {
		share[i] = float32(i+1) / float32(n)
	}
	loss.Mul(p.Of(share, loss.Shape()...)).Sum().Backward()
	if g := l.x.Grad(); g != nil {
		all[gradientOf+l.name] = g.Float32s()
	}
	return all, nil
}

// read takes the inputs that all losses share.
func (l *lossCall) read() (err error) {
	for _, name := range sortedNames(l.in) {
		t := l.in[name]
		switch name {
		case "const_target", "target":
			if strings.HasPrefix(t.DType.String(), "F") {
				l.target, err = floats(t)
			} else {
				l.classes, err = ids(l.part, name)
			}
		case "const_weight", "weight":
			l.weight, err = floats(t)
		case "const_pos_weight", "pos_weight":
			l.positive, err = floats(t)
		case "targets", "input_lengths", "target_lengths":
		default:
			if l.x != nil {
				return &checkpoint.Unsupported{What: "two inputs, " + l.name + " and " + name}
			}
			var v []float32
			v, err = floats(t)
			l.x, l.name = l.p.Input(v, t.Shape...), name
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if l.x == nil {
		return fmt.Errorf("inputs.safetensors has no number to lose")
	}
	return nil
}

// ids reads a tensor of integers.
func ids(c *part, name string) ([]int32, error) {
	v, err := integers(c.in[name])
	out := make([]int32, len(v))
	for i, x := range v {
		out[i] = int32(x)
	}
	return out, err
}

// value is the loss of the class and arguments.
func (l *lossCall) value() (*tensor.Tensor, error) {
	known := map[string]any{"reduction": &l.reduction, "weight": &l.weight, "input": nil, "size_average": nil, "reduce": nil}
	class := l.meta.Class
	class = class[strings.LastIndex(strings.Fields(class)[0], ".")+1:]
	switch beta, delta := float32(1), float32(1); {
	case class == "BCEWithLogitsLoss":
		known["pos_weight"] = &l.positive
		return l.pointwise(known, func() tensor.PointLoss { return tensor.Logistic(l.positive) })
	case class == "BCELoss":
		return l.pointwise(known, tensor.BCE)
	case class == "MSELoss":
		return l.pointwise(known, tensor.SquaredError)
	case class == "L1Loss":
		return l.pointwise(known, tensor.AbsoluteError)
	case class == "SmoothL1Loss":
		known["beta"] = &beta
		return l.pointwise(known, func() tensor.PointLoss { return tensor.SmoothL1(beta) })
	case class == "HuberLoss":
		known["delta"] = &delta
		return l.pointwise(known, func() tensor.PointLoss { return tensor.Huber(delta) })
	case class == "KLDivLoss":
		known["log_target"] = nil
		logs, err := arg(l.part, "log_target", false)
		if err != nil {
			return nil, err
		}
		for i, t := range l.target {
			if logs {
				l.target[i] = float32(math.Exp(float64(t)))
			}
		}
		return l.pointwise(known, tensor.KL)
	case class == "CrossEntropyLoss":
		var smoothing float32
		ignore := int32(tensor.Ignore)
		known["label_smoothing"], known["ignore_index"] = &smoothing, &ignore
		return l.crossEntropy(known, &smoothing, &ignore)
	case class == "LabelSmoother":
		smoothing, ignore := float32(0.1), int32(tensor.Ignore)
		known["epsilon"], known["ignore_index"] = &smoothing, &ignore
		return l.crossEntropy(known, &smoothing, &ignore)
	case class == "CTCLoss":
		return l.ctc(known)
	case strings.Contains(class, "generalized_box_iou"):
		if err := l.args(known); err != nil {
			return nil, err
		}
		if l.target == nil || len(l.target)%4 != 0 {
			return nil, &checkpoint.Unsupported{What: "boxes without target boxes"}
		}
		giou := l.x.GIoU(l.p.Of(l.target, len(l.target)/4, 4))
		ones := make([]float32, giou.Rows()*giou.Width())
		for i := range ones {
			ones[i] = 1
		}
		return l.p.Of(ones, giou.Shape()...).Sub(giou), nil
	}
	return nil, &checkpoint.Unsupported{What: "the loss " + l.meta.Class}
}

// pointwise is a loss of single numbers, weighed and joined.
func (l *lossCall) pointwise(known map[string]any, make func() tensor.PointLoss) (*tensor.Tensor, error) {
	if err := l.args(known); err != nil {
		return nil, err
	}
	each := l.x.Pointwise(make(), l.target)
	if l.weight != nil {
		var spread []float32
		for range each.Rows() * each.Width() / max(len(l.weight), 1) {
			spread = append(spread, l.weight...)
		}
		each = each.Mul(l.p.Of(spread, each.Shape()...))
	}
	return l.join(each, float32(each.Rows()*each.Width()))
}

// join is the reduction of each; count is what a mean divides by.
func (l *lossCall) join(each *tensor.Tensor, count float32) (*tensor.Tensor, error) {
	switch l.reduction {
	case "none":
		return each, nil
	case "sum":
		return each.Sum(), nil
	case "mean":
		return each.Sum().Scale(1 / count), nil
	case "batchmean":
		return each.Sum().Scale(1 / float32(each.Shape()[0])), nil
	}
	return nil, &checkpoint.Unsupported{What: "the reduction " + l.reduction}
}

func (l *lossCall) crossEntropy(known map[string]any, smoothing *float32, ignore *int32) (*tensor.Tensor, error) {
	if err := l.args(known); err != nil {
		return nil, err
	}
	if l.target != nil {
		return l.spread(*smoothing)
	}
	x := l.x
	if len(l.classes) != x.Rows() && len(x.Shape()) > 2 {
		x = classesLast(x)
	}
	if len(l.classes) != x.Rows() {
		return nil, &checkpoint.Unsupported{What: fmt.Sprintf("%d targets for scores of shape %v", len(l.classes), l.x.Shape())}
	}
	count := float32(0)
	for i, t := range l.classes {
		switch {
		case t == *ignore:
			l.classes[i] = tensor.Ignore
		case l.weight != nil && t >= 0 && int(t) < len(l.weight):
			count += l.weight[t]
		default:
			count++
		}
	}
	return l.join(x.CrossEntropyRows(l.classes, *smoothing, l.weight), count)
}

// classesLast turns scores [n, classes, places…] into [n·places, classes].
func classesLast(x *tensor.Tensor) *tensor.Tensor {
	n, classes := x.Shape()[0], x.Shape()[1]
	places := x.Rows() * x.Width() / max(n*classes, 1)
	var at []int32
	for i := range n {
		for j := range places {
			for c := range classes {
				at = append(at, int32((i*classes+c)*places+j))
			}
		}
	}
	return x.Reshape(len(at), 1).Gather(at).Reshape(n*places, classes)
}

// spread is the cross-entropy of targets that are probabilities of classes,
// [rows, classes].
func (l *lossCall) spread(smoothing float32) (*tensor.Tensor, error) {
	rows, classes := l.x.Rows(), l.x.Width()
	if len(l.x.Shape()) != 2 || len(l.target) != rows*classes {
		return nil, &checkpoint.Unsupported{What: fmt.Sprintf("%d probabilities for scores of shape %v", len(l.target), l.x.Shape())}
	}
	minus, ones := make([]float32, len(l.target)), make([]float32, classes)
	for i, t := range l.target {
		minus[i] = -((1-smoothing)*t + smoothing/float32(classes))
		if l.weight != nil {
			minus[i] *= l.weight[i%classes]
		}
		ones[i%classes] = 1
	}
	each := l.x.LogSoftmax().Mul(l.p.Of(minus, rows, classes)).MatMul(l.p.Of(ones, classes, 1))
	return l.join(each, float32(rows))
}

// ctc takes scores [frames, sequences, classes] that are no logarithms yet.
func (l *lossCall) ctc(known map[string]any) (*tensor.Tensor, error) {
	var blank int
	var zero bool
	known["blank"], known["zero_infinity"] = &blank, &zero
	if err := l.args(known); err != nil {
		return nil, err
	}
	shape := l.x.Shape()
	frames, err := ids(l.part, "input_lengths")
	if err != nil {
		return nil, err
	}
	lengths, err := ids(l.part, "target_lengths")
	if err != nil {
		return nil, err
	}
	labels, err := ids(l.part, "targets")
	if err != nil {
		return nil, err
	}
	if len(shape) != 3 || len(frames) != shape[1] || len(lengths) != shape[1] {
		return nil, &checkpoint.Unsupported{What: fmt.Sprintf("%d lengths for scores of shape %v", len(frames), shape)}
	}
	var rows []int32
	off, targets := []int{0}, [][]int32{}
	for i, n := range frames {
		for t := range n {
			rows = append(rows, t*int32(shape[1])+int32(i))
		}
		off = append(off, len(rows))
		if wide := l.in["targets"].Shape; len(wide) == 2 {
			targets = append(targets, labels[i*wide[1]:][:lengths[i]])
		} else {
			targets, labels = append(targets, labels[:lengths[i]]), labels[lengths[i]:]
		}
	}
	each := l.x.LogSoftmax().Gather(rows).CTC(off, targets, blank, zero)
	if l.reduction == "mean" {
		share := make([]float32, len(lengths))
		for i, n := range lengths {
			share[i] = 1 / float32(max(n, 1))
		}
		each = each.Mul(l.p.Of(share, each.Shape()...))
	}
	return l.join(each, float32(len(lengths)))
}

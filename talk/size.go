package talk

// size is how large everything is in a run.
type size struct {
	limits      Limits
	length      int   // tokens of a document
	vocabulary  int   // pieces
	width       int   // of hidden states
	heads       int   // of attention
	layers      int   // of the Transformer
	epochs      int   // of a rung on all labels
	tuning      int   // of a model that others pretrained
	steps       int   // at least, of a run on few labels
	batch       int   // documents a step
	pretrain    int   // passes over the unlabelled text
	labels      []int // sizes of the learning curve, beside all
	repeats     int   // runs for each point of the curve below all
	lab         int   // steps of a run in the labs
	lengths     []int // of the timings, in tokens
	timings     int   // of each thing timed
	probe       int   // tokens of the gradient probe
	stream      int   // tokens read one by one
	resamplings int   // of the bootstrap
}

var full = size{
	limits: Limits{Train: 2000, Test: 1000, Unlabelled: 4000},
	length: 128, vocabulary: 2000, width: 96, heads: 4, layers: 2,
	epochs: 24, tuning: 4, steps: 120, batch: 16, pretrain: 50,
	labels: []int{10, 30, 100, 300}, repeats: 3, lab: 300,
	lengths: []int{32, 64, 128, 256, 512, 1024}, timings: 5, probe: 128, stream: 1000, resamplings: 1000,
}

var quick = size{
	limits: Limits{Train: 200, Test: 100, Unlabelled: 200},
	length: 48, vocabulary: 400, width: 32, heads: 4, layers: 2,
	epochs: 3, tuning: 1, steps: 12, batch: 16, pretrain: 2,
	labels: []int{10, 30}, repeats: 1, lab: 16,
	lengths: []int{16, 32, 64}, timings: 1, probe: 32, stream: 64, resamplings: 200,
}

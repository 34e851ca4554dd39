package talk

// Advice is what the run ends with.
type Advice struct {
	Best     string `json:"best"`     // the key of the rung with the highest accuracy
	Cheapest string `json:"cheapest"` // of the cheapest whose interval reaches it

	// More is what the next hundred labels would likely add to the accuracy of
	// the rung Curve, read off its learning curve; NaN is left out.
	More  *float64 `json:"next_hundred_labels,omitempty"`
	Curve string   `json:"learning_curve_of,omitempty"`

	// Doubtful are test documents that all rungs get wrong.
	Doubtful []Doubt `json:"all_rungs_wrong,omitempty"`
}

// Doubt is a document whose label may be the mistake.
type Doubt struct {
	Text   string `json:"text"`
	Label  string `json:"label"`
	Called string `json:"called"` // by most rungs
	Votes  int    `json:"votes"`  // how many call it so
}

// cheapest is the rung that takes the least time to train of those whose interval
// reaches the accuracy of the best one.
func (r *run) cheapest() *rung {
	best := r.best()
	cheap := best
	for _, g := range r.rungs {
		if g.High >= best.Point && g.took+g.before < cheap.took+cheap.before {
			cheap = g
		}
	}
	return cheap
}

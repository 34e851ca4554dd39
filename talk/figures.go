package talk

// Figures are the numbers of a run that a program may want, beside the report.
type Figures struct {
	Set         SetFigures        `json:"set"`
	Rungs       []RungFigures     `json:"rungs"`
	Pairs       []PairFigures     `json:"mcnemar"`
	Curves      []CurveFigures    `json:"learning_curves,omitempty"`
	Order       []OrderFigures    `json:"order,omitempty"`
	Grams       []GramFigures     `json:"ngrams,omitempty"`
	Gradients   []GradientFigures `json:"gradients,omitempty"`
	Speed       []SpeedFigures    `json:"speed,omitempty"`
	Costs       CostFigures       `json:"costs"`
	Positions   []PositionFigures `json:"positions,omitempty"`
	Activations []LabFigures      `json:"activations,omitempty"`
	Optimizers  []LabFigures      `json:"optimizers,omitempty"`
	Heads       []HeadFigures     `json:"heads,omitempty"`
	Scaling     []ScaleFigures    `json:"scaling,omitempty"`
	Streams     []StreamFigures   `json:"streams,omitempty"`
	Reading     []ReadingFigures  `json:"reading,omitempty"`
	Blocks      []LabFigures      `json:"blocks,omitempty"`
	Advice      Advice            `json:"advice"`
	Seed        uint64            `json:"seed"`
	Quick       bool              `json:"quick"`
	Seconds     float64           `json:"seconds"`
	Chapters    []ChapterFigures  `json:"chapters"`
	Left        int               `json:"documents_left_out,omitempty"` // by the limits of a run
}

// ChapterFigures say how long a part of the run took.
type ChapterFigures struct {
	What    string  `json:"what"`
	Seconds float64 `json:"seconds"`
}

// SetFigures count documents.
type SetFigures struct {
	Name       string   `json:"name"`
	Classes    []string `json:"classes"`
	Train      int      `json:"train"`
	Test       int      `json:"test"`
	Unlabelled int      `json:"unlabelled"`
	Majority   float64  `json:"majority"` // accuracy of always naming the most frequent class
}

// RungFigures are what one rung of the ladder reached.
type RungFigures struct {
	Key        string  `json:"key"`
	Name       string  `json:"name"`
	Labels     int     `json:"labels"`
	Accuracy   float64 `json:"accuracy"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	MacroF1    float64 `json:"macro_f1"`
	Parameters int     `json:"parameters"`
	Steps      int     `json:"steps"`
	Seconds    float64 `json:"seconds"`          // of training on labels
	Pretrain   float64 `json:"pretrain_seconds"` // of training without labels
	PerSecond  float64 `json:"documents_per_second"`
}

// PairFigures compare two rungs on the same test documents.
type PairFigures struct {
	First      string  `json:"first"`
	Second     string  `json:"second"`
	OnlyFirst  int     `json:"only_first"`
	OnlySecond int     `json:"only_second"`
	P          float64 `json:"p"` // exact, two-sided
}

// CurveFigures are a rung's accuracy by the number of labels.
type CurveFigures struct {
	Key      string    `json:"key"`
	Labels   []int     `json:"labels"`
	Accuracy []float64 `json:"accuracy"`
	Low      []float64 `json:"low"`
	High     []float64 `json:"high"`
}

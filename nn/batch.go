package nn

import "fmt"

// Batch says which rows belong together: sequence i owns rows
// Off[i]:Off[i+1] of every tensor of the main stream. Lengths differ freely and
// nothing is padded.
type Batch struct {
	Off       []int   // [sequences+1], ascending from 0
	Positions []int32 // [rows] place of each row in its sequence, as position tables and rotations count
	Grids     []Grid  // [sequences] for images: the rows of sequence i are Height·Width patches, row by row
	// Context is how long each sequence counts as for positions that depend on
	// the whole length (dynamic rotary scaling): [sequences], or nil where
	// it is the largest position and one.
	Context []int
	// Hidden marks rows that no query may see, [rows], or is nil. It stands
	// for padding in the few families whose reference numbers depend on
	// padded rows; elsewhere padding is dropped before a batch is made.
	Hidden []bool
	// Even lets queries from which every key is hidden attend evenly to all
	// rows of their sequence, as padding before a text does in the reference.
	// Passes with a memory cannot: later rows are not there yet.
	Even bool
}

// Grid is the height and width of a picture in patches or pixels.
type Grid struct{ Height, Width int }

// Sequences makes a batch of sequences of the given lengths with positions
// counted from 0.
func Sequences(lengths ...int) Batch {
	b := Batch{Off: make([]int, 1, len(lengths)+1)}
	for _, n := range lengths {
		for i := range n {
			b.Positions = append(b.Positions, int32(i))
		}
		b.Off = append(b.Off, len(b.Positions))
	}
	return b
}

// Pictures makes a batch of images of the given grids, a row per patch or
// pixel, with positions counted from 0.
func Pictures(grids ...Grid) Batch {
	lengths := make([]int, len(grids))
	for i, g := range grids {
		lengths[i] = g.Height * g.Width
	}
	b := Sequences(lengths...)
	b.Grids = grids
	return b
}

// Len is the number of sequences.
func (b Batch) Len() int { return max(len(b.Off)-1, 0) }

// Rows is the number of rows of all sequences.
func (b Batch) Rows() int {
	if len(b.Off) == 0 {
		return 0
	}
	return b.Off[len(b.Off)-1]
}

// ContextOf is how long sequence i counts as: see Context.
func (b Batch) ContextOf(i int) int {
	if b.Context != nil {
		return b.Context[i]
	}
	n := 0
	for _, p := range b.Positions[b.Off[i]:b.Off[i+1]] {
		n = max(n, int(p)+1)
	}
	return n
}

// HiddenOf is which rows of sequence i no query may see, nil for none.
func (b Batch) HiddenOf(i int) []bool {
	if b.Hidden == nil {
		return nil
	}
	return b.Hidden[b.Off[i]:b.Off[i+1]]
}

// Firsts is the first row of each sequence, and -1 where it has none: what
// Gather makes zeros of.
func (b Batch) Firsts() []int32 {
	rows := make([]int32, b.Len())
	for i := range rows {
		rows[i] = int32(b.Off[i])
		if b.Off[i] == b.Off[i+1] {
			rows[i] = -1
		}
	}
	return rows
}

// Lasts is the last row of each sequence, and -1 where it has none.
func (b Batch) Lasts() []int32 {
	rows := make([]int32, b.Len())
	for i := range rows {
		rows[i] = int32(b.Off[i+1] - 1)
		if b.Off[i] == b.Off[i+1] {
			rows[i] = -1
		}
	}
	return rows
}

// Check gives an error where the parts do not fit each other.
func (b Batch) Check() error {
	if len(b.Off) > 0 && b.Off[0] != 0 {
		return fmt.Errorf("batch: the first sequence starts at row %d", b.Off[0])
	}
	for i := range b.Len() {
		if b.Off[i+1] < b.Off[i] {
			return fmt.Errorf("batch: sequence %d ends before it starts", i)
		}
	}
	if len(b.Positions) != b.Rows() {
		return fmt.Errorf("batch: %d positions for %d rows", len(b.Positions), b.Rows())
	}
	if b.Grids != nil && len(b.Grids) != b.Len() {
		return fmt.Errorf("batch: %d grids for %d sequences", len(b.Grids), b.Len())
	}
	for i, g := range b.Grids {
		if g.Height < 0 || g.Width < 0 {
			return fmt.Errorf("batch: sequence %d has a grid of %d × %d", i, g.Height, g.Width)
		}
	}
	if b.Context != nil && len(b.Context) != b.Len() {
		return fmt.Errorf("batch: %d contexts for %d sequences", len(b.Context), b.Len())
	}
	if b.Hidden != nil && len(b.Hidden) != b.Rows() {
		return fmt.Errorf("batch: %d marks of hidden rows for %d rows", len(b.Hidden), b.Rows())
	}
	return nil
}

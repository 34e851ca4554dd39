package pixel

import (
	"errors"
	"fmt"
	"io/fs"
	"math"

	"github.com/qkvgo/qkv/nn"
)

// Processor is how a model wants its pictures: ViT's image processor. Its steps
// in order, each of which can be off:
//
//	resize     to Height × Width
//	rescale    float32(pixel · Factor), the product in float64
//	normalize  (x − Mean) / Std, per channel
type Processor struct {
	Resize        bool
	Width, Height int
	Filter        Filter
	Rescale       bool
	Factor        float64
	Normalize     bool
	Mean, Std     []float32 // [C]; their number is that of the channels, 1 or 3
	Ignored       []string  // keys of the configuration that change no number
}

// maxEdge bounds the size that a configuration may ask for.
const maxEdge = 4096

// OpenProcessor reads preprocessor_config.json in a model's folder.
func OpenProcessor(fsys fs.FS) (*Processor, error) {
	b, err := fs.ReadFile(fsys, "preprocessor_config.json")
	if err != nil {
		return nil, err
	}
	return ParseProcessor(b)
}

// Channels returns the channels of the rows, 1 or 3.
func (p *Processor) Channels() int { return len(p.Mean) }

// check returns an error if the settings make no sense.
func (p *Processor) check() error {
	var errs []error
	if p.Resize && (p.Width < 1 || p.Width > maxEdge || p.Height < 1 || p.Height > maxEdge) {
		errs = append(errs, fmt.Errorf("size %d × %d, want 1 to %d", p.Width, p.Height, maxEdge))
	}
	if p.Resize && !p.Filter.known() {
		errs = append(errs, fmt.Errorf("resample %d, want 0 to 5", int(p.Filter)))
	}
	if c := len(p.Mean); c != 1 && c != 3 || len(p.Std) != c {
		errs = append(errs, fmt.Errorf("image_mean of %d and image_std of %d numbers, want 1 or 3 of each", c, len(p.Std)))
	}
	for _, s := range p.Std {
		if s == 0 {
			errs = append(errs, errors.New("image_std is 0"))
		}
	}
	if math.IsNaN(p.Factor) || math.IsInf(p.Factor, 0) {
		errs = append(errs, fmt.Errorf("rescale_factor is %g", p.Factor))
	}
	return errors.Join(errs...)
}

// Rows prepares pictures of any size and returns their pixels, a row each,
// picture after picture, row by row: [Σ H·W, C]. The grids say how high and wide
// each picture is now. A picture is brought to the processor's channels first:
// grey is repeated, colour becomes luma.
func (p *Processor) Rows(images ...*Image) ([]float32, []nn.Grid, error) {
	if err := p.check(); err != nil {
		return nil, nil, err
	}
	tables := p.tables()
	var rows []float32
	grids := make([]nn.Grid, len(images))
	for i, m := range images {
		m, err := p.prepare(m)
		if err != nil {
			return nil, nil, fmt.Errorf("image %d: %w", i, err)
		}
		grids[i] = nn.Grid{Height: m.Height, Width: m.Width}
		start := len(rows)
		rows = append(rows, make([]float32, len(m.Pix))...)
		for c, table := range tables {
			for at := c; at < len(m.Pix); at += len(tables) {
				rows[start+at] = table[m.Pix[at]]
			}
		}
	}
	return rows, grids, nil
}

// prepare brings a picture to the processor's channels and size.
func (p *Processor) prepare(m *Image) (*Image, error) {
	if m == nil {
		return nil, errors.New("is missing")
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	if p.Channels() == 1 {
		m = m.Grey()
	} else {
		m = m.RGB()
	}
	if !p.Resize {
		return m, nil
	}
	return m.Resize(p.Width, p.Height, p.Filter)
}

// tables returns, per channel, what becomes of each of the 256 levels.
func (p *Processor) tables() [][256]float32 {
	tables := make([][256]float32, p.Channels())
	for c := range tables {
		for level := range tables[c] {
			x := float32(level)
			if p.Rescale {
				x = float32(float64(level) * p.Factor)
			}
			if p.Normalize {
				x = (x - p.Mean[c]) / p.Std[c]
			}
			tables[c][level] = x
		}
	}
	return tables
}

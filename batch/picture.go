package batch

import (
	"bytes"
	"path"

	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/pixel"
)

// pictures are files of pictures, decoded when a batch needs them.
type pictures struct {
	items     []data.Item
	processor *pixel.Processor
}

func (p *pictures) len() int     { return len(p.items) }
func (p *pictures) rows(int) int { return max(p.processor.Width*p.processor.Height, 1) }

func (p *pictures) batch(examples []int) (*model.Input, nn.Batch, error) {
	images := make([]*pixel.Image, len(examples))
	for at, i := range examples {
		m, err := pixel.Decode(bytes.NewReader(p.items[i].Bytes), pixel.Limits{})
		if err != nil {
			return nil, nn.Batch{}, &data.BadRow{Place: data.Place{File: p.items[i].Name}, Err: err}
		}
		images[at] = m
	}
	pixels, grids, err := p.processor.Rows(images...)
	if err != nil {
		return nil, nn.Batch{}, err
	}
	return &model.Input{Pixels: pixels}, nn.Pictures(grids...), nil
}

// Pictures are PNG and JPEG files, each in the folder of its class, as
// data.Reader.Items gives them. labels numbers the classes; with none the
// pictures have no labels that count.
func Pictures(items []data.Item, processor *pixel.Processor, labels data.Labels) (*Set, error) {
	s := &Set{Kind: Classes, Labels: labels, inputs: &pictures{items, processor}}
	for _, item := range items {
		place := data.Place{File: path.Clean(item.Name)}
		s.source = append(s.source, place)
		if labels != nil {
			if err := s.label(data.Example{Label: item.Label, Source: place}); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

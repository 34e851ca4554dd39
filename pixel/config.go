package pixel

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ParseProcessor reads a preprocessor_config.json of a ViT. Keys that are not
// there take the defaults of ViTImageProcessor; the old spelling
// (ViTFeatureExtractor, a size of one number) is understood. A key that is not
// known is an error, since it may change the numbers, unless it only names
// things or switches a step off; those are listed in Processor.Ignored.
func ParseProcessor(config []byte) (*Processor, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(config, &raw); err != nil {
		return nil, fmt.Errorf("preprocessor_config.json: %w", err)
	}
	p := &Processor{
		Resize: true, Width: 224, Height: 224, Filter: Bilinear,
		Rescale: true, Factor: 1.0 / 255,
		Normalize: true, Mean: []float32{0.5, 0.5, 0.5}, Std: []float32{0.5, 0.5, 0.5},
	}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		if err := p.set(key, raw[key]); err != nil {
			errs = append(errs, fmt.Errorf("preprocessor_config.json: %s: %w", key, err))
		}
	}
	if len(errs) == 0 {
		if err := p.check(); err != nil {
			errs = append(errs, fmt.Errorf("preprocessor_config.json: %w", err))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return p, nil
}

// set obeys one key.
func (p *Processor) set(key string, value json.RawMessage) error {
	read := func(to any) error { return json.Unmarshal(value, to) }
	switch key {
	case "do_resize":
		return read(&p.Resize)
	case "do_rescale":
		return read(&p.Rescale)
	case "do_normalize":
		return read(&p.Normalize)
	case "rescale_factor":
		return read(&p.Factor)
	case "resample":
		return read(&p.Filter)
	case "image_mean":
		return readChannels(value, &p.Mean)
	case "image_std":
		return readChannels(value, &p.Std)
	case "size":
		return p.setSize(value)
	case "image_processor_type", "feature_extractor_type":
		return p.setType(value)
	case "do_convert_rgb": // a picture is brought to the channels of the mean in any case
	case "processor_class", "_valid_processor_keys", "return_tensors", "data_format", "input_data_format":
		p.Ignored = append(p.Ignored, key)
	case "crop_size", "pad_size": // of steps that do_center_crop and do_pad switch
		p.Ignored = append(p.Ignored, key)
	default:
		var on bool
		if !strings.HasPrefix(key, "do_") || read(&on) != nil {
			return errors.New("unknown key")
		}
		if on {
			return errors.New("this step is not supported")
		}
		p.Ignored = append(p.Ignored, key)
	}
	return nil
}

// setType accepts the names of ViT's processor.
func (p *Processor) setType(value json.RawMessage) error {
	var name string
	if err := json.Unmarshal(value, &name); err != nil {
		return err
	}
	switch name {
	case "ViTImageProcessor", "ViTFeatureExtractor":
		return nil
	}
	return fmt.Errorf("%s is not supported, only ViTImageProcessor", name)
}

// setSize reads {"height": 224, "width": 224}, or 224 for a square.
func (p *Processor) setSize(value json.RawMessage) error {
	var edge int
	if json.Unmarshal(value, &edge) == nil {
		p.Width, p.Height = edge, edge
		return nil
	}
	var size map[string]int
	if err := json.Unmarshal(value, &size); err != nil {
		return err
	}
	height, hasHeight := size["height"]
	width, hasWidth := size["width"]
	if len(size) != 2 || !hasHeight || !hasWidth {
		return fmt.Errorf("have %s, want height and width", value)
	}
	p.Width, p.Height = width, height
	return nil
}

// readChannels reads a number for each channel; a single one stands for all of
// red, green and blue. As in the reference they are rounded twice, to float64 and
// to float32.
func readChannels(value json.RawMessage, to *[]float32) error {
	var list []float64
	var one float64
	if json.Unmarshal(value, &one) == nil {
		list = []float64{one, one, one}
	} else if err := json.Unmarshal(value, &list); err != nil {
		return err
	}
	*to = make([]float32, len(list))
	for i, v := range list {
		(*to)[i] = float32(v)
	}
	return nil
}

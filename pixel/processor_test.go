package pixel

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestParseProcessor(t *testing.T) {
	p, err := ParseProcessor([]byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	if !p.Resize || p.Width != 224 || p.Height != 224 || p.Filter != Bilinear || !p.Rescale || p.Factor != 1.0/255 ||
		!p.Normalize || !slices.Equal(p.Mean, []float32{0.5, 0.5, 0.5}) || !slices.Equal(p.Std, p.Mean) {
		t.Errorf("defaults: have %+v", p)
	}
	p, err = ParseProcessor([]byte(`{
		"image_processor_type": "ViTImageProcessor", "processor_class": "x", "do_center_crop": false, "crop_size": 7,
		"size": {"height": 28, "width": 30}, "resample": 3, "image_mean": [0.1307], "image_std": [0.3081],
		"do_convert_rgb": null, "rescale_factor": 0.5}`))
	if err != nil {
		t.Fatal(err)
	}
	if p.Width != 30 || p.Height != 28 || p.Filter != Bicubic || p.Channels() != 1 || p.Mean[0] != 0.1307 || p.Factor != 0.5 {
		t.Errorf("have %+v", p)
	}
	if want := []string{"crop_size", "do_center_crop", "processor_class"}; !slices.Equal(p.Ignored, want) {
		t.Errorf("ignored: have %q, want %q", p.Ignored, want)
	}
	p, err = ParseProcessor([]byte(`{"feature_extractor_type": "ViTFeatureExtractor", "size": 32, "image_mean": 0.25}`))
	if err != nil {
		t.Fatal(err)
	}
	if p.Width != 32 || p.Height != 32 || !slices.Equal(p.Mean, []float32{0.25, 0.25, 0.25}) {
		t.Errorf("old spelling: have %+v", p)
	}
}

func TestParseProcessorRefuses(t *testing.T) {
	for config, want := range map[string]string{
		`[]`:                               "preprocessor_config.json",
		`{"do_center_crop": true}`:         "do_center_crop: this step is not supported",
		`{"include_top": true}`:            "include_top: unknown key",
		`{"do_resize": 3}`:                 "do_resize",
		`{"size": {"shortest_edge": 3}}`:   "want height and width",
		`{"size": 0}`:                      "size 0 × 0",
		`{"size": 1000000}`:                "want 1 to",
		`{"resample": 9}`:                  "resample 9",
		`{"image_mean": [1, 2]}`:           "image_mean of 2",
		`{"image_std": [1]}`:               "image_std of 1",
		`{"image_std": 0}`:                 "image_std is 0",
		`{"image_mean": "x"}`:              "image_mean",
		`{"image_processor_type": "CLIP"}`: "CLIP is not supported",
		`{"a": 1, "b": 2}`:                 "b: unknown key",
	} {
		if _, err := ParseProcessor([]byte(config)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: have error %v, want %q in it", config, err, want)
		}
	}
	if _, err := OpenProcessor(fstest.MapFS{}); err == nil {
		t.Error("a file that is not there was read")
	}
}

// Rows are the pictures' pixels in order, channels last, each as the formula
// says; pictures of different sizes go together.
func TestRows(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, channels := range []int{1, 3} {
		p := &Processor{
			Rescale: true, Factor: 1.0 / 255, Normalize: true,
			Mean: []float32{0.5, 0.25, 0.125}[:channels], Std: []float32{0.5, 0.75, 0.3}[:channels],
		}
		a, b := randomImage(r, 4, 3, channels), randomImage(r, 1, 5, channels)
		rows, grids, err := p.Rows(a, b)
		if err != nil {
			t.Fatal(err)
		}
		pix := append(slices.Clone(a.Pix), b.Pix...)
		if len(rows) != len(pix) || len(grids) != 2 || grids[0].Height != 3 || grids[0].Width != 4 || grids[1].Height != 5 {
			t.Fatalf("have %d numbers, grids %v", len(rows), grids)
		}
		for i, level := range pix {
			c := i % channels
			want := (float32(float64(level)*(1.0/255)) - p.Mean[c]) / p.Std[c]
			if rows[i] != want {
				t.Errorf("%d channels, number %d: have %g, want %g", channels, i, rows[i], want)
			}
		}
	}
}

func TestRowsBringsChannels(t *testing.T) {
	grey := &Image{2, 1, 1, []byte{10, 20}}
	p := &Processor{Mean: []float32{0, 0, 0}, Std: []float32{1, 1, 1}}
	rows, _, err := p.Rows(grey)
	if err != nil || !slices.Equal(rows, []float32{10, 10, 10, 20, 20, 20}) {
		t.Errorf("have %v, %v", rows, err)
	}
	p = &Processor{Mean: []float32{0}, Std: []float32{1}}
	rows, _, err = p.Rows(grey.RGB(), grey)
	if err != nil || !slices.Equal(rows, []float32{10, 20, 10, 20}) {
		t.Errorf("have %v, %v", rows, err)
	}
	if rows, grids, err := p.Rows(); err != nil || len(rows) != 0 || len(grids) != 0 {
		t.Errorf("no pictures: have %v, %v, %v", rows, grids, err)
	}
	for _, bad := range []*Image{nil, {}, {2, 2, 1, nil}} {
		if _, _, err := p.Rows(grey, bad); err == nil || !strings.HasPrefix(err.Error(), "image 1: ") {
			t.Errorf("have error %v, want image 1 named", err)
		}
	}
	if _, _, err := (&Processor{}).Rows(grey); err == nil {
		t.Error("a processor without channels was used")
	}
}

func FuzzParseProcessor(f *testing.F) {
	f.Add([]byte(`{"size": {"height": 3, "width": 2}, "image_mean": [0.5], "image_std": [0.5], "resample": 3}`))
	f.Add([]byte(`{"do_resize": false, "size": 4, "do_pad": false}`))
	f.Fuzz(func(t *testing.T, config []byte) {
		p, err := ParseProcessor(config)
		if err != nil || p.Width*p.Height > 1<<12 {
			return
		}
		if _, _, err := p.Rows(NewImage(3, 2, 3)); err != nil {
			t.Fatal(err)
		}
	})
}

package pixel

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/safetensors"
)

// golden returns a folder of the reference's files, beside the checkout or where
// QKV_SHARED says, and reads its manifest. Without it the test is skipped.
func golden(t *testing.T, name string, manifest any) string {
	t.Helper()
	root := os.Getenv("QKV_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	dir := filepath.Join(root, "data", "golden", name)
	b, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Skip("the reference's files are not here")
	}
	if err := json.Unmarshal(b, manifest); err != nil {
		t.Fatal(err)
	}
	return dir
}

// decode reads a picture.
func decode(t *testing.T, path string) *Image {
	t.Helper()
	m, err := decodeFile(path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return m
}

func decodeFile(path string) (*Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Decode(f, Limits{})
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// Every result of the reference's ViT processor is equal to the bit.
func TestGoldenProcessors(t *testing.T) {
	var manifest struct {
		Inputs map[string]struct{ File string }
		Cases  []struct {
			Name, Class, Config string
			Results             []struct {
				Images []string
				File   string
				Error  string
			}
		}
	}
	dir := golden(t, "processors", &manifest)
	count := 0
	for _, c := range manifest.Cases {
		if c.Class != "ViTImageProcessor" {
			continue
		}
		p, err := OpenProcessor(os.DirFS(filepath.Join(dir, c.Name)))
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		for _, r := range c.Results {
			name := c.Name + "/" + strings.Join(r.Images, "+")
			if r.Error != "" || r.Images[0] == "h3" {
				continue // it takes few rows for channels and refuses grey; we do neither
			}
			var images []*Image
			for _, input := range r.Images {
				images = append(images, decode(t, filepath.Join(dir, manifest.Inputs[input].File)))
			}
			rows, grids, err := p.Rows(images...)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			f, err := safetensors.Open(filepath.Join(dir, r.File))
			if err != nil {
				t.Fatal(err)
			}
			want, _ := f.Tensor("pixel_values")
			if err := equalRows(rows, p.Channels(), want); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if g := grids[0]; len(grids) != want.Shape[0] || g.Height != want.Shape[2] || g.Width != want.Shape[3] {
				t.Errorf("%s: grids %v, want %v", name, grids, want.Shape)
			}
			f.Close()
			count++
		}
	}
	t.Logf("%d results", count)
	if count == 0 {
		t.Error("no cases")
	}
}

// equalRows compares rows [B·H·W, C] with want [B, C, H, W].
func equalRows(rows []float32, channels int, want safetensors.Tensor) error {
	if len(rows) != want.Len() || want.Shape[1] != channels {
		return fmt.Errorf("have %d numbers in %d channels, want %v", len(rows), channels, want)
	}
	pixels := want.Shape[2] * want.Shape[3]
	for i := range want.Len() {
		image, channel, pixel := i/pixels/channels, i/pixels%channels, i%pixels
		have := rows[(image*pixels+pixel)*channels+channel]
		var w float32
		if want.DType == safetensors.U8 {
			w = float32(want.Data[i])
		} else {
			w = math.Float32frombits(binary.LittleEndian.Uint32(want.Data[4*i:]))
		}
		if have != w {
			return fmt.Errorf("image %d, pixel %d, channel %d: have %g, want %g", image, pixel, channel, have, w)
		}
	}
	return nil
}

// Every 8-bit picture without alpha that Pillow resized whole is equal.
func TestGoldenResize(t *testing.T) {
	var manifest struct {
		Resize struct {
			Sources map[string]struct{ File string }
			Cases   []struct {
				ID, Op, Source, Mode, Filter, File, Error string
				Size                                      [2]int
				Box                                       []float64
				Gap                                       float64 `json:"reducing_gap"`
			}
		}
	}
	dir := golden(t, "images", &manifest)
	filters := map[string]Filter{}
	for i, name := range filterNames {
		filters[name] = Filter(i)
	}
	count := 0
	for _, c := range manifest.Resize.Cases {
		if c.Op != "resize" || c.Box != nil || c.Gap != 0 || c.Error != "" || c.Mode != "RGB" && c.Mode != "L" {
			continue
		}
		m := decode(t, filepath.Join(dir, manifest.Resize.Sources[c.Source].File))
		have, err := m.Resize(c.Size[0], c.Size[1], filters[c.Filter])
		if err != nil {
			t.Errorf("%s: %v", c.ID, err)
			continue
		}
		want := decode(t, filepath.Join(dir, c.File))
		if have.Width != want.Width || have.Height != want.Height || !bytes.Equal(have.Pix, want.Pix) {
			t.Errorf("%s: the pixels differ", c.ID)
		}
		count++
	}
	t.Logf("%d cases", count)
	if count == 0 {
		t.Error("no cases")
	}
}

type goldenFile struct {
	File, Format, Note string
	Frames             []struct {
		Size   [2]int
		RGB    string `json:"rgb"`
		RGBSum string `json:"rgb_sha256"`
	}
	Spread struct {
		Float []float64 `json:"float_idct"`
	}
	Stage, RGB string
	RGBSum     string `json:"rgb_sha256"`
	Size       [2]int
}

// otherJPEG are the files that the standard library refuses, or whose chroma it
// repeats instead of interpolating it.
var otherJPEG = []string{
	"jpeg_arithmetic", "jpeg_progressive_restart", "jpeg_cmyk_noadobe", "jpeg_mixed_sampling", "jpeg_ycck",
}

// PNG decodes to Pillow's pixels. JPEG stays within what another correct cosine
// transform may differ: 3 levels, 0.3 in the mean.
func TestGoldenDecode(t *testing.T) {
	var manifest struct{ Decode []goldenFile }
	dir := golden(t, "images", &manifest)
	count := map[string]int{}
	exact := 0
	for _, c := range manifest.Decode {
		if c.Format != "PNG" && c.Format != "JPEG" {
			continue
		}
		other := slices.ContainsFunc(otherJPEG, func(name string) bool { return strings.HasSuffix(c.File, name+".jpg") })
		m, err := decodeFile(filepath.Join(dir, c.File))
		if other {
			t.Logf("%s (%s): %v", c.File, c.Note, err)
			continue
		}
		if err != nil {
			t.Errorf("%s (%s): %v", c.File, c.Note, err)
			continue
		}
		m = m.RGB()
		want := c.Frames[0]
		if m.Width != want.Size[0] || m.Height != want.Size[1] {
			t.Errorf("%s: have %d × %d, want %v", c.File, m.Width, m.Height, want.Size)
			continue
		}
		count[c.Format]++
		if c.Format == "PNG" {
			if sum(m.Pix) != want.RGBSum {
				t.Errorf("%s (%s): the pixels differ", c.File, c.Note)
			}
			continue
		}
		if want.RGB == "" {
			continue // too large for the reference to be kept
		}
		largest, mean := distance(m, decode(t, filepath.Join(dir, want.RGB)).RGB())
		if largest > 3 || mean > 0.3 {
			t.Errorf("%s (%s): largest difference %d, mean %.4f", c.File, c.Note, largest, mean)
		}
		if largest == 0 {
			exact++
		}
		t.Logf("%s: largest difference %d, mean %.4f (allowed %v)", c.File, largest, mean, c.Spread.Float)
	}
	t.Logf("%v decoded, %d JPEG exact", count, exact)
	if count["PNG"] == 0 || count["JPEG"] == 0 {
		t.Error("no cases")
	}
}

// distance returns the largest and the mean difference in levels.
func distance(a, b *Image) (largest int, mean float64) {
	for i := range a.Pix {
		d := int(a.Pix[i]) - int(b.Pix[i])
		d = max(d, -d)
		largest = max(largest, d)
		mean += float64(d) / float64(len(a.Pix))
	}
	return largest, mean
}

// Bad files are errors; what Pillow repairs may be an error too, but what is
// decoded must be right.
func TestGoldenBad(t *testing.T) {
	var manifest struct{ Bad []goldenFile }
	dir := golden(t, "images", &manifest)
	for _, c := range manifest.Bad {
		if !strings.HasSuffix(c.File, ".png") && !strings.HasSuffix(c.File, ".jpg") {
			continue
		}
		m, err := decodeFile(filepath.Join(dir, c.File))
		switch {
		case c.Stage == "ok" && err != nil:
			t.Logf("stricter than Pillow: %s (%s): %v", c.File, c.Note, err)
		case c.Stage != "ok" && err == nil:
			t.Logf("laxer than Pillow: %s (%s)", c.File, c.Note)
		case err != nil || strings.Contains(c.File, "corrupt_scan"):
		case strings.HasSuffix(c.File, ".png"):
			if sum(m.RGB().Pix) != c.RGBSum {
				t.Errorf("%s (%s): the pixels differ", c.File, c.Note)
			}
		default:
			if largest, _ := distance(m.RGB(), decode(t, filepath.Join(dir, c.RGB)).RGB()); largest > 3 {
				t.Errorf("%s (%s): largest difference %d", c.File, c.Note, largest)
			}
		}
	}
}

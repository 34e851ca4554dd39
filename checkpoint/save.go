package checkpoint

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/qkvgo/qkv/internal/atomicfile"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/safetensors"
)

// MaxShard is the size above which weights are saved in several files.
const MaxShard = 5 << 30

// Save writes config.json and the parameters of the model m into the folder dir,
// which it makes if need be. Each file is written aside, synced and renamed, so
// that a full disk or a crash leaves what was there before. A model with adapters
// is an error: its parameters are not all that it is.
func Save(dir string, m any, config []byte) error {
	if nn.Adapted(m) {
		return fmt.Errorf("%s: the model has adapters: merge them, or save them alone", dir)
	}
	var tensors []safetensors.Tensor
	for name, w := range nn.Params(m) {
		if !w.Bound() {
			return fmt.Errorf("checkpoint: %s has no values to save", name)
		}
		if w.Name != "" {
			name = w.Name
		}
		dtype, raw := w.Raw()
		tensors = append(tensors, safetensors.Tensor{Name: name, DType: fileType(dtype), Shape: w.Shape, Data: raw})
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if err := safetensors.WriteModel(dir, tensors, map[string]string{"format": "pt"}, MaxShard); err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, ConfigName), func(w io.Writer) error {
		_, err := w.Write(config)
		return err
	})
}

func fileType(t nn.DType) safetensors.DType {
	return [...]safetensors.DType{nn.F32: safetensors.F32, nn.BF16: safetensors.BF16, nn.F16: safetensors.F16}[t]
}

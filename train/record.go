package train

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/internal/atomicfile"
)

// Files of a run beside the model's.
const (
	logFile    = "log.jsonl"     // a Record a line
	recordFile = "training.json" // how the model came to be
)

// Record is a step as the log has it.
type Record struct {
	Step            int     `json:"step"`
	Loss            float64 `json:"loss"` // of the step's batch, in nats per token
	Rate            float64 `json:"lr"`
	Norm            float64 `json:"grad_norm,omitempty"`
	TokensPerSecond float64 `json:"tokens_per_second"`
	ValLoss         float64 `json:"val_loss,omitempty"` // in nats per token, where the step was evaluated
	Perplexity      float64 `json:"val_perplexity,omitempty"`
	BitsPerByte     float64 `json:"val_bits_per_byte,omitempty"`

	Epoch   float64            `json:"epoch,omitempty"`   // passes over the data that are done
	Metrics map[string]float64 `json:"metrics,omitempty"` // of the evaluation, where the step was evaluated
	Best    bool               `json:"best,omitempty"`    // they are the best so far
	Rows    int                `json:"-"`                 // tokens, or pixels, of the step's batches
	Steps   int                `json:"-"`                 // of the whole run
	Left    time.Duration      `json:"-"`                 // what is left, as it went so far
}

// set adds a score on a text.
func (r *Record) set(s Score, held *data.Tokens) {
	r.ValLoss, r.Perplexity = s.Loss, s.Perplexity()
	r.BitsPerByte = s.Bits(float64(held.Bytes) / float64(len(held.IDs)-1))
}

// runLog appends records to a JSONL file.
type runLog struct{ file *os.File }

// openLog opens the log of a run that has done steps: later lines, which a
// killed run may have left, are cut off.
func openLog(path string, done int) (*runLog, error) {
	records, err := readLog(path)
	if err != nil {
		return nil, err
	}
	err = atomicfile.Write(path, func(w io.Writer) error {
		for _, r := range records {
			if r.Step <= done {
				if err := json.NewEncoder(w).Encode(r); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o666)
	return &runLog{f}, err
}

func (l *runLog) add(r Record) error { return json.NewEncoder(l.file).Encode(r) }

func (l *runLog) Close() error { return l.file.Close() }

// readLog reads a log; a last line that is not whole is left out.
func readLog(path string) (records []Record, err error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for lines.Scan() {
		var r Record
		if json.Unmarshal(lines.Bytes(), &r) != nil {
			break
		}
		records = append(records, r)
	}
	return records, errors.Join(err, lines.Err())
}

// training is what training.json holds: all that is needed to make the model
// again, and what came of it.
type training struct {
	Command    string      `json:"command,omitempty"`
	Version    string      `json:"version,omitempty"` // of the program
	Options    LM          `json:"options"`
	Data       []dataFile  `json:"data"`
	Validation []dataFile  `json:"validation,omitempty"`
	Documents  int         `json:"documents"`
	Tokens     int         `json:"tokens"`      // of the texts
	Bytes      int64       `json:"bytes"`       // of the texts
	Seen       int64       `json:"tokens_seen"` // in all steps
	Parameters int         `json:"parameters"`
	Dtype      string      `json:"dtype"`
	Final      *finalScore `json:"final,omitempty"`
	Curve      []point     `json:"loss_curve"`
}

// finalScore is of the weights as stored, on the whole validation text.
type finalScore struct {
	Loss        float64 `json:"val_loss"`
	Perplexity  float64 `json:"val_perplexity"`
	BitsPerByte float64 `json:"val_bits_per_byte"`
	Labels      int     `json:"tokens"`
}

// dataFile names a text file for sure.
type dataFile struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// describe measures files.
func describe(paths []string) ([]dataFile, error) {
	var list []dataFile
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(raw)
		list = append(list, dataFile{filepath.Base(path), int64(len(raw)), hex.EncodeToString(sum[:])})
	}
	return list, nil
}

// point is a place of the loss curve.
type point struct {
	Step    int     `json:"step"`
	Loss    float64 `json:"loss"` // mean since the point before
	ValLoss float64 `json:"val_loss,omitempty"`
}

// curvePoints is about how many points a loss curve has besides evaluations.
const curvePoints = 100

// curve makes a loss curve of a log: a point at every evaluation and at even
// distances.
func curve(records []Record) (points []point) {
	every := max(1, len(records)/curvePoints)
	sum, n := 0.0, 0
	for i, r := range records {
		sum, n = sum+r.Loss, n+1
		if r.ValLoss != 0 || (i+1)%every == 0 || i+1 == len(records) {
			points = append(points, point{r.Step, sum / float64(n), r.ValLoss})
			sum, n = 0, 0
		}
	}
	return points
}

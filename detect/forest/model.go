package forest

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// Model is a forest that was read. It is safe for concurrent use.
type Model struct {
	info     Info
	features int
	single   bool // rows are rounded to 32 bits
	program  []step
	score    int       // where the score is
	memory   []float64 // constants in their places; what is computed is written over a copy
	copies   sync.Pool
}

// Load reads a model file for a number of features. The error names the file, what is wrong with it, and the way out.
func Load(path string, features int) (*Model, error) {
	m, err := load(path)
	if err == nil && m.features != features {
		err = fmt.Errorf("it takes %d features, and the rule has %d", m.features, features)
	}
	if err != nil {
		if e, ok := errors.AsType[*os.PathError](err); ok {
			err = e.Err
		}
		return nil, fmt.Errorf("model %s: %w", filepath.ToSlash(path), err)
	}
	return m, nil
}

func load(path string) (*Model, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if s, err := f.Stat(); err == nil && !s.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	b, err := io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
	if err != nil {
		return nil, err
	}
	return Parse(b)
}

// Parse reads the bytes of a model file.
func Parse(b []byte) (*Model, error) {
	if len(b) > MaxFileBytes {
		return nil, fmt.Errorf("it has more than %d MiB", MaxFileBytes>>20)
	}
	if err := foreign(b); err != nil {
		return nil, err
	}
	raw, err := new(reader).model(b)
	if err != nil {
		return nil, fmt.Errorf("no readable ONNX file: %w", err)
	}
	m, err := compile(raw)
	if err != nil {
		return nil, err
	}
	m.program = fold(m.program, m.memory, m.score)
	if m.info, err = readInfo(raw.metadata, m.features); err != nil {
		return nil, err
	}
	if zero := m.Score(make([]float64, m.features)); math.IsNaN(zero) || math.IsInf(zero, 0) {
		return nil, fmt.Errorf("its score is %v for a row of zeros; a score must be a number for each row", zero)
	}
	return m, nil
}

// Features returns how many numbers a row has.
func (m *Model) Features() int { return m.features }

// Info returns what the file says about itself.
func (m *Model) Info() Info { return m.info }

// Score returns what scikit-learn's decision_function returns for a row: an outlier is below 0. It is NaN for a row of another
// length and for one with a number that is none.
func (m *Model) Score(row []float64) float64 {
	if len(row) != m.features {
		return math.NaN()
	}
	memory, _ := m.copies.Get().(*[]float64)
	if memory == nil {
		fresh := append([]float64(nil), m.memory...)
		memory = &fresh
	}
	defer m.copies.Put(memory)
	for i, x := range row {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return math.NaN()
		}
		if m.single {
			x = float64(float32(x))
		}
		(*memory)[i] = x
	}
	run(m.program, *memory)
	return (*memory)[m.score]
}

// quoted makes a name of a file fit for an error: one line, short.
func quoted(s string) string {
	const most = 60
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strconv.QuoteToASCII(s)
}

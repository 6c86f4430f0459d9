package forest

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unpack reads a file of testdata, which train.py makes.
func unpack(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	b, err := io.ReadAll(z)
	require.NoError(t, err)
	return b
}

func checkout(t testing.TB) *Model {
	t.Helper()
	m, err := Parse(unpack(t, "checkout.onnx.gz"))
	require.NoError(t, err)
	return m
}

// expected returns rows and what scikit-learn's decision_function says of them.
func expected(t testing.TB) (rows [][]float64, scores []float64) {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(unpack(t, "scores.csv.gz"))).ReadAll()
	require.NoError(t, err)
	for _, r := range records {
		numbers := make([]float64, len(r))
		for i := range r {
			numbers[i], err = strconv.ParseFloat(r[i], 64)
			require.NoError(t, err)
		}
		rows, scores = append(rows, numbers[:len(r)-1]), append(scores, numbers[len(r)-1])
	}
	return rows, scores
}

func TestAgreesWithScikitLearn(t *testing.T) {
	m := checkout(t)
	rows, want := expected(t)
	require.Len(t, rows, 1000)
	worst, outliers := 0., 0
	for i, row := range rows {
		got := m.Score(row)
		worst = max(worst, math.Abs(got-want[i]))
		require.Equal(t, want[i] < 0, got < 0, "row %v", row)
		if got < 0 {
			outliers++
		}
	}
	t.Logf("largest difference over %d rows: %.2g; %d outliers", len(rows), worst, outliers)
	assert.Less(t, worst, 1e-6, "doc.go says so")
	assert.Greater(t, outliers, 100)
	assert.Less(t, outliers, 900)
}

// TestFold: what is computed once when a file is read changes no score, and shortens what a row takes.
func TestFold(t *testing.T) {
	m := checkout(t)
	raw, err := new(reader).model(unpack(t, "checkout.onnx.gz"))
	require.NoError(t, err)
	whole, err := compile(raw)
	require.NoError(t, err)
	rows, _ := expected(t)
	for _, row := range rows {
		require.InDelta(t, whole.Score(row), m.Score(row), 0)
	}
	assert.Greater(t, len(whole.program), 2000)
	assert.Less(t, len(m.program), 210)
}

func TestInfo(t *testing.T) {
	m := checkout(t)
	assert.Equal(t, 3, m.Features())
	info := m.Info()
	assert.Equal(t, []string{"rps", "rps_before", "errors"}, info.Features)
	assert.WithinDuration(t, time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC), info.TrainedAt, 400*24*time.Hour)
	require.Len(t, info.Edges, 3)
	assert.Len(t, info.Edges[0], 11)
	assert.InDelta(t, 100, info.Means[0], 5)
	assert.InDelta(t, 28, info.Deviations[0], 5)
	assert.Positive(t, info.Usual)
}

func TestScoreIsNotANumberForWhatIsNoRow(t *testing.T) {
	m := checkout(t)
	for name, row := range map[string][]float64{
		"too short": {1, 2}, "too long": {1, 2, 3, 4}, "none": nil, "NaN": {1, math.NaN(), 3}, "infinite": {1, 2, math.Inf(1)},
	} {
		t.Run(name, func(t *testing.T) { assert.True(t, math.IsNaN(m.Score(row))) })
	}
	assert.False(t, math.IsNaN(m.Score([]float64{1e300, -1e300, 0})), "what is no 32-bit float is far out, and a row")
}

// TestScoreAtOnce: rows that are scored at the same time know nothing of each other.
func TestScoreAtOnce(t *testing.T) {
	m := checkout(t)
	rows, want := expected(t)
	var wg sync.WaitGroup
	for k := range 4 {
		wg.Go(func() {
			for i := k; i < len(rows); i += 2 {
				assert.InDelta(t, want[i], m.Score(rows[i]), 1e-6)
			}
		})
	}
	wg.Wait()
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkout.onnx")
	require.NoError(t, os.WriteFile(path, unpack(t, "checkout.onnx.gz"), 0o600))
	m, err := Load(path, 3)
	require.NoError(t, err)
	assert.Negative(t, m.Score([]float64{1, 1, 20}))
	_, err = Load(path, 2)
	require.EqualError(t, err, "model "+path+": it takes 3 features, and the rule has 2")
	_, err = Load(path+"x", 3)
	require.EqualError(t, err, "model "+path+"x: no such file or directory")
	_, err = Load(t.TempDir(), 3)
	require.ErrorContains(t, err, "it is no regular file")
}

// The figures of the table in docs/detection.md.
func BenchmarkScore(b *testing.B) {
	m := checkout(b)
	rows, _ := expected(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Score(rows[i%len(rows)])
	}
}

func BenchmarkParse(b *testing.B) {
	file := unpack(b, "checkout.onnx.gz")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(file); err != nil {
			b.Fatal(err)
		}
	}
}

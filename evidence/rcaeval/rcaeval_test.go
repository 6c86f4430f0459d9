package rcaeval

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPlace(t *testing.T) {
	c := &Case{Service: "carts"}
	assert.Equal(t, 1, c.Place([]string{"carts-db", "user"}))
	assert.Equal(t, 2, c.Place([]string{"user", "user-db", "user", "carts"}))
	assert.Equal(t, math.MaxInt, c.Place([]string{"user"}))
}

func TestFigures(t *testing.T) {
	var tally Tally
	for _, place := range []int{1, 2, 4, math.MaxInt} {
		tally.Add("cpu", place)
	}
	tally.Add("mem", 1)
	f := tally.Figures("cpu")
	assert.Equal(t, Figures{Cases: 4, AC1: .25, AC3: .5, Avg5: (.25 + .5 + .5 + .75 + .75) / 5}, f)
	assert.Equal(t, 5, tally.Figures("").Cases)
	assert.Equal(t, Figures{}, tally.Figures("none"))
	assert.Equal(t, []string{"cpu", "mem"}, tally.Faults())
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	_, err := Load(dir)
	require.ErrorContains(t, err, "no case")
	sub := filepath.Join(dir, "user-db-cpu", "3")
	require.NoError(t, os.MkdirAll(sub, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(sub, "normal.csv"), []byte("time,a_cpu,b_lat_99,b_lat_90\n1,1,2,3\n2,1,2,\n"), 0o600))
	_, err = Load(dir)
	require.ErrorContains(t, err, "anomalous.csv")
	require.NoError(t, os.WriteFile(filepath.Join(sub, "anomalous.csv"), []byte("time,b_lat_90,a_cpu\n9,4,5\n"), 0o600))
	cases, err := Load(dir)
	require.NoError(t, err)
	require.Len(t, cases, 1)
	c := cases[0]
	assert.Equal(t, []any{"user-db-cpu/3", "user-db", "cpu", 2, 3}, []any{c.Name, c.Service, c.Fault, c.Onset, c.Rows()})
	require.Len(t, c.Series, 2)
	assert.Equal(t, []float64{1, 1, 5}, c.Series[0].Values)
	assert.True(t, math.IsNaN(c.Series[1].Values[1]))
	assert.Equal(t, []float64{1, 5}, c.Every(2).Series[0].Values)
	assert.Equal(t, 1, c.Every(2).Onset)
	assert.Equal(t, 2, c.Healthy(1).Rows())
}

func TestSystemsAreRepeatable(t *testing.T) {
	shape := Shape{Step: 15 * time.Second, Before: 50, After: 20}
	a, b := Systems(7, 1, shape), Systems(7, 1, shape)
	require.Len(t, a, len(Faults()))
	for i := range a {
		assert.Equal(t, a[i].Service, b[i].Service)
		for j := range a[i].Series {
			assert.InDeltaSlice(t, known(a[i].Series[j].Values), known(b[i].Series[j].Values), 0)
		}
	}
}

func known(values []float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		if !math.IsNaN(v) {
			out[i] = v
		}
	}
	return out
}

func TestWriteOpenMetrics(t *testing.T) {
	c := &Case{Series: []Series{
		{Service: "a", Metric: "b-c", Kind: Gauge, Values: []float64{1.5, math.NaN(), 2}},
		{Service: "a", Metric: "n_total", Kind: Counter, Values: []float64{1, 2, 0}},
		{Service: "d", Metric: "b-c", Kind: Gauge, Values: []float64{7, 7, 7}},
		{Service: "a", Metric: "calls", Kind: Gauge, Values: []float64{3}, Callee: "d"},
	}}
	var out strings.Builder
	start := map[string]time.Time{"n": time.Unix(100, 0)}
	require.NoError(t, WriteOpenMetrics(&out, "x_", 10*time.Second, start, map[string]*Case{"n": c}))
	assert.Equal(t, `x_b_c{namespace="n",service="a"} 1.5 100
x_b_c{namespace="n",service="a"} 2 120
x_b_c{namespace="n",service="d"} 7 100
x_b_c{namespace="n",service="d"} 7 110
x_b_c{namespace="n",service="d"} 7 120
x_n_total{namespace="n",service="a"} 1010 100
x_n_total{namespace="n",service="a"} 1030 110
x_n_total{namespace="n",service="a"} 1030 120
calls{namespace="n",client="a",server="d"} 3 100
# EOF
`, out.String())
}

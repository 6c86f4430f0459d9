package bench

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	data   = flag.String("data", "", "folder with nab and cloud-monitoring")
	starts = flag.String("starts", "", "file for the starts of alerts")
	seed   = flag.Uint64("seed", 1, "of generated series")
	series = flag.Int("series", 20, "generated series of each kind")
	table  = flag.Bool("table", false, "print the tables")
)

// TestTable prints what make detect-bench asks for.
func TestTable(t *testing.T) {
	if !*table {
		t.Skip("make detect-bench runs it")
	}
	o := Options{Data: *data, Seed: *seed, N: *series}
	if *starts != "" {
		f, err := os.Create(*starts)
		require.NoError(t, err)
		defer func() { require.NoError(t, f.Close()) }()
		o.Starts = f
	}
	require.NoError(t, Print(os.Stdout, o))
}

// labeled is a series of n samples, five minutes apart.
func labeled(n int, windows ...Window) *Series {
	s := &Series{File: "labeled", Step: 5 * time.Minute, Windows: windows}
	for i := range n {
		s.Times = append(s.Times, start.Add(time.Duration(i)*s.Step))
		s.Values = append(s.Values, 0)
	}
	return s
}

func TestNAB(t *testing.T) {
	// 1000 samples, the first 150 of them on probation; scores are reckoned by hand from the scorer's formulas.
	s := labeled(1000, Window{400, 499}, Window{700, 799})
	for name, tc := range map[string]struct {
		starts []int
		want   float64
	}{
		"nothing":                    {nil, 0},
		"all at once":                {[]int{400, 700}, 100},
		"one of two":                 {[]int{400}, 50},
		"at the end of the window":   {[]int{499}, 25 + 25*sigmoid(-.01)/sigmoid(-1)},
		"twice in a window":          {[]int{400, 450, 700}, 100},
		"on probation":               {[]int{10, 400, 700}, 100},
		"false, far from all":        {[]int{300, 400, 700}, 100 - 25*.11},
		"false, soon after a window": {[]int{400, 510, 700}, 100 + 25*.11*sigmoid(11./99)},
		"false, long after":          {[]int{400, 700, 999}, 100 + 25*.11*sigmoid(200./99)},
	} {
		t.Run(name, func(t *testing.T) {
			tally := &Tally{}
			tally.Count(s, tc.starts)
			assert.InDelta(t, tc.want, tally.NAB(), .3)
		})
	}
}

func TestTally(t *testing.T) {
	s := labeled(1000, Window{100, 120}, Window{400, 499}, Window{700, 799}) // the first is on probation
	tally := &Tally{}
	tally.Count(s, []int{110, 200, 300, 400, 450})
	assert.Equal(t, []int{2, 1, 4, 2}, []int{tally.Windows, tally.Hit, tally.Alerts, tally.False})
	assert.InDelta(t, .5, tally.Precision(), 1e-9)
	assert.InDelta(t, .5, tally.Recall(), 1e-9)
	assert.InDelta(t, .5, tally.F1(), 1e-9)
	assert.InDelta(t, 650*5./60/24, tally.Days, 1e-9)
	assert.InDelta(t, 2/tally.Days, tally.FalsePerDay(), 1e-9)
	assert.Zero(t, (&Tally{}).F1())
}

func TestStarts(t *testing.T) {
	s := labeled(200)
	scores := make([]float64, 200)
	for _, i := range []int{10, 11, 40, 76, 113, 150} { // 36 samples are three hours
		scores[i] = 1
	}
	scores[120] = .99
	assert.Equal(t, []int{10, 113, 150}, Starts(s, scores, 1))
	assert.Empty(t, Starts(s, scores, 2))
}

func TestBestAndFitted(t *testing.T) {
	var all []*Series
	var scores [][]float64
	for i := range 4 {
		s := labeled(1000, Window{400, 499})
		all = append(all, s)
		x := make([]float64, 1000)
		x[300], x[420] = 5, float64(7+i) // 6 is a threshold that separates
		scores = append(scores, x)
	}
	threshold := Best(all, scores, (*Tally).F1)
	assert.Greater(t, threshold, 5.)
	assert.LessOrEqual(t, threshold, 7.)
	assert.InDelta(t, 1, Evaluate(all, scores, threshold).F1(), 1e-9)
	scores[0][420] = 5.5 // its half fits 5.5, the other 8
	assert.InDelta(t, (1+(2*.5)/1.5)/2, Fitted(all, scores, (*Tally).F1), 1e-9)
	part, _ := Part(all, scores, "other")
	assert.Empty(t, part)
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	_, _, err := Load(dir)
	require.ErrorContains(t, err, "has neither")

	write("nab/labels/combined_windows.json", `{"real/a.csv": [["2014-01-01 00:10:00.000000", "2014-01-01 00:15:00.000000"]], "real/not-here.csv": []}`)
	write("nab/data/real/a.csv", "timestamp,value\n2014-01-01 00:00:00,1\n2014-01-01 00:05:00,\n2014-01-01 00:10:00,3\n2014-01-01 00:15:00,4\n")
	rows := "\ufeffTimeStamp,Value,Label\n"
	for i := range 10 {
		label := 0
		if i == 3 || i == 4 || i == 8 {
			label = 1
		}
		rows += fmt.Sprintf("\"2018-06-13T%02d:00:00Z\",%d,%d\n", i, i, label)
	}
	write("cloud-monitoring/data/rate/b.csv", rows)
	nab, cloud, err := Load(dir)
	require.NoError(t, err)
	require.Len(t, nab, 1)
	assert.Equal(t, "real/a.csv", nab[0].File)
	assert.Equal(t, []Window{{2, 3}}, nab[0].Windows)
	assert.Equal(t, 5*time.Minute, nab[0].Step)
	assert.True(t, math.IsNaN(nab[0].Values[1]))
	require.Len(t, cloud, 1)
	assert.Equal(t, "rate/b.csv", cloud[0].File)
	assert.Equal(t, []Window{{2, 9}}, cloud[0].Windows, "labels four samples apart, widened by one before and two after, touch")

	write("nab/labels/combined_windows.json", `{"real/a.csv": [["2014-01-01 00:11:00", "2014-01-01 00:15:00"]]}`)
	_, _, err = Load(dir)
	require.ErrorContains(t, err, "no sample at the window")
	write("nab/labels/combined_windows.json", `{"real/a.csv": []}`)
	write("nab/data/real/a.csv", "timestamp,value\nyesterday,1\n")
	_, _, err = Load(dir)
	require.ErrorContains(t, err, `real/a.csv: "yesterday" is no time`)
}

func TestHealthySeriesAreSeeded(t *testing.T) {
	for _, kind := range Kinds() {
		t.Run(kind, func(t *testing.T) {
			a := Healthy(kind, 1, 0, time.Hour, 7*24*time.Hour)
			assert.Len(t, a.Values, 168)
			assert.Equal(t, a, Healthy(kind, 1, 0, time.Hour, 7*24*time.Hour))
			if kind != "constant" {
				assert.NotEqual(t, a.Values, Healthy(kind, 2, 0, time.Hour, 7*24*time.Hour).Values)
				assert.NotEqual(t, a.Values, Healthy(kind, 1, 1, time.Hour, 7*24*time.Hour).Values)
			}
		})
	}
	assert.Panics(t, func() { Healthy("other", 1, 0, time.Hour, time.Hour) })
}

// TestPromise is the promise on few series: at most twice the rate for each kind, but for chance. make detect-bench has more.
func TestPromise(t *testing.T) {
	const perDay = 1. / 14
	alarms, days := 0, 0.
	for _, p := range Promises(Ours, perDay, 3, 10, 5*time.Minute, 28*24*time.Hour) {
		t.Run(p.Kind, func(t *testing.T) {
			if p.Kind == "constant" || p.Kind == "quantized" {
				assert.Zero(t, p.Alarms)
			}
			assert.Less(t, p.Factor(), 2.2, "%d alarms in %.0f days; 20 are promised, and chance adds", p.Alarms, p.Days)
			alarms += p.Alarms
			days += p.Days
		})
	}
	assert.LessOrEqual(t, float64(alarms)/days/perDay, 1.1, "all kinds together, where chance evens out")
}

// TestPromiseOfYoungSeries: on its second day nobody knows the season of a series, nor how it differs by the hour.
func TestPromiseOfYoungSeries(t *testing.T) {
	const perDay, days = 1. / 14, 2
	alarms, n := 0, 0
	for _, p := range Promises(Ours, perDay, 3, 30, 5*time.Minute, days*24*time.Hour) {
		alarms += p.Alarms
		n += 30
	}
	assert.Less(t, float64(alarms)/float64(n)/perDay, 3.5, "%d alarms of %d series in the day that is judged", alarms, n)
}

func TestFaultsAreNoticedAtOnce(t *testing.T) {
	for _, f := range Faults {
		t.Run(f.Name, func(t *testing.T) {
			var all []int
			for _, kind := range DelayKinds {
				d := Delays(f, kind, 1, 8, time.Minute, 5*24*time.Hour, 5*time.Minute)
				assert.GreaterOrEqual(t, Within(d, 2), .8, "%s: %v", kind, d)
				all = append(all, d...)
			}
			assert.GreaterOrEqual(t, Within(all, 2), .95, "%v", all)
		})
	}
	silent := Fault{"none", func(v, _ float64) (float64, bool) { return v, true }}
	assert.Zero(t, Within(Delays(silent, "gaussian", 1, 4, time.Minute, 5*24*time.Hour, 5*time.Minute), 2))
}

// TestPeersScore holds each method to what it is: quiet on the usual, loud on what is ten times as much.
func TestPeersScore(t *testing.T) {
	for _, m := range Methods {
		t.Run(m.Name, func(t *testing.T) {
			g := Healthy("gaussian", 1, 0, 5*time.Minute, 4*24*time.Hour)
			scorer, loud := m.New(g.Step, time.UTC), 0
			for i, at := range g.Times {
				if scorer(at, g.Values[i]) >= 1 && i > len(g.Times)/2 {
					loud++
				}
			}
			assert.Less(t, loud, 15, "of %d", len(g.Times)/2)
			next, score := g.Times[len(g.Times)-1], 0.
			for range 12 { // an hour, as one method looks at the median of it
				next = next.Add(g.Step)
				score = max(score, scorer(next, 1000))
			}
			assert.GreaterOrEqual(t, score, 1.)
		})
	}
}

func TestWindow(t *testing.T) {
	w := &window{span: 10 * time.Minute}
	for i, v := range []float64{9, 9, 4, 1, 3, 2} {
		w.push(start.Add(time.Duration(i)*time.Minute*3), v) // the last four are within the span
	}
	assert.Equal(t, []float64{1, 2, 3, 4}, w.sorted)
	assert.InDelta(t, 2.5, w.mean(), 1e-9)
	assert.InDelta(t, math.Sqrt(1.25), w.deviation(), 1e-9)
	assert.InDelta(t, 2.5, w.quantile(.5), 1e-9)
	assert.InDelta(t, 4, w.quantile(1), 1e-9)
}

func TestPrint(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "nab", "labels"), 0o750))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "nab", "data", "realAWSCloudwatch"), 0o750))
	g := Healthy("gaussian", 1, 0, 5*time.Minute, 4*24*time.Hour)
	var rows strings.Builder
	rows.WriteString("timestamp,value\n")
	for i, at := range g.Times {
		if i >= 900 && i < 910 {
			g.Values[i] += 1000
		}
		fmt.Fprintf(&rows, "%s,%g\n", at.Format(time.DateTime), g.Values[i])
	}
	labels := fmt.Sprintf(`{"realAWSCloudwatch/a.csv": [[%q, %q]]}`, g.Times[890].Format(time.DateTime), g.Times[950].Format(time.DateTime))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "nab", "labels", "combined_windows.json"), []byte(labels), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "nab", "data", "realAWSCloudwatch", "a.csv"), []byte(rows.String()), 0o600))
	var out, starts strings.Builder
	require.NoError(t, printSets(&out, Options{Data: dir, Starts: &starts}))
	assert.Contains(t, out.String(), "1 of NAB, 0 of cloud-monitoring")
	assert.Contains(t, out.String(), "Netdata (emulated)")
	assert.Contains(t, starts.String(), fmt.Sprintf("nab,realAWSCloudwatch/a.csv,%d\n", g.Times[900].Unix()))
	require.ErrorContains(t, printSets(&out, Options{Data: t.TempDir()}), "has neither")
}

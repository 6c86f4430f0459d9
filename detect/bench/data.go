package bench

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The data sets, by the names of their folders.
const (
	NAB             = "nab"
	CloudMonitoring = "cloud-monitoring"
)

// Window is a labeled anomaly: the indexes of its first and its last sample.
type Window struct{ First, Last int }

// Series is a labeled series.
type Series struct {
	Set     string // nab, cloud-monitoring, or a kind of generated series
	File    string // its path as the set lists it
	Times   []time.Time
	Values  []float64 // NaN is a sample without a value
	Windows []Window  // in order, apart from each other
	Step    time.Duration
}

// probation is how many samples at the start are not scored: 15 %, of 5,000 at most, as NAB has it.
func (s *Series) probation() int { return int(math.Min(.15*float64(len(s.Times)), .15*5000)) }

// HealthyDays is how much of the scored time is outside of all windows.
func (s *Series) HealthyDays() float64 {
	n := len(s.Times) - s.probation()
	for _, w := range s.Windows {
		n -= max(0, w.Last-max(w.First, s.probation())+1)
	}
	return float64(n) * s.Step.Hours() / 24
}

// step sets the interval to the median of all.
func (s *Series) step() {
	var d []time.Duration
	for i := 1; i < len(s.Times); i++ {
		d = append(d, s.Times[i].Sub(s.Times[i-1]))
	}
	if len(d) > 0 {
		slices.Sort(d)
		s.Step = d[len(d)/2]
	}
}

// LoadNAB reads the Numenta Anomaly Benchmark: the series that labels/combined_windows.json lists, and that are there.
func LoadNAB(dir string) ([]*Series, error) {
	b, err := os.ReadFile(filepath.Join(dir, "labels", "combined_windows.json"))
	if err != nil {
		return nil, fmt.Errorf("reading NAB's labels: %w", err)
	}
	var labels map[string][][2]string
	if err := json.Unmarshal(b, &labels); err != nil {
		return nil, fmt.Errorf("reading NAB's labels: %w", err)
	}
	var all []*Series
	for _, file := range slices.Sorted(maps.Keys(labels)) {
		s, err := loadNAB(filepath.Join(dir, "data", file), labels[file])
		if errors.Is(err, fs.ErrNotExist) {
			continue // the data may be a half
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		s.File = file
		all = append(all, s)
	}
	return all, nil
}

func loadNAB(path string, windows [][2]string) (*Series, error) {
	rows, err := readCSV(path)
	if err != nil {
		return nil, err
	}
	s, first := &Series{Set: NAB}, map[time.Time]int{}
	for i, row := range rows {
		t, err := parseTime(row["timestamp"])
		if err != nil {
			return nil, err
		}
		v, err := strconv.ParseFloat(row["value"], 64)
		if err != nil {
			v = math.NaN()
		}
		if _, ok := first[t]; !ok {
			first[t] = i
		}
		s.Times, s.Values = append(s.Times, t), append(s.Values, v)
	}
	for _, w := range windows {
		from, err1 := parseTime(w[0])
		to, err2 := parseTime(w[1])
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		a, ok1 := first[from]
		b, ok2 := first[to]
		if !ok1 || !ok2 {
			return nil, fmt.Errorf("no sample at the window from %s to %s", w[0], w[1])
		}
		s.Windows = append(s.Windows, Window{a, b})
	}
	s.step()
	return s, nil
}

// LoadCloudMonitoring reads Microsoft's cloud-monitoring-dataset.
func LoadCloudMonitoring(dir string) ([]*Series, error) {
	files, err := filepath.Glob(filepath.Join(dir, "data", "*", "*.csv"))
	if err != nil {
		return nil, err
	}
	var all []*Series
	for _, path := range files {
		s, err := loadCloudMonitoring(path)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		if s.File, err = filepath.Rel(filepath.Join(dir, "data"), path); err != nil {
			return nil, err
		}
		s.File = filepath.ToSlash(s.File)
		all = append(all, s)
	}
	return all, nil
}

func loadCloudMonitoring(path string) (*Series, error) {
	rows, err := readCSV(path)
	if err != nil {
		return nil, err
	}
	type point struct {
		t       time.Time
		v       float64
		labeled bool
	}
	var points []point
	for _, row := range rows {
		v, err := strconv.ParseFloat(row["value"], 64)
		if err != nil {
			continue
		}
		t, err := parseTime(row["timestamp"])
		if err != nil {
			return nil, err
		}
		label, _ := strconv.ParseFloat(row["label"], 64)
		points = append(points, point{t, v, label > 0})
	}
	slices.SortStableFunc(points, func(a, b point) int { return a.t.Compare(b.t) })
	s := &Series{Set: CloudMonitoring}
	var labeled []int
	for i, p := range points {
		s.Times, s.Values = append(s.Times, p.t), append(s.Values, p.v)
		if p.labeled {
			labeled = append(labeled, i)
		}
	}
	s.step()
	s.Windows = events(labeled, len(points), s.Step)
	return s, nil
}

// events makes windows of labeled points: what is at most an hour (or 3 samples) apart is one event; an alert counts
// from one sample before it to 10 minutes (or 2 samples) after it.
func events(labeled []int, n int, step time.Duration) []Window {
	join := func(ws []Window, w Window, gap int) []Window {
		if k := len(ws) - 1; k >= 0 && w.First-ws[k].Last <= gap {
			ws[k].Last = max(ws[k].Last, w.Last)
			return ws
		}
		return append(ws, w)
	}
	var runs, ws []Window
	for _, i := range labeled {
		runs = join(runs, Window{i, i}, int(max(3, time.Hour/step)))
	}
	for _, w := range runs {
		late := int(max(2, 10*time.Minute/step))
		ws = join(ws, Window{max(0, w.First-1), min(n-1, w.Last+late)}, 1)
	}
	return ws
}

// readCSV returns the rows of a file by the lower-case names of its columns.
func readCSV(path string) ([]map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = -1
	all, err := r.ReadAll()
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("empty file")
	}
	var rows []map[string]string
	for _, fields := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			if i < len(fields) {
				row[strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))] = fields[i]
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func parseTime(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	for _, layout := range []string{time.DateTime, time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04", "1/2/2006 15:04", "1/2/2006 3:04:05 PM"} {
		if t, err := time.Parse(layout, s); err == nil { // a fraction of a second is read without being in the layout
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time", s)
}

// Package rcaeval holds systems with known faults, recorded and synthetic, and measures how well a ranking of their
// series names the service at fault. It knows nothing of how a ranking is made:
//
//	cases, err := rcaeval.Load(dir) // or rcaeval.Systems(seed, n)
//	var tally rcaeval.Tally
//	for _, c := range cases {
//		tally.Add(c.Fault, c.Place(ranking(c))) // the services of the series, most suspect first
//	}
//	fmt.Println(tally.Figures("cpu").Avg5)
//
// Recorded cases are folders SERVICE-FAULT (or SERVICE-FAULT/N) with normal.csv and anomalous.csv, as the data sets of
// the field keep them: a column "time", then one per SERVICE_METRIC, a row per second.
package rcaeval

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is what the values of a series are.
type Kind string

// The kinds of series.
const (
	Gauge   Kind = "gauge"   // values as they are
	Counter Kind = "counter" // values are per second: what a rate over the counter would show
)

// Series is one metric of one service, or of its calls to another one. A value that was not scraped is NaN.
type Series struct {
	Service string
	Metric  string
	Kind    Kind
	Values  []float64
	Callee  string // the service that is called; "" for a series of the service itself
}

// Labels returns the labels that tell the series from others of its metric.
func (s Series) Labels() map[string]string {
	if s.Callee != "" {
		return map[string]string{"client": s.Service, "server": s.Callee}
	}
	return map[string]string{"service": s.Service}
}

// Case is a system over time: rows at a fixed step, healthy before Onset. A case without a fault has Fault "".
type Case struct {
	Name    string
	Service string // at fault
	Fault   string // its kind, such as cpu or mem
	Step    time.Duration
	Onset   int // the first row of the fault
	Series  []Series
}

// Rows returns the number of rows.
func (c *Case) Rows() int {
	if len(c.Series) == 0 {
		return 0
	}
	return len(c.Series[0].Values)
}

// Place returns the rank, from 1, of the service at fault among the services of a ranking, each counted where it
// comes first and a database (-db) as the service that it belongs to. A service that is not ranked is beyond all.
func (c *Case) Place(services []string) int {
	var seen []string
	for _, s := range services {
		s = strings.TrimSuffix(s, "-db")
		if slices.Contains(seen, s) {
			continue
		}
		seen = append(seen, s)
		if s == c.Service {
			return len(seen)
		}
	}
	return math.MaxInt
}

// Every returns the case with only every nth row, as a slower scrape would have seen it.
func (c *Case) Every(n int) *Case {
	out := *c
	out.Step, out.Onset, out.Series = c.Step*time.Duration(n), (c.Onset+n-1)/n, make([]Series, len(c.Series))
	for i, s := range c.Series {
		thin := make([]float64, 0, len(s.Values)/n+1)
		for row := 0; row < len(s.Values); row += n {
			thin = append(thin, s.Values[row])
		}
		s.Values = thin
		out.Series[i] = s
	}
	return &out
}

// Healthy returns the rows before the fault alone, with an onset at which nothing happened.
func (c *Case) Healthy(onset int) *Case {
	out := *c
	out.Fault, out.Service, out.Onset, out.Series = "", "", onset, slices.Clone(c.Series)
	for i := range out.Series {
		out.Series[i].Values = out.Series[i].Values[:c.Onset]
	}
	return &out
}

// Load reads all cases under dir. Columns *_lat_50 and *_lat_99 are left out, as the published protocol has it.
func Load(dir string) ([]*Case, error) {
	var cases []*Case
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "normal.csv" {
			return err
		}
		c, err := loadCase(dir, filepath.Dir(path))
		if err != nil {
			return fmt.Errorf("reading the case in %s: %w", filepath.Dir(path), err)
		}
		cases = append(cases, c)
		return nil
	})
	if err == nil && len(cases) == 0 {
		err = fmt.Errorf("no case in %s: a case is a folder SERVICE-FAULT with normal.csv and anomalous.csv", dir)
	}
	return cases, err
}

func loadCase(root, dir string) (*Case, error) {
	name, err := filepath.Rel(root, dir)
	if err != nil {
		return nil, err
	}
	fault := filepath.Base(dir)
	if _, err := strconv.Atoi(fault); err == nil {
		fault = filepath.Base(filepath.Dir(dir))
	}
	cut := strings.LastIndex(fault, "-")
	if cut < 0 {
		return nil, errors.New("the folder's name is not SERVICE-FAULT")
	}
	header, normal, err := readCSV(filepath.Join(dir, "normal.csv"))
	if err != nil {
		return nil, err
	}
	other, anomalous, err := readCSV(filepath.Join(dir, "anomalous.csv"))
	if err != nil {
		return nil, err
	}
	c := &Case{
		Name: filepath.ToSlash(name), Service: fault[:cut], Fault: fault[cut+1:],
		Step: time.Second, Onset: len(normal[0]),
	}
	for i, column := range header {
		service, metric, ok := strings.Cut(column, "_")
		if !ok || metric == "lat_50" || metric == "lat_99" {
			continue
		}
		j := slices.Index(other, column)
		if j < 0 {
			return nil, fmt.Errorf("anomalous.csv has no column %s", column)
		}
		c.Series = append(c.Series, Series{Service: service, Metric: metric, Kind: Gauge, Values: slices.Concat(normal[i], anomalous[j])})
	}
	return c, nil
}

func readCSV(path string) (header []string, columns [][]float64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, nil, err
	}
	if len(records) < 2 {
		return nil, nil, fmt.Errorf("%s has no rows", path)
	}
	columns = make([][]float64, len(records[0]))
	for _, record := range records[1:] {
		for i, field := range record {
			v, err := strconv.ParseFloat(field, 64)
			if err != nil {
				v = math.NaN()
			}
			columns[i] = append(columns[i], v)
		}
	}
	return records[0], columns, nil
}

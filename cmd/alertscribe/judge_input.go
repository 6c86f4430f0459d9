package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/alertscribe/alertscribe/analyzer"
)

const (
	maxBatchBytes = 10 << 20
	maxBatchRows  = 100_000
)

// batchMetric is a metric of a batch as it is written; name is metric under another name, as queues have it.
type batchMetric struct {
	Metric    string            `json:"metric"`
	Name      string            `json:"name"`
	Labels    map[string]string `json:"labels"`
	Unit      string            `json:"unit"`
	Value     *float64          `json:"value"`
	Expected  *float64          `json:"expected"`
	Lower     *float64          `json:"lower"`
	Upper     *float64          `json:"upper"`
	Score     float64           `json:"score"`
	Past      []float64         `json:"past"`
	Timestamp json.RawMessage   `json:"timestamp"` // the order of the entries counts
	Time      json.RawMessage   `json:"time"`
}

// readBatch reads a batch of metrics, in JSON if it begins so, else in CSV.
func readBatch(in io.Reader) (analyzer.Batch, error) {
	b, err := io.ReadAll(io.LimitReader(in, maxBatchBytes+1))
	if err != nil {
		return analyzer.Batch{}, err
	}
	if len(b) > maxBatchBytes {
		return analyzer.Batch{}, fmt.Errorf("the batch has more than %d MiB", maxBatchBytes>>20)
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	var entries []batchMetric
	var context string
	switch trimmed := bytes.TrimSpace(b); {
	case len(trimmed) == 0:
		err = errors.New("the batch is empty")
	case trimmed[0] == '{' || trimmed[0] == '[':
		entries, context, err = batchJSON(trimmed)
	default:
		entries, err = batchCSV(b)
	}
	if err != nil {
		return analyzer.Batch{}, err
	}
	batch, err := joinBatch(entries)
	batch.Context = context
	return batch, err
}

func batchJSON(b []byte) (entries []batchMetric, context string, err error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if b[0] == '[' {
		err = dec.Decode(&entries)
	} else {
		var whole struct {
			Context string        `json:"context"`
			Metrics []batchMetric `json:"metrics"`
		}
		err = dec.Decode(&whole)
		entries, context = whole.Metrics, whole.Context
	}
	if err == nil && dec.More() {
		err = errors.New("there is more behind it")
	}
	if err != nil {
		return nil, "", fmt.Errorf(`the batch is not JSON of the form {"metrics": [{"metric": "a", "value": 1}]}: %w`, err)
	}
	return entries, context, nil
}

// batchCSV reads rows by the names of their columns.
func batchCSV(b []byte) ([]batchMetric, error) {
	r := csv.NewReader(bytes.NewReader(b))
	header, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("reading the header: %w", err)
	}
	columns := map[string]int{}
	for i, name := range header {
		name = strings.ToLower(strings.TrimSpace(name))
		switch name {
		case "name", "rule":
			name = "metric"
		case "labels":
			name = "series"
		case "metric", "series", "time", "timestamp", "unit", "value", "expected", "lower", "upper", "score":
		default:
			return nil, fmt.Errorf("unknown column %q; known are metric, series, time, unit, value, expected, lower, upper, score", name)
		}
		columns[name] = i
	}
	for _, needed := range []string{"metric", "value"} {
		if _, there := columns[needed]; !there {
			return nil, fmt.Errorf("the header has no column %s", needed)
		}
	}
	var entries []batchMetric
	for {
		row, err := r.Read()
		switch {
		case errors.Is(err, io.EOF):
			return entries, nil
		case err != nil:
			return nil, err
		}
		e, err := batchRow(columns, row)
		if err != nil {
			line, _ := r.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		entries = append(entries, e)
	}
}

func batchRow(columns map[string]int, row []string) (batchMetric, error) {
	get := func(name string) string {
		if i, there := columns[name]; there {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	e := batchMetric{Metric: get("metric") + get("series"), Unit: get("unit")}
	var score *float64
	for name, into := range map[string]**float64{"value": &e.Value, "expected": &e.Expected, "lower": &e.Lower, "upper": &e.Upper, "score": &score} {
		if s := get(name); s != "" {
			v, err := strconv.ParseFloat(s, 64)
			if err != nil {
				return e, fmt.Errorf("%s: %q is no number", name, s)
			}
			*into = &v
		}
	}
	if score != nil {
		e.Score = *score
	}
	return e, nil
}

// joinBatch makes one metric of all entries of a series: the last is its value, the others are its past.
func joinBatch(entries []batchMetric) (analyzer.Batch, error) {
	var batch analyzer.Batch
	if len(entries) > maxBatchRows {
		return batch, fmt.Errorf("the batch has more than %d entries", maxBatchRows)
	}
	at := map[string]int{}
	for i, e := range entries {
		if e.Metric == "" {
			e.Metric = e.Name
		}
		if e.Metric == "" || e.Value == nil {
			return batch, fmt.Errorf("entry %d has no metric, or no value", i+1)
		}
		m := analyzer.Metric{Name: e.Metric, Labels: e.Labels, Unit: e.Unit, Value: *e.Value, Score: e.Score, Past: e.Past}
		if e.Expected != nil {
			m.Band = &analyzer.Band{Expected: *e.Expected, Lower: math.Inf(-1), Upper: math.Inf(1)}
			if e.Lower != nil {
				m.Band.Lower = *e.Lower
			}
			if e.Upper != nil {
				m.Band.Upper = *e.Upper
			}
		}
		k, there := at[m.Series()]
		if !there {
			at[m.Series()] = len(batch.Metrics)
			batch.Metrics = append(batch.Metrics, m)
			continue
		}
		before := batch.Metrics[k]
		m.Past = append(append(before.Past, before.Value), m.Past...)
		batch.Metrics[k] = m
	}
	if len(batch.Metrics) == 0 {
		return batch, errors.New("the batch has no metrics")
	}
	return batch, nil
}

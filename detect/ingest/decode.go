package ingest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/text"
)

// Bounds of a message.
const (
	MaxBody       = 1 << 20 // bytes
	MaxMetrics    = 10_000
	MaxLabels     = 30    // of a metric
	MaxNameBytes  = 200   // of a metric and of a label
	MaxValueBytes = 1_024 // of a label
	faultsShown   = 3     // of a message
)

// The times that a point may have: others are a mistake in the unit.
var (
	earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// wireMetric is a metric as it is written.
type wireMetric struct {
	Name      *string           `json:"name"`
	Value     json.RawMessage   `json:"value"`
	Timestamp json.RawMessage   `json:"timestamp"`
	Labels    map[string]string `json:"labels"`
}

// Decode reads a message: {"name", "value", "timestamp", "labels"}, a list of such, or {"metrics": [list]}. A timestamp is RFC 3339, or
// a Unix time in seconds, milliseconds, microseconds or nanoseconds. Keys that are not known are ignored. The points are those that
// can be read; the error says what can't, by its place.
func Decode(body []byte) ([]watch.Point, error) {
	if len(body) > MaxBody {
		return nil, fmt.Errorf("message has %d bytes, more than %d", len(body), MaxBody)
	}
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if len(trimmed) == 0 {
		return nil, errors.New("message is empty")
	}
	if trimmed[0] == '[' {
		return decodeList(trimmed)
	}
	var one struct {
		wireMetric

		Metrics json.RawMessage `json:"metrics"`
	}
	if err := json.Unmarshal(body, &one); err != nil {
		return nil, jsonError(err)
	}
	if one.Metrics == nil {
		p, err := one.point()
		if err != nil {
			return nil, err
		}
		return []watch.Point{p}, nil
	}
	if one.Name != nil {
		return nil, errors.New("message has both metrics and a name; write one of them")
	}
	return decodeList(one.Metrics)
}

// decodeList reads metrics one by one, so that no more than MaxMetrics are ever in memory.
func decodeList(list []byte) ([]watch.Point, error) {
	dec := json.NewDecoder(bytes.NewReader(list))
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		return nil, errors.New("metrics is not a list")
	}
	var points []watch.Point
	var faults []string
	bad := 0
	n := 0
	for ; dec.More(); n++ {
		if n == MaxMetrics {
			return nil, fmt.Errorf("message has more than %d metrics", MaxMetrics)
		}
		var m wireMetric
		err := dec.Decode(&m)
		if _, wrongType := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !wrongType {
			return nil, jsonError(err) // what is behind can't be told from it
		}
		var p watch.Point
		if err == nil {
			p, err = m.point()
		} else {
			err = jsonError(err)
		}
		if err == nil {
			points = append(points, p)
			continue
		}
		if bad++; bad <= faultsShown {
			faults = append(faults, fmt.Sprintf("metrics[%d]: %v", n, err))
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, jsonError(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the list of metrics")
	}
	switch {
	case bad > 0:
		return points, fmt.Errorf("%d of %d metrics can't be read: %s", bad, n, strings.Join(faults, "; "))
	case n == 0:
		return nil, errors.New("message has no metrics")
	}
	return points, nil
}

func jsonError(err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		is, want := strings.ReplaceAll(e.Value, "array", "list"), "mapping"
		if e.Type.Kind() == reflect.String {
			want = "text"
		}
		return fmt.Errorf("%s is a %s, not a %s", cmp.Or(e.Field, "message"), is, want)
	}
	return fmt.Errorf("message is not JSON: %s", text.OneLine(err.Error()))
}

// point returns the point of a metric, or what is wrong with it.
func (m *wireMetric) point() (watch.Point, error) {
	if m.Name == nil {
		return watch.Point{}, errors.New("name is missing")
	}
	name := *m.Name
	switch {
	case len(name) > MaxNameBytes:
		return watch.Point{}, fmt.Errorf("name has %d bytes, more than %d", len(name), MaxNameBytes)
	case name == "" || !visible(name):
		return watch.Point{}, fmt.Errorf("name %s is empty, or has invisible characters", strconv.Quote(text.Cut(name, 40)))
	case len(m.Labels) > MaxLabels:
		return watch.Point{}, fmt.Errorf("%d labels, more than %d", len(m.Labels), MaxLabels)
	}
	p := watch.Point{Metric: make(model.Metric, len(m.Labels)+1)}
	for label, v := range m.Labels {
		switch {
		case len(label) > MaxNameBytes || !model.LegacyValidation.IsValidLabelName(label) || strings.HasPrefix(label, "__") || label == model.AlertNameLabel:
			return watch.Point{}, fmt.Errorf("label %s can't be used: letters, digits and _ make a name, and neither __… nor alertname is one", strconv.Quote(text.Cut(label, 40)))
		case len(v) > MaxValueBytes:
			return watch.Point{}, fmt.Errorf("label %s has %d bytes, more than %d", label, len(v), MaxValueBytes)
		case v != "": // as in Prometheus: an empty label is none
			p.Metric[model.LabelName(label)] = model.LabelValue(text.Clean(v))
		}
	}
	p.Metric[model.MetricNameLabel] = model.LabelValue(name)
	var err error
	if p.Value, err = parseValue(m.Value); err == nil {
		p.At, err = parseTime(m.Timestamp)
	}
	return p, err
}

func visible(s string) bool {
	return utf8.ValidString(s) && text.Clean(s) == s && !strings.ContainsAny(s, "\n\r\t")
}

func shown(raw []byte) string { return text.OneLine(text.Cut(string(raw), 40)) }

// parseValue reads a number. A text is none, whatever it says: what can't be counted can't be learned.
func parseValue(raw json.RawMessage) (float64, error) {
	if raw == nil {
		return 0, errors.New("value is missing")
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || raw[0] == '"' || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0, fmt.Errorf("value %s is no finite number", shown(raw))
	}
	return v, nil
}

// parseTime reads a time; the size of a number tells its unit.
func parseTime(raw json.RawMessage) (time.Time, error) {
	if raw == nil {
		return time.Time{}, errors.New("timestamp is missing")
	}
	const way = "; write RFC 3339, or a Unix time in s, ms, µs or ns"
	var at time.Time
	if raw[0] == '"' {
		var s string
		err := json.Unmarshal(raw, &s)
		if err == nil {
			at, err = time.Parse(time.RFC3339Nano, s)
		}
		if err != nil {
			return at, fmt.Errorf("timestamp %s is no time%s", shown(raw), way)
		}
	} else if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		at = unixTime(n)
	} else if f, err := strconv.ParseFloat(string(raw), 64); err == nil && math.Abs(f) < math.MaxInt64 {
		if math.Abs(f) < 1e11 { // seconds and a fraction
			at = time.UnixMilli(int64(math.Round(f * 1000)))
		} else {
			at = unixTime(int64(f))
		}
	} else {
		return at, fmt.Errorf("timestamp %s is no time%s", shown(raw), way)
	}
	if at.Before(earliest) || at.After(latest) {
		return at, fmt.Errorf("timestamp %s is not between the years 2000 and 2100%s", shown(raw), way)
	}
	return at.Truncate(time.Millisecond), nil
}

func unixTime(n int64) time.Time {
	switch abs := max(n, -n); {
	case abs < 1e11:
		return time.Unix(n, 0)
	case abs < 1e14:
		return time.UnixMilli(n)
	case abs < 1e17:
		return time.UnixMicro(n)
	}
	return time.Unix(0, n)
}

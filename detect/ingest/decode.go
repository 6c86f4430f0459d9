package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
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

// Decode reads a message: {"name", "value", "timestamp", "labels"}, a list of such, or {"metrics": [list]}. A timestamp is RFC 3339, or
// a Unix time in seconds, milliseconds, microseconds or nanoseconds. Keys that are not known are ignored; of one that is there twice the
// last counts, but a label must not be. The points are those that can be read; the error says what can't, by its place.
func Decode(body []byte) ([]watch.Point, error) { return new(decoder).decode(body) }

// decoder reads messages, and remembers the metrics of those before: most come again and again.
type decoder struct {
	known map[string]named // by the text of name and labels
	room  *room            // nil to remember nothing
	mine  int64            // bytes of it that known takes
	key   []byte
}

// named is a metric as it was read.
type named struct {
	metric model.Metric
	id     model.Fingerprint
}

// rememberedBytes bounds what all decoders of a source remember.
const rememberedBytes = 8 << 20

// room is what decoders of a source share of memory.
type room struct{ taken atomic.Int64 }

func (d *decoder) decode(body []byte) ([]watch.Point, error) {
	if len(body) > MaxBody {
		return nil, fmt.Errorf("message has %d bytes, more than %d", len(body), MaxBody)
	}
	body = bytes.Trim(bytes.TrimPrefix(body, []byte("\ufeff")), " \t\r\n")
	if fault := encoded(body); fault != "" {
		return nil, errors.New(fault)
	}
	if !json.Valid(body) {
		repaired := withoutStrange(body)
		if repaired == nil || !json.Valid(repaired) {
			return nil, syntaxError(body)
		}
		body = repaired // what is wrong is wrong with those values alone
	}
	switch kindOf(body) {
	case "list":
		return d.list(body)
	case "mapping", "null":
	default:
		return nil, fmt.Errorf("message is a %s, not a mapping", kindOf(body))
	}
	w := wireMetric{}
	w.read(body)
	if w.metrics == nil {
		p, err := d.point(&w)
		if err != nil {
			return nil, err
		}
		return []watch.Point{p}, nil
	}
	if w.name != nil {
		return nil, errors.New("message has both metrics and a name; write one of them")
	}
	if kindOf(w.metrics) != "list" {
		return nil, errors.New("metrics is not a list")
	}
	return d.list(w.metrics)
}

// encoded tells what a body is that begins as no JSON does.
func encoded(body []byte) string {
	encoding := text.Encoding(body)
	switch {
	case len(body) == 0:
		return "message is empty"
	case body[0] == 0 && encoding == "":
		return "message begins with a zero byte, as those of a schema registry do (Avro, Protobuf); send JSON without a schema"
	case encoding == "UTF-16":
		return "message is UTF-16; send UTF-8"
	case encoding != "":
		return "message is compressed (" + encoding + "); send JSON as it is, clients of Kafka compress batches by themselves"
	}
	return ""
}

// syntaxError says where a body stops to be JSON.
func syntaxError(body []byte) error {
	var whole json.RawMessage
	err := json.Unmarshal(body, &whole)
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("message is not JSON: %s (byte %d)", text.OneLine(e.Error()), e.Offset)
	}
	return fmt.Errorf("message is not JSON: %w", err)
}

// list reads metrics one by one.
func (d *decoder) list(list []byte) ([]watch.Point, error) {
	if n := count(list); n > MaxMetrics {
		return nil, fmt.Errorf("message has %d metrics, more than %d", n, MaxMetrics)
	}
	var points []watch.Point
	var faults []string
	n, bad := 0, 0
	eachElement(list, func(element []byte) {
		p, err := d.element(element)
		if err == nil {
			points = append(points, p)
		} else if bad++; bad <= faultsShown {
			faults = append(faults, fmt.Sprintf("metrics[%d]: %v", n, err))
		}
		n++
	})
	switch {
	case bad > 0:
		return points, fmt.Errorf("%d of %d metrics can't be read: %s", bad, n, strings.Join(faults, "; "))
	case n == 0:
		return nil, errors.New("message has no metrics")
	}
	return points, nil
}

func (d *decoder) element(element []byte) (watch.Point, error) {
	if kind := kindOf(element); kind != "mapping" && kind != "null" {
		return watch.Point{}, fmt.Errorf("metric is a %s, not a mapping", kind)
	}
	w := wireMetric{}
	w.read(element)
	return d.point(&w)
}

// wireMetric is a metric as it is written: the texts of its values, nil for those that are missing.
type wireMetric struct{ name, value, timestamp, labels, metrics []byte }

func (w *wireMetric) read(mapping []byte) {
	eachMember(mapping, func(key, value []byte) {
		if bytes.IndexByte(key, '\\') >= 0 {
			key = []byte(`"` + unquote(key) + `"`)
		}
		for _, k := range []struct {
			name string
			into *[]byte
		}{{`"name"`, &w.name}, {`"value"`, &w.value}, {`"timestamp"`, &w.timestamp}, {`"labels"`, &w.labels}, {`"metrics"`, &w.metrics}} {
			if len(key) == len(k.name) && bytes.EqualFold(key, []byte(k.name)) {
				*k.into = value
			}
		}
	})
	for _, x := range []*[]byte{&w.name, &w.labels} {
		if kindOf(*x) == "null" {
			*x = nil
		}
	}
}

// point returns the point of a metric, or what is wrong with it.
func (d *decoder) point(w *wireMetric) (watch.Point, error) {
	n, err := d.named(w)
	if err != nil {
		return watch.Point{}, err
	}
	p := watch.Point{Metric: n.metric, ID: n.id}
	if p.Value, err = parseValue(w.value); err == nil {
		p.At, err = parseTime(w.timestamp)
	}
	return p, err
}

// named returns the metric of a name and labels. Several points share it.
func (d *decoder) named(w *wireMetric) (named, error) {
	d.key = append(append(d.key[:0], w.name...), w.labels...)
	if n, ok := d.known[string(d.key)]; ok {
		return n, nil
	}
	m, err := w.metric()
	if err != nil {
		return named{}, err
	}
	n := named{m, m.Fingerprint()}
	d.remember(n)
	return n, nil
}

// remember keeps a metric under its key. Where there is no room, those before are forgotten.
func (d *decoder) remember(n named) {
	if d.room == nil {
		return
	}
	size := int64(2*len(d.key) + 500) // its map is some 400 bytes
	if d.room.taken.Add(size) > rememberedBytes {
		d.room.taken.Add(-size)
		d.forget()
		return
	}
	if d.known == nil {
		d.known = map[string]named{}
	}
	d.mine += size
	d.known[string(d.key)] = n
}

func (d *decoder) forget() {
	if d.room != nil {
		d.room.taken.Add(-d.mine)
	}
	d.known, d.mine = nil, 0
}

// metric returns what a name and labels say, or what is wrong with them.
func (w *wireMetric) metric() (model.Metric, error) {
	if w.name == nil {
		return nil, errors.New("name is missing")
	}
	if kind := kindOf(w.name); kind != "text" {
		return nil, fmt.Errorf("name is a %s, not a text", kind)
	}
	name := unquote(w.name)
	switch {
	case len(name) > MaxNameBytes:
		return nil, fmt.Errorf("name has %d bytes, more than %d", len(name), MaxNameBytes)
	case strings.ContainsRune(name, utf8.RuneError):
		return nil, fmt.Errorf("name %s is not UTF-8", strconv.Quote(text.Cut(name, 40)))
	case name == "" || !visible(name):
		return nil, fmt.Errorf("name %s is empty, or has invisible characters", strconv.Quote(text.Cut(name, 40)))
	}
	m := model.Metric{model.MetricNameLabel: model.LabelValue(name)}
	if w.labels == nil {
		return m, nil
	}
	if kind := kindOf(w.labels); kind != "mapping" {
		return nil, fmt.Errorf("labels is a %s, not a mapping", kind)
	}
	return m, addLabels(m, w.labels)
}

// addLabels adds labels to a metric. The error is of the first that can't be.
func addLabels(m model.Metric, labels []byte) (err error) {
	seen := map[string]bool{}
	eachMember(labels, func(key, value []byte) {
		if err != nil {
			return
		}
		label := unquote(key)
		again := seen[label]
		seen[label] = true
		kind := kindOf(value)
		v := ""
		if kind == "text" {
			v = unquote(value)
		}
		switch {
		case len(seen) > MaxLabels:
			err = fmt.Errorf("more than %d labels", MaxLabels)
		case len(label) > MaxNameBytes || !model.LegacyValidation.IsValidLabelName(label) || strings.HasPrefix(label, "__") || label == model.AlertNameLabel:
			err = fmt.Errorf("label %s can't be used: letters, digits and _ make a name, and neither __… nor alertname is one", strconv.Quote(text.Cut(label, 40)))
		case again:
			err = fmt.Errorf("label %s is there twice", label)
		case kind != "text" && kind != "null":
			err = fmt.Errorf("label %s is a %s, not a text", label, kind)
		case len(v) > MaxValueBytes:
			err = fmt.Errorf("label %s has %d bytes, more than %d", label, len(v), MaxValueBytes)
		case strings.ContainsRune(v, utf8.RuneError):
			err = fmt.Errorf("label %s is not UTF-8", label)
		case v != "": // as in Prometheus: an empty label is none
			m[model.LabelName(label)] = model.LabelValue(text.Clean(v))
		}
	})
	return err
}

package evidence

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/score"
)

// trackedSeries is one series as it is judged: a gauge as it is, a counter as a rate, a histogram or summary as its rate of
// observations and their mean.
type trackedSeries struct {
	labels    map[string]string // with __name__
	query     string            // shows the same
	unit      promql.Unit
	values    []float64 // on the grid, NaN where there is none
	target    string    // what it belongs to, see targetOf
	ownSignal bool      // part of the alert's own signal
}

// askMetricTypes asks for the types of all metrics; a server that does not know them is no error.
func askMetricTypes(ctx context.Context, inv *investigation) score.MetricTypes {
	found, err := inv.prom.MetricTypes(ctx)
	if err != nil {
		inv.log.DebugContext(ctx, "Metadata lookup failed, inferring types from names", "err", err)
	}
	return found
}

// trackSeries makes series to be scored of what one question brought; window is that of rates.
func (inv *investigation) trackSeries(m model.Matrix, g score.Grid, k score.MetricTypes, window time.Duration) []trackedSeries {
	var out []trackedSeries
	parts := map[model.Fingerprint]*sumCount{}
	over := "[" + promql.FormatDuration(window) + "]"
	existed := map[string]bool{} // targets that were there when the window began
	for _, s := range m {
		if len(s.Values) > 0 && g.Before(s.Values[0].Timestamp.Time()) < score.MinPast {
			existed[targetOf(seriesLabels(s.Metric))] = true
		}
	}
	for _, s := range m {
		if len(s.Values) == 0 {
			continue
		}
		name := string(s.Metric[model.MetricNameLabel])
		t := trackedSeries{labels: seriesLabels(s.Metric), values: g.Place(s.Values)}
		t.target, t.ownSignal = targetOf(t.labels), inv.isOwnSignal(t.labels)
		selector := promql.SeriesText(t.labels)
		t.query, t.unit = selector, promql.UnitOfMetric(name)
		kind := k.Of(name)
		if kind != model.MetricTypeGauge && !score.FallsLikeGauge(t.values) {
			if existed[t.target] {
				score.StartAtZero(t.values)
			}
			t.values = score.Rate(t.values, g.Step, window)
			t.query = "rate(" + selector + over + ")"
			t.unit.PerSecond = true
			if t.unit.Base == promql.UnitNone {
				t.unit.Base = promql.UnitCount
			}
			if kind == model.MetricTypeHistogram && collectPart(parts, s.Metric, name, &t) {
				continue // a sum is shown as the mean alone
			}
		}
		out = append(out, t)
	}
	for _, p := range parts {
		if p.sum != nil && p.count != nil {
			out = append(out, p.mean())
		} else if p.sum != nil {
			out = append(out, *p.sum)
		}
	}
	return out
}

// sumCount is the two counters behind a mean.
type sumCount struct {
	base       string
	sum, count *trackedSeries
}

// collectPart keeps a part of a histogram for its mean, and reports whether it was the sum.
func collectPart(parts map[model.Fingerprint]*sumCount, metric model.Metric, name string, t *trackedSeries) (isSum bool) {
	base, isSum := strings.CutSuffix(name, "_sum")
	base = strings.TrimSuffix(base, "_count")
	key := metric.Clone()
	key[model.MetricNameLabel] = model.LabelValue(base)
	p := parts[key.Fingerprint()]
	if p == nil {
		p = &sumCount{base: base}
		parts[key.Fingerprint()] = p
	}
	copied := *t
	if isSum {
		p.sum = &copied
	} else {
		t.unit.Base = promql.UnitCount
		p.count = &copied
	}
	return isSum
}

// mean is the average of what was observed; nothing where nothing was.
func (p *sumCount) mean() trackedSeries {
	t := *p.sum
	t.labels = cloneWith(t.labels, model.MetricNameLabel, p.base)
	t.query = p.sum.query + " / " + p.count.query
	t.unit = promql.UnitOfMetric(p.base)
	t.values = make([]float64, len(p.sum.values))
	for i, count := range p.count.values {
		t.values[i] = math.NaN()
		if count > 0 {
			t.values[i] = p.sum.values[i] / count
		}
	}
	return t
}

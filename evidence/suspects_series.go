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

// track is one series as it is judged: a gauge as it is, a counter as a rate, a histogram or summary as its rate of
// observations and their mean.
type track struct {
	labels map[string]string // with __name__
	query  string            // shows the same
	unit   promql.Unit
	values []float64 // on the grid, NaN where there is none
	target string    // what it belongs to, see targetOf
	own    bool      // part of the alert's own signal
}

// metricKinds asks for the types of all metrics; a server that does not know them is no error.
func metricKinds(ctx context.Context, q *inquiry) score.MetricTypes {
	found, err := q.prom.MetricTypes(ctx)
	if err != nil {
		q.log.DebugContext(ctx, "metadata is not known, names decide", "err", err)
	}
	return found
}

// tracks makes tracks of what one question brought; window is that of rates.
func (q *inquiry) tracks(m model.Matrix, g score.Grid, k score.MetricTypes, window time.Duration) []track {
	var out []track
	parts := map[model.Fingerprint]*meanOf{}
	over := "[" + promql.FormatDuration(window) + "]"
	existed := map[string]bool{} // targets that were there when the window began
	for _, s := range m {
		if len(s.Values) > 0 && g.Before(s.Values[0].Timestamp.Time()) < score.MinPast {
			existed[targetOf(labelMap(s.Metric))] = true
		}
	}
	for _, s := range m {
		if len(s.Values) == 0 {
			continue
		}
		name := string(s.Metric[model.MetricNameLabel])
		t := track{labels: labelMap(s.Metric), values: g.Place(s.Values)}
		t.target, t.own = targetOf(t.labels), q.isOwn(t.labels)
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
			if kind == model.MetricTypeHistogram && pair(parts, s.Metric, name, &t) {
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

// meanOf is the two counters behind a mean.
type meanOf struct {
	base       string
	sum, count *track
}

// pair keeps a part of a histogram for its mean, and reports whether it was the sum.
func pair(parts map[model.Fingerprint]*meanOf, metric model.Metric, name string, t *track) (isSum bool) {
	base, isSum := strings.CutSuffix(name, "_sum")
	base = strings.TrimSuffix(base, "_count")
	key := metric.Clone()
	key[model.MetricNameLabel] = model.LabelValue(base)
	p := parts[key.Fingerprint()]
	if p == nil {
		p = &meanOf{base: base}
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
func (p *meanOf) mean() track {
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

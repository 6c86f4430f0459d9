package evidence

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// grid is the times at which series are compared.
type grid struct {
	start time.Time
	step  time.Duration
	n     int
}

func newGrid(start, end time.Time, step time.Duration) grid {
	return grid{start, step, int(end.Sub(start)/step) + 1}
}

func (g grid) at(i int) time.Time { return g.start.Add(time.Duration(i) * g.step) }

func (g grid) end() time.Time { return g.at(g.n - 1) }

// before returns how many times lie before t.
func (g grid) before(t time.Time) int {
	if !t.After(g.start) {
		return 0
	}
	return min(int((t.Sub(g.start)+g.step-1)/g.step), g.n)
}

// place puts samples on the grid; what is missing, or not a finite number, is NaN.
func (g grid) place(samples []model.SamplePair) []float64 {
	values := make([]float64, g.n)
	for i := range values {
		values[i] = math.NaN()
	}
	for _, s := range samples {
		i := int(s.Timestamp.Time().Sub(g.start) / g.step)
		if v := float64(s.Value); i >= 0 && i < g.n && math.Abs(v) < 1e300 {
			values[i] = v
		}
	}
	return values
}

// track is one series as it is judged: a gauge as it is, a counter as a rate, a histogram or summary as its rate of
// observations and their mean.
type track struct {
	labels map[string]string // with __name__
	promql string            // shows the same
	unit   unit
	values []float64 // on the grid, NaN where there is none
	target string    // what it belongs to, see targetOf
	own    bool      // part of the alert's own signal
}

// kinds tells what metrics are by what their exporters say, or else by their names.
type kinds map[string]promv1.MetricType

// metricKinds asks for the types of all metrics; a server that does not know them is no error.
func metricKinds(ctx context.Context, q *inquiry) kinds {
	found, err := ask(ctx, q.prom, "reading metadata", func(ctx context.Context, _ ...promv1.Option) (map[string][]promv1.Metadata, error) {
		return q.prom.api.Metadata(ctx, "", "")
	})
	if err != nil {
		q.log.DebugContext(ctx, "metadata is not known, names decide", "err", err)
		return nil
	}
	k := make(kinds, len(found))
	for name, all := range found {
		if len(all) > 0 {
			k[name] = all[0].Type
		}
	}
	return k
}

// of returns the kind of a series: gauge, counter, or histogram for a part of a histogram or summary.
func (k kinds) of(name string) promv1.MetricType {
	base, isPart := strings.CutSuffix(name, "_count")
	if !isPart {
		base, isPart = strings.CutSuffix(name, "_sum")
	}
	if isPart {
		switch k[base] {
		case promv1.MetricTypeHistogram, promv1.MetricTypeSummary:
			return promv1.MetricTypeHistogram
		case promv1.MetricTypeGauge, promv1.MetricTypeCounter, promv1.MetricTypeGaugeHistogram, promv1.MetricTypeInfo,
			promv1.MetricTypeStateset, promv1.MetricTypeUnknown, "":
		}
	}
	switch t := k[name]; t {
	case promv1.MetricTypeCounter, promv1.MetricTypeGauge:
		return t
	case promv1.MetricTypeHistogram, promv1.MetricTypeSummary, promv1.MetricTypeGaugeHistogram, promv1.MetricTypeInfo,
		promv1.MetricTypeStateset, promv1.MetricTypeUnknown:
	}
	if _, known := k[strings.TrimSuffix(name, "_total")]; strings.HasSuffix(name, "_total") && (!known || k[strings.TrimSuffix(name, "_total")] == promv1.MetricTypeCounter) {
		return promv1.MetricTypeCounter
	}
	if isPart {
		return promv1.MetricTypeHistogram
	}
	return promv1.MetricTypeGauge
}

// tracks makes tracks of what one question brought; window is that of rates.
func (q *inquiry) tracks(m model.Matrix, g grid, k kinds, window time.Duration) []track {
	var out []track
	parts := map[model.Fingerprint]*meanOf{}
	over := "[" + prometheusDuration(window) + "]"
	existed := map[string]bool{} // targets that were there when the window began
	for _, s := range m {
		if len(s.Values) > 0 && g.before(s.Values[0].Timestamp.Time()) < minPast {
			existed[targetOf(labelMap(s.Metric))] = true
		}
	}
	for _, s := range m {
		if len(s.Values) == 0 {
			continue
		}
		name := string(s.Metric[model.MetricNameLabel])
		t := track{labels: labelMap(s.Metric), values: g.place(s.Values)}
		t.target, t.own = targetOf(t.labels), q.isOwn(t.labels)
		selector := seriesText(t.labels)
		t.promql, t.unit = selector, unitOfMetric(name)
		kind := k.of(name)
		if kind != promv1.MetricTypeGauge && !falls(t.values) {
			if existed[t.target] {
				fromNothing(t.values)
			}
			t.values = rate(t.values, g.step, window)
			t.promql = "rate(" + selector + over + ")"
			t.unit.rate = true
			if t.unit.base == unitNone {
				t.unit.base = unitCount
			}
			if kind == promv1.MetricTypeHistogram && pair(parts, s.Metric, name, &t) {
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
		t.unit.base = unitCount
		p.count = &copied
	}
	return isSum
}

// mean is the average of what was observed; nothing where nothing was.
func (p *meanOf) mean() track {
	t := *p.sum
	t.labels = cloneWith(t.labels, model.MetricNameLabel, p.base)
	t.promql = p.sum.promql + " / " + p.count.promql
	t.unit = unitOfMetric(p.base)
	t.values = make([]float64, len(p.sum.values))
	for i, count := range p.count.values {
		t.values[i] = math.NaN()
		if count > 0 {
			t.values[i] = p.sum.values[i] / count
		}
	}
	return t
}

// falls reports whether what should be a counter goes down like a gauge: again and again, and not to a start.
func falls(values []float64) bool {
	var drops, rises int
	last := math.NaN()
	for _, v := range values {
		switch {
		case v < last && v > last/2:
			drops++
		case v > last:
			rises++
		}
		if !math.IsNaN(v) {
			last = v
		}
	}
	return drops > 2 && drops*10 > rises || slices.ContainsFunc(values, func(v float64) bool { return v < 0 })
}

// rate returns the increase per second over the window up to each time, resets taken into account.
func rate(values []float64, step, window time.Duration) []float64 {
	back := max(int(window/step), 1)
	total := make([]float64, len(values))
	last, sum := math.NaN(), 0.
	for i, v := range values {
		switch {
		case math.IsNaN(v):
			total[i] = math.NaN()
			continue
		case v < last:
			sum += v // it started again from nothing
		case v > last:
			sum += v - last
		}
		last, total[i] = v, sum
	}
	out := make([]float64, len(values))
	for i := range out {
		out[i] = math.NaN()
		if i >= back {
			out[i] = (total[i] - total[i-back]) / (float64(back) * step.Seconds())
		}
	}
	return out
}

// fromNothing reads a counter that appeared after the window began as one that stood at zero until then: exporters
// show a counter with labels only once it counts.
func fromNothing(values []float64) {
	first := slices.IndexFunc(values, func(v float64) bool { return !math.IsNaN(v) })
	for i := range max(first, 0) {
		values[i] = 0
	}
}

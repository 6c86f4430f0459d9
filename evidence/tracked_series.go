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
	target    string    // what it is scraped from, see targetOf
	ownSignal bool      // part of the alert's own signal
	akin      bool      // about the same thing as the alert, such as memory

	owner      owner         // what it belongs to
	role       role          // how its changes spread
	edge       *edge         // the call that it is about; nil for none
	lag        time.Duration // how late a change may show: the step and, of rates, their range
	lagRows    int           // the same in rows
	derived    bool          // a mean: no values may just mean no traffic
	aggregated bool          // a sum over series
	sibling    *sibling      // the value of a label that the alert's expression pins; nil for none
}

// askMetricTypes asks for the types of all metrics; a server that does not know them is no error.
func askMetricTypes(ctx context.Context, inv *investigation) score.MetricTypes {
	found, err := inv.prom.MetricTypes(ctx)
	if err != nil {
		inv.log.DebugContext(ctx, "Metadata lookup failed, inferring types from names", "err", err)
	}
	return found
}

// trackSeries makes series to be scored of what one question brought; window is that of rates. A counter that a target shows only
// once it counts has stood at zero since the target was there, and so has what is summed over the processes of a group.
func (inv *investigation) trackSeries(m model.Matrix, g score.Grid, k score.MetricTypes, window time.Duration) []trackedSeries {
	var out []trackedSeries
	parts := map[model.Fingerprint]*sumCount{}
	began := map[string]int{} // where the first series of a target begins
	for _, s := range m {
		if len(s.Values) > 0 {
			target, at := targetOf(seriesLabels(s.Metric)), g.Before(s.Values[0].Timestamp.Time())
			if first, known := began[target]; !known || at < first {
				began[target] = at
			}
		}
	}
	existed := g.Before(inv.dataFrom) + score.MinPast // targets that began before were there from the start of the data
	for _, s := range m {
		if len(s.Values) == 0 {
			continue
		}
		t := inv.newTrack(s, g)
		zero := t.values[:0] // where the series stood at zero if it is one that begins there
		if first := began[t.target]; first < existed {
			zero = t.values[first:]
		}
		name := t.labels[model.MetricNameLabel]
		kind := k.Of(name)
		_, told := k[name]
		counts := kind != model.MetricTypeGauge || !told && score.CountsUp(t.values, g.Before(inv.onset))
		if counts && !score.FallsLikeGauge(t.values) {
			score.StartAtZero(zero)
			t.countUp(g, window)
			if kind == model.MetricTypeHistogram && collectPart(parts, s.Metric, name, &t) {
				continue // a sum is shown as the mean alone
			}
		} else if isProcessGroup(t.labels) {
			score.StartAtZero(zero)
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

// newTrack makes a series of what the server holds, as it is.
func (inv *investigation) newTrack(s *model.SampleStream, g score.Grid) trackedSeries {
	t := trackedSeries{labels: seriesLabels(s.Metric), values: g.Place(s.Values), lag: g.Step, lagRows: 1}
	delete(t.labels, sampledLabel)
	t.query, t.unit = promql.SeriesText(t.labels), promql.UnitOfMetric(t.labels[model.MetricNameLabel])
	if t.unit.Base == promql.UnitNone && (t.labels["unit"] == "byte" || t.labels["resource"] == "memory") { // as kube-state-metrics tells it
		t.unit.Base = promql.UnitBytes
	}
	t.ownSignal, t.akin = inv.isOwnSignal(t.labels), inv.isAkin(t.labels[model.MetricNameLabel])
	t.place()
	return t
}

// place sets what follows from the labels alone.
func (t *trackedSeries) place() {
	t.target, t.owner, t.role, t.edge = targetOf(t.labels), ownerOf(t.labels), roleOf(t.labels), edgeOf(t.labels)
	if t.edge != nil {
		t.owner.label, t.owner.name = edgeOwnerLabel, t.edge.callee
	}
}

// countUp makes a rate of a counter.
func (t *trackedSeries) countUp(g score.Grid, window time.Duration) {
	t.values = score.Rate(t.values, g.Step, window)
	t.query = "rate(" + t.query + "[" + promql.FormatDuration(window) + "])"
	t.lag, t.lagRows = g.Step+window, 1+int(window/g.Step)
	t.unit.PerSecond = true
	if t.unit.Base == promql.UnitNone {
		t.unit.Base = promql.UnitCount
	}
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
	t.unit, t.derived = promql.UnitOfMetric(p.base), true
	t.role = roleOf(t.labels)
	t.values = make([]float64, len(p.sum.values))
	for i, count := range p.count.values {
		t.values[i] = math.NaN()
		if count > 0 {
			t.values[i] = p.sum.values[i] / count
		}
	}
	return t
}

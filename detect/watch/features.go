package watch

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/detect"
	"github.com/alertscribe/alertscribe/promapi"
)

// input asks for a feature that is not the value that the rule watches. Its offset has the lag in it.
type input struct {
	*source
	column int // among the features of the rule
}

// withFeatures makes the source ask for the features of the rule's models, too.
func (s *source) withFeatures(r *Rule) *source {
	if s == nil || r.features == nil {
		return s
	}
	s.features = len(r.features)
	for i, f := range r.features {
		if f.own() {
			s.ownColumns = append(s.ownColumns, i)
			continue
		}
		expr := cmp.Or(f.Expr, r.Expr)
		s.inputs = append(s.inputs, input{&source{querier: s.querier, expr: expr, offset: s.offset + f.Lag, points: s.points}, i})
	}
	return s
}

// alone returns the source without features: what is learned needs none.
func (s *source) alone() *source {
	return &source{querier: s.querier, expr: s.expr, offset: s.offset, points: s.points, learns: true}
}

// narrowed returns the source with another expression of its series.
func (s *source) narrowed(expr string) *source {
	x := *s
	x.expr = expr
	return &x
}

// row makes the row of a value; what is missing is NaN.
func (s *source) row(v float64) []float64 {
	if s.features == 0 {
		return nil
	}
	row := make([]float64, s.features)
	for i := range row {
		row[i] = math.NaN()
	}
	for _, i := range s.ownColumns {
		row[i] = v
	}
	return row
}

// rowsAt fills the rows of values at one time.
func (s *source) rowsAt(ctx context.Context, values []value, at time.Time) error {
	if s.features == 0 {
		return nil
	}
	for i := range values {
		values[i].row = s.row(values[i].v)
	}
	for _, in := range s.inputs {
		vector, err := in.querier.Instant(ctx, in.expr, at.Add(-in.offset))
		if err != nil {
			return err
		}
		vector = slices.DeleteFunc(vector, func(x *model.Sample) bool { return x.Histogram != nil })
		found := newIndex(len(vector), func(i int) model.Metric { return vector[i].Metric })
		for i := range values {
			if k := found.find(values[i].labels); k >= 0 {
				values[i].row[in.column] = float64(vector[k].Value)
			}
		}
	}
	return nil
}

// inputRange is what a feature was in a chunk.
type inputRange struct {
	input
	matrix model.Matrix
	of     []int // for each series of the chunk, the feature's; -1 for none
	next   []int // for each series of the feature, the sample that is next
}

// readInputs reads the features of a chunk.
func (s *source) readInputs(ctx context.Context, c *chunk, step time.Duration) error {
	for _, in := range s.inputs {
		m, err := in.querier.Range(ctx, in.expr, c.from.Add(-in.offset), c.to.Add(-in.offset), step)
		if err != nil {
			return err
		}
		found := newIndex(len(m), func(i int) model.Metric { return m[i].Metric })
		r := inputRange{input: in, matrix: m, next: make([]int, len(m))}
		for _, x := range c.matrix {
			labels := maps.Clone(x.Metric)
			delete(labels, model.MetricNameLabel)
			r.of = append(r.of, found.find(labels))
		}
		c.inputs = append(c.inputs, r)
	}
	return nil
}

// rowIn returns the row of a series of a chunk at a time; times never go back.
func (s *source) rowIn(c *chunk, i int, at time.Time, v float64) []float64 {
	row := s.row(v)
	for _, in := range c.inputs {
		k := in.of[i]
		if k < 0 {
			continue
		}
		ms, values := model.TimeFromUnixNano(at.Add(-in.offset).UnixNano()), in.matrix[k].Values
		for in.next[k] < len(values) && values[in.next[k]].Timestamp < ms {
			in.next[k]++
		}
		if n := in.next[k]; n < len(values) && values[n].Timestamp == ms {
			row[in.column] = float64(values[n].Value)
		}
	}
	return row
}

// index finds the series of a feature that belongs to a series of the rule: the one whose labels are all among the series', with most of
// them. One with fewer labels belongs to several.
type index struct {
	names []*labelNames // that there are, those with most first
	at    map[model.Fingerprint]int
}

// labelNames are those of a series.
type labelNames struct {
	list []model.LabelName
	key  string
}

func newIndex(n int, of func(int) model.Metric) index {
	x := index{at: make(map[model.Fingerprint]int, n)}
	seen := map[string]bool{}
	for i := range n {
		labels := of(i)
		delete(labels, model.MetricNameLabel)
		id := labels.Fingerprint()
		if _, twice := x.at[id]; twice {
			x.at[id] = -1 // nobody can tell which one is meant
			continue
		}
		x.at[id] = i
		names := &labelNames{}
		for name := range labels {
			names.list = append(names.list, name)
		}
		slices.Sort(names.list)
		for _, name := range names.list {
			names.key += string(name) + "\xff"
		}
		if !seen[names.key] {
			seen[names.key] = true
			x.names = append(x.names, names)
		}
	}
	slices.SortFunc(x.names, func(a, b *labelNames) int {
		return cmp.Or(cmp.Compare(len(b.list), len(a.list)), cmp.Compare(a.key, b.key))
	})
	return x
}

// find returns where the feature's series is that belongs to labels; -1 for none.
func (x index) find(labels model.Metric) int {
	for _, names := range x.names {
		part := make(model.Metric, len(names.list))
		for _, name := range names.list {
			if v, there := labels[name]; there {
				part[name] = v
			}
		}
		if len(part) < len(names.list) {
			continue
		}
		if at, there := x.at[part.Fingerprint()]; there {
			return at
		}
	}
	return -1
}

// Rows calls f with each row of the rule's series, time by time: the numbers that [Rule.Columns] names, NaN where one is missing. It
// tells progress, where that is not nil, which share of the time is done. It ends with the first error of f.
func (r *Rule) Rows(ctx context.Context, c *promapi.Client, g *Group, from, to time.Time, step time.Duration,
	f func(labels map[string]string, at time.Time, row []float64) error, progress func(done float64),
) error {
	s := newSource(c, r.Expr, g.QueryOffset).withFeatures(r)
	var failed error
	err := s.eachChunk(ctx, from, to, step, r.MaxSeries, func(x *chunk) {
		of := map[model.Fingerprint]map[string]string{}
		for i, m := range x.matrix {
			of[x.ids[i]] = plain(m.Metric)
		}
		s.frames(x, step, func(at time.Time, values []value) {
			for _, v := range values {
				row := v.row
				if row == nil {
					row = []float64{v.v}
				}
				if failed == nil {
					failed = f(of[v.id], at, row)
				}
			}
		})
		if progress != nil {
			progress(float64(x.to.Sub(from)) / float64(max(to.Sub(from), 1)))
		}
	})
	return errors.Join(failed, err)
}

// countModels counts a row for drift, and one that no model could judge.
func (w *watched) countModels(s *series, at time.Time, ok bool) {
	if !ok || s.row == nil {
		return
	}
	for _, d := range w.drifts {
		d.add(at, s.row)
	}
	if w.Model != nil && s.now.Status == detect.Skipped {
		w.metrics.errors.WithLabelValues(errorModel).Inc()
	}
}

// newDrifts returns what tells drift of the models of a rule.
func newDrifts(r *Rule) (out []*drift) {
	for _, m := range []*Model{r.Model, r.ShadowModel} {
		if m != nil && m.forest != nil {
			out = append(out, newDrift(m))
		}
	}
	return out
}

// errorModel is the kind of error of a row that a model could not judge: a feature is missing.
const errorModel = "model"

// driftName is what drift is alerted on by.
const driftName = "alertscribe_detect_model_drift"

var (
	driftDesc = prometheus.NewDesc(driftName,
		"Population stability index of a feature of a model over about a day: from .1 on what it sees differs from its training, from .25 on it should be trained anew.",
		[]string{"rule", "model", "feature"}, nil)
	trainedDesc = prometheus.NewDesc("alertscribe_detect_model_trained_timestamp_seconds", "When a model was trained, as its file says.",
		[]string{"rule", "model"}, nil)
)

// collectModels tells how the models of a rule stand.
func (w *watched) collectModels(ch chan<- prometheus.Metric) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.drifts {
		if at := d.model.forest.Info().TrainedAt; !at.IsZero() {
			ch <- prometheus.MustNewConstMetric(trainedDesc, prometheus.GaugeValue, float64(at.Unix()), w.Key(), d.model.name())
		}
		for i, b := range d.bins {
			if psi, known := b.index(); known {
				ch <- prometheus.MustNewConstMetric(driftDesc, prometheus.GaugeValue, psi, w.Key(), d.model.name(), d.model.Features[i].Name)
			}
		}
	}
}

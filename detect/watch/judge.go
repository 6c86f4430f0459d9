package watch

import (
	"fmt"
	"math"
	"time"

	"github.com/alertscribe/alertscribe/detect"
	"github.com/alertscribe/alertscribe/promql"
)

// viewModel is the view of a result that a model has given.
const viewModel = "model"

// quietStep is by how much more unusual a row must be for each time that feedback called an alert no problem: a model has no rate that
// could be lowered.
const quietStep = .25

// reason is why a model calls a row unusual, as far as that can be told.
type reason struct {
	Text string `json:"text,omitempty"`
	Expr string `json:"expr,omitempty"` // what asks for it
}

// byModels replaces what the detectors say of a sample by what the models do. The band stays: it is what is usual.
func (s *series) byModels(r *Rule, ok bool) {
	if r.Model != nil && ok {
		s.now, s.reason = r.Model.judge(r, s.now, s.row, len(s.quiet))
	}
	if r.ShadowModel != nil && ok {
		s.shadowed, _ = r.ShadowModel.judge(r, s.shadowed, s.row, 0)
	}
}

// judge returns what a row means. One with a feature that is missing is not judged.
func (m *Model) judge(r *Rule, base detect.Result, row []float64, quiet int) (detect.Result, reason) {
	out := base
	out.View, out.OnceIn, out.Score, out.Anomalous = viewModel, 0, 0, false
	mine := make([]float64, len(m.columns))
	for i, at := range m.columns {
		mine[i] = math.NaN()
		if at < len(row) {
			mine[i] = row[at]
		}
	}
	score := m.forest.Score(mine)
	if math.IsNaN(score) {
		out.Status, out.Usual = detect.Skipped, false
		return out, reason{}
	}
	usual := m.forest.Info().Usual - m.Threshold
	if usual <= 0 {
		usual = usualScore
	}
	out.Score = max(0, 1-(score-m.Threshold)/usual) / (1 + quietStep*float64(quiet))
	out.Anomalous = score < m.Threshold && out.Score >= 1
	if base.Status != detect.Judged {
		out.Usual = !out.Anomalous
	}
	out.Status = detect.Judged
	if !out.Anomalous {
		return out, reason{}
	}
	return out, m.reason(r, mine)
}

// reason names the feature that is furthest from what it was in training.
func (m *Model) reason(r *Rule, row []float64) reason {
	why := reason{Text: "unusual by " + m.name()}
	at, furthest := -1, 0.
	var below, above float64
	for i, x := range row {
		least, most, off := m.training(i, x)
		if off > furthest {
			at, furthest, below, above = i, off, least, most
		}
	}
	if at < 0 {
		return why
	}
	f := m.Features[at]
	why.Text += fmt.Sprintf(": %s is %s, in training %s to %s", f.Name, promql.FormatNumber(row[at]), promql.FormatNumber(below), promql.FormatNumber(above))
	expr := f.Expr
	if expr == "" {
		expr = r.Expr
	}
	switch {
	case f.Lag > 0: // asked for as it is now, it would tell of another time
	case row[at] > above:
		why.Expr = fmt.Sprintf("(%s) > %s", expr, literal(above))
	case row[at] < below:
		why.Expr = fmt.Sprintf("(%s) < %s", expr, literal(below))
	}
	return why
}

// training returns between which values a feature was in training, and how far a value is from their middle, in units of their spread;
// 0 where the file does not say.
func (m *Model) training(i int, x float64) (least, most, off float64) {
	info := m.forest.Info()
	switch {
	case i < len(info.Edges):
		e := info.Edges[i]
		n := len(e)
		least, most = e[0], e[n-1]
		spread := e[n-1-n/10] - e[n/10]
		return least, most, math.Abs(x-e[n/2]) / max(spread, (most-least)/100, math.SmallestNonzeroFloat32)
	case i < len(info.Means) && i < len(info.Deviations):
		d := info.Deviations[i]
		least, most = info.Means[i]-3*d, info.Means[i]+3*d
		return least, most, math.Abs(x-info.Means[i]) / max(2.5*d, math.SmallestNonzeroFloat32)
	}
	return 0, 0, 0
}

// summary says in one line what an anomaly is; the value is what the series is now.
func (s *series) summary(v float64) string {
	if s.peak.View != viewModel {
		return Summary(s.peak, v, s.alert.ActiveAt)
	}
	return fmt.Sprintf("%s, since %s; score %.2f, an alert starts at 1", s.peakReason.Text, s.alert.ActiveAt.UTC().Format("15:04"), s.peak.Score)
}

// modelCondition returns the expression of what was furthest from its training; empty where that is the series' own band.
func (w *watched) modelCondition(s *series) string {
	if s.peak.View != viewModel || bounded(s.peak.Upper) && s.peak.Value > s.peak.Upper || bounded(s.peak.Lower) && s.peak.Value < s.peak.Lower {
		return ""
	}
	if s.peakReason.Expr != "" {
		return s.peakReason.Expr
	}
	return w.Expr
}

// drift tells how far what a model sees is from what it was trained on: the population stability index of each feature, over about a
// day.
type drift struct {
	model *Model
	bins  []driftBins // of each feature; none where the file has no quantiles
	at    time.Time   // up to when it has decayed
}

// driftBins are parts of a feature's range, with the share of the training in each, and what has been seen of late.
type driftBins struct {
	edges  []float64 // upper ends, the last one left out: it is open
	shares []float64
	seen   []float64
}

const (
	// driftMemory is after how long a row counts for 1/e.
	driftMemory = 24 * time.Hour
	// driftLeast is how many rows an index takes.
	driftLeast = 100
	// leastShare is what an empty part counts as, or an index would be infinite.
	leastShare = 1e-4
)

func newDrift(m *Model) *drift {
	d := &drift{model: m}
	info := m.forest.Info()
	for i := range m.Features {
		switch {
		case i < len(info.Edges):
			d.bins = append(d.bins, quantileBins(info.Edges[i]))
		case i < len(info.Means) && i < len(info.Deviations):
			d.bins = append(d.bins, normalBins(info.Means[i], info.Deviations[i]))
		}
	}
	return d
}

// quantileBins makes a part between each two quantiles. Equal quantiles, as of a feature that is mostly 0, are one.
func quantileBins(e []float64) driftBins {
	var b driftBins
	inner, share := e[1:len(e)-1], 1/float64(len(e)-1)
	for i, x := range inner {
		if i > 0 && x == inner[i-1] {
			b.shares[len(b.shares)-1] += share
			continue
		}
		b.edges, b.shares = append(b.edges, x), append(b.shares, share)
	}
	b.shares = append(b.shares, share)
	b.seen = make([]float64, len(b.shares))
	return b
}

// deciles of the normal distribution.
var deciles = []float64{-1.2816, -.8416, -.5244, -.2533, 0, .2533, .5244, .8416, 1.2816}

func normalBins(mean, deviation float64) driftBins {
	e := []float64{math.Inf(-1)}
	for _, z := range deciles {
		e = append(e, mean+z*deviation)
	}
	return quantileBins(append(e, math.Inf(1)))
}

// add counts a row.
func (d *drift) add(at time.Time, row []float64) {
	if at.After(d.at) {
		keep := math.Exp(-float64(at.Sub(d.at)) / float64(driftMemory))
		for _, b := range d.bins {
			for i := range b.seen {
				b.seen[i] *= keep
			}
		}
		d.at = at
	}
	for i, b := range d.bins {
		if at := d.model.columns[i]; at < len(row) && !math.IsNaN(row[at]) {
			k := 0
			for k < len(b.edges) && row[at] > b.edges[k] {
				k++
			}
			b.seen[k]++
		}
	}
}

// index returns the population stability index of a feature; false while too little was seen.
func (b driftBins) index() (float64, bool) {
	all := 0.
	for _, n := range b.seen {
		all += n
	}
	if all < driftLeast {
		return 0, false
	}
	sum := 0.
	for i, was := range b.shares {
		is := max(b.seen[i]/all, leastShare)
		sum += (is - was) * math.Log(is/was)
	}
	return sum, true
}

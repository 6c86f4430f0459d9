package watch

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/detect"
	"github.com/alertscribe/alertscribe/promql"
)

// pointRule says which points a rule with a source takes, and the threshold that it has without an anomaly block.
type pointRule struct {
	name      string
	matchers  []*labels.Matcher
	threshold *threshold // nil: the band is learned
}

// threshold is a comparison of a point with a number.
type threshold struct {
	op    parser.ItemType
	limit float64
}

// sourceRule makes a rule of points, and says all that is wrong with it.
func (r *rawRule) sourceRule(out *Rule) []string {
	points, fault := parsePoints(r.Expr)
	if fault != "" {
		return append([]string{fmt.Sprintf("alert %s: expr: %s", r.Alert, fault)}, checkTemplates(out)...)
	}
	out.points = points
	out.MaxSeries, out.MaxAlerts = defaultMaxSeries, defaultMaxAlerts
	faults := checkTemplates(out)
	switch a := r.Anomaly; {
	case a == nil && points.threshold == nil:
		faults = append(faults, fmt.Sprintf("alert %s: a rule with a source has a threshold, as in %s > 5, or an anomaly block", r.Alert, points.name))
	case a != nil && points.threshold != nil:
		faults = append(faults, "alert "+r.Alert+": expr compares and there is an anomaly block; leave one of them out")
	case a != nil:
		// The distance between points is learned: nobody asks for them at an interval.
		faults = append(faults, a.detection(out, 0)...)
		faults = append(faults, checkMethods(out)...)
		for _, d := range []*rawDetection{&a.rawDetection, a.Shadow} {
			if d != nil && d.Method.name == methodModel {
				faults = append(faults, "alert "+r.Alert+": method model asks Prometheus, which does not have the points of a source")
			}
		}
		if a.History != 0 {
			faults = append(faults, "alert "+r.Alert+": a source has no history that could be read; leave history out, the rule learns from the first point on")
		}
	}
	return faults
}

// checkMethods refuses methods that ask Prometheus for more than the values that they judge.
func checkMethods(r *Rule) (faults []string) {
	for _, o := range []*detect.Options{&r.Detection, r.Shadow} {
		if o == nil {
			continue
		}
		switch o.Method {
		case "", detect.Auto, detect.Tail, detect.Seasonal, detect.Level, detect.Sigma, detect.Change:
		default:
			faults = append(faults, fmt.Sprintf("alert %s: method %s asks Prometheus, which does not have the points of a source", r.Alert, o.Method))
		}
	}
	return faults
}

// parsePoints reads what a rule with a source has as its expression: name{label="v"}, and a comparison with a number.
func parsePoints(expr string) (*pointRule, string) {
	const form = `; write name{label="value"}, or name{label="value"} > 5`
	if strings.TrimSpace(expr) == "" {
		return nil, "is empty" + form
	}
	e, err := promql.Parse(expr)
	if err != nil {
		return nil, err.Error()
	}
	out := &pointRule{}
	e = promql.Unparen(e)
	if b, ok := e.(*parser.BinaryExpr); ok {
		limit, isNumber := promql.Unparen(b.RHS).(*parser.NumberLiteral)
		if !isNumber || !b.Op.IsComparisonOperator() || b.ReturnBool || math.IsNaN(limit.Val) {
			return nil, "points of a source can be compared with a number, and no more" + form
		}
		out.threshold = &threshold{b.Op, limit.Val}
		e = promql.Unparen(b.LHS)
	}
	v, ok := e.(*parser.VectorSelector)
	switch {
	case !ok || v.OriginalOffset != 0 || v.Timestamp != nil || v.StartOrEnd != 0:
		return nil, "points of a source are no PromQL" + form
	}
	for _, m := range v.LabelMatchers {
		switch {
		case m.Name != model.MetricNameLabel:
			out.matchers = append(out.matchers, m)
		case m.Type == labels.MatchEqual:
			out.name = m.Value
		}
	}
	if out.name == "" {
		return nil, "the metric has no name" + form
	}
	return out, ""
}

// takes tells whether the rule watches the series of a point.
func (p *pointRule) takes(m model.Metric) bool {
	for _, x := range p.matchers {
		if !x.Matches(string(m[model.LabelName(x.Name)])) {
			return false
		}
	}
	return true
}

// judge tells what a value means for a threshold. The bounds are those within which nothing is wrong.
func (t *threshold) judge(v float64) detect.Result {
	r := detect.Result{
		Status: detect.Judged, Value: v, Expected: math.NaN(), Lower: math.Inf(-1), Upper: math.Inf(1), Level: math.NaN(), View: "threshold",
	}
	switch t.op {
	case parser.GTR:
		r.Upper, r.Anomalous = t.limit, v > t.limit
	case parser.GTE:
		r.Upper, r.Anomalous = t.limit, v >= t.limit
	case parser.LSS:
		r.Lower, r.Anomalous = t.limit, v < t.limit
	case parser.LTE:
		r.Lower, r.Anomalous = t.limit, v <= t.limit
	case parser.EQLC:
		r.Anomalous = v == t.limit
	case parser.NEQ:
		r.Anomalous, r.Expected = v != t.limit, t.limit
	}
	if r.Anomalous {
		r.Score = 1
	}
	r.Usual = !r.Anomalous
	return r
}

// worse tells whether one value is further beyond the threshold than another.
func (t *threshold) worse(v, than float64) bool {
	if t.op == parser.LSS || t.op == parser.LTE {
		return v < than
	}
	return math.Abs(v-t.limit) > math.Abs(than-t.limit)
}

// asks tells whether the group has rules whose expressions Prometheus is asked for.
func (g *Group) asks() bool {
	for _, r := range g.Rules {
		if r.Source == "" {
			return true
		}
	}
	return false
}

// leastHold is for how long the value of a point stands at least.
const leastHold = 15 * time.Second

// hold is for how long the value of a point stands that none follows: five intervals of its group, as Prometheus' five minutes.
func (w *watched) hold() time.Duration { return max(5*w.interval, leastHold) }

// outdated tells whether a series has no value now.
func (w *watched) outdated(s *series) bool {
	if w.Source == "" {
		return s.seen.Before(w.evaluated)
	}
	return w.evaluated.Sub(s.seen) >= w.hold()
}

// judgePoint judges a point. One of history is learned, and moves no alert.
func (w *watched) judgePoint(s *series, at time.Time, v float64, history bool) {
	if w.points.threshold == nil {
		if history {
			s.settled = at
		}
		w.stepSeries(s, at, v, true)
		return
	}
	if !at.After(s.stepped) {
		return
	}
	before := s.alert.State
	s.stepped, s.seen, s.now = at, at, w.points.threshold.judge(v)
	w.judged++
	if !history {
		s.alert.Step(at, s.now.Anomalous, w.For, w.KeepFiringFor)
		began := before != detect.Pending && before != detect.Firing
		if s.now.Anomalous && (began || w.points.threshold.worse(v, s.peak.Value)) {
			s.peak, s.peakAt = s.now, at
		}
	}
	if s.now.Usual {
		w.usual++
	}
	w.counters.step(s, before, true)
}

// tick evaluates a series at a time of the clock, which goes on where points do not: what is pending fires while the newest value
// still stands; after that the series is missing, and its alert resolves unless that is an anomaly of its own.
func (w *watched) tick(s *series, at time.Time) {
	if s.seen.IsZero() || !at.After(s.seen) {
		return
	}
	silent := at.Sub(s.seen)
	missing := detect.Result{}
	if w.points.threshold == nil {
		missing = s.detector.Missing(at)
	}
	missing.Anomalous = missing.Anomalous && silent < w.adaptAfter()
	stands := silent < w.hold()
	before, alert := s.alert.State, s.alert
	switch {
	case missing.Anomalous:
		s.now = missing
		alert.Step(at, true, w.For, w.KeepFiringFor)
	case stands && before == detect.Pending:
		alert.Step(at, true, w.For, w.KeepFiringFor)
	case !stands && (before == detect.Pending || before == detect.Firing):
		alert.Step(at, false, w.For, w.KeepFiringFor)
	}
	if alert.State == before || before == "" && alert.State == detect.Inactive {
		return // nothing of it is in the journal, so nothing of it counts
	}
	if missing.Anomalous && before != detect.Pending {
		s.peak, s.peakAt = missing, at
	}
	s.alert = alert
	w.counters.step(s, before, false)
}

// resolvedAt is when the alert of a series was seen to resolve: points can be older than that.
func (s *series) resolvedAt() time.Time {
	if s.origin.resolved.After(s.alert.ResolvedAt) {
		return s.origin.resolved
	}
	return s.alert.ResolvedAt
}

const (
	recentFewest = 120 // points that are kept of a series of a source, for a chart
	recentMost   = 2 * recentFewest
)

// trace keeps the newest points of a series of a source: nobody could be asked for them later.
func (s *series) trace(at time.Time) {
	if len(s.origin.recent) >= recentMost {
		s.origin.recent = append(s.origin.recent[:0], s.origin.recent[recentMost-recentFewest:]...)
	}
	s.origin.recent = append(s.origin.recent, pointOf(s, at))
}

// recentBand returns the points of a series that are kept, between two times.
func (w *watched) recentBand(s *series, from, to time.Time) []BandPoint {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []BandPoint
	for _, p := range s.origin.recent {
		if !p.At.Before(from) && !p.At.After(to) {
			out = append(out, p)
		}
	}
	return out
}

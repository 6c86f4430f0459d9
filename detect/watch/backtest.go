package watch

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/detect"
	"github.com/alertscribe/alertscribe/promapi"
)

// BacktestOptions say what of the past is evaluated.
type BacktestOptions struct {
	Since, Until time.Time
	// Progress is told which share of the time is done; nil for nobody.
	Progress func(done float64)
}

// Backtest is what a rule would have done.
type Backtest struct {
	Rule       *Rule
	Since      time.Time
	Until      time.Time
	Series     []map[string]string // their labels
	SeriesDays float64             // of judged samples
	Alerts     []PastAlert
}

// PastAlert is an alert that would have fired.
type PastAlert struct {
	Labels     map[string]string // of the series
	Summary    string
	ActiveAt   time.Time // its first anomalous sample
	FiredAt    time.Time
	ResolvedAt time.Time   // zero where it would still fire
	Points     []BandPoint // from two hours, or 120 intervals, before it
}

// BandPoint is a value and what was expected of it. A value that is missing is NaN, and so is a bound that is unknown.
type BandPoint struct {
	At                            time.Time
	Value, Expected, Lower, Upper float64
	Score                         float64       // an alert starts at 1
	OnceIn                        time.Duration // how rarely a healthy series is as unusual; 0 where no rate is promised
	Since                         time.Time     // since when it is anomalous, as pending and firing alerts have it; zero while it is not
}

// PerSeriesDay returns the alerts for each series and day.
func (b *Backtest) PerSeriesDay() float64 {
	if b.SeriesDays == 0 {
		return 0
	}
	return float64(len(b.Alerts)) / b.SeriesDays
}

// Promise returns the false alarms for each series and day that the rule accepts; 0 for a method that promises none.
func (b *Backtest) Promise() float64 {
	if m := b.Rule.Detection.Method; m == detect.Sigma || m == detect.Change || b.Rule.Model != nil {
		return 0
	}
	return orElse(b.Rule.Detection.FalseAlarms, defaultRate).PerDay()
}

const (
	tracedBefore = 120 // points of a band that are kept before an alert
	tracedAfter  = 30  // and after its end
	tracedMost   = 720 // in all
)

// Run evaluates a rule over the past by the same code that evaluates it live. History before Since is read and learned, as
// it is at a start. Errors are those of promapi.
func (r *Rule) Run(ctx context.Context, c *promapi.Client, g *Group, o BacktestOptions) (*Backtest, error) {
	w := newWatched(r, g, newSource(c, r.Expr, g.QueryOffset), newMetrics(nil, nil), slog.New(slog.DiscardHandler))
	since, until := o.Since.Truncate(g.Interval), o.Until.Truncate(g.Interval)
	if !since.Before(until) {
		return nil, errors.New("the time to look at is shorter than the interval of the rule")
	}
	rec := &recorder{rings: map[model.Fingerprint]*ring{}, rule: r}
	w.onStep = rec.step
	values, err := w.source.now(ctx, since)
	if err != nil {
		return nil, err
	}
	if err := w.warm(ctx, w.source, w.enroll(values, since, since), since); err != nil {
		return nil, err
	}
	err = w.source.eachChunk(ctx, since.Add(g.Interval), until, g.Interval, max(len(values), 1), func(c *chunk) {
		w.source.frames(c, g.Interval, w.step)
		w.forget(c.to)
		if o.Progress != nil {
			o.Progress(float64(c.to.Sub(since)) / float64(until.Sub(since)))
		}
	})
	if err != nil {
		return nil, err
	}
	b := &Backtest{
		Rule: r, Since: since, Until: until, SeriesDays: float64(w.judged) * g.Interval.Hours() / 24,
	}
	for _, s := range rec.rings {
		b.Series = append(b.Series, s.labels)
	}
	slices.SortFunc(rec.alerts, func(x, y *PastAlert) int { return x.FiredAt.Compare(y.FiredAt) })
	for _, a := range rec.alerts {
		b.Alerts = append(b.Alerts, *a)
	}
	return b, nil
}

// recorder keeps what a backtest shows.
type recorder struct {
	rule   *Rule
	rings  map[model.Fingerprint]*ring
	alerts []*PastAlert
}

// ring keeps the newest points of a series, and the alert that it has.
type ring struct {
	labels map[string]string
	points []BandPoint
	alert  *PastAlert
	after  int // points since its end
}

func pointOf(s *series, at time.Time) BandPoint {
	p := BandPoint{
		At: at, Value: s.now.Value, Expected: s.now.Expected, Lower: s.now.Lower, Upper: s.now.Upper,
		Score: s.now.Score, OnceIn: s.now.OnceIn,
	}
	if s.alert.State == detect.Pending || s.alert.State == detect.Firing {
		p.Since = s.alert.ActiveAt
	}
	return p
}

func (rec *recorder) step(s *series, at time.Time) {
	r := rec.rings[s.id]
	if r == nil {
		r = &ring{labels: plain(s.labels)}
		rec.rings[s.id] = r
	}
	p := pointOf(s, at)
	if len(r.points) >= 2*tracedBefore {
		r.points = append(r.points[:0], r.points[len(r.points)-tracedBefore:]...)
	}
	r.points = append(r.points, p)
	if s.alert.State == detect.Firing && (r.alert == nil || !r.alert.ResolvedAt.IsZero()) {
		first := max(0, len(r.points)-tracedBefore)
		r.alert = &PastAlert{
			Labels: plain(s.labels), ActiveAt: s.alert.ActiveAt, FiredAt: s.alert.FiredAt, Points: slices.Clone(r.points[first:]),
		}
		r.after = 0
		rec.alerts = append(rec.alerts, r.alert)
		r.alert.Summary = s.summary(s.now.Value)
		return
	}
	if r.alert == nil {
		return
	}
	if s.alert.State == detect.Firing {
		r.alert.Summary = s.summary(s.peak.Value)
	} else if r.alert.ResolvedAt.IsZero() {
		r.alert.ResolvedAt = s.alert.ResolvedAt
	}
	if !r.alert.ResolvedAt.IsZero() {
		r.after++
	}
	if r.after <= tracedAfter && len(r.alert.Points) < tracedMost {
		r.alert.Points = append(r.alert.Points, p)
	}
}

// ErrUnknownAlert says that an alert is not of a rule, or its series not known.
var ErrUnknownAlert = errors.New("not an alert of a detection rule")

// Band is the series behind an alert, with what was expected of it.
type Band struct {
	Query    string        // the rule's expression, of that series alone as far as its labels can be carried to its selectors
	Interval time.Duration // between points
	Points   []BandPoint   // the oldest first
}

// maxBand bounds the evaluations of a band: a week of minutes.
const maxBand = 10_000

// Band returns the series behind an alert with what was expected of it: from some time before it to its end, or now, but the
// newest 10,000 evaluations at most. It asks for that series alone and evaluates it again, so that nothing has to be kept for it, and any copy can do it.
// Of a source the newest points are kept by the copy that reads them.
// [ErrUnknownAlert] where the labels are not those of an alert of ours.
func (w *Watcher) Band(ctx context.Context, alertLabels map[string]string, from, to time.Time) (*Band, error) {
	for _, g := range w.groups {
		for _, r := range g.rules {
			if r.Alert != alertLabels[model.AlertNameLabel] {
				continue
			}
			r.mu.Lock()
			s := r.find(alertLabels)
			r.mu.Unlock()
			if s != nil && r.Source != "" {
				return &Band{Interval: g.Interval, Points: r.recentBand(s, from, to)}, nil
			}
			if s != nil {
				return r.band(ctx, w.opts.Prometheus, g.Group, s, from, to)
			}
		}
	}
	return nil, ErrUnknownAlert
}

func (w *watched) band(ctx context.Context, c *promapi.Client, g *Group, s *series, from, to time.Time) (*Band, error) {
	b := &Band{Query: w.selected(s), Interval: g.Interval}
	one := newWatched(w.Rule, g, newSource(c, b.Query, g.QueryOffset), newMetrics(nil, nil), slog.New(slog.DiscardHandler))
	one.onStep = func(x *series, at time.Time) {
		if x.id == s.id {
			b.Points = append(b.Points, pointOf(x, at))
		}
	}
	at := g.slot(to)
	from = at.Add(-min(at.Sub(from)/g.Interval, maxBand) * g.Interval)
	if err := one.warm(ctx, one.source, one.enroll([]value{{labels: s.labels, id: s.id}}, from, from), from); err != nil {
		return nil, err
	}
	return b, one.replay(ctx, from, at)
}

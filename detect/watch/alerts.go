package watch

import (
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/detect"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/promql"
)

// resolvedFor is for how long a resolved alert is told of: as long as Prometheus does.
const resolvedFor = 15 * time.Minute

// WidespreadSuffix ends the name of the alert that stands for those of a rule that are too many to be sent.
const WidespreadSuffix = "Widespread"

// The annotations that every alert has beside those of its rule; a rule's own of the same name stand.
const (
	AnnotationSummary  = "summary"
	AnnotationValue    = "value"
	AnnotationExpected = "expected"
	AnnotationLower    = "lower" // missing where there is no bound on that side
	AnnotationUpper    = "upper"
	AnnotationSince    = "since"        // RFC 3339: the first anomalous sample
	AnnotationOnceIn   = "once_in"      // how rarely a healthy series is as unusual, such as 400d
	AnnotationQueue    = "queue_source" // the source that its points come from; missing where that is Prometheus
)

// Alert is an alert as Alertmanager takes it.
type Alert struct {
	Labels       map[string]string
	Annotations  map[string]string
	StartsAt     time.Time
	EndsAt       time.Time // when it resolved; zero while it fires
	GeneratorURL string
}

// Firing tells whether the alert fires.
func (a *Alert) Firing() bool { return a.EndsAt.IsZero() }

// alerts returns what is to be told at a time: what fires, and what has resolved a short while ago.
func (w *watched) alerts(c *promapi.Client, at time.Time) []Alert {
	w.mu.Lock()
	defer w.mu.Unlock()
	firing := w.firing()
	var out []Alert
	for i, s := range firing {
		if i >= w.MaxAlerts {
			break
		}
		out = append(out, w.alert(s, c, at))
	}
	for _, s := range w.series {
		if s.alert.State != detect.Firing && !s.alert.ResolvedAt.IsZero() && at.Sub(s.resolvedAt()) <= resolvedFor {
			a := w.alert(s, c, at)
			a.EndsAt = s.alert.ResolvedAt
			out = append(out, a)
		}
	}
	out = append(distinct(out), w.warnings(c, at)...)
	if wide := w.widespread(firing, c, at); wide != nil {
		out = append(out, *wide)
	}
	return out
}

// distinct returns one alert of each set of labels: labels of a rule can hide what tells its series apart. While one of them fires
// the alert does, since the one that began first.
func distinct(alerts []Alert) []Alert {
	at := map[model.Fingerprint]int{}
	out := alerts[:0]
	for _, a := range alerts {
		id := a.id()
		i, there := at[id]
		switch {
		case !there:
			at[id] = len(out)
			out = append(out, a)
		case !a.Firing() && !out[i].Firing() && a.EndsAt.After(out[i].EndsAt): // those that fire come first, in order
			out[i] = a
		}
	}
	return out
}

// alert returns the alert of a series.
func (w *watched) alert(s *series, c *promapi.Client, at time.Time) Alert {
	d := &data{
		Labels: plain(s.labels), ExternalLabels: map[string]string{}, Value: s.now.Value, Expected: s.peak.Expected,
		Lower: s.peak.Lower, Upper: s.peak.Upper, Since: float64(s.alert.ActiveAt.Unix()),
	}
	a := Alert{Labels: plain(s.labels), Annotations: map[string]string{}, StartsAt: s.alert.FiredAt}
	for name, text := range w.Labels {
		a.Labels[name] = expand(text, d)
		if a.Labels[name] == "" {
			delete(a.Labels, name)
		}
	}
	a.Labels[model.AlertNameLabel] = w.Alert
	w.annotate(s, a.Annotations)
	for name, text := range w.Annotations {
		a.Annotations[name] = expand(text, d)
	}
	if w.Source == "" { // Prometheus does not have the others
		a.GeneratorURL = c.GraphURL(w.condition(s), s.alert.ActiveAt.Add(-time.Hour), at)
	}
	return a
}

// annotate adds what the series is and what was expected of it.
func (w *watched) annotate(s *series, into map[string]string) {
	if w.Source != "" {
		into[AnnotationQueue] = w.Source
	}
	into[AnnotationSummary] = s.summary(s.now.Value)
	into[AnnotationSince] = s.alert.ActiveAt.UTC().Format(time.RFC3339)
	for name, v := range map[string]float64{
		AnnotationValue: s.now.Value, AnnotationExpected: s.peak.Expected, AnnotationLower: s.peak.Lower, AnnotationUpper: s.peak.Upper,
	} {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			into[name] = promql.FormatNumber(v)
		}
	}
	if s.peak.OnceIn > 0 {
		into[AnnotationOnceIn] = once(s.peak.OnceIn)
	}
}

// Summary says in one line what a result means: "expected 40 to 55, is 12, since 10:04; about once in 400 days". The value is
// what the series is now, NaN where it is missing.
func Summary(r detect.Result, v float64, since time.Time) string {
	was := ""
	switch lower, upper := bounded(r.Lower), bounded(r.Upper); {
	case r.View == "absence":
		return fmt.Sprintf("no samples, since %s", since.UTC().Format("15:04"))
	case lower && upper:
		was = fmt.Sprintf("expected %s to %s", promql.FormatNumber(r.Lower), promql.FormatNumber(r.Upper))
	case lower:
		was = "expected at least " + promql.FormatNumber(r.Lower)
	case upper:
		was = "expected at most " + promql.FormatNumber(r.Upper)
	default:
		was = "expected about " + promql.FormatNumber(r.Expected)
	}
	is := "is missing"
	if !math.IsNaN(v) {
		is = "is " + promql.FormatNumber(v)
	}
	text := fmt.Sprintf("%s, %s, since %s", was, is, since.UTC().Format("15:04"))
	if r.OnceIn > 0 {
		text += "; " + onceWords(r.OnceIn)
	}
	return text
}

func bounded(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// once formats how rarely something is: whole days, or hours below two of them.
func once(d time.Duration) string {
	d = min(d, claimed)
	if d < 48*time.Hour {
		return fmt.Sprintf("%dh", max(1, int(d.Hours())))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// claimed is the longest time that is said: what a few weeks tell of more is no figure.
const claimed = 10 * 365 * 24 * time.Hour

func onceWords(d time.Duration) string {
	switch days := d.Hours() / 24; {
	case d >= claimed:
		return "less than once in 10 years"
	case days < 2:
		return fmt.Sprintf("about once in %d hours", max(1, int(d.Hours())))
	default:
		return fmt.Sprintf("about once in %d days", int(days))
	}
}

// condition returns the expression with the threshold that was crossed: what lets anybody who reads the alert ask what a
// rule of Prometheus would have asked.
func (w *watched) condition(s *series) string {
	if expr := w.modelCondition(s); expr != "" {
		return expr
	}
	r := s.peak
	switch above := r.Value >= r.Expected; {
	case r.View == "absence":
		return "absent(" + w.selected(s) + ")"
	case above && bounded(r.Upper) && r.Value > r.Upper:
		return fmt.Sprintf("(%s) > %s", w.Expr, literal(r.Upper))
	case !above && bounded(r.Lower) && r.Value < r.Lower:
		return fmt.Sprintf("(%s) < %s", w.Expr, literal(r.Lower))
	case above: // it lasts, or is unusual all in all, within the bounds of one sample
		return fmt.Sprintf("(%s) > %s", w.Expr, literal((r.Expected+r.Value)/2))
	default:
		return fmt.Sprintf("(%s) < %s", w.Expr, literal((r.Expected+r.Value)/2))
	}
}

// literal writes a number as PromQL reads it, with no more digits than tell it from its neighbors.
func literal(x float64) string { return fmt.Sprintf("%.6g", x) }

// selected returns the expression of the series alone, as far as its labels can be carried to its selectors.
func (w *watched) selected(s *series) string {
	e, err := promql.Parse(w.Expr)
	if err != nil {
		return w.Expr // it was parsed when it was loaded
	}
	labels := plain(s.labels)
	names := make([]string, 0, len(labels))
	for name := range labels {
		names = append(names, name)
	}
	known := promql.NewLabelNames(names...)
	return promql.Narrow(e, labels, func(*parser.VectorSelector) promql.LabelNames { return known }).String()
}

// widespread returns the alert for those that are too many, nil while they are not, or no more told of.
func (w *watched) widespread(firing []*series, c *promapi.Client, at time.Time) *Alert {
	over := !w.widened.IsZero()
	if !over && (w.narrowed.IsZero() || at.Sub(w.narrowed) > resolvedFor) {
		return nil
	}
	a := &Alert{Labels: map[string]string{}, Annotations: map[string]string{}, StartsAt: w.widened, EndsAt: w.narrowed}
	for name, text := range w.Labels {
		if v := expand(text, &data{Labels: map[string]string{}}); v != "" {
			a.Labels[name] = v
		}
	}
	a.Labels[model.AlertNameLabel] = w.Alert + WidespreadSuffix
	a.Annotations[AnnotationSummary] = fmt.Sprintf("%d of %d series are unusual; the first %d have alerts of their own", len(firing), len(w.series), w.MaxAlerts)
	a.Annotations[AnnotationValue] = fmt.Sprint(len(firing))
	if !over {
		a.StartsAt = w.narrowed.Add(-w.interval)
	}
	if w.Source == "" {
		a.GeneratorURL = c.GraphURL(w.Expr, a.StartsAt.Add(-time.Hour), at)
	}
	return a
}

// plain returns labels without what is a name of the client's types.
func plain(m model.Metric) map[string]string {
	out := make(map[string]string, len(m)+2)
	for name, v := range m {
		out[string(name)] = string(v)
	}
	return maps.Clone(out)
}

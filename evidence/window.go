package evidence

import (
	"context"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// timeWindow is a stretch of time that is looked at by steps, of which the last is at its end.
type timeWindow struct {
	start, end time.Time
	step       time.Duration
}

// windowBetween divides a stretch of time into about so many steps. It starts up to a step later than told.
func windowBetween(start, end time.Time, steps time.Duration) timeWindow {
	return windowBy(start, end, niceStep(end.Sub(start)/steps))
}

// windowTo is windowBetween for what ends at a time.
func windowTo(end time.Time, span, steps time.Duration) timeWindow {
	return windowBetween(end.Add(-span), end, steps)
}

// windowBy looks at a stretch of time by given steps.
func windowBy(start, end time.Time, step time.Duration) timeWindow {
	return timeWindow{end.Add(-end.Sub(start) / step * step), end, step}
}

func (w timeWindow) isZero() bool { return w.end.IsZero() }

// times lists the steps.
func (w timeWindow) times() []time.Time {
	var out []time.Time
	for t := w.start; !t.After(w.end); t = t.Add(w.step) {
		out = append(out, t)
	}
	return out
}

// timesOf lists the steps of windows.
func timesOf(windows []timeWindow) []time.Time {
	var out []time.Time
	for _, w := range windows {
		out = append(out, w.times()...)
	}
	return out
}

// within returns the investigation with another window in the place of that of the onset.
func (inv *investigation) within(w timeWindow) *investigation {
	other := *inv
	other.start, other.end, other.step, other.recent = w.start, w.end, w.step, timeWindow{}
	return &other
}

// eachWindow returns the investigation of the onset and, of an old alert, that of now; one of both where they overlap. Its start
// stays what it is, for it stands in a query.
func (inv *investigation) eachWindow() []*investigation {
	switch {
	case inv.recent.isZero():
		return []*investigation{inv}
	case !inv.recent.start.After(inv.end):
		return []*investigation{inv.within(timeWindow{inv.start, inv.recent.end, niceStep(inv.recent.end.Sub(inv.start) / windowSteps)})}
	}
	return []*investigation{inv, inv.within(inv.recent)}
}

// coarseWindows are those windows by the steps of a drill-down.
func (inv *investigation) coarseWindows() []timeWindow {
	var out []timeWindow
	for _, one := range inv.eachWindow() {
		out = append(out, windowBetween(one.start, one.end, drillSteps))
	}
	return out
}

// drillWindows are those that are compared to tell what carries a change: the one of the onset or, of an old alert, what was before the
// onset and the last hour.
func (inv *investigation) drillWindows() []timeWindow {
	if inv.recent.isZero() {
		return []timeWindow{windowBetween(inv.start, inv.end, drillSteps)}
	}
	return []timeWindow{
		windowBetween(inv.start, inv.onset.Add(-time.Second).Truncate(time.Second), drillSteps), windowTo(inv.recent.end, inv.recent.end.Sub(inv.recent.start), drillSteps),
	}
}

// rangeOver asks for a query over several windows, and makes one answer of theirs.
func (inv *investigation) rangeOver(ctx context.Context, query string, windows []timeWindow) (model.Matrix, error) {
	var out model.Matrix
	for _, w := range windows {
		m, err := inv.prom.Range(ctx, query, w.start, w.end, w.step)
		if err != nil {
			return nil, err
		}
		out = joined(out, m)
	}
	return out, nil
}

// joined puts the samples of a later answer behind those of an earlier one.
func joined(earlier, later model.Matrix) model.Matrix {
	if len(earlier) == 0 {
		return later
	}
	at := make(map[model.Fingerprint]*model.SampleStream, len(earlier))
	for _, s := range earlier {
		at[s.Metric.Fingerprint()] = s
	}
	for _, s := range later {
		was := at[s.Metric.Fingerprint()]
		if was == nil {
			earlier = append(earlier, s)
			continue
		}
		for _, p := range s.Values {
			if n := len(was.Values); n == 0 || p.Timestamp > was.Values[n-1].Timestamp {
				was.Values = append(was.Values, p)
			}
		}
	}
	return earlier
}

// spansText names the windows that are looked at.
func (inv *investigation) spansText() string {
	var spans []string
	for _, one := range inv.eachWindow() {
		spans = append(spans, formatSpan(one.start, one.end))
	}
	return strings.Join(spans, inv.say(msgBetweenSpans))
}

// formatSpan formats a stretch of time in UTC.
func formatSpan(start, end time.Time) string {
	start, end = start.UTC(), end.UTC()
	if start.YearDay() == end.YearDay() && start.Year() == end.Year() {
		return start.Format("2006-01-02 15:04:05") + "–" + end.Format("15:04:05") + " UTC"
	}
	return start.Format("2006-01-02 15:04:05") + " – " + end.Format("2006-01-02 15:04:05") + " UTC"
}

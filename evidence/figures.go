package evidence

import (
	"math"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/incident"
)

// figuresOf returns the numbers of a signal with the words in which they are told.
func (inv *investigation) figuresOf(v *signalView, f signalStats) *incident.Figures {
	figure := func(value float64) *incident.Figure {
		if math.IsNaN(value) {
			return nil
		}
		text := v.unit.Format(value)
		if v.limit != nil {
			text = v.unit.FormatApart(value, *v.limit)
		}
		return &incident.Figure{Value: storable(value), Text: text}
	}
	out := &incident.Figures{
		Anchor: inv.alert.Fingerprint, Rises: f.up, Value: figure(f.last), Fired: figure(f.fired),
		Peak: figure(f.extreme), PeakAt: f.extremeAt,
	}
	if limit := v.limitAt(inv.until); !math.IsNaN(limit) {
		out.Condition = parser.ItemTypeStr[v.condition.Op]
		out.Threshold = &incident.Figure{Value: storable(limit), Text: v.unit.Format(limit)}
	}
	switch {
	case !f.began.IsZero():
	case f.constant:
		out.Usual = figure(float64(v.lines[0].Values[0].Value))
	case f.compared:
		out.Usual = &incident.Figure{Value: f.past.Median, Text: v.unit.Format(f.past.Median)}
	}
	if !f.always {
		out.Since, out.Until, out.Met, out.Broken, out.Over = f.since, f.until, f.met, f.broken, f.over || f.silent
	}
	return out
}

// storable returns a value that JSON has a number for: that of infinity is the largest.
func storable(v float64) float64 { return max(min(v, math.MaxFloat64), -math.MaxFloat64) }

// textOf returns how a figure is told.
func textOf(f *incident.Figure) string {
	if f == nil {
		return "–"
	}
	return f.Text
}

// seenPeak returns the figures of an earlier look at the same signal, if its peak is further than that of this one.
func (inv *investigation) seenPeak(query string, now *incident.Figures) *incident.Figures {
	for _, e := range inv.seen {
		was := e.Figures
		if e.Kind != incident.KindSignal || e.Query != query || was == nil || was.Peak == nil || was.Anchor != now.Anchor || was.Rises != now.Rises {
			continue
		}
		if now.Peak == nil || now.Rises && was.Peak.Value > now.Peak.Value || !now.Rises && was.Peak.Value < now.Peak.Value {
			return was
		}
	}
	return nil
}

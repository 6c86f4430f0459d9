package evidence

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/promql"
)

var (
	msgOnsetDoubt = message{"%[1]s, or up to %[2]s earlier", "%[1]s，或最多早 %[2]s"}
	msgLateSeen   = message{" Times are of the first look that shows a change, up to %s late.", "时间为首次观察到变化的时刻，最多晚 %s。"}
)

// maxOnsetWait is how long the rest of an investigation waits for the signal to tell the onset: a server that takes longer is asked for
// everything else meanwhile.
const maxOnsetWait = 2 * time.Second

// settleOnset moves the onset to where the condition began to be met, if that is earlier than the alert's time and its rule's "for" tell:
// an alert may fire late, as after a restart of whoever evaluates it. So all items speak of one onset. There must be enough before it
// to compare with. Where the condition was not met at the alert's time, that may be wrong: see settleStart.
func (inv *investigation) settleOnset(ctx context.Context) {
	if inv.rule == nil || inv.noOnset {
		return
	}
	seen := make(chan *signalView, 1)
	go func() {
		v, _ := inv.signalView(ctx) // whoever tells of the signal tells of the error
		seen <- v
	}()
	wait := time.NewTimer(maxOnsetWait)
	defer wait.Stop()
	select {
	case v := <-seen:
		if v == nil || len(v.lines) == 0 {
			return
		}
		if since, _ := v.metSince(inv.judged); since.IsZero() {
			v = inv.settleStart(ctx, v)
		}
		if v != nil {
			inv.settleBy(v)
		}
	case <-wait.C:
	case <-ctx.Done():
	}
}

// settleBy moves the onset to where the condition of a view began to be met.
func (inv *investigation) settleBy(v *signalView) {
	c := v.metCourse(v.lines[0].Values, inv.judged, inv.until)
	if c.since.IsZero() || c.always {
		return
	}
	inv.unknown = c.unknown
	since := c.since.Add(-inv.rule.lag)
	lead := inv.onset.Sub(inv.start)
	if inv.onset.Sub(since) > 2*v.step && since.Sub(inv.start) >= lead/3 {
		inv.onset = since
	}
}

// settleStart finds another start of an alert whose condition was not met when it says that it began: its sender's clock may be behind, or
// in another time zone. It is when the condition began to be met within the window, or else, if it was met then, when the alert was
// heard of first. It returns the view to go by; nil where there is no other start.
func (inv *investigation) settleStart(ctx context.Context, v *signalView) *signalView {
	if !v.hasCondition() || len(v.lines) != 1 || !inv.judged.Equal(inv.fired) {
		return nil
	}
	if at, err := inv.prom.Instant(ctx, v.query, inv.fired); err != nil || inv.metBy(v, at) {
		return nil // it was met for a moment between two steps
	}
	if first := v.firstMet(inv.fired, inv.until); !first.IsZero() {
		inv.restart(first.Add(inv.rule.hold))
		inv.judged = first
		return v
	}
	heard := inv.alert.SeenAt
	if heard.Sub(inv.fired) < maxTail || heard.After(inv.until) {
		return nil
	}
	other := *inv
	other.restart(heard)
	other.setWindow()
	other.trimWindow(ctx)
	if other.noOnset {
		return nil
	}
	w, err := other.lookAtSignal(ctx)
	if err != nil || w == nil || len(w.lines) == 0 {
		return nil
	}
	if since, _ := w.metSince(heard); since.IsZero() {
		return nil
	}
	*inv = other
	inv.signal = func() (*signalView, error) { return w, nil }
	return w
}

// restart has the alert begin at another time than it says.
func (inv *investigation) restart(at time.Time) {
	inv.fired, inv.judged, inv.misdated = at, at, true
	inv.onset = at.Add(-inv.rule.hold - inv.rule.lag)
}

// metBy reports whether one of the values of a moment meets a view's condition.
func (inv *investigation) metBy(v *signalView, found model.Vector) bool {
	return slices.ContainsFunc(found, func(s *model.Sample) bool {
		return v.lines[0].Metric.Equal(s.Metric) && v.metAt(model.SamplePair{Timestamp: s.Timestamp, Value: s.Value})
	})
}

// firstMet returns when the condition began to be met between two times; zero where it did not.
func (v *signalView) firstMet(from, until time.Time) time.Time {
	for _, p := range samplesBetween(v.lines[0].Values, from, until) {
		if v.metAt(p) {
			return p.Timestamp.Time().UTC()
		}
	}
	return time.Time{}
}

// onsetWords tells the onset, and how much earlier it may have been: an expression that looks back reaches its threshold late.
func (inv *investigation) onsetWords() string {
	doubt := inv.onsetDoubt()
	if doubt == 0 {
		return formatTime(inv.onset)
	}
	return inv.say(msgOnsetDoubt, formatTime(inv.onset), promql.FormatDuration(doubt))
}

// onsetDoubt returns how much earlier than told the onset may have been; 0 for no more than a step.
func (inv *investigation) onsetDoubt() time.Duration {
	doubt := inv.unknown
	if inv.rule != nil {
		doubt = max(doubt, inv.rule.reach)
	}
	if doubt <= inv.step {
		return 0
	}
	return doubt
}

// hazyOnset is how much earlier than told an onset may have been for which "nothing changed" needs to say about when: a change as far
// before it counts as the past.
const hazyOnset = 15 * time.Minute

// hazyOnsetText says which onset the past ends with, where that may have been much earlier.
func (inv *investigation) hazyOnsetText() string {
	if inv.onsetDoubt() < hazyOnset {
		return ""
	}
	return inv.say(msgAboutOnset, inv.onsetWords())
}

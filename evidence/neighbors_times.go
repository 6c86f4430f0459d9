package evidence

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
)

var (
	msgAtTime    = message{"at %s", "于 %s"}
	msgSinceTime = message{"since %s", "在 %s"}
	msgOrEarlier = message{" (or up to %s earlier)", "（或最多早 %s）"}
	msgBetween   = message{"between %[1]s and %[2]s", "在 %[1]s 至 %[2]s 之间"}
)

// The bounds of what is read as it was scraped, for each kind of event.
const (
	maxHeldStretches = 2
	maxHeldStretch   = 30 * time.Minute // of several events
	maxHeldEvent     = 3 * time.Hour    // of one
	heldReserve      = 20               // queries that stay for others
	heldMargin       = 2 * time.Minute  // before an event, for the sample before it
	vagueFrom        = 2 * time.Minute  // events whose times are less certain are told by both of their bounds
)

// occurrence is something that happened at a time.
type occurrence struct {
	after, at time.Time // it happened after the one and, at the latest, at the other; both the same where that is known exactly
	where     map[string]string
	what      string
	// locate finds both times among samples as they were scraped; nil where they are known exactly.
	locate func(heldSamples) (after, at time.Time, ok bool)
}

// vague reports whether it is not known well enough when something happened to tell one time.
func (o occurrence) vague() bool { return o.at.Sub(o.after) > vagueFrom }

// whenText tells when something happened: by one time, within a phrase, or by the two that it was between.
func (inv *investigation) whenText(o occurrence, one message) string {
	if o.vague() {
		return inv.say(msgBetween, formatTime(o.after), formatTime(o.at))
	}
	return inv.say(one, formatTime(o.at))
}

// lateText says how much earlier than seen something may have happened, where it was looked for by long steps.
func (inv *investigation) lateText(step time.Duration) string {
	if step <= maxFineStep {
		return ""
	}
	return inv.say(msgOrEarlier, inv.duration(step))
}

// timeCell is whenText within a table.
func (inv *investigation) timeCell(o occurrence) string { return inv.whenText(o, message{"%s", "%s"}) }

// settleTimes looks up when exactly things happened that were seen by steps: those nearest to the onset.
func (inv *investigation) settleTimes(ctx context.Context, selector string, found []occurrence) {
	var wanted []stretch
	for _, o := range found {
		if o.locate != nil {
			wanted = append(wanted, stretch{o.after, o.at})
		}
	}
	held := inv.readHeld(ctx, selector, wanted, inv.onset)
	for i := range found {
		o := &found[i]
		if o.locate == nil || !held.covers(stretch{o.after, o.at}) {
			continue
		}
		if after, at, ok := o.locate(held); ok {
			o.after, o.at = after.UTC(), at.UTC()
		}
	}
}

// stretch is a time after one and until another.
type stretch struct{ after, until time.Time }

// covers reports whether another stretch lies within.
func (s stretch) covers(other stretch) bool {
	return !other.after.Before(s.after) && !other.until.After(s.until)
}

// heldSamples are samples at the times at which they were scraped, from some stretches of time.
type heldSamples struct {
	series map[model.Fingerprint][]model.SamplePair
	read   []stretch
}

// readHeld reads a selector's samples of so many of the wanted stretches as are affordable, those nearest to a time first. What can't
// be read stays as it is known.
func (inv *investigation) readHeld(ctx context.Context, selector string, wanted []stretch, near time.Time) heldSamples {
	h := heldSamples{series: map[model.Fingerprint][]model.SamplePair{}}
	for _, s := range mergedStretches(wanted, near) {
		if inv.prom.Budget().Left() <= heldReserve {
			break
		}
		m, err := inv.prom.Samples(ctx, selector, s.after.Add(-heldMargin), s.until)
		if err != nil {
			inv.log.DebugContext(ctx, "Lookup of samples failed, times are told by steps", "err", err)
			continue
		}
		h.read = append(h.read, s)
		for _, one := range m {
			key := one.Metric.Fingerprint()
			h.series[key] = append(h.series[key], one.Values...)
		}
	}
	for _, samples := range h.series {
		slices.SortFunc(samples, func(a, b model.SamplePair) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
	}
	return h
}

// mergedStretches joins stretches that touch, as far as the bounds allow. Those nearest to a time go first, and the rest is left out.
func mergedStretches(wanted []stretch, near time.Time) []stretch {
	wanted = slices.Clone(wanted)
	slices.SortStableFunc(wanted, func(a, b stretch) int {
		return cmp.Compare(a.until.Sub(near).Abs(), b.until.Sub(near).Abs())
	})
	var out []stretch
	for _, w := range wanted {
		i := slices.IndexFunc(out, func(s stretch) bool {
			from, to := earlier(s.after, w.after), later(s.until, w.until)
			return !w.after.After(s.until) && !s.after.After(w.until) && to.Sub(from) <= maxHeldStretch
		})
		switch {
		case i >= 0:
			out[i] = stretch{earlier(out[i].after, w.after), later(out[i].until, w.until)}
		case len(out) < maxHeldStretches && w.until.Sub(w.after) <= maxHeldEvent:
			out = append(out, w)
		}
	}
	return out
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// covers reports whether all samples of a stretch were read.
func (h heldSamples) covers(s stretch) bool {
	return slices.ContainsFunc(h.read, func(r stretch) bool { return r.covers(s) })
}

// of returns the samples of a series after one time and until another, the oldest first.
func (h heldSamples) of(series model.Metric, after, until time.Time) []model.SamplePair {
	var out []model.SamplePair
	for _, p := range h.series[series.Fingerprint()] {
		if at := p.Timestamp.Time(); at.After(after) && !at.After(until) && (len(out) == 0 || p.Timestamp > out[len(out)-1].Timestamp) {
			out = append(out, p)
		}
	}
	return out
}

// change finds when a series took the value that it has at the end of a stretch.
func (h heldSamples) change(series model.Metric, s stretch) (after, at time.Time, ok bool) {
	samples := h.of(series, s.after.Add(-heldMargin), s.until)
	i := len(samples)
	for i > 0 && samples[i-1].Value == samples[len(samples)-1].Value {
		i--
	}
	switch {
	case len(samples) == 0 || i == 0 && !samples[0].Timestamp.Time().After(s.after):
		return after, at, false
	case i == 0:
		return s.after, samples[0].Timestamp.Time(), true
	}
	return samples[i-1].Timestamp.Time(), samples[i].Timestamp.Time(), true
}

// replacement finds when a series began that took the place of another one.
func (h heldSamples) replacement(before, series model.Metric, s stretch) (after, at time.Time, ok bool) {
	samples := h.of(series, s.after, s.until)
	if len(samples) == 0 {
		return after, at, false
	}
	after, at = s.after, samples[0].Timestamp.Time()
	if was := h.of(before, s.after.Add(-heldMargin), at.Add(-time.Millisecond)); len(was) > 0 {
		after = was[len(was)-1].Timestamp.Time()
	}
	return after, at, true
}

// down finds the first scrape that failed.
func (h heldSamples) down(up model.Metric, s stretch) (after, at time.Time, ok bool) {
	after = s.after
	for _, p := range h.of(up, s.after.Add(-heldMargin), s.until) {
		if p.Value == 0 && p.Timestamp.Time().After(s.after) {
			return after, p.Timestamp.Time(), true
		}
		after = p.Timestamp.Time()
	}
	return after, at, false
}

// missing finds the first scrape that there would have been after the last one.
func (h heldSamples) missing(up model.Metric, s stretch) (after, at time.Time, ok bool) {
	samples := h.of(up, s.after.Add(-heldMargin), s.until)
	if len(samples) < 2 {
		return after, at, false
	}
	last, before := samples[len(samples)-1].Timestamp.Time(), samples[len(samples)-2].Timestamp.Time()
	return last, earlier(last.Add(last.Sub(before)), s.until), true
}

// back finds the first good scrape after those that failed or were missing.
func (h heldSamples) back(up model.Metric, s stretch) (after, at time.Time, ok bool) {
	samples := h.of(up, s.after, s.until)
	i := len(samples)
	for i > 0 && samples[i-1].Value != 0 && (i == len(samples) || samples[i].Timestamp.Sub(samples[i-1].Timestamp) < minScrapeStep) {
		i--
	}
	switch {
	case i == len(samples):
		return after, at, false
	case i == 0:
		return samples[0].Timestamp.Time(), samples[0].Timestamp.Time(), true
	}
	return samples[i-1].Timestamp.Time(), samples[i].Timestamp.Time(), true
}

// usualGap returns how many steps without a sample are nothing unusual for a target: of one that is scraped less often than by a step,
// most.
func usualGap(up []float64) int {
	var gaps []int
	last := -1
	for i, v := range up {
		if math.IsNaN(v) {
			continue
		}
		if last >= 0 && i > last+1 {
			gaps = append(gaps, i-last-1)
		}
		last = i
	}
	if len(gaps) < 4 {
		return 0
	}
	slices.Sort(gaps)
	if usual := gaps[len(gaps)/2]; gaps[len(gaps)*3/4] <= usual+1 {
		return usual + 1
	}
	return 0
}

// fillUsualGaps goes on with the value before each gap that is not longer than usual.
func fillUsualGaps(up []float64, usual int) {
	for i := 0; i < len(up); i++ {
		end := i
		for end < len(up) && math.IsNaN(up[end]) {
			end++
		}
		if i > 0 && end-i <= usual {
			for ; i < end; i++ {
				up[i] = up[i-1]
			}
		}
		i = end
	}
}

package evidence

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/score"
)

// endedSeries returns, for each series that was there until about the onset and has no values since, the time after its
// last one; 0 for all others. A series that another one of the same kind replaced, as in a rollout, has not ended.
func endedSeries(tracks []trackedSeries, n int) []int {
	type head struct{ before, after int }
	heads := map[string]*head{} // of a metric, whatever pod or instance it comes from
	last := make([]int, len(tracks))
	const quiet = 3
	for i := range tracks {
		t := &tracks[i]
		h := heads[t.replaceableKey()]
		if h == nil {
			h = &head{}
			heads[t.replaceableKey()] = h
		}
		first := -1
		for j, v := range t.values {
			if !math.IsNaN(v) {
				last[i] = j
				if first < 0 {
					first = j
				}
			}
		}
		if first >= 0 && first < n {
			h.before++
		}
		if last[i] >= len(t.values)-quiet {
			h.after++
		}
	}
	for i := range tracks {
		t := &tracks[i]
		h := heads[t.replaceableKey()]
		past := score.Finite(t.values[:n])
		steady := len(past) >= score.MinPast && len(past)*10 >= n*8
		silent := len(t.values) - 1 - last[i]
		if t.derived || silent < max(quiet, 3*longestGap(t.values[:n])) || last[i] < n/2 || h.after >= h.before || !steady {
			last[i] = -1
		}
		last[i]++
	}
	return last
}

// withoutEnded returns the series that have not ended.
func withoutEnded(tracks []trackedSeries, n int) []trackedSeries {
	var out []trackedSeries
	for i, at := range endedSeries(tracks, n) {
		if at == 0 {
			out = append(out, tracks[i])
		}
	}
	return out
}

// longestGap returns the most values in a row that are missing between others.
func longestGap(values []float64) int {
	longest, last := 0, -1
	for i, v := range values {
		if math.IsNaN(v) {
			continue
		}
		if last >= 0 {
			longest = max(longest, i-last-1)
		}
		last = i
	}
	return longest
}

// endedSuspect is the change of a series that has no values now.
func endedSuspect(t *trackedSeries, values []float64, n, at int) suspect {
	past := slices.Sorted(slices.Values(values[:min(max(n/2, 1), len(values))]))
	return suspect{trackedSeries: *t, ended: true, Change: score.Change{
		Score: score.MaxScore, At: at, Before: score.Quantile(past, .5), After: math.NaN(), Lasted: len(t.values) - at, Share: 1,
	}}
}

// replacedLabels lists the labels that a replacement has anew.
var replacedLabels = []string{"pod", "instance", "node", "host", "hostname", "id", "uid", "container_id", "image", "image_id", "pod_ip", "host_ip"}

// replaceableKey returns what a series has in common with those that may replace it.
func (t *trackedSeries) replaceableKey() string {
	labels := maps.Clone(t.labels)
	for _, name := range replacedLabels {
		delete(labels, name)
	}
	return promql.SeriesText(labels)
}

const (
	lookback      = 5 * time.Minute // for so long a server repeats a value whose end it was not told
	endedTogether = 2               // rows that series may lie apart that ended together
	stoppedSeries = 3               // that many series of a target tell that it stopped; a single one may just be rare
	endedScore    = 200             // of a series that stopped with its whole target
	rareScore     = 4               // of one that ended by itself: it may come back
)

// commonEnd is that the series of several owners ended at once: not their doing, but that of who records them.
type commonEnd struct {
	at             int // the first time without values
	series, owners int
	all            bool // nothing goes on
}

// findCommonEnd returns when all series of several owners ended together; nil if they did not.
func findCommonEnd(found []suspect) *commonEnd {
	type ends struct {
		series int
		at     []int
	}
	owners := map[string]*ends{}
	for i := range found {
		s := &found[i]
		key := s.owner.key()
		if s.owner.name == "" {
			key = s.query
		}
		o := owners[key]
		if o == nil {
			o = &ends{}
			owners[key] = o
		}
		if o.series++; s.ended {
			o.at = append(o.at, s.At)
		}
	}
	var whole []int // ends of owners of which nothing goes on
	for _, o := range owners {
		if len(o.at)*10 >= o.series*8 && slices.Max(o.at)-slices.Min(o.at) <= 2*endedTogether {
			whole = append(whole, slices.Min(o.at))
		}
	}
	if len(whole) < 2 {
		return nil
	}
	slices.Sort(whole)
	middle := whole[len(whole)/2]
	c := &commonEnd{at: middle}
	for _, at := range whole {
		if c.includes(at) {
			c.owners++
		}
	}
	if c.owners < 2 {
		return nil
	}
	for i := range found {
		if found[i].ended && c.includes(found[i].At) {
			c.series++
		}
	}
	c.all = c.series == len(found)
	return c
}

func (c *commonEnd) includes(at int) bool {
	return c != nil && at >= c.at-2*endedTogether && at <= c.at+2*endedTogether
}

// stoppedTargets returns the targets of which most series ended, three at least.
func stoppedTargets(found []suspect) map[string]bool {
	ended, all := map[string]int{}, map[string]int{}
	for i := range found {
		if all[found[i].target]++; found[i].ended {
			ended[found[i].target]++
		}
	}
	out := map[string]bool{}
	for target, n := range ended {
		out[target] = n >= stoppedSeries && n*2 >= all[target]
	}
	return out
}

// judgeEnds says how much the ends of series count: one that all share nothing, since it is the recording's; that of a
// whole target much; that of a single series little.
func judgeEnds(found []suspect, step time.Duration) *commonEnd {
	common, stopped := findCommonEnd(found), stoppedTargets(found)
	for i := range found {
		s := &found[i]
		switch {
		case !s.ended:
		case common.includes(s.At):
			s.ended, s.Change = false, score.Change{At: s.At, Before: s.Before, After: s.Before}
			if s.unended != nil {
				s.Change = *s.unended
			}
		case stopped[s.target]:
			s.stopped, s.Score = true, endedScore
			s.lag, s.lagRows = s.lag+lookback, s.lagRows+int(lookback/step)
		case s.unended != nil && s.unended.Score >= s.bar:
			s.ended, s.Change = false, *s.unended
		default:
			s.Score = min(rareScore, s.bar-1)
		}
		s.confident, s.early = s.Confident(s.bar), s.Early(s.bar)
	}
	return common
}

package evidence

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/score"
)

// suspect is a series that changed.
type suspect struct {
	trackedSeries
	score.Change

	since      time.Time
	ended      bool // it has no values now; After is NaN
	confident  bool // see change.confident
	seenBefore bool // it was as far from its usual level at other times of the day before
}

// The bounds of the ranking.
const (
	maxRanked    = 50
	maxPerTarget = 5 // that many of one target, so that one target's hundred metrics don't hide all others
	maxDayChecks = 3 // suspects that are held against the day before
)

// findSuspects ranks the series around the alert by how far they changed about the onset.
func findSuspects(ctx context.Context, inv *investigation) ([]incident.Evidence, error) {
	scopes, err := inv.scopes(ctx)
	if err != nil || len(scopes) == 0 {
		return nil, err
	}
	if err := countScopes(ctx, inv, scopes); err != nil {
		return nil, fmt.Errorf("counting related series: %w", err)
	}
	interval := inv.scrapeInterval(ctx, scopes)
	g := score.NewGrid(inv.start, inv.end, max(interval, niceStep(inv.end.Sub(inv.start)/pointsPerSeries)))
	batches, left := planBatches(scopes, g.N)
	if len(batches) == 0 {
		return nil, nil
	}
	tracks, err := inv.fetchBatches(ctx, batches, g, max(4*interval, g.Step).Truncate(g.Step))
	if len(tracks) == 0 {
		return nil, err
	}
	found, judged := scoreSeries(tracks, g, g.Before(inv.onset))
	for i := range found {
		found[i].since = g.At(found[i].At)
	}
	inv.compareWithPreviousDay(ctx, found)
	return []incident.Evidence{inv.suspectsItem(found, g, judged, left, err)}, nil
}

// scrapeInterval finds how often the alert's surroundings are scraped, from the samples of one metric.
func (inv *investigation) scrapeInterval(ctx context.Context, scopes []*seriesScope) time.Duration {
	const over = 10 * time.Minute
	for _, c := range scopes {
		if len(c.names) == 0 {
			continue
		}
		sel := c.selector(promql.Equals(model.MetricNameLabel, slices.Min(slices.Collect(maps.Keys(c.names)))))
		v, err := inv.prom.Instant(ctx, "quantile(0.5, count_over_time("+sel+"["+promql.FormatDuration(over)+"]))", inv.onset)
		if err == nil && len(v) == 1 && v[0].Value >= 1 {
			return niceStep(time.Duration(float64(over) / float64(v[0].Value)).Truncate(time.Second))
		}
	}
	return 15 * time.Second
}

// fetchBatches asks the questions and makes series of the answers. It returns what it got, and the first error.
func (inv *investigation) fetchBatches(ctx context.Context, batches []batch, g score.Grid, window time.Duration) ([]trackedSeries, error) {
	k := askMetricTypes(ctx, inv)
	parts, errs := make([][]trackedSeries, len(batches)), make([]error, len(batches))
	slots := make(chan struct{}, 3) // leave room for the other collectors, and for memory
	var wg sync.WaitGroup
	for i, b := range batches {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			m, err := inv.prom.Range(ctx, b.selector(), g.Start, g.End(), g.Step)
			if err != nil {
				errs[i] = fmt.Errorf("reading related series: %w", err)
				return
			}
			parts[i] = inv.trackSeries(m, g, k, window)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return slices.Concat(parts...), err
		}
	}
	return slices.Concat(parts...), nil
}

// scoreSeries scores the series, whose first n times are before the onset, and returns those that changed, most
// first, and how many had a past to be judged by.
func scoreSeries(tracks []trackedSeries, g score.Grid, n int) (found []suspect, judged int) {
	quietest, last := noiseFloors(tracks, n), endedSeries(tracks, n)
	var s score.Scorer
	for i := range tracks {
		t := &tracks[i]
		at := make([]int, 0, g.N)
		values := make([]float64, 0, g.N)
		past := 0
		for j, v := range t.values {
			if math.IsNaN(v) {
				continue
			}
			if j < n {
				past++
			}
			at, values = append(at, j), append(values, v)
		}
		if last[i] > 0 {
			judged++
			found = append(found, endedSuspect(t, values, n, last[i]))
			continue
		}
		c, ok := s.Score(values, past, quietest[t.labels[model.MetricNameLabel]])
		if !ok {
			continue
		}
		judged++
		c.At = at[c.At]
		found = append(found, suspect{trackedSeries: *t, Change: c})
	}
	for i := range found {
		found[i].confident = found[i].Confident(judged)
	}
	slices.SortFunc(found, func(a, b suspect) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.At, b.At), cmp.Compare(a.query, b.query))
	})
	return found, judged
}

// noiseFloors returns the least noise of each metric: what the quieter quarter of its series have. A series that was dead
// flat would else be suspected for what is nothing in the others.
func noiseFloors(tracks []trackedSeries, n int) map[string]float64 {
	noises := map[string][]float64{}
	var s score.Scorer
	for i := range tracks {
		if noise := s.Noise(score.Finite(tracks[i].values[:n])); noise > 0 {
			name := tracks[i].labels[model.MetricNameLabel]
			noises[name] = append(noises[name], noise)
		}
	}
	out := make(map[string]float64, len(noises))
	for name, all := range noises {
		slices.Sort(all)
		out[name] = score.Quantile(all, .25)
	}
	return out
}

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
		if last[i] >= len(t.values)-quiet || last[i] < n/2 || h.after >= h.before || !steady {
			last[i] = -1
		}
		last[i]++
	}
	return last
}

// endedSuspect is the change of a series that has no values now. With its whole target it is as sure as can be.
func endedSuspect(t *trackedSeries, values []float64, n, at int) suspect {
	past := slices.Sorted(slices.Values(values[:min(max(n/2, 1), len(values))]))
	return suspect{trackedSeries: *t, ended: true, Change: score.Change{
		Score: score.MaxScore, At: at, Before: score.Quantile(past, .5), After: math.NaN(), Lasted: len(t.values) - at, Share: 1,
	}}
}

// compareWithPreviousDay takes back the confidence in changes that are nothing new: what a series also does at other
// times, such as an hourly job, is no finding. It stays ranked, for an incident may come back daily.
func (inv *investigation) compareWithPreviousDay(ctx context.Context, found []suspect) {
	asked := 0
	for i := range found {
		s := &found[i]
		if !s.confident || s.ended {
			continue
		}
		if asked++; asked > maxDayChecks {
			return
		}
		quantile := "0.99"
		if !s.Up {
			quantile = "0.01"
		}
		v, err := inv.prom.Instant(ctx, "quantile_over_time("+quantile+", ("+s.query+")[1d:1m])", inv.start)
		if err != nil || len(v) != 1 {
			continue
		}
		if half := (s.Before + s.After) / 2; s.Up == (float64(v[0].Value) > half) {
			s.seenBefore, s.confident = true, false
		}
	}
}

// isOwnSignal reports whether a series is part of the alert's own signal.
func (inv *investigation) isOwnSignal(labels map[string]string) bool {
	for _, sel := range inv.signalSelectors() {
		if sel.Name == "" || sel.Name != labels[model.MetricNameLabel] {
			continue
		}
		matches := true
		for _, m := range sel.LabelMatchers {
			matches = matches && m.Matches(labels[m.Name])
		}
		for name, value := range inv.targetLabels() {
			matches = matches && (labels[name] == value || labels[name] == "")
		}
		if matches {
			return true
		}
	}
	return false
}

// ownerLabels lists the labels that say what a series belongs to; the first that it has names it to people.
var ownerLabels = []string{"pod", "instance", "service", "app", "deployment", "statefulset", "node", "job", "namespace", "cluster"}

// targetOf returns what a series belongs to, as text that two series share if they belong to the same.
func targetOf(labels map[string]string) string {
	var parts []string
	for _, name := range ownerLabels {
		if value := labels[name]; value != "" {
			parts = append(parts, name+"="+value)
		}
	}
	return strings.Join(parts, ",")
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

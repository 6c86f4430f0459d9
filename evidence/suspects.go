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

// suspect is a track that changed.
type suspect struct {
	track
	score.Change

	since time.Time
	ended bool // there are no values any more; After is NaN
	sure  bool // see change.confident
	usual bool // it was as far from its usual level at other times of the day before
}

// The bounds of the ranking.
const (
	maxRanked    = 50
	maxOfTarget  = 5 // that many of one target, so that one target's hundred metrics don't hide all others
	maxSecondary = 3 // suspects that are held against the day before
)

// suspects ranks the series around the alert by how far they changed about the onset.
func suspects(ctx context.Context, q *inquiry) ([]incident.Evidence, error) {
	circles, err := q.circles(ctx)
	if err != nil || len(circles) == 0 {
		return nil, err
	}
	if err := counts(ctx, q, circles); err != nil {
		return nil, fmt.Errorf("counting series around the alert: %w", err)
	}
	interval := q.interval(ctx, circles)
	g := score.NewGrid(q.start, q.end, max(interval, niceStep(q.end.Sub(q.start)/suspectPoints)))
	batches, left := plan(circles, g.N)
	if len(batches) == 0 {
		return nil, nil
	}
	tracks, err := q.fetch(ctx, batches, g, max(4*interval, g.Step).Truncate(g.Step))
	if len(tracks) == 0 {
		return nil, err
	}
	found, judged := judge(tracks, g, g.Before(q.onset))
	for i := range found {
		found[i].since = g.At(found[i].At)
	}
	q.holdAgainstTheDayBefore(ctx, found)
	return []incident.Evidence{q.showSuspects(found, g, judged, left, err)}, nil
}

// interval finds how often the alert's surroundings are scraped, from the samples of one metric.
func (q *inquiry) interval(ctx context.Context, circles []*circle) time.Duration {
	const over = 10 * time.Minute
	for _, c := range circles {
		if len(c.names) == 0 {
			continue
		}
		sel := c.selector(promql.Matcher{Label: model.MetricNameLabel, Op: "=", Value: slices.Min(slices.Collect(maps.Keys(c.names)))})
		v, err := q.prom.Instant(ctx, "quantile(0.5, count_over_time("+sel+"["+promql.FormatDuration(over)+"]))", q.onset)
		if err == nil && len(v) == 1 && v[0].Value >= 1 {
			return niceStep(time.Duration(float64(over) / float64(v[0].Value)).Truncate(time.Second))
		}
	}
	return 15 * time.Second
}

// fetch asks the questions and makes tracks of the answers. It returns what it got, and the first error.
func (q *inquiry) fetch(ctx context.Context, batches []batch, g score.Grid, window time.Duration) ([]track, error) {
	k := metricKinds(ctx, q)
	parts, errs := make([][]track, len(batches)), make([]error, len(batches))
	slots := make(chan struct{}, 3) // leave room for the other collectors, and for memory
	var wg sync.WaitGroup
	for i, b := range batches {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			m, err := q.prom.Range(ctx, b.query(), g.Start, g.End(), g.Step)
			if err != nil {
				errs[i] = fmt.Errorf("reading the series around the alert: %w", err)
				return
			}
			parts[i] = q.tracks(m, g, k, window)
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

// judge scores the tracks, of which the first n times are before the onset, and returns those that changed, most
// first, and how many had a past to be judged by.
func judge(tracks []track, g score.Grid, n int) (found []suspect, judged int) {
	quietest, last := floors(tracks, n), departed(tracks, n)
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
			found = append(found, ended(t, values, n, last[i]))
			continue
		}
		c, ok := s.Score(values, past, quietest[t.labels[model.MetricNameLabel]])
		if !ok {
			continue
		}
		judged++
		c.At = at[c.At]
		found = append(found, suspect{track: *t, Change: c})
	}
	for i := range found {
		found[i].sure = found[i].Confident(judged)
	}
	slices.SortFunc(found, func(a, b suspect) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.At, b.At), cmp.Compare(a.query, b.query))
	})
	return found, judged
}

// floors returns the least noise of each metric: what the quieter quarter of its series have. A series that was dead
// flat would else be suspected for what is nothing in the others.
func floors(tracks []track, n int) map[string]float64 {
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

// departed returns, for each track that was there until about the onset and has no values since, the time after its
// last one; 0 for all others. A series that another one of the same kind replaced, as in a rollout, has not departed.
func departed(tracks []track, n int) []int {
	type head struct{ before, after int }
	heads := map[string]*head{} // of a metric, whatever pod or instance it comes from
	last := make([]int, len(tracks))
	const quiet = 3
	for i := range tracks {
		t := &tracks[i]
		h := heads[t.kind()]
		if h == nil {
			h = &head{}
			heads[t.kind()] = h
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
		h := heads[t.kind()]
		past := score.Finite(t.values[:n])
		steady := len(past) >= score.MinPast && len(past)*10 >= n*8
		if last[i] >= len(t.values)-quiet || last[i] < n/2 || h.after >= h.before || !steady {
			last[i] = -1
		}
		last[i]++
	}
	return last
}

// ended is the change of a series that has no values any more. With its whole target it is as sure as can be.
func ended(t *track, values []float64, n, at int) suspect {
	past := slices.Sorted(slices.Values(values[:min(max(n/2, 1), len(values))]))
	return suspect{track: *t, ended: true, Change: score.Change{
		Score: score.MaxScore, At: at, Before: score.Quantile(past, .5), After: math.NaN(), Lasted: len(t.values) - at, Share: 1,
	}}
}

// holdAgainstTheDayBefore takes back the confidence in changes that are nothing new: what a series also does at other
// times, such as an hourly job, is no finding. It stays ranked, for an incident may come back daily.
func (q *inquiry) holdAgainstTheDayBefore(ctx context.Context, found []suspect) {
	asked := 0
	for i := range found {
		s := &found[i]
		if !s.sure || s.ended {
			continue
		}
		if asked++; asked > maxSecondary {
			return
		}
		quantile := "0.99"
		if !s.Up {
			quantile = "0.01"
		}
		v, err := q.prom.Instant(ctx, "quantile_over_time("+quantile+", ("+s.query+")[1d:1m])", q.start)
		if err != nil || len(v) != 1 {
			continue
		}
		if half := (s.Before + s.After) / 2; s.Up == (float64(v[0].Value) > half) {
			s.usual, s.sure = true, false
		}
	}
}

// isOwn reports whether a series is part of the alert's own signal.
func (q *inquiry) isOwn(labels map[string]string) bool {
	for _, sel := range q.signalSelectors() {
		if sel.Name == "" || sel.Name != labels[model.MetricNameLabel] {
			continue
		}
		matches := true
		for _, m := range sel.LabelMatchers {
			matches = matches && m.Matches(labels[m.Name])
		}
		for name, value := range q.identity() {
			matches = matches && (labels[name] == value || labels[name] == "")
		}
		if matches {
			return true
		}
	}
	return false
}

// belongs lists the labels that say what a series belongs to; the first that it has names it to people.
var belongs = []string{"pod", "instance", "service", "app", "deployment", "statefulset", "node", "job", "namespace", "cluster"}

// targetOf returns what a series belongs to, as text that two series share if they belong to the same.
func targetOf(labels map[string]string) string {
	var parts []string
	for _, name := range belongs {
		if value := labels[name]; value != "" {
			parts = append(parts, name+"="+value)
		}
	}
	return strings.Join(parts, ",")
}

// volatile lists the labels that a replacement has anew.
var volatile = []string{"pod", "instance", "node", "host", "hostname", "id", "uid", "container_id", "image", "image_id", "pod_ip", "host_ip"}

// kind returns what a series has in common with those that may replace it.
func (t *track) kind() string {
	labels := maps.Clone(t.labels)
	for _, name := range volatile {
		delete(labels, name)
	}
	return promql.SeriesText(labels)
}

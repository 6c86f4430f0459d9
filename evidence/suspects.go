package evidence

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
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
	stopped    bool // it ended with its whole target
	confident  bool // see Change.Confident
	early      bool // see Change.Early
	seenBefore bool // it was as far from its usual level at other times of the day before

	bar     float64       // the score from which it may be trusted
	unended *score.Change // of a series that ended: what its values did until then; nil for too few

	// What the order goes by.
	group       string  // key of the group that it is in
	weight      float64 // of the change
	explained   float64 // the part of the weight that calls explain, 0 to 1
	explainedBy string  // key of the group that explains it
}

// The bounds of the ranking.
const (
	maxRanked    = 50
	maxDayChecks = 3 // suspects that are held against the day before
	leadSteps    = 60
)

// findSuspects ranks what the series around the alert belong to by how they changed about the onset.
func findSuspects(ctx context.Context, inv *investigation) ([]incident.Evidence, error) {
	scopes, err := inv.scopes(ctx)
	if err != nil || len(scopes) == 0 {
		return nil, err
	}
	if err := countScopes(ctx, inv, scopes); err != nil {
		return nil, fmt.Errorf("counting related series: %w", err)
	}
	g, interval := inv.suspectGrid(ctx, scopes)
	plan := planBatches(scopes, g.N)
	f := &fetcher{inv: inv, g: g, window: max(4*interval, g.Step).Truncate(g.Step), types: askMetricTypes(ctx, inv)}
	tracks, err := f.fetch(ctx, plan)
	if len(plan.batches) == 0 && len(tracks) == 0 {
		return nil, err
	}
	tracks = inv.dropUnrelatedCalls(inv.dropOwnRuntime(tracks))
	if len(inv.partial()) > 0 { // whether they have ended is not known
		tracks = withoutEnded(tracks, g.Before(inv.onset))
	}
	if len(tracks) == 0 {
		return nil, err
	}
	r := rankTracks(tracks, g, g.Before(inv.onset))
	inv.compareWithPreviousDay(ctx, r.groups)
	r.left, r.sampled, r.err = plan.left, plan.sampled(), err
	return []incident.Evidence{inv.suspectsItem(r)}, nil
}

// suspectGrid returns the times to look at, and how often the alert's surroundings are scraped. Rows that are minutes
// apart are looked at for longer, since a few of them are no past.
func (inv *investigation) suspectGrid(ctx context.Context, scopes []*seriesScope) (score.Grid, time.Duration) {
	interval := inv.scrapeInterval(ctx, scopes)
	start := inv.start
	if lead := min(leadSteps*interval, maxLead); interval > time.Minute && inv.onset.Sub(start) < lead {
		start = inv.onset.Add(-lead).Truncate(time.Second)
	}
	step := max(interval, niceStep(inv.end.Sub(inv.start)/pointsPerSeries))
	return score.NewGrid(start, inv.end, step), interval
}

// suspectRanking is what was found.
type suspectRanking struct {
	grid     score.Grid
	groups   []*suspectGroup // the likeliest cause first
	judged   int             // series that had a past to be judged by
	owners   int             // what they belong to
	appeared []appeared      // series that were not there when the window began
	common   *commonEnd      // nil for none
	left     int             // series that were not looked at
	sampled  int             // series of which only those that changed most were looked at
	err      error           // why some could not be read
}

// rankTracks scores the series, whose first n times are before the onset, and orders what they belong to.
func rankTracks(tracks []trackedSeries, g score.Grid, n int) suspectRanking {
	r := suspectRanking{grid: g, appeared: appearedSeries(tracks, g)}
	found, judged := scoreSeries(tracks, g, n)
	r.judged = judged
	r.common = judgeEnds(found, g.Step)
	for i := range found {
		found[i].since = g.At(found[i].At)
	}
	r.groups = groupSuspects(found)
	r.owners = len(r.groups)
	return r
}

// scrapeInterval finds how often the alert's surroundings are scraped, from the samples of one metric: those of a minute, or of ten
// minutes where they are few. A server that is younger than that has fewer of them.
func (inv *investigation) scrapeInterval(ctx context.Context, scopes []*seriesScope) time.Duration {
	for _, c := range scopes {
		if len(c.names) == 0 {
			continue
		}
		sel := c.selector(promql.Equals(model.MetricNameLabel, slices.Min(slices.Collect(maps.Keys(c.names)))))
		perMinute := "quantile(0.5, count_over_time(" + sel + "[1m])) > 3 or quantile(0.5, count_over_time(" + sel + "[10m])) / 10"
		v, err := inv.prom.Instant(ctx, perMinute, inv.onset)
		if err == nil && len(v) == 1 && v[0].Value >= .1 {
			return niceStep(time.Duration(float64(time.Minute) / float64(v[0].Value)).Truncate(time.Second))
		}
	}
	return 15 * time.Second
}

// scoreSeries scores the series, whose first n times are before the onset, and returns those that changed, most
// first, and how many had a past to be judged by.
func scoreSeries(tracks []trackedSeries, g score.Grid, n int) (found []suspect, judged int) {
	quietest, last := noiseFloors(tracks, n), endedSeries(tracks, n)
	var s score.Scorer
	var learned score.Calibration
	for i := range tracks {
		t := &tracks[i]
		at, values, past := finiteRows(t.values, g.N, n)
		floor := quietest[t.labels[model.MetricNameLabel]]
		c, ok := s.Score(values, past, floor)
		if last[i] > 0 {
			judged++
			e := endedSuspect(t, values, n, last[i])
			if e.Past = past; ok {
				c.At = at[c.At]
				e.unended = &c
			}
			found = append(found, e)
			continue
		}
		if !ok {
			continue
		}
		judged++
		learned.Learn(values[:settledPast(past)], len(values)-past, floor)
		c.At = at[c.At]
		found = append(found, suspect{trackedSeries: *t, Change: c})
	}
	bar := learned.Bar(judged)
	for i := range found {
		s := &found[i]
		s.bar = max(bar, score.Bar(judged, s.Past))
		s.confident, s.early = s.Confident(s.bar), s.Early(s.bar)
	}
	slices.SortFunc(found, func(a, b suspect) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.At, b.At), cmp.Compare(a.query, b.query))
	})
	return found, judged
}

// finiteRows returns the values that are there, their places, and how many are before the onset.
func finiteRows(row []float64, most, n int) (at []int, values []float64, past int) {
	at, values = make([]int, 0, most), make([]float64, 0, most)
	for j, v := range row {
		if math.IsNaN(v) {
			continue
		}
		if j < n {
			past++
		}
		at, values = append(at, j), append(values, v)
	}
	return at, values, past
}

// settledPast returns how many of n past values are before the fault even if the onset was told late; of few, all.
func settledPast(n int) int {
	if n < 30 {
		return n
	}
	return n * 4 / 5
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

// compareWithPreviousDay takes back the confidence in changes that are nothing new: what a series also does at other
// times, such as an hourly job, is no finding. It stays ranked, for an incident may come back daily, but another change of
// the same group speaks for it if there is one.
func (inv *investigation) compareWithPreviousDay(ctx context.Context, groups []*suspectGroup) {
	asked := 0
	for _, g := range groups {
		for s := g.lead(); s.confident && !s.ended && !s.aggregated && asked < maxDayChecks; s = g.lead() {
			if asked++; !inv.seenDayBefore(ctx, s) {
				break
			}
			s.seenBefore, s.confident = true, false
			s.weight *= usualPart
			g.weight = 0
			for _, s := range g.series {
				g.weight = max(g.weight, s.unexplained())
			}
			slices.SortStableFunc(g.series, compareInGroup)
		}
	}
	slices.SortStableFunc(groups, compareGroups)
}

// usualPart is what a change weighs that was also seen the day before.
const usualPart = .3

// seenDayBefore reports whether a series was more than half as far off for some time of the day before the window.
func (inv *investigation) seenDayBefore(ctx context.Context, s *suspect) bool {
	quantile := "0.99"
	if !s.Up {
		quantile = "0.01"
	}
	v, err := inv.prom.Instant(ctx, "quantile_over_time("+quantile+", ("+s.query+")[1d:1m])", inv.start)
	if err != nil || len(v) != 1 {
		return false
	}
	return s.Up == (float64(v[0].Value) > (s.Before+s.After)/2)
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

package evidence

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/score"
)

// batch is one question: metrics of one scope.
type batch struct {
	scope  *seriesScope
	names  []string
	series int
}

func (b batch) selector() string {
	quoted := make([]string, len(b.names))
	for i, name := range b.names {
		quoted[i] = regexp.QuoteMeta(name)
	}
	return b.scope.selector(promql.Matcher{Label: model.MetricNameLabel, Op: "=~", Value: strings.Join(quoted, "|")})
}

// fetchPlan is what is asked for.
type fetchPlan struct {
	batches []batch // read whole
	large   []batch // what is too much for that, one for each scope: those series are read that changed most
	left    int     // series that are not looked at
}

// sampled returns how many series are looked at only if they are among those that changed most.
func (p fetchPlan) sampled() int {
	n := 0
	for _, b := range p.large {
		n += b.series
	}
	return n
}

// The bounds of what is searched for the series that changed most, which takes the server longer than the rest.
const (
	maxLarge       = 2     // scopes
	maxLargeSeries = 6_000 // of one scope, or its smallest such metric alone
)

// planBatches divides what the scopes hold into questions with bounded answers: narrow scopes first, and in each the
// metrics with few series, since they say most with least.
func planBatches(scopes []*seriesScope, points int) fetchPlan {
	var p fetchPlan
	room := maxValues / points
	most := max(maxBatchValues/points, 1)
	for _, c := range scopes {
		names := slices.SortedFunc(maps.Keys(c.names), func(a, b string) int {
			return cmp.Or(cmp.Compare(c.names[a], c.names[b]), cmp.Compare(a, b))
		})
		current, large := batch{scope: c}, batch{scope: c}
		flush := func() {
			if len(current.names) > 0 {
				p.batches = append(p.batches, current)
			}
			current = batch{scope: c}
		}
		for _, name := range names {
			n := c.names[name]
			if current.series+n > most {
				flush()
			}
			if n > room || n > 2*most || len(p.batches) == maxBatches {
				if large.series > 0 && large.series+n > maxLargeSeries {
					p.left += n
					continue
				}
				large.names, large.series = append(large.names, name), large.series+n
				continue
			}
			room -= n
			current.names, current.series = append(current.names, name), current.series+n
		}
		flush()
		switch {
		case large.series == 0:
		case len(p.large) == maxLarge:
			p.left += large.series
		default:
			p.large = append(p.large, large)
		}
	}
	return p
}

// fetcher reads series.
type fetcher struct {
	inv    *investigation
	g      score.Grid
	window time.Duration // of rates
	types  score.MetricTypes
}

// fetch asks the questions and makes series of the answers. It returns what it got, and the first error.
func (f *fetcher) fetch(ctx context.Context, plan fetchPlan) ([]trackedSeries, error) {
	type question func() ([]trackedSeries, error)
	var questions []question
	for _, b := range plan.batches {
		questions = append(questions, func() ([]trackedSeries, error) { return f.read(ctx, b.selector()) })
	}
	for _, b := range plan.large {
		for _, counters := range []bool{false, true} {
			if part := b.ofType(f.types, counters); len(part.names) > 0 {
				questions = append(questions, func() ([]trackedSeries, error) { return f.read(ctx, f.mostChanged(part, counters)) })
			}
		}
	}
	questions = append(questions,
		func() ([]trackedSeries, error) { return f.readCalls(ctx) },
		func() ([]trackedSeries, error) { return f.readSiblings(ctx) },
	)
	parts, errs := make([][]trackedSeries, len(questions)), make([]error, len(questions))
	slots := make(chan struct{}, 3) // leave room for the other collectors, and for memory
	var wg sync.WaitGroup
	for i, ask := range questions {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			parts[i], errs[i] = ask()
		})
	}
	wg.Wait()
	tracks := distinct(slices.Concat(parts...))
	for _, err := range errs {
		if err != nil {
			return tracks, err
		}
	}
	return tracks, nil
}

// distinct drops series that were read twice.
func distinct(tracks []trackedSeries) []trackedSeries {
	seen := make(map[string]bool, len(tracks))
	return slices.DeleteFunc(tracks, func(t trackedSeries) bool {
		again := seen[t.query]
		seen[t.query] = true
		return again
	})
}

// read asks one question.
func (f *fetcher) read(ctx context.Context, query string) ([]trackedSeries, error) {
	m, err := f.inv.prom.Range(ctx, query, f.g.Start, f.g.End(), f.g.Step)
	if err != nil {
		return nil, fmt.Errorf("reading related series: %w", err)
	}
	return f.inv.trackSeries(m, f.g, f.types, f.window), nil
}

// ofType returns the counters of a batch, or the rest.
func (b batch) ofType(types score.MetricTypes, counters bool) batch {
	out := batch{scope: b.scope, series: b.series}
	for _, name := range b.names {
		if (types.Of(name) != model.MetricTypeGauge) == counters {
			out.names = append(out.names, name)
		}
	}
	return out
}

// sampledLabel holds the metric's name while the server reckons with it, which drops the name.
const sampledLabel = "alertscribe_metric"

// mostChanged returns a query for those of many series that changed most since the onset, held against how they changed
// before. The server reckons by a few values of each, so that it is quick; all values of what it finds are then read.
func (f *fetcher) mostChanged(b batch, counters bool) string {
	at := func(t time.Time) string {
		seconds := strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64)
		return "label_replace(" + b.selector() + " @ " + seconds + `,"` + sampledLabel + `","$1","__name__","(.+)")`
	}
	end, before := f.g.End(), f.inv.onset.Add(-f.g.Step)
	span := max(min(end.Sub(f.inv.onset), f.inv.onset.Sub(f.g.Start)/3), 2*f.g.Step)
	var change, usual, size string
	if counters {
		since := "(" + at(end) + " - " + at(end.Add(-span)) + ")"
		first := "(" + at(before) + " - " + at(before.Add(-span)) + ")"
		second := "(" + at(before.Add(-span)) + " - " + at(before.Add(-2*span)) + ")"
		change, usual, size = since+" - "+first, first+" - "+second, "abs"+since+" + abs"+first
	} else {
		first, second := at(before), at(before.Add(-span))
		change, usual, size = at(end)+" - "+first, first+" - "+second, "abs("+at(end)+") + abs("+first+")"
	}
	worst := fmt.Sprintf("topk(%d, abs(%s) / (abs(%s) + 0.05 * (%s)))", maxSampled, change, usual, size)
	return "label_replace(" + b.selector() + `,"` + sampledLabel + `","$1","__name__","(.+)") and ` + worst
}

package evidence

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
)

const apiRules = `
groups:
- name: api
  rules:
  - alert: ApiErrors
    expr: sum(rate(api_errors_total{job="api"}[1m])) > 1
    for: 1m
`

// shop is an api with three instances, whose database grows slow after two hours. One instance ends soon after, and
// another one's errors begin to be counted only then.
func shop() *recording {
	const begin = 7200
	r := record(135*time.Minute, 15*time.Second)
	late := func(s, before, after float64) float64 {
		if s >= begin {
			return after
		}
		return before
	}
	wave := func(s, around, phase float64) float64 {
		return around * (1 + .04*math.Sin(s/53+phase) + .04*math.Sin(s/17+3*phase))
	}
	for i, instance := range []string{"a:1", "a:2", "a:3"} {
		labels, phase := `{job="api",namespace="shop",instance="`+instance+`"`, float64(i)
		alive := func(s, v float64) float64 {
			if instance == "a:3" && s > begin+60 {
				return math.NaN()
			}
			return v
		}
		requests := r.counterOf(func(s float64) float64 { return wave(s, 50, phase) })
		observed := r.counterOf(func(s float64) float64 { return wave(s, 50, phase) * wave(s, late(s, .05, .4), phase+1) })
		r.add(`api_duration_seconds_count`+labels+`}`, func(s float64) float64 { return alive(s, requests(s)) })
		r.add(`api_duration_seconds_sum`+labels+`}`, func(s float64) float64 { return alive(s, observed(s)) })
		r.add(`api_duration_seconds_bucket`+labels+`,le="+Inf"}`, func(s float64) float64 { return alive(s, requests(s)) })
		r.add(`process_resident_memory_bytes`+labels+`}`, func(s float64) float64 { return alive(s, wave(s, 3e8, phase)) })
		r.add(`process_start_time_seconds`+labels+`}`, func(s float64) float64 { return alive(s, late(s, 1.7e9, 1.8e9)) })
		r.add(`go_info`+labels+`,version="go1"}`, func(float64) float64 { return 1 })
	}
	errs := r.counterOf(func(s float64) float64 { return late(s, 0, 3) })
	r.add(`api_errors_total{job="api",namespace="shop",instance="a:1",code="500"}`, func(s float64) float64 {
		if s < begin+30 {
			return math.NaN()
		}
		return errs(s)
	})
	r.add(`db_slow_queries{job="db",namespace="shop",instance="d:1"}`, func(s float64) float64 { return math.Round(late(s-45, 2, 40)) })
	r.add(`db_connections{job="db",namespace="shop",instance="d:1"}`, func(s float64) float64 { return wave(s, 30, 1) })
	r.add(`elsewhere{job="x",namespace="other",instance="x:1"}`, func(s float64) float64 { return late(s, 1, 100) })
	return r
}

// counterOf returns a counter of a rate, for series that are not always there.
func (r *recording) counterOf(rate func(s float64) float64) func(s float64) float64 {
	r.counter("scratch", rate)
	value := r.lines["scratch"]
	delete(r.lines, "scratch")
	return value
}

func suspectsOf(t *testing.T, c *Collector, inc *incident.Incident) incident.Evidence {
	t.Helper()
	items := ofKind(c.Collect(t.Context(), inc, nil).Items, incident.KindSuspects)
	require.Len(t, items, 1)
	require.False(t, items[0].Failed, items[0].Summary)
	return items[0]
}

func rankOf(e incident.Evidence, name string, labels ...string) int {
	for i, r := range e.Ranking {
		ok := r.Labels["__name__"] == name
		for _, l := range labels {
			k, v, _ := strings.Cut(l, "=")
			ok = ok && r.Labels[k] == v
		}
		if ok {
			return i
		}
	}
	return -1
}

func TestSuspects(t *testing.T) {
	r := shop()
	p := r.serve(t, apiRules)
	begin := r.at(7200)
	inc := firingIncident(begin.Add(2*time.Minute), "", "alertname=ApiErrors")
	c := collectorAt(t, p.URL, r.end())
	e := suspectsOf(t, c, inc)

	t.Run("what changed is ranked, a service once", func(t *testing.T) {
		leads := slices.DeleteFunc(slices.Clone(e.Ranking), func(r incident.RankedSeries) bool { return r.Lead > 0 })
		require.Len(t, leads, 2)
		assert.Equal(t, leads, e.Ranking[:2], "what else of them moved comes after")
		jobs := []string{e.Ranking[0].Labels["job"], e.Ranking[1].Labels["job"]}
		assert.ElementsMatch(t, []string{"api", "db"}, jobs)
		got := e.Ranking[rankOf(e, "db_slow_queries", "job=db")]
		assert.Equal(t, []any{"up", 2., 40.}, []any{got.Direction, got.Before, got.After})
		assert.WithinDuration(t, begin, got.Onset, 75*time.Second)
		for _, r := range leads {
			assert.Greater(t, r.Score, 10., r.Labels)
		}
	})
	t.Run("what else of it moved is told", func(t *testing.T) {
		all := ""
		for _, row := range e.Table.Rows {
			all += strings.Join(row, " ") + "\n"
		}
		for _, name := range []string{"api_duration_seconds", "db_slow_queries", "api_errors_total"} {
			assert.Contains(t, all, name)
		}
		assert.NotContains(t, all, "db_connections", "what did not is not shown")
	})
	t.Run("parts, constants and strangers are not", func(t *testing.T) {
		for _, name := range []string{"api_duration_seconds_bucket", "api_duration_seconds_sum", "go_info", "process_start_time_seconds", "elsewhere"} {
			assert.Equal(t, -1, rankOf(e, name), name)
		}
	})
	t.Run("it is said", func(t *testing.T) {
		assert.Contains(t, e.Summary, "changed clearly")
		assert.LessOrEqual(t, len(e.Table.Rows), suspectRows)
		for _, row := range e.Table.Rows {
			assert.Len(t, row, len(e.Table.Columns))
		}
		require.NotEmpty(t, e.Chart.Series)
		assert.NotEmpty(t, e.Chart.Series[0].Points)
		assert.Contains(t, e.Link, "g0.expr=")
	})
	t.Run("the queries bring it again", func(t *testing.T) {
		q := querierAt(t, p.URL, 10)
		m, err := q.Range(t.Context(), e.Query, e.Start, e.End, time.Minute)
		require.NoError(t, err)
		assert.Len(t, m, 1, e.Query)
	})
	t.Run("in Chinese", func(t *testing.T) {
		c := collectorAt(t, p.URL, r.end(), func(o *Options) { o.Language = "zh" })
		assert.Contains(t, suspectsOf(t, c, inc).Summary, "明显变化")
	})
	t.Run("few queries", func(t *testing.T) {
		inv := c.investigate(t.Context(), inc, 60)
		before := inv.prom.Budget().Used()
		_, err := findSuspects(t.Context(), inv)
		require.NoError(t, err)
		assert.LessOrEqual(t, int(inv.prom.Budget().Used()-before), 25)
	})
	t.Run("before anything happened nothing stands out", func(t *testing.T) {
		quiet := r.at(5400)
		e := suspectsOf(t, collectorAt(t, p.URL, quiet.Add(5*time.Minute)), firingIncident(quiet, "", "alertname=Other namespace=shop"))
		assert.Contains(t, e.Summary, "None of")
		assert.False(t, confidently(e))
	})
	t.Run("with no budget it says so", func(t *testing.T) {
		c := collectorAt(t, p.URL, r.end(), func(o *Options) { o.MaxQueries = 1 })
		items := ofKind(c.Collect(t.Context(), inc, nil).Items, incident.KindSuspects)
		require.Len(t, items, 1)
		assert.True(t, items[0].Failed)
	})
}

// TestUsualIsNoFinding has a job that runs every two hours: the hour before the alert does not show it, the day does.
func TestUsualIsNoFinding(t *testing.T) {
	r := record(20*time.Hour, time.Minute)
	r.add(`batch_rows{job="batch"}`, func(s float64) float64 {
		if math.Mod(s+600, 7200) < 900 {
			return 5000
		}
		return 10 + math.Mod(s/60, 3)
	})
	r.add(`batch_queue{job="batch"}`, func(s float64) float64 {
		if s > r.at(0).Sub(r.start).Seconds()+71_000 {
			return 900
		}
		return 20 + math.Mod(s/60, 4)
	})
	r.add(`hourly_rows{job="hourly"}`, r.lines[`batch_rows{job="batch"}`])
	p := r.serve(t, "")
	e := suspectsOf(t, collectorAt(t, p.URL, r.end()), firingIncident(r.end().Add(-9*time.Minute), "", "alertname=Slow job=batch"))
	require.Len(t, e.Table.Rows, 1)
	assert.Equal(t, []string{`job="batch"`, "batch_queue{}", msgNoteSure.en}, []string{e.Table.Rows[0][0], e.Table.Rows[0][1] + "{}", e.Table.Rows[0][6]})
	assert.Contains(t, e.Summary, "batch_queue")

	e = suspectsOf(t, collectorAt(t, p.URL, r.end()), firingIncident(r.end().Add(-9*time.Minute), "", "alertname=Slow job=hourly"))
	assert.Equal(t, msgNoteUsual.en, e.Table.Rows[0][6])
	assert.Contains(t, e.Summary, "None of 1 related series")
}

// TestSmallServerIsSearchedWhole has the cause where the alert's labels do not lead.
func TestSmallServerIsSearchedWhole(t *testing.T) {
	r := record(90*time.Minute, 15*time.Second)
	r.add(`shop_latency_seconds{job="shop",instance="s:1"}`, func(s float64) float64 { return .1 + .01*math.Mod(s/15, 3) + spike(s > 5000, .5) })
	r.add(`disk_busy_ratio{job="disks",instance="d:1"}`, func(s float64) float64 { return .1 + .01*math.Mod(s/15, 4) + spike(s > 4900, .8) })
	r.add(`prometheus_notifications_sent_total{job="prometheus",instance="p:1"}`, func(s float64) float64 { return spike(s > 5000, s) })
	r.add(`scrape_samples_scraped{job="shop",instance="s:1"}`, func(float64) float64 { return 1 })
	p := r.serve(t, "")
	fired := r.at(5060)
	e := suspectsOf(t, collectorAt(t, p.URL, r.end()), firingIncident(fired, "", "alertname=Slow job=shop instance=s:1"))
	assert.GreaterOrEqual(t, rankOf(e, "disk_busy_ratio"), 0)
	assert.Equal(t, -1, rankOf(e, "prometheus_notifications_sent_total"), "that an alert is sent is not why")
	assert.Equal(t, -1, rankOf(e, "scrape_samples_scraped"))
	assert.Contains(t, e.Summary, "It moved first")
}

func TestPlan(t *testing.T) {
	near := &seriesScope{matchers: []promql.Matcher{promql.Equals("pod", "p")}, names: map[string]int{"a": 5, "b": 50, "huge": 900}}
	far := &seriesScope{matchers: []promql.Matcher{promql.Equals("namespace", "n")}, names: map[string]int{"c": 10, "d": 190, "e": 190}}
	plan := planBatches([]*seriesScope{near, far}, 300)
	assert.Zero(t, plan.left)
	assert.Equal(t, 900, plan.sampled(), "what is too much is not left out")
	assert.Equal(t, []string{"huge"}, plan.large[0].names)
	var got []string
	for _, b := range plan.batches {
		got = append(got, strings.Join(b.names, "|"))
		assert.LessOrEqual(t, b.series*300, 2*maxBatchValues)
	}
	assert.Equal(t, []string{"a|b", "c|d", "e"}, got)
	assert.Equal(t, `{pod="p",__name__=~"a|b"}`, plan.batches[0].selector())
	_, err := promql.Parse(plan.batches[0].selector())
	require.NoError(t, err)

	many := &seriesScope{names: map[string]int{}}
	for i := range 100 {
		many.names[strings.Repeat("m", i+1)] = 150
	}
	plan = planBatches([]*seriesScope{many}, 300)
	assert.LessOrEqual(t, len(plan.batches), maxBatches)
	series := 0
	for _, b := range plan.batches {
		series += b.series
	}
	assert.Equal(t, 100*150, series+plan.sampled()+plan.left)
}

func TestDeparted(t *testing.T) {
	pod := func(name string, from, to int) trackedSeries {
		t := trackedSeries{labels: map[string]string{"__name__": "m", "pod": name, "job": "j"}, values: []float64{}}
		for i := range 60 {
			v := math.NaN()
			if i >= from && i < to {
				v = 1
			}
			t.values = append(t.values, v)
		}
		return t
	}
	assert.Equal(t, []int{0, 42}, endedSeries([]trackedSeries{pod("a", 0, 60), pod("b", 0, 42)}, 40), "one of two ended")
	assert.Equal(t, []int{0, 0}, endedSeries([]trackedSeries{pod("a", 0, 42), pod("b", 41, 60)}, 40), "one took the other's place")
	assert.Equal(t, []int{0, 0}, endedSeries([]trackedSeries{pod("a", 0, 60), pod("b", 0, 10)}, 40), "it had ended long before")
}

func TestAgree(t *testing.T) {
	labels := map[string]string{"service": "a"}
	found := model.Vector{
		{Metric: model.Metric{"service": "a", "job": "j", "instance": "1"}},
		{Metric: model.Metric{"service": "a", "job": "j", "instance": "2"}},
		{Metric: model.Metric{"service": "b", "job": "k", "instance": "3"}},
	}
	addAgreedLabels(labels, []string{"job", "instance", "namespace"}, []string{"service"}, found)
	assert.Equal(t, map[string]string{"service": "a", "job": "j"}, labels)
}

// TestScrapeInterval: a server that began a few minutes ago tells as well how often it scrapes.
func TestScrapeInterval(t *testing.T) {
	for _, tc := range []struct{ data, every time.Duration }{
		{2 * time.Minute, 5 * time.Second},
		{8 * time.Minute, 5 * time.Second},
		{2 * time.Minute, 15 * time.Second},
		{20 * time.Minute, 15 * time.Second},
		{20 * time.Minute, 30 * time.Second},
		{20 * time.Minute, time.Minute},
		{30 * time.Minute, 5 * time.Minute},
	} {
		t.Run(tc.data.String()+" of "+tc.every.String(), func(t *testing.T) {
			r := record(tc.data, tc.every)
			r.add(`queue_length{job="app",instance="a:1"}`, steps(1))
			p := r.serve(t, "")
			inv := newInvestigation(firingIncident(r.end(), "", "alertname=X job=app"), r.end())
			inv.prom = querierAt(t, p.URL, 10)
			scope := &seriesScope{matchers: []promql.Matcher{promql.Equals("job", "app")}, names: map[string]int{"queue_length": 1}}
			assert.Equal(t, tc.every, inv.scrapeInterval(t.Context(), []*seriesScope{scope}))
		})
	}
}

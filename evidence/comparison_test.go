package evidence

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

const oneDay = 24 * time.Hour

// days records three hours on each of three days: today, yesterday and a week ago. A value is given the number of days
// ago and the seconds since that day's onset, which today was 15 minutes ago.
func days() (r *recording, add func(series string, value func(ago int, second float64) float64)) {
	const step = 15 * time.Second
	r = record(8*oneDay, step)
	end := float64(r.count-1) * step.Seconds()
	return r, func(series string, value func(int, float64) float64) {
		r.add(series, func(s float64) float64 {
			for _, ago := range []int{0, 1, 7} {
				if since := s - (end - 900) + float64(ago)*oneDay.Seconds(); math.Abs(since) <= 3*3600 {
					return value(ago, since)
				}
			}
			return nan
		})
	}
}

func wobble(around, second float64) float64 { return around * (1 + .04*math.Sin(second/70)) }

// TestBefore holds a signal against the same hour of other days.
func TestBefore(t *testing.T) {
	r, add := days()
	rising := func(on ...int) func(int, float64) float64 {
		return func(ago int, s float64) float64 {
			for _, d := range on {
				if d == ago && s >= 0 && s < 1800 {
					return wobble(60, s)
				}
			}
			return wobble(2, s)
		}
	}
	add(`fresh_percent{job="api"}`, rising(0))
	add(`daily_percent{job="api"}`, rising(0, 1, 7))
	add(`weekly_percent{job="api"}`, rising(0, 7))
	add(`always_percent{job="api"}`, func(_ int, s float64) float64 { return wobble(60, s) })
	add(`spike_percent{job="api"}`, func(ago int, s float64) float64 {
		if ago == 1 && s == 300 {
			return 90
		}
		return rising(0)(ago, s)
	})
	add(`early_percent{job="api"}`, func(ago int, s float64) float64 {
		return rising(0, 1)(ago, s+float64(ago)*1200) // yesterday it came 20 minutes earlier
	})
	add(`over_percent{job="api"}`, func(ago int, s float64) float64 {
		return rising(0, 1)(ago, s+float64(ago)*1700) // it was over by the time at which it began today
	})
	add(`late_percent{job="api"}`, func(ago int, s float64) float64 {
		return rising(0, 1)(ago, s-float64(ago)*1200) // yesterday it came later than it is now
	})
	add(`restarted_percent{job="api"}`, func(ago int, s float64) float64 {
		if ago == 0 && s < 500 {
			return nan
		}
		return rising(0, 1)(ago, s+float64(ago)*1500-map[bool]float64{true: 780, false: 0}[ago == 0])
	})
	add(`morning_percent{job="api"}`, func(ago int, s float64) float64 {
		return rising(0, 1)(ago, s+float64(ago)*7000) // two hours earlier is another hour
	})
	add(`barely_percent{job="api"}`, func(ago int, s float64) float64 {
		if ago == 1 && s > 0 {
			return 12
		}
		return rising(0)(ago, s)
	})
	add(`restless_percent{job="api"}`, func(ago int, s float64) float64 { // today it is so noisy that it hardly changed
		switch {
		case ago > 0:
			return 0
		case s >= 0:
			return 21
		}
		return 80 * float64(boolToInt(int(math.Abs(s))/60%5 < 2))
	})
	add(`sinking_percent{job="api"}`, func(ago int, s float64) float64 { return 100 - rising(0, 1)(ago, s) })
	add(`new_percent{job="api"}`, func(ago int, s float64) float64 {
		if ago > 0 || s < 0 {
			return nan
		}
		return 60
	})
	add(`short_percent{job="api"}`, func(ago int, s float64) float64 {
		if ago == 7 {
			return nan
		}
		return rising(0)(ago, s)
	})
	add(`gone{job="api"}`, func(ago int, s float64) float64 {
		if ago == 0 && s >= 0 {
			return nan
		}
		return 1
	})
	add(`left{job="api"}`, func(ago int, s float64) float64 { return map[bool]float64{true: nan, false: 1}[ago < 2 && s >= 0] })
	add(`info{job="api"}`, func(int, float64) float64 { return 1 })
	add(`limit_percent{job="api"}`, func(int, float64) float64 { return 10 })
	add(`up{job="api",instance="a:80"}`, func(ago int, _ float64) float64 {
		if ago == 7 {
			return nan // Prometheus was not there yet, as far as one can tell
		}
		return 1
	})
	p := r.serve(t, "")
	const (
		number = `\d+(\.\d+)?`
		low    = `max 2\.\d+ %`
		this   = `; this time max 6\d(\.\d)? %\. `
	)
	tests := []struct{ name, expr, query, want string }{
		{"not seasonal", "fresh_percent > 10", "", "^Value at this hour: a day before " + low + ", a week before " + low + this + `It did not rise like this then\.$`},
		{
			"every day", "daily_percent > 10", "",
			"^Value at this hour: a day before max 6.*a week before max 6.*" + this + `It also rose like this a day before and a week before: maybe a daily pattern\.$`,
		},
		{"every week", "weekly_percent > 10", "", this + `It also rose like this a week before: maybe a weekly pattern\.$`},
		{"for long", "always_percent > 10", "", this + `It was also like this a day before and a week before, and before that hour: this may be nothing new\.$`},
		{"one sample is no rise", "spike_percent > 10", "", `^Value at this hour: a day before max 90 %, .* It did not rise like this then\.$`},
		{"twenty minutes earlier", "early_percent > 10", "", `It also rose like this a day before: maybe a daily pattern\.$`},
		{"half an hour earlier", "over_percent > 10", "", `It also rose like this a day before: maybe a daily pattern\.$`},
		{"twenty minutes later", "late_percent > 10", "", `It also rose like this a day before: maybe a daily pattern\.$`},
		{"two hours earlier", "morning_percent > 10", "", `a day before max 2\.\d+ %, .* It did not rise like this then\.$`},
		{"the condition alone", "barely_percent > 10", "", `a day before max 12 %, .* The condition was also met a day before, but the value moved less than half as far\.$`},
		{"under a moving threshold", "barely_percent > limit_percent", "", `The condition was also met a day before`},
		{"hardly changed, but not then", "restless_percent > 20", "", `a day before max 0 %, a week before max 0 %; .* It did not rise like this then\.$`},
		{"a fall", "sinking_percent < 50", "", `^Value at this hour: a day before min 3\d.* %, a week before min 9\d.*; this time min 3\d.* It also fell like this a day before`},
		{"no such series then", "new_percent > 10", "", `a day before no value with these labels, a week before no data at all; this time max 60 %\. It did not rise like this then\.$`},
		{"retention", "short_percent > 10", "", `a day before max 2\.\d+ %, a week before no data at all; .* It did not rise like this then\.$`},
		{"gone", "absent(gone)", "count(gone) or 0 * count(up)", `^Value at this hour: a day before min 1, a week before min 1; this time min 0\. It did not fall like this then\.$`},
		{"gone on other days too", "absent(left)", "count(left) or 0 * count(up)", `a day before min 0, .* It also fell like this a day before`},
		{"a guard is the condition", "info unless gone", `info{job="api"} unless gone{job="api"}`, `a day before no value with these labels, .*; this time max 1\. It did not rise`},
		{"nothing", "nowhere > 1", "", "^The expression has no value with this alert's labels in this window"},
	}
	c := collectorAt(t, p.URL, r.end())
	fired := r.end().Add(-10 * time.Minute)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			comparisons, answers := c.CounterEvidence(t.Context(), firingIncident(fired, test.expr, "alertname=X job=api"), nil)
			assert.Empty(t, answers)
			require.Len(t, comparisons, 3)
			item := comparisons[0]
			t.Log(item.Summary, item.Table)
			assert.Equal(t, incident.KindComparison, item.Kind)
			assert.Equal(t, "Was it like this before?", item.Title)
			require.False(t, item.Failed)
			assert.Regexp(t, test.want, item.Summary)
			if test.query != "" {
				assert.Equal(t, test.query, item.Query)
			}
		})
	}
	t.Run("a series that is new today", func(t *testing.T) {
		comparisons, _ := c.CounterEvidence(t.Context(), firingIncident(r.end().Add(-2*time.Minute), "restarted_percent > 10", "alertname=X job=api"), nil)
		t.Log(comparisons[0].Summary, comparisons[0].Table)
		assert.Less(t, comparisons[0].End.Sub(comparisons[0].Start), 10*time.Minute)
		assert.Regexp(t, `^Value at this hour: a day before max 6\S+ %, .* It also rose like this a day before`, comparisons[0].Summary)
	})
	t.Run("the chart and the table", func(t *testing.T) {
		comparisons, _ := c.CounterEvidence(t.Context(), firingIncident(fired, "daily_percent > 10", "alertname=X job=api"), nil)
		item := comparisons[0]
		assert.Equal(t, `daily_percent{job="api"}`, item.Query)
		assert.NotEmpty(t, item.Link)
		require.NotNil(t, item.Chart)
		require.Len(t, item.Chart.Series, 3)
		assert.InDelta(t, 10, *item.Chart.Threshold, 0)
		for i, name := range []string{"this time", "a day before", "a week before"} {
			s := item.Chart.Series[i]
			assert.Equal(t, name, s.Name)
			require.NotEmpty(t, s.Points)
			first, last := s.Points[0].At, s.Points[len(s.Points)-1].At
			assert.WithinDuration(t, item.Start, first, time.Minute)
			assert.False(t, last.After(item.End), "on the time axis of this day")
			assert.WithinDuration(t, item.End, last, time.Minute)
		}
		require.Len(t, item.Table.Rows, 3)
		for i, ago := range []int{0, 1, 7} {
			assert.Regexp(t, `^(1\.|2)\S* %$`, item.Table.Rows[i][1])
			assert.Regexp(t, `^6\S* %$`, item.Table.Rows[i][2])
			at, err := time.Parse("2006-01-02 15:04:05 UTC", item.Table.Rows[i][3])
			require.NoError(t, err)
			assert.WithinDuration(t, r.end().AddDate(0, 0, -ago), at, 10*time.Minute)
			assert.Equal(t, "yes", item.Table.Rows[i][4])
		}
	})
	t.Run("Chinese", func(t *testing.T) {
		c := collectorAt(t, p.URL, r.end(), func(o *Options) { o.Language = "zh" })
		comparisons, _ := c.CounterEvidence(t.Context(), firingIncident(fired, "daily_percent > 10", "alertname=X job=api"), nil)
		t.Log(comparisons[0].Summary)
		assert.Equal(t, "历史同期对比", comparisons[0].Title)
		assert.Regexp(t, "^同一时段对比：前一天最高 "+number+" %，一周前最高 "+number+" %；本次最高 "+number+" %。前一天和一周前同期也有类似的上升，可能是日周期规律。$", comparisons[0].Summary)
		assert.NotRegexp(t, `%!|\b(the|a|no)\b`, fmt.Sprint(comparisons))
	})
}

// TestPeersAndAlerts: other series of the expression, targets of the job, and what fires elsewhere.
func TestPeersAndAlerts(t *testing.T) {
	r := record(2*time.Hour, 15*time.Second)
	const onset = 6600
	after := func(before, then float64) func(float64) float64 {
		return func(s float64) float64 {
			if s < onset {
				return wobble(before, s)
			}
			return wobble(then, s)
		}
	}
	for i := range 10 {
		instance := fmt.Sprintf(`instance="%d:80"}`, i)
		r.add(`local{job="api",`+instance, after(5, map[bool]float64{true: 90, false: 6}[i == 0]))
		r.add(`global{job="api",`+instance, after(5, map[bool]float64{true: 90, false: 6}[i < 7]))
		r.add(`limit{job="limits",`+instance, after(20, 20))
		r.add(`traffic{job="api",`+instance, after(float64(10*(i%2)), float64(10*(i%2))))
		r.add(`up{job="api",`+instance, after(1, map[bool]float64{true: 0, false: 1}[i < 2]))
		r.add(`room{job="api",`+instance, after(90, map[bool]float64{true: 5, false: 80}[i == 0]))
	}
	r.add(`passing{job="api",instance="0:80"}`, after(5, 90))
	r.add(`passing{job="api",instance="1:80"}`, func(s float64) float64 { return map[bool]float64{true: 90, false: 5}[s > 6600 && s < 7000] })
	r.add(`passing{job="api",instance="2:80"}`, func(s float64) float64 { return map[bool]float64{true: 90, false: nan}[s < 4000] })
	r.add(`alone{job="api",instance="0:80"}`, after(5, 90))
	r.add(`homeless{zone="a"}`, after(5, 90))
	fires := func(labels string, n int) {
		for i := range n {
			r.add(fmt.Sprintf(`ALERTS{alertstate="firing",%s,pod="p%d"}`, labels, i), after(1, 1))
		}
	}
	fires(`alertname="X",namespace="shop"`, 1)
	fires(`alertname="Watchdog",namespace="shop"`, 1)
	fires(`alertname="Slow",namespace="shop"`, 2)
	fires(`alertname="Slow",namespace="pay"`, 3)
	fires(`alertname="Disk",job="api"`, 1)
	for i := range 8 {
		fires(fmt.Sprintf(`alertname="N%d",namespace="n%d"`, i, i), 1)
	}
	r.add(`ALERTS{alertstate="pending",alertname="Pending",namespace="shop"}`, after(1, 1))
	r.add(`ALERTS{alertstate="firing",alertname="Over",namespace="shop"}`, func(s float64) float64 { return map[bool]float64{true: 1, false: nan}[s < 6000] })
	p := r.serve(t, "")
	c := collectorAt(t, p.URL, r.end())
	ask := func(t *testing.T, expr, alert string) []incident.Evidence {
		comparisons, _ := c.CounterEvidence(t.Context(), firingIncident(r.at(onset+30), expr, strings.Split(alert, ";")...), nil)
		require.Len(t, comparisons, 3)
		for _, item := range comparisons[1:] {
			require.False(t, item.Failed, item.Summary)
			assert.Equal(t, incident.KindComparison, item.Kind)
			if item.Query != "" {
				assert.NotEmpty(t, item.Link)
				assert.True(t, item.End.After(item.Start))
			}
		}
		return comparisons
	}
	const alert = "alertname=X job=api instance=0:80"
	tests := []struct{ name, expr, alert, want string }{
		{
			"healthy", "local > 50", alert,
			`^None of the expression's 9 other series met the condition since the onset\. Max since then: 9\S+ for this alert; others: median 6(\.\d+)?, max 6\.\d+\. A shared cause is unlikely\.$`,
		},
		{"sick as well", "global > 50", alert, `^6 of the expression's 9 other series met the condition since the onset; 6 still do at the end\. .* max 9\S+\. A cause specific to this target is unlikely\.$`},
		{"of one incident", "global > 50", alert + ";alertname=X job=api instance=1:80", `^5 of the expression's 8 other series `},
		{"a fall", "room < 20", alert, `^None of the expression's 9 .* Min since then: [45]\S+ for this alert; others: median 7\d(\.\d+)?, min 7\d(\.\d+)?\. A shared cause`},
		{"not any more", "passing > 50", alert, `^1 of the expression's 1 other series .* since the onset; 0 still do at the end\.`},
		{"a threshold each", "global > on (instance) limit", alert, `^6 of the expression's 9 other series .*; 6 still do`},
		{"a guard", "global > 50 and traffic > 5", "alertname=X job=api instance=1:80", `^2 of the expression's 9 other series .*; 2 still do at the end\. Max since then: [^%]*max 9\S+$`},
		{"compared with nothing", "local unless traffic < 5", "alertname=X job=api instance=1:80", `^4 of the expression's 9 other series `},
		{"alone", "alone > 50", alert, `^The expression has no other series: no peers to compare\. Targets with job="api" at .* UTC: 8 up, 2 down\.$`},
		{"an aggregate", "sum(local) > 50", "alertname=X", `^The expression has no other series: .* Targets with job="api" .*: 8 up`},
		{"absent", `absent(local{job="web"})`, "alertname=X job=web", `^The expression has no other series: .* Prometheus has no scrape targets with job="web" at .* UTC\.$`},
		{"no job", "homeless > 50", "alertname=X zone=a", `^The expression has no other series: .* Its labels name no job either\.$`},
		{"no rule", "", alert, `^The alert's expression is unknown: no peers to compare\. Targets with job="api" .*: 8 up`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			item := ask(t, test.expr, test.alert)[1]
			t.Log(item.Summary, item.Query, item.Table)
			assert.Equal(t, "Are the peers healthy?", item.Title)
			assert.Regexp(t, test.want, item.Summary)
		})
	}
	t.Run("only just", func(t *testing.T) {
		now := r.end().Add(900 * time.Millisecond)
		comparisons, _ := collectorAt(t, p.URL, now).CounterEvidence(t.Context(), firingIncident(now, "local > 50", alert), nil)
		assert.Contains(t, comparisons[0].Summary, "; this time max 9")
		assert.Contains(t, comparisons[1].Summary, "None of the expression's 9 other series")
	})
	t.Run("those that meet it first", func(t *testing.T) {
		rows := ask(t, "global > 50 and traffic > 5", "alertname=X job=api instance=1:80")[1].Table.Rows
		for i, want := range []string{"1:80 now", "3:80 now", "5:80 now", "0:80 no"} {
			instance, met, _ := strings.Cut(want, " ")
			assert.Equal(t, []string{`instance="` + instance + `"`, met}, []string{rows[i][0], rows[i][5]})
		}
	})
	t.Run("the table of peers", func(t *testing.T) {
		item := ask(t, "global > 50", alert)[1]
		assert.Equal(t, "global", item.Query, "of all, not of the alert's own")
		require.Len(t, item.Table.Rows, 1+maxPeers+1)
		assert.Equal(t, []string{`instance="0:80"`, "this alert"}, item.Table.Rows[0][:2])
		assert.Regexp(t, `^(4|5)`, item.Table.Rows[0][2])
		assert.Regexp(t, `^9`, item.Table.Rows[0][3])
		assert.Equal(t, "now", item.Table.Rows[0][5])
		assert.Equal(t, []string{"peer", "now"}, []string{item.Table.Rows[6][1], item.Table.Rows[6][5]})
		assert.Equal(t, []string{"peer", "no"}, []string{item.Table.Rows[7][1], item.Table.Rows[7][5]})
		assert.Equal(t, "and 1 more", item.Table.Rows[9][0])
	})

	where := []struct{ name, alert, want string }{
		{"by namespace", "alertname=X namespace=shop pod=p0", `^Other alerts firing: 14; also with namespace="shop": 2; elsewhere: 12, in 9 other namespaces\.$`},
		{"by job", "alertname=Y job=api", `^Other alerts firing: 15; also with job="api": 1; elsewhere: 14, in 0 other jobs\.$`},
		{"by what the series say", "alertname=Y instance=0:80", `^Other alerts firing: 15; also with job="api": 1; elsewhere: 14`},
		{"nowhere", "alertname=Y zone=a", `^Other alerts firing: 15; this one has no namespace or job to locate them by\.$`},
	}
	for _, test := range where {
		t.Run("fires: "+test.name, func(t *testing.T) {
			item := ask(t, map[bool]string{true: "local > 50", false: "homeless > 50"}[test.name != "nowhere"], test.alert)[2]
			assert.Equal(t, "Also firing now", item.Title)
			assert.Regexp(t, test.want, item.Summary)
		})
	}
	t.Run("fires: the table", func(t *testing.T) {
		item := ask(t, "local > 50", "alertname=X namespace=shop pod=p0")[2]
		assert.Equal(t, []string{"alert", "firing", `with namespace="shop"`, "elsewhere"}, item.Table.Columns)
		require.Len(t, item.Table.Rows, maxNamesFiring+1)
		assert.Equal(t, []string{"Slow", "5", "2", "3"}, item.Table.Rows[0])
		assert.Equal(t, []string{"Disk", "1", "0", "1"}, item.Table.Rows[1])
		assert.Equal(t, []string{"and 2 more", "", "", ""}, item.Table.Rows[8])
	})
	t.Run("fires: nothing", func(t *testing.T) {
		c := collectorAt(t, p.URL, r.start.Add(-time.Hour))
		comparisons, _ := c.CounterEvidence(t.Context(), firingIncident(r.start.Add(-2*time.Hour), "local > 50", alert), nil)
		assert.Equal(t, "No other alerts firing."+msgNoUpAtAll.en, comparisons[2].Summary)
		assert.Nil(t, comparisons[2].Table)
	})
	t.Run("Chinese", func(t *testing.T) {
		c := collectorAt(t, p.URL, r.end(), func(o *Options) { o.Language = "zh" })
		for expr, want := range map[string]string{
			"global > 50": "^表达式另有 9 条序列，异常开始后满足过条件的 6 条，目前仍满足的 6 条。异常开始后的最高值：",
			"local > 50":  "^表达式另有 9 条序列，异常开始后均未满足条件。",
			"alone > 50":  `^表达式只有本告警的序列，没有同类序列可对比。.* UTC 时，job="api" 的采集目标 8 个正常，2 个不可用。$`,
		} {
			comparisons, _ := c.CounterEvidence(t.Context(), firingIncident(r.at(onset+30), expr, alert), nil)
			assert.Regexp(t, want, comparisons[1].Summary)
			assert.Equal(t, `当前另有 15 条告警触发：同属 job="api" 的 1 条，其他 14 条（涉及 job 0 个）。`, comparisons[2].Summary)
			assert.NotRegexp(t, `%!|\b(the|of|no)\b`, fmt.Sprint(comparisons))
		}
	})
}

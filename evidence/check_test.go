package evidence

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
)

// checked runs checks about an alert that fires since a time, and holds their answers to what all of them owe.
func checked(t *testing.T, c *Collector, since time.Time, query ...string) []incident.Evidence {
	t.Helper()
	var checks []incident.Check
	for _, one := range query {
		checks = append(checks, incident.Check{PromQL: one, WouldRefute: "hostile <words>"})
	}
	_, answers := c.CounterEvidence(t.Context(), firingIncident(since, "req_total > 0", "alertname=X job=api"), checks)
	for i, item := range answers {
		assert.Equal(t, incident.KindCheck, item.Kind)
		assert.Empty(t, item.ID)
		assert.NotContains(t, fmt.Sprint(item), "hostile")
		t.Log(query[i], "→", item.Summary)
	}
	return answers
}

func TestChecks(t *testing.T) {
	r := record(2*time.Hour, 15*time.Second)
	const onset = 6000
	from := func(at float64, before, then func(float64) float64) func(float64) float64 {
		return func(s float64) float64 {
			if s < at {
				return before(s)
			}
			return then(s)
		}
	}
	level := func(v float64) func(float64) float64 { return func(s float64) float64 { return wobble(v, s) } }
	none := func(float64) float64 { return nan }
	for i := range 12 {
		then := level(.2)
		if i < 3 {
			then = level(.2 * float64(4-i))
		}
		r.add(fmt.Sprintf(`wait_seconds{job="api",instance="%02d:80"}`, i), from(onset+60, level(.2), then))
	}
	r.add(`room_bytes{job="api"}`, from(onset, level(8<<30), level(1<<30)))
	r.add(`steady{job="api"}`, level(5))
	r.add(`mixed{k="a, steady"}`, level(5))
	r.add(`mixed{k="b, fresh"}`, from(onset, none, level(5)))
	r.add(`mixed{k="c, rising"}`, from(onset, level(5), level(50)))
	r.add(`ended{job="api"}`, from(onset, level(5), none))
	r.add(`ended{job="web"}`, level(5))
	r.add(`ended{job="db"}`, level(5))
	r.add(`fresh{job="api"}`, from(onset, none, level(7)))
	r.add(`start_time_seconds{job="api"}`, from(onset-900, func(float64) float64 { return 1794640810 }, func(float64) float64 { return 1795158220 }))
	r.add(`now_seconds{job="api"}`, func(s float64) float64 { return 1795158220 + s })
	r.add(`dipped{job="api"}`, func(s float64) float64 {
		if s >= onset-900 && s < onset-800 {
			return 0
		}
		return 1
	})
	r.add(`zero{job="api"}`, func(float64) float64 { return 0 })
	r.counter(`req_total{job="api"}`, from(onset, level(1), level(50)))
	p := r.serve(t, "")
	since := r.at(onset)
	c := collectorAt(t, p.URL, r.end())
	tests := []struct{ name, query, want string }{
		{
			"a rise", `rate(req_total[5m])`,
			`^The query returns 1 series; 1 changed around the onset\. \{job="api"\}: median (1|1\.0\d|0\.9\d+)/s before the onset, max 5\d(\.\d)?/s at 2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d UTC since, last \d\d(\.\d)?/s\.$`,
		},
		{"a fall", `room_bytes`, ` room_bytes\{job="api"\}: median 8(\.\d+)? GiB before the onset, min (983|98\d) MiB at .* UTC since, last (1(\.\d+)? GiB|\d+ MiB)\.$`},
		{"no change", `steady`, `^The query returns 1 series; 0 changed around the onset\. steady\{job="api"\} did not change: median (5|4\.9\d|5\.0\d) before onset, last (5|4|5\.\d+|4\.\d+)\.$`},
		{"a restart before the onset", `start_time_seconds`, `^The query returns 1 series; 1 changed .* start_time_seconds\{job="api"\} went from 2026-11-14 07:20:10 UTC to 2026-11-20 07:03:40 UTC at .* UTC\.$`},
		{"a clock", `now_seconds`, `now_seconds\{job="api"\}`},
		{"a dip before the onset", `dipped`, `; 0 changed around the onset\. dipped\{job="api"\} did not change around the onset: median 1 before it, last 1; min 0 at .* UTC, max 1 at .* UTC\.$`},
		{"an end", `ended`, `^The query returns 3 series; 1 changed around the onset\. ended\{job="api"\}: ended after .* UTC; median (5|4\.\d+|5\.\d+) before onset\. ended\{job="db"\} did not change`},
		{"no past", `fresh`, `^The query returns 1 series; 0 changed around the onset\. 1 have too little earlier data to compare\. fresh\{job="api"\}: too little data before the onset to compare; max 7\.28 at .*, last \d(\.\d+)?\.$`},
		{"no data", `nowhere > 1`, `^No data in this window \(.*\); the series may not exist\. No series of nowhere on this server in that time\.$`},
		{"no numbers", `zero / zero`, `^The query returns 1 series, all without numbers\.$`},
		{"a scalar", `scalar(zero) + 1`, `^The query returns 1 series; 0 changed around the onset\. \{\} did not change: median 1 before onset, last 1\.$`},
		{"absent, in the model's own words", `absent(up{cause="db-9"})`, `^The query returns 1 series; 0 changed around the onset\. \{\} did not change`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			answers := checked(t, c, since, test.query)
			require.Len(t, answers, 1)
			item := answers[0]
			assert.False(t, item.Failed)
			assert.Equal(t, "Check 1", item.Title)
			assert.Equal(t, test.query, item.Query)
			assert.Contains(t, item.Link, p.URL)
			assert.True(t, item.Start.Before(since) && item.End.After(since))
			assert.Regexp(t, test.want, item.Summary)
		})
	}
	t.Run("the most changed first", func(t *testing.T) {
		item := checked(t, c, since, `wait_seconds`)[0]
		assert.Contains(t, item.Summary, "The query returns 12 series; 3 changed around the onset.")
		at := func(instance string) int { return strings.Index(item.Summary, `instance="`+instance+`"`) }
		assert.Positive(t, at("00:80"))
		assert.Less(t, at("00:80"), at("01:80"))
		assert.Less(t, at("01:80"), at("02:80"))
		assert.Equal(t, maxToldSeries, strings.Count(item.Summary, "instance="))
		assert.Equal(t, 2, strings.Count(item.Summary, "} did not change"))
		assert.True(t, strings.HasSuffix(item.Summary, " Not shown: 7 that did not change."))
		require.Len(t, item.Ranking, 3, "what did not change is in no ranking")
		first := item.Ranking[0]
		assert.Equal(t, map[string]string{"__name__": "wait_seconds", "job": "api", "instance": "00:80"}, first.Labels)
		assert.InDelta(t, .2, first.Before, .01)
		assert.InDelta(t, .8, first.After, .05)
		assert.Equal(t, "up", first.Direction)
		assert.Equal(t, "high", first.Confidence)
		assert.Greater(t, first.Score, 10.)
		assert.WithinDuration(t, r.at(onset+60), first.Onset, time.Minute)
		require.Len(t, item.Chart.Series, maxShownSeries)
		assert.Equal(t, `instance="00:80"`, item.Chart.Series[0].Name)
		assert.Equal(t, "s", item.Chart.Unit)
		assert.Equal(t, since, item.Chart.Firing.Start)
	})
	t.Run("then what can't be told, then what stayed", func(t *testing.T) {
		item := checked(t, c, since, `mixed`)[0]
		assert.Regexp(t, `; 1 changed .* 1 have too little .*\{k="c, rising"\}: median .*\{k="b, fresh"\}: too little .*\{k="a, steady"\} did not change`, item.Summary)
	})
	t.Run("in order, four at most", func(t *testing.T) {
		answers := checked(t, c, since, `steady`, `{job="api"}`, `nowhere`, `room_bytes   >   0`, `fresh`)
		require.Len(t, answers, maxChecks)
		for i, title := range []string{"Check 1", "Check 2", "Check 3", "Check 4"} {
			assert.Equal(t, title, answers[i].Title)
			assert.Equal(t, i == 1, answers[i].Failed)
		}
		assert.Equal(t, "the query has a selector without a metric name.", answers[1].Summary)
		assert.Empty(t, answers[1].Query, "it was not run")
		assert.Contains(t, answers[2].Summary, "No data")
		assert.Equal(t, `room_bytes > 0`, answers[3].Query, "as it was run")
	})
	t.Run("Chinese", func(t *testing.T) {
		c := collectorAt(t, p.URL, r.end(), func(o *Options) { o.Language = "zh" })
		for query, want := range map[string]string{
			`rate(req_total[5m])`: `^查询返回 1 条序列，异常前后有变化的 1 条。\{job="api"\}：异常前中位数 .*/s，异常后最高 5.*/s（.* UTC），最新值 .*/s。$`,
			`room_bytes`:          `异常后最低 98\d MiB（`,
			`steady`:              `没有变化，异常前中位数`,
			`ended`:               `ended\{job="api"\}：\S+ \S+ UTC 之后数据中断，异常前中位数`,
			`fresh`:               `异常前数据不足，无法对比，最高 7\.28（`,
			`up @ 0`:              `^使用了 @ 修饰符，未执行。$`,
			`zero / zero`:         `^查询返回 1 条序列，但没有数值。$`,
			`nowhere`:             `^窗口（.*）内查询没有数据`,
		} {
			item := checked(t, c, since, query)[0]
			assert.Equal(t, "验证查询 1", item.Title)
			assert.Regexp(t, want, item.Summary)
			assert.NotContains(t, item.Summary, "%!")
		}
	})
}

// TestCheckTooExpensive: the server's own limits, and ours.
func TestCheckTooExpensive(t *testing.T) {
	r := record(time.Hour, 15*time.Minute)
	for i := range 150 {
		for _, name := range []string{"a", "b"} {
			r.add(fmt.Sprintf(`%s{i="%d"}`, name, i), func(float64) float64 { return 1 })
		}
	}
	p := r.serve(t, "")
	c := collectorAt(t, p.URL, r.end())
	answers := checked(t, c, r.at(3000), `count(a)`, `a * ignoring (i) group_left () b`)
	require.Len(t, answers, 2)
	assert.False(t, answers[0].Failed)
	assert.True(t, answers[1].Failed)
	assert.Contains(t, answers[1].Summary, "query rejected")
	assert.Equal(t, `a * ignoring (i) group_left () b`, answers[1].Query, "anyone can see what was refused")

	small := testPrometheusWithLimit(t, r, "1000")
	c = collectorAt(t, small, r.end())
	answers = checked(t, c, r.at(3000), `sum(a) + sum(b)`)
	assert.True(t, answers[0].Failed)
	assert.Contains(t, answers[0].Summary, "too slow or too large")
}

// TestCounterEvidenceBudget: the comparisons and the checks together keep to their budget, and no check goes without its query.
func TestCounterEvidenceBudget(t *testing.T) {
	r := record(2*time.Hour, 15*time.Second)
	var selectors []string
	for i := range 12 {
		r.add(fmt.Sprintf(`m%d{a="x",b="%d"}`, i, i), func(float64) float64 { return 1 })
		selectors = append(selectors, fmt.Sprintf("sum(m%d)", i))
	}
	r.add(`limit{a="x"}`, func(float64) float64 { return .5 })
	p := r.serve(t, "")
	expr := strings.Join(selectors, " + ") + " > sum(limit) or m1 > on (a) limit or m2 > limit"
	for name, inc := range map[string]*incident.Incident{
		"hardly any": firingIncident(r.at(6000), "m1 > 0", "alertname=X a=x"),
		"a lot":      firingIncident(r.at(6000), expr, "alertname=X a=x"),
	} {
		t.Run(name, func(t *testing.T) {
			registry, asked := countedQuestions(t)
			c := collectorAt(t, p.URL, r.end(), func(o *Options) { o.Registerer, o.MaxQueries = registry, 1 })
			_, answers := c.CounterEvidence(t.Context(), inc, []incident.Check{{PromQL: "m1"}, {PromQL: "m2"}, {PromQL: "m3"}, {PromQL: "m4"}})
			require.Len(t, answers, maxChecks)
			for _, item := range answers {
				assert.False(t, item.Failed, item.Summary)
			}
			if name == "a lot" {
				assert.InDelta(t, counterEvidenceQueries-(checkQueries-1)*maxChecks, asked(), 0, "the comparisons use up their part, and the checks still have theirs")
			} else {
				assert.Less(t, asked(), float64(counterEvidenceQueries))
				assert.Greater(t, asked(), 5., "it has a budget of its own")
			}
		})
	}
}

// TestCounterEvidenceFaults: items that say why, in the time set aside.
func TestCounterEvidenceFaults(t *testing.T) {
	inc := firingIncident(time.Now().Add(-time.Minute), "x > 1", "alertname=X job=api")
	checks := []incident.Check{{PromQL: "x"}, {PromQL: "up["}}
	t.Run("no Prometheus", func(t *testing.T) {
		comparisons, answers := collectorAt(t, "", time.Now()).CounterEvidence(t.Context(), inc, checks)
		assert.Nil(t, comparisons)
		assert.Nil(t, answers)
	})
	t.Run("a dead one", func(t *testing.T) {
		c := collectorAt(t, "http://user:secret@127.0.0.1:9", time.Now())
		comparisons, answers := c.CounterEvidence(t.Context(), inc, checks)
		require.Len(t, comparisons, 3)
		require.Len(t, answers, 2)
		for _, item := range append(comparisons, answers[0]) {
			assert.True(t, item.Failed, item.Title)
			assert.Contains(t, item.Summary, "server unavailable")
			assert.NotContains(t, item.Summary+item.Link, "secret")
		}
		assert.Contains(t, answers[1].Summary, "not valid PromQL")
	})
	t.Run("one that hangs", func(t *testing.T) {
		c := collectorAt(t, hanging(t), time.Now(), func(o *Options) { o.Timeout, o.CounterEvidenceTimeout = time.Hour, time.Second })
		began := time.Now()
		comparisons, answers := c.CounterEvidence(t.Context(), inc, checks)
		assert.Less(t, time.Since(began), 30*time.Second)
		for _, item := range append(comparisons, answers[0]) {
			assert.True(t, item.Failed)
			assert.Contains(t, item.Summary, "timed out")
		}
	})
	t.Run("the default", func(t *testing.T) {
		assert.Equal(t, 10*time.Second, collectorAt(t, "", time.Now()).options.CounterEvidenceTimeout)
	})
	t.Run("a panic is its own", func(t *testing.T) {
		c := collectorAt(t, "http://127.0.0.1:9", time.Now())
		inv := c.investigate(t.Context(), inc, 1)
		inv.prom = nil
		item := c.answerCheck(context.Background(), inv, 3, checks[0])
		assert.True(t, item.Failed)
		assert.Equal(t, "Check 3", item.Title)
		assert.Equal(t, "internal error, see alertscribe's log.", item.Summary)
	})
	t.Run("no alert at all", func(t *testing.T) {
		c := collectorAt(t, "http://127.0.0.1:9", time.Now())
		assert.NotPanics(t, func() { c.CounterEvidence(t.Context(), &incident.Incident{}, checks) })
	})
}

// TestRefusals: whatever is wrong with a check, its answer says it, in both languages.
func TestRefusals(t *testing.T) {
	said := map[message]bool{}
	for _, query := range []string{
		strings.Repeat("x", 1001), `sum by (`, `up[5m]`, `{job="a"}`, `vector(1)`, strings.Repeat("up + ", 20) + "up", `max_over_time(up[2d])`,
		`up offset 9d`, `max_over_time(max_over_time(max_over_time(up[1h:1m])[1h:1m])[1h:1m])`, `up @ 0`, `count_values("x", up)`,
	} {
		e, why := promql.ParseUntrusted(query)
		assert.Nil(t, e, query)
		assert.NotEmpty(t, msgRefused[why].en, query)
		assert.NotEmpty(t, msgRefused[why].zh, query)
		said[msgRefused[why]] = true
	}
	assert.Len(t, said, len(msgRefused))
}

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

// TestCheckAnswers runs checks over series of every shape, and holds each answer to the numbers that went in.
func TestCheckAnswers(t *testing.T) {
	r := record(2*time.Hour, 15*time.Second)
	const onset = 5400
	at := func(before, then float64) func(float64) float64 {
		return func(s float64) float64 {
			if s < onset {
				return wobble(before, s)
			}
			return wobble(then, s)
		}
	}
	inf := math.Inf(1)
	shapes := map[string]func(float64) float64{
		"rise":      at(2, 20),
		"fall":      at(20, 2),
		"negative":  at(-2, -20),
		"zero":      steps(0),
		"flat":      steps(7),
		"huge":      at(1e18, 5e18),
		"tiny":      at(1e-9, 9e-9),
		"infinite":  steps(inf),
		"neg_inf":   steps(-inf),
		"inf_then":  steps(3, onset, inf),
		"inf_first": steps(inf, onset, 3),
		"new":       steps(nan, onset+60, 4),
		"last_one":  steps(nan, 7185, 4),
		"ended":     func(s float64) float64 { return map[bool]float64{true: 5 + .1*math.Sin(s), false: nan}[s < onset+60] },
		"long_gone": steps(5, 1200, nan),
		"early_end": steps(5, 3000, nan),
		"gaps": func(s float64) float64 {
			if int(s/60)%3 == 0 {
				return nan
			}
			return wobble(5, s)
		},
		"restart":  steps(1.79e9, onset+300, 1.8e9),
		"restarts": steps(1.79e9, onset-3000, 1.791e9, onset+300, 1.8e9),
		"ages":     func(s float64) float64 { return 1.79e9 + s },
		"dip":      steps(1, onset-600, 0, onset-500, 1),
		"peak":     steps(1, onset-600, 9, onset-500, 1),
		"back":     steps(2, onset, 40, onset+120, 2),
		"grows":    func(s float64) float64 { return 100 + s },
		"speeds":   func(s float64) float64 { return 100 + s + 2*math.Max(s-onset, 0) },
		"jitter":   at(7.23, 6.95),
		"saturation": func(s float64) float64 {
			return math.Min(.99, .2+.79*float64(boolToInt(s >= onset))) + .002*math.Sin(s)
		},
	}
	for name, value := range shapes {
		r.add(name+`{job="api"}`, value)
	}
	r.counter(`resets_total{job="api"}`, func(float64) float64 { return 2 })
	count := r.lines[`resets_total{job="api"}`]
	r.add(`resets_total{job="api"}`, func(s float64) float64 { return count(math.Mod(s, 1800)) })
	for i := range 40 {
		r.add(fmt.Sprintf(`part{i="%02d"}`, i), at(3, 3+float64(i%4)*4))
	}
	p := r.serve(t, "")
	const (
		none = `^查询返回 1 条序列，异常前后均无变化。`
		one  = `^查询返回 1 条序列，异常前后有变化的 1 条。`
	)
	tests := []struct {
		query, en, zh string
		direction     string // of the ranking's one entry; "" for no entry
	}{
		{"rise", `^The query returns 1 series; 1 changed around the onset\. rise\{job="api"\}: median 2(\.0\d)? before the onset, max 20\.\d at .* UTC since, last \d\d(\.\d)?\.$`, one + `rise\{job="api"\}：异常前中位数 2(\.0\d)?，异常后最高 20\.\d（.* UTC），最新值 \d\d(\.\d)?。$`, "up"},
		{"fall", `; 1 changed .*: median (20|19\.9\d?|20\.\d) before the onset, min 1\.9\d at`, one + `.*异常后最低 1\.9\d（`, "down"},
		{"negative", `; 1 changed .*: median -2(\.0\d)? before the onset, min -20\.\d at`, one + `.*异常后最低 -20\.\d（`, "down"},
		{"zero", `; 0 changed .* zero\{job="api"\} did not change: median 0 before onset, last 0\.$`, none + `zero\{job="api"\}：没有变化，异常前中位数 0，最新值 0。$`, ""},
		{"flat", `flat\{job="api"\} did not change: median 7 before onset, last 7\.$`, none, ""},
		{"huge", `; 1 changed .* max 5\.\d+e\+18 at`, one, "up"},
		{"tiny", `; 1 changed .* max 9\.\d+e-09 at`, one, "up"},
		{"infinite", `^The query returns 1 series, all without numbers\.$`, `^查询返回 1 条序列，但没有数值。$`, ""},
		{"neg_inf", `^The query returns 1 series, all without numbers\.$`, `没有数值`, ""},
		{"inf_then", `^The query returns 1 series; .* inf_then\{job="api"\}: ended after .*; median 3 before onset\.$`, `inf_then\{job="api"\}：.* UTC 之后数据中断，异常前中位数 3。$`, "down"},
		{"inf_first", `; 0 changed around the onset\. 1 have too little earlier data to compare\. inf_first\{job="api"\}: too little data before the onset to compare; max 3 at .*, last 3\.$`, one[:len("^查询返回 1 条序列，")] + `异常前后有变化的 0 条。1 条异常前数据不足，无法对比。inf_first\{job="api"\}：异常前数据不足，无法对比，最高 3（.* UTC），最新值 3。$`, ""},
		{"new", `1 have too little earlier data .* max 4 at .*, last 4\.$`, `1 条异常前数据不足`, ""},
		{"last_one", `1 have too little earlier data .* max 4 at .*, last 4\.$`, `1 条异常前数据不足`, ""},
		{"ended", `; 1 changed .* ended\{job="api"\}: ended after .* UTC; median 5(\.\d+)? before onset\.$`, one + `ended\{job="api"\}：.* UTC 之后数据中断，`, "down"},
		{"long_gone", `^No data in this window \(.*\); the series may not exist\. No series of long_gone on this server in that time\.$`, `没有数据.*此期间服务器上没有 long_gone 的序列。$`, ""},
		{`rise{job="web"}`, `^No data in this window .* rise has 1 series in that time, with other labels: job="api"\.$`, `此期间 rise 有 1 条序列，但标签不同：job="api"。$`, ""},
		{`max_over_time(rate(rise[5m])[1d:5m])`, `^The query's ranges and subqueries add up to more than a day; it was run with 23h55m\. The query returns 1 series`, `^查询的区间与子查询合计超过一天，已改为 23h55m 后执行。查询返回`, ""},
		{"rate(rise[25h])", `^The query's .* it was run with 1d\. `, `已改为 1d 后执行。`, ""},
		{"grows", `; 0 changed .* grows\{job="api"\} moves on at its pace: 60 per minute before the onset, 60 since; last `, `grows\{job="api"\} 的变化速度不变：异常开始前每分钟 60，此后每分钟 60`, ""},
		{"speeds", `; 1 changed .* speeds\{job="api"\} changed its pace: 60 per minute before the onset, 180 since; last `, `speeds\{job="api"\} 的变化速度改变：`, "up"},
		{"jitter", `; 0 changed .* jitter\{job="api"\} did not change`, none, ""},
		{"early_end", `early_end\{job="api"\}`, `early_end\{job="api"\}`, ""},
		{"gaps", `; 0 changed .* did not change: median (5|4\.9\d|5\.\d+) before onset`, none, ""},
		{"restart", `; 1 changed .* restart\{job="api"\} went from 1790000000 to 1800000000 at .* UTC\.$`, one + `restart\{job="api"\}：.* UTC 由 1790000000 变为 1800000000。$`, ""},
		{"restarts", ` restarts\{job="api"\} went from 1791000000 to 1800000000 at`, one, ""},
		{"ages", `ages\{job="api"\}`, `ages\{job="api"\}`, ""},
		{"dip", `; 0 changed .* did not change around the onset: median 1 before it, last 1; min 0 at .*, max 1 at .* UTC\.$`, none + `dip\{job="api"\}：异常前后没有变化，异常前中位数 1，最新值 1；窗口内最低 0（.*），最高 1（.* UTC）。$`, ""},
		{"peak", `median 1 before it, last 1; min 1 at .*, max 9 at`, `最低 1（.*），最高 9（`, ""},
		{"back", `^The query returns 1 series; .* back\{job="api"\}.*(max|max 40).*40`, `back\{job="api"\}`, ""},
		{"saturation", `; 1 changed .* max 0\.99\d? at`, one, "up"},
		{"rate(resets_total[5m])", `; 0 changed .* \{job="api"\} did not change: median 2(\.0\d)?/s before onset`, none, ""},
		{"rise > 1e6", `^No data in this window`, `没有数据`, ""},
		{"rise / 0", `^The query returns 1 series, all without numbers\.$`, `没有数值`, ""},
		{"vector(1) + scalar(flat)", `^The query returns 1 series; 0 changed .* \{\} did not change: median 8 before onset, last 8\.$`, none, ""},
		{"-rise", `; 1 changed .* min -20\.\d at`, one, "down"},
		{"rise offset 1h", `^All values are of 1h earlier \(offset\), not of the incident\. The query .*; 0 changed`, `^所有值均为 1h 之前的数据（offset），不是本事件期间的。查询返回 1 条序列，异常前后均无变化。`, ""},
		{"rise - rise offset 1h", `^The query returns 1 series; 1 changed`, one, "up"},
	}
	c := collectorAt(t, p.URL, r.end())
	zh := collectorAt(t, p.URL, r.end(), func(o *Options) { o.Language = incident.Chinese })
	inc := firingIncident(r.at(onset), "rise > 10", "alertname=X job=api")
	for _, test := range tests {
		t.Run(test.query, func(t *testing.T) {
			_, answers := c.CounterEvidence(t.Context(), inc, []incident.Check{{PromQL: test.query}})
			_, chinese := zh.CounterEvidence(t.Context(), inc, []incident.Check{{PromQL: test.query}})
			require.Len(t, answers, 1)
			require.Len(t, chinese, 1)
			owed(t, answers[0], chinese[0])
			assert.False(t, answers[0].Failed)
			assert.Regexp(t, test.en, answers[0].Summary)
			assert.Regexp(t, test.zh, chinese[0].Summary)
			assert.NotRegexp(t, `\b(median|last|changed|series|before|the|at)\b`, quotedText.ReplaceAllString(strings.ReplaceAll(chinese[0].Summary, "last_one", ""), ""))
			if test.direction != "" {
				require.Len(t, answers[0].Ranking, 1)
				assert.Equal(t, test.direction, answers[0].Ranking[0].Direction)
			}
			if strings.Contains(test.en, "; 0 changed") {
				assert.Empty(t, answers[0].Ranking, "what did not change is in no ranking")
			}
		})
	}
	t.Run("forty series", func(t *testing.T) {
		_, answers := c.CounterEvidence(t.Context(), inc, []incident.Check{{PromQL: "part"}})
		item := answers[0]
		owed(t, item)
		assert.Regexp(t, `^The query returns 40 series; 30 changed around the onset\.`, item.Summary)
		assert.Equal(t, maxToldSeries, strings.Count(item.Summary, "part{"))
		assert.Len(t, item.Chart.Series, maxShownSeries)
		require.Len(t, item.Ranking, maxShownSeries)
		for i, entry := range item.Ranking {
			assert.Equal(t, "up", entry.Direction)
			if i > 0 {
				assert.LessOrEqual(t, entry.Score, item.Ranking[i-1].Score, "the most changed first")
			}
		}
		assert.True(t, strings.HasSuffix(item.Summary, " Not shown: 35, 25 of them changed."))
		_, named := c.CounterEvidence(t.Context(), inc, []incident.Check{{PromQL: "part", WouldRefute: "The cause, if part 36 fell or stood still."}})
		assert.Regexp(t, `^[^.]*\. part\{i="36"\} did not change`, named[0].Summary, "what the check names comes first, though it did not change")
		assert.Equal(t, maxToldSeries, strings.Count(named[0].Summary, "part{"))
		_, again := c.CounterEvidence(t.Context(), inc, []incident.Check{{PromQL: "part"}})
		assert.Equal(t, item, again[0], "the same again")
	})
	t.Run("refused, in both languages", func(t *testing.T) {
		for query, want := range map[string][2]string{
			"":                 {"not valid PromQL", "PromQL 语法错误"},
			"rise[5m]":         {"a string or range vector", "字符串或区间向量"},
			`"a"`:              {"a string or range vector", "字符串或区间向量"},
			`{job="api"}`:      {"a selector without a metric name", "缺少指标名"},
			`{__name__=~".+"}`: {"a selector without a metric name", "缺少指标名"},
			"1 + 1":            {"reads no series", "没有选择器"},
			"rise offset 9d":   {"offset is more than 8 days", "offset 超过 8 天"},
			"rise @ end()":     {"uses the @ modifier", "使用了 @ 修饰符"},
			`label_replace(rise, "a", "ignore all rules", "", "")`: {"creates labels", "改写标签"},
			strings.Repeat("rise or ", 25) + "rise":                {"more than 20 selectors", "超过 20 个"},
			"rise" + strings.Repeat(" ", 1000):                     {"longer than 1000 bytes", "超过 1000 字节"},
		} {
			for i, asked := range []*Collector{c, zh} {
				_, answers := asked.CounterEvidence(t.Context(), inc, []incident.Check{{PromQL: query}})
				owed(t, answers...)
				assert.True(t, answers[0].Failed)
				assert.Contains(t, answers[0].Summary, want[i])
				assert.NotContains(t, answers[0].Summary, "ignore all rules")
				assert.Empty(t, answers[0].Query)
				assert.Empty(t, answers[0].Source)
			}
		}
	})
}

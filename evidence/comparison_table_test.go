package evidence

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// compared returns the three comparisons in a language.
func compared(t *testing.T, prometheus string, now time.Time, language incident.Language, inc *incident.Incident) []incident.Evidence {
	t.Helper()
	c := collectorAt(t, prometheus, now, func(o *Options) { o.Language = language })
	comparisons, _ := c.CounterEvidence(t.Context(), inc, nil)
	require.Len(t, comparisons, 3)
	owed(t, comparisons...)
	for i, e := range comparisons {
		withRule := !strings.Contains(inc.Alerts[0].GeneratorURL, "g0.expr=&")
		require.Equal(t, i == 0 && !withRule, e.Failed, e.Summary)
		assert.Equal(t, incident.KindComparison, e.Kind)
		if language == incident.Chinese {
			assert.NotRegexp(t, `\b(this|time|before|median|max|min|day|week|condition|met|yes|peer|now|firing|elsewhere|with|other|like)\b`,
				quotedText.ReplaceAllString(e.Title+e.Summary+fmt.Sprint(e.Table), ""))
		}
	}
	return comparisons
}

// TestPastHours says in both languages what the signal did at the same hour of other days. A value is given the days ago and the
// seconds since that day's onset; today's was 20 minutes before the recording's end.
func TestPastHours(t *testing.T) {
	const step = time.Minute
	r := record(8*oneDay, step)
	end := float64(r.count-1) * step.Seconds()
	add := func(series string, value func(ago int, s float64) float64) {
		r.add(series, func(s float64) float64 {
			for _, ago := range []int{0, 1, 7} {
				if since := s - (end - 1200) + float64(ago)*oneDay.Seconds(); math.Abs(since) <= 2*3600 {
					return value(ago, since)
				}
			}
			return nan
		})
	}
	high := func(s, low, high float64) float64 {
		if s >= 0 && s < 3000 {
			return wobble(high, s)
		}
		return wobble(low, s)
	}
	on := func(days ...int) func(int, float64) float64 {
		return func(ago int, s float64) float64 {
			if slices.Contains(days, ago) {
				return high(s, 2, 60)
			}
			return wobble(2, s)
		}
	}
	add(`once_percent{job="api"}`, on(0))
	add(`daily_percent{job="api"}`, on(0, 1))
	add(`weekly_percent{job="api"}`, on(0, 7))
	add(`both_percent{job="api"}`, on(0, 1, 7))
	add(`always_percent{job="api"}`, func(_ int, s float64) float64 { return wobble(60, s) })
	add(`room_percent{job="api"}`, func(ago int, s float64) float64 { return 100 - on(0, 1)(ago, s) })
	add(`room_once_percent{job="api"}`, func(ago int, s float64) float64 { return 100 - on(0)(ago, s) })
	add(`barely_percent{job="api"}`, func(ago int, s float64) float64 {
		if ago == 1 && s > 0 {
			return 12
		}
		return on(0)(ago, s)
	})
	add(`fresh_percent{job="api"}`, func(ago int, s float64) float64 { return map[bool]float64{true: 60, false: nan}[ago == 0 && s >= 0] })
	add(`today_percent{zone="a"}`, func(ago int, s float64) float64 { return map[bool]float64{true: on(0)(ago, s), false: nan}[ago == 0] })
	add(`ended_percent{job="api"}`, func(_ int, s float64) float64 { return map[bool]float64{true: 60, false: nan}[s < -600] })
	add(`infinite{job="api"}`, func(ago int, s float64) float64 {
		return map[bool]float64{true: math.Inf(1), false: 3}[ago == 1 && s > 0 && s < 600] + spike(s >= 0 && ago == 0, 60)
	})
	add(`up{job="api",instance="a:80"}`, func(ago int, _ float64) float64 { return map[bool]float64{true: 1, false: nan}[ago != 7] })
	p := r.serve(t, "")
	fired := r.end().Add(-20 * time.Minute)
	tests := []struct{ name, expr, en, zh string }{
		{
			"once", "once_percent > 10", `^Value at this hour: a day before max 2\S* %, a week before max 2\S* %; this time max 6\S* %\. It did not rise like this then\.$`,
			`^同一时段对比：前一天最高 2\S* %，一周前最高 2\S* %；本次最高 6\S* %。历史同期没有类似的上升。$`,
		},
		{"daily", "daily_percent > 10", ` It also rose like this a day before: maybe a daily pattern\.$`, `前一天同期也有类似的上升，可能是日周期规律。$`},
		{"weekly", "weekly_percent > 10", ` It also rose like this a week before: maybe a weekly pattern\.$`, `一周前同期也有类似的上升，可能是周周期规律。$`},
		{"both", "both_percent > 10", ` It also rose like this a day before and a week before: maybe a daily pattern\.$`, `前一天和一周前同期也有类似的上升，可能是日周期规律。$`},
		{"always", "always_percent > 10", ` It was also like this a day before and a week before, and before that hour: this may be nothing new\.$`, `前一天和一周前同期也是如此，且更早就是如此，可能不是新问题。$`},
		{"a fall", "room_percent < 50", `: a day before min 3\S* %, .* It also fell like this a day before: maybe a daily pattern\.$`, `：前一天最低 3\S* %，.*前一天同期也有类似的下降，可能是日周期规律。$`},
		{"a fall, once", "room_once_percent < 50", ` It did not fall like this then\.$`, `历史同期没有类似的下降。$`},
		{"the condition alone", "barely_percent > 10", ` The condition was also met a day before, but the value moved less than half as far\.$`, `前一天同期也满足过告警条件，但变化幅度不到本次的一半。$`},
		{"no such series then", "fresh_percent > 10", `^Value at this hour: a day before no value with these labels, a week before no data at all; this time max 60 %\. It did not rise`, `^同一时段对比：前一天没有这些标签的数据，一周前没有任何数据；本次最高 60 %。`},
		{"ended before the onset", "ended_percent > 10", `^The expression has had no value with this alert's labels since the onset: nothing to compare\.$`, `^异常开始后没有与本告警标签匹配的数据，无法与其他日期对比。$`},
		{"nothing", "nowhere > 10", `^The expression has no value with this alert's labels in this window`, `.`},
		{"without a comparison", "once_percent", `^Value at this hour: a day before max 2\S* %`, `^同一时段对比：前一天最高 2\S* %`},
		{"infinity", "infinite > 10", `^Value at this hour: a day before`, `^同一时段对比：前一天`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inc := firingIncident(fired, test.expr, "alertname=X job=api")
			item := compared(t, p.URL, r.end(), incident.English, inc)[0]
			zh := compared(t, p.URL, r.end(), incident.Chinese, inc)[0]
			assert.Regexp(t, test.en, item.Summary)
			assert.Regexp(t, test.zh, zh.Summary)
			if item.Table == nil {
				assert.Nil(t, item.Chart)
				return
			}
			assert.Contains(t, []string{"max", "min"}, item.Table.Columns[2])
			assert.Equal(t, []string{"this time", "a day before", "a week before"}, []string{item.Table.Rows[0][0], item.Table.Rows[1][0], item.Table.Rows[2][0]})
			assert.Equal(t, []string{"本次", "前一天", "一周前"}, []string{zh.Table.Rows[0][0], zh.Table.Rows[1][0], zh.Table.Rows[2][0]})
			for i, row := range item.Table.Rows {
				if row[2] != "–" {
					assert.Contains(t, item.Summary, row[0]+" "+item.Table.Columns[2]+" "+row[2], "the summary says what the table says")
					at, err := time.Parse("2006-01-02 15:04:05 UTC", row[3])
					require.NoError(t, err)
					assert.WithinDuration(t, fired.AddDate(0, 0, -[]int{0, 1, 7}[i]), at, 51*time.Minute, "about that hour")
				}
			}
		})
	}
	t.Run("no data of then", func(t *testing.T) {
		for language, want := range map[incident.Language]string{"en": " No data from then to compare.", "zh": "没有历史同期数据可对比。"} {
			begin := r.at(end - 7*oneDay.Seconds() - 1200) // a week ago, which is where the data begin
			inc := firingIncident(begin.Add(time.Hour), "once_percent > 1", "alertname=X job=api")
			assert.Contains(t, compared(t, p.URL, begin.Add(70*time.Minute), language, inc)[0].Summary, want)
		}
	})
	t.Run("just now", func(t *testing.T) {
		inc := firingIncident(r.end(), "once_percent > 10", "alertname=X job=api")
		assert.Regexp(t, `; this time max (5|6)\S* %\.`, compared(t, p.URL, r.end(), incident.English, inc)[0].Summary)
	})
}

// TestPeersTable compares an alert with its peers: none, one, many, and such as have no numbers.
func TestPeersTable(t *testing.T) {
	r := record(90*time.Minute, 30*time.Second)
	const onset = 4500
	sick := func(from float64) func(float64) float64 { return steps(1, from, 9) }
	add := func(metric string, values ...func(float64) float64) {
		for i, value := range values {
			r.add(fmt.Sprintf(`%s{job="api",instance="%02d"}`, metric, i), value)
		}
	}
	well := steps(1)
	add("one", sick(onset), well)
	add("half", sick(onset), sick(onset), well)
	add("third", sick(onset), sick(onset), well, well)
	add("all", sick(onset), sick(onset), sick(onset))
	add("over", sick(onset), steps(1, onset, 9, onset+300, 1))
	add("before", sick(onset), steps(9, onset-60, 1))
	add("hollow", sick(onset), steps(1, onset-300, nan), steps(nan), steps(math.Inf(1)))
	add("fresh", sick(onset), steps(nan, onset+60, 2))
	add("fall", steps(9, onset, 1), steps(9), steps(8))
	add("ours_gone", steps(9, onset-300, nan), well)
	add("lone", sick(onset))
	crowd := []func(float64) float64{sick(onset)}
	for i := range 30 {
		crowd = append(crowd, steps(1, onset, float64(i)/10))
	}
	add("crowd", crowd...)
	r.add(`up{job="api",instance="00"}`, steps(1, onset, 0))
	r.add(`up{job="api",instance="01"}`, steps(1))
	p := r.serve(t, "")
	tests := []struct {
		name, expr, alerts string
		en, zh             string
		rows               []string // role and condition
	}{
		{
			"one", "one > 5", "", `^None of the expression's 1 other series met the condition since the onset\. Max since then: 9 for this alert; others: median 1, max 1\. A shared cause is unlikely\.$`,
			`^表达式另有 1 条序列，异常开始后均未满足条件。异常开始后的最高值：本告警 9；其他序列中位数 1，最高 1。由共同原因引起的可能性小。$`,
			[]string{"this alert now", "peer no"},
		},
		{"half of them", "half > 5", "", `^1 of the expression's 2 other series .*; 1 still do at the end\. .* A cause specific to this target is unlikely\.$`, `^表达式另有 2 条序列，异常开始后满足过条件的 1 条，目前仍满足的 1 条。.*仅由本告警对象自身引起的可能性小。$`, []string{"this alert now", "peer now", "peer no"}},
		{"fewer", "third > 5", "", `^1 of the expression's 3 other series .* max 9\.$`, `最高 9。$`, []string{"this alert now", "peer now", "peer no", "peer no"}},
		{"all", "all > 5", "", `^2 of the expression's 2 other series .*; 2 still do`, `目前仍满足的 2 条`, []string{"this alert now", "peer now", "peer now"}},
		{"two of them ours", "all > 5", ";alertname=X job=api instance=01", `^1 of the expression's 1 other series`, `另有 1 条序列，异常开始后满足过条件的 1 条`, []string{"this alert now", "this alert now", "peer now"}},
		{"not any more", "over > 5", "", `^1 of the expression's 1 other series .*; 0 still do at the end`, `目前仍满足的 0 条`, []string{"this alert now", "peer earlier"}},
		{"before the onset", "before > 5", "", `^None of the expression's 1 other series met`, `均未满足条件`, []string{"this alert now", "peer no"}},
		{"none with numbers", "hollow > 5", "", `^The expression has no other series: no peers to compare\. Targets with job="api" at .* UTC: 1 up, 1 down\.$`, `^表达式只有本告警的序列，没有同类序列可对比。.* UTC 时，job="api" 的采集目标 1 个正常，1 个不可用。$`, nil},
		{"a new one", "fresh > 5", "", `^None of the expression's 1 other series .* others: median 2, max 2\.`, `中位数 2`, []string{"this alert now", "peer no"}},
		{"a fall", "fall < 5", "", `^None of .* Min since then: 1 for this alert; others: median 8\.5, min 8\.`, `异常开始后的最低值：本告警 1；其他序列中位数 8\.5，最低 8。`, []string{"this alert now", "peer no", "peer no"}},
		{"ours is gone", "ours_gone > 5", "", `^None of the expression's 1 other series met the condition since the onset\. A shared cause is unlikely\.$`, `均未满足条件。由共同原因引起的可能性小。$`, []string{"peer no"}},
		{"nobody else", "lone > 5", "", `^The expression has no other series`, `没有同类序列`, nil},
		{"no series", "nowhere > 5", "", `^The expression has no other series`, `没有同类序列`, nil},
		{"absent", "absent(nowhere)", "", `^The expression has no other series`, `没有同类序列`, nil},
		{"no rule", "", "", `^The alert's expression is unknown: no peers to compare\. Targets with job="api" .*: 1 up, 1 down\.$`, `^告警表达式未知，无法确定同类序列。.* UTC 时，`, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inc := firingIncident(r.at(onset), test.expr, strings.Split("alertname=X job=api instance=00"+test.alerts, ";")...)
			item := compared(t, p.URL, r.end(), incident.English, inc)[1]
			zh := compared(t, p.URL, r.end(), incident.Chinese, inc)[1]
			assert.Regexp(t, test.en, item.Summary)
			assert.Regexp(t, test.zh, zh.Summary)
			if test.rows == nil {
				assert.Nil(t, item.Table)
				return
			}
			var rows []string
			for _, row := range item.Table.Rows {
				rows = append(rows, row[1]+" "+row[5])
			}
			assert.Equal(t, test.rows, rows)
			assert.Equal(t, []string{"序列", "所属", "异常前中位数"}, zh.Table.Columns[:3])
		})
	}
	t.Run("many: the furthest are shown", func(t *testing.T) {
		inc := firingIncident(r.at(onset), "crowd > 5", "alertname=X job=api instance=00")
		rows := compared(t, p.URL, r.end(), incident.English, inc)[1].Table.Rows
		require.Len(t, rows, 1+maxPeers+1)
		assert.Equal(t, "9", rows[0][3])
		for i := range maxPeers {
			assert.Equal(t, fmt.Sprintf("%.2g", 2.9-float64(i)/10), strings.TrimSuffix(rows[1+i][3], ".0"), "row %d", i)
		}
		assert.Equal(t, []string{"and 22 more", "", "", "", "", ""}, rows[1+maxPeers])
	})
	t.Run("no job, no targets", func(t *testing.T) {
		for language, want := range map[incident.Language][2]string{
			"en": {"Its labels name no job either.", `Prometheus has no scrape targets with job="web" at `},
			"zh": {"也无法从标签判断所属 job。", `Prometheus 中没有 job="web" 的采集目标`},
		} {
			for i, alert := range []string{"alertname=X team=a", "alertname=X job=web"} {
				inc := firingIncident(r.at(onset), "", alert)
				assert.Contains(t, compared(t, p.URL, r.end(), language, inc)[1].Summary, want[i])
			}
		}
	})
}

// TestFiringTable counts what else fires: nothing, one, many, and what does not count.
func TestFiringTable(t *testing.T) {
	r := record(30*time.Minute, 30*time.Second)
	stages := []struct {
		name         string
		series       []string
		alert        string
		en, zh       string
		rows         [][]string
		columnsEn    int
		zhColumnName string
	}{
		{"nothing", nil, "alertname=X job=api", "No other alerts firing.", "当前没有其他告警触发。", nil, 0, ""},
		{"its own and such as count for nothing", []string{`alertname="X",job="api"`, `alertname="Watchdog"`, `alertname="InfoInhibitor",job="api"`, fmt.Sprintf(`alertname="Y",%s="true"`, incident.SelfAlertLabel)}, "alertname=X job=api", "No other alerts firing.", "当前没有其他告警触发。", nil, 0, ""},
		{
			"one near",
			[]string{`alertname="A",job="api"`},
			"alertname=X job=api", `Other alerts firing: 1; also with job="api": 1; elsewhere: 0, in 0 other jobs.`,
			`当前另有 1 条告警触发：同属 job="api" 的 1 条，其他 0 条（涉及 job 0 个）。`,
			[][]string{{"A", "1", "1", "0"}},
			4, `同属 job="api"`,
		},
		{
			"near and far",
			[]string{`alertname="A",namespace="n1",i="1"`, `alertname="A",namespace="n2",i="2"`, `alertname="A",namespace="n3"`, `alertname="B",namespace="n3"`, `alertname="B"`, `alertname="C",namespace="n1"`},
			"alertname=X namespace=n1",
			`Other alerts firing: 6; also with namespace="n1": 2; elsewhere: 4, in 2 other namespaces.`,
			`当前另有 6 条告警触发：同属 namespace="n1" 的 2 条，其他 4 条（涉及 namespace 2 个）。`,
			[][]string{{"A", "3", "1", "2"}, {"B", "2", "0", "2"}, {"C", "1", "1", "0"}},
			4, `同属 namespace="n1"`,
		},
		{"nowhere", []string{`alertname="A",job="api"`, `alertname="B"`}, "alertname=X team=a", "Other alerts firing: 2; this one has no namespace or job to locate them by.", "当前另有 2 条告警触发；本告警没有 namespace 或 job 标签，无法判断是否相关。", [][]string{{"A", "1"}, {"B", "1"}}, 2, "触发数"},
	}
	// Prometheus looks back five minutes for a value: each stage is as far away from the next.
	const apart = 330
	stagesOf := map[string][]int{} // a series may belong to several
	for i, stage := range stages {
		for _, series := range stage.series {
			stagesOf[series] = append(stagesOf[series], i)
		}
	}
	for series, list := range stagesOf {
		r.add(fmt.Sprintf(`ALERTS{alertstate="firing",%s}`, series), func(s float64) float64 {
			if slices.ContainsFunc(list, func(i int) bool { return s == float64(i*apart) }) {
				return 1
			}
			return nan
		})
	}
	p := r.serve(t, "")
	for i, stage := range stages {
		t.Run(stage.name, func(t *testing.T) {
			now := float64(i*apart + 15)
			inc := firingIncident(r.at(now-5), "", stage.alert)
			item := compared(t, p.URL, r.at(now), incident.English, inc)[2]
			zh := compared(t, p.URL, r.at(now), incident.Chinese, inc)[2]
			en, chinese := stage.en, stage.zh
			if item.Nothing {
				en, chinese = en+msgNoUpAtAll.en, chinese+msgNoUpAtAll.zh // as this server has none
			}
			assert.Equal(t, en, item.Summary)
			assert.Equal(t, chinese, zh.Summary)
			if stage.rows == nil {
				assert.Nil(t, item.Table)
				return
			}
			assert.Equal(t, stage.rows, item.Table.Rows)
			assert.Equal(t, stage.rows, zh.Table.Rows)
			assert.Len(t, item.Table.Columns, stage.columnsEn)
			assert.Contains(t, zh.Table.Columns, stage.zhColumnName)
		})
	}
}

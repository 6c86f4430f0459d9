package evidence

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/score"
)

var scoredAt = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)

// seriesOf makes a series of 60 values, one a minute.
func seriesOf(labels string, value func(float64) float64) trackedSeries {
	t := trackedSeries{labels: pairs(labels)}
	t.query, t.unit, t.lag, t.lagRows = promql.SeriesText(t.labels), promql.UnitOfMetric(t.labels["__name__"]), time.Minute, 1
	t.place()
	for i := range 60 {
		t.values = append(t.values, value(float64(i)))
	}
	return t
}

// told scores series whose onset is at the 40th minute, and makes an item of them.
func told(language incident.Language, left int, err error, tracks ...trackedSeries) incident.Evidence {
	inv := newInvestigation(firingIncident(scoredAt.Add(40*time.Minute), "", "alertname=X"), scoredAt.Add(time.Hour))
	inv.language = language
	g := score.NewGrid(scoredAt, scoredAt.Add(59*time.Minute), time.Minute)
	r := rankTracks(tracks, g, 40)
	r.left, r.err = left, err
	return inv.suspectsItem(r)
}

// TestSuspectsTold looks at what is said of series that changed in every way, in both languages.
func TestSuspectsTold(t *testing.T) {
	noisy := func(around float64, then ...float64) func(float64) float64 {
		level := steps(around, then...)
		return func(s float64) float64 { return level(s) * (1 + .03*math.Sin(7*s)) }
	}
	own := seriesOf("__name__=own job=api", noisy(1, 40, 50))
	own.ownSignal = true
	tests := []struct {
		name   string
		tracks []trackedSeries
		left   int
		err    error
		en, zh string
		notes  [2]string // of the first row
	}{
		{"none", nil, 0, nil, `^No related series has enough history to detect a change\.$`, `^相关序列的历史数据不足，无法判断是否有变化。$`, [2]string{}},
		{"too new", []trackedSeries{seriesOf("__name__=m", steps(nan, 35, 4))}, 0, nil, `^No related series has enough history`, `历史数据不足`, [2]string{}},
		{"nothing but NaN", []trackedSeries{seriesOf("__name__=m", steps(nan))}, 0, nil, `^No related series`, `历史数据不足`, [2]string{}},
		{
			"a rise",
			[]trackedSeries{seriesOf("__name__=m job=api", noisy(2, 40, 30))},
			0, nil,
			`^1 of 1 related series changed clearly, most of all job="api": m\{job="api"\}, which rose from (2|1\.9\d|2\.0\d) to (30|29\.\d|30\.\d) \(15-fold\), since 2026-11-20 08:4\d:00 UTC \(±1m\)\.$`,
			`^相关的 1 条序列中有 1 条明显变化，变化最大的是 job="api"：m\{job="api"\}，由 (2|1\.9\d|2\.0\d) 升至 (30|29\.\d|30\.\d)（15 倍），始于 2026-11-20 08:4\d:00 UTC（±1 分钟）。$`,
			[2]string{"high confidence", "置信度高"},
		},
		{"a fall", []trackedSeries{seriesOf("__name__=m", noisy(30, 40, 2))}, 0, nil, `which fell from (30|29\.\d|30\.\d) to (2|1\.9\d|2\.0\d) \(to [67] % of it\), since`, `由 (30|29\.\d|30\.\d) 降至 .*（降至原来的 [67] %）`, [2]string{"high confidence", "置信度高"}},
		{"an end may be rare traffic", []trackedSeries{seriesOf("__name__=m", steps(3, 42, nan))}, 0, nil, `^None of 1 related series .* The closest to a change, which may be chance, is m: it ended at 2026-11-20 08:42:00 UTC \(±1m\), and was 3\.$`, `：已中断（2026-11-20 08:42:00 UTC（±1 分钟）），此前为 3`, [2]string{"low confidence", "置信度低"}},
		{
			"the end of a target",
			[]trackedSeries{seriesOf("__name__=a job=x", steps(3, 42, nan)), seriesOf("__name__=b job=x", steps(4, 42, nan)), seriesOf("__name__=c job=x", steps(5, 42, nan)), seriesOf("__name__=a job=y", steps(3))},
			0, nil,
			`^3 of 4 related series changed clearly, most of all job="x": a\{job="x"\}, which ended \(was 3\), since 2026-11-20 08:42:00 UTC \(±6m\)\. Unchanged: a \(1 of 2\)\.$`,
			`变化最大的是 job="x"：a\{job="x"\}，数据中断（中断前为 3）`,
			[2]string{"high confidence", "置信度高"},
		},
		{
			"the end of everything is one fact",
			[]trackedSeries{seriesOf("__name__=a job=x", noisy(2, 30, 60, 45, nan)), seriesOf("__name__=a job=y", noisy(3, 45, nan)), seriesOf("__name__=a job=z", noisy(3, 45, nan))},
			0, nil,
			`^1 of 3 related series changed clearly, most of all job="x": .* All 3 series end together at 2026-11-20 08:45:00 UTC \(±5m\): the recording, scraping or federation ended\. Unchanged: a \(2 of 3\)\.$`,
			`全部 3 条序列在 2026-11-20 08:45:00 UTC（±5 分钟）同时中断`,
			[2]string{"high confidence", "置信度高"},
		},
		{
			"early",
			[]trackedSeries{seriesOf("__name__=m job=api", noisy(2, 57, 100))},
			0, nil,
			`^Early: 1 of 1 related series differ clearly, 3 values after the change at most; most of all job="api": .* \((49|50|51|52)-fold\), since`,
			`^变化刚开始（至多 3 个值）：相关的 1 条序列中有 1 条已明显不同`,
			[2]string{"early: 3 values", "变化刚开始（3 个值）"},
		},
		{"hardly", []trackedSeries{seriesOf("__name__=m", noisy(30, 50, 30.5))}, 0, nil, `^None of 1 related series \(1 target\) changed beyond what healthy series show\. The closest to a change, which may be chance, is m: 30\.\d → 31\.\d since .* Unchanged: m\.$`, `^相关的 1 条序列（1 个对象）均在正常波动范围内。最接近变化的是 m：30\.\d → .*没有变化：m。$`, [2]string{}},
		{
			"its own signal is not what else changed",
			[]trackedSeries{own, seriesOf("__name__=m job=api", noisy(2, 40, 30))},
			0, nil,
			`^2 of 2 related series changed clearly, most of all job="api": m\{job="api"\},`, `变化最大的是 job="api"：m\{job="api"\}`,
			[2]string{"high confidence", "置信度高"},
		},
		{"but where there is nothing else", []trackedSeries{own}, 0, nil, `most of all job="api": own\{job="api"\},`, `变化最大的是 job="api"：own`, [2]string{"high confidence, alert's own signal", "置信度高，告警自身的指标"}},
		{
			"another moved first",
			[]trackedSeries{seriesOf("__name__=most job=a", noisy(2, 40, 900)), seriesOf("__name__=first job=b", noisy(20, 37, 70))},
			0, nil,
			`most of all job="a": most\{job="a"\}, .* first\{job="b"\} moved first, up, at 2026-11-20 08:3\d:00 UTC \(±1m\)\.$`, `最先变化的是 first\{job="b"\}：上升，始于 2026-11-20 08:3\d:00 UTC（±1 分钟）。$`,
			[2]string{"high confidence", "置信度高"},
		},
		{
			"it moved first",
			[]trackedSeries{seriesOf("__name__=most job=a", noisy(2, 36, 900)), seriesOf("__name__=later job=b", noisy(2, 43, 60))},
			0, nil,
			`most of all job="a": most\{job="a"\}, .* It moved first\.$`, `该序列也是最先变化的。$`,
			[2]string{"high confidence", "置信度高"},
		},
		{
			"some left out, some not read",
			[]trackedSeries{seriesOf("__name__=m", noisy(2, 40, 30))},
			1234, fmt.Errorf("%w: no answer in time", promapi.ErrTooExpensive),
			` UTC \(±1m\)\. Skipped 1234 more series: too many\. Some could not be read: too slow or too large \(no answer in time\)\.$`,
			`序列过多，另有 1234 条未检查。部分序列查询失败：查询过慢或结果过大（未在时限内返回）。$`,
			[2]string{"high confidence", "置信度高"},
		},
		{"none, and some not read", nil, 3, promapi.ErrNoBudget, `a change\. Skipped 3 more series: too many\. Some could not be read: the incident's query budget is used up\.$`, `本事件的查询次数已用完。$`, [2]string{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			item, zh := told(incident.English, test.left, test.err, test.tracks...), told(incident.Chinese, test.left, test.err, test.tracks...)
			assert.Regexp(t, test.en, item.Summary)
			assert.Regexp(t, test.zh, zh.Summary)
			item.Query, zh.Query = "", "" // its source is set later
			owed(t, item, zh)
			if test.notes[0] == "" {
				assert.Nil(t, item.Table)
				return
			}
			notes := []string{item.Table.Rows[0][6], zh.Table.Rows[0][6]}
			assert.Equal(t, test.notes[:], notes)
			assert.GreaterOrEqual(t, len(item.Ranking), len(item.Table.Rows))
			assert.Equal(t, []string{"所属对象", "主要序列", "异常前", "异常后", "开始时间", "偏离（倍）", "备注", "同一对象的其他变化"}, zh.Table.Columns)
		})
	}
}

// TestRankingBounds: however many series there are, a target is one entry, and the order is always the same.
func TestRankingBounds(t *testing.T) {
	var tracks []trackedSeries
	for i := range 300 {
		height := float64(2+i%37) + spike(i%60 == 0, 100) // one target's are the furthest
		tracks = append(tracks, seriesOf(fmt.Sprintf("__name__=m%03d job=j%d", i, i%60), func(s float64) float64 { return 1 + .02*math.Sin(s*float64(3+i%5)) + spike(s >= 40, height) }))
	}
	item := told(incident.English, 0, nil, tracks...)
	leads := item.Ranking[:maxRanked]
	assert.Len(t, item.Ranking, maxRanked+4*suspectRows, "and what else is told of the first targets")
	assert.Len(t, item.Table.Rows, suspectRows)
	assert.Len(t, item.Chart.Series, suspectCharts)
	of := map[string]int{}
	assert.Equal(t, "j0", item.Ranking[0].Labels["job"])
	for _, r := range leads {
		of[r.Labels["job"]]++
		assert.Equal(t, "up", r.Direction)
	}
	assert.Len(t, of, maxRanked, "each is named once")
	assert.Regexp(t, `m\d+ 0\.99\d* → \d+.*; .*; .*; 1 more: m\d+$`, item.Table.Rows[0][7], "the others of it are told beside it")
	for _, r := range item.Ranking[maxRanked:] {
		assert.Equal(t, r.Labels["job"], leads[r.Lead-1].Labels["job"], "each says whose it is")
	}
	for seed := range uint64(5) {
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(tracks), func(i, j int) { tracks[i], tracks[j] = tracks[j], tracks[i] })
		assert.Equal(t, item, told(incident.English, 0, nil, tracks...), "whatever the order of the answers")
	}
	for _, line := range item.Chart.Series {
		for _, p := range line.Points {
			assert.Less(t, math.Abs(p.Value), 1.6, "0 is the level before, 1 that of the change")
		}
	}
}

// TestLeadingGroup: confidence outweighs being something else, which outweighs the order.
func TestLeadingGroup(t *testing.T) {
	one := func(name string, confident, early, own bool) *suspectGroup {
		return &suspectGroup{series: []*suspect{{trackedSeries: trackedSeries{query: name, ownSignal: own}, confident: confident, early: early}}}
	}
	assert.Nil(t, leadingGroup(nil))
	for i, test := range []struct {
		groups []*suspectGroup
		want   string
	}{
		{[]*suspectGroup{one("a", false, false, false)}, "a"},
		{[]*suspectGroup{one("a", false, false, true)}, "a"},
		{[]*suspectGroup{one("a", false, false, false), one("b", false, false, false)}, "a"},
		{[]*suspectGroup{one("a", false, false, false), one("b", true, false, false)}, "b"},
		{[]*suspectGroup{one("a", false, true, false), one("b", true, false, false)}, "b"},
		{[]*suspectGroup{one("a", false, false, false), one("b", false, true, false)}, "b"},
		{[]*suspectGroup{one("a", true, false, true), one("b", true, false, false)}, "b"},
		{[]*suspectGroup{one("a", false, false, false), one("b", true, false, true)}, "b"},
		{[]*suspectGroup{one("a", false, false, true), one("b", false, false, false)}, "b"},
	} {
		assert.Equal(t, test.want, leadingGroup(test.groups).lead().query, i)
	}
}

// TestPlanBounds: any sizes of any scopes are planned within the bounds, and nothing gets lost or is asked twice.
func TestPlanBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		points := 1 + rng.IntN(600)
		var scopes []*seriesScope
		all := 0
		for i := range rng.IntN(5) {
			c := &seriesScope{names: map[string]int{}, matchers: []promql.Matcher{promql.Equals("l", fmt.Sprint(i))}}
			for j := range rng.IntN(60) {
				n := 1 + int(math.Exp(rng.Float64()*9))
				c.names[fmt.Sprintf("m%d", j)] = n
				all += n
			}
			scopes = append(scopes, c)
		}
		plan := planBatches(scopes, points)
		asked, values := 0, 0
		seen := map[string]bool{}
		assert.LessOrEqual(t, len(plan.batches), maxBatches)
		assert.LessOrEqual(t, len(plan.large), maxLarge)
		for i, b := range slices.Concat(plan.batches, plan.large) {
			n := 0
			require.NotEmpty(t, b.names)
			for _, name := range b.names {
				key := fmt.Sprintf("%p %s", b.scope, name)
				assert.False(t, seen[key], "asked twice")
				seen[key] = true
				n += b.scope.names[name]
			}
			assert.Equal(t, n, b.series)
			_, err := promql.Parse(b.selector())
			require.NoError(t, err)
			if i >= len(plan.batches) {
				continue
			}
			assert.LessOrEqual(t, n, 2*max(maxBatchValues/points, 1))
			asked, values = asked+n, values+n*points
			if i > 0 {
				assert.GreaterOrEqual(t, slices.Index(scopes, b.scope), slices.Index(scopes, plan.batches[i-1].scope), "narrow scopes first")
			}
		}
		assert.LessOrEqual(t, values, maxValues)
		assert.Equal(t, all, asked+plan.sampled()+plan.left, "what is not asked is counted")
	}
	assert.Equal(t, fetchPlan{}, planBatches(nil, 300))
	hostileName := &seriesScope{names: map[string]int{`a.b|c"\`: 1}}
	assert.Equal(t, `{__name__=~"a\\.b\\|c\"\\\\"}`, planBatches([]*seriesScope{hostileName}, 300).batches[0].selector(), "a name is no pattern")
}

// TestScopes: which labels of an alert are looked at, from narrow to wide, none of them twice.
func TestScopes(t *testing.T) {
	r := record(10*time.Minute, 15*time.Second).add(`up{job="api"}`, steps(1))
	p := r.serve(t, "")
	tests := []struct {
		labels string
		want   []string // the first matchers of each
	}{
		{"job=api", []string{`job="api"`}},
		{"instance=i job=api", []string{`instance="i"`, `job="api",instance!="i"`}},
		{"pod=p namespace=n", []string{`pod="p",namespace="n"`, `namespace="n",pod!="p"`}},
		{"pod=p", []string{`pod="p"`}},
		{"node=x namespace=n", []string{`node="x"`, `namespace="n",node!="x"`}},
		{"container=c pod=p instance=i service=s app=a deployment=d job=j namespace=n", []string{`container="c",namespace="n"`, `pod="p",namespace="n",container!="c"`, `instance="i",container!="c",pod!="p"`, `service="s"`, `app="a"`, `deployment="d"`}},
		{"team=a severity=page", []string{`team`}},
		{"severity=page team=a zone=z", []string{`zone="z"`}},
		{"job= zone=z", []string{`zone="z"`}},
	}
	c := collectorAt(t, p.URL, r.end())
	for _, test := range tests {
		t.Run(test.labels, func(t *testing.T) {
			inv := c.investigate(t.Context(), firingIncident(r.end().Add(-time.Minute), "", "alertname=X "+test.labels), 20)
			scopes, err := inv.scopes(t.Context())
			require.NoError(t, err)
			if test.want[0] == "team" {
				assert.Empty(t, scopes, "who is called says nothing about where it is")
				return
			}
			require.Len(t, scopes, len(test.want))
			for i, scope := range scopes {
				assert.True(t, strings.HasPrefix(scope.selector(), "{"+test.want[i]), "%d: %s", i, scope.selector())
				assert.Contains(t, scope.selector(), `,__name__!=""}`)
				assert.Equal(t, !scope.near, strings.Contains(scope.selector(), "alertmanager_.+"), "near the alert even the monitoring is looked at")
				_, err := promql.Parse(scope.selector())
				require.NoError(t, err)
			}
		})
	}
}

// TestTrackSeries: what becomes of gauges, counters and histograms before they are judged.
func TestTrackSeries(t *testing.T) {
	g := score.NewGrid(scoredAt, scoredAt.Add(29*time.Minute), time.Minute)
	stream := func(labels string, value func(float64) float64) *model.SampleStream {
		s := &model.SampleStream{Metric: metricFromLabels(pairs(labels))}
		for i := range 30 {
			if v := value(float64(i)); !math.IsNaN(v) {
				s.Values = append(s.Values, model.SamplePair{Timestamp: model.TimeFromUnixNano(g.At(i).UnixNano()), Value: model.SampleValue(v)})
			}
		}
		return s
	}
	counts := func(perMinute float64) func(float64) float64 { return func(s float64) float64 { return perMinute * s } }
	tests := []struct {
		name    string
		streams []*model.SampleStream
		want    map[string]float64 // the last value by query
	}{
		{"nothing", nil, map[string]float64{}},
		{"no values", []*model.SampleStream{stream("__name__=m", steps(nan))}, map[string]float64{}},
		{"a gauge", []*model.SampleStream{stream("__name__=temperature job=a", counts(2))}, map[string]float64{`temperature{job="a"}`: 58}},
		{"a counter", []*model.SampleStream{stream("__name__=x_total job=a", counts(120))}, map[string]float64{`rate(x_total{job="a"}[4m])`: 2}},
		{"a counter that was reset", []*model.SampleStream{stream("__name__=x_total", func(s float64) float64 { return 120 * math.Mod(s, 20) })}, map[string]float64{`rate(x_total[4m])`: 2}},
		{"a gauge in a counter's name", []*model.SampleStream{stream("__name__=x_total", func(s float64) float64 { return 100 - s })}, map[string]float64{`x_total`: 71}},
		{
			"a histogram",
			[]*model.SampleStream{stream("__name__=t_seconds_sum", counts(60)), stream("__name__=t_seconds_count", counts(120))},
			map[string]float64{`rate(t_seconds_count[4m])`: 2, `rate(t_seconds_sum[4m]) / rate(t_seconds_count[4m])`: .5},
		},
		{"a sum without its count", []*model.SampleStream{stream("__name__=t_seconds_sum", counts(60))}, map[string]float64{`rate(t_seconds_sum[4m])`: 1}},
		{
			"of two targets each its own",
			[]*model.SampleStream{
				stream("__name__=t_seconds_sum job=a", counts(60)), stream("__name__=t_seconds_count job=a", counts(60)),
				stream("__name__=t_seconds_sum job=b", counts(60)), stream("__name__=t_seconds_count job=b", counts(240)),
			},
			map[string]float64{
				`rate(t_seconds_count{job="a"}[4m])`: 1, `rate(t_seconds_sum{job="a"}[4m]) / rate(t_seconds_count{job="a"}[4m])`: 1,
				`rate(t_seconds_count{job="b"}[4m])`: 4, `rate(t_seconds_sum{job="b"}[4m]) / rate(t_seconds_count{job="b"}[4m])`: .25,
			},
		},
		{"a sum of no observations", []*model.SampleStream{stream("__name__=t_seconds_sum", counts(60)), stream("__name__=t_seconds_count", steps(0))}, map[string]float64{
			`rate(t_seconds_count[4m])`: 0, `rate(t_seconds_sum[4m]) / rate(t_seconds_count[4m])`: nan,
		}},
		{"a mean of nothing", []*model.SampleStream{stream("__name__=t_seconds_sum", steps(0)), stream("__name__=t_seconds_count", steps(0))}, map[string]float64{
			`rate(t_seconds_count[4m])`: 0, `rate(t_seconds_sum[4m]) / rate(t_seconds_count[4m])`: nan,
		}},
	}
	types := score.MetricTypes{"t_seconds": model.MetricTypeHistogram, "x": model.MetricTypeCounter, "x_total": model.MetricTypeCounter, "temperature": model.MetricTypeGauge}
	inv := newInvestigation(firingIncident(scoredAt, "", "alertname=X"), scoredAt.Add(time.Hour))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := map[string]float64{}
			for _, s := range inv.trackSeries(test.streams, g, types, 4*time.Minute) {
				_, err := promql.Parse(s.query)
				require.NoError(t, err)
				assert.Len(t, s.values, g.N)
				last := s.values[g.N-1]
				got[s.query] = math.Round(last*1e6) / 1e6
			}
			require.Len(t, got, len(test.want), "%v", got)
			for query, want := range test.want {
				require.Contains(t, got, query)
				if math.IsNaN(want) {
					assert.True(t, math.IsNaN(got[query]), query)
				} else {
					assert.InDelta(t, want, got[query], .01, query)
				}
			}
		})
	}
}

func gridOf(n int) score.Grid {
	return score.NewGrid(scoredAt, scoredAt.Add(time.Duration(n-1)*time.Minute), time.Minute)
}

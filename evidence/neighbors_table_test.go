package evidence

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// quotedText is what labels hold, in any language.
var quotedText = regexp.MustCompile(`"[^"]*"`)

// steps is a value that changes at times: pairs of a second and the value from then on.
func steps(first float64, then ...float64) func(float64) float64 {
	return func(s float64) float64 {
		v := first
		for i := 0; i+1 < len(then); i += 2 {
			if s >= then[i] {
				v = then[i+1]
			}
		}
		return v
	}
}

// around returns what was found about the targets of an alert that fired five minutes before the recording's end, in both
// languages, by title in English.
func around(t *testing.T, url string, r *recording, fired float64, alert string) map[string][2]incident.Evidence {
	t.Helper()
	out := map[string][2]incident.Evidence{}
	var titles []string
	for i, language := range []incident.Language{incident.English, incident.Chinese} {
		c := collectorAt(t, url, r.end(), func(o *Options) { o.Language = language })
		items := ofKind(c.Collect(t.Context(), firingIncident(r.at(fired), "", alert), nil).Items, incident.KindNeighbors)
		owed(t, items...)
		for j, item := range items {
			require.False(t, item.Failed, item.Summary)
			if i == 0 {
				titles = append(titles, item.Title)
			} else {
				assert.NotRegexp(t, `\b(targets?|window|seen|down|scraped|started|again|more|the)\b`, quotedText.ReplaceAllString(item.Summary+fmt.Sprint(item.Table), ""))
			}
			both := out[titles[j]]
			both[i] = item
			out[titles[j]] = both
		}
		assert.Len(t, items, len(titles), "the same in both languages")
	}
	return out
}

// TestTargets looks at targets that were up, down and gone in every way.
func TestTargets(t *testing.T) {
	r := record(2*time.Hour, 15*time.Second)
	up := func(job, instance string, value func(float64) float64) {
		r.add(fmt.Sprintf(`up{job=%q,instance=%q}`, job, instance), value)
	}
	up("well", "a", steps(1))
	up("down", "a", steps(1, 6000, 0))
	up("down", "b", steps(1))
	up("always-down", "a", steps(0))
	up("back", "a", steps(1, 6000, 0, 6300, 1))
	up("once", "a", steps(1, 6000, 0, 6015, 1)) // one scrape failed
	up("gone", "a", steps(1, 6000, nan))
	up("gone-back", "a", steps(1, 5000, nan, 6000, 1))
	up("late", "a", steps(nan, 6000, 1))
	up("late-down", "a", steps(nan, 6000, 0))
	up("flapping", "a", func(s float64) float64 { return float64(int(s/300) % 2) })
	up("flapping", "b", func(s float64) float64 { return float64(int(s/240) % 2) })
	for i := range 30 {
		up("many", fmt.Sprintf("%02d", i), steps(1, 6000, float64(boolToInt(i >= 25))))
	}
	r.add(`up{job="x",instance="shop-1",namespace="shop",cluster="one"}`, steps(1, 6000, 0))
	r.add(`up{job="y",instance="shop-2",namespace="shop",cluster="one"}`, steps(1))
	r.add(`up{job="y",instance="shop-3",namespace="shop",cluster="two"}`, steps(0))
	p := r.serve(t, "")
	at := func(second float64) string { return formatTime(r.at(second))[:len("2006-01-02 15:0")] }
	tests := []struct {
		name, alert string
		en, zh      string // of the summary; %s is about 6000 s, to ten minutes
		states      []string
	}{
		{"well", "job=well", `^All targets with job="well" \(1\) were up throughout .* UTC\.`, `job="well" 的 1 个采集目标在窗口（.*）内始终正常。`, nil},
		{"down", "job=down", `^1 of 2 targets with job="down" were not always up during .* UTC; the first since .*: instance="a", job="down" down\.`, `job="down" 的 2 个采集目标中有 1 个在窗口（.*）内出现过异常，最早在 .*：instance="a", job="down" 不可用。`, []string{"down"}},
		{"down from the beginning", "job=always-down", `^1 of 1 targets`, `中有 1 个在窗口（`, []string{"down already"}},
		{"back", "job=back", `^1 of 1 targets`, `中有 1 个在窗口（`, []string{"down", "up again"}},
		{"one scrape", "job=once", `^1 of 1 targets`, `中有 1 个在窗口（`, []string{"down", "up again"}},
		{"gone", "job=gone", `instance="a", job="gone" not scraped\.`, `instance="a", job="gone" 采集中断。`, []string{"not scraped"}},
		{"gone and back", "job=gone-back", `not scraped\.`, `采集中断。`, []string{"not scraped", "up again"}},
		{"there only since then", "job=late", `^All targets with job="late" \(1\) were up throughout`, `始终正常`, nil},
		{"down since it is there", "job=late-down", `^1 of 1 targets .* down\.`, `不可用`, []string{"down"}},
		{"a few of many", "job=many", `^25 of 30 targets with job="many" were not always up`, `的 30 个采集目标中有 25 个在窗口`, nil},
		{"by instance alone", "instance=shop-2", `^All targets with instance="shop-2" \(1\)`, `instance="shop-2"`, nil},
		{"by namespace", "namespace=shop", `^2 of 3 targets with namespace="shop"`, `的 3 个采集目标中有 2 个`, []string{"down already", "down"}},
		{"by namespace and cluster", "namespace=shop cluster=one", `^1 of 2 targets with cluster="one", namespace="shop"`, `的 2 个采集目标中有 1 个`, []string{"down"}},
		{"by instance and cluster", "instance=shop-3 cluster=two", `^1 of 1 targets with cluster="two", instance="shop-3"`, `的 1 个采集目标中有 1 个`, []string{"down already"}},
		{"the job before all else", "job=well namespace=nowhere cluster=nowhere", `^All targets with job="well" \(1\)`, `job="well"`, nil},
		{"empty labels are none", "job= namespace= instance=shop-2", `^All targets with instance="shop-2"`, `instance="shop-2"`, nil},
		{"none", "job=nowhere", `^Prometheus has no scrape targets with job="nowhere" during .* UTC\.`, `Prometheus 中没有 job="nowhere" 的采集目标`, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			both := around(t, p.URL, r, 6600, "alertname=X "+test.alert)
			require.Len(t, both, 1)
			item := both["Targets and peers"]
			assert.Regexp(t, test.en, item[0].Summary)
			assert.Regexp(t, test.zh, item[1].Summary)
			assert.Contains(t, item[0].Summary, " Not seen in that time: restarts, version and config changes, deployment and replica changes.")
			assert.Contains(t, item[1].Summary, "窗口内未发现重启、版本和配置变更、部署和副本变更。")
			if item[0].Table == nil {
				assert.Nil(t, test.states)
				return
			}
			var states []string
			for _, row := range item[0].Table.Rows {
				states = append(states, row[2])
			}
			if test.states != nil {
				assert.Equal(t, test.states, states)
			}
			assert.Equal(t, []string{"time", "target", "state"}, item[0].Table.Columns)
			assert.Equal(t, []string{"时间", "采集目标", "状态"}, item[1].Table.Columns)
			assert.Contains(t, item[0].Summary, item[0].Table.Rows[0][0], "the first is the table's first")
		})
	}
	t.Run("when", func(t *testing.T) {
		rows := around(t, p.URL, r, 6600, "alertname=X job=back")["Targets and peers"][0].Table.Rows
		assert.Contains(t, rows[0][0], at(6000)[:14])
		down, back := rows[0][0], rows[1][0]
		assert.Less(t, down, back)
	})
	t.Run("too many: those about the onset", func(t *testing.T) {
		rows := around(t, p.URL, r, 6600, "alertname=X job=flapping")["Targets and peers"][0].Table.Rows
		require.Len(t, rows, maxRows+1)
		assert.Regexp(t, `^and \d+ more$`, rows[maxRows][0])
		onset := formatTime(r.at(6600))
		before := 0
		for _, row := range rows[:maxRows] {
			before += boolToInt(row[0] <= onset)
		}
		assert.True(t, before > 0 && before < maxRows, "%d of %d before the onset", before, maxRows)
		rows = around(t, p.URL, r, 7190, "alertname=X job=flapping")["Targets and peers"][0].Table.Rows
		require.Len(t, rows, maxRows+1)
		assert.Less(t, rows[0][0], rows[maxRows-1][0])
		assert.Greater(t, rows[maxRows-1][0], formatTime(r.at(6500)), "the last ones when the onset is last")
	})
	t.Run("a window before all data", func(t *testing.T) {
		c := collectorAt(t, p.URL, r.start.Add(-time.Hour))
		items := ofKind(c.Collect(t.Context(), firingIncident(r.start.Add(-2*time.Hour), "", "alertname=X job=well"), nil).Items, incident.KindNeighbors)
		require.Len(t, items, 1)
		assert.Contains(t, items[0].Summary, "no scrape targets")
	})
	t.Run("younger than a step", func(t *testing.T) {
		items := ofKind(collectorAt(t, p.URL, r.end()).Collect(t.Context(), firingIncident(r.end(), "", "alertname=X job=down"), nil).Items, incident.KindNeighbors)
		owed(t, items...)
		require.Len(t, items, 1)
		assert.Contains(t, items[0].Summary, "1 of 2 targets")
	})
}

// TestChanges looks at restarts, versions and replicas.
func TestChanges(t *testing.T) {
	r := record(2*time.Hour, 15*time.Second)
	const fired = 6000
	started := func(second float64) float64 { return float64(r.at(second).Unix()) }
	long := float64(r.start.Unix() - 1e6)
	for _, job := range []string{"quiet", "restarted", "crashing", "recent", "after", "future", "rolled", "config", "both", "joined", "kube"} {
		r.add(fmt.Sprintf(`up{job=%q,instance="a"}`, job), steps(1))
	}
	proc := func(job string, value func(float64) float64) {
		r.add(fmt.Sprintf(`process_start_time_seconds{job=%q,instance="a"}`, job), value)
	}
	proc("quiet", steps(long))
	proc("restarted", steps(long, 3000, started(3000)))
	proc("recent", steps(long, 5700, started(5700)))
	proc("after", steps(long, 6600, started(6600)))
	proc("future", steps(started(9e4)))
	info := func(metric, labels string, value func(float64) float64) {
		r.add(metric+"{instance=\"a\","+labels+"}", value)
	}
	info("app_build_info", `job="rolled",version="1",revision="x"`, steps(1, 5700, nan))
	info("app_build_info", `job="rolled",version="2",revision="y"`, steps(nan, 5700, 1))
	info("config_info", `job="config",hash="1"`, steps(1, 4000, nan, 5000, 1))
	info("config_info", `job="config",hash="2"`, steps(nan, 4000, 1, 5000, nan))
	info("two_info", `job="both",part="1"`, steps(1))
	info("two_info", `job="both",part="2"`, steps(1))
	for _, device := range []string{"lo", "eth0"} { // the exporter is younger than the window
		info("node_network_info", `job="joined",device="`+device+`"`, steps(nan, 3000, 1))
	}
	for _, part := range []string{"1", "2"} { // and this one younger than the server remembers
		info("parts_info", `job="joined",part="`+part+`"`, steps(nan, 7000, 1))
	}
	info("node_network_info", `job="joined",device="veth1"`, steps(nan, 5700, 1))
	info("node_disk_info", `job="joined",path="a"`, steps(1))
	info("node_disk_info", `job="joined",path="b"`, steps(nan, 5000, 1))
	kube := func(metric, labels string, value func(float64) float64) {
		r.add(metric+`{job="ksm",instance="k",`+labels+"}", value)
	}
	kube("kube_pod_container_status_restarts_total", `namespace="crash",pod="p1",container="c"`, func(s float64) float64 { return float64(int((s + 100) / 2000)) })
	kube("kube_pod_container_status_restarts_total", `namespace="crash",pod="p2",container="c"`, steps(3))
	kube("kube_deployment_spec_replicas", `namespace="scale",deployment="d"`, steps(3, 5800, 1))
	kube("kube_deployment_metadata_generation", `namespace="scale",deployment="d"`, steps(7, 5800, 8))
	kube("kube_horizontalpodautoscaler_status_desired_replicas", `namespace="scale",horizontalpodautoscaler="h"`, steps(2, 6300, 5))
	kube("kube_daemonset_status_number_available", `namespace="other",daemonset="x"`, steps(5, 5800, 4))
	kube("kube_deployment_status_replicas_unavailable", `namespace="scale",deployment="d"`, steps(0, 5800, 9))
	p := r.serve(t, "")

	tests := []struct {
		name, alert, title string
		en, zh             string // of the summary; "" when there is no such item
		rows               []string
	}{
		{"no restart", "job=quiet", "Restarts", "", "", nil},
		{
			"long before", "job=restarted", "Restarts",
			`^1 during .* UTC, 0 in the half hour before the onset \(.* UTC\); the last before it: process started instance="a", job="restarted" at .* UTC\.$`,
			`窗口（.*）内共 1 次，其中 0 次在异常开始（.* UTC）前 30 分钟内；异常前最近一次：进程启动 instance="a", job="restarted"（.* UTC）。$`,
			[]string{"process started"},
		},
		{"just before", "job=recent", "Restarts", `^1 during .* UTC, 1 in the half hour before`, `其中 1 次`, []string{"process started"}},
		{
			"after", "job=after", "Restarts",
			`^1 during .* UTC, all after the onset \(.* UTC\); the first: process started instance="a", job="after" at .* UTC\.$`,
			`窗口（.*）内共 1 次，均在异常开始（.* UTC）之后，最早一次：进程启动 instance="a", job="after"（.* UTC）。$`,
			[]string{"process started"},
		},
		{"a clock that is wrong", "job=future", "Restarts", "", "", nil},
		{
			"containers", "namespace=crash", "Restarts",
			`^2 during .* UTC, 1 in the half hour before the onset .*: kube_pod_container_status_restarts_total: 2 → 3 container="c", namespace="crash", pod="p1" at`, `其中 1 次`,
			[]string{"kube_pod_container_status_restarts_total"},
		},
		{"another pod's", "namespace=crash pod=p2", "Restarts", "", "", nil},
		{
			"a version", "job=rolled", "Version and config changes",
			`app_build_info: revision: "x" → "y", version: "1" → "2" instance="a", job="rolled" at`, `"x" → "y"`,
			[]string{`app_build_info: revision: "x" → "y", version: "1" → "2"`},
		},
		{"what joins others is no change of theirs", "job=joined", "Version and config changes", "", "", nil},
		{"two at a time are no change", "job=both", "Version and config changes", "", "", nil},
		{
			"a change and its way back", "job=config", "Version and config changes", `^1 during .* UTC, 0 in the half hour before`, `其中 0 次`,
			[]string{`config_info: hash: "1" → "2"`},
		},
		{
			"replicas", "namespace=scale", "Deployment and replica changes",
			`^3 during .* UTC, 2 in the half hour before the onset .*: kube_deployment_spec_replicas: 3 → 1 deployment="d", namespace="scale" at`, `共 3 次，其中 2 次`,
			[]string{"kube_deployment_metadata_generation: 7 → 8", "kube_deployment_spec_replicas: 3 → 1", "kube_horizontalpodautoscaler_status_desired_replicas: 2 → 5"},
		},
		{"no namespace", "job=quiet", "Deployment and replica changes", "", "", nil},
		{"another namespace", "namespace=quiet", "Deployment and replica changes", "", "", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			both := around(t, p.URL, r, fired, "alertname=X "+test.alert)
			quiet := both["Targets and peers"][0].Summary
			item, there := both[test.title]
			require.Equal(t, test.en != "", there)
			assert.Equal(t, !there, strings.Contains(quiet, strings.ToLower(test.title)), "it is told or not seen: %s", quiet)
			if !there {
				return
			}
			assert.Regexp(t, test.en, item[0].Summary)
			assert.Regexp(t, test.zh, item[1].Summary)
			assert.Equal(t, []string{"time", "where", "what"}, item[0].Table.Columns)
			assert.Equal(t, []string{"时间", "对象", "变更"}, item[1].Table.Columns)
			var what []string
			for i, row := range item[0].Table.Rows {
				what = append(what, row[2])
				assert.NotContains(t, row[1], "ksm", "who tells is not where it is")
				assert.True(t, row[0] >= formatTime(item[0].Start) && row[0] <= formatTime(item[0].End), "%s within the window", row[0])
				if i > 0 {
					assert.GreaterOrEqual(t, row[0], item[0].Table.Rows[i-1][0], "in order of time")
				}
			}
			if test.name == "containers" {
				assert.Len(t, what, 2)
				assert.Contains(t, what[0], test.rows[0])
				return
			}
			assert.Equal(t, test.rows, what)
		})
	}
}

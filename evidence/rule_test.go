package evidence

import (
	"testing"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func TestGeneratorExpr(t *testing.T) {
	for url, want := range map[string]string{
		"": "",
		"http://vm:9090/graph?g0.expr=sum+by+%28a%29+%28b%29+%3E+0.2&g0.tab=1": "sum by (a) (b) > 0.2",
		`http://vm:9090/graph?g0.tab=1\u0026g0.expr=up+%3D%3D+0`:               "up == 0",
		"http://vm:9090/graph?g0.tab=1&amp;g0.expr=up+%3D%3D+0":                "up == 0",
		"http://vm/vmui/#/?g0.expr=up%20%3D%3D%200&g0.tab=1":                   "up == 0",
		"http://vm/graph?g0.expr=rate(x[5m])%zz&g0.tab=1":                      "rate(x[5m])%zz",
		"http://bad host/graph?g0.expr=up":                                     "up",
		"https://grafana/alerting/grafana/abc/view":                            "",
		"javascript:alert(1)":                                                  "",
		"http://vm/graph?g0.tab=1;g0.expr=up":                                  "up",
	} {
		assert.Equal(t, want, generatorExpr(url), url)
	}
}

func TestMatchRule(t *testing.T) {
	group := func(rules ...promv1.AlertingRule) []promv1.RuleGroup {
		g := promv1.RuleGroup{Name: "g", File: "f"}
		for _, r := range rules {
			g.Rules = append(g.Rules, r)
		}
		g.Rules = append(g.Rules, promv1.RecordingRule{Name: "X"})
		return []promv1.RuleGroup{g}
	}
	alert := incident.Alert{Labels: map[string]string{"alertname": "X", "severity": "critical", "instance": "a"}}
	tests := []struct {
		name, fromURL string
		groups        []promv1.RuleGroup
		want          string // query, "" for none
	}{
		{"none", "", nil, ""},
		{"another name", "", group(promv1.AlertingRule{Name: "Y", Query: "up"}), ""},
		{"labels contradict", "", group(promv1.AlertingRule{Name: "X", Query: "up", Labels: model.LabelSet{"severity": "warning"}}), ""},
		{"labels agree", "", group(
			promv1.AlertingRule{Name: "X", Query: "up > 1", Labels: model.LabelSet{"severity": "warning"}},
			promv1.AlertingRule{Name: "X", Query: "up > 2", Labels: model.LabelSet{"severity": "critical"}},
		), "up > 2"},
		{"templates tell nothing", "", group(promv1.AlertingRule{Name: "X", Query: "up", Labels: model.LabelSet{"severity": "{{ $value }}"}}), "up"},
		{"dropped on the way", "", group(promv1.AlertingRule{Name: "X", Query: "up", Labels: model.LabelSet{"team": "b"}}), "up"},
		{"the URL tells", "up>2", group(
			promv1.AlertingRule{Name: "X", Query: "up > 1", Labels: model.LabelSet{"severity": "critical"}},
			promv1.AlertingRule{Name: "X", Query: "up > 2"},
		), "up > 2"},
		{"its alerts tell", "", group(
			promv1.AlertingRule{Name: "X", Query: "up > 1", Alerts: []*promv1.Alert{{Labels: model.LabelSet{"instance": "b"}}}},
			promv1.AlertingRule{Name: "X", Query: "up > 2", Alerts: []*promv1.Alert{{Labels: model.LabelSet{"instance": "a"}}}},
		), "up > 2"},
		{"not readable", "", group(promv1.AlertingRule{Name: "X", Query: "up >"}), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := matchRule(test.groups, alert, test.fromURL)
			if test.want == "" {
				assert.Nil(t, got)
				return
			}
			require.NotNil(t, got)
			assert.Equal(t, test.want, got.query)
			assert.Equal(t, "g", got.group)
		})
	}
}

func TestConditions(t *testing.T) {
	tests := []struct {
		expr, value, op, threshold string
		limit                      float64
		constant                   bool
		reach                      time.Duration
	}{
		{"x > 5", "x", ">", "5", 5, true, 0},
		{"0.2 < x", "x", ">", "0.2", .2, true, 0},
		{"(x) <= -(2 * 1024 ^ 2)", "x", "<=", "-(2 * 1024 ^ 2)", -2 * 1024 * 1024, true, 0},
		{"x < 5 and y > 1", "x", "<", "5", 5, true, 0},
		{"(x > 0) < 10", "x", "<", "10", 10, true, 0},
		{"x > bool 5", "x > bool 5", "", "", 0, false, 0},
		{"x > on (a) y", "x", ">", "y", 0, false, 0},
		{"time() - x > 60", "time() - x", ">", "60", 60, true, 0},
		{"rate(x[5m] offset 1h) > 0", "rate(x[5m] offset 1h)", ">", "0", 0, true, 5 * time.Minute},
		{"max_over_time(sum(rate(x[5m]))[1h:1m]) > 0", "max_over_time(sum(rate(x[5m]))[1h:1m])", ">", "0", 0, true, 65 * time.Minute},
	}
	for _, test := range tests {
		t.Run(test.expr, func(t *testing.T) {
			e, err := parse(test.expr)
			require.NoError(t, err)
			c := conditionsOf(e)[0]
			assert.Equal(t, test.value, c.value.String())
			assert.Equal(t, test.op, parser.ItemTypeStr[c.op])
			if c.threshold != nil {
				assert.Equal(t, test.threshold, c.threshold.String())
			}
			limit, constant := c.limit()
			assert.Equal(t, test.constant, constant)
			assert.InDelta(t, test.limit, limit, 1e-9)
			assert.Equal(t, test.reach, reach(e))
		})
	}
	e, err := parse("x > 1 or y < 2 or (z and w)")
	require.NoError(t, err)
	assert.Len(t, conditionsOf(e), 3)
}

func TestUnits(t *testing.T) {
	for expr, want := range map[string]string{
		`rate(errors_total[5m])`: "12.3/s",
		`sum(rate(errors_total[5m])) / sum(rate(requests_total[5m]))`:                      "1230 %",
		`100 * sum(rate(errors_total[5m])) / sum(rate(requests_total[5m]))`:                "12.3 %",
		`100 - avail_bytes / size_bytes * 100`:                                             "12.3 %",
		`avail_bytes / size_bytes`:                                                         "1230 %",
		`node_memory_MemAvailable_bytes`:                                                   "12.3 B",
		`rate(sent_bytes_total[1m])`:                                                       "12.3 B/s",
		`rate(latency_seconds_sum[5m]) / rate(latency_seconds_count[5m])`:                  "12.3 s",
		`histogram_quantile(0.9, sum by (le) (rate(latency_seconds_bucket[5m])))`:          "12.3 s",
		`time() - process_start_time_seconds`:                                              "12.3 s",
		`time() - max(backup_timestamp_seconds)`:                                           "12.3 s",
		`rate(node_cpu_seconds_total[5m])`:                                                 "12.3",
		`kube_deployment_spec_replicas`:                                                    "12.3",
		`rate(errors_total[5m]) / count(up)`:                                               "12.3",
		`count(up == 0) / count(up)`:                                                       "1230 %",
		`free_inodes / inodes`:                                                             "12.3",
		`up{job="a"} / up{job="b"}`:                                                        "1230 %",
		`increase(restarts_total[1h])`:                                                     "12.3",
		`latency_seconds * 1000`:                                                           "12.3",
		`job_cache_hit_ratio`:                                                              "1230 %",
		`rate(container_cpu_usage_seconds_total[5m]) / kube_pod_container_resource_limits`: "12.3",
	} {
		e, err := parse(expr)
		require.NoError(t, err)
		assert.Equal(t, want, unitOf(e).number(12.3), expr)
	}
}

func TestNumbers(t *testing.T) {
	for want, got := range map[string]string{
		"0": digits(0), "0.123": digits(.1234), "1.23": digits(1.2345), "12.3": digits(12.345), "123": digits(123.45),
		"123457": digits(123456.7), "0.0001": digits(.0001), "1e-09": digits(1e-9), "1.5e+16": digits(1.5e16), "-4.5": digits(-4.5),
		"4 KiB": byteSize(4096), "1.5 GiB": byteSize(1.5 * 1024 * 1024 * 1024), "3 µs": seconds(3e-6), "250 ms": seconds(.25),
		"90 s": seconds(90), "2h": seconds(7200), "–": unit{}.number(nan), "日本…": cut("日本語", 2), "ab": cut("ab", 2),
	} {
		assert.Equal(t, want, got)
	}
}

func TestNarrow(t *testing.T) {
	k := known(func(v *parser.VectorSelector) names {
		return map[string]names{
			"a": namesOf("job", "instance", "pod"), "b": namesOf("job", "instance"), "info": namesOf("instance", "version"),
		}[v.Name]
	})
	want := map[string]string{"instance": "i", "version": "v", "elsewhere": "e"}
	for expr, narrowed := range map[string]string{
		`a`:                               `a{instance="i"}`,
		`a{instance="x"}`:                 `a{instance="x"}`,
		`sum(a)`:                          `sum(a)`,
		`sum by (instance) (a)`:           `sum by (instance) (a{instance="i"})`,
		`sum without (pod) (rate(a[5m]))`: `sum without (pod) (rate(a{instance="i"}[5m]))`,
		`sum without (instance) (a)`:      `sum without (instance) (a)`,
		`topk(3, a)`:                      `topk(3, a)`,
		`topk by (instance) (3, a)`:       `topk by (instance) (3, a{instance="i"})`,
		`a / b`:                           `a{instance="i"} / b{instance="i"}`,
		`a / on (job) b`:                  `a / on (job) b`,
		`a * on (instance) group_left (version) info`: `a{instance="i"} * on (instance) group_left (version) info{instance="i"}`,
		`a * on (job) group_left () b`:                `a{instance="i"} * on (job) group_left () b`,
		`b * on (job) group_right () a`:               `b * on (job) group_right () a{instance="i"}`,
		`a and on (job) b`:                            `a{instance="i"} and on (job) b`,
		`a unless b`:                                  `a{instance="i"} unless b{instance="i"}`,
		`a or on (job) b`:                             `a or on (job) b`,
		`a or b`:                                      `a{instance="i"} or b{instance="i"}`,
		`a > scalar(sum(b))`:                          `a{instance="i"} > scalar(sum(b))`,
		`absent(a)`:                                   `absent(a)`,
		`label_replace(a, "instance", "x", "pod", ".*")`: `label_replace(a, "instance", "x", "pod", ".*")`,
		`count_values by (job) ("instance", a)`:          `count_values by (job) ("instance", a)`,
		`max_over_time((a)[5m:1m])`:                      `max_over_time((a{instance="i"})[5m:1m])`,
		`-a + 1`:                                         `-a{instance="i"} + 1`,
	} {
		e, err := parse(expr)
		require.NoError(t, err)
		assert.Equal(t, narrowed, narrow(e, want, k).String(), expr)
	}
}

func TestLink(t *testing.T) {
	end := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	inc := firing(end, "", "alertname=X")
	for _, test := range []struct{ prometheus, public, want string }{
		{"", "", ""},
		{"http://user:pw@prom:9090/prefix/", "", "http://prom:9090/prefix/graph?"},
		{"http://prom:9090", "https://monitoring.example.com/prometheus?x=1", "https://monitoring.example.com/prometheus/graph?"},
	} {
		c := collectorAt(t, test.prometheus, end, func(o *Options) {
			if test.public != "" {
				o.PublicURL = serverAt(t, test.public).URL
			}
		})
		q := newInquiry(inc, end)
		q.linkTo = c.linkTo
		link := q.link(`sum(x{a="b+c"}) > 1`, end.Add(-90*time.Minute), end)
		if test.want == "" {
			assert.Empty(t, link)
			continue
		}
		assert.Equal(t, test.want+"g0.end_input=2026-11-20%2009%3A00%3A00&g0.expr=sum%28x%7Ba%3D%22b%2Bc%22%7D%29%20%3E%201&g0.range_input=1h30m&g0.tab=0", link)
	}
}

func TestWindow(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	tests := []struct {
		name              string
		fired             time.Time
		rule              *rule
		start, onset, end time.Time
		step              time.Duration
	}{
		{"just now", now.Add(-time.Minute), nil, now.Add(-61 * time.Minute), now.Add(-time.Minute), now, 30 * time.Second},
		{"hours ago", now.Add(-5 * time.Hour), nil, now.Add(-6 * time.Hour), now.Add(-5 * time.Hour), now.Add(-4 * time.Hour), 30 * time.Second},
		{
			"a rule that waits", now.Add(-time.Minute), &rule{hold: time.Hour, reach: time.Hour},
			now.Add(-9*time.Hour - time.Minute), now.Add(-61 * time.Minute), now, 5 * time.Minute,
		},
		{"in the future", now.Add(time.Hour), nil, now.Add(-time.Hour), now, now, 15 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q := newInquiry(firing(test.fired, "", "alertname=X"), now)
			q.rule = test.rule
			q.setWindow()
			assert.Equal(t, test.start, q.start)
			assert.Equal(t, test.onset, q.onset)
			assert.Equal(t, test.end, q.end)
			assert.Equal(t, test.step, q.step)
		})
	}
}

// FuzzPlan: whatever expression an alert's URL holds, planning it neither panics nor makes a query that can't be read.
func FuzzPlan(f *testing.F) {
	for _, seed := range []string{
		"sum by (a) (rate(x[5m])) / sum by (a) (y) > 1", "absent(up == 1)", "a or b unless c", "-x < 2", "topk(1, x)",
		"histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))", "count_values without (a) (\"v\", x)", "time() > 1",
		"max_over_time(x[5m:1m] offset 1h) > bool 1", "avg(x) / on (a) group_left (b) avg by (a, b) (y) * 100", "1 > 2", "\"s\"",
		"{__name__=~\"a|b\"} @ start()", "label_replace(x, \"a\", \"b\", \"c\", \"d\") == 1", "vector(1)", "sum(a) > sum(b)",
	} {
		f.Add(seed)
	}
	k := known(func(*parser.VectorSelector) names { return namesOf("a", "b", "le") })
	f.Fuzz(func(t *testing.T, expr string) {
		r, err := newRule("X", expr)
		if err != nil {
			return
		}
		for _, c := range r.conditions {
			_ = unitOf(c.value)
			_, _ = c.limit()
			_ = vanishing(c)
			narrowed := narrow(c.value, map[string]string{"a": "1"}, k)
			_, err := parse(narrowed.String())
			require.NoError(t, err)
			drills, refused := planOf(narrowed, k)
			assert.NotEqual(t, len(drills) > 0, refused != "")
			for _, d := range drills {
				for _, l := range d.labels {
					whole, base := d.by(l)
					for _, q := range []string{whole, d.query(l), base} {
						if q != "" {
							_, err := parse(q)
							require.NoError(t, err, q)
						}
					}
				}
			}
		}
	})
}

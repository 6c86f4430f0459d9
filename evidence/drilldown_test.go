package evidence

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// TestDrilldownOfAnAttack holds the drill-down to what the demo must show.
func TestDrilldownOfAnAttack(t *testing.T) {
	r := attack()
	p := r.serve(t, "")
	tests := []struct {
		name, expr, alert string
		query             string
		labels            map[string]string
		summary           string
	}{
		{
			"a ratio by user type",
			`sum by (user_type) (rate(user_login_total{login_status="failed"}[5m])) / sum by (user_type) (rate(user_login_total[5m])) > 0.2`,
			"alertname=High user_type=guest severity=critical",
			`sum by (user_type, ip_region) (rate(user_login_total{login_status="failed",user_type="guest"}[5m])) / sum by (user_type, ip_region) (rate(user_login_total{user_type="guest"}[5m]))`,
			map[string]string{"ip_region": "us-east"},
			`Within user_type="guest": ip_region="us-east" accounts for 100 % of the change`,
		},
		{
			"a ratio of all",
			`sum(rate(user_login_total{login_status="failed"}[5m])) / sum(rate(user_login_total[5m])) * 100 > 10`,
			"alertname=High severity=critical",
			`sum by (ip_region, user_type) (rate(user_login_total{login_status="failed"}[5m])) / sum by (ip_region, user_type) (rate(user_login_total[5m]))`,
			map[string]string{"ip_region": "us-east", "user_type": "guest"},
			`ip_region="us-east", user_type="guest" accounts for 100 % of the change`,
		},
		{
			"a ratio in percent",
			`100 * sum(rate(user_login_total{login_status="failed"}[5m])) without (ip_region, user_type, login_status) / sum(rate(user_login_total[5m])) without (ip_region, user_type, login_status) > 10`,
			"alertname=High severity=critical",
			`sum without (login_status) (rate(user_login_total{login_status="failed"}[5m])) / sum without (login_status) (rate(user_login_total[5m]))`,
			map[string]string{"ip_region": "us-east", "user_type": "guest"},
			`ip_region="us-east", user_type="guest" accounts for 100 % of the change, but for 35 % of all user_login_total; its own value went from 5.1 % to 65 %.`,
		},
		{
			"successes that become fewer",
			`1 - sum(rate(user_login_total{login_status="success"}[5m])) / sum(rate(user_login_total[5m])) > 0.1`,
			"alertname=High severity=critical",
			`sum by (ip_region, user_type) (rate(user_login_total{login_status="success"}[5m])) / sum by (ip_region, user_type) (rate(user_login_total[5m]))`,
			map[string]string{"ip_region": "us-east", "user_type": "guest"},
			`ip_region="us-east", user_type="guest" accounts for `,
		},
		{
			"a sum",
			`sum(rate(user_login_total{login_status="failed"}[5m])) > 10`,
			"alertname=High severity=critical",
			`sum by (ip_region, user_type) (rate(user_login_total{login_status="failed"}[5m]))`,
			map[string]string{"ip_region": "us-east", "user_type": "guest"},
			`ip_region="us-east", user_type="guest" accounts for 100 % of the change, and made up 18 % of the whole before: `,
		},
		{
			"an average",
			`avg without (ip_region) (rate(user_login_total{login_status="failed"}[5m])) > 10`,
			"alertname=High severity=critical user_type=guest login_status=failed",
			`avg without () (rate(user_login_total{login_status="failed",user_type="guest"}[5m]))`,
			map[string]string{"ip_region": "us-east"},
			`Within login_status="failed", user_type="guest": ip_region="us-east" accounts for `,
		},
		{
			"the highest",
			`topk(3, max(rate(user_login_total{login_status="failed"}[5m]))) > 10`,
			"alertname=High severity=critical",
			`max by (ip_region, user_type) (rate(user_login_total{login_status="failed"}[5m]))`,
			map[string]string{"ip_region": "us-east", "user_type": "guest"},
			`ip_region="us-east", user_type="guest" is the highest: `,
		},
		{
			"a sum over time of a sum",
			`max_over_time(sum by (user_type) (rate(user_login_total{login_status="failed"}[5m]))[10m:1m]) > 10`,
			"alertname=High severity=critical user_type=guest",
			`sum by (user_type, ip_region) (rate(user_login_total{login_status="failed",user_type="guest"}[5m]))`,
			map[string]string{"ip_region": "us-east"},
			`Within user_type="guest": ip_region="us-east" accounts for 100 % of the change, and made up 35 % of the whole before: `,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := collectorAt(t, p.URL, r.end())
			items := ofKind(c.Collect(t.Context(), firingIncident(r.at(6300), test.expr, test.alert), nil).Items, incident.KindDrilldown)
			require.Len(t, items, 1)
			item := items[0]
			require.False(t, item.Failed, item.Summary)
			t.Log(item.Summary)
			assert.Equal(t, test.query, item.Query)
			assert.Contains(t, item.Summary, test.summary)
			require.NotEmpty(t, item.Ranking)
			assert.Equal(t, test.labels, item.Ranking[0].Labels)
		})
	}
}

// TestDrilldownOfOtherForms holds it to an answer where there is nothing to add up.
func TestDrilldownOfOtherForms(t *testing.T) {
	r := record(2*time.Hour, 30*time.Second)
	for _, instance := range []string{"a:80", "b:80"} {
		r.add(`up{job="api",instance="`+instance+`"}`, func(s float64) float64 {
			if instance == "b:80" && s > 5000 {
				return math.NaN()
			}
			return 1
		})
		r.add(`up{job="web",instance="`+instance+`"}`, func(s float64) float64 {
			if s > 5000 {
				return 0
			}
			return 1
		})
		r.counter(`requests_total{job="api",instance="`+instance+`"}`, func(s float64) float64 {
			if s > 5000 {
				return 20
			}
			return 10 + math.Sin(s)
		})
		for i, le := range []string{"0.1", "1", "+Inf"} {
			r.counter(`latency_seconds_bucket{job="api",instance="`+instance+`",le="`+le+`"}`, func(s float64) float64 {
				if instance == "b:80" && s > 5000 {
					return float64(i)
				}
				return 10
			})
		}
	}
	r.add(`job:requests:rate5m{job="api"}`, func(s float64) float64 { return s / 100 })
	p := r.serve(t, "")
	tests := []struct{ name, expr, summary string }{
		{"gone", `absent(up{job="api",instance="b:80"})`, "Gone: 1 of the window's 1 series; the last was seen at "},
		{"down", `absent(up{job="web"} == 1)`, "All series exist (2), but none has the required value; last: 0 at "},
		{"never there", `absent_over_time(up{job="wep"}[5m])`, "No such series in this window"},
		{"missing behind unless", `count by (job) (requests_total) unless on (job) count by (job) (up{job="web"} == 2)`, "All series exist (2)"},
		{"single series", `up{job="web"} == 0`, "each value of the expression is already a single series. When the alert fired ("},
		{"recorded", `job:requests:rate5m > 1`, "comes from a recording rule"},
		{"no series", `vector(1) > 0`, "the expression has no series"},
		{"no data", `sum(nowhere) > 0`, "No data to break down"},
		{"no labels", `sum by (job, instance) (rate(requests_total[5m])) > 0`, "no label distinguishes the aggregated series"},
		{"no such parts", `count_values("v", up) > 0`, "this aggregation's parts do not explain"},
		{"evenly spread", `sum by (job) (rate(requests_total[5m])) > 30`, "Nothing new stands out: the change matches the prior distribution. Evenly spread over instance (2)."},
		{"a quantile", `histogram_quantile(0.9, sum by (le) (rate(latency_seconds_bucket[5m]))) > 0.5`, `instance="b:80" stands out: it went from 90 ms to 1 s`},
		{"a moving threshold", `sum by (job) (rate(requests_total[5m])) > on (job) 2 * job:requests:rate5m`, "Evenly spread over instance (2)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, language := range incident.Languages() {
				c := collectorAt(t, p.URL, r.end(), func(o *Options) { o.Language = language })
				items := ofKind(c.Collect(t.Context(), firingIncident(r.at(5400), test.expr, "alertname=X"), nil).Items, incident.KindDrilldown)
				require.Len(t, items, 1)
				require.False(t, items[0].Failed, items[0].Summary)
				assert.NotContains(t, items[0].Summary, "%!")
				if language == "en" {
					assert.Contains(t, items[0].Summary, test.summary)
				} else {
					t.Log(items[0].Summary)
				}
			}
		})
	}
}

// TestYoungPrometheus is the demo: a minute of data, an attack, an alert after seconds.
func TestYoungPrometheus(t *testing.T) {
	r := record(100*time.Second, time.Second)
	r.add(`up{job="login",instance="l:80"}`, func(float64) float64 { return 1 })
	for _, user := range []string{"guest", "vip"} {
		for _, region := range []string{"cn-north", "us-east"} {
			for _, status := range []string{"failed", "success"} {
				labels := fmt.Sprintf(`{job="login",instance="l:80",user_type=%q,ip_region=%q,login_status=%q}`, user, region, status)
				r.counter("user_login_total"+labels, func(s float64) float64 {
					switch {
					case status == "success":
						return 10
					case s > 75 && user == "guest" && region == "us-east":
						return 30
					}
					return .5
				})
			}
		}
	}
	p := r.serve(t, "")
	c := collectorAt(t, p.URL, r.end())
	items := c.Collect(t.Context(), firingIncident(r.at(90),
		`sum by (user_type) (rate(user_login_total{login_status="failed"}[10s])) / sum by (user_type) (rate(user_login_total[10s])) > 0.2`,
		"alertname=HighLoginFailureRate user_type=guest severity=critical"), nil).Items
	for _, item := range items {
		t.Log(item.ID, item.Summary)
		assert.False(t, item.Failed)
	}
	drill := ofKind(items, incident.KindDrilldown)
	require.Len(t, drill, 1)
	assert.Contains(t, drill[0].Summary, `Within user_type="guest": ip_region="us-east" accounts for 100 % of the change, but for 78 % of all user_login_total; `)
	signal := ofKind(items, incident.KindSignal)
	require.Len(t, signal, 1)
	assert.Contains(t, signal[0].Summary, "Before: median 4.76 %. Condition met since", "no factor of a past without noise")
	assert.Greater(t, len(signal[0].Chart.Series[0].Points), 50)
}

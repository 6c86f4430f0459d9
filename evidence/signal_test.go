package evidence

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

const loginRules = `
groups:
- name: login
  rules:
  - alert: HighLoginFailureRate
    expr: sum by (user_type) (rate(user_login_total{login_status="failed"}[5m])) / sum by (user_type) (rate(user_login_total[5m])) > 0.2
    for: 2m
    labels: {severity: critical}
    annotations: {summary: many logins fail}
  - alert: HighLoginFailureRate
    expr: vector(0) > 1
    labels: {severity: warning}
`

// attack is the demo's: guests from one region begin to fail 100 minutes into the recording.
func attack() *recording {
	const begin = 6000
	r := record(2*time.Hour, 15*time.Second)
	phase := 0.
	for _, user := range []string{"guest", "member"} {
		for _, region := range []string{"cn-north", "eu-west", "us-east"} {
			phase++
			noise := func(s, around float64) float64 {
				return around * (1 + .05*math.Sin(s/97+phase) + .03*math.Sin(s/31+phase*phase))
			}
			labels := `{user_type="` + user + `",ip_region="` + region + `",login_status="`
			r.counter(`user_login_total`+labels+`success"}`, func(s float64) float64 { return noise(s, 10) })
			r.counter(`user_login_total`+labels+`failed"}`, func(s float64) float64 {
				if s >= begin && user == "guest" && region == "us-east" {
					return noise(s, 20)
				}
				return noise(s+50, .5)
			})
		}
	}
	return r
}

func TestSignal(t *testing.T) {
	r := attack()
	p := r.serve(t, loginRules)
	fired := r.at(6300)
	inc := firingIncident(fired, "ignored == 1", "alertname=HighLoginFailureRate user_type=guest severity=critical")
	c := collectorAt(t, p.URL, r.end())

	items := ofKind(c.Collect(t.Context(), inc, nil).Items, incident.KindSignal)
	require.Len(t, items, 1)
	item := items[0]
	require.False(t, item.Failed, item.Summary)
	assert.Equal(t, `sum by (user_type) (rate(user_login_total{login_status="failed",user_type="guest"}[5m])) / sum by (user_type) (rate(user_login_total{user_type="guest"}[5m]))`, item.Query)
	assert.Contains(t, item.Link, p.URL+"/graph?g0.end_input=")
	require.NotNil(t, item.Chart)
	require.Len(t, item.Chart.Series, 1, "the other user type has another alert")
	assert.Equal(t, "HighLoginFailureRate", item.Chart.Series[0].Name)
	assert.Equal(t, "%", item.Chart.Unit)
	require.NotNil(t, item.Chart.Threshold)
	assert.InDelta(t, .2, *item.Chart.Threshold, 1e-9)
	assert.Equal(t, fired, item.Chart.Firing.Start)
	assert.Greater(t, len(item.Chart.Series[0].Points), 100)
	assert.Regexp(t, `^Value when the alert fired: 4\d(\.\d)? %; last: 4\d(\.\d)? % at [-0-9]+ [:0-9]+ UTC\. Threshold: > 20 %\. Max `, item.Summary)
	assert.Regexp(t, `Before: median 4\.\d+ %`, item.Summary)
	assert.Contains(t, item.Summary, "times the deviation")
	assert.Contains(t, item.Summary, "Condition met since")
	assert.Equal(t, "login", item.Table.Rows[0][1])
	assert.Equal(t, "2m", item.Table.Rows[0][2])
	t.Log(item.Summary)
}

// TestSignalsOfAGroup: alerts of two names in one group have a signal each.
func TestSignalsOfAGroup(t *testing.T) {
	r := record(time.Hour, 15*time.Second)
	r.add(`load{job="api"}`, func(s float64) float64 { return s })
	r.add(`heat{job="api"}`, func(s float64) float64 { return 100 - s/60 })
	p := r.serve(t, `
groups:
- name: g
  rules:
  - {alert: Load, expr: load > 3000}
  - {alert: Heat, expr: heat < 50}
`)
	inc := firingIncident(r.at(3300), "", "alertname=Load job=api severity=critical", "alertname=Heat job=api", "alertname=Load job=b")
	inc.Severity = "critical"
	items := ofKind(collectorAt(t, p.URL, r.end()).Collect(t.Context(), inc, nil).Items, incident.KindSignal)
	require.Len(t, items, 2)
	assert.Equal(t, `load`, items[0].Query)
	assert.Equal(t, "Alert signal", items[0].Title)
	assert.Equal(t, `heat{job="api"}`, items[1].Query)
	assert.Equal(t, "Alert signal: Heat", items[1].Title)
	assert.Contains(t, items[1].Summary, "Threshold: < 50. Min")
}

func TestSignalWithoutRule(t *testing.T) {
	r := record(time.Hour, 15*time.Second)
	r.add(`up{job="api",instance="a:80"}`, func(s float64) float64 {
		if s > 3000 {
			return math.NaN()
		}
		return 1
	})
	p := r.serve(t, "")
	tests := []struct {
		name, expr, alert string
		query, summary    string
	}{
		{
			"absent", `absent(up{job="api"} == 1)`, "alertname=ApiDown job=api", `count(up{job="api"} == 1) or vector(0)`,
			"Value when the alert fired: 0; last: 0 at ",
		},
		{"nothing there", `nowhere > 1`, "alertname=X", "nowhere", "no value with this alert's labels"},
		{"another thing", `up > 0`, "alertname=X instance=b:80", `up{instance="b:80"}`, "no value with this alert's labels"},
		{"an alternative", `nowhere > 1 or up < 2`, "alertname=X instance=a:80", `up{instance="a:80"}`, "Threshold: < 2"},
		{"moving threshold", `up < on () sum(up) * 3`, "alertname=X instance=a:80", `up{instance="a:80"}`, "Threshold: < 3"},
		{"no expression", ``, "alertname=X", "", "alert rule not found"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := collectorAt(t, p.URL, r.end())
			items := ofKind(c.Collect(t.Context(), firingIncident(r.at(3500), test.expr, test.alert), nil).Items, incident.KindSignal)
			require.Len(t, items, 1)
			assert.Equal(t, test.query, items[0].Query)
			assert.Contains(t, items[0].Summary, test.summary)
			assert.Equal(t, test.query == "", items[0].Failed)
		})
	}
	t.Run("a metric of a queue", func(t *testing.T) {
		c := collectorAt(t, p.URL, r.end())
		inc := firingIncident(r.at(3500), "", "alertname=X")
		inc.Alerts[0].Annotations = map[string]string{"queue_source": "orders\n" + strings.Repeat("x", 1000)}
		items := ofKind(c.Collect(t.Context(), inc, nil).Items, incident.KindSignal)
		require.Len(t, items, 1)
		assert.True(t, items[0].Failed)
		assert.Regexp(t, `^[^\n]*comes from the queue "orders x+…", says the alert; Prometheus doesn't have it`, items[0].Summary)
		assert.Less(t, len(items[0].Summary), 400)
	})
}

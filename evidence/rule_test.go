package evidence

import (
	"testing"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
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
		{"of another language", "", group(promv1.AlertingRule{Name: "X", Query: "rate(up) > 1 default 0"}), "rate(up) > 1 default 0"},
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
			inv := newInvestigation(firingIncident(test.fired, "", "alertname=X"), now)
			inv.rule = test.rule
			inv.setWindow()
			assert.Equal(t, test.start, inv.start)
			assert.Equal(t, test.onset, inv.onset)
			assert.Equal(t, test.end, inv.end)
			assert.Equal(t, test.step, inv.step)
		})
	}
}

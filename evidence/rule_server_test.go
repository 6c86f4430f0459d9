package evidence

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
)

const manyRules = `
groups:
- name: first
  rules:
  - alert: Twice
    expr: load > 1
    labels: {severity: warning}
  - alert: Twice
    expr: load > 2
    for: 5m
    labels: {severity: critical, team: "{{ $labels.team }}"}
  - record: Recorded
    expr: sum(load)
- name: second
  rules:
  - alert: Plain
    expr: sum by (job) (rate(load[10m])) > 3 and up == 1
    for: 90s
    labels: {tier: one}
    annotations: {summary: "{{ $value }}"}
  - alert: Far
    expr: max_over_time(load[6h:1m] offset 1d) > 3 or absent(gone)
`

// TestFindRule asks a real Prometheus for the rules of alerts.
func TestFindRule(t *testing.T) {
	r := record(10*time.Minute, 15*time.Second).add(`load{job="api"}`, steps(9))
	p := r.serve(t, manyRules)
	graph := func(expr string) string { return "http://p/graph?" + url.Values{"g0.expr": {expr}}.Encode() }
	tests := []struct {
		name, alert, url string
		want             *rule // its conditions left out
		conditions       int
		err              string
	}{
		{
			"listed", "alertname=Plain job=api", "",
			&rule{name: "Plain", group: "second", query: "sum by (job) (rate(load[10m])) > 3 and up == 1", hold: 90 * time.Second, reach: 10 * time.Minute, labels: pairs("tier=one")},
			2, "",
		},
		{
			"of two, by its labels", "alertname=Twice severity=critical", "",
			&rule{name: "Twice", group: "first", query: "load > 2", hold: 5 * time.Minute, labels: map[string]string{"severity": "critical", "team": "{{ $labels.team }}"}},
			1, "",
		},
		{"of two, the other", "alertname=Twice severity=warning", "", &rule{name: "Twice", group: "first", query: "load > 1", labels: pairs("severity=warning")}, 1, ""},
		{
			"labels that contradict outweigh the URL", "alertname=Twice severity=warning", graph("load > 2"),
			&rule{name: "Twice", group: "first", query: "load > 1", labels: pairs("severity=warning")},
			1, "",
		},
		{
			"of two, by the URL", "alertname=Twice", graph("load>2"),
			&rule{name: "Twice", group: "first", query: "load > 2", hold: 5 * time.Minute, labels: map[string]string{"severity": "critical", "team": "{{ $labels.team }}"}},
			1, "",
		},
		{"alternatives", "alertname=Far", "", &rule{name: "Far", group: "second", query: "max_over_time(load[6h:1m] offset 1d) > 3 or absent(gone)", reach: 6 * time.Hour, offset: 24 * time.Hour, labels: pairs("")}, 2, ""},
		{"by the URL alone", "alertname=Unlisted", graph("load   >   7"), &rule{name: "Unlisted", query: "load > 7"}, 1, ""},
		{"a recording rule's name", "alertname=Recorded", "", nil, 0, "neither listed nor in generatorURL"},
		{"neither", "alertname=Unlisted", "", nil, 0, "the alert's rule is not known: neither listed nor in generatorURL"},
		{"all contradict", "alertname=Twice severity=info", "", nil, 0, "neither listed"},
		{"no name", "job=api", "", nil, 0, "neither listed"},
		{"no PromQL", "alertname=Unlisted", graph("load >"), nil, 0, "reading the rule's expression: "},
		{"too long", "alertname=Unlisted", graph("load" + strings.Repeat(" + load", 3000) + " > 1"), nil, 0, "it has more than 16384 bytes"},
		{"blank", "alertname=Unlisted", graph("  "), nil, 0, "rule is not known"},
		{"a hostile name", "alertname={}\"\\|", "", nil, 0, "neither listed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := findRule(t.Context(), querierAt(t, p.URL, 5), incident.Alert{Labels: pairs(test.alert), GeneratorURL: test.url})
			if test.want == nil {
				assert.Nil(t, got)
				require.ErrorIs(t, err, errNoRule)
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Len(t, got.candidates(), test.conditions)
			assert.Equal(t, test.want.group == "", got.file == "", "a listed one has a file")
			got.alternatives, got.active, got.evaluated, got.file = nil, nil, time.Time{}, ""
			assert.Equal(t, test.want, got)
		})
	}
	t.Run("the window follows the rule", func(t *testing.T) {
		c := collectorAt(t, p.URL, r.end())
		fired := r.end().Add(-time.Minute)
		for alert, hold := range map[string]time.Duration{"alertname=Twice severity=critical": 5 * time.Minute, "alertname=Twice severity=warning": 0, "alertname=Nobody": 0} {
			inv := c.investigate(t.Context(), firingIncident(fired, "", alert+" job=api"), 10)
			if inv.rule == nil {
				assert.Equal(t, fired, inv.onset, alert)
			} else {
				assert.Equal(t, hold, inv.rule.hold, alert)
				assert.False(t, inv.onset.After(fired.Add(-hold)), "the condition began no later")
			}
			assert.Equal(t, pairs("job=api"), inv.targetLabels(), "a label that the rule sets names no target")
		}
	})
}

// TestFindRuleFaults: when the rules can't be listed, the URL helps, and the error says both.
func TestFindRuleFaults(t *testing.T) {
	fails := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oops", http.StatusInternalServerError) }))
	t.Cleanup(fails.Close)
	empty := saying(t, map[string]string{"/api/v1/rules": `{"status":"success","data":{"groups":[]}}`})
	broken := saying(t, map[string]string{"/api/v1/rules": `{"status":"success","data":{"groups":[{"name":"g","rules":[` +
		`{"type":"alerting","name":"X","query":"up >"},{"type":"alerting","name":"X","query":"up > 1","duration":1e-9,"labels":{"a":"1"}}]}]}}`})
	const expr = "http://p/graph?g0.expr=up+%3E+2"
	tests := []struct {
		name, server, url string
		budget            int
		query             string
		errs              []error
	}{
		{"fails, with a URL", fails.URL, expr, 5, "up > 2", nil},
		{"fails, without", fails.URL, "", 5, "", []error{errNoRule, promapi.ErrUnavailable}},
		{"fails, and the URL is no help", fails.URL, "http://p/graph?g0.expr=up+%3E", 5, "", []error{errNoRule, promapi.ErrUnavailable}},
		{"no budget, with a URL", empty, expr, 0, "up > 2", nil},
		{"no budget, without", empty, "", 0, "", []error{errNoRule, promapi.ErrNoBudget}},
		{"nothing listed", empty, "", 5, "", []error{errNoRule, errNotListed}},
		{"the first can't be read", broken, "", 5, "up > 1", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			alert := incident.Alert{Labels: pairs("alertname=X"), GeneratorURL: test.url}
			got, err := findRule(t.Context(), querierAt(t, test.server, test.budget), alert)
			for _, want := range test.errs {
				require.ErrorIs(t, err, want)
			}
			if test.query == "" {
				assert.Nil(t, got)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.query, got.query)
		})
	}
}

// TestGeneratorExprBounds: whatever a sender writes into the URL, nothing breaks and no expression is made up.
func TestGeneratorExprBounds(t *testing.T) {
	for i, given := range []string{
		"%", "?g0.expr", "?g0.expr=", "#?g0.expr=", "http://[::1/graph?g0.expr=", strings.Repeat("%", 10000), "\x00?g1.expr=up",
		"http://p/graph?g0.EXPR=up", "http://p/graph?xg0.exp=up", "mailto:x@y",
	} {
		assert.Empty(t, generatorExpr(given), "%d", i)
	}
	for given, want := range map[string]string{
		"http://p/graph?g0.expr=up&g0.expr=down":        "up",
		"http://p/graph?g1.expr=down&g0.expr=up":        "up",
		"http://p/graph?g0.expr=a%2Bb":                  "a+b",
		"http://p/graph?g0.expr=磁盘":                     "磁盘",
		"http://p/#/x?g0.expr=up":                       "up",
		`http://p/graph?g0.expr\u003dup+\u003e+1`:       "up > 1",
		"http://p/graph?g0.expr=up%0Aor%20down":         "up\nor down",
		"x g0.expr=up":                                  "up",
		"http://p/graph?g0.expr=" + "%7Ba%3D%22b%22%7D": `{a="b"}`,
	} {
		assert.Equal(t, want, generatorExpr(given), given)
	}
}

// TestPrimaryAlert: of the gravest, the first to fire; of those at once, always the same.
func TestPrimaryAlert(t *testing.T) {
	at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	alert := func(labels string, minute int, status incident.Status) incident.Alert {
		return incident.Alert{Labels: pairs(labels), Fingerprint: labels, StartsAt: at.Add(time.Duration(minute) * time.Minute), Status: status}
	}
	tests := []struct {
		name, severity string
		alerts         []incident.Alert
		want           string
	}{
		{"one", "", []incident.Alert{alert("a=1", 0, "firing")}, "a=1"},
		{"the first", "", []incident.Alert{alert("a=1", 5, "firing"), alert("a=2", 1, "firing")}, "a=2"},
		{"of those that fire", "", []incident.Alert{alert("a=1", 5, "firing"), alert("a=2", 1, "resolved")}, "a=1"},
		{"none fires", "", []incident.Alert{alert("a=1", 5, "resolved"), alert("a=2", 1, "resolved")}, "a=2"},
		{"the gravest", "critical", []incident.Alert{alert("a=1 severity=info", 0, "firing"), alert("a=2 severity=critical", 9, "firing")}, "a=2 severity=critical"},
		{"the gravest is over", "critical", []incident.Alert{alert("a=1 severity=info", 0, "firing"), alert("a=2 severity=critical", 9, "resolved")}, "a=1 severity=info"},
		{"at once", "", []incident.Alert{alert("a=2", 0, "firing"), alert("a=1", 0, "firing")}, "a=1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inc := &incident.Incident{Alertname: "X", Severity: test.severity, Alerts: test.alerts}
			assert.Equal(t, test.want, primaryAlert(inc).Fingerprint)
			inv := newInvestigation(inc, at.Add(time.Hour))
			assert.Equal(t, test.want, inv.sameNameAlerts()[0].Fingerprint, "that one first")
			assert.Len(t, inv.sameNameAlerts(), len(test.alerts))
		})
	}
	t.Run("none", func(t *testing.T) {
		got := primaryAlert(&incident.Incident{Alertname: "X", OpenedAt: at})
		assert.Equal(t, "X", got.Name())
		assert.Equal(t, at, got.Began())
	})
	t.Run("other names", func(t *testing.T) {
		inc := &incident.Incident{}
		for i, name := range []string{"A", "B", "A", "C", "D", "B"} {
			inc.Alerts = append(inc.Alerts, alert(fmt.Sprintf("alertname=%s i=%d", name, i), i, incident.Firing))
		}
		inv := newInvestigation(inc, at.Add(time.Hour))
		var names []string
		for _, a := range inv.otherNamedAlerts() {
			names = append(names, a.Name())
		}
		assert.Equal(t, []string{"B", "C"}, names, "two at most")
	})
}

package watch

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect"
)

const fullRule = `groups:
- name: shop
  interval: 30s
  query_offset: 5s
  labels: {team: shop}
  rules:
  - alert: CheckoutRateUnusual
    expr: sum by (job, region) (rate(checkout_total[5m]))
    for: 5m
    keep_firing_for: 15m
    anomaly:
      false_alarms: 2 per 7d
      direction: down
      season: week
      time_zone: Asia/Shanghai
      history: 7d
      adapt_after: 12h
      min_change: 20%
      min_value: 10
      missing: alert
      max_series: 50
      max_alerts: 5
      method: {sigma: {k: 4, window: 2d}}
      shadow: {method: {change: {against: 1w, by: 50%}}}
    labels: {severity: warning}
    annotations: {description: '{{ $labels.region }}: {{ $value | humanize }}/s, expected {{ $lower | humanize }} to {{ $upper | humanize }}'}
  - alert: Defaults
    expr: up
    anomaly: {}
`

func TestParse(t *testing.T) {
	groups, err := Parse("shop.yml", []byte(fullRule))
	require.NoError(t, err)
	require.Len(t, groups, 1)
	g := groups[0]
	assert.Equal(t, 30*time.Second, g.Interval)
	assert.Equal(t, 5*time.Second, g.QueryOffset)
	r := g.Rules[0]
	zone, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	const day = 24 * time.Hour
	want := detect.Options{
		FalseAlarms: detect.Rate{Count: 2, Per: 7 * day}, Method: detect.Sigma, Direction: detect.Down, Season: detect.Weekly, Location: zone,
		Interval: 30 * time.Second, AdaptAfter: 12 * time.Hour, MinChange: .2, MinValue: 10, Missing: detect.AlertMissing, K: 4, Window: 2 * day,
	}
	assert.Equal(t, want, r.Detection)
	want.Method, want.K, want.Window, want.Against, want.By = detect.Change, 0, 0, 7*day, .5
	require.NotNil(t, r.Shadow)
	assert.Equal(t, want, *r.Shadow, "what a shadow does not say is the rule's")
	assert.Equal(t, "shop/CheckoutRateUnusual", r.Key())
	assert.Equal(t, map[string]string{"team": "shop", "severity": "warning"}, r.Labels)
	assert.Equal(t, []any{7 * day, 50, 5, 5 * time.Minute, 15 * time.Minute}, []any{r.History, r.MaxSeries, r.MaxAlerts, r.For, r.KeepFiringFor})
	assert.Equal(t, []any{14 * day, 500, 50}, []any{g.Rules[1].History, g.Rules[1].MaxSeries, g.Rules[1].MaxAlerts})
	assert.Empty(t, r.Warnings)
}

func TestParseNamesFileAndLine(t *testing.T) {
	rule := func(lines ...string) string {
		return "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    anomaly: {}\n    " + strings.Join(lines, "\n    ")
	}
	anomaly := func(lines string) string {
		return "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    anomaly: {" + lines + "}"
	}
	for name, tc := range map[string]struct{ text, want string }{
		"unknown key of a file":    {"group: []", `f.yml:1: unknown key "group" in a rule file`},
		"unknown key of a group":   {"groups:\n- name: g\n  limit: 3\n  rules: []", `f.yml:3: unknown key "limit" in a group`},
		"unknown key of a rule":    {rule("record: x"), `f.yml:7: unknown key "record" in a rule`},
		"unknown key of a block":   {anomaly("third_opinion: true"), `f.yml:6: unknown key "third_opinion" in an anomaly block`},
		"when to judge":            {"groups:\n- name: g\n  judge: often\n  rules: []", `f.yml:3: judge: "often" is not "every 15m"`},
		"judged too often":         {"groups:\n- name: g\n  judge: every 1s\n  rules: []", `f.yml:3: judge: "every 1s" is not "every 15m"`},
		"unknown key of a shadow":  {anomaly("shadow: {history: 1d}"), `f.yml:6: unknown key "history" in a shadow`},
		"unknown key of a method":  {anomaly("method: {sigma: {w: 3}}"), `f.yml:6: unknown key "w" in method sigma`},
		"unknown method":           {anomaly("method: forest"), `f.yml:4: method "forest" is not one of`},
		"method with two keys":     {anomaly("method: {sigma: {}, change: {}}"), "f.yml:6: method is a name, or one of"},
		"no block":                 {"groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up > 1", "f.yml:4: alert A has no anomaly block"},
		"no name":                  {"groups:\n- name: g\n  rules:\n  - expr: up", "f.yml:4: a rule has no alert name"},
		"no group name":            {"groups:\n- rules: [{alert: A, expr: up, anomaly: {}}]", "f.yml:2: a group has no name"},
		"no rules":                 {"groups:\n- name: g\n- name: h", `f.yml:2: group "g" has no rules`},
		"interval":                 {"groups:\n- name: g\n  interval: 2h\n  rules: [{alert: A, expr: up, anomaly: {}}]", "f.yml:2: group \"g\": interval must be between 1s and 1h"},
		"no expression":            {"groups:\n- name: g\n  rules:\n  - alert: A\n    anomaly: {}", "f.yml:4: alert A has no expr"},
		"no PromQL":                {strings.Replace(rule(), "expr: up", "expr: 'sum(('", 1), "f.yml:4: alert A: expr: "},
		"a scalar":                 {strings.Replace(rule(), "expr: up", "expr: 1 + 1", 1), "f.yml:4: alert A: expr is a scalar"},
		"rate":                     {anomaly("false_alarms: often"), `f.yml:6: false_alarms: "often" is no rate, such as "1 per 14d"`},
		"rate out of bounds":       {anomaly("false_alarms: 100 per 1h"), "f.yml:4: false alarms must be between"},
		"share":                    {anomaly("min_change: much"), `f.yml:6: "much" is no share`},
		"time zone":                {anomaly("time_zone: Mars"), `f.yml:4: time_zone: "Mars" is no time zone`},
		"history":                  {anomaly("history: 1h"), "f.yml:4: history must be between 1d and 35d"},
		"max_series":               {anomaly("max_series: 20000"), "f.yml:4: max_series must be between 1 and 10000"},
		"shadow":                   {anomaly("shadow: {direction: left}"), `f.yml:4: shadow: direction "left" is not one of`},
		"template":                 {rule("annotations: {a: '{{ $nothing }}'}"), "f.yml:4: alert A: annotation a: "},
		"function":                 {rule("annotations: {a: '{{ query \"up\" }}'}"), "f.yml:4: alert A: annotation a: "},
		"a value in a label":       {rule("labels: {v: '{{ $value }}'}"), "f.yml:4: alert A: label v holds a value"},
		"a label that can't be":    {rule("labels: {alertname: B}"), `f.yml:4: alert A: label "alertname" can't be set`},
		"no YAML":                  {"groups: [", "f.yml"},
		"a number that is no time": {rule("for: 5"), "f.yml"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("f.yml", []byte(tc.text))
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestParseWarns(t *testing.T) {
	for expr, want := range map[string]string{
		"requests_total":                "f.yml:4: alert A: requests_total is a counter, which only grows; write rate(requests_total[5m])",
		"sum(requests_total)":           "is a counter",
		"up == 0":                       "alert A: expr compares",
		"rate(requests_total[5m])":      "",
		"count(requests_total)":         "",
		"sum(rate(requests_total[1m]))": "",
		"up == bool 0":                  "",
	} {
		t.Run(expr, func(t *testing.T) {
			groups, err := Parse("f.yml", []byte("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: "+expr+"\n    anomaly: {}"))
			require.NoError(t, err)
			warnings := groups[0].Rules[0].Warnings
			if want == "" {
				assert.Empty(t, warnings)
				return
			}
			require.Len(t, warnings, 1)
			assert.Contains(t, warnings[0], want)
		})
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	a := write("a.yml", fullRule)
	groups, err := Load([]string{filepath.Join(dir, "*.yml"), a})
	require.NoError(t, err)
	assert.Len(t, groups, 1, "a file that two patterns find is read once")
	groups, err = Load([]string{filepath.Join(dir, "none*.yml")})
	require.NoError(t, err)
	assert.Empty(t, groups)
	_, err = Load([]string{filepath.Join(dir, "missing.yml"), "[", write("bad.yml", "groups: 3")})
	require.ErrorContains(t, err, "there is no file "+filepath.Join(dir, "missing.yml"))
	require.ErrorContains(t, err, "syntax error in pattern")
	require.ErrorContains(t, err, "bad.yml:1: ")
	write("bad.yml", fullRule)
	_, err = Load([]string{filepath.Join(dir, "*.yml")})
	require.ErrorContains(t, err, `group "shop" has an alert "Defaults" already in `+a)
}

func TestExpand(t *testing.T) {
	d := &data{
		Labels: map[string]string{"region": "eu", "instance": "h:9090"}, Value: 1234.5, Expected: 1500, Lower: 1400, Upper: 1600,
		Since: 1_700_000_000,
	}
	for text, want := range map[string]string{
		"plain":                                      "plain",
		"{{ $labels.region }}":                       "eu",
		"{{ $labels.none }}.":                        ".",
		"{{ $value | humanize }}":                    "1.234k",
		"{{ .Value | humanize1024 }}":                "1.206ki",
		"{{ 0.5 | humanizePercentage }}":             "50%",
		"{{ $lower | humanize }}–{{ $upper }}":       "1.4k–1600",
		"{{ 0.0023 | humanize }}":                    "2.3m",
		"{{ 90 | humanizeDuration }}":                "1m 30s",
		"{{ $since | humanizeTimestamp }}":           "2023-11-14 22:13:20 +0000 UTC",
		"{{ stripPort $labels.instance }}":           "h",
		`{{ reReplaceAll "e(.)" "$1" "eu" }}`:        "u",
		`{{ if match "e." $labels.region }}y{{end}}`: "y",
		"{{ printf \"%.1f\" $expected }}":            "1500.0",
		`{{ parseDuration "1h" }}`:                   "3600",
		"{{ $value | title | bad":                    "<error expanding template: ",
		`{{ humanize "x" }}`:                         "<error expanding template: ",
	} {
		t.Run(text, func(t *testing.T) {
			got := expand(text, d)
			if strings.HasPrefix(want, "<") {
				assert.Contains(t, got, want)
				return
			}
			assert.Equal(t, want, got)
		})
	}
}

// TestDocumentedRule: the rule file in docs/detection.md is valid, and names each key.
func TestDocumentedRule(t *testing.T) {
	b, err := os.ReadFile("../../docs/detection.md")
	require.NoError(t, err)
	_, text, found := strings.Cut(string(b), "```yaml\ngroups:")
	require.True(t, found)
	text, _, _ = strings.Cut("groups:"+text, "```")
	groups, err := Parse("detection.md", []byte(text))
	require.NoError(t, err)
	r := groups[0].Rules[0]
	assert.Empty(t, r.Warnings)
	defaults, err := Parse("f.yml", []byte("groups:\n- name: shop\n  rules:\n  - alert: A\n    expr: up\n    anomaly: {}\n"))
	require.NoError(t, err)
	d := defaults[0].Rules[0]
	assert.Equal(t, []any{d.History, d.MaxSeries, d.MaxAlerts, defaults[0].Interval}, []any{r.History, r.MaxSeries, r.MaxAlerts, groups[0].Interval})
	for _, kind := range []reflect.Type{reflect.TypeFor[rawGroup](), reflect.TypeFor[rawRule](), reflect.TypeFor[rawAnomaly](), reflect.TypeFor[rawDetection]()} {
		for field := range kind.Fields() {
			key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
			if key != "" {
				assert.Contains(t, text, key+":", "%s is not documented", key)
			}
		}
	}
}

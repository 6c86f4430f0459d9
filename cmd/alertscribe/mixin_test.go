package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

const mixinDir = "../../docs/mixin"

// ruleFile is a rule file of Prometheus.
type ruleFile struct {
	Groups []struct {
		Rules []struct {
			Alert, Record, Expr string
			Annotations         map[string]string
		}
	}
}

func readRules(t *testing.T, file string) ruleFile {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	var f ruleFile
	require.NoError(t, yaml.Unmarshal(b, &f))
	return f
}

// TestMixinRules: each alert on the service itself fires and ends in promtool's tests, and its runbook exists.
func TestMixinRules(t *testing.T) {
	promtool := testbedtest.Require(t, testbed.Promtool).Promtool
	for _, args := range [][]string{{"check", "rules", "alerts.yml", "rules.yml"}, {"test", "rules", "alerts_test.yml"}} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = mixinDir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	tests, err := os.ReadFile(filepath.Join(mixinDir, "alerts_test.yml"))
	require.NoError(t, err)
	runbooks := map[string]bool{}
	for _, file := range []string{filepath.Join(mixinDir, "alerts.yml"), "../../alert_rules.yml"} {
		for _, g := range readRules(t, file).Groups {
			for _, r := range g.Rules {
				if !strings.HasPrefix(r.Alert, "Alertscribe") {
					continue
				}
				page, ours := strings.CutPrefix(r.Annotations["runbook_url"], "https://github.com/alertscribe/alertscribe/blob/main/")
				require.True(t, ours, "%s: %s has no runbook_url", file, r.Alert)
				assert.FileExists(t, filepath.Join("../..", page))
				runbooks[filepath.Base(page)] = true
				assert.Contains(t, string(tests), `alertname="`+r.Alert+`",alertstate="firing"`, "no test")
			}
		}
	}
	pages, err := filepath.Glob("../../docs/runbooks/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	for _, page := range pages {
		assert.True(t, runbooks[filepath.Base(page)], "no alert leads to %s", page)
	}
}

// TestMixinMetrics: rules and dashboards ask for metrics that a running service has, and a real Prometheus understands the queries.
func TestMixinMetrics(t *testing.T) {
	_, pair := detectionPair(t, "http://127.0.0.1:1/")
	s := startService(t, func(c *config) {
		withRules(t, detectRules)(c)
		withNotify(t, "alertmanager: {url: "+pair.AMURL+"}\nnotify: {channels: [{name: team, alertmanager: true}]}\n", nil)(c)
		c.Prometheus.URL = pair.PromURL
	})
	s.evaluated()
	s.await(s.open("DiskFull"), soon, "no report", func(inc *incident.Incident) bool { return inc.ReportPath != "" })
	exposed := metricNames(t, s.url+"/metrics")
	recorded := map[string]bool{}
	queries := map[string][]string{}
	for _, file := range []string{"rules.yml", "alerts.yml"} {
		for _, g := range readRules(t, filepath.Join(mixinDir, file)).Groups {
			for _, r := range g.Rules {
				recorded[r.Record] = true
				queries[file] = append(queries[file], r.Expr)
			}
		}
	}
	b, err := os.ReadFile("../../docs/grafana/service.json")
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	require.NoError(t, json.Unmarshal(b, &dashboard))
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			queries["service.json"] = append(queries["service.json"], strings.NewReplacer("$job", ".*", "$__rate_interval", "1m").Replace(target.Expr))
		}
	}
	name := regexp.MustCompile(`\b(?:job_instance:)?(?:alertscribe|process)_[a-z0-9_:]+`)
	for file, asked := range queries {
		require.NotEmpty(t, asked)
		for _, query := range asked {
			for _, n := range name.FindAllString(query, -1) {
				assert.True(t, exposed[n] || recorded[n], "%s asks for %s, which nothing exposes", file, n)
			}
			assert.Equal(t, http.StatusOK, queryStatus(t, pair.PromURL, query), "%s: %s", file, query)
		}
	}
}

// metricNames returns the names of a page of metrics, those of histograms' parts included.
func metricNames(t *testing.T, page string) map[string]bool {
	t.Helper()
	resp, err := http.Get(page) //nolint:noctx // a test's
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	names := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		if kind, ok := strings.CutPrefix(line, "# TYPE "); ok {
			f := strings.Fields(kind)
			names[f[0]] = true
			if slices.Contains(f, "histogram") {
				names[f[0]+"_bucket"], names[f[0]+"_count"], names[f[0]+"_sum"] = true, true, true
			}
		}
	}
	return names
}

func queryStatus(t *testing.T, server, query string) int {
	t.Helper()
	resp, err := http.Get(server + "/api/v1/query?" + url.Values{"query": {query}}.Encode()) //nolint:noctx // a test's
	require.NoError(t, err)
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
	return resp.StatusCode
}

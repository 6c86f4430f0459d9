package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// TestGrafana: each body that Grafana's own alerting posts is accepted, and becomes a report with its values and its links.
func TestGrafana(t *testing.T) {
	files, err := filepath.Glob("../../testdata/grafana/*.json")
	require.NoError(t, err)
	wants := map[string][]string{
		"firing": {
			"# Disk space low\n", "· critical ·", "- **values**: B=97.25, C=1\n", "value=97.25", "[Grafana][", "[Silence][", "[Dashboard][", "[Panel][", "[Runbook][",
			"]: https://grafana.example.com/alerting/silence/new?alertmanager=grafana&matcher=__alert_rule_uid__%3Dabc1", "]: https://grafana.example.com/d/node-exporter",
			"]: https://grafana.example.com/public/img/attachments/p1.png", "]: https://wiki.example.com/disk", "`host=n1`", "]: https://grafana.example.com/alerting/list\n",
		},
		"resolved":             nil, // of no incident
		"no-data":              {"# DatasourceNoData\n", "`rulename=Disk space low`", "Disk of a node is almost full", "matcher=rulename%3DDisk+space+low"},
		"error":                {"# DatasourceError\n", "failed to execute query", "connection refused", "no severity (handled as warning)"},
		"several-rules":        {"3 firing", "B=97.25", "A=22, C=1", "A=0.03", "Load of n1 is 22", "n2 has 3 % left", "matcher=__alert_rule_uid__%3Dabc3"},
		"mixed":                {"1 firing · 1 resolved", "Disk of n1 is almost full", "Disk of n2 is almost full"},
		"no-data-beside-alert": {"2 firing", "B=97.25", "`rulename=Load high`"},
		"version-9":            {"value=14151.331895396988", "since 2026-11-20 08:30:00 UTC", "alerting/1afz29v7z/edit", "`team=blue`"},
		"chinese-truncated":    {"# 磁盘空间不足\n", "P1 (handled as warning)", "先清理日志", "节点一的磁盘快满了", "since 2026-11-20 08:30:00 UTC", "omitted 4 more alerts", "orgId=2"},
		"test":                 {"# TestAlert\n", "Notification test", "B=22, C=1"},
		"subpath":              {"A=1e-07, B0=1.5e+21", "]: https://ops.example.com/grafana/alerting/list\n", "https://ops.example.com/grafana/alerting/silence/new"},
	}
	require.Len(t, files, len(wants))
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			s := startService(t, nil)
			a := s.post("/alert", body)
			require.Equal(t, http.StatusAccepted, a.code, a.raw)
			want := wants[name]
			if want == nil {
				assert.Nil(t, a.Incident, "resolved without an incident")
				return
			}
			inc := s.await(*a.Incident, soon, "the report", onDisk)
			report := s.report(inc)
			for _, w := range want {
				assert.Contains(t, linkHost.ReplaceAllString(report, ""), w)
			}
			assert.NotContains(t, report, "#/silences", "Grafana has no such page")
			assert.NotContains(t, report, "[Prometheus][", "nor is its rule's page Prometheus'")
			code, page := get(t, s.url+"/reports/"+*a.Incident)
			assert.Equal(t, http.StatusOK, code)
			assert.NotContains(t, page, "&lt;", "nothing of the page is shown as text")

			again := s.post("/alert", body)
			assert.Equal(t, a.Incident, again.Incident, "a repeat is of the same incident")
		})
	}
}

// linkHost is what a link's label says of where it leads.
var linkHost = regexp.MustCompile(` \([a-z.]+\.example\.com\)`)

// TestGrafanaResolves: values change with every notification, and are no reason for another incident.
func TestGrafanaResolves(t *testing.T) {
	s := startService(t, nil)
	read := func(name string) []byte {
		body, err := os.ReadFile(filepath.Join("../../testdata/grafana", name+".json"))
		require.NoError(t, err)
		return body
	}
	a := s.post("/alert", read("firing"))
	b := s.post("/alert", []byte(strings.ReplaceAll(string(read("firing")), "97.25", "98.5")))
	require.Equal(t, a.Incident, b.Incident)
	c := s.post("/alert", read("resolved"))
	require.Equal(t, a.Incident, c.Incident)
	inc := s.await(*a.Incident, soon, "the end", func(inc *incident.Incident) bool { return inc.Status == "resolved" && current(inc) })
	report := s.report(inc)
	assert.Contains(t, report, "**RESOLVED**")
	assert.Contains(t, report, "B=61.5, C=0")
	assert.Contains(t, report, "from 2026-11-20 08:30:00 UTC to 08:55:00 UTC (25m)")
}

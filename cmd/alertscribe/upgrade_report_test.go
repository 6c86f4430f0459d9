package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/report"
)

// wordChanges are the words of reports that were changed on purpose since the fixture was written, in pairs of then and now.
// They stand in headings and in what else is compared word by word.
var wordChanges = strings.NewReplacer(
	"analysed", "analyzed",
)

// reportGone is what reports said when the fixture was written and say no longer, on purpose: numbers, links, code.
var reportGone = map[string]bool{}

// What a reader holds a report to, whatever its words.
var (
	reportItem  = regexp.MustCompile(`(?m)^### (E\d+): `)
	reportCited = regexp.MustCompile(`\bE\d+\b`)
	reportFence = regexp.MustCompile("(?s)```(\\w+)\n(.*?)\n *```")
	reportLink  = regexp.MustCompile(`(?m)^\[l\d+\]: (\S+)$`)
	reportLine  = regexp.MustCompile(`(?m)^.+$`)
	reportImage = regexp.MustCompile(`!\[[^\]]*\]\(([^)]+)\)`)
)

// assertReportKept renders an incident's report at the second at which the earlier version did, and compares it with the
// file of then: the front matter key by key; of the text the items of evidence, citations, queries, links and charts. A report may
// say more than it did, and in another order.
func assertReportKept(t *testing.T, a *app, url, id string) {
	t.Helper()
	inc, found, err := a.store.Incident(t.Context(), id)
	require.NoError(t, err)
	file, err := os.ReadFile(filepath.Join(a.cfg.Reports.Dir, filepath.FromSlash(inc.ReportPath)))
	require.NoError(t, err)
	front, old := splitReport(t, wordChanges.Replace(string(file)))
	written, ok := front["generated_at"].(time.Time)
	require.True(t, ok, "generated_at is a time")
	w, err := report.New(report.Options{Dir: t.TempDir(), Version: "development", Now: func() time.Time { return written }})
	require.NoError(t, err)
	base := strings.TrimSuffix(filepath.Base(inc.ReportPath), ".md")
	frontNow, now := splitReport(t, string(w.Markdown(inc, found, base)))

	for key, value := range front {
		assert.Equal(t, value, frontNow[key], "front matter: %s", key)
	}
	items := submatches(reportItem, now)
	shown := slices.DeleteFunc(submatches(reportItem, old), func(id string) bool { // what could not be looked up is among the gaps
		return slices.ContainsFunc(found.Evidence, func(e incident.Evidence) bool {
			return e.ID == id && e.Failed && !slices.Contains(items, id) && strings.Contains(now, "("+id+")")
		})
	})
	assert.Equal(t, shown, items, "items of evidence")
	for what, re := range map[string]*regexp.Regexp{ // not the numbers: a table shows five rows now
		"citation": reportCited, "link": reportLink, "chart": reportImage, "query or command": reportFence,
	} {
		assert.Empty(t, lost(re, old, now), "a %s that the report of %s no longer has", what, inc.Alertname)
	}
	for _, chart := range submatches(reportImage, old) {
		code, svg := get(t, url+"/reports/"+id+"/"+filepath.Base(chart))
		assert.Equal(t, http.StatusOK, code, chart)
		assert.Contains(t, svg, "</svg>", chart)
	}
	if reworded := lost(reportLine, old, now); len(reworded) > 0 {
		t.Logf("%d lines read differently now, the first was %.200q", len(reworded), reworded[0])
	}
}

// splitReport returns the front matter of a report and its text.
func splitReport(t *testing.T, text string) (front map[string]any, body string) {
	t.Helper()
	parts := strings.SplitN(text, "---\n", 3)
	require.Len(t, parts, 3)
	require.NoError(t, yaml.Unmarshal([]byte(parts[1]), &front))
	return front, parts[2]
}

// submatches returns all that an expression finds, each as its groups in one text, in order.
func submatches(re *regexp.Regexp, text string) []string {
	var all []string
	for _, m := range re.FindAllStringSubmatch(text, -1) {
		if len(m) > 1 {
			m = m[1:]
		}
		all = append(all, strings.Join(m, "\n"))
	}
	return all
}

// lost returns what an expression finds in old and not in now, without what is gone on purpose.
func lost(re *regexp.Regexp, old, now string) []string {
	there := map[string]bool{}
	for _, s := range submatches(re, now) {
		there[s] = true
	}
	gone := slices.DeleteFunc(submatches(re, old), func(s string) bool { return there[s] || reportGone[s] })
	slices.Sort(gone)
	return slices.Compact(gone)
}

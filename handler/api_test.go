package handler

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func (e *env) list(t *testing.T, query string) (ids []string, next string) {
	t.Helper()
	answer := readJSON(t, e.get(t, "/api/v1/incidents"+query), http.StatusOK)
	for _, entry := range answer["incidents"].([]any) {
		ids = append(ids, entry.(map[string]any)["id"].(string))
	}
	return ids, answer["next"].(string)
}

func TestListIncidents(t *testing.T) {
	e := newEnv(t)
	assert.JSONEq(t, `{"incidents":[],"next": "", "total": 0.0}`, readBody(t, e.get(t, "/api/v1/incidents"), http.StatusOK))

	over := e.post(t, body("Over", "firing", "severity", "warning"))
	e.post(t, body("Over", "resolved", "severity", "warning"))
	var firing []string
	for i := range 5 {
		firing = append([]string{e.post(t, body(fmt.Sprintf("A%d", i), "firing", "severity", "critical"))}, firing...)
	}
	all := append(slices.Clone(firing), over) // what fires comes first, then the newest

	ids, next := e.list(t, "")
	assert.Equal(t, all, ids)
	assert.Empty(t, next)

	var paged []string
	for after, pages := "", 0; pages < 10; pages++ {
		ids, next := e.list(t, "?limit=2&after="+url.QueryEscape(after))
		paged = append(paged, ids...)
		if after = next; after == "" {
			break
		}
	}
	assert.Equal(t, all, paged)

	for query, want := range map[string][]string{
		"?status=firing":                      firing,
		"?status=resolved":                    {over},
		"?status=stale":                       nil,
		"?severity=warning":                   {over},
		"?alertname=A3":                       {firing[1]},
		"?alertname=A3&status=resolved":       nil,
		"?status=&severity=&alertname=&limit": all,
		"?unknown=1&limit=500":                all,
	} {
		ids, _ := e.list(t, query)
		assert.Equal(t, want, ids, query)
	}

	answer := readJSON(t, e.get(t, "/api/v1/incidents?status=resolved"), http.StatusOK)
	entry := answer["incidents"].([]any)[0].(map[string]any)
	assert.Equal(t, "Over", entry["alertname"])
	assert.Equal(t, "resolved", entry["status"])
	assert.Equal(t, "warning", entry["severity"])
	assert.EqualValues(t, 0, entry["alerts_firing"])
	assert.EqualValues(t, 1, entry["alerts_total"])
	assert.Equal(t, "pending", entry["analysis"].(map[string]any)["state"])
	assert.Equal(t, "/reports/"+over, entry["report_url"])
	assert.NotEmpty(t, entry["resolved_at"])
	assert.NotContains(t, entry, "alerts")
	assert.NotContains(t, entry, "timeline")
}

func TestListRefuses(t *testing.T) {
	e := newEnv(t)
	for query, reason := range map[string]string{
		"limit=0":                                `limit: "0" is not a number from 1 to 500`,
		"limit=501":                              `limit: "501" is not a number from 1 to 500`,
		"limit=-1":                               `limit: "-1" is not a number from 1 to 500`,
		"limit=ten":                              `limit: "ten" is not a number from 1 to 500`,
		"status=open":                            `status: "open" is not one of firing, resolved, stale`,
		"severity=sev1":                          `severity: "sev1" is not one of critical, page, error, warning, info`,
		"after=2":                                `after: "2" is not a cursor; send the previous page's next, or omit it`,
		"after=%27%3B--":                         `after: "';--" is not a cursor; send the previous page's next, or omit it`,
		"alertname=%ff":                          `alertname: "\xff" is too long, or not UTF-8`,
		"alertname=" + strings.Repeat("x", 2000): `alertname: "` + strings.Repeat("x", 39) + `…" is too long, or not UTF-8`,
		"status=" + url.QueryEscape("<b>\n</b>…"): `status: "<b>\n</b>…" is not one of firing, resolved, stale`,
	} {
		t.Run(query[:min(len(query), 30)], func(t *testing.T) {
			answer := readJSON(t, e.get(t, "/api/v1/incidents?"+query), http.StatusBadRequest)
			assert.Equal(t, map[string]any{"status": "failed", "reason": reason}, answer)
			page := readBody(t, e.get(t, "/reports?"+query), http.StatusBadRequest)
			assert.NotContains(t, page, "<b>")
		})
	}
}

func TestGetIncident(t *testing.T) {
	e := newEnv(t)
	id := e.post(t, body("A", "firing", "severity", "critical"))
	path := "/api/v1/incidents/" + id
	fresh := readJSON(t, e.get(t, path), http.StatusOK)
	assert.Equal(t, []any{}, fresh["evidence"])
	assert.Nil(t, fresh["verdict"])

	start := t0.Add(-time.Hour)
	e.analyze(t, id, incident.Findings{
		Evidence: []incident.Evidence{{
			ID: "E1", Kind: incident.KindDrilldown, Title: "Which label values carry the change", Summary: "shenzhen", Query: "up", Start: start, End: t0,
			Ranking: []incident.RankedSeries{{Labels: map[string]string{"ip_region": "shenzhen"}, Score: 41.5, Direction: "up", Onset: t0}},
		}},
		Verdict: &incident.Verdict{Summary: "Guessing.", Causes: []incident.Cause{{Hypothesis: "h", Likelihood: "high", Evidence: []string{"E1"}}}},
	})
	got := readJSON(t, e.get(t, path), http.StatusOK)
	assert.Equal(t, id, got["id"])
	assert.Equal(t, "firing", got["status"])
	assert.Equal(t, "/reports/"+id, got["report_url"])
	assert.True(t, strings.HasSuffix(got["report_path"].(string), "_A_"+id[:8]+".md"))
	assert.Len(t, got["alerts"], 1)
	assert.EqualValues(t, 1, got["spend"].(map[string]any)["calls"])
	assert.Equal(t, "complete", got["analysis"].(map[string]any)["state"])
	assert.Equal(t, "Guessing.", got["verdict"].(map[string]any)["summary"])
	item, err := json.Marshal(got["evidence"].([]any)[0])
	require.NoError(t, err)
	assert.JSONEq(t, `{"id":"E1","kind":"drilldown","title":"Which label values carry the change","summary":"shenzhen","query":"up",
		"start":"2026-11-20T07:30:05Z","end":"2026-11-20T08:30:05Z",
		"ranking":[{"labels":{"ip_region":"shenzhen"},"score":41.5,"direction":"up","onset":"2026-11-20T08:30:05Z"}]}`, string(item))
}

// TestGetIncidentTellsWhatIsBesideTheVerdict: what people said, storms, memory, and what became of the verification.
func TestGetIncidentTellsWhatIsBesideTheVerdict(t *testing.T) {
	e := newEnv(t)
	other := e.post(t, body("Other", "firing", "namespace", "shop", "severity", "critical"))
	id := e.post(t, body("A", "firing", "namespace", "shop"))
	path := "/api/v1/incidents/" + id
	fresh := readJSON(t, e.get(t, path), http.StatusOK)
	for _, key := range []string{"feedback", "memory"} {
		assert.NotContains(t, fresh, key)
	}
	e.analyze(t, id, incident.Findings{
		Evidence: []incident.Evidence{{ID: "E1"}, {ID: "E2", Kind: incident.KindComparison}},
		Memory: []incident.PastIncident{{
			Incident: "before", ReportPath: "2026-11-01/1_A_before.md", StartedAt: t0, Similarity: .75, Weight: .5, Hypothesis: "a leak", Marked: true,
			Feedback: []incident.Feedback{{Kind: incident.Correct, Text: "the disk", By: "bob", At: t0}},
		}},
		Verdict: &incident.Verdict{
			Summary: "Guessing.", Verification: &incident.Verification{Reason: incident.UnverifiedModel, Detail: "no answer", Evidence: []string{"E2"}},
		},
	})
	readJSON(t, e.say(t, id, `{"kind":"confirm","text":"yes","by":"ann"}`), http.StatusOK)
	got := readJSON(t, e.get(t, path), http.StatusOK)
	part := func(v any) string {
		b, err := json.Marshal(v)
		require.NoError(t, err)
		return string(b)
	}
	assert.Equal(t, "namespace=shop", got["scope"])
	assert.JSONEq(t, `{"reason":"model","detail":"no answer","evidence":["E2"]}`, part(got["verdict"].(map[string]any)["verification"]))
	assert.JSONEq(t, `[{"incident":"before","report_path":"2026-11-01/1_A_before.md","started_at":"2026-11-20T08:30:05Z","similarity":0.75,"weight":0.5,
		"hypothesis":"a leak","marked":true,"feedback":[{"kind":"correct","text":"the disk","by":"bob","at":"2026-11-20T08:30:05Z"}]}]`, part(got["memory"]))
	related := got["related"].([]any)[0].(map[string]any)
	assert.Equal(t, []any{other, "Other", "critical"}, []any{related["id"], related["alertname"], related["severity"]})
	assert.NotEmpty(t, related["opened_at"])
	assert.NotEmpty(t, related["report_path"])
	feedback := got["feedback"].([]any)[0].(map[string]any)
	assert.Equal(t, []any{"confirm", "yes", "ann"}, []any{feedback["kind"], feedback["text"], feedback["by"]})
	assert.NotEmpty(t, feedback["at"])
}

func TestGetIncidentRefuses(t *testing.T) {
	e := newEnv(t)
	for _, id := range []string{incident.NewID(), "x", "..%2f..%2fetc%2fpasswd", strings.Repeat("a", 27), "%00", "A" + incident.NewID()[1:]} {
		answer := readJSON(t, e.get(t, "/api/v1/incidents/"+id), http.StatusNotFound)
		assert.Equal(t, "no such incident", answer["reason"], id)
	}
	e.store.incident = errors.New("database is locked")
	answer := readJSON(t, e.get(t, "/api/v1/incidents/"+incident.NewID()), http.StatusServiceUnavailable)
	assert.NotContains(t, answer["reason"], "locked")
	assert.Contains(t, e.log.String(), "database is locked")
}

package main

import (
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/promslog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// upgradeDir holds a database and reports of an earlier version; see its README.
const upgradeDir = "testdata/upgrade"

// What stored JSON was called by the version that wrote the fixture, and is called now.
var (
	renamedKeys = map[string]map[string]string{ // by the part of an incident
		"evidence": {"promql": "query"},
		"memory":   {"likeness": "similarity", "doubted": "marked"},
	}
	renamedKinds = map[string]map[string]string{
		"evidence": {"neighbours": "neighbors", "contrast": "comparison"},
		"timeline": {"analysed": "analyzed", "remarked": "feedback"},
	}
)

// TestUpgrade opens what an earlier version has written with this one. Each incident is still there with all that was known
// about it, under the names of today, and its report says what it said.
func TestUpgrade(t *testing.T) {
	if *upgradeMake {
		makeUpgradeFixture(t, *programPath)
	}
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "reports"), os.DirFS(filepath.Join(upgradeDir, "reports"))))
	database := filepath.Join(dir, "data", "alertscribe.db")
	unzip(t, filepath.Join(upgradeDir, "alertscribe.db.gz"), database)
	before := storedBefore(t, database)
	require.GreaterOrEqual(t, len(before), 10)
	t.Run("fixture", func(t *testing.T) { assertFull(t, before) })

	// Nothing works on the incidents: what is asked for is what was stored.
	a, err := newApp(t.Context(), configIn(t, dir, nil), appOptions{}, promslog.NewNopLogger())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, a.cleanUp(context.WithoutCancel(t.Context()))) })
	server := httptest.NewServer(a.server.Handler)
	t.Cleanup(server.Close)
	for id, old := range before {
		t.Run(fmt.Sprintf("%s_%s", old["alertname"], id[:8]), func(t *testing.T) {
			code, text := get(t, server.URL+"/api/v1/incidents/"+id)
			require.Equal(t, http.StatusOK, code, text)
			var now map[string]any
			require.NoError(t, json.Unmarshal([]byte(text), &now))
			for _, problem := range missing("", renamed(old), now) {
				t.Error(problem)
			}
			assertReportKept(t, a, server.URL, id)
		})
	}
	t.Run("memory", func(t *testing.T) { assertRemembered(t, a) })
	_, text := get(t, server.URL+"/api/v1/incidents?limit=500")
	var list struct {
		Incidents []struct {
			ID string `json:"id"`
		} `json:"incidents"`
	}
	require.NoError(t, json.Unmarshal([]byte(text), &list))
	assert.Len(t, list.Incidents, len(before))
}

func unzip(t *testing.T, from, to string) {
	t.Helper()
	f, err := os.Open(from)
	require.NoError(t, err)
	defer f.Close()
	r, err := gzip.NewReader(f)
	require.NoError(t, err)
	raw, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o700))
	require.NoError(t, os.WriteFile(to, raw, 0o600))
}

// storedBefore reads all incidents of the fixture as they were stored, by id, in the form in which the API answered then.
func storedBefore(t *testing.T, path string) map[string]map[string]any {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	require.NoError(t, err)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT i.doc, h.doc, f.evidence, f.verdict, f.memory FROM incidents i
		JOIN heard h ON h.incident_id = i.id JOIN findings f ON f.incident_id = i.id`)
	require.NoError(t, err)
	defer rows.Close()
	read := func(text string, to any) {
		if text != "" {
			require.NoError(t, json.Unmarshal([]byte(text), to))
		}
	}
	all := map[string]map[string]any{}
	for rows.Next() {
		var doc, heardDoc, evidence, verdict, memory string
		require.NoError(t, rows.Scan(&doc, &heardDoc, &evidence, &verdict, &memory))
		inc, heard := map[string]any{}, map[string]any{}
		var items, past []any
		var said any
		read(doc, &inc)
		read(heardDoc, &heard)
		read(evidence, &items)
		read(memory, &past)
		read(verdict, &said)
		timeline, _ := inc["timeline"].([]any)
		inc["timeline"] = append(timeline, heard["event"]) // a repeat rewrites the last event alone
		delete(heard, "event")
		maps.Copy(inc, heard)
		inc["evidence"], inc["verdict"] = items, said
		if past != nil {
			inc["memory"] = past
		}
		delete(inc, "report_path") // the API tells it with the directory, and the report is looked for there
		all[inc["id"].(string)] = inc
	}
	require.NoError(t, rows.Err())
	return all
}

// assertFull makes sure that the fixture holds what an upgrade could lose.
func assertFull(t *testing.T, all map[string]map[string]any) {
	t.Helper()
	seen := map[string]bool{}
	for _, inc := range all {
		analysis := inc["analysis"].(map[string]any)
		seen[fmt.Sprintf("%v, %v %v", inc["status"], analysis["state"], analysis["reason"])] = true
		for _, part := range []string{"evidence", "timeline"} {
			for _, item := range inc[part].([]any) {
				item := item.(map[string]any)
				seen[fmt.Sprintf("%s %v", part, item["kind"])] = true
				for key := range item {
					seen[part+" with "+key] = true
				}
			}
		}
		past, _ := inc["memory"].([]any)
		for _, one := range past {
			for key := range one.(map[string]any) {
				seen["memory with "+key] = true
			}
		}
		verdict, _ := inc["verdict"].(map[string]any)
		for key := range verdict {
			seen["verdict with "+key] = true
		}
		seen["draft"] = seen["draft"] || verdict != nil && verdict["verification"] == nil
		for _, key := range []string{"truncated_alerts", "repeats", "flaps"} {
			seen[key] = seen[key] || inc[key] != 0.
		}
		for _, key := range []string{"feedback", "related"} {
			seen[key] = seen[key] || inc[key] != nil
		}
	}
	for _, what := range []string{
		"firing, complete <nil>", "firing, pending <nil>", "firing, evidence_only skipped", "firing, evidence_only gave_up", "resolved, complete <nil>",
		"evidence alert", "evidence signal", "evidence drilldown", "evidence suspects", "evidence neighbours", "evidence alerts", "evidence history",
		"evidence runbook", "evidence contrast", "evidence check", "evidence with promql", "evidence with ranking", "evidence with table",
		"evidence with chart", "evidence with link", "evidence with failed", "evidence with earlier", "evidence with start",
		"timeline opened", "timeline updated", "timeline repeated", "timeline resolved", "timeline reopened", "timeline drafted", "timeline analysed",
		"timeline remarked", "memory with likeness", "memory with doubted", "memory with feedback", "memory with hypothesis",
		"verdict with verification", "verdict with prose", "draft", "truncated_alerts", "repeats", "flaps", "feedback", "related",
	} {
		assert.True(t, seen[what], "the fixture has no %s", what)
	}
}

// assertRemembered makes sure that an incident that opens an hour after the fixture was written is told of those before it.
func assertRemembered(t *testing.T, a *app) {
	t.Helper()
	list, _, err := a.store.Incidents(t.Context(), incident.Query{Limit: 10, Alertname: "ShopErrors", Status: incident.Firing})
	require.NoError(t, err)
	require.NotEmpty(t, list)
	next := list[0].Clone()
	next.ID, next.OpenedAt = incident.NewID(), next.OpenedAt.Add(time.Hour)
	collector, err := newCollector(a.cfg, nil, a.store, promslog.NewNopLogger(), prometheus.NewRegistry())
	require.NoError(t, err)
	t.Cleanup(collector.Close)
	said := map[string]bool{}
	for _, past := range collector.PastIncidents(t.Context(), next) {
		said[past.Hypothesis] = past.Marked
		for _, f := range past.Feedback {
			said[string(f.Kind)+" "+f.Text] = true
		}
	}
	assert.Equal(t, map[string]bool{
		"Zone z1 carries the errors since its process restarted.": false, "The disk of web-99 is 97 % full.": true,
		"correct It was the nightly backup: `backup.sh`.": true, "confirm ": true,
	}, said)
}

// renamed returns an incident of then under the names of now.
func renamed(old map[string]any) map[string]any {
	now := maps.Clone(old)
	for _, part := range []string{"evidence", "memory", "timeline"} {
		items, _ := old[part].([]any)
		list := make([]any, len(items))
		for i, item := range items {
			item := maps.Clone(item.(map[string]any))
			if part == "evidence" && item["promql"] != nil {
				item["source"] = string(incident.SourcePrometheus)
			}
			for was, is := range renamedKeys[part] {
				if value, ok := item[was]; ok {
					item[is] = value
					delete(item, was)
				}
			}
			if kind, ok := item["kind"].(string); ok && renamedKinds[part][kind] != "" {
				item["kind"] = renamedKinds[part][kind]
			}
			list[i] = item
		}
		if items != nil {
			now[part] = list
		}
	}
	return now
}

// missing returns what old holds and now does not, or not as it was. What now holds beside it is new and welcome.
func missing(path string, old, now any) []string {
	switch old := old.(type) {
	case map[string]any:
		fields, ok := now.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s: is %T", path, now)}
		}
		var all []string
		for _, key := range slices.Sorted(maps.Keys(old)) {
			all = append(all, missing(path+"."+key, old[key], fields[key])...)
		}
		return all
	case []any:
		items, _ := now.([]any)
		if len(old) != len(items) {
			return []string{fmt.Sprintf("%s: %d items instead of %d", path, len(items), len(old))}
		}
		var all []string
		for i := range old {
			all = append(all, missing(fmt.Sprintf("%s[%d]", path, i), old[i], items[i])...)
		}
		return all
	}
	if !sameValue(old, now) {
		return []string{fmt.Sprintf("%s: %v instead of %v", path, now, old)}
	}
	return nil
}

// sameValue compares what is neither object nor list; times are the same however they are written.
func sameValue(old, now any) bool {
	if old == now {
		return true
	}
	text, ok := old.(string)
	other, ok2 := now.(string)
	if !ok || !ok2 {
		return false
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	at2, err2 := time.Parse(time.RFC3339Nano, other)
	return err == nil && err2 == nil && at.Equal(at2)
}

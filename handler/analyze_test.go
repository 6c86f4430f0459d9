package handler

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func TestAnalyzeAgain(t *testing.T) {
	e := newEnv(t)
	id := e.post(t, body("A", "firing"))
	e.analyze(t, id, charted())
	ask := func(id string, header ...string) answer {
		return e.do(t, http.MethodPost, "/api/v1/incidents/"+id+"/analyze", "", header...)
	}
	for name, asked := range map[string]string{"by its id": id, "by the beginning of it": id[:8]} {
		t.Run(name, func(t *testing.T) {
			got := readJSON(t, ask(asked), http.StatusAccepted)
			assert.Equal(t, map[string]any{"status": "accepted", "incident": id, "report_url": "/reports/" + id}, got)
			inc, _, err := e.store.Incident(t.Context(), id)
			require.NoError(t, err)
			assert.Equal(t, incident.Pending, inc.Analysis.State)
			assert.False(t, inc.Due[incident.WorkEvidence].IsZero())
			assert.Equal(t, incident.EventAsked, inc.Timeline[len(inc.Timeline)-1].Kind)
			e.analyze(t, id, charted())
		})
	}
	readBody(t, ask(strings.Repeat("a", 26)), http.StatusNotFound)
	readBody(t, ask("aaaaaaaa"), http.StatusNotFound)
	readBody(t, ask("aaaaaaa"), http.StatusNotFound)
	readBody(t, ask("AAAAAAAA"), http.StatusNotFound)
	readBody(t, ask(id, "Sec-Fetch-Site", "cross-site"), http.StatusForbidden)

	e.store.update = errors.New("disk full")
	refused := readBody(t, ask(id), http.StatusServiceUnavailable)
	assert.Contains(t, refused, "not stored")
}

func TestAnalyzeAgainWantsTheToken(t *testing.T) {
	e := newEnv(t, func(o *Options) { o.Token = "s3cret" })
	path := "/api/v1/incidents/" + strings.Repeat("a", 26) + "/analyze"
	readBody(t, e.do(t, http.MethodPost, path, ""), http.StatusUnauthorized)
	readBody(t, e.do(t, http.MethodPost, path, "", "Authorization", "Bearer s3cret"), http.StatusNotFound)
}

// TestShortIDs: wherever an id stands in a path, its first eight letters do.
func TestShortIDs(t *testing.T) {
	e := newEnv(t)
	id := e.post(t, body("A", "firing"))
	for _, path := range []string{"/api/v1/incidents/%s", "/reports/%s", "/reports/%s.md"} {
		whole := readBody(t, e.get(t, strings.ReplaceAll(path, "%s", id)), http.StatusOK)
		short := readBody(t, e.get(t, strings.ReplaceAll(path, "%s", id[:8])), http.StatusOK)
		assert.Len(t, short, len(whole), path)
		readBody(t, e.get(t, strings.ReplaceAll(path, "%s", id[:7])), http.StatusNotFound)
	}
}

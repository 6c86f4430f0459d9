package handler

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/text"
)

// TestNothingObeyedByATerminal: no answer holds a character that a terminal obeys or that turns text around; JSON keeps them, escaped.
func TestNothingObeyedByATerminal(t *testing.T) {
	e := newEnv(t)
	name := "Disk\x1b[31m\u009b1m\u202e\a"
	payload := map[string]any{
		"version": "4", "groupKey": "g", "status": "firing", "receiver": name, "groupLabels": map[string]string{"alertname": name, "job": name},
		"alerts": []any{map[string]any{
			"status": "firing", "startsAt": "2026-11-20T08:30:05Z",
			"labels":      map[string]string{"alertname": name, "job": name, "severity": name},
			"annotations": map[string]string{"summary": name},
		}},
	}
	sent, err := json.Marshal(payload)
	require.NoError(t, err)
	id := e.post(t, string(sent))
	for _, path := range []string{"/reports", "/reports/" + id, "/reports/" + id + ".md", "/api/v1/incidents", "/api/v1/incidents/" + id} {
		answer := readBody(t, e.get(t, path), http.StatusOK)
		assert.Negative(t, strings.IndexFunc(answer, text.Invisible), "%s: %q", path, answer)
	}
	quoted := url.QueryEscape(name)
	for path, status := range map[string]int{
		"/reports?q=" + quoted: http.StatusOK, "/reports?alertname=" + quoted: http.StatusOK, "/reports?match=" + quoted: http.StatusBadRequest,
		"/api/v1/incidents?status=" + quoted: http.StatusBadRequest, "/api/v1/incidents/" + quoted: http.StatusNotFound,
		"/go?alertname=" + quoted + "&x=1": http.StatusNotFound, "/api/v1/costs": http.StatusOK, "/health": http.StatusOK, "/metrics": http.StatusOK,
	} {
		answer := readBody(t, e.get(t, path), status)
		assert.Negative(t, strings.IndexFunc(answer, text.Invisible), "%s: %q", path, answer)
	}
	var incident struct {
		Alertname string `json:"alertname"`
	}
	require.NoError(t, json.Unmarshal([]byte(readBody(t, e.get(t, "/api/v1/incidents/"+id), http.StatusOK)), &incident))
	assert.Equal(t, name, incident.Alertname)
}

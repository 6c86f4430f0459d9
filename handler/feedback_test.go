package handler

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// say sends feedback; header holds names and values in turn.
func (e *env) say(t *testing.T, id, body string, header ...string) answer {
	t.Helper()
	return e.do(t, http.MethodPost, "/api/v1/incidents/"+id+"/feedback", body, append([]string{"Content-Type", jsonType}, header...)...)
}

// said returns the feedback of an incident as it is stored.
func (e *env) said(t *testing.T, id string) []incident.Feedback {
	t.Helper()
	inc, _, err := e.store.Incident(t.Context(), id)
	require.NoError(t, err)
	return inc.Feedback
}

func TestFeedback(t *testing.T) {
	e := newEnv(t)
	id := e.post(t, body("A", "firing"))
	e.analyze(t, id, charted())
	got := readJSON(t, e.say(t, id, `{"kind":"correct","text":"  It was the\r\n\tdisk\u0007\u001b[31m. 磁盘已满  ","by":" ann\n\u0000 "}`), http.StatusOK)
	assert.Equal(t, "success", got["status"])
	assert.Equal(t, id, got["incident"])
	assert.Equal(t, "/reports/"+id, got["report_url"])

	stored := e.said(t, id)
	require.Len(t, stored, 1)
	assert.Equal(t, incident.Feedback{Kind: incident.Correct, Text: "It was the\n\tdisk. 磁盘已满", By: "ann", At: stored[0].At}, stored[0])
	want, err := json.Marshal(stored[0])
	require.NoError(t, err)
	answered, err := json.Marshal(got["feedback"])
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(answered), "the answer is what is stored")

	readJSON(t, e.say(t, id, `{"kind":"confirm"}`), http.StatusOK)
	stored = e.said(t, id)
	require.Len(t, stored, 2)
	assert.Equal(t, incident.Feedback{Kind: incident.Confirm, At: stored[1].At}, stored[1])
	inc, _, err := e.store.Incident(t.Context(), id)
	require.NoError(t, err)
	assert.False(t, inc.Due[incident.WorkFile].IsZero(), "the report is to show it")
	assert.Equal(t, incident.Complete, inc.Analysis.State)

	text := readBody(t, e.get(t, "/metrics"), http.StatusOK)
	assert.Contains(t, text, `alertscribe_feedback_total{kind="confirm"} 1`+"\n")
	assert.Contains(t, text, `alertscribe_feedback_total{kind="correct"} 1`+"\n")
	assert.Contains(t, text, `alertscribe_http_request_duration_seconds_count{code="200",handler="/api/v1/incidents/{id}/feedback",method="POST"} 2`)
	problems, err := testutil.GatherAndLint(e.registry)
	require.NoError(t, err)
	assert.Empty(t, problems)
}

func TestFeedbackOnWhatWasNotAnalyzed(t *testing.T) {
	e := newEnv(t)
	id := e.post(t, body("A", "firing"))
	answer := readJSON(t, e.say(t, id, `{"kind":"confirm","text":"yes"}`), http.StatusConflict)
	assert.Equal(t, "no analysis to confirm yet; use correct to give the cause", answer["reason"])
	assert.Empty(t, e.said(t, id))
	readJSON(t, e.say(t, id, `{"kind":"correct","text":"the disk"}`), http.StatusOK)
	assert.Len(t, e.said(t, id), 1)
	assert.Contains(t, readBody(t, e.get(t, "/metrics"), http.StatusOK), `alertscribe_feedback_total{kind="confirm"} 0`+"\n")
}

func TestFeedbackRefuses(t *testing.T) {
	e := newEnv(t)
	id := e.post(t, body("A", "firing"))
	e.analyze(t, id, charted())
	for name, tc := range map[string]struct {
		body, reason string
		status       int
	}{
		"nothing":            {"", "body: empty; send a JSON object such as", http.StatusBadRequest},
		"not JSON":           {"confirm", "body: not JSON", http.StatusBadRequest},
		"not an object":      {`["confirm"]`, "is not an object", http.StatusBadRequest},
		"more behind it":     {`{"kind":"confirm"} {}`, "body: not JSON", http.StatusBadRequest},
		"no kind":            {`{"text":"x"}`, `kind: "" is not one of confirm, correct`, http.StatusBadRequest},
		"null":               {`{"kind":null}`, `kind: "" is not one of confirm, correct`, http.StatusBadRequest},
		"another kind":       {`{"kind":"deny"}`, `kind: "deny" is not one of confirm, correct`, http.StatusBadRequest},
		"a kind for a log":   {`{"kind":"` + strings.Repeat("x", 5000) + `"}`, `kind: "` + strings.Repeat("x", 39) + `…" is not`, http.StatusBadRequest},
		"kind is no string":  {`{"kind":1}`, "kind: 1 is not a string", http.StatusBadRequest},
		"text is no string":  {`{"kind":"confirm","text":["x"]}`, `text: ["x"] is not a string`, http.StatusBadRequest},
		"by is no string":    {`{"kind":"confirm","by":{}}`, "by: {} is not a string", http.StatusBadRequest},
		"an unknown key":     {`{"kind":"confirm","txt":"x"}`, "txt: not a key of feedback; send kind, text and by", http.StatusBadRequest},
		"another spelling":   {`{"Kind":"confirm"}`, "Kind: not a key of feedback", http.StatusBadRequest},
		"a key for a log":    {`{"a\nb":1}`, `["a\nb"]: not a key`, http.StatusBadRequest},
		"no text":            {`{"kind":"correct"}`, "text: is empty; give the cause", http.StatusBadRequest},
		"a blank text":       {`{"kind":"correct","text":" \n\t\u0000 "}`, "text: is empty", http.StatusBadRequest},
		"a text too long":    {`{"kind":"confirm","text":"` + strings.Repeat("x", 2001) + `"}`, "text: is 2001 bytes; at most 2000 allowed", http.StatusBadRequest},
		"a name too long":    {`{"kind":"confirm","by":"` + strings.Repeat("x", 81) + `"}`, "by: is 81 bytes; at most 80 allowed", http.StatusBadRequest},
		"not UTF-8":          {"{\"kind\":\"confirm\",\"text\":\"\xff\"}", "text: not UTF-8", http.StatusBadRequest},
		"a name not UTF-8":   {"{\"kind\":\"confirm\",\"by\":\"\xff\"}", "by: not UTF-8", http.StatusBadRequest},
		"too large":          {`{"kind":"confirm","text":"` + strings.Repeat(" ", 16<<10) + `"}`, "body: over 16384 bytes; send less: a text has at most 2000", http.StatusRequestEntityTooLarge},
		"as large as may be": {`{"kind":"nothing"` + strings.Repeat(" ", 16<<10-18) + `}`, "kind:", http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			answer := readJSON(t, e.say(t, id, tc.body), tc.status)
			assert.Equal(t, "failed", answer["status"])
			assert.Contains(t, answer["reason"], tc.reason)
		})
	}
	assert.Empty(t, e.said(t, id))
	readJSON(t, e.say(t, id, `{"kind":"confirm"}`, "Content-Type", "text/plain"), http.StatusUnsupportedMediaType)
	readJSON(t, e.say(t, id, `{"kind":"confirm"}`, "Sec-Fetch-Site", "cross-site"), http.StatusForbidden)
	for _, unknown := range []string{incident.NewID(), "x", id + "x"} {
		answer := readJSON(t, e.say(t, unknown, `{"kind":"confirm"}`), http.StatusNotFound)
		assert.Equal(t, "no such incident", answer["reason"])
	}
	resp := e.get(t, "/api/v1/incidents/"+id+"/feedback")
	readJSON(t, resp, http.StatusMethodNotAllowed)
	assert.Equal(t, "POST", resp.Header.Get("Allow"))

	e.store.update = errors.New("disk I/O error at /var/lib/secret")
	answer := readJSON(t, e.say(t, id, `{"kind":"confirm"}`), http.StatusServiceUnavailable)
	assert.Contains(t, answer["reason"], "feedback not stored; retry")
	assert.NotContains(t, answer["reason"], "secret")
	assert.Contains(t, e.log.String(), "disk I/O error")
	assert.Contains(t, readBody(t, e.get(t, "/metrics"), http.StatusOK), `alertscribe_feedback_total{kind="confirm"} 0`+"\n")
}

func TestFeedbackToken(t *testing.T) {
	e := newEnv(t, func(o *Options) { o.Token = "s3cret" })
	r := e.do(t, http.MethodPost, "/alert", body("A", "firing"), "Content-Type", jsonType, "Authorization", "Bearer s3cret")
	id := readJSON(t, r, http.StatusAccepted)["incident"].(string)
	const correct = `{"kind":"correct","text":"the disk"}`
	for _, header := range []string{"", "Bearer wrong", "Basic s3cret"} {
		resp := e.say(t, id, correct, "Authorization", header)
		readJSON(t, resp, http.StatusUnauthorized)
		assert.Contains(t, resp.Header.Get("WWW-Authenticate"), "Bearer")
		readJSON(t, e.say(t, incident.NewID(), "nonsense", "Authorization", header), http.StatusUnauthorized)
	}
	assert.Empty(t, e.said(t, id))
	readJSON(t, e.say(t, id, correct, "Authorization", "Bearer s3cret"), http.StatusOK)
	assert.Len(t, e.said(t, id), 1)
}

package main

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// command runs a command within the test's process and returns what it printed.
func command(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := &cli{stdin: strings.NewReader(stdin), stdout: &out, stderr: &out}
	app, commands := c.application()
	name, err := app.Parse(nameStdin(args))
	require.NoError(t, err)
	err = commands[name](t.Context())
	return out.String(), err
}

// badInput requires that a command is refused with exit code 2, and that it says why.
func badInput(t *testing.T, err error, parts ...string) {
	t.Helper()
	require.ErrorIs(t, err, errBadInput)
	for _, part := range parts {
		assert.ErrorContains(t, err, part)
	}
}

// call enters a model call of an incident in the ledger.
func (s *service) call(id, model string, cost float64) {
	s.t.Helper()
	n, err := s.app.store.ReserveCall(s.t.Context(), id, 1, incident.Limits{})
	require.NoError(s.t, err)
	spend := incident.Spend{Calls: 1, Prompt: 1000, Cached: 900, Completion: 100, Cost: cost}
	require.NoError(s.t, s.app.store.SettleCall(s.t.Context(), n, model, spend, true))
}

// notAtMidnight waits until what happens within the next minute happens on one day.
func notAtMidnight() {
	now := time.Now().UTC()
	if midnight := now.Truncate(24 * time.Hour).Add(24 * time.Hour); midnight.Sub(now) < time.Minute {
		time.Sleep(midnight.Sub(now))
	}
}

func TestCostsCommand(t *testing.T) {
	s := startService(t, func(c *config) { c.Budget.CostPerDay = 2.5 })
	out, err := command(t, "", "costs", "--url="+s.url)
	require.NoError(t, err)
	assert.Equal(t, "No model was called in the last 30 days.\n\nLast hour: 0 of 60 calls, 0.0000 USD. Last 24 hours: 0.0000 of 2.5 USD.\n", out)

	down, slow := s.open("Down"), s.open("Slow")
	notAtMidnight()
	s.call(down, "pro", .5)
	s.call(slow, "fl\x1bsh", .25)
	s.call(down, "fl\x1bsh", .0625)
	s.call("gone", "", .03125)
	const budget = "\nLast hour: 4 of 60 calls, 0.8438 USD. Last 24 hours: 0.8438 of 2.5 USD.\n"
	day := regexp.MustCompile(`\d{4}-\d\d-\d\d`)
	for name, tc := range map[string]struct {
		by   []string
		want string
	}{
		"all": {nil, `
DAY         MODEL  ALERTNAME  CALLS  PROMPT  CACHED  COMPLETION     USD
2026-11-20  pro    Down           1    1000     900         100  0.5000
2026-11-20  flsh   Slow           1    1000     900         100  0.2500
2026-11-20  flsh   Down           1    1000     900         100  0.0625
2026-11-20  -      -              1    1000     900         100  0.0312
total                             4    4000    3600         400  0.8438
`},
		"model": {[]string{"--by=model"}, `
MODEL  CALLS  PROMPT  CACHED  COMPLETION     USD
pro        1    1000     900         100  0.5000
flsh       2    2000    1800         200  0.3125
-          1    1000     900         100  0.0312
total      4    4000    3600         400  0.8438
`},
		"day": {[]string{"--by=day"}, `
DAY         CALLS  PROMPT  CACHED  COMPLETION     USD
2026-11-20      4    4000    3600         400  0.8438
total           4    4000    3600         400  0.8438
`},
		"two, with a comma": {[]string{"--by=alertname, model"}, `
ALERTNAME  MODEL  CALLS  PROMPT  CACHED  COMPLETION     USD
Down       pro        1    1000     900         100  0.5000
Slow       flsh       1    1000     900         100  0.2500
Down       flsh       1    1000     900         100  0.0625
-          -          1    1000     900         100  0.0312
total                 4    4000    3600         400  0.8438
`},
		"twice": {[]string{"--by=alertname", "--by=alertname"}, `
ALERTNAME  CALLS  PROMPT  CACHED  COMPLETION     USD
Down           2    2000    1800         200  0.5625
Slow           1    1000     900         100  0.2500
-              1    1000     900         100  0.0312
total          4    4000    3600         400  0.8438
`},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := command(t, "", append([]string{"costs", "--url=" + s.url}, tc.by...)...)
			require.NoError(t, err)
			assert.Equal(t, strings.TrimPrefix(tc.want, "\n")+budget, day.ReplaceAllString(out, "2026-11-20"))
		})
	}
	t.Run("json", func(t *testing.T) {
		out, err := command(t, "", "costs", "--json", "--days=7", "--url="+s.url)
		require.NoError(t, err)
		_, api := get(t, s.url+"/api/v1/costs?days=7")
		assert.JSONEq(t, api, out)
	})
	_, err = command(t, "", "costs", "--by=day,week", "--url="+s.url)
	badInput(t, err, `--by: "week" is not one of day, model, alertname`)
	_, err = command(t, "", "costs", "--by=", "--url="+s.url)
	badInput(t, err, `--by: ""`)
	_, err = command(t, "", "costs", "--days=401", "--url="+s.url)
	badInput(t, err, `days: "401" is not a number from 1 to 400`)
}

func TestFeedbackCommand(t *testing.T) {
	m := newModel(t)
	s := startService(t, withModel(m))
	id := s.open("Down")
	s.await(id, soon, "complete", func(inc *incident.Incident) bool { return inc.Analysis.State == incident.Complete })
	t.Setenv("USER", "ann")
	say := func(stdin string, args ...string) error {
		out, err := command(t, stdin, append([]string{"feedback", "--url=" + s.url}, args...)...)
		if err == nil {
			assert.Equal(t, "Recorded. The report shows it: "+s.url+"/reports/"+id+"\n", out)
		}
		return err
	}
	require.NoError(t, say("", id, "confirm"))
	require.NoError(t, say("", id, "correct", "the disk was full", "--by=bob"))
	require.NoError(t, say("the disk\nwas full\n", id, "correct", "-", "--by="))
	inc, _ := s.incident(id)
	require.Len(t, inc.Feedback, 3)
	for i, want := range []incident.Feedback{
		{Kind: incident.Confirm, By: "ann"},
		{Kind: incident.Correct, Text: "the disk was full", By: "bob"},
		{Kind: incident.Correct, Text: "the disk\nwas full"},
	} {
		want.At = inc.Feedback[i].At
		assert.Equal(t, want, inc.Feedback[i])
	}

	badInput(t, say("", incident.NewID(), "confirm"), "no such incident")
	badInput(t, say("", "../../../health", "confirm"), `"../../../health" is not an incident ID`)
	badInput(t, say("", id, "deny"), `kind: "deny" is not one of confirm, correct`)
	badInput(t, say("", id, "correct"), "text: is empty; give the cause")
	badInput(t, say("", id, "correct", "\xff"), "is not UTF-8")
	badInput(t, say(strings.Repeat("x", 100_000), id, "correct", "-"), "text: is 8000 bytes; at most 2000 allowed")
	inc, _ = s.incident(id)
	assert.Len(t, inc.Feedback, 3)
}

func TestFeedbackCommandOnWhatWasNotAnalysed(t *testing.T) {
	s := startService(t, nil)
	_, err := command(t, "", "feedback", s.open("Down"), "confirm", "--url="+s.url)
	badInput(t, err, "no analysis to confirm yet; use correct to give the cause")
}

// TestClientFindsTheService: without a URL the settings say where it is and what its token is.
func TestClientFindsTheService(t *testing.T) {
	s := startIn(t, t.TempDir(), appOptions{routePrefix: "/scribe"}, func(c *config) { c.Web.WebhookToken = "s3cret-of-test" })
	code, text := do(t, http.DefaultClient, http.MethodPost, s.url+"/alert", oneAlert("Down", incident.Firing),
		"Content-Type", "application/json", "Authorization", "Bearer s3cret-of-test")
	require.Equal(t, http.StatusAccepted, code, text)
	list, _, err := s.app.store.Incidents(t.Context(), incident.Query{Limit: 1})
	require.NoError(t, err)
	id := list[0].ID
	at := func(args ...string) []string {
		return append([]string{"--web.listen-address=" + s.app.listener.Addr().String(), "--web.route-prefix=/scribe/"}, args...)
	}
	for _, args := range [][]string{{"costs"}, {"health"}} {
		_, err := command(t, "", at(args...)...)
		require.NoError(t, err)
	}
	_, err = command(t, "", at("feedback", id, "correct", "the disk")...)
	badInput(t, err, "missing or wrong bearer token", "ALERTSCRIBE_WEBHOOK_TOKEN")
	t.Setenv("ALERTSCRIBE_WEBHOOK_TOKEN", "another-s3cret")
	_, err = command(t, "", at("feedback", id, "correct", "the disk")...)
	badInput(t, err, "missing or wrong bearer token")
	assert.NotContains(t, err.Error(), "another-s3cret")
	t.Setenv("ALERTSCRIBE_WEBHOOK_TOKEN", "s3cret-of-test")
	out, err := command(t, "", at("feedback", id, "correct", "the disk")...)
	require.NoError(t, err)
	assert.Contains(t, out, s.url+"/reports/"+id)
	_, err = command(t, "", "feedback", id, "correct", "the disk", "--url="+s.url+"/")
	require.NoError(t, err, "the token is sent to another URL, too")
	_, err = command(t, "", "costs", "--url="+strings.TrimSuffix(s.url, "/scribe"))
	badInput(t, err, "no such path")
}

func TestClientWithPassword(t *testing.T) {
	web := filepath.Join(t.TempDir(), "web.yml")
	require.NoError(t, os.WriteFile(web, []byte("basic_auth_users:\n  us: "+bcryptOfTest+"\n"), 0o600))
	s := startIn(t, t.TempDir(), appOptions{webConfigFile: web}, nil)
	t.Setenv("ALERTSCRIBE_WEBHOOK_TOKEN", "of-somewhere-else")
	with := func(user string) string { return strings.Replace(s.url, "http://", "http://"+user+"@", 1) }
	for _, cmd := range []string{"costs", "health"} {
		out, err := command(t, "", cmd, "--url="+with("us:correct%20horse"))
		require.NoError(t, err)
		assert.NotContains(t, out, "horse")
	}
	for _, user := range []string{"us:wrong%20horse", "them:correct%20horse"} {
		_, err := command(t, "", "costs", "--url="+with(user))
		badInput(t, err, "user and password are missing or wrong")
		assert.NotContains(t, err.Error(), "horse")
	}
	_, err := command(t, "", "health", "--url="+s.url)
	require.ErrorContains(t, err, "not healthy: 401 Unauthorized; use --url=http://USER:PASSWORD@HOST")
}

// TestClientErrors: what went wrong and what to do about it, and no password.
func TestClientErrors(t *testing.T) {
	t.Setenv("ALERTSCRIBE_WEBHOOK_TOKEN", "s3cret-of-test")
	clean := func(t *testing.T, err error) {
		t.Helper()
		for _, secret := range []string{"hunter2", "s3cret"} {
			assert.NotContains(t, err.Error(), secret)
		}
	}
	for _, args := range [][]string{{"costs"}, {"health"}, {"feedback", incident.NewID(), "confirm"}} {
		for _, root := range []string{"nowhere", "us:hunter2@nowhere", "ftp://us:hunter2@nowhere", "http://us:hunter2@nowhere:port", "http://us:hun/ter2@x", "//us:hunter2@x", "http://"} {
			_, err := command(t, "", append(args, "--url="+root)...)
			badInput(t, err, "--url: ", "is not an http:// or https:// URL with a host")
			clean(t, err)
		}
		_, err := command(t, "", append(args, "--url=http://us:hunter2@"+freeAddress(t))...)
		require.NotErrorIs(t, err, errBadInput, "another try may do")
		require.ErrorContains(t, err, "connection refused; is alertscribe running there?")
		require.ErrorContains(t, err, "--url")
		clean(t, err)
	}

	for name, tc := range map[string]struct {
		status int
		text   string
		bad    bool // exit code 2
		want   string
	}{
		"another page":     {http.StatusOK, "<html>Sign in</html>", true, "does not look like alertscribe"},
		"not found":        {http.StatusNotFound, "404 page not found", true, "answers 404 Not Found; --url is the root of alertscribe's pages"},
		"a redirect":       {http.StatusFound, "", true, "redirects (302); set --url to the target"},
		"a fault":          {http.StatusInternalServerError, "", false, "answers 500 Internal Server Error"},
		"a fault of ours":  {http.StatusServiceUnavailable, `{"reason":"the database can't be read now"}`, false, "the database can't be read now"},
		"a hostile answer": {http.StatusConflict, `{"reason":"\u001b[31mred"}`, true, "bad input: red"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, "Bearer s3cret-of-test", r.Header.Get("Authorization"))
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.text))
			}))
			defer server.Close()
			_, err := command(t, "", "costs", "--url="+server.URL)
			require.ErrorContains(t, err, tc.want)
			assert.Equal(t, tc.bad, errors.Is(err, errBadInput))
			clean(t, err)
		})
	}
}

// TestHealthNeedsNoSettings: with a URL it asks for the health whatever is wrong with the settings here.
func TestHealthNeedsNoSettings(t *testing.T) {
	s := startService(t, nil)
	t.Setenv("REPORT_LANGUAGE", "fr")
	out, err := command(t, "", "health", "--url="+s.url)
	require.NoError(t, err)
	assert.Contains(t, out, `"status":"healthy"`)
	_, err = command(t, "", "costs", "--url="+s.url)
	badInput(t, err, "REPORT_LANGUAGE")
}

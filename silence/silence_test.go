package silence

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

func client(t *testing.T, address string) *Client {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	c, err := New(Options{URL: u})
	require.NoError(t, err)
	return c
}

func wanted(t *testing.T, matchers string) incident.Silence {
	t.Helper()
	parsed, err := labels.ParseMatchers(matchers)
	require.NoError(t, err)
	now := time.Now()
	return incident.Silence{Matchers: parsed, From: now, Until: now.Add(time.Hour), By: "ann", Comment: "known"}
}

// TestSilence: a real Alertmanager takes all four kinds of matchers as they are meant, and its own words come back for what it
// rejects.
func TestSilence(t *testing.T) {
	am := testbedtest.StartAlertmanager(t, testbed.AlertmanagerConfig{WebhookURL: "http://127.0.0.1:9/"})
	c := client(t, am.URL)
	const matchers = `{alertname="HighLoad",namespace!="test",pod=~"web-.*",zone!~"a|b"}`
	id, err := c.Silence(t.Context(), wanted(t, matchers))
	require.NoError(t, err)

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, am.URL+"/api/v2/silence/"+id, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var made struct {
		postable

		Status struct{ State string }
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&made))
	assert.Equal(t, "active", made.Status.State)
	assert.Equal(t, "ann", made.CreatedBy)
	assert.ElementsMatch(t, []matcher{
		{"alertname", "HighLoad", false, true}, {"namespace", "test", false, false}, {"pod", "web-.*", true, true}, {"zone", "a|b", true, false},
	}, made.Matchers)

	_, err = c.Silence(t.Context(), wanted(t, `{a=""}`))
	require.ErrorContains(t, err, "Alertmanager answers 400: ")
	assert.Contains(t, err.Error(), "at least one matcher must not match the empty string")
}

func TestSilenceFaults(t *testing.T) {
	answers := map[string]struct {
		status int
		body   string
		want   string
	}{
		"redirect":     {http.StatusFound, "", "Alertmanager answers 302"},
		"other server": {http.StatusOK, "<html>", "check ALERTMANAGER_URL"},
		"no id":        {http.StatusOK, "{}", "check ALERTMANAGER_URL"},
		"plain text":   {http.StatusUnauthorized, "no\nentry", "Alertmanager answers 401: no entry"},
	}
	for name, tc := range answers {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				user, password, _ := r.BasicAuth()
				assert.Equal(t, "/am/api/v2/silences", r.URL.Path)
				assert.Equal(t, "ann:secret", user+":"+password)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			}))
			defer server.Close()
			u, err := url.Parse(server.URL + "/am/")
			require.NoError(t, err)
			u.User = url.UserPassword("ann", "secret")
			c, err := New(Options{URL: u})
			require.NoError(t, err)
			_, err = c.Silence(t.Context(), wanted(t, `{a="b"}`))
			assert.ErrorContains(t, err, tc.want)
		})
	}
	_, err := client(t, "http://ann:secret@127.0.0.1:1").Silence(t.Context(), wanted(t, `{a="b"}`))
	require.ErrorContains(t, err, "Alertmanager does not answer")
	assert.NotContains(t, err.Error(), "secret")
	_, err = New(Options{})
	assert.Error(t, err)
}

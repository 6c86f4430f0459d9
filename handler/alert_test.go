package handler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

const jsonType = "application/json"

func TestAlertAccepted(t *testing.T) {
	e := newEnv(t)
	resp := e.do(t, http.MethodPost, "/alert", body("A", "firing"), "Content-Type", jsonType)
	raw := readBody(t, resp, http.StatusAccepted)
	var answer struct{ Incident string }
	require.NoError(t, json.Unmarshal([]byte(raw), &answer))
	require.True(t, incident.ValidID(answer.Incident))
	assert.JSONEq(t, `{"status":"accepted","incident":"`+answer.Incident+`","report_url":"/reports/`+answer.Incident+`"}`, raw)

	assert.Equal(t, answer.Incident, e.post(t, body("A", "firing", "instance", "b")), "the same group is the same incident")
	readBody(t, e.get(t, "/reports/"+answer.Incident), http.StatusOK)
}

func TestAlertWithoutIncident(t *testing.T) {
	e := newEnv(t)
	for name, b := range map[string]string{
		"resolved, and never heard of": body("A", "resolved"),
		"our own echo":                 body("AlertscribeReport", "firing", "alertscribe_report", "true"),
	} {
		for _, target := range []string{"/alert", "/alert?wait=1s"} {
			t.Run(name+" "+target, func(t *testing.T) {
				raw := readBody(t, e.do(t, http.MethodPost, target, b, "Content-Type", jsonType), http.StatusAccepted)
				assert.JSONEq(t, `{"status":"accepted","incident":null,"report_url":null}`, raw)
			})
		}
	}
}

func TestAlertSamples(t *testing.T) {
	e := newEnv(t)
	for _, pattern := range []string{"../testdata/*.json", "../testdata/alertmanager/*.json"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			readJSON(t, e.do(t, http.MethodPost, "/alert", string(b), "Content-Type", jsonType), http.StatusAccepted)
		}
	}
}

func TestAlertRefuses(t *testing.T) {
	good := body("A", "firing")
	tests := map[string]struct {
		target, body string
		header       []string
		status       int
		reason       string
		outcome      string
	}{
		"not JSON": {
			"/alert", "hello", []string{"Content-Type", jsonType}, http.StatusBadRequest, "body: not JSON", outcomeInvalid,
		},
		"no alerts": {
			"/alert", "{}", []string{"Content-Type", jsonType}, http.StatusBadRequest, "alerts: none", outcomeInvalid,
		},
		"an alert without labels": {
			"/alert", `{"alerts":[{}]}`, []string{"Content-Type", jsonType}, http.StatusBadRequest, "alerts[0].labels: none", outcomeInvalid,
		},
		"another version": {
			"/alert", `{"version":"3","alerts":[{"labels":{"a":"b"}}]}`, []string{"Content-Type", jsonType}, http.StatusBadRequest, "version:", outcomeInvalid,
		},
		"a form, as curl -d sends it": {
			"/alert", good,
			[]string{"Content-Type", "application/x-www-form-urlencoded"},
			http.StatusUnsupportedMediaType,
			"add -H 'Content-Type: application/json'", outcomeUnsupportedType,
		},
		"a type that is none": {
			"/alert", good, []string{"Content-Type", "json"}, http.StatusUnsupportedMediaType, "Content-Type", outcomeUnsupportedType,
		},
		"another character set": {
			"/alert", "{\"alerts\":[{\"labels\":{\"alertname\":\"\xb4\xc5\xc5\xcc\"}}]}",
			[]string{"Content-Type", "application/json; charset=GBK"},
			http.StatusUnsupportedMediaType,
			`charset "GBK" is not supported; send UTF-8`, outcomeUnsupportedType,
		},
		"compressed, and no header says so": {
			"/alert", "\x1f\x8b\x08\x00", []string{"Content-Type", jsonType}, http.StatusBadRequest, "body: compressed by gzip; send it as UTF-8 text", outcomeInvalid,
		},
		"compressed": {
			"/alert", good, []string{"Content-Type", jsonType, "Content-Encoding", "gzip"}, http.StatusUnsupportedMediaType, "Content-Encoding", outcomeUnsupportedType,
		},
		"too large": {
			"/alert", strings.Repeat(" ", 100_001) + good, []string{"Content-Type", jsonType}, http.StatusRequestEntityTooLarge, "web.max_body_bytes", outcomeTooLarge,
		},
		"wait too short": {
			"/alert?wait=999ms", good, []string{"Content-Type", jsonType}, http.StatusBadRequest, `wait: "999ms"`, outcomeInvalid,
		},
		"wait too long": {
			"/alert?wait=10m1s", good, []string{"Content-Type", jsonType}, http.StatusBadRequest, `wait: "10m1s"`, outcomeInvalid,
		},
		"wait no duration": {
			"/alert?wait=60", good, []string{"Content-Type", jsonType}, http.StatusBadRequest, `wait: "60"`, outcomeInvalid,
		},
		"wait empty": {
			"/alert?wait=", good, []string{"Content-Type", jsonType}, http.StatusBadRequest, `wait: ""`, outcomeInvalid,
		},
		"sent by a page of another site": {
			"/alert", good, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden, "cross-origin", outcomeUnauthorized,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, func(o *Options) { o.MaxBodyBytes = 100_000 })
			answer := readJSON(t, e.do(t, http.MethodPost, tc.target, tc.body, tc.header...), tc.status)
			assert.Equal(t, "failed", answer["status"])
			assert.Contains(t, answer["reason"], tc.reason)
			list, _, err := e.store.Incidents(t.Context(), incident.Query{Limit: 1})
			require.NoError(t, err)
			assert.Empty(t, list, "nothing was stored")
			assert.Equal(t, 1, int(testutil.ToFloat64(counter(t, e, tc.outcome))))
		})
	}
}

func TestAlertContentTypes(t *testing.T) {
	e := newEnv(t)
	for _, given := range []string{
		"", "application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/json; charset",
		"application/vnd.alertmanager+json", "application/problem+json;charset=UTF-8",
		"text/json", "application/json; charset=utf8", "application/json; charset=ISO-8859-1", // it has no other letters
	} {
		t.Run(given, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/alert", strings.NewReader(body("A", "firing")))
			if given != "" {
				r.Header.Set("Content-Type", given)
			}
			rec := httptest.NewRecorder()
			e.handler.ServeHTTP(rec, r)
			assert.Equal(t, http.StatusAccepted, rec.Code, rec.Body.String())
		})
	}
}

func TestAlertToken(t *testing.T) {
	e := newEnv(t, func(o *Options) { o.Token = "s3cret" })
	for header, want := range map[string]int{
		"Bearer s3cret":  http.StatusAccepted,
		"bearer  s3cret": http.StatusAccepted,
		"":               http.StatusUnauthorized,
		"Bearer":         http.StatusUnauthorized,
		"Bearer s3cre":   http.StatusUnauthorized,
		"Bearer s3cret2": http.StatusUnauthorized,
		"Basic s3cret":   http.StatusUnauthorized,
		"s3cret":         http.StatusUnauthorized,
	} {
		t.Run(header, func(t *testing.T) {
			resp := e.do(t, http.MethodPost, "/alert", body("A", "firing"), "Content-Type", jsonType, "Authorization", header)
			answer := readJSON(t, resp, want)
			if want == http.StatusUnauthorized {
				assert.Contains(t, resp.Header.Get("WWW-Authenticate"), "Bearer")
				assert.Contains(t, answer["reason"], "ALERTSCRIBE_WEBHOOK_TOKEN")
				assert.NotContains(t, answer["reason"], "s3cret")
			}
		})
	}
	assert.Equal(t, 6, int(testutil.ToFloat64(counter(t, e, outcomeUnauthorized))))
	readBody(t, e.get(t, "/health"), http.StatusOK)
}

// TestNoRedirects: Alertmanager follows a redirect with a GET whose 200 counts as delivered.
func TestNoRedirects(t *testing.T) {
	e := newEnv(t)
	id := e.post(t, body("A", "firing"))
	for _, prefix := range []string{"", "/scribe"} {
		e := newEnv(t, func(o *Options) { o.RoutePrefix = prefix })
		server := httptest.NewServer(e.handler)
		defer server.Close()
		client := server.Client()
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodOptions, "BREW"} {
			for _, path := range []string{
				"", "/", "//", "/alert", "/alert/", "/alert//", "//alert", "/./alert", "/../alert", "/alert/.", "/alert/..", "/ALERT",
				"/%61lert", "/alert%2f", "/alert;x", "/alert?", "/alert/?wait=", "/alerts", "/api", "/api/v1", "/api/v1/", "/api/v1/incidents/",
				"/reports/", "/reports//", "/reports/" + id + "/", "/reports/..", "/reports/%2e%2e", "/static", "/static/", "/health/", "/-/", "/scribe",
				"/metrics/", "/index.html",
			} {
				r, err := http.NewRequestWithContext(t.Context(), method, server.URL+prefix+path, nil)
				require.NoError(t, err)
				resp, err := client.Do(r)
				require.NoError(t, err, "%s %s", method, path)
				_, _ = io.Copy(io.Discard, resp.Body)
				require.NoError(t, resp.Body.Close())
				assert.False(t, resp.StatusCode >= 300 && resp.StatusCode < 400, "%s %s%s: %d", method, prefix, path, resp.StatusCode)
				assert.Less(t, resp.StatusCode, 500, "%s %s%s", method, prefix, path)
				assert.Empty(t, resp.Header.Get("Location"))
				if method != http.MethodGet && method != http.MethodHead {
					assert.GreaterOrEqual(t, resp.StatusCode, 400, "%s %s%s: nothing that was not stored is acknowledged", method, prefix, path)
				}
			}
		}
	}
}

func TestAlertMethods(t *testing.T) {
	e := newEnv(t)
	for _, path := range []string{"/alert", "/alert/"} {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, http.MethodHead, "BREW"} {
			resp := e.do(t, method, path, "")
			answer := readJSON(t, resp, http.StatusMethodNotAllowed)
			assert.Equal(t, "POST", resp.Header.Get("Allow"))
			assert.Equal(t, "failed", answer["status"])
		}
	}
	resp := e.do(t, http.MethodPost, "/reports", "")
	readJSON(t, resp, http.StatusMethodNotAllowed)
	assert.Equal(t, "GET, HEAD", resp.Header.Get("Allow"))
}

func TestAlertNotStorable(t *testing.T) {
	e := newEnv(t)
	e.store.accept = func(context.Context, *incident.Notification) (incident.Receipt, error) {
		return incident.Receipt{}, errors.New("disk I/O error at /var/lib/secret")
	}
	answer := readJSON(t, e.do(t, http.MethodPost, "/alert?wait=1s", body("A", "firing"), "Content-Type", jsonType), http.StatusServiceUnavailable)
	assert.Equal(t, "failed", answer["status"])
	assert.Contains(t, answer["reason"], "notification not stored; retry")
	assert.NotContains(t, answer["reason"], "secret")
	assert.Contains(t, e.log.String(), "disk I/O error")
	assert.Equal(t, 1, int(testutil.ToFloat64(counter(t, e, outcomeFailed))))
}

// awayError is that of a store that has told its log.
type awayError struct{}

func (awayError) Error() string  { return "dial /var/lib/secret: connection refused" }
func (awayError) Reason() string { return "the database can't be reached" }

// TestAlertOutage: the answer names the reason, and the log is left to the store, which tells of it once.
func TestAlertOutage(t *testing.T) {
	e := newEnv(t)
	e.store.accept = func(context.Context, *incident.Notification) (incident.Receipt, error) {
		return incident.Receipt{}, fmt.Errorf("storing: %w", awayError{})
	}
	answer := readJSON(t, e.do(t, http.MethodPost, "/alert", body("A", "firing"), "Content-Type", jsonType), http.StatusServiceUnavailable)
	assert.Equal(t, "notification not stored, the database can't be reached; retry (Alertmanager does)", answer["reason"])
	assert.NotContains(t, e.log.String(), "secret")
	assert.Equal(t, 1, int(testutil.ToFloat64(counter(t, e, outcomeFailed))))
}

func TestAlertPanic(t *testing.T) {
	e := newEnv(t)
	e.store.accept = func(context.Context, *incident.Notification) (incident.Receipt, error) { panic("boom") }
	answer := readJSON(t, e.do(t, http.MethodPost, "/alert", body("A", "firing"), "Content-Type", jsonType), http.StatusInternalServerError)
	assert.Equal(t, "failed", answer["status"])
	assert.Contains(t, e.log.String(), "boom")
	assert.Contains(t, e.log.String(), "alert_test.go", "the stack")
	assert.Equal(t, 1, int(testutil.ToFloat64(counter(t, e, outcomeFailed))))
	e.store.accept = nil
	e.post(t, body("A", "firing"))
}

// TestAlertSlowBody: a body that is cut short was not stored, and must be sent again.
func TestAlertSlowBody(t *testing.T) {
	e := newEnv(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/alert", io.MultiReader(strings.NewReader(`{"al`), brokenReader{}))
	rec := httptest.NewRecorder()
	e.handler.ServeHTTP(rec, r)
	assert.Equal(t, http.StatusServiceUnavailable, rec.Code)
	assert.Contains(t, rec.Body.String(), "did not arrive in time")
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

func TestAlertConcurrently(t *testing.T) {
	e := newEnv(t)
	server := httptest.NewServer(e.handler)
	defer server.Close()
	const clients, each = 64, 5
	send := func(alertname, client string) (id string, err error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/alert", strings.NewReader(body(alertname, "firing", "client", client)))
		if err != nil {
			return "", err
		}
		resp, err := server.Client().Do(r)
		if err != nil {
			return "", err
		}
		var answer struct{ Incident string }
		err = json.NewDecoder(resp.Body).Decode(&answer)
		if resp.StatusCode != http.StatusAccepted {
			err = fmt.Errorf("status %d", resp.StatusCode)
		}
		return answer.Incident, errors.Join(err, resp.Body.Close())
	}
	var ids [clients][each]string
	var errs [clients][each]error
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := range each {
				ids[c][i], errs[c][i] = send(fmt.Sprint("A", (c+i)%clients), fmt.Sprint(c))
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for c := range clients {
		for i := range each {
			require.NoError(t, errs[c][i])
			seen[ids[c][i]] = true
		}
	}
	assert.Len(t, seen, clients, "one incident for each group")
	list, next, err := e.store.Incidents(t.Context(), incident.Query{Limit: 500})
	require.NoError(t, err)
	assert.Empty(t, next)
	assert.Len(t, list, clients)
}

func counter(t *testing.T, e *env, outcome string) *labeled {
	t.Helper()
	return &labeled{e.registry, outcome}
}

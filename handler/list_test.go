package handler

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// listedNames returns the alert names of GET /api/v1/incidents.
func (e *env) listedNames(t *testing.T, query string) string {
	t.Helper()
	answer := readJSON(t, e.get(t, "/api/v1/incidents?"+query), http.StatusOK)
	var out []string
	for _, inc := range answer["incidents"].([]any) {
		out = append(out, inc.(map[string]any)["alertname"].(string))
	}
	assert.InDelta(t, len(out), answer["total"], 0)
	return strings.Join(out, " ")
}

func TestListSearch(t *testing.T) {
	e := newEnv(t)
	e.post(t, body("Slow", "firing", "severity", "info", "namespace", "shop"))
	full := e.post(t, body("DiskFull", "firing", "severity", "critical", "namespace", "db", "owner", `a "quoted" <b>`))
	e.post(t, body("Watchdog", "firing", "severity", "none"))
	match := func(m string) string { return "match=" + url.QueryEscape(m) }
	for query, want := range map[string]string{
		"":                        "DiskFull Watchdog Slow",
		"q=disk":                  "DiskFull",
		"q=disk&severity=info":    "",
		match(`namespace="shop"`): "Slow",
		match(`namespace=~"s.*"`) + "&" + match(`severity!="critical"`): "Slow",
		match(`{owner="a \"quoted\" <b>"}`):                             "DiskFull",
		match(`namespace!~".+"`):                                        "Watchdog",
		"group_key=" + url.QueryEscape(`{}:{alertname="Slow"}`):         "Slow",
		"skipped=only":                   "Watchdog",
		"q=" + url.QueryEscape(`" OR "`): "",
	} {
		assert.Equal(t, want, e.listedNames(t, query), query)
	}
	inc, _, err := e.store.Store.Incident(t.Context(), full)
	require.NoError(t, err)
	assert.Equal(t, "DiskFull", e.listedNames(t, "fingerprint="+inc.Alerts[0].Fingerprint))
	for _, bad := range []string{match(`namespace`), match(`namespace=~"("`), "skipped=x", "q=" + strings.Repeat("x", 2000), "q=%ff", strings.Repeat(match(`a="b"`)+"&", 21)} {
		readJSON(t, e.get(t, "/api/v1/incidents?"+bad), http.StatusBadRequest)
		readBody(t, e.get(t, "/reports?"+bad), http.StatusBadRequest)
	}

	page := readBody(t, e.get(t, "/reports"), http.StatusOK)
	assert.NotContains(t, page, ">Watchdog<", "what is skipped is apart")
	assert.Contains(t, page, `href="/reports?skipped=only">1 skipped by the settings</a>`)
	assert.Contains(t, page, "2 incidents")
	assert.Contains(t, page, "firing 2</a>")
	assert.Contains(t, page, "critical 1</a>")
	page = readBody(t, e.get(t, "/reports?q=Watchdog&"+match(`severity="none"`)), http.StatusOK)
	assert.Contains(t, page, ">Watchdog<", "who looks for it finds it")
	assert.Contains(t, page, `href="/reports?q=Watchdog" title="Remove this filter">severity=&#34;none&#34; ×</a>`)
	assert.Contains(t, page, `<input type="hidden" name="match" value="severity=&#34;none&#34;">`, "a search keeps the filters")

	e.analyze(t, full, shop())
	page = readBody(t, e.get(t, "/reports"), http.StatusOK)
	assert.Contains(t, page, "An inactive replication slot keeps write-ahead log")
	assert.Equal(t, "DiskFull", e.listedNames(t, "q=replication+slot"))
}

// TestChipsAreLinks: a group's labels lead to the list of what has them, beside the filters that are there.
func TestChipsAreLinks(t *testing.T) {
	e := newEnv(t)
	e.post(t, strings.Replace(body("A", "firing", "namespace", "shop"), `"groupLabels":{`, `"groupLabels":{"namespace":"shop",`, 1))
	page := readBody(t, e.get(t, "/reports?status=firing"), http.StatusOK)
	assert.Contains(t, page, `<a class="chip" href="/reports?match=namespace%3D%22shop%22&amp;status=firing">namespace=shop</a>`)
	page = readBody(t, e.get(t, "/reports?match=namespace%3D%22shop%22"), http.StatusOK)
	assert.Contains(t, page, `<a class="chip" href="/reports?match=namespace%3D%22shop%22">namespace=shop</a>`, "once")
}

func TestGo(t *testing.T) {
	e := newEnv(t)
	first := e.post(t, body("A", "firing", "namespace", "shop"))
	second := e.post(t, body("B", "firing", "namespace", "shop", "pod", "x"))
	for query, want := range map[string]string{"alertname=A": first, "alertname=B&namespace=shop": second, "namespace=shop": second, "namespace=shop&pod=": first} {
		answer := e.get(t, "/go?"+query)
		assert.Equal(t, http.StatusSeeOther, answer.StatusCode, query)
		assert.Equal(t, "/reports/"+want, answer.Header.Get("Location"), query)
	}
	readBody(t, e.get(t, "/go?alertname=C"), http.StatusNotFound)
	readBody(t, e.get(t, "/go"), http.StatusBadRequest)
	readBody(t, e.get(t, "/go?alertname=%ff"), http.StatusBadRequest)
}

func TestSetup(t *testing.T) {
	e := newEnv(t, func(o *Options) { o.Token, o.LinkPrefix = "s3cret", "/scribe" })
	page := readBody(t, e.get(t, "/reports"), http.StatusOK)
	assert.Contains(t, page, "- url: http://example.com/scribe/alert")
	assert.Contains(t, page, "credentials: $ALERTSCRIBE_WEBHOOK_TOKEN")
	assert.NotContains(t, page, "s3cret")
	assert.True(t, plainHost("[::1]:5008") && plainHost("a-b.example:80") && !plainHost("a';rm -rf") && !plainHost(""))
}

// TestFormsAreGuarded: a form does nothing for a page of another site, whatever the browser.
func TestFormsAreGuarded(t *testing.T) {
	e := newEnv(t)
	id := e.post(t, body("A", "firing"))
	got := e.get(t, "/reports/"+id)
	_, rest, _ := strings.Cut(got.text, `name="form_token" value="`)
	token, _, _ := strings.Cut(rest, `"`)
	cookie, _, _ := strings.Cut(got.Header.Get("Set-Cookie"), ";")
	assert.Contains(t, got.Header.Get("Set-Cookie"), "HttpOnly; SameSite=Strict")
	post := func(form string, header ...string) int {
		header = append(header, "Content-Type", "application/x-www-form-urlencoded")
		return e.do(t, http.MethodPost, "/reports/"+id+"/feedback", form, header...).StatusCode
	}
	form := "kind=correct&text=x&form_token=" + url.QueryEscape(token)
	assert.Equal(t, http.StatusSeeOther, post(form, "Cookie", cookie))
	assert.Equal(t, http.StatusForbidden, post(form), "without the cookie")
	assert.Equal(t, http.StatusForbidden, post("kind=correct&text=x", "Cookie", cookie), "without the token")
	assert.Equal(t, http.StatusForbidden, post(form, "Cookie", "alertscribe_form=AAAAAAAAAAAAAAAAAAAAAA"), "of another cookie")
	assert.Equal(t, http.StatusForbidden, post(form, "Cookie", cookie, "Sec-Fetch-Site", "cross-site"))
	assert.Equal(t, http.StatusForbidden, post(form, "Cookie", cookie, "Origin", "http://evil.example"))
	assert.Equal(t, http.StatusBadRequest, post(form+"&kind=x&text="+strings.Repeat("x", 70<<10), "Cookie", cookie))
	again := e.get(t, "/reports/"+id)
	assert.NotContains(t, again.text, token, "the token is masked anew")
	inc, _, err := e.store.Store.Incident(t.Context(), id)
	require.NoError(t, err)
	assert.Len(t, inc.Feedback, 1)
	answer := e.do(t, http.MethodPost, "/reports/"+id+"/silence", form, "Cookie", cookie, "Content-Type", "application/x-www-form-urlencoded")
	assert.Equal(t, http.StatusConflict, answer.StatusCode, "there is no Alertmanager")
	assert.Equal(t, incident.Firing, inc.Status)
}

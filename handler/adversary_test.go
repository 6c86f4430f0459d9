package handler

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPastedIDs: a report is found by what people type, paste, and what keyboards and chats make of it.
func TestPastedIDs(t *testing.T) {
	e := newEnv(t)
	id := e.post(t, body("A", "firing"))
	short := id[:8]
	for _, path := range []string{short, strings.ToUpper(short), strings.ToUpper(id), short + "?utm_source=chat", id + "?done=analyze"} {
		assert.Equal(t, http.StatusOK, e.get(t, "/reports/"+path).StatusCode, path)
		assert.Equal(t, http.StatusOK, e.get(t, "/reports/"+strings.Replace(path, "?", "/?", 1)).StatusCode, path)
		assert.Equal(t, http.StatusOK, e.get(t, "/api/v1/incidents/"+path).StatusCode, path)
	}
	assert.Equal(t, http.StatusOK, e.get(t, "/reports/").StatusCode)
	assert.Equal(t, http.StatusOK, e.get(t, "/reports/"+strings.ToUpper(short)+".md").StatusCode)
	e.analyze(t, id, charted())
	assert.Contains(t, e.get(t, "/reports/"+short+"/").text, `src="/reports/`+id+`/E2.svg?v=`, "wherever the page is")
	for _, q := range []string{
		id, short, " " + strings.ToUpper(short) + "\n", "https://scribe.example.com/x/reports/" + id + "?a=b#e3-x", "<https://scribe.example.com/reports/" + short + ".md>",
		"2026-11-20/083005_A_" + short + ".md",
	} {
		answer := e.get(t, "/reports?q="+url.QueryEscape(q))
		assert.Equal(t, http.StatusSeeOther, answer.StatusCode, q)
		assert.Equal(t, "/reports/"+id, answer.Header.Get("Location"), q)
	}
	for _, q := range []string{"database", "2222222222", short + "x", "reports/"} { // words, or IDs of nothing
		assert.Equal(t, http.StatusOK, e.get(t, "/reports?q="+url.QueryEscape(q)).StatusCode, q)
	}
	for _, path := range []string{"abc", "2222222222", "..%2f..%2fetc", "%00", short + "%20", strings.Repeat("a", 3000)} {
		readBody(t, e.get(t, "/reports/"+path), http.StatusNotFound)
	}
}

// TestNoticeIsForWhoSentTheForm: an address that is passed on does not say that something was done.
func TestNoticeIsForWhoSentTheForm(t *testing.T) {
	e := newEnv(t)
	id := e.post(t, body("A", "firing"))
	said := english.Notices[actAnalyze]
	path := "/reports/" + id + "?done=" + actAnalyze
	assert.Contains(t, e.do(t, http.MethodGet, path, "", "Sec-Fetch-Site", "same-origin").text, said)
	for _, from := range []string{"none", "cross-site", "same-site"} {
		assert.NotContains(t, e.do(t, http.MethodGet, path, "", "Sec-Fetch-Site", from).text, said, from)
	}
}

// TestOddSearches: what means something to the search, to SQL or to regular expressions is text, and costs little.
func TestOddSearches(t *testing.T) {
	e := newEnv(t)
	e.post(t, body("DiskFull", "firing", "namespace", "shop", "path", `C:\temp "x"`, "note", strings.Repeat("ab", 500)))
	for i := range 50 {
		e.post(t, body("Slow"+strings.Repeat("x", i), "firing", "namespace", strings.Repeat("a", i+1)))
	}
	queries := []string{
		`"`, `""`, `'`, "*", "**", "disk*", "AND", "OR", "NOT", "NEAR", "NEAR(a b, 2)", "a OR b", "NOT disk", "-disk", "^disk", "alertname:disk", "{a}", "(", "((((", "a+b", "%", "_", ";--",
		`\`, "\x00", "\u202e", "🔥", "磁盘", "é", strings.Repeat("a ", 500), strings.Repeat("x", 1024), strings.Repeat(`"`, 1024), "disk AND full*", "l616c", "[a-z]", "C:\\temp", "shop'; DROP TABLE incidents; --",
	}
	start := time.Now()
	for _, q := range queries {
		for _, path := range []string{"/reports?q=", "/api/v1/incidents?q="} {
			assert.Equal(t, http.StatusOK, e.get(t, path+url.QueryEscape(q)).StatusCode, "%.40q", q)
		}
	}
	matchers := []string{
		`namespace=~"(a*)*b"`, `namespace=~"((a{100}){100}){100}"`, `namespace=~"(a|aa)+$"`, `namespace=~"(a?){500}a{500}"`, `note=~"(.*)(.*)(.*)(.*)(.*)c"`, `namespace=~"(?i)(x+x+)+y"`,
		`namespace!~"` + strings.Repeat("(a|b)", 150) + `"`, `namespace=~"[` + strings.Repeat(`\\x{10ffff}`, 50) + `]"`, `namespace=~"` + strings.Repeat("a|", 480) + `b"`, `"odd name"="x"`, `path="C:\\temp \"x\""`, `x="` + "\u202e" + `"`,
	}
	for _, m := range matchers {
		code := e.get(t, "/reports?match="+url.QueryEscape(m)).StatusCode
		assert.Contains(t, []int{http.StatusOK, http.StatusBadRequest}, code, "%.60q", m)
	}
	assert.Less(t, time.Since(start), time.Minute)
	many := url.Values{}
	for range 20 {
		many.Add("match", `namespace=~"`+strings.Repeat("(a|b)?", 150)+`"`)
	}
	assert.Equal(t, http.StatusOK, e.get(t, "/reports?"+many.Encode()).StatusCode)
	assert.Equal(t, http.StatusBadRequest, e.get(t, "/reports?after=x").StatusCode)
}

// TestHead: HEAD says what GET says, without a body.
func TestHead(t *testing.T) {
	e := newEnv(t)
	id := e.post(t, body("A", "firing"))
	root := e.serve(t)
	type said struct {
		status int
		header http.Header
		told   int64 // Content-Length, -1 for none
		length int64
	}
	ask := func(method, path, packed string) said {
		req, err := http.NewRequestWithContext(t.Context(), method, root+path, nil)
		require.NoError(t, err)
		req.Header.Set("Accept-Encoding", packed)
		resp, err := http.DefaultTransport.RoundTrip(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		n, err := io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		return said{resp.StatusCode, resp.Header, resp.ContentLength, n}
	}
	for _, path := range []string{
		"/", "/reports", "/reports?q=x", "/reports/" + id, "/reports/" + id + ".md", "/reports/" + id + "/", "/reports/aaaaaaaa", "/go?alertname=A", "/go",
		"/api/v1/incidents", "/api/v1/incidents/" + id, "/health",
	} {
		for _, packed := range []string{"identity", "gzip"} {
			get, head := ask(http.MethodGet, path, packed), ask(http.MethodHead, path, packed)
			assert.Equal(t, get.status, head.status, path)
			for _, name := range []string{"Content-Type", "Location", "Content-Encoding", "Vary", "Content-Security-Policy"} {
				assert.Equal(t, get.header.Get(name), head.header.Get(name), "%s of %s", name, path)
			}
			assert.Zero(t, head.length, path)
			if head.told >= 0 {
				assert.InDelta(t, get.length, head.told, 32, path) // the token of forms is packed differently each time
			}
		}
	}
}

// TestHostileNames: names and texts of strangers are text in every place of the pages.
func TestHostileNames(t *testing.T) {
	evil := `<img src=x onerror=alert(1)>"'><script>alert(2)</script>`
	quoted := strings.ReplaceAll(evil, `"`, `\"`)
	e := newEnv(t)
	id := e.post(t, strings.Replace(body(quoted, "firing", "severity", quoted, "namespace", quoted, "javascript", "javascript:alert(1)"), `"groupLabels":{`,
		`"commonAnnotations":{},"groupLabels":{"namespace":"`+quoted+`","u":"javascript:alert(1)",`, 1))
	e.analyze(t, id, shop())
	for _, path := range []string{
		"/reports", "/reports/" + id, "/reports?q=" + url.QueryEscape(evil), "/reports?alertname=" + url.QueryEscape(evil), "/reports?match=" + url.QueryEscape(`namespace="`+quoted+`"`),
		"/reports?fingerprint=" + url.QueryEscape(evil), "/reports?status=" + url.QueryEscape(evil), "/reports?severity=" + url.QueryEscape(evil), "/reports?after=" + url.QueryEscape(evil),
		"/reports/" + id + "?done=" + url.QueryEscape(evil) + "&silence=" + url.QueryEscape(evil), "/go?" + url.QueryEscape(evil) + "=x", "/reports/" + url.PathEscape(evil),
	} {
		page := e.get(t, path)
		assert.NotContains(t, page.text, "<img src=x", path)
		assert.NotContains(t, page.text, "<script>alert", path)
		assert.NotContains(t, page.text, `href="javascript:`, path)
		require.NotContains(t, page.Header.Get("Location"), "alert(1)", path)
	}
}

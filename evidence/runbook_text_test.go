package evidence

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// runbookOf returns what a collection says about a runbook that an alert's annotations name.
func runbookOf(t *testing.T, annotations map[string]string, change ...func(*Options)) []incident.Evidence {
	t.Helper()
	c := collectorAt(t, "", time.Now(), change...)
	inc := firingIncident(time.Now(), "", "alertname=X")
	inc.Alerts[0].Annotations = annotations
	items := ofKind(c.Collect(t.Context(), inc, nil).Items, incident.KindRunbook)
	owed(t, items...)
	return items
}

// TestRunbookText serves runbooks of all kinds and looks at the lines that are shown.
func TestRunbookText(t *testing.T) {
	type page struct{ media, body string }
	var served atomic.Value
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := served.Load().(page)
		assert.Equal(t, "alertscribe", r.UserAgent())
		assert.Empty(t, r.Header.Get("Authorization"))
		if p.media != "" {
			w.Header().Set("Content-Type", p.media)
		} else {
			w.Header()["Content-Type"] = nil
		}
		_, _ = w.Write([]byte(p.body))
	}))
	t.Cleanup(s.Close)
	books := func(o *Options) { o.Runbooks = Runbooks{Allow: []string{s.URL}, Networks: []string{"127.0.0.1/32"}} }
	tests := []struct {
		name, media, body string
		lines             []string
		failed            string
	}{
		{"nothing", "text/plain", "", nil, ""},
		{"blank lines", "text/plain", "\n \n\t\n", nil, ""},
		{"one line", "text/plain", "restart", []string{"restart"}, ""},
		{"Windows", "text/plain", "a\r\nb\r\n", []string{"a", "b"}, ""},
		{"Markdown", "text/markdown; charset=utf-8", "# Title\n\n- `do`  this\n", []string{"# Title", "- `do` this"}, ""},
		{"an old name", "text/x-markdown", "a", []string{"a"}, ""},
		{"upper case", "Text/Plain; Charset=UTF-8", "a", []string{"a"}, ""},
		{"Chinese", "text/plain", "清理磁盘\n重启", []string{"清理磁盘", "重启"}, ""},
		{"no UTF-8", "text/plain", "a\xff\xfeb\n", []string{"ab"}, ""},
		{"what can't be seen", "text/plain", "a\u202eb\u200bc\x00\x1b[1m\n\ufeffd", []string{"abc", "d"}, ""},
		{"a long line", "text/plain", strings.Repeat("é", 400), []string{strings.Repeat("é", 299) + "…"}, ""},
		{"entities", "text/html", "<p>a &lt; b &amp;&amp; c</p>", []string{"a < b && c"}, ""},
		{"scripts and styles", "text/html", "<style>p{}</style><script>alert(1)</script>\n<p>ok</p><!-- no -->", []string{"ok"}, ""},
		{"tags are spaces", "text/html", "<td>a</td><td>b</td>", []string{"a b"}, ""},
		{"tags that are none", "text/plain", "use <name> here", []string{"use <name> here"}, ""},
		{"JSON", "application/json", "{}", nil, `it is not text but "application/json"`},
		{"an image", "image/png", "\x89PNG", nil, `it is not text but "image/png"`},
		{"no type", "", "text", nil, `it is not text but ""`},
		{"a type that is none", "text/plain;;=", "text", nil, `it is not text`},
		{"a hostile type", "x/" + strings.Repeat("y", 200), "text", nil, `y…"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			served.Store(page{test.media, test.body})
			items := runbookOf(t, map[string]string{"runbook_url": s.URL + "/x"}, books)
			require.Len(t, items, 1)
			assert.Equal(t, "Runbook", items[0].Title)
			if test.failed != "" {
				assert.True(t, items[0].Failed)
				assert.Regexp(t, `^fetching the runbook: `, items[0].Summary)
				assert.Contains(t, items[0].Summary, test.failed)
				assert.Nil(t, items[0].Table)
				return
			}
			assert.False(t, items[0].Failed)
			var lines []string
			for _, row := range items[0].Table.Rows {
				lines = append(lines, row[0])
				assert.LessOrEqual(t, utf8.RuneCountInString(row[0]), maxRunbookLine)
			}
			assert.Equal(t, test.lines, lines)
			assert.Equal(t, fmt.Sprintf("The first %[1]d of %[1]d lines of %[2]s/x.", len(test.lines), s.URL), items[0].Summary)
		})
	}
	t.Run("Chinese", func(t *testing.T) {
		served.Store(page{"text/plain", strings.Repeat("a\n", 25)})
		items := runbookOf(t, map[string]string{"runbook_url": s.URL + "/x"}, books, func(o *Options) { o.Language = incident.Chinese })
		require.Len(t, items, 1)
		assert.Equal(t, "处理手册", items[0].Title)
		assert.Equal(t, []string{"处理手册"}, items[0].Table.Columns)
		assert.Equal(t, s.URL+"/x 的前 20 行（共 25 行）。", items[0].Summary)
		assert.Len(t, items[0].Table.Rows, maxRows)
		served.Store(page{"image/png", ""})
		items = runbookOf(t, map[string]string{"runbook_url": s.URL + "/x"}, books, func(o *Options) { o.Language = incident.Chinese })
		assert.Regexp(t, `^获取处理手册失败：`, items[0].Summary)
	})
	t.Run("which annotation", func(t *testing.T) {
		served.Store(page{"text/plain", "a"})
		for _, test := range []struct {
			annotations map[string]string
			path        string // "" for no item
		}{
			{nil, ""},
			{map[string]string{"runbook_url": ""}, ""},
			{map[string]string{"runbook": s.URL + "/b"}, "/b"},
			{map[string]string{"runbook": s.URL + "/b", "runbook_url": s.URL + "/a"}, "/a"},
			{map[string]string{"runbook_url": " \n" + s.URL + "/a "}, "/a"},
			{map[string]string{"runbook_url": "see the wiki"}, ""},
			{map[string]string{"runbook_url": "see the wiki", "runbook": s.URL + "/b"}, "/b"},
			{map[string]string{"runbook_url": "http://elsewhere.example/a", "runbook": s.URL + "/b"}, "/b"},
			{map[string]string{"playbook_url": s.URL + "/p"}, "/p"},
			{map[string]string{"runbook_url": "http://[::1"}, ""},
			{map[string]string{"runbook_url": s.URL + "\x00/a"}, ""},
			{map[string]string{"dashboard": s.URL + "/a"}, ""},
			{map[string]string{"runbook_url": s.URL + "/%0a%0d%1b"}, "/%0a%0d%1b"},
			{map[string]string{"runbook_url": s.URL + "/a?b=c#d"}, "/a?b=c#d"},
		} {
			items := runbookOf(t, test.annotations, books)
			assert.Len(t, items, boolToInt(test.path != ""), test.annotations)
			if test.path != "" && len(items) > 0 {
				assert.Contains(t, items[0].Summary, s.URL+test.path+".")
			}
		}
	})
	t.Run("it is counted", func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		c := collectorAt(t, "", time.Now(), books, func(o *Options) { o.Registerer = registry })
		inc := firingIncident(time.Now(), "", "alertname=X")
		for _, media := range []string{"text/plain", "image/png", "text/html"} {
			served.Store(page{media, "a"})
			inc.Alerts[0].Annotations = map[string]string{"runbook_url": s.URL}
			c.Collect(t.Context(), inc, nil)
		}
		assert.InDelta(t, 2, testutil.ToFloat64(c.metrics.questions.WithLabelValues("runbook", "ok")), 0)
		assert.InDelta(t, 1, testutil.ToFloat64(c.metrics.questions.WithLabelValues("runbook", "unavailable")), 0)
		assert.InDelta(t, 1, testutil.ToFloat64(c.metrics.failed.WithLabelValues("runbook")), 0)
	})
}

func TestRunbookList(t *testing.T) {
	l, err := newRunbookFetcher(Runbooks{Allow: []string{"https://Books.example.com/on-call/", "http://wiki.example.com:8080", "https://other.example.com/a/b"}})
	require.NoError(t, err)
	for given, want := range map[string]bool{
		"https://books.example.com/on-call/x":            true,
		"https://BOOKS.example.com/on-call/x":            true,
		"https://books.example.com/on-call":              true,
		"https://books.example.com/on-call/a/../b":       true,
		"https://books.example.com/on-call/../secret":    false,
		"https://books.example.com/on-call/%2e%2e/x":     false,
		"https://books.example.com/on-caller":            false,
		"https://books.example.com/":                     false,
		"http://books.example.com/on-call/x":             false,
		"https://books.example.com:444/on-call/x":        false,
		"https://books.example.com.evil.invalid/on-call": false,
		"https://evil.invalid/books.example.com/on-call": false,
		"https://u:p@books.example.com/on-call/x":        false,
		"//books.example.com/on-call/x":                  false,
		"/on-call/x":                                     false,
		"":                                               false,
		"http://wiki.example.com:8080":                   true,
		"http://wiki.example.com:8080/any/thing?x=1#y":   true,
		"http://wiki.example.com/any":                    false,
		"https://other.example.com/a/b":                  true,
		"https://other.example.com/a/b/c":                true,
		"https://other.example.com/a/bc":                 false,
		"https://other.example.com//a//b":                true,
	} {
		u, err := url.Parse(given)
		require.NoError(t, err)
		if want {
			require.NoError(t, l.checkURL(u), given)
		} else {
			require.ErrorIs(t, l.checkURL(u), errNotAllowed, given)
		}
	}
	for _, prefix := range []string{"", "books", "ftp://x/", "https://", "https:///x", "https://u:p@x/", "file:///x", "http://[::1", "javascript:x"} {
		_, err := newRunbookFetcher(Runbooks{Allow: []string{prefix}})
		require.ErrorContains(t, err, fmt.Sprintf("the runbook prefix %q is not an http or https URL", prefix))
	}
	for _, network := range []string{"", "10.0.0.1", "10.0.0.0/33", "x/8", "10.0.0.0-10.0.0.9"} {
		_, err := newRunbookFetcher(Runbooks{Networks: []string{network}})
		require.ErrorContains(t, err, fmt.Sprintf("the runbook network %q is not in CIDR notation", network))
	}
	for _, address := range []string{"", "x", "127.0.0.1", "example.com:80", "[::1]"} {
		require.Error(t, l.checkAddress("tcp", address, nil), address)
	}
}

// TestRunbookServers: what a server may do instead of answering.
func TestRunbookServers(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/hangs", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte("half"))
	})
	for _, status := range []int{204, 401, 403, 410, 500, 503} {
		mux.HandleFunc(fmt.Sprintf("/%d", status), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	}
	mux.HandleFunc("/headers", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X", strings.Repeat("x", 2*maxRunbookHeader))
	})
	for i := range 5 {
		mux.Handle(fmt.Sprintf("/hop%d", i), http.RedirectHandler(fmt.Sprintf("/hop%d", i+1), http.StatusFound))
	}
	mux.HandleFunc("/hop5", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte("there"))
	})
	mux.Handle("/scheme", http.RedirectHandler("file:///etc/passwd", http.StatusFound))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	for path, want := range map[string]string{
		"/hangs": "timed out", "/cut": "unexpected EOF", "/204": "HTTP status 204 No Content", "/401": "HTTP status 401 Unauthorized",
		"/403": "HTTP status 403", "/410": "HTTP status 410", "/500": "HTTP status 500", "/503": "HTTP status 503", "/headers": "header",
		"/hop0": "it redirects too often", "/hop2": "it redirects too often", "/hop3": "", "/scheme": "not in analysis.runbooks.allow",
	} {
		t.Run(path, func(t *testing.T) {
			items := runbookOf(t, map[string]string{"runbook_url": s.URL + path}, func(o *Options) {
				o.Runbooks, o.Timeout = Runbooks{Allow: []string{s.URL}, Networks: []string{"127.0.0.0/8"}}, time.Second
			})
			require.Len(t, items, 1)
			assert.Equal(t, want != "", items[0].Failed)
			assert.Contains(t, items[0].Summary, want)
			assert.NotContains(t, items[0].Summary, "Get \"", "the URL is said once, in the report")
		})
	}
}

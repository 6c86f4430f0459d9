package evidence

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func TestRunbook(t *testing.T) {
	mux := http.NewServeMux()
	var asked []string
	serve := func(path, media, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.URL.Path)
			w.Header().Set("Content-Type", media)
			_, _ = w.Write([]byte(body))
		})
	}
	serve("/books/plain", "text/plain; charset=utf-8", "Step one\n\n  step\ttwo\x1b[31m\n")
	serve("/books/html", "text/html", "<html><script>alert(1)</script><h1>Disk &amp; space</h1>\n<p onclick=x>Delete <b>logs</b>.</p></html>")
	serve("/books/huge", "text/plain", strings.Repeat("line\n", 1<<20))
	serve("/books/pdf", "application/pdf", "%PDF")
	serve("/secret", "text/plain", "secret")
	mux.Handle("/books/away", http.RedirectHandler("/secret", http.StatusFound))
	mux.Handle("/books/on", http.RedirectHandler("/books/plain", http.StatusFound))
	mux.Handle("/books/loop", http.RedirectHandler("/books/loop", http.StatusFound))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	books := Runbooks{Allow: []string{server.URL + "/books/"}, Networks: []string{"127.0.0.0/8"}}
	port := server.URL[strings.LastIndex(server.URL, ":"):]

	tests := []struct {
		name, url string
		runbooks  Runbooks
		rows      int
		summary   string // "" for no item
		failed    bool
	}{
		{"plain text", server.URL + "/books/plain", books, 2, "The first 2 of 2 lines of " + server.URL + "/books/plain.", false},
		{"HTML", server.URL + "/books/html", books, 2, "The first 2 of 2 lines", false},
		{"huge", server.URL + "/books/huge", books, maxRows, "The first 20 of 52429 lines", false},
		{"not text", server.URL + "/books/pdf", books, 0, `it is not text but "application/pdf"`, true},
		{"not there", server.URL + "/books/nowhere", books, 0, "HTTP status 404", true},
		{"a redirect on the list", server.URL + "/books/on", books, 2, "The first 2 of 2 lines", false},
		{"a redirect off the list", server.URL + "/books/away", books, 0, "not in analysis.runbooks.allow", true},
		{"a loop", server.URL + "/books/loop", books, 0, "it redirects too often", true},
		{"off the list", server.URL + "/secret", books, 0, "", false},
		{"off the list by dots", server.URL + "/books/../secret", books, 0, "", false},
		{"off the list by a longer name", server.URL + "/booksecret", books, 0, "", false},
		{"another scheme", "file:///etc/passwd", books, 0, "", false},
		{"a password", strings.Replace(server.URL, "//", "//user:pw@", 1) + "/books/plain", books, 0, "", false},
		{"no list", server.URL + "/books/plain", Runbooks{Networks: books.Networks}, 0, "", false},
		{"a private address", server.URL + "/books/plain", Runbooks{Allow: books.Allow}, 0, "private address", true},
		{"a name that leads to one", "http://localhost" + port + "/x", Runbooks{Allow: []string{"http://localhost" + port}}, 0, "private address", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			asked = nil
			c := collectorAt(t, "", time.Now(), func(o *Options) { o.Runbooks = test.runbooks })
			inc := firingIncident(time.Now(), "", "alertname=X")
			inc.Alerts[0].Annotations = map[string]string{"runbook_url": test.url}
			items := ofKind(c.Collect(t.Context(), inc, nil).Items, incident.KindRunbook)
			assert.NotContains(t, asked, "/secret")
			if test.summary == "" {
				assert.Empty(t, items)
				return
			}
			require.Len(t, items, 1)
			assert.Contains(t, items[0].Summary, test.summary)
			assert.Equal(t, test.failed, items[0].Failed)
			if test.failed {
				return
			}
			assert.Len(t, items[0].Table.Rows, test.rows)
			for _, row := range items[0].Table.Rows {
				assert.NotContains(t, row[0], "<")
				assert.NotContains(t, row[0], "alert(1)")
				assert.NotContains(t, row[0], "\x1b")
			}
		})
	}
}

// TestRunbookPaths: what another server may read as a way out of the prefix is not asked for; names that are merely odd are.
func TestRunbookPaths(t *testing.T) {
	l, err := newRunbookFetcher(Runbooks{Allow: []string{"https://books.example/run"}})
	require.NoError(t, err)
	for _, path := range []string{
		"/run", "/run/", "/run/disk.md", "/run/a%20b", "/run/100%25", "/run/%E7%A3%81%E7%9B%98", "/run/..disk", "/run/disk..md", "/run/...", "/run/a+b,c=d", "/run/x/../y", "/run/./x", "/run/x?file=..;/y",
		"/run/x#../y", "/run/%25zz",
	} {
		u, err := url.Parse("https://books.example" + path)
		require.NoError(t, err)
		require.NoError(t, l.checkURL(u), path)
	}
	for _, path := range []string{
		"/run/..;/admin", "/run/..;a=b/admin", "/run/%2e%2e;/admin", "/run/;/admin", `/run/\..\admin`, `/run/..\admin`, "/run/%5c..%5cadmin", "/run/%255c..%255cadmin",
		"/run/../admin", "/run/%2e%2e/admin", "/run/.%2e/admin", "/run/%252e%252e/admin", "/run/%25252e%25252e/admin",
		"/run/%2525252525252e%2525252525252e/admin", "/run/..%2fadmin", "/run/..%252fadmin", "/run/..%00/admin", "/run/%3b/admin", "/run/%25zz/%252e%252e/admin",
	} {
		u, err := url.Parse("https://books.example" + path)
		require.NoError(t, err)
		require.ErrorIs(t, l.checkURL(u), errNotAllowed, path)
	}
}

func TestRunbookAddresses(t *testing.T) {
	l, err := newRunbookFetcher(Runbooks{Networks: []string{"10.1.0.0/16"}})
	require.NoError(t, err)
	for _, address := range []string{
		"127.0.0.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
		"255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
		"64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1",
	} {
		require.ErrorIs(t, l.checkAddress("tcp", netip.AddrPortFrom(netip.MustParseAddr(address), 80).String(), nil), errPrivate, address)
	}
	for _, address := range []string{"10.1.2.3", "::ffff:10.1.2.3", "93.184.216.34", "2606:2800:220:1::1"} {
		require.NoError(t, l.checkAddress("tcp", netip.AddrPortFrom(netip.MustParseAddr(address), 80).String(), nil), address)
	}
	_, err = newRunbookFetcher(Runbooks{Allow: []string{"runbooks.example.com"}})
	require.ErrorContains(t, err, "not an http or https URL")
	_, err = newRunbookFetcher(Runbooks{Networks: []string{"10.0.0.1"}})
	require.ErrorContains(t, err, "CIDR")
	require.Error(t, l.checkURL(&url.URL{Scheme: "https", Host: "example.com"}))
}

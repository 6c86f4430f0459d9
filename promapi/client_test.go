package promapi

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func parsed(t *testing.T, raw string) *url.URL {
	t.Helper()
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	require.NoError(t, err)
	return u
}

func TestConnect(t *testing.T) {
	for _, test := range []struct{ name, url, want, err string }{
		{"http", "http://prom:9090", "http://prom:9090", ""},
		{"a path and a query are kept", "https://thanos/a/b?x=1", "https://thanos/a/b?x=1", ""},
		{"no secret in logs", "https://vm/?extra_label=cluster%3Dc3&api_key=secret&authToken=secret", "https://vm/?extra_label=cluster%3Dc3&api_key=xxxxx&authToken=xxxxx", ""},
		{"a fragment", "https://thanos/a#y", "", "has a fragment, which no server is sent; leave out #y"},
		{"a parameter of ours", "https://thanos/a?dedup=true&match[]=x", "", "sets the parameter match[], which each request sets by itself; leave it out"},
		{"a query that is none", "https://thanos/a?x=%zz", "", "can't be read"},
		{"a page of Prometheus", "https://user:secret@prom/x/graph?g0.expr=up", "", "ends in /graph, which is a page or an endpoint below the root; use https://user:xxxxx@prom/x?g0.expr=up"},
		{"an endpoint", "http://prom:9090/api/v1/", "", "use http://prom:9090"},
		{"no password in logs", "http://user:secret@prom:9090", "http://user:xxxxx@prom:9090", ""},
		{"no scheme", "prometheus/x", "", `the URL of prometheus: "prometheus/x" is not an http:// or https:// URL with a host`},
		{"another scheme", "ftp://user:secret@prom", "", `"ftp://user:xxxxx@prom"`},
		{"no host", "http:///x", "", "with a host"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := Connect(Server{URL: parsed(t, test.url)}, "prometheus")
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				assert.NotContains(t, err.Error(), "secret")
				return
			}
			require.NoError(t, err)
			defer c.Close()
			assert.Equal(t, test.want, c.String())
		})
	}
	t.Run("bad settings", func(t *testing.T) {
		http := config.DefaultHTTPClientConfig
		http.TLSConfig.CAFile = "/no/such/file"
		_, err := Connect(Server{URL: parsed(t, "https://prom"), HTTP: http}, "prometheus")
		require.ErrorContains(t, err, "making the client of prometheus: ")
	})
	t.Run("no server", func(t *testing.T) {
		c, err := Connect(Server{}, "prometheus")
		require.NoError(t, err)
		assert.Nil(t, c)
		assert.NotPanics(t, c.Close)
		assert.Empty(t, c.String())
		assert.Empty(t, c.GraphURL("up", time.Unix(1, 0), time.Unix(2, 0)))
	})
}

func TestGraphURL(t *testing.T) {
	end := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	for _, test := range []struct{ name, server, public, want string }{
		{"the server's own", "http://user:pw@prom:9090/prefix/", "", "http://prom:9090/prefix/graph?"},
		{"where people reach it", "http://prom:9090", "https://u:pw@monitoring.example.com/prometheus?x=1", "https://monitoring.example.com/prometheus/graph?x=1&"},
		{"a query is kept, a secret is not", "http://vm/select/0/prometheus?token=secret&extra_label=cluster=c3", "", "http://vm/select/0/prometheus/graph?extra_label=cluster=c3&"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := Connect(Server{URL: parsed(t, test.server), PublicURL: parsed(t, test.public)}, "prometheus")
			require.NoError(t, err)
			defer c.Close()
			link := c.GraphURL(`sum(x{a="b+c"}) > 1`, end.Add(-90*time.Minute), end)
			assert.Equal(t, test.want+"g0.end_input=2026-11-20%2009%3A00%3A00&g0.expr=sum%28x%7Ba%3D%22b%2Bc%22%7D%29%20%3E%201&g0.range_input=1h30m&g0.tab=0", link)
			query := parsed(t, link).Query()
			assert.Equal(t, `sum(x{a="b+c"}) > 1`, query.Get("g0.expr"), "it comes back as it was")
			assert.Empty(t, c.GraphURL("", end, end))
			assert.Contains(t, c.GraphURL("up", end, end), "g0.range_input=1s", "the page takes no empty range")
		})
	}
}

func TestGet(t *testing.T) {
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/am/api/v2/alerts":
			_, _ = w.Write([]byte(r.URL.RawQuery))
		default:
			http.NotFound(w, r)
		}
	}, func(s *Server) { s.URL.Path = "/am" })
	body, err := c.Get(t.Context(), "/api/v2/alerts", url.Values{"filter": {`a="b"`}})
	require.NoError(t, err)
	assert.Equal(t, "filter=a%3D%22b%22", string(body))
	_, err = c.Get(t.Context(), "/elsewhere", nil)
	require.ErrorIs(t, err, ErrUnavailable)
	assert.ErrorContains(t, err, "check the path of the URL")
}

// TestHugeAnswer reads no more than the bound, whatever the server sends.
func TestHugeAnswer(t *testing.T) {
	chunk := bytes.Repeat([]byte("x"), 1<<16)
	endless := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
	_, err := clientOf(t, endless).Get(t.Context(), "/", nil)
	require.ErrorIs(t, err, ErrTooExpensive)
	assert.ErrorContains(t, err, "more than 16 MiB")
}

// TestLargeAnswersTakeTurns: of large bodies only so many are read at a time, small ones pass, and a body that is closed makes
// room.
func TestLargeAnswersTakeTurns(t *testing.T) {
	slots := make(chan struct{}, 1)
	done := make(chan struct{})
	body := func(size int) *boundedBody {
		return &boundedBody{ReadCloser: io.NopCloser(strings.NewReader(strings.Repeat("x", size))), done: done, large: slots}
	}
	first := body(largeBody + 2)
	n, err := io.CopyN(io.Discard, first, largeBody+1)
	require.NoError(t, err)
	require.Equal(t, int64(largeBody+1), n)
	_, err = first.Read(make([]byte, 1))
	require.NoError(t, err)
	require.True(t, first.holds)

	small, err := io.ReadAll(body(largeBody))
	require.NoError(t, err, "a small one does not wait")
	assert.Len(t, small, largeBody)

	second := make(chan error)
	go func() {
		_, err := io.Copy(io.Discard, body(largeBody+2))
		second <- err
	}()
	require.NoError(t, first.Close())
	require.NoError(t, <-second, "it goes on when the first is closed")
	assert.Empty(t, slots, "and has left as well, at its end")

	slots <- struct{}{}
	close(done) // the request is given up while it waits
	_, err = io.Copy(io.Discard, body(largeBody+2))
	require.Error(t, err)
}

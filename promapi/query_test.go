package promapi

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestQueryOfTheURLIsSent: every kind of request carries it, whichever method it is made with.
func TestQueryOfTheURLIsSent(t *testing.T) {
	for _, test := range []struct{ name, query string }{
		{"VictoriaMetrics", "extra_label=cluster=c3"},
		{"twice", "extra_filters[]={env%3D%22prod%22}&extra_filters[]={team%3D%22a%22}"},
		{"Thanos", "dedup=true&partial_response=false"},
		{"a blank and a plus", "extra_label=cluster=a+b%2Bc"},
		{"no value", "debug"},
	} {
		for _, noPost := range []bool{false, true} {
			t.Run(test.name+map[bool]string{true: ", no POST"}[noPost], func(t *testing.T) {
				var paths []string
				want := parsed(t, "http://x/?"+test.query).Query()
				c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
					if noPost && r.Method == http.MethodPost {
						w.WriteHeader(http.StatusMethodNotAllowed)
						return
					}
					paths = append(paths, r.URL.Path)
					got := r.URL.Query()
					for name, values := range want {
						assert.Equal(t, values, got[name], "%s of %s %s", name, r.Method, r.URL)
					}
					assert.NoError(t, r.ParseForm())
					if r.URL.Path == "/p/api/v1/query" {
						assert.Equal(t, []string{"up"}, r.Form["query"], "ours is there, too")
					}
					_, _ = w.Write([]byte(emptyVector))
				}, func(s *Server) { s.URL.Path, s.URL.RawQuery = "/p", test.query })
				q, now := NewQuerier(c, NewBudget(10, 1), nil), time.Now()
				_, err := q.Instant(t.Context(), "up", now)
				require.NoError(t, err)
				_, _ = q.Range(t.Context(), "up", now, now, time.Second)
				_, _ = q.LabelNames(t.Context(), []string{"up"}, now, now)
				_, _ = q.MetricTypes(t.Context())
				_, _ = q.Rules(t.Context(), "A")
				_, _ = c.Get(t.Context(), "/api/v2/alerts", nil)
				assert.Equal(t, []string{
					"/p/api/v1/query", "/p/api/v1/query_range", "/p/api/v1/labels", "/p/api/v1/metadata", "/p/api/v1/rules", "/p/api/v2/alerts",
				}, paths)
			})
		}
	}
}

// TestQueryStaysWithItsServer: what a redirect brings elsewhere is not told the query, and at home it is sent once.
func TestQueryStaysWithItsServer(t *testing.T) {
	var elsewhere []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { elsewhere = append(elsewhere, r.URL.RawQuery) }))
	defer other.Close()
	var home []string
	target := ""
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		home = append(home, r.URL.RawQuery)
		if len(home) == 1 {
			http.Redirect(w, r, target+"?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
		}
	}, func(s *Server) { s.URL.RawQuery = "extra_label=a=b" })
	target = "/other"
	_, err := c.Get(t.Context(), "/x", nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"extra_label=a=b", "extra_label=a=b"}, home)
	home, target = nil, other.URL+"/"
	c2 := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/", http.StatusTemporaryRedirect)
	},
		func(s *Server) { s.URL.RawQuery = "extra_label=a=b" })
	_, err = c2.Get(t.Context(), "/x", nil)
	require.NoError(t, err)
	assert.Equal(t, []string{""}, elsewhere)
}

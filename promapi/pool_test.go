package promapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// member returns a server that answers with a configuration.
func member(t *testing.T, name, match, public, configuration string) *Member {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/status/config" || configuration == "" {
			http.NotFound(w, r)
			return
		}
		assert.NoError(t, json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]string{"yaml": configuration}}))
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	s := Server{URL: u, HTTP: config.DefaultHTTPClientConfig}
	if public != "" {
		s.PublicURL, err = url.Parse(public)
		require.NoError(t, err)
	}
	c, err := Connect(s, name)
	require.NoError(t, err)
	m := &Member{Name: name, Client: c}
	if match != "" {
		one, err := labels.ParseMatchers(match)
		require.NoError(t, err)
		m.Match = one
	}
	if configuration == "" {
		require.Error(t, m.Learn(t.Context()))
	} else {
		require.NoError(t, m.Learn(t.Context()))
	}
	return m
}

func TestChoose(t *testing.T) {
	const eu, us = "global:\n  external_labels:\n    cluster: eu\n    replica: a\n", "global: {external_labels: {cluster: us}}"
	matched := member(t, "matched", `{team=~"shop|pay"}`, "", "")
	europe := member(t, "europe", "", "https://prom.example/eu/", eu)
	america := member(t, "america", "", "", us)
	unknown := member(t, "unknown", "", "https://thanos.example", "")
	all := Pool{matched, europe, america, unknown}
	for name, tc := range map[string]struct {
		pool      Pool
		alert     map[string]string
		generator string
		want      *Member
	}{
		"a matcher comes first":                    {all, map[string]string{"team": "shop", "cluster": "eu", "replica": "a"}, "", matched},
		"external labels":                          {all, map[string]string{"cluster": "eu", "replica": "a"}, "", europe},
		"the other's":                              {all, map[string]string{"cluster": "us"}, "", america},
		"without the label that makes replicas":    {Pool{europe, america}, map[string]string{"cluster": "eu"}, "", europe},
		"external labels are stronger than a link": {all, map[string]string{"cluster": "us"}, "https://prom.example/eu/graph?g0.expr=up", america},
		"the link where people reach it":           {all, map[string]string{}, "https://prom.example/eu/graph?g0.expr=up", europe},
		"a link to another path of the host":       {Pool{america, europe}, map[string]string{}, "https://prom.example/europe/graph", america},
		"a link is no matcher":                     {Pool{matched}, map[string]string{}, matched.Client.url.String() + "/graph", nil},
		"what nothing speaks against":              {Pool{europe, unknown}, map[string]string{"cluster": "asia"}, "", unknown},
		"none":                                     {Pool{europe, america}, map[string]string{"cluster": "asia"}, "", nil},
		"one alone is that of all":                 {Pool{europe}, map[string]string{"cluster": "us"}, "", europe},
		"no link at all":                           {Pool{matched, america}, map[string]string{"cluster": "eu"}, "::", nil},
		"an empty pool":                            {nil, map[string]string{"cluster": "us"}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Same(t, tc.want, tc.pool.Choose(tc.alert, tc.generator))
		})
	}
}

// TestLearn: what is no configuration leaves what is known as it is.
func TestLearn(t *testing.T) {
	m := member(t, "eu", "", "", "global: {external_labels: {cluster: eu}}")
	for name, body := range map[string]string{"a page": "<html>\t{", "no YAML in it": `{"data":{"yaml":"\t{"}}`} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
			defer server.Close()
			u, err := url.Parse(server.URL)
			require.NoError(t, err)
			c, err := Connect(Server{URL: u, HTTP: config.DefaultHTTPClientConfig}, "p")
			require.NoError(t, err)
			other := &Member{Client: c}
			other.external.Store(m.external.Load())
			require.ErrorIs(t, other.Learn(t.Context()), ErrUnavailable)
			assert.Equal(t, map[string]string{"cluster": "eu"}, other.externalLabels())
		})
	}
}

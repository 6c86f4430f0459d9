package promapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clientOf connects to a handler that stands in for a server.
func clientOf(t *testing.T, h http.HandlerFunc, change ...func(*Server)) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	s := Server{URL: u, HTTP: config.DefaultHTTPClientConfig}
	for _, f := range change {
		f(&s)
	}
	c, err := Connect(s, "prometheus")
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// answering stands in for a server that always answers the same, with status 200.
func answering(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
}

const emptyVector = `{"status":"success","data":{"resultType":"vector","result":[]}}`

func TestQueryAsSent(t *testing.T) {
	var requests []string
	var form url.Values
	handler := func(w http.ResponseWriter, r *http.Request) {
		requests = append(requests, r.Method+" "+r.URL.Path+" "+r.Header.Get("X-Scope-OrgID"))
		if strings.Contains(r.URL.Path, "get") && r.Method == http.MethodPost {
			http.Error(w, "no POST here", http.StatusMethodNotAllowed)
			return
		}
		assert.NoError(t, r.ParseForm())
		form = r.Form
		_, _ = w.Write([]byte(emptyVector))
	}
	for _, test := range []struct {
		name, path string
		want       []string
	}{
		{"a path and a tenant", "/prefix/prometheus/", []string{"POST /prefix/prometheus/api/v1/query team"}},
		{"GET where POST is not allowed", "/get", []string{"POST /get/api/v1/query team", "GET /get/api/v1/query team"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			requests = nil
			c := clientOf(t, handler, func(s *Server) {
				s.URL.Path = test.path
				s.HTTP.HTTPHeaders = &config.Headers{Headers: map[string]config.Header{"X-Scope-OrgID": {Values: []string{"team"}}}}
			})
			_, err := NewQuerier(c, NewBudget(1, 1), nil).Instant(t.Context(), "up", time.Unix(1, 0))
			require.NoError(t, err)
			assert.Equal(t, test.want, requests)
			assert.Equal(t, "10001", form.Get("limit"), "one more than we take, to see that there are more")
		})
	}
	for _, test := range []struct {
		name        string
		left        time.Duration // until the caller's deadline; 0 for none
		least, most time.Duration // of the timeout that the server is told
	}{
		{"no deadline", 0, queryTimeout, queryTimeout},
		{"a late deadline", time.Minute, queryTimeout, queryTimeout},
		{"an early deadline leaves us the last second", 8 * time.Second, 3 * time.Second, 7 * time.Second},
		{"a deadline that is almost over", 1900 * time.Millisecond, graceTime, graceTime},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx := t.Context()
			if test.left > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, test.left)
				defer cancel()
			}
			_, err := NewQuerier(clientOf(t, handler), NewBudget(1, 1), nil).Instant(ctx, "up", time.Unix(1, 0))
			require.NoError(t, err)
			sent, err := model.ParseDuration(form.Get("timeout"))
			require.NoError(t, err, "as Prometheus reads it: no fractions")
			d := time.Duration(sent)
			assert.GreaterOrEqual(t, d, test.least)
			assert.LessOrEqual(t, d, test.most)
		})
	}
}

func TestInstant(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat(`{"metric":{},"value":[1,"1"]},`, maxSeries+1), ",")
	for _, test := range []struct {
		name, result string
		want         model.Vector
		err          error
	}{
		{"a vector", `"vector","result":[{"metric":{"a":"b"},"value":[1,"2"]}]`, model.Vector{{Metric: model.Metric{"a": "b"}, Value: 2, Timestamp: 1000}}, nil},
		{"a scalar", `"scalar","result":[1,"2"]`, model.Vector{{Metric: model.Metric{}, Value: 2, Timestamp: 1000}}, nil},
		{"too many series", `"vector","result":[` + many + `]`, nil, ErrTooExpensive},
		{"what nobody knows", `"streams","result":[]`, nil, ErrUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := clientOf(t, answering(`{"status":"success","data":{"resultType":`+test.result+`}}`))
			got, err := NewQuerier(c, NewBudget(1, 1), nil).Instant(t.Context(), "x", time.Unix(1, 0))
			require.ErrorIs(t, err, test.err)
			if test.err == nil {
				assert.Equal(t, test.want, got)
			}
		})
	}
}

func TestRange(t *testing.T) {
	matrix := `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[1,"2"],[2,"3"]]}]}}`
	start := time.Unix(1, 0)
	for _, test := range []struct {
		name, answer string
		end          time.Time
		step         time.Duration
		err          error
	}{
		{"a matrix", matrix, time.Unix(2, 0), time.Second, nil},
		{"as many points as may be", matrix, start.Add(maxPoints * time.Second), time.Second, nil},
		{"too many points", matrix, start.Add((maxPoints + 1) * time.Second), time.Second, ErrTooExpensive},
		{"no step", matrix, time.Unix(2, 0), 0, ErrTooExpensive},
		{"a vector", emptyVector, time.Unix(2, 0), time.Second, ErrBadQuery},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := NewQuerier(clientOf(t, answering(test.answer)), NewBudget(1, 1), nil)
			got, err := q.Range(t.Context(), "x", start, test.end, test.step)
			require.ErrorIs(t, err, test.err)
			if test.err != nil {
				assert.Empty(t, got)
				return
			}
			require.Len(t, got, 1)
			assert.Equal(t, []model.SamplePair{{Timestamp: 1000, Value: 2}, {Timestamp: 2000, Value: 3}}, got[0].Values)
		})
	}
}

func TestMetadata(t *testing.T) {
	var paths []string
	answers := map[string]string{
		"/api/v1/labels":   `{"status":"success","data":["__name__","job"]}`,
		"/api/v1/metadata": `{"status":"success","data":{"up":[{"type":"gauge"},{"type":"counter"}],"none":[]}}`,
		"/api/v1/rules": `{"status":"success","data":{"groups":[{"name":"g","file":"f","interval":60,"rules":[
			{"type":"alerting","name":"X","query":"up == 0","duration":60,"labels":{},"annotations":{},"alerts":[],"health":"ok"}]}]}}`,
	}
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		assert.NoError(t, r.ParseForm())
		paths = append(paths, r.URL.Path+"?"+strings.Join(slices.Concat(r.Form["match[]"], r.Form["rule_name[]"]), ","))
		_, _ = w.Write([]byte(answers[r.URL.Path]))
	})
	q := NewQuerier(c, NewBudget(3, 1), nil)
	labels, err := q.LabelNames(t.Context(), []string{"up"}, time.Unix(1, 0), time.Unix(2, 0))
	require.NoError(t, err)
	assert.Equal(t, []string{"__name__", "job"}, labels)
	types, err := q.MetricTypes(t.Context())
	require.NoError(t, err)
	assert.Equal(t, map[string]model.MetricType{"up": model.MetricTypeGauge}, types)
	groups, err := q.Rules(t.Context(), "X")
	require.NoError(t, err)
	require.Len(t, groups, 1)
	assert.Len(t, groups[0].Rules, 1)
	assert.Equal(t, []string{"/api/v1/labels?up", "/api/v1/metadata?", "/api/v1/rules?X"}, paths)
	assert.Equal(t, 3, q.Budget().Used())
}

// TestOutcomesAreCounted: once for each query, by the name of its result.
func TestOutcomesAreCounted(t *testing.T) {
	answer := emptyVector
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) { answering(answer)(w, r) })
	var counted []string
	q := NewQuerier(c, NewBudget(2, 1), func(outcome string) { counted = append(counted, outcome) })
	at := time.Unix(1, 0)
	_, err := q.Instant(t.Context(), "up", at)
	require.NoError(t, err)
	answer = "<html>hello</html>"
	_, err = q.Instant(t.Context(), "up", at)
	require.ErrorIs(t, err, ErrUnavailable)
	_, err = q.Instant(t.Context(), "up", at)
	require.ErrorIs(t, err, ErrNoBudget)
	require.ErrorContains(t, err, "querying: ")
	assert.Equal(t, []string{"ok", "unavailable", "no_budget"}, counted)
	for _, outcome := range counted {
		assert.Contains(t, Outcomes(), outcome)
	}
}

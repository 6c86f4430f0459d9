package watch

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

const storeDown = `receive series from Addr: 10.0.0.7:10901: rpc error: code = Unavailable desc = connection error`

// front stands before the tests' Prometheus as a querier of many stores.
func front(t *testing.T) *testbedtest.Fanout {
	t.Helper()
	client(t)
	return testbedtest.StartFanout(t, pastServer.url)
}

// sameKnown asserts that two Watchers know the same to the byte.
func sameKnown(t *testing.T, want, got *running) {
	t.Helper()
	assert.Equal(t, states(want), states(got))
	require.Len(t, got.rules["g/QueueUnusual"].series, 3)
	for id, s := range want.rules["g/QueueUnusual"].series {
		x, err := s.encode(&Rule{})
		require.NoError(t, err)
		y, err := got.rules["g/QueueUnusual"].series[id].encode(&Rule{})
		require.NoError(t, err)
		assert.Equal(t, x, y, "the same is known of %s", s.labels)
	}
}

// TestStoreGoesDown: while a store is down an alert on its series stays, none begins because they are gone, and nothing is learned of
// it; when it is up again all is as if it had been up.
func TestStoreGoesDown(t *testing.T) {
	const rule = "g/QueueUnusual"
	for name, test := range map[string]struct {
		down   func(f *testbedtest.Fanout, queue string)
		reason string
	}{
		"Thanos": {func(f *testbedtest.Fanout, queue string) { f.Down("queue", queue, storeDown) }, storeDown},
		"no store left": {func(f *testbedtest.Fanout, queue string) {
			f.Down("queue", queue, "No StoreAPIs matched for this query")
		}, "No StoreAPIs"},
		"VictoriaMetrics": {func(f *testbedtest.Fanout, queue string) { f.Partial("queue", queue) }, "isPartial"},
	} {
		t.Run(name, func(t *testing.T) {
			f := front(t)
			text := ruleFile(strings.Replace(queueRule, "{history: 5d}", "{history: 5d, missing: alert}", 1))
			w, whole := start(t, connect(t, f.URL), text, nil), start(t, client(t), text, nil)
			w.evaluateTo(drops.Add(-10*time.Minute), drops.Add(10*time.Minute))
			before := states(w)
			require.Contains(t, before, "a:firing")
			for _, queue := range []string{"a", "c"} { // one that fires, and one that does not
				test.down(f, queue)
				w.evaluateTo(w.at.Add(time.Minute), w.at.Add(20*time.Minute))
				assert.Equal(t, before, states(w), "%s is down", queue)
				assert.Contains(t, firing(w.told.of(rule)), "a", "told of still")
				assert.Contains(t, w.Status()[0].Error, "partial answer: "+test.reason)
			}
			errors := w.metrics.errors
			assert.GreaterOrEqual(t, testutil.ToFloat64(errors.WithLabelValues(errorPartial)), 38.)
			assert.Zero(t, testutil.ToFloat64(errors.WithLabelValues(errorQuery)))
			assert.Less(t, testutil.ToFloat64(w.metrics.success.WithLabelValues("g")), float64(drops.Add(12*time.Minute).Unix()))

			f.Up()
			w.evaluateTo(w.at.Add(time.Minute), drops.Add(100*time.Minute))
			whole.evaluateTo(drops.Add(-10*time.Minute), w.at)
			assert.Empty(t, w.Status()[0].Error)
			assert.NotContains(t, states(w), "a:firing", "it has ended meanwhile")
			sameKnown(t, whole, w)
		})
	}
}

// TestRemarksAreNoFailure: what Prometheus remarks on a query holds up nothing.
func TestRemarksAreNoFailure(t *testing.T) {
	f := front(t)
	f.Remark("PromQL info: metric might not be a counter", "PromQL warning: encountered a mix of histograms and floats", "2 more warning annotations omitted")
	w, whole := start(t, connect(t, f.URL), ruleFile(queueRule), nil), start(t, client(t), ruleFile(queueRule), nil)
	w.evaluateTo(drops.Add(-2*time.Minute), drops.Add(10*time.Minute))
	whole.evaluateTo(drops.Add(-2*time.Minute), drops.Add(10*time.Minute))
	assert.Empty(t, w.Status()[0].Error)
	sameKnown(t, whole, w)
}

// TestStartWithStoreDown: a history that lacks series is not learned; the start is made up for when it is whole.
func TestStartWithStoreDown(t *testing.T) {
	f := front(t)
	w, whole := start(t, connect(t, f.URL), ruleFile(queueRule), nil), start(t, client(t), ruleFile(queueRule), nil)
	f.Down("queue", "a", storeDown)
	w.evaluateTo(drops.Add(-5*time.Minute), drops.Add(-3*time.Minute))
	assert.Contains(t, w.Status()[0].Error, storeDown)
	assert.Empty(t, w.rules["g/QueueUnusual"].series)
	f.Up()
	w.evaluateTo(w.at.Add(time.Minute), drops.Add(10*time.Minute))
	whole.evaluateTo(drops.Add(-2*time.Minute), w.at)
	assert.NotEmpty(t, states(whole))
	sameKnown(t, whole, w)
}

// TestHistoryBeforeTheStores: of times before its data Thanos says that no store matches. That is no failure, or a rule with a longer history
// than a retention would never begin; of the present it is one.
func TestHistoryBeforeTheStores(t *testing.T) {
	client(t)
	target, err := url.Parse(pastServer.url)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	begins := float64(pastEnds.Add(-time.Duration(pastDays) * 24 * time.Hour).Unix())
	before := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		r.Body = io.NopCloser(bytes.NewReader(sent))
		form, err := url.ParseQuery(string(sent))
		assert.NoError(t, err)
		if end, err := strconv.ParseFloat(form.Get("end"), 64); err == nil && end < begins {
			before++
			_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"matrix","result":[]},"warnings":["No StoreAPIs matched for this query"]}`))
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	text := ruleFile(strings.Replace(queueRule, "5d", "28d", 1))
	w, whole := start(t, connect(t, srv.URL), text, nil), start(t, client(t), text, nil)
	w.evaluateTo(drops.Add(-2*time.Minute), drops.Add(10*time.Minute))
	whole.evaluateTo(drops.Add(-2*time.Minute), drops.Add(10*time.Minute))
	assert.Positive(t, before)
	assert.Empty(t, w.Status()[0].Error)
	sameKnown(t, whole, w)
}

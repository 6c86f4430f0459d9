package promapi

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

const storeDown = `receive series from Addr: 10.0.0.7:10901 LabelSets: {region="b"} MinTime: 0 MaxTime: 9: rpc error: code = Unavailable desc = connection error`

// TestReasons: which warnings mean that data are missing. Their words are those of the servers' sources.
func TestReasons(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for name, test := range map[string]struct {
		said envelope
		want []string
	}{
		"nothing":                  {envelope{}, nil},
		"not partial":              {envelope{IsPartial: false}, nil},
		"VictoriaMetrics":          {envelope{IsPartial: true}, []string{saidPartial}},
		"both":                     {envelope{IsPartial: true, Warnings: []string{"x"}}, []string{"x"}},
		"a store of Thanos":        {envelope{Warnings: []string{storeDown}}, []string{storeDown}},
		"no store of Thanos":       {envelope{Warnings: []string{noStores, noStores}}, []string{noStores}},
		"remote_read":              {envelope{Warnings: []string{"remote_read: error sending request: connection refused"}}, []string{"remote_read: error sending request: connection refused"}},
		"cut by a limit":           {envelope{Warnings: []string{"results truncated due to limit"}}, []string{"results truncated due to limit"}},
		"Cortex":                   {envelope{Warnings: []string{"Query result may contain partial data."}}, []string{"Query result may contain partial data."}},
		"a note on a counter":      {envelope{Warnings: []string{`PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "x" (1:6)`}}, nil},
		"a note on histograms":     {envelope{Warnings: []string{"PromQL warning: encountered a mix of histograms and floats for aggregation (1:5)"}}, nil},
		"notes left out":           {envelope{Warnings: []string{"3 more warning annotations omitted", "1 more info annotations omitted"}}, nil},
		"a note and a store":       {envelope{Warnings: []string{"PromQL warning: x", "store down"}}, []string{"store down"}},
		"what begins like a note":  {envelope{Warnings: []string{"PromQL informs: store down"}}, []string{"PromQL informs: store down"}},
		"what holds a note":        {envelope{Warnings: []string{"store down: PromQL info: x"}}, []string{"store down: PromQL info: x"}},
		"empty":                    {envelope{Warnings: []string{"", " \n"}}, nil},
		"lines and control":        {envelope{Warnings: []string{"a\n\n# b\x1b[31m\u202e\tc"}}, []string{"a # b c"}},
		"long":                     {envelope{Warnings: []string{long}}, []string{strings.Repeat("x", maxReasonText-1) + "…"}},
		"more than are of any use": {envelope{Warnings: []string{"1", "2", "3", "4", "5", "6", "7"}}, []string{"1", "2", "3", "4", "5"}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, test.said.reasons()) })
	}
}

// ways are all questions of a Querier.
var ways = map[string]func(*testing.T, *Querier) error{
	"range": func(t *testing.T, q *Querier) error {
		_, err := q.Range(t.Context(), "up", time.Now().Add(-time.Minute), time.Now(), time.Second)
		return err
	},
	"instant": func(t *testing.T, q *Querier) error { _, err := q.Instant(t.Context(), "up", time.Now()); return err },
	"samples": func(t *testing.T, q *Querier) error {
		_, err := q.Samples(t.Context(), "up", time.Now().Add(-time.Minute), time.Now())
		return err
	},
	"labels": func(t *testing.T, q *Querier) error {
		_, err := q.LabelNames(t.Context(), []string{"up"}, time.Now().Add(-time.Minute), time.Now())
		return err
	},
	"metadata":        func(t *testing.T, q *Querier) error { _, err := q.MetricTypes(t.Context()); return err },
	"rules":           func(t *testing.T, q *Querier) error { _, err := q.Rules(t.Context(), "x"); return err },
	"recording rules": func(t *testing.T, q *Querier) error { _, err := q.RecordingRules(t.Context(), "x"); return err },
}

// TestPartialAnswers: whatever was asked of a real Prometheus, what its front says beside the data is told, and is an error for who
// needs all of them.
func TestPartialAnswers(t *testing.T) {
	s := testbedtest.StartPrometheus(t, testbed.PrometheusConfig{})
	front := testbedtest.StartFanout(t, s.URL)
	c := clientOf(t, nil, func(server *Server) { server.URL.Host = strings.TrimPrefix(front.URL, "http://") })
	for name, ask := range ways {
		for _, form := range []struct {
			name string
			set  func()
			want []string
		}{
			{"all stores up", front.Up, nil},
			{"Thanos", func() { front.Down("job", "x", storeDown) }, []string{storeDown}},
			{"VictoriaMetrics", func() { front.Partial("job", "x") }, []string{saidPartial}},
			{"a note", func() { front.Remark("PromQL info: metric might not be a counter") }, nil},
		} {
			t.Run(name+", "+form.name, func(t *testing.T) {
				form.set()
				var counted []string
				q := NewQuerier(c, NewBudget(9, 1), func(outcome string) { counted = append(counted, outcome) })
				require.NoError(t, ask(t, q))
				assert.Equal(t, form.want, q.Partial())
				err := ask(t, q.Whole())
				if form.want == nil {
					require.NoError(t, err)
					assert.Equal(t, []string{"ok", "ok"}, counted)
					return
				}
				require.ErrorIs(t, err, ErrPartial)
				require.ErrorContains(t, err, form.want[0])
				assert.Equal(t, []string{"partial", "partial"}, counted)
			})
		}
	}
}

// TestDenied: who sets partial_response=false in the URL gets an error of the server itself.
func TestDenied(t *testing.T) {
	s := testbedtest.StartPrometheus(t, testbed.PrometheusConfig{})
	front := testbedtest.StartFanout(t, s.URL)
	front.Down("job", "x", storeDown)
	c := clientOf(t, nil, func(server *Server) {
		server.URL.Host, server.URL.RawQuery = strings.TrimPrefix(front.URL, "http://"), "partial_response=false"
	})
	_, err := NewQuerier(c, NewBudget(1, 1), nil).Instant(t.Context(), "up", time.Now())
	require.ErrorContains(t, err, "a store is down")
}

// TestFormsOfPartial: what is said is found wherever it stands, and by either decoder of matrices.
func TestFormsOfPartial(t *testing.T) {
	const series = `{"metric":{"warnings":"isPartial"},"values":[[1435781430,"1"]]}`
	data := `"data":{"resultType":"matrix","result":[` + series + `]}`
	at := model.Time(1435781430000).Time()
	for name, test := range map[string]struct {
		body string
		want []string
	}{
		"usual":                     {`{"status":"success",` + data + `}`, nil},
		"before the data":           {`{"status":"success","isPartial":true,` + data + `,"stats":{"seriesFetched": "1"}}`, []string{saidPartial}},
		"before the data, whole":    {`{"status":"success","isPartial":false,` + data + `,"stats":{"seriesFetched": "1"}}`, nil},
		"behind them":               {`{"status":"success",` + data + `,"isPartial":true}`, []string{saidPartial}},
		"with blanks":               {`{ "status" : "success", "isPartial" : true, ` + data + ` }`, []string{saidPartial}},
		"warnings first":            {`{"status":"success","warnings":["down"],` + data + `}`, []string{"down"}},
		"warnings behind":           {`{"status":"success",` + data + `,"warnings":["down"],"infos":["PromQL info: x"]}`, []string{"down"}},
		"infos alone":               {`{"status":"success",` + data + `,"infos":["PromQL info: x"]}`, nil},
		"no list":                   {`{"status":"success",` + data + `,"warnings":null}`, nil},
		"warnings, not as we do it": {`{"status":"success","data":{ "resultType":"matrix","result":[` + series + `]},"warnings":["down"]}`, []string{"down"}},
	} {
		t.Run(name, func(t *testing.T) {
			q := NewQuerier(clientOf(t, answering(test.body)), NewBudget(1, 1), nil)
			m, err := q.Range(t.Context(), "up", at, at, 1)
			require.NoError(t, err)
			require.Len(t, m, 1)
			assert.Equal(t, model.LabelValue("isPartial"), m[0].Metric["warnings"], "a label of that name says nothing")
			assert.Equal(t, test.want, q.Partial())
		})
	}
	t.Run("the usual form of VictoriaMetrics is decoded fast", func(t *testing.T) {
		for _, partial := range []string{"true", "false"} {
			_, said, ok := parseMatrix([]byte(`{"status":"success","isPartial":` + partial + `,` + data + `,"stats":{"seriesFetched": "1"}}`))
			assert.True(t, ok)
			assert.Equal(t, partial == "true", said.IsPartial)
		}
	})
}

// TestPartialIsToldApart: each Querier of a purpose has the reasons of its own answers, each once and a few at most.
func TestPartialIsToldApart(t *testing.T) {
	said := ""
	c := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(strings.TrimSuffix(emptyVector, "}") + `,"warnings":["` + said + `"]}`))
	})
	ask := ways["instant"]
	shared := NewQuerier(c, NewBudget(20, 4), nil)
	one, two := shared.Apart(), shared.Apart()
	said = "b"
	require.NoError(t, ask(t, two))
	said = "a"
	require.NoError(t, ask(t, one))
	require.NoError(t, ask(t, one))
	assert.Nil(t, shared.Partial())
	assert.Equal(t, []string{"a"}, one.Partial())
	assert.Equal(t, []string{"b"}, two.Partial())
	assert.Equal(t, 3, shared.Budget().Used(), "one budget")
	for _, said = range []string{"c", "d", "e", "f", "g", strings.Repeat("é", 9000)} {
		require.NoError(t, ask(t, one))
	}
	assert.Equal(t, []string{"a", "c", "d", "e", "f"}, one.Partial())
	said = strings.Repeat("é", 9000)
	require.NoError(t, ask(t, two))
	assert.Equal(t, maxReasonText, utf8.RuneCountInString(two.Partial()[1]))
	assert.True(t, utf8.ValidString(two.Partial()[1]))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { assert.NoError(t, ask(t, shared)) })
	}
	all.Wait()
	assert.Len(t, shared.Partial(), 1)
}

// TestNoStores: that Thanos has no store for a time is told from a store that is down.
func TestNoStores(t *testing.T) {
	for said, want := range map[string]bool{`"` + noStores + `","` + noStores + `"`: true, `"` + noStores + `","down"`: false, `"down"`: false} {
		body := strings.TrimSuffix(emptyVector, "}") + `,"warnings":[` + said + `]}`
		err := ways["instant"](t, NewQuerier(clientOf(t, answering(body)), NewBudget(1, 1), nil).Whole())
		require.ErrorIs(t, err, ErrPartial)
		if want {
			require.ErrorIs(t, err, ErrNoStores)
		} else {
			require.NotErrorIs(t, err, ErrNoStores)
		}
	}
}

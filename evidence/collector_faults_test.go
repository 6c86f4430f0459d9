package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
)

// fault is how a server answers a query that fails.
type fault struct {
	status int
	body   string
	en, zh string // what is said of it
}

var faultsOfServers = map[string]fault{
	"fails":      {500, "oops", `server unavailable \(.*HTTP status 500`, "无法访问服务器（.*HTTP 状态码 500"},
	"no entry":   {403, "", `server unavailable \(.*HTTP status 403`, "无法访问服务器（.*HTTP 状态码 403"},
	"too slow":   {503, `{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}`, `too slow or too large \(`, "查询过慢或结果过大（"},
	"too large":  {422, `{"status":"error","errorType":"execution","error":"query processing would load too many samples into memory"}`, `too slow or too large \(`, "查询过慢或结果过大（"},
	"refuses":    {400, `{"status":"error","errorType":"bad_data","error":"parse error: unexpected"}`, `query rejected \(.*parse error: unexpected\)`, "查询被拒绝（.*parse error: unexpected）"},
	"is hostile": {400, `{"status":"error","errorType":"bad_data","error":"a\nb\u202e` + strings.Repeat("x", 5000) + `"}`, `query rejected \(`, "查询被拒绝（"},
}

// faulty stands before a Prometheus and answers some queries itself.
func faulty(t *testing.T, prometheus string, f fault, fails func(query string, form url.Values) bool) string {
	t.Helper()
	target, err := url.Parse(prometheus)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{DisableKeepAlives: true}
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		form, _ := url.ParseQuery(string(body) + "&" + r.URL.RawQuery)
		if fails(form.Get("query"), form) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(f.status)
			_, _ = io.WriteString(w, f.body)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestEachCollectorFails lets the queries of one collector fail at a time, in every way: it says so, and the others go on.
func TestEachCollectorFails(t *testing.T) {
	const onset = 5400
	r := record(2*time.Hour, 15*time.Second)
	for i := range 3 {
		where := fmt.Sprintf(`{job="api",namespace="shop",instance="%d:80"`, i)
		r.add("load"+where+"}", func(s float64) float64 { return wobble(2, s) + spike(s >= onset && i == 0, 60) })
		r.add("up"+where+"}", steps(1, 5600, float64(i%2)))
		r.add("process_start_time_seconds"+where+"}", steps(1.7e9, 5000, float64(r.at(5000).Unix())))
		r.add("app_info"+where+`,version="1"}`, steps(1, 5000, nan))
		r.add("app_info"+where+`,version="2"}`, steps(nan, 5000, 1))
	}
	r.add(`kube_deployment_spec_replicas{namespace="shop",deployment="api"}`, steps(3, 5000, 2))
	r.add(`ALERTS{alertstate="firing",alertname="Other",namespace="shop"}`, steps(nan, 5000, 1))
	p := r.serve(t, "")
	inc := firingIncident(r.at(onset), "load > 10", "alertname=High namespace=shop job=api instance=0:80")
	holds := func(part string) func(string, url.Values) bool {
		return func(query string, _ url.Values) bool { return strings.Contains(query, part) }
	}
	tests := []struct {
		name  string
		kind  incident.EvidenceKind
		title string // of the item that says so
		fails func(string, url.Values) bool
		stay  []string // titles of the same kind that stay
	}{
		{"alerts", incident.KindAlerts, "Other alerts", holds("ALERTS"), nil},
		{"targets", incident.KindNeighbors, "Targets, restarts and changes", holds("min_over_time(up"), []string{"Restarts", "Version and config changes", "Deployment and replica changes"}},
		{"restarts", incident.KindNeighbors, "Targets, restarts and changes", holds("process_start_time"), []string{"Targets and peers", "Version and config changes", "Deployment and replica changes"}},
		{"containers", incident.KindNeighbors, "Targets, restarts and changes", holds("restarts_total"), []string{"Targets and peers", "Restarts", "Version and config changes", "Deployment and replica changes"}},
		{"versions", incident.KindNeighbors, "Targets, restarts and changes", holds(`.+_info"`), []string{"Targets and peers", "Restarts", "Deployment and replica changes"}},
		{"replicas", incident.KindNeighbors, "Targets, restarts and changes", holds("horizontalpodautoscaler"), []string{"Targets and peers", "Restarts", "Version and config changes"}},
		{"sizes", incident.KindSuspects, "What else changed", holds("count by (__name__)"), nil},
	}
	for _, test := range tests {
		for how, f := range faultsOfServers {
			t.Run(test.name+" "+how, func(t *testing.T) {
				registry := prometheus.NewPedanticRegistry()
				language := incident.English
				if len(test.name)%2 == 0 {
					language = incident.Chinese
				}
				c := collectorAt(t, faulty(t, p.URL, f, func(query string, form url.Values) bool {
					return test.fails(query, form) && (test.kind == incident.KindSuspects) == strings.Contains(query, "__name__!~")
				}), r.end(), func(o *Options) { o.Registerer, o.Language = registry, language })
				items := c.Collect(t.Context(), inc, nil).Items
				owed(t, items...)
				var titles []string
				failed := 0
				for _, e := range items {
					if !e.Failed {
						if e.Kind == test.kind {
							titles = append(titles, e.Title)
						}
						continue
					}
					failed++
					assert.Equal(t, test.kind, e.Kind, e.Summary)
					assert.Regexp(t, map[incident.Language]string{"en": f.en, "zh": f.zh}[language], e.Summary)
					assert.Nil(t, e.Table)
					if language == incident.English {
						assert.Equal(t, test.title, e.Title)
					}
				}
				assert.Equal(t, 1, failed)
				assert.Len(t, titles, len(test.stay))
				if language == incident.English && test.stay != nil {
					assert.Equal(t, test.stay, titles)
				}
				assert.InDelta(t, 1, testutil.ToFloat64(c.metrics.failed.WithLabelValues(string(test.kind))), 0)
			})
		}
	}
	t.Run("related series, all of them", func(t *testing.T) {
		f := faultsOfServers["too large"]
		c := collectorAt(t, faulty(t, p.URL, f, func(query string, _ url.Values) bool {
			return strings.Contains(query, `__name__!=""`) && !strings.Contains(query, "count")
		}), r.end())
		items := ofKind(c.Collect(t.Context(), inc, nil).Items, incident.KindSuspects)
		require.Len(t, items, 1)
		assert.True(t, items[0].Failed)
		assert.Regexp(t, `^reading related series: too slow|^too slow or too large`, items[0].Summary)
	})
	t.Run("related series, some of them", func(t *testing.T) {
		for language, want := range map[incident.Language]string{"en": " Some could not be read: too slow or too large (", "zh": "部分序列查询失败：查询过慢或结果过大（"} {
			c := collectorAt(t, faulty(t, p.URL, faultsOfServers["too large"], func(query string, _ url.Values) bool {
				return strings.Contains(query, `job="api",`) && strings.Contains(query, `__name__!=""`) && !strings.Contains(query, "count")
			}), r.end(), func(o *Options) { o.Language = language })
			items := ofKind(c.Collect(t.Context(), inc, nil).Items, incident.KindSuspects)
			owed(t, items...)
			require.Len(t, items, 1)
			assert.False(t, items[0].Failed)
			assert.Contains(t, items[0].Summary, want)
			assert.NotEmpty(t, items[0].Ranking, "what was read is told")
		}
	})
	t.Run("another day", func(t *testing.T) {
		earlier := func(days float64) func(string, url.Values) bool {
			return func(_ string, form url.Values) bool {
				start, err := strconv.ParseFloat(form.Get("start"), 64)
				return err == nil && float64(r.end().Unix())-start > days*86400
			}
		}
		for language, want := range map[incident.Language]string{"en": "a week before lookup failed;", "zh": "一周前查询失败；"} {
			c := collectorAt(t, faulty(t, p.URL, faultsOfServers["fails"], earlier(3)), r.end(), func(o *Options) { o.Language = language })
			comparisons, _ := c.CounterEvidence(t.Context(), inc, nil)
			owed(t, comparisons...)
			assert.False(t, comparisons[0].Failed)
			assert.Contains(t, comparisons[0].Summary, want)
			assert.Equal(t, []string{"–", "–", "–", "–"}, comparisons[0].Table.Rows[2][1:], "nothing is known of it")
		}
		c := collectorAt(t, faulty(t, p.URL, faultsOfServers["fails"], earlier(.5)), r.end())
		comparisons, _ := c.CounterEvidence(t.Context(), inc, nil)
		assert.True(t, comparisons[0].Failed)
		assert.Contains(t, comparisons[0].Summary, "HTTP status 500")
		assert.False(t, comparisons[1].Failed, "the others go on: %s", comparisons[1].Summary)
		assert.False(t, comparisons[2].Failed)
	})
	t.Run("peers and what fires", func(t *testing.T) {
		for i, fails := range []func(string, url.Values) bool{
			func(query string, _ url.Values) bool { return query == "load" },
			holds("ALERTS"),
		} {
			c := collectorAt(t, faulty(t, p.URL, faultsOfServers["refuses"], fails), r.end())
			comparisons, answers := c.CounterEvidence(t.Context(), inc, []incident.Check{{PromQL: "up"}})
			owed(t, append(comparisons, answers...)...)
			for j, e := range append(comparisons, answers...) {
				assert.Equal(t, j == i+1, e.Failed, "%d of %d: %s", j, i, e.Summary)
			}
			assert.Regexp(t, `^query rejected \(.*parse error: unexpected\)\.$`, comparisons[i+1].Summary)
		}
	})
}

// TestBudgetRunsOut lets a collection end after any number of queries: what was found stays, what was not says so.
func TestBudgetRunsOut(t *testing.T) {
	r := attack()
	p := r.serve(t, loginRules)
	inc := firingIncident(r.at(6300), "", "alertname=HighLoginFailureRate user_type=guest severity=critical")
	for _, queries := range []int{1, 2, 3, 5, 8, 13, 21, 34} {
		t.Run(strconv.Itoa(queries), func(t *testing.T) {
			registry, asked := countedQuestions(t)
			language := map[bool]incident.Language{true: incident.English, false: incident.Chinese}[queries%2 == 0]
			c := collectorAt(t, p.URL, r.end(), func(o *Options) { o.MaxQueries, o.Registerer, o.Language = queries, registry, language })
			items := c.Collect(t.Context(), inc, nil).Items
			owed(t, items...)
			assert.LessOrEqual(t, asked(), float64(queries))
			assert.Equal(t, incident.KindAlert, items[0].Kind)
			for _, e := range items {
				assert.Empty(t, e.ID)
				if e.Failed {
					assert.Regexp(t, `the incident's query budget is used up|本事件的查询次数已用完`, e.Summary)
				}
			}
			if queries <= 3 {
				assert.InDelta(t, queries, asked(), 0, "all of it is used")
			}
		})
	}
}

// TestCanceled: a collection whose context ends is over at once, and says so.
func TestCanceled(t *testing.T) {
	inc := firingIncident(time.Now().Add(-time.Minute), "x > 1", "alertname=X job=api namespace=n")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	hangs := hanging(t)
	c := collectorAt(t, hangs, time.Now(), func(o *Options) { o.Timeout, o.Alertmanager = time.Hour, serverAt(t, hangs) })
	began := time.Now()
	items := c.Collect(ctx, inc, nil).Items
	assert.Less(t, time.Since(began), time.Minute)
	owed(t, items...)
	assert.False(t, items[0].Failed)
	for _, e := range items[1:] {
		assert.True(t, e.Failed, e.Summary)
		assert.Equal(t, "timed out.", e.Summary)
	}
	comparisons, answers := c.CounterEvidence(ctx, inc, []incident.Check{{PromQL: "x"}})
	for _, e := range append(comparisons, answers...) {
		assert.True(t, e.Failed, e.Summary)
	}
}

// TestExplain: every error in both languages, bounded, with its details.
func TestExplain(t *testing.T) {
	long := strings.Repeat("x", 1000)
	tests := []struct {
		err    error
		en, zh string
	}{
		{promapi.ErrNoBudget, "the incident's query budget is used up", "本事件的查询次数已用完"},
		{fmt.Errorf("a: %w", promapi.ErrNoBudget), "the incident's query budget is used up", "本事件的查询次数已用完"},
		{context.DeadlineExceeded, "timed out", "查询超时"},
		{fmt.Errorf("a: %w", context.Canceled), "timed out", "查询超时"},
		{fmt.Errorf("%w: no answer in time", promapi.ErrTooExpensive), "too slow or too large (no answer in time)", "查询过慢或结果过大（未在时限内返回）"},
		{fmt.Errorf("%w: parse error", promapi.ErrBadQuery), "query rejected (parse error)", "查询被拒绝（parse error）"},
		{fmt.Errorf("%w: gone", promapi.ErrUnavailable), "server unavailable (gone)", "无法访问服务器（gone）"},
		{fmt.Errorf("a: %w", fmt.Errorf("%w: gone", promapi.ErrUnavailable)), "server unavailable (a: gone)", "无法访问服务器（a: gone）"},
		{errors.New("anything"), "anything", "anything"},
		{errors.Join(errors.New("one"), errors.New("two")), "one two", "one two"},
		{fmt.Errorf("%w: a\n\tb\u202e", promapi.ErrBadQuery), "query rejected (a b)", "查询被拒绝（a b）"},
		{errors.New(long), strings.Repeat("x", 299) + "…", strings.Repeat("x", 299) + "…"},
		{fmt.Errorf("%w: %s", promapi.ErrUnavailable, long), "server unavailable (" + strings.Repeat("x", 299) + "…)", "无法访问服务器（" + strings.Repeat("x", 299) + "…）"},
		{errors.Join(promapi.ErrNoBudget, promapi.ErrUnavailable), "the incident's query budget is used up", "本事件的查询次数已用完"},
	}
	for _, test := range tests {
		assert.Equal(t, test.en, (&investigation{language: incident.English}).explain(test.err))
		assert.Equal(t, test.zh, (&investigation{language: incident.Chinese}).explain(test.err))
	}
}

// TestBetweenFails: where the days between the onset and now are too much, both are told, and that the days are not.
func TestBetweenFails(t *testing.T) {
	r := record(30*time.Hour, time.Minute)
	r.add(`load{instance="i1"}`, func(s float64) float64 { return 1 + spike(s >= 7200, 20) + s/10000 })
	r.add(`up{job="x"}`, func(float64) float64 { return 1 })
	p := r.serve(t, "")
	for name, fails := range map[string]func(step time.Duration, end bool) bool{
		"between": func(step time.Duration, _ bool) bool { return step > time.Minute },
		"now":     func(_ time.Duration, end bool) bool { return end },
	} {
		t.Run(name, func(t *testing.T) {
			c := collectorAt(t, faulty(t, p.URL, faultsOfServers["too large"], func(query string, form url.Values) bool {
				step, _ := strconv.ParseFloat(form.Get("step"), 64)
				end, _ := strconv.ParseFloat(form.Get("end"), 64)
				return strings.HasPrefix(query, "load") && step > 0 && fails(time.Duration(step)*time.Second, int64(end) == r.end().Unix())
			}), r.end())
			items := ofKind(c.Collect(t.Context(), firingIncident(r.at(7260), "load > 5", "alertname=Load instance=i1"), nil).Items, incident.KindSignal)
			require.Len(t, items, 1)
			if name == "now" {
				assert.True(t, items[0].Failed)
				return
			}
			assert.Regexp(t, `^Value when the alert fired: 21\.7; last: 31\.8 at .* Nothing is known of .*: too slow or too large`, items[0].Summary)
			assert.Less(t, items[0].Figures.Met, 4*time.Hour, "what is not known is not counted")
		})
	}
}

package testbedtest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// A Fanout stands in for what asks many stores, over one real Prometheus: Thanos' querier, or VictoriaMetrics' vmselect. A store is the
// series that have a value of a label. While one is down, answers lack its series and say so as those servers do.
type Fanout struct {
	URL string // the root of the API

	mu       sync.Mutex
	label    string
	value    string
	warnings []string
	partial  *bool                   // isPartial; nil for Thanos, which has none
	concerns func(query string) bool // whether a query needs the store; nil for all
}

// lacking is the key of a request whose answer says what it lacks.
type lacking struct{}

// StartFanout stands before a Prometheus until the end of the test, with all stores up.
func StartFanout(tb testing.TB, prometheus string) *Fanout {
	tb.Helper()
	root, err := url.Parse(prometheus)
	if err != nil {
		tb.Fatal(err)
	}
	f := &Fanout{}
	proxy := httputil.NewSingleHostReverseProxy(root)
	proxy.ModifyResponse = f.say
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.serve(w, r, proxy) }))
	tb.Cleanup(s.Close)
	f.URL = s.URL
	return f
}

// Down takes the store down that has the series with a label's value: answers have these warnings, as Thanos says it.
func (f *Fanout) Down(label, value string, warnings ...string) { f.set(label, value, nil, warnings) }

// Partial takes the store down: answers have isPartial, as VictoriaMetrics says it.
func (f *Fanout) Partial(label, value string) {
	yes := true
	f.set(label, value, &yes, nil)
}

// Up has all stores answer.
func (f *Fanout) Up() { f.set("", "", nil, nil) }

// Remark has answers that are whole come with warnings.
func (f *Fanout) Remark(warnings ...string) { f.set("", "", nil, warnings) }

// Concerns has only queries that it holds for need what is down; "" for a request without a query. nil, as at the start, is all of them.
func (f *Fanout) Concerns(holds func(query string) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.concerns = holds
}

func (f *Fanout) set(label, value string, partial *bool, warnings []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.label, f.value, f.partial, f.warnings = label, value, partial, warnings
}

// serve narrows queries to the stores that are up, and fails where a client wants no partial answer.
func (f *Fanout) serve(w http.ResponseWriter, r *http.Request, to http.Handler) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	label, value, concerns := f.label, f.value, f.concerns
	f.mu.Unlock()
	if concerns != nil && !concerns(r.Form.Get("query")) {
		label = ""
	} else {
		r = r.WithContext(context.WithValue(r.Context(), lacking{}, true))
	}
	whole := r.Form.Get("partial_response") == "false" || r.Form.Get("deny_partial_response") == "1"
	if label != "" && whole {
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = w.Write([]byte(`{"status":"error","errorType":"execution","error":"expanding series: a store is down"}`))
		return
	}
	for _, name := range []string{"query", "match[]"} {
		for i, q := range r.Form[name] {
			if label != "" {
				r.Form[name][i] = without(q, label, value)
			}
		}
	}
	body := r.Form.Encode()
	if r.Method == http.MethodGet {
		r.URL.RawQuery, body = body, ""
	} else {
		r.URL.RawQuery = ""
	}
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	r.Header.Del("Accept-Encoding") // the answer is read
	r.Body, r.ContentLength = io.NopCloser(bytes.NewBufferString(body)), int64(len(body))
	to.ServeHTTP(w, r)
}

// without returns a query with the series of a store left out.
func without(query, label, value string) string {
	e, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return query // the server says what is wrong
	}
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			v.LabelMatchers = append(v.LabelMatchers, labels.MustNewMatcher(labels.MatchNotEqual, label, value))
		}
		return nil
	})
	return e.String()
}

// say adds to an answer what it lacks: before the data for VictoriaMetrics, behind them for Thanos.
func (f *Fanout) say(resp *http.Response) error {
	if resp.Request.Context().Value(lacking{}) == nil {
		return nil
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return err
	}
	f.mu.Lock()
	partial, warnings := f.partial, f.warnings
	f.mu.Unlock()
	const begin = `{"status":"success",`
	if rest, ok := bytes.CutPrefix(bytes.TrimSpace(body), []byte(begin)); ok {
		head, tail := begin, rest
		if partial != nil {
			head += `"isPartial":` + strconv.FormatBool(*partial) + `,`
		}
		if len(warnings) > 0 {
			list, err := json.Marshal(warnings)
			if err != nil {
				return err
			}
			tail = append(bytes.TrimSuffix(bytes.Clone(rest), []byte("}")), `,"warnings":`+string(list)+`}`...)
		}
		body = append([]byte(head), tail...)
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}

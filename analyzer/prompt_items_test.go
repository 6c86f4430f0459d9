package analyzer

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/incident"
)

// lineOf makes a chart's series of values, one a minute from 12:00 on.
func lineOf(name string, values ...float64) incident.Series {
	s := incident.Series{Name: name, Step: time.Minute}
	for i, v := range values {
		s.Points = append(s.Points, incident.Point{At: day.Add(time.Duration(i) * time.Minute), Value: v})
	}
	return s
}

func repeated(n int, value func(i int) float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = value(i)
	}
	return out
}

// TestItemsSayThingsOnce: what the prompt has elsewhere, or says nothing, takes no tokens.
func TestItemsSayThingsOnce(t *testing.T) {
	saw := repeated(60, func(i int) float64 { return float64(100<<20) * (1 + float64(i%20)/5) })
	step := repeated(60, func(i int) float64 { return float64(i / 30) })
	wide := func(e incident.Evidence) incident.Evidence { e.Start, e.End = day.Add(-time.Hour), day; return e }
	tests := map[string]struct {
		item         incident.Evidence
		has, hasNone []string
	}{
		"the alerts": {
			incident.Evidence{ID: "E1", Kind: incident.KindAlert, Title: "Incident alerts", Summary: "1 of 1", Table: &incident.Table{Columns: []string{"status"}, Rows: [][]string{{"firing"}}}},
			[]string{"E1 [alert] the alerts above\n"},
			[]string{"1 of 1", "status"},
		},
		"nothing": {
			wide(incident.Evidence{ID: "E1", Kind: incident.KindAlerts, Title: "Other alerts", Summary: "No other alert.", Query: "ALERTS", Nothing: true}),
			[]string{"E1 [alerts] No other alert.\n"},
			[]string{"Other alerts", "ALERTS", "range"},
		},
		"a signal": {
			wide(incident.Evidence{
				ID: "E1", Kind: incident.KindSignal, Title: "Signal", Summary: "It rose.", Query: `x{job="a"}`,
				Table: &incident.Table{Columns: []string{"rule", "rule group", "for", "labels"}, Rows: [][]string{{"x > 1", "telling-name", "5m", "a=b"}}},
				Chart: &incident.Chart{Unit: "bytes", Series: []incident.Series{lineOf("x", saw...)}},
			}),
			[]string{"rule: x > 1, for 5m\n", "course: 12:00 100, 12:19 480, 12:20 100, 12:39 480, 12:40 100, 12:59 480 MiB\n"},
			[]string{"telling-name", "query", "range", "table"},
		},
		"suspects": {
			wide(incident.Evidence{
				ID: "E1", Kind: incident.KindSuspects, Title: "Else", Summary: "1 changed.", Query: "y",
				Ranking: []incident.RankedSeries{{Labels: map[string]string{"__name__": "y"}, Score: 812, Before: 20, After: 10}},
				Table:   &incident.Table{Columns: []string{"target"}, Rows: [][]string{{"y over 100"}}},
				Chart:   &incident.Chart{Unit: "%", Series: []incident.Series{lineOf("y", repeated(60, func(i int) float64 { return -float64(i / 30) })...), lineOf("noise", repeated(60, func(i int) float64 { return 50 + math.Sin(float64(i)) })...)}},
			}),
			[]string{"row: y over 100\n", "course of y in % of its change: 12:00 0, 12:29 0, 12:30 100, 12:59 100 %\n"},
			[]string{"rank", "812", "query", "course of noise"},
		},
		"a drill-down by one label": {
			wide(incident.Evidence{
				ID: "E1", Kind: incident.KindDrilldown, Title: "By code", Summary: "503 does.", Query: "sum by (code) (x)",
				Ranking: []incident.RankedSeries{
					{Labels: map[string]string{"code": "503"}, Share: .6, Before: .01, After: .2},
					{Labels: map[string]string{"code": "504"}, Share: .3, Before: .01, After: .1},
					{Labels: map[string]string{"code": "500"}, Share: .05},
				},
				Table: &incident.Table{Columns: []string{"label"}, Rows: [][]string{{"code"}}},
				Chart: &incident.Chart{Unit: "%", Series: []incident.Series{lineOf("x", step...)}},
			}),
			[]string{"query: sum by (code) (x)\n", `part 2: {code="504"}, share of the change 30 %, 1 % → 10 %` + "\n"},
			[]string{"part 1", "part 3", "score"},
		},
		"a range of its own": {
			incident.Evidence{ID: "E1", Kind: incident.KindRunbook, Title: "x", Start: day.Add(-9 * time.Hour), End: day}, []string{"range: 2026-11-20T03:00:00Z to 2026-11-20T12:00:00Z\n"}, nil,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := &promptText{redact: asItIs, allAlerts: true, usual: incident.TimeRange{Start: day.Add(-time.Hour), End: day}}
			got := p.item(tc.item)
			for _, part := range tc.has {
				assert.Contains(t, got, part)
			}
			for _, part := range tc.hasNone {
				assert.NotContains(t, got, part)
			}
		})
	}
	cut := &promptText{redact: asItIs}
	assert.Contains(t, cut.item(tests["the alerts"].item), "summary: 1 of 1", "where alerts were left out, the item has them")
}

// TestSecondMessageIsShort: a check stands beside its answer, and what found nothing is one line.
func TestSecondMessageIsShort(t *testing.T) {
	b := newBench(t)
	draft := &incident.Verdict{Summary: "s", Checks: []incident.Check{{PromQL: "sum(x)", WouldRefute: "The first cause, if x fell.", Evidence: "E5"}}}
	messages, missing := b.counterEvidence(b.opts.Redactor.Session(), draft, []incident.Evidence{
		{ID: "E3", Kind: incident.KindComparison, Title: "Peers", Summary: "No peers.", Nothing: true},
		{ID: "E4", Kind: incident.KindComparison, Title: "Firing", Summary: "No other alerts.", Nothing: true},
		{ID: "E5", Kind: incident.KindCheck, Title: "Check 1", Summary: "1 series; 0 changed.", Query: "sum(x)"},
		{ID: "E6", Kind: incident.KindComparison, Title: "Before", Summary: "Not like this.", Chart: &incident.Chart{}, Table: &incident.Table{Columns: []string{"day"}, Rows: [][]string{{"this time"}}}},
	})
	assert.Empty(t, missing)
	text := messages[1].Content
	assert.Contains(t, text, "Nothing found: E3: No peers. E4: No other alerts.\n")
	assert.Contains(t, text, "E5 [check] sum(x)\nwould refute: The first cause, if x fell.\nsummary: 1 series; 0 changed.\n")
	assert.NotContains(t, text, "this time", "its summary says the same")
	assert.Equal(t, 1, strings.Count(text, "sum(x)"))
}

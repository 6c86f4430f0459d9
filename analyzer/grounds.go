package analyzer

import (
	"index/suffixarray"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// facts are the numbers and times that a piece of evidence holds.
type facts struct {
	quantities []quantity
	// pairs are numbers that belong together, so that their ratio or difference is one that a person would form: before
	// and after, two that follow each other in a text, the first of a ranking or column and another one.
	pairs   [][2]quantity
	moments []moment
	spans   []time.Time // between these and the anchors lie the durations that a person would form
}

// grounds are what a verdict is checked against.
type grounds struct {
	items   map[string]*incident.Evidence
	missing map[string]bool // could not be looked up, or not shown
	cut     []string        // not shown
	facts   map[string]*facts
	alerts  *facts // of the alerts, which every cause may quote
	all     *facts // of the alerts and of all evidence
	anchors []time.Time
	names   *suffixarray.Index // all text, in lower case
	text    []byte
	whole   bool // the text was not too much to be looked at
	// strangers are those who may have written what the model was shown.
	strangers *provenance
}

const (
	maxText      = 1 << 20 // bytes in which names are looked up
	maxRead      = 8 << 10 // bytes of one text in which numbers are
	maxEntries   = 50      // of a ranking, a table, a chart
	maxPairs     = 12      // with the first of a ranking or column
	maxSpans     = 64      // times of which the distances count
	maxSightings = 50      // of a name, of which one must stand by itself
	nearOnsets   = 15 * time.Minute
)

// newGrounds reads the evidence and the alerts.
func newGrounds(m material) *grounds {
	g := &grounds{
		items: map[string]*incident.Evidence{}, missing: map[string]bool{}, facts: map[string]*facts{},
		alerts: alertFacts(m.inc, m.alerts), all: new(facts), cut: m.missing,
	}
	for _, t := range []time.Time{m.inc.StartedAt, m.inc.OpenedAt, m.inc.ResolvedAt} {
		if !t.IsZero() {
			g.anchors = append(g.anchors, t)
		}
	}
	g.all.join(g.alerts)
	for i := range m.evidence {
		e := &m.evidence[i]
		g.items[e.ID] = e
		g.missing[e.ID] = e.Failed || slices.Contains(m.missing, e.ID)
		g.facts[e.ID] = evidenceFacts(e)
		g.all.join(g.facts[e.ID])
	}
	text, whole := allText(m.inc, m.evidence)
	g.text, g.whole = []byte(text), whole
	g.names = suffixarray.New(g.text)
	g.strangers = newProvenance(m)
	return g
}

func (f *facts) join(other *facts) {
	f.quantities = append(f.quantities, other.quantities...)
	f.pairs = append(f.pairs, other.pairs...)
	f.moments = append(f.moments, other.moments...)
	f.spans = append(f.spans, other.spans[:min(len(other.spans), max(maxSpans-len(f.spans), 0))]...)
}

// text adds the numbers of a text, of which only so much is read.
func (f *facts) text(s string) {
	found := readFacts(cutBytes(s, maxRead))
	f.row(found.quantities)
	f.moments = append(f.moments, found.moments...)
	for _, m := range found.moments {
		if m.year > 0 && m.second >= 0 {
			f.spans = append(f.spans, time.Date(m.year, time.Month(m.month), m.day, 0, 0, m.second, 0, time.UTC))
		}
	}
}

// row adds numbers of which each pairs with the next.
func (f *facts) row(quantities []quantity) {
	f.quantities = append(f.quantities, quantities...)
	for i := range len(quantities) - 1 {
		f.pairs = append(f.pairs, [2]quantity{quantities[i], quantities[i+1]})
	}
}

// column pairs the first number with others, which are added elsewhere.
func (f *facts) column(quantities []quantity) {
	for i := 1; i < min(len(quantities), maxPairs); i++ {
		f.pairs = append(f.pairs, [2]quantity{quantities[0], quantities[i]})
	}
}

func (f *facts) time(t time.Time) {
	if !t.IsZero() {
		f.moments = append(f.moments, momentOf(t))
		f.spans = append(f.spans, t)
	}
}

func (f *facts) count(n int) { f.quantities = append(f.quantities, measured(float64(n), counted)) }

// alertFacts reads the alerts that were shown.
func alertFacts(inc *incident.Incident, alerts []incident.Alert) *facts {
	f := new(facts)
	f.time(inc.StartedAt)
	f.time(inc.OpenedAt)
	f.time(inc.ResolvedAt)
	firing := len(inc.Firing())
	for _, n := range []int{len(inc.Alerts), firing, len(inc.Alerts) - firing, inc.Flaps, inc.Repeats, int(min(inc.Truncated, math.MaxInt32))} {
		f.count(n)
	}
	seen := map[string]bool{} // alerts of one group say much the same
	add := func(s string) {
		if !seen[s] {
			seen[s] = true
			f.text(s)
		}
	}
	for _, a := range alerts[:min(len(alerts), maxAlerts)] {
		f.moments = append(f.moments, momentOf(a.Began()))
		if !a.EndsAt.IsZero() {
			f.moments = append(f.moments, momentOf(a.EndsAt))
		}
		for _, texts := range []map[string]string{a.Labels, a.Annotations} {
			for _, key := range slices.Sorted(maps.Keys(texts)) {
				add(texts[key])
			}
		}
		add(query(a.GeneratorURL))
	}
	return f
}

func evidenceFacts(e *incident.Evidence) *facts {
	f := new(facts)
	f.text(e.Title)
	f.text(e.Summary)
	if e.Kind != incident.KindCheck {
		f.text(e.Query)
	}
	if !e.Start.IsZero() && !e.End.IsZero() {
		f.moments = append(f.moments, momentOf(e.Start), momentOf(e.End))
		f.quantities = append(f.quantities, measured(e.End.Sub(e.Start).Seconds(), span))
	}
	f.ranking(e.Ranking)
	f.table(e.Table)
	f.chart(e.Chart)
	if e.Kind == incident.KindCheck {
		f.without(readFacts(cutBytes(e.Query, maxRead)).quantities)
	}
	return f
}

// without drops the numbers that a query of the model's brought along: up * 0 + 42 is no evidence of 42.
func (f *facts) without(own []quantity) {
	f.quantities = slices.DeleteFunc(f.quantities, func(q quantity) bool {
		return q.value > 1 && slices.ContainsFunc(own, func(o quantity) bool { return o.value == q.value })
	})
}

func (f *facts) ranking(ranking []incident.RankedSeries) {
	f.count(len(ranking))
	var after []quantity
	for _, r := range ranking[:min(len(ranking), maxEntries)] {
		f.row([]quantity{measured(r.Before, plain), measured(r.After, plain)})
		after = append(after, measured(r.After, plain))
		f.quantities = append(f.quantities, measured(r.Score, factor), quantity{value: math.Abs(100 * r.Share), scale: .01, dim: ratio})
		f.time(r.Onset)
		for _, value := range r.Labels {
			f.quantities = append(f.quantities, readFacts(cutBytes(value, maxLabel)).quantities...)
		}
	}
	f.column(after)
}

// table adds the cells, and how often each value stands in its column: "2 of 3 are down".
func (f *facts) table(t *incident.Table) {
	if t == nil {
		return
	}
	f.count(len(t.Rows))
	columns := map[int][]quantity{}
	counts := map[[2]string]int{}
	distinct := map[string]int{}
	for _, cells := range t.Rows[:min(len(t.Rows), maxEntries)] {
		var row []quantity
		for i, cell := range cells {
			found := readFacts(cutBytes(cell, maxLabel))
			row = append(row, found.quantities...)
			columns[i] = append(columns[i], found.quantities...)
			f.moments = append(f.moments, found.moments...)
			column := strconv.Itoa(i)
			if counts[[2]string{column, cell}]++; counts[[2]string{column, cell}] == 1 {
				distinct[column]++
			}
		}
		f.row(row)
	}
	for _, column := range columns {
		f.column(column)
	}
	for _, n := range counts {
		f.count(n)
	}
	for _, n := range distinct {
		f.count(n)
	}
	f.text(strings.Join(t.Columns, " | "))
}

func (f *facts) chart(c *incident.Chart) {
	if c == nil {
		return
	}
	dim := map[string]dimension{"%": ratio, "s": span, "bytes": size}[c.Unit]
	if c.Threshold != nil {
		f.quantities = append(f.quantities, measured(*c.Threshold, dim))
	}
	f.count(len(c.Series))
	for _, s := range c.Series[:min(len(c.Series), maxEntries)] {
		var low, high, first, last incident.Point
		seen := false
		for _, p := range s.Points {
			if math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
				continue
			}
			if !seen {
				low, high, first, seen = p, p, p, true
			}
			if p.Value < low.Value {
				low = p
			}
			if p.Value > high.Value {
				high = p
			}
			last = p
		}
		if seen {
			f.row([]quantity{measured(first.Value, dim), measured(last.Value, dim)})
			f.row([]quantity{measured(low.Value, dim), measured(high.Value, dim)})
			f.moments = append(f.moments, momentOf(low.At), momentOf(high.At))
		}
		f.quantities = append(f.quantities, readFacts(cutBytes(s.Name, maxLabel)).quantities...)
	}
}

// holds reports whether a number is in the facts, or computed from two that belong together.
func (f *facts) holds(q quantity) bool {
	if slices.ContainsFunc(f.quantities, q.says) {
		return true
	}
	return slices.ContainsFunc(f.pairs, q.computed)
}

// computed reports whether q is the ratio of two numbers, or, where it says how far something moved, their difference.
func (q quantity) computed(pair [2]quantity) bool {
	a, b := pair[0], pair[1]
	if a.dim != b.dim {
		return false
	}
	low, high := min(a.base(), b.base()), max(a.base(), b.base())
	switch {
	case q.dim == factor:
		return low > 0 && q.rounds(high/low)
	case q.dim == points:
		return (a.dim == ratio || a.dim == plain) && q.rounds((high-low)/q.scale)
	case q.others:
		return q.dim == plain && q.rounds(high-low)
	case !q.change:
		return false
	case q.dim == ratio && low > 0 && (q.rounds((high/low-1)/q.scale) || q.rounds((1-low/high)/q.scale)):
		return true
	}
	return (q.dim == a.dim || a.dim == plain) && (q.rounds((high-low)/q.scale) || q.binary != 0 && q.rounds((high-low)/q.binary))
}

func (f *facts) at(m moment) bool { return slices.ContainsFunc(f.moments, m.says) }

// lasts reports whether a duration lies between a time of the facts and an anchor, or between two onsets close by.
func (f *facts) lasts(q quantity, anchors []time.Time) bool {
	if q.dim != span {
		return false
	}
	times := f.spans[:min(len(f.spans), maxSpans)]
	for i, t := range times {
		for _, a := range anchors {
			if q.nearBase(t.Sub(a).Abs().Seconds()) {
				return true
			}
		}
		for _, other := range times[i+1:] {
			if d := t.Sub(other).Abs(); d <= nearOnsets && q.nearBase(d.Seconds()) {
				return true
			}
		}
	}
	return false
}

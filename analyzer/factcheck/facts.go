package factcheck

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// facts are the numbers and times that a piece of evidence holds.
type facts struct {
	quantities []quantity
	// pairs are numbers that belong together, so that their ratio or difference is one that a person would form: before
	// and after, two that follow each other in a text, the first of a ranking or column and another one.
	pairs      [][2]quantity
	timestamps []timestamp
	spans      []time.Time // between these and the anchors lie the durations that a person would form
}

const (
	maxFieldBytes = 8 << 10 // of one text in which numbers and links are read
	maxCellBytes  = 300     // of a label value, a cell, the name of a series
	maxEntries    = 50      // of a ranking, a table, a chart, an excerpt
	maxPairs      = 12      // with the first of a ranking or column
	maxTurns      = 8       // points of a chart's line
	maxSpans      = 64      // times of which the distances count
	nearOnsets    = 15 * time.Minute
)

func (f *facts) join(other *facts) {
	f.quantities = append(f.quantities, other.quantities...)
	f.pairs = append(f.pairs, other.pairs...)
	f.timestamps = append(f.timestamps, other.timestamps...)
	f.spans = append(f.spans, other.spans[:min(len(other.spans), max(maxSpans-len(f.spans), 0))]...)
}

// addText adds the numbers and times of a text, of which only so much is read.
func (f *facts) addText(s string) {
	found := parseFacts(text.CutBytes(s, maxFieldBytes))
	f.addRow(found.quantities)
	f.timestamps = append(f.timestamps, found.timestamps...)
	for _, at := range found.timestamps {
		if at.year > 0 && at.second >= 0 {
			f.spans = append(f.spans, time.Date(at.year, time.Month(at.month), at.day, 0, 0, at.second, 0, time.UTC))
		}
	}
}

// addRow adds numbers of which each pairs with the next.
func (f *facts) addRow(quantities []quantity) {
	f.quantities = append(f.quantities, quantities...)
	for i := range len(quantities) - 1 {
		f.pairs = append(f.pairs, [2]quantity{quantities[i], quantities[i+1]})
	}
}

// pairFirst pairs the first number with others, which are added elsewhere.
func (f *facts) pairFirst(quantities []quantity) {
	for i := 1; i < min(len(quantities), maxPairs); i++ {
		f.pairs = append(f.pairs, [2]quantity{quantities[0], quantities[i]})
	}
}

func (f *facts) addTime(t time.Time) {
	if !t.IsZero() {
		f.timestamps = append(f.timestamps, timestampOf(t))
		f.spans = append(f.spans, t)
	}
}

func (f *facts) addCount(n int) {
	f.quantities = append(f.quantities, measuredQuantity(float64(n), dimCount))
}

// alertFacts reads the alerts that were shown.
func alertFacts(inc *incident.Incident, alerts []incident.Alert) *facts {
	f := new(facts)
	f.addTime(inc.StartedAt)
	f.addTime(inc.OpenedAt)
	f.addTime(inc.ResolvedAt)
	firing := len(inc.Firing())
	for _, n := range []int{len(inc.Alerts), firing, len(inc.Alerts) - firing, inc.Flaps, inc.Repeats, int(min(inc.Truncated, math.MaxInt32))} {
		f.addCount(n)
	}
	seen, links := map[string]bool{}, map[string]bool{} // alerts of one group say much the same
	add := func(s string) {
		if !seen[s] {
			seen[s] = true
			f.addText(s)
		}
	}
	for _, a := range alerts {
		f.timestamps = append(f.timestamps, timestampOf(a.Began()))
		if ended := a.Ended(); !ended.IsZero() {
			f.timestamps = append(f.timestamps, timestampOf(ended))
		}
		for _, texts := range []map[string]string{a.Labels, a.Annotations} {
			for _, key := range slices.Sorted(maps.Keys(texts)) {
				add(texts[key])
			}
		}
		if !links[a.GeneratorURL] {
			links[a.GeneratorURL] = true
			add(expressionOf(a.GeneratorURL))
		}
	}
	return f
}

func evidenceFacts(e *incident.Evidence) *facts {
	f := new(facts)
	f.addText(e.Title)
	f.addText(e.Summary)
	if e.Kind != incident.KindCheck {
		f.addText(e.Query)
	}
	if !e.Start.IsZero() && !e.End.IsZero() {
		f.timestamps = append(f.timestamps, timestampOf(e.Start), timestampOf(e.End))
		f.quantities = append(f.quantities, measuredQuantity(e.End.Sub(e.Start).Seconds(), dimSpan))
	}
	f.addRanking(e.Ranking)
	f.addTable(e.Table)
	f.addLines(e.Lines)
	f.addChart(e.Chart)
	if e.Kind == incident.KindCheck {
		f.remove(parseFacts(text.CutBytes(e.Query, maxFieldBytes)).quantities)
	}
	return f
}

// remove drops the numbers that a query of the model's brought along: up * 0 + 42 is no evidence of 42.
func (f *facts) remove(own []quantity) {
	f.quantities = slices.DeleteFunc(f.quantities, func(q quantity) bool {
		return q.value > 1 && slices.ContainsFunc(own, func(o quantity) bool { return o.value == q.value })
	})
}

func (f *facts) addRanking(ranking []incident.RankedSeries) {
	f.addCount(len(ranking))
	var after []quantity
	for _, r := range ranking[:min(len(ranking), maxEntries)] {
		f.addRow([]quantity{measuredQuantity(r.Before, dimPlain), measuredQuantity(r.After, dimPlain)})
		after = append(after, measuredQuantity(r.After, dimPlain))
		f.quantities = append(f.quantities, measuredQuantity(r.Score, dimFactor), quantity{value: math.Abs(100 * r.Share), scale: .01, dim: dimRatio})
		f.addTime(r.Onset)
		for _, value := range r.Labels {
			f.quantities = append(f.quantities, parseFacts(text.CutBytes(value, maxCellBytes)).quantities...)
		}
	}
	f.pairFirst(after)
}

// addTable adds the cells, and how often each value stands in its column: "2 of 3 are down".
func (f *facts) addTable(t *incident.Table) {
	if t == nil {
		return
	}
	f.addCount(len(t.Rows))
	columns := map[int][]quantity{}
	counts := map[[2]string]int{}
	values := map[string]int{} // different ones, by column
	for _, cells := range t.Rows[:min(len(t.Rows), maxEntries)] {
		var row []quantity
		for i, cell := range cells {
			found := parseFacts(text.CutBytes(cell, maxCellBytes))
			row = append(row, found.quantities...)
			columns[i] = append(columns[i], found.quantities...)
			f.timestamps = append(f.timestamps, found.timestamps...)
			column := strconv.Itoa(i)
			if counts[[2]string{column, cell}]++; counts[[2]string{column, cell}] == 1 {
				values[column]++
			}
		}
		f.addRow(row)
	}
	for _, column := range columns {
		f.pairFirst(column)
	}
	for _, n := range counts {
		f.addCount(n)
	}
	for _, n := range values {
		f.addCount(n)
	}
	f.addText(strings.Join(t.Columns, " | "))
}

// addLines adds the numbers and times of an excerpt, and how many lines it has.
func (f *facts) addLines(lines []string) {
	if len(lines) == 0 {
		return
	}
	f.addCount(len(lines))
	for _, s := range lines[:min(len(lines), maxEntries)] {
		f.addText(s)
	}
}

func (f *facts) addChart(c *incident.Chart) {
	if c == nil {
		return
	}
	dim := map[string]dimension{"%": dimRatio, "s": dimSpan, "bytes": dimSize}[c.Unit]
	if c.Threshold != nil {
		f.quantities = append(f.quantities, measuredQuantity(*c.Threshold, dim))
	}
	f.addCount(len(c.Series))
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
		for _, p := range s.Course(maxTurns) { // as the prompt has it
			f.quantities = append(f.quantities, measuredQuantity(p.Value, dim))
			f.timestamps = append(f.timestamps, timestampOf(p.At))
		}
		if seen {
			f.addRow([]quantity{measuredQuantity(first.Value, dim), measuredQuantity(last.Value, dim)})
			f.addRow([]quantity{measuredQuantity(low.Value, dim), measuredQuantity(high.Value, dim)})
			f.timestamps = append(f.timestamps, timestampOf(low.At), timestampOf(high.At))
		}
		f.quantities = append(f.quantities, parseFacts(text.CutBytes(s.Name, maxCellBytes)).quantities...)
	}
}

// hasNumber reports whether a number is in the facts, or computed from two that belong together.
func (f *facts) hasNumber(q quantity) bool {
	if slices.ContainsFunc(f.quantities, q.holdsFor) {
		return true
	}
	return slices.ContainsFunc(f.pairs, q.computedFrom)
}

// computedFrom reports whether q is the ratio of two numbers, or, where it says how far something moved, their difference.
func (q quantity) computedFrom(pair [2]quantity) bool {
	a, b := pair[0], pair[1]
	if a.dim != b.dim {
		return false
	}
	low, high := min(a.base(), b.base()), max(a.base(), b.base())
	switch {
	case q.dim == dimFactor:
		return low > 0 && q.rounds(high/low)
	case q.dim == dimPoints:
		return (a.dim == dimRatio || a.dim == dimPlain) && q.rounds((high-low)/q.scale)
	case q.others:
		return q.dim == dimPlain && q.rounds(high-low)
	case !q.change:
		return false
	case q.dim == dimRatio && low > 0 && (q.rounds((high/low-1)/q.scale) || q.rounds((1-low/high)/q.scale)):
		return true
	}
	return (q.dim == a.dim || a.dim == dimPlain) && (q.rounds((high-low)/q.scale) || q.binary != 0 && q.rounds((high-low)/q.binary))
}

func (f *facts) hasTime(t timestamp) bool { return slices.ContainsFunc(f.timestamps, t.holdsFor) }

// hasDuration reports whether a duration lies between a time of the facts and an anchor, or between two onsets close by.
func (f *facts) hasDuration(q quantity, anchors []time.Time) bool {
	if q.dim != dimSpan {
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

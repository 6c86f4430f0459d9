package analyzer

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

const (
	maxParts  = 5                // of a drill-down
	leastPart = .1               // of a change, that is worth a line
	wideRange = .5               // of its largest value, that a course other than the signal's ranges over if it is worth a line
	sameRange = 10 * time.Minute // by which the ends of two ranges may differ and still count as the same
)

// courseBounds say how much is written of the courses of a chart's series: of how many series, from how many points on, which say more
// than a summary does, and how many points at most.
type courseBounds struct{ series, least, most int }

var courseBoundsOf = map[incident.EvidenceKind]courseBounds{
	incident.KindSignal:   {series: 1, least: 2, most: 8},
	incident.KindSuspects: {series: 2, least: 3, most: 6},
	incident.KindCheck:    {series: 2, least: 5, most: 6},
}

// item writes one item. What stands elsewhere in the prompt already, or can be told from it, is left out: most tokens of an item would
// else be those of its query and of a ranking that repeats its table.
func (p *promptText) item(e incident.Evidence) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s [%s] ", p.text(e.ID, 10), p.text(string(e.Kind), 20))
	switch check, own := p.checks[e.ID]; {
	case e.Kind == incident.KindAlert && p.allAlerts && !e.Failed:
		b.WriteString("the alerts above\n")
		return b.String()
	case e.Nothing && !e.Failed && e.Table == nil:
		b.WriteString(p.text(e.Summary, maxSummary) + "\n")
		return b.String()
	case own:
		fmt.Fprintf(&b, "%s\nwould refute: %s\n", p.text(check.PromQL, maxPromQL), p.text(check.WouldRefute, maxShort))
	default:
		b.WriteString(p.text(e.Title, maxTitle) + "\n")
	}
	if e.Failed {
		b.WriteString("(this could not be looked up)\n")
	}
	if e.Summary != "" {
		fmt.Fprintf(&b, "summary: %s\n", p.text(e.Summary, maxSummary))
	}
	if !p.brief {
		p.query(&b, e)
		p.ranking(&b, e)
	}
	switch {
	case e.Table == nil, p.brief && e.Kind == incident.KindComparison && e.Chart != nil: // whose summary says the same
	case e.Kind == incident.KindSignal:
		p.rule(&b, e.Table)
	default:
		p.table(&b, e.Table)
	}
	p.courses(&b, e)
	p.lines(&b, e.Lines)
	return b.String()
}

// query writes an item's query where it says more than the rest does, and its range where that is not the usual one.
func (p *promptText) query(b *strings.Builder, e incident.Evidence) {
	switch {
	case e.Query == "":
	case e.Kind == incident.KindSuspects, e.Kind == incident.KindNeighbors, e.Kind == incident.KindAlerts: // one of many, or always the same
	case e.Kind == incident.KindSignal && e.Table != nil: // the rule's, with the alert's labels
	case e.Kind == incident.KindDrilldown && len(e.Ranking) == 0: // a count of the rule's series
	default:
		fmt.Fprintf(b, "query: %s\n", p.text(e.Query, maxPromQL))
	}
	if e.Start.IsZero() || e.Start.Sub(p.usual.Start).Abs() <= sameRange && e.End.Sub(p.usual.End).Abs() <= sameRange {
		return
	}
	fmt.Fprintf(b, "range: %s to %s\n", stamp(e.Start), stamp(e.End))
}

// usualRange returns the range that most is about: that of the first item that has one.
func usualRange(items []incident.Evidence) incident.TimeRange {
	for _, e := range items {
		if !e.Start.IsZero() {
			return incident.TimeRange{Start: e.Start, End: e.End}
		}
	}
	return incident.TimeRange{}
}

func (p *promptText) short(e incident.Evidence) string {
	return fmt.Sprintf("%s [%s] %s\nsummary: %s\n", p.text(e.ID, 10), p.text(string(e.Kind), 20),
		p.text(e.Title, maxTitle/2), p.text(e.Summary, maxShort))
}

// ranking writes what a drill-down's table, which has the first part alone, leaves out; suspects are their table's rows.
func (p *promptText) ranking(b *strings.Builder, e incident.Evidence) {
	unit := ""
	if e.Chart != nil {
		unit = e.Chart.Unit
	}
	first := 0
	if e.Table != nil && len(e.Table.Rows) > 0 {
		first = 1
	}
	for i, r := range e.Ranking {
		even := r.Share != 0 && e.Ranking[0].Share-r.Share < leastPart
		if e.Kind == incident.KindSuspects || i < first || i >= maxParts || r.Share != 0 && (r.Share < leastPart || even && i > 0 && first > 0) {
			continue
		}
		fmt.Fprintf(b, "part %d: %s", i+1, p.labels(r.Labels))
		if r.Share != 0 {
			fmt.Fprintf(b, ", share of the change %s %%", number(100*r.Share))
		}
		if r.Before != 0 || r.After != 0 {
			fmt.Fprintf(b, ", %s → %s", inUnit(r.Before, unit), inUnit(r.After, unit))
		}
		if !r.Onset.IsZero() {
			fmt.Fprintf(b, ", since %s", stamp(r.Onset))
		}
		b.WriteString("\n")
	}
}

// inUnit writes a value with its unit: a model may not convert one.
func inUnit(v float64, unit string) string {
	switch unit {
	case "":
		return number(v)
	case "%": // of a ratio
		return number(100*v) + " %"
	}
	return number(v) + " " + unit
}

// rule writes the rule of a signal: its expression, and how long its condition has to hold.
func (p *promptText) rule(b *strings.Builder, t *incident.Table) {
	for _, row := range t.Rows[:min(len(t.Rows), 1)] {
		for i, cell := range row {
			switch i {
			case 0:
				fmt.Fprintf(b, "rule: %s", p.text(cell, maxPromQL))
			case 2:
				fmt.Fprintf(b, ", for %s", p.text(cell, maxCell))
			}
		}
		b.WriteString("\n")
	}
}

func (p *promptText) table(b *strings.Builder, t *incident.Table) {
	if t == nil {
		return
	}
	row := func(cells []string) {
		for i, cell := range cells[:min(len(cells), maxColumns)] {
			if i > 0 {
				b.WriteString(" | ")
			}
			b.WriteString(p.text(cell, maxCell))
		}
		b.WriteString("\n")
	}
	b.WriteString("table: ")
	row(t.Columns)
	for _, cells := range t.Rows[:min(len(t.Rows), maxRows)] {
		b.WriteString("row: ")
		row(cells)
	}
	if n := len(t.Rows) - maxRows; n > 0 {
		fmt.Fprintf(b, "%d more rows are not shown\n", n)
	}
}

// courses writes where the leading lines of a chart turn: a number before and one after hide a ramp, a sawtooth and a flat top.
func (p *promptText) courses(b *strings.Builder, e incident.Evidence) {
	if e.Chart == nil {
		return
	}
	bounds := courseBoundsOf[e.Kind]
	for _, s := range e.Chart.Series[:min(len(e.Chart.Series), bounds.series)] {
		points := s.Course(bounds.most)
		if len(points) < bounds.least || e.Kind != incident.KindSignal && !wide(points) {
			continue
		}
		of := ""
		if e.Kind != incident.KindSignal && len(e.Chart.Series) > 1 {
			of = " of " + p.text(s.Name, maxCell)
		}
		if e.Kind == incident.KindSuspects && e.Chart.Unit == "%" { // 0 is before, 1 after
			of += " in % of its change"
			points = upward(points)
		}
		fmt.Fprintf(b, "course%s: %s\n", of, courseText(points, e.Chart.Unit))
	}
}

// wide reports whether points range widely enough to be more than noise that a moving average has made smooth.
func wide(points []incident.Point) bool {
	low, high := extremesOf(points)
	return high-low >= wideRange*max(math.Abs(low), math.Abs(high))
}

func extremesOf(points []incident.Point) (low, high float64) {
	low, high = points[0].Value, points[0].Value
	for _, point := range points {
		low, high = min(low, point.Value), max(high, point.Value)
	}
	return low, high
}

// upward turns the course of a fall around, to whole percents: what it falls to is 100 % of its change.
func upward(points []incident.Point) []incident.Point {
	low, high := extremesOf(points)
	sign := 1.
	if -low > high {
		sign = -1
	}
	out := slices.Clone(points)
	for i := range out {
		out[i].Value = math.Round(sign*100*out[i].Value)/100 + 0 // no -0
	}
	return out
}

// courseText writes the points of a course: the time of day, and the value in one unit for all.
func courseText(points []incident.Point, unit string) string {
	largest := 0.
	for _, point := range points {
		largest = max(largest, math.Abs(point.Value))
	}
	scale, name := 1., unit
	switch unit {
	case "%":
		scale = .01
	case "s":
		if largest < 1 {
			scale, name = .001, "ms"
		}
	case "bytes":
		prefixes := []string{"B", "KiB", "MiB", "GiB", "TiB"}
		i := 0
		for largest >= 1024*scale && i < len(prefixes)-1 {
			scale, i = scale*1024, i+1
		}
		name = prefixes[i]
	}
	parts := make([]string, len(points))
	for i, point := range points {
		parts[i] = point.At.UTC().Format("15:04") + " " + rounded(point.Value/scale)
	}
	return strings.TrimSpace(strings.Join(parts, ", ") + " " + name)
}

// rounded writes a number with three digits, and never with an exponent where people expect none.
func rounded(v float64) string {
	if math.Abs(v) >= 100 && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// lines writes excerpts of text, each of which stays one line.
func (p *promptText) lines(b *strings.Builder, lines []string) {
	for _, s := range lines[:min(len(lines), maxLines)] {
		fmt.Fprintf(b, "line: %s\n", p.text(s, maxLine))
	}
	if n := len(lines) - maxLines; n > 0 {
		fmt.Fprintf(b, "%d more lines are not shown\n", n)
	}
}

// nothings writes the items that found nothing as one line, and returns the others: a second message has many of them.
func (p *promptText) nothings(items []incident.Evidence) (line string, rest []incident.Evidence) {
	var parts []string
	for _, e := range items {
		if e.Nothing && !e.Failed && e.Table == nil && p.checks[e.ID].PromQL == "" {
			parts = append(parts, p.text(e.ID, 10)+": "+p.text(e.Summary, maxShort))
			continue
		}
		rest = append(rest, e)
	}
	if len(parts) == 0 {
		return "", rest
	}
	return "Nothing found: " + strings.Join(parts, " ") + "\n", rest
}

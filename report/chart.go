package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

//go:embed chart.svg.tmpl
var chartSource string

// html/template escapes for the place within the markup, which SVG shares with HTML.
var chartTemplate = template.Must(template.New("chart").Parse(chartSource))

const (
	maxSeries   = 8
	chartWidth  = 760.0
	chartTop    = 52.0
	chartPlot   = 214.0
	chartLeft   = 74.0
	chartRight  = chartWidth - 16
	chartBottom = chartTop + chartPlot
	charWidth   = 6.8 // of a Latin letter at 11 px, on the wide side; a Chinese one is not quite twice as wide
	// maxValue bounds what is drawn: beyond it a range could not be computed any more.
	maxValue = 1e300
)

// chartFile returns the name of the chart of an item of evidence, false when there is nothing to draw.
func chartFile(e incident.Evidence) (string, bool) {
	if e.Chart == nil || !evidenceID.MatchString(e.ID) {
		return "", false
	}
	for _, s := range e.Chart.Series {
		if slices.ContainsFunc(s.Points, drawable) {
			return e.ID + ".svg", true
		}
	}
	return "", false
}

func drawable(p incident.Point) bool {
	return !math.IsNaN(p.Value) && math.Abs(p.Value) <= maxValue && !p.At.IsZero()
}

// Chart returns the chart with the given file name, E2.svg for the evidence E2, as an SVG image of its own: no scripts,
// no references, light or dark as the reader prefers. It reports false when the findings have no such chart.
func (w *Writer) Chart(f incident.Findings, file string) (svg []byte, ok bool) {
	for _, e := range f.Evidence {
		if name, ok := chartFile(e); ok && name == file {
			var out bytes.Buffer
			e = w.rewritten(e)
			w.messages.tightenItem(&e)
			if err := chartTemplate.Execute(&out, w.messages.layout(e, w.zone)); err != nil {
				return nil, false
			}
			return out.Bytes(), true
		}
	}
	return nil, false
}

// px is a position in the drawing, written in tenths.
type px float64

// String implements fmt.Stringer.
func (p px) String() string { return strconv.FormatFloat(float64(p), 'f', 1, 64) }

// mark is a text at a place of the drawing, with what goes with it there.
type mark struct {
	X, Y, W, At, Text, TextX, TextY, MarkY px
	Label, Anchor, Stroke                  string
	Zero, Edge                             bool
}

type dot struct {
	X, Y px
	Fill string
}

type drawnLine struct {
	Stroke, Path string
	Dots         []dot
}

// drawing is what the template shows.
type drawing struct {
	Width, Height, Top, Plot, Left, Right, Bottom, LabelX, TimeY px

	Title, Heading, Desc, Range string
	XTicks, YTicks, Legend      []mark
	Lines                       []drawnLine
	Areas                       []string // paths of the band
	Limit, Firing               *mark
	from, to                    time.Time
	lo, hi                      float64
	unit                        scale
}

func (w *messages) layout(e incident.Evidence, zone *time.Location) *drawing {
	c := e.Chart
	d := &drawing{
		Width: chartWidth, Top: chartTop, Plot: chartPlot, Left: chartLeft, Right: chartRight,
		Bottom: chartBottom, LabelX: chartLeft - 6, TimeY: chartBottom + 17,
	}
	d.bounds(e, zone)
	d.Title = e.ID + w.ItemMark + oneLine(e.Title, titleRunes)
	d.Range = span(d.from, d.to)
	d.Heading = fit(d.Title, (chartRight-30-textWidth(d.Range)*charWidth)/(charWidth*14/11))
	for i := range d.YTicks {
		d.YTicks[i].Label = w.tight(d.YTicks[i].Label)
	}
	d.Desc = fmt.Sprintf(w.ChartDesc, len(c.Series), d.Range)
	if summary := oneLine(e.Summary, lineRunes); summary != "" {
		d.Desc += w.Stop + w.Gap + summary
	}
	drawn := c.Series[:min(len(c.Series), maxSeries)]
	d.Areas = d.areas(c.Band)
	for i, s := range drawn {
		d.Lines = append(d.Lines, d.line(s, i))
	}
	if t := c.Threshold; t != nil && math.Abs(*t) <= maxValue {
		d.limit(fmt.Sprintf(w.ChartThreshold, w.number(*t, c.Unit)), *t)
	}
	d.firing(c.Firing, w.ChartFiring)
	d.legend(drawn, c.Band, len(c.Series)-len(drawn), w.ChartMore)
	return d
}

// bounds finds the ranges of both axes and their ticks.
func (d *drawing) bounds(e incident.Evidence, zone *time.Location) {
	d.from, d.to = e.Start.In(zone), e.End.In(zone)
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, s := range e.Chart.Series[:min(len(e.Chart.Series), maxSeries)] {
		for _, p := range s.Points {
			if !drawable(p) {
				continue
			}
			lo, hi = min(lo, p.Value), max(hi, p.Value)
			if at := p.At.In(zone); d.from.IsZero() || at.Before(d.from) {
				d.from = at
			}
			if at := p.At.In(zone); at.After(d.to) {
				d.to = at
			}
		}
	}
	if d.to.Sub(d.from) < time.Second { // a single point
		d.from, d.to = d.from.Add(-5*time.Minute), d.to.Add(5*time.Minute)
	}
	if t := e.Chart.Threshold; t != nil && math.Abs(*t) <= maxValue {
		lo, hi = min(lo, *t), max(hi, *t)
	}
	lo, hi = widened(lo, hi, e.Chart.Band)
	if lo > hi { // only series that are not drawn have points
		lo, hi = 0, 1
	}
	if spread := hi - lo; spread == 0 || spread > 0.25*max(math.Abs(lo), math.Abs(hi)) {
		lo, hi = min(lo, 0), max(hi, 0) // zero tells how large a change is, unless it would hide it
	}
	if hi-lo < 1e-300 { // equal, or too near to each other for steps between them
		hi = lo + 1
	}
	d.unit = scaleFor(e.Chart.Unit, max(math.Abs(lo), math.Abs(hi)))
	values, step := ticks(lo, hi, d.unit.factor, 5)
	d.lo, d.hi = withRoom(lo, hi, values[0], values[len(values)-1])
	for _, v := range values {
		zero := math.Abs(v) < step/2
		d.YTicks = append(d.YTicks, mark{At: d.y(v), Text: d.y(v) + 4, Label: d.unit.label(v, step), Zero: zero})
	}
	times, layout := timeTicks(d.from, d.to)
	for _, t := range times {
		d.XTicks = append(d.XTicks, mark{At: d.x(t), Label: t.Format(layout)})
	}
}

// withRoom widens the axis where a line would run along its edge; zero is an edge of its own.
func withRoom(lo, hi, first, last float64) (from, to float64) {
	room := 0.05 * (last/2 - first/2) * 2
	from, to = first, last
	if lo != 0 && lo-first < room/2 {
		from -= room
	}
	if hi != 0 && last-hi < room/2 {
		to += room
	}
	return from, to
}

func (d *drawing) x(t time.Time) px {
	return px(chartLeft + (chartRight-chartLeft)*(float64(t.Sub(d.from))/float64(d.to.Sub(d.from))))
}

func (d *drawing) y(v float64) px {
	return px(chartTop + chartPlot*(d.hi/2-v/2)/(d.hi/2-d.lo/2)) // halves, so that nothing overflows
}

// line draws a series: pieces between gaps, and a dot where a piece is a single point.
func (d *drawing) line(s incident.Series, i int) drawnLine {
	line := drawnLine{Stroke: "k" + strconv.Itoa(i)}
	var path strings.Builder
	var piece []incident.Point
	flush := func() {
		if len(piece) == 1 {
			line.Dots = append(line.Dots, dot{d.x(piece[0].At), d.y(piece[0].Value), "f" + strconv.Itoa(i)})
			piece = piece[:0]
		}
		for n, p := range piece {
			path.WriteByte("ML"[min(n, 1)])
			path.WriteString(d.x(p.At).String() + " " + d.y(p.Value).String())
		}
		piece = piece[:0]
	}
	for _, p := range s.Points {
		if !drawable(p) {
			flush()
			continue
		}
		if n := len(piece); n > 0 && s.Step > 0 && p.At.Sub(piece[n-1].At) > s.Step*3/2 {
			flush()
		}
		piece = append(piece, p)
	}
	flush()
	line.Path = path.String()
	return line
}

func (d *drawing) limit(label string, v float64) {
	d.Limit = &mark{At: d.y(v), X: chartRight - 4, Text: d.y(v) - 5, Label: label}
	if d.Limit.Text < chartTop+10 {
		d.Limit.Text = d.y(v) + 14
	}
}

// firing shades the span in which the alert fired, as far as it lies in the range.
func (d *drawing) firing(span *incident.TimeRange, label string) {
	if span == nil || span.Start.IsZero() || span.Start.After(d.to) || (!span.End.IsZero() && span.End.Before(d.from)) {
		return
	}
	from, to := span.Start, d.to
	if !span.End.IsZero() && span.End.Before(to) {
		to = span.End
	}
	edge := !from.Before(d.from)
	if !edge {
		from = d.from
	}
	d.Firing = &mark{
		X: d.x(from), W: max(d.x(to)-d.x(from), 1), Label: label, Edge: edge, Anchor: "start",
		TextX: d.x(from), TextY: chartTop - 5,
	}
	if d.Firing.TextX > chartRight-px(textWidth(label)*charWidth) {
		d.Firing.TextX, d.Firing.Anchor = chartRight, "end"
	}
}

// legend flows the names below the plot, as many in a row as fit, and makes room for them.
func (d *drawing) legend(series []incident.Series, band *incident.Band, more int, moreWords string) {
	x, y := px(14), px(chartBottom+42)
	add := func(label, stroke string) {
		width := px(textWidth(label)*charWidth + 40)
		if x > 14 && x+width > chartRight {
			x, y = 14, y+18
		}
		m := mark{X: x, Y: y, MarkY: y - 4, TextX: x + 20, Label: label, Stroke: stroke}
		if stroke == "" {
			m.TextX = x
		}
		d.Legend = append(d.Legend, m)
		x += width
	}
	for i, s := range series {
		if name := fit(text.OneLine(s.Name), (chartRight-40)/charWidth); name != "" {
			add(name, "k"+strconv.Itoa(i))
		}
	}
	if len(d.Areas) > 0 {
		add(fit(text.OneLine(band.Name), (chartRight-40)/charWidth), "band")
	}
	if more > 0 {
		add(fmt.Sprintf(moreWords, more), "")
	}
	d.Height = y + 14
}

// textWidth estimates the width of a text in Latin letters.
func textWidth(s string) float64 {
	width := 0.0
	for _, r := range s {
		width++
		if r >= 0x2e80 {
			width += 0.7
		}
	}
	return width
}

// fit cuts a text to a width in Latin letters.
func fit(s string, width float64) string {
	if textWidth(s) <= width {
		return s
	}
	used := 1.0
	for i, r := range s {
		if used += textWidth(string(r)); used > width {
			return strings.TrimRight(s[:i], " ") + "…"
		}
	}
	return s
}

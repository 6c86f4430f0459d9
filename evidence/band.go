package evidence

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/alertscribe/alertscribe/evidence/breakdown"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/text"
)

// bands knows what detection rules expect of series.
type bands interface {
	// Band returns the series behind an alert with what was expected of it, from one time to another; nil for an alert that is of
	// no detection rule.
	Band(ctx context.Context, alertLabels map[string]string, from, to time.Time) (*Band, error)
}

// Band is the series behind an alert of a detection rule.
type Band struct {
	Query    string        // of that series alone, in PromQL
	Interval time.Duration // between points
	Points   []BandPoint   // the oldest first
}

// BandPoint is a value and what was expected of it. A value that is missing is NaN, and so is a bound that is unknown; a bound
// that does not exist is infinite.
type BandPoint struct {
	At                            time.Time
	Value, Expected, Lower, Upper float64
	Score                         float64       // how unusual it is: an alert starts at 1
	OnceIn                        time.Duration // how rarely a healthy series is as unusual; 0 where nobody knows
	Since                         time.Time     // since when the series is anomalous; zero while it is not
}

// maxBandPoints is how many points of a band are drawn.
const maxBandPoints = 2 * windowSteps

// collectBands shows the series of detection rules with what was expected of them: of the anchors, and of an alert of each other
// name.
func (c *Collector) collectBands(ctx context.Context, inv *investigation) ([]incident.Evidence, error) {
	if c.options.Bands == nil {
		return nil, nil
	}
	type shown struct {
		*investigation
		whose string
	}
	all := []shown{{inv, inv.whose}}
	other := func(a incident.Alert, whose string) {
		x := *inv
		x.second = nil
		x.setAlert(a)
		x.setWindow()
		all = append(all, shown{&x, whose})
	}
	if inv.second != nil {
		other(*inv.second, toldApart(*inv.second, inv.alert))
	}
	for _, a := range inv.otherNamedAlerts() {
		other(a, text.Cut(a.Name(), 80))
	}
	var items []incident.Evidence
	var errs []error
	for _, one := range all {
		item, err := one.bandItem(ctx, c.options.Bands)
		if err != nil {
			errs = append(errs, err)
		}
		if item != nil {
			item.Title = inv.titleOf(item.Title, one.whose)
			items = append(items, *item)
		}
	}
	return items, errors.Join(errs...)
}

// bandItem shows the series of the alert looked at; nil where no detection rule is behind it, or nothing is known of that time.
func (inv *investigation) bandItem(ctx context.Context, known bands) (*incident.Evidence, error) {
	from, to := inv.start, inv.end
	if inv.until.After(to) {
		to = inv.until
	}
	band, err := known.Band(ctx, inv.alert.Labels, from, to)
	if err != nil || band == nil || len(band.Points) == 0 {
		return nil, err
	}
	d := inv.deviationOf(band)
	from, to = band.Points[0].At, d.last.At.Add(time.Second)
	item := &incident.Evidence{
		Title: inv.say(msgTitleBand), Summary: inv.summarizeBand(d), Query: band.Query, Start: from, End: to,
		Link: inv.link(band.Query, from, to), Table: inv.bandTable(d), Chart: inv.bandChart(d, band),
	}
	if p := d.peak; !d.gone && bounded(p.Value) && bounded(p.Expected) {
		item.Ranking = []incident.RankedSeries{{
			Labels: inv.targetLabels(), Score: min(max(0, p.Score), maxBandScore), Direction: breakdown.Direction(p.Expected, p.Value), Onset: d.since,
			Before: storable(p.Expected), After: storable(p.Value),
		}}
	}
	return item, nil
}

// maxBandScore bounds what is told of a score: more says nothing more.
const maxBandScore = 1000

// deviation is what is told of a band: when the alert's series became anomalous, and how far it went.
type deviation struct {
	unit  promql.Unit
	since time.Time // the first anomalous evaluation
	ended time.Time // the first one that was as expected again; zero while there is none
	peak  BandPoint // the most unusual one; of a series that is missing, the last one before
	last  BandPoint // the newest
	gone  bool      // its samples are missing
}

// deviationOf tells of the stretch of anomalous evaluations that the alert is about. Where the band, which is evaluated again, has
// none, it is the time for which the alert fired.
func (inv *investigation) deviationOf(b *Band) deviation {
	points := b.Points
	d := deviation{last: points[len(points)-1]}
	if e, err := promql.Parse(b.Query); err == nil {
		d.unit = promql.UnitOf(e)
	}
	first, end, found := inv.anomalousStretch(b)
	if found {
		d.since = points[end].Since
		if end+1 < len(points) {
			d.ended = points[end+1].At
		}
	} else {
		first, end = 0, len(points)-1
		for first < end && points[first].At.Before(inv.onset) {
			first++
		}
		for end > first && points[end].At.After(inv.until) {
			end--
		}
		d.since, d.ended = inv.onset, inv.ended
	}
	d.peak = peakOf(points[first:end+1], found)
	if d.gone = math.IsNaN(d.peak.Value); d.gone {
		for i := first; i >= 0 && math.IsNaN(d.peak.Value); i-- {
			d.peak = points[i]
		}
	}
	return d
}

// anomalousStretch returns the last stretch of anomalous evaluations that reaches into the time for which the alert fired.
func (inv *investigation) anomalousStretch(b *Band) (first, end int, found bool) {
	end = len(b.Points) - 1
	for end >= 0 && (b.Points[end].Since.IsZero() || b.Points[end].Since.After(inv.until)) {
		end--
	}
	if end < 0 || b.Points[end].At.Before(inv.fired.Add(-b.Interval)) {
		return 0, 0, false
	}
	first = end
	for first > 0 && b.Points[first-1].Since.Equal(b.Points[end].Since) {
		first--
	}
	return first, end, true
}

// peakOf returns the most unusual point; of an anomaly, on the side on which it began: the way back from a long one is far from what
// was expected by then, too. Points without a value count where there are no others.
func peakOf(points []BandPoint, anomaly bool) BandPoint {
	peak := points[0]
	for _, p := range points {
		switch {
		case math.IsNaN(p.Value):
		case math.IsNaN(peak.Value):
			peak = p
		case anomaly && (p.Value > p.Expected) != (peak.Value > peak.Expected):
		case p.Score > peak.Score:
			peak = p
		}
	}
	return peak
}

// bandTable shows what was expected and what was, at the times that the summary is about.
func (inv *investigation) bandTable(d deviation) *incident.Table {
	t := &incident.Table{Columns: []string{
		inv.say(msgWordSample), inv.say(msgWordTime), inv.say(msgWordValue), inv.say(msgWordExpected), inv.say(msgWordLower), inv.say(msgWordUpper),
	}}
	row := func(name message, p BandPoint) {
		cells := []string{inv.say(name), formatTime(p.At)}
		for _, v := range []float64{p.Value, p.Expected, p.Lower, p.Upper} {
			cells = append(cells, bandCell(d.unit, v))
		}
		t.Rows = append(t.Rows, cells)
	}
	if !d.gone {
		row(msgWordFurthest, d.peak)
	}
	if !d.last.At.Equal(d.peak.At) {
		row(msgWordNewest, d.last)
	}
	return t
}

func bandCell(u promql.Unit, v float64) string {
	if !bounded(v) {
		return "–"
	}
	return u.Format(v)
}

func bounded(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// bandChart draws the series with its band. Of many points the most unusual ones stay.
func (inv *investigation) bandChart(d deviation, b *Band) *incident.Chart {
	stride := (len(b.Points) + maxBandPoints - 1) / maxBandPoints
	step := b.Interval
	if stride > 1 {
		step *= time.Duration(2 * stride) // from the first of a stride to the last of the next
	}
	value := incident.Series{Name: inv.say(msgWordValue), Step: step}
	expected := incident.Series{Name: inv.say(msgWordExpected), Step: step}
	band := &incident.Band{Name: inv.say(msgWordBand), Step: step}
	for i := 0; i < len(b.Points); i += stride {
		p := furthest(b.Points[i:min(i+stride, len(b.Points))])
		at := p.At.UTC()
		value.Points = append(value.Points, incident.Point{At: at, Value: p.Value})
		expected.Points = append(expected.Points, incident.Point{At: at, Value: p.Expected})
		band.Lower = append(band.Lower, incident.Point{At: at, Value: p.Lower})
		band.Upper = append(band.Upper, incident.Point{At: at, Value: p.Upper})
	}
	return &incident.Chart{
		Unit: d.unit.Chart(), Series: []incident.Series{value, expected}, Band: band,
		Firing: &incident.TimeRange{Start: inv.fired, End: inv.ended},
	}
}

// furthest returns the point that is furthest from what was expected; one that is missing is further than any.
func furthest(points []BandPoint) BandPoint {
	most := points[0]
	for _, p := range points[1:] {
		if math.IsNaN(most.Value) {
			return most
		}
		if math.IsNaN(p.Value) || math.Abs(p.Value-p.Expected) > math.Abs(most.Value-most.Expected) {
			most = p
		}
	}
	return most
}

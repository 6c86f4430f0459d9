package evidence

import (
	"maps"
	"math"
	"strconv"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/score"
	"github.com/alertscribe/alertscribe/text"
)

func (inv *investigation) suspectTable(shown []*suspectGroup) *incident.Table {
	t := &incident.Table{Columns: []string{
		inv.say(msgWordOf), inv.say(msgWordLead), inv.say(msgWordBefore), inv.say(msgWordAfter), inv.say(msgWordSince), inv.say(msgWordDeviation),
		inv.say(msgWordNote), inv.say(msgWordAlso),
	}}
	for _, g := range shown[:min(len(shown), suspectRows)] {
		s := g.lead()
		after := s.format(inv, s.After)
		if s.ended {
			after = inv.say(msgNoteEnded)
		}
		also := inv.alsoText(g)
		if also == "" {
			also = "–"
		}
		t.Rows = append(t.Rows, []string{
			text.Cut(inv.ownerText(g), 100), text.Cut(g.seriesName(), 120), s.format(inv, s.Before), after, inv.onsetText(s), inv.sizeText(s.Score),
			text.Cut(inv.suspectNote(g), 120), text.Cut(also, 400),
		})
	}
	return t
}

// seriesName returns the leading series without what names its group.
func (g *suspectGroup) seriesName() string {
	labels := maps.Clone(g.lead().labels)
	if g.name != "" {
		delete(labels, g.label)
	}
	return promql.SeriesText(labels)
}

// sizeText writes a deviation with a word for it. How much more than enormous one is says only how quiet the past was.
func (inv *investigation) sizeText(deviation float64) string {
	if deviation >= enormousScore {
		return inv.say(msgOver, promql.FormatNumber(enormousScore), inv.say(sizeWords[0].word))
	}
	for _, size := range sizeWords {
		if deviation >= size.from {
			return strconv.FormatFloat(deviation, 'f', 1, 64) + inv.say(msgInBrackets, inv.say(size.word))
		}
	}
	return strconv.FormatFloat(deviation, 'f', 1, 64)
}

func (inv *investigation) suspectNote(g *suspectGroup) string {
	s := g.lead()
	var notes []string
	switch {
	case s.confident:
		notes = append(notes, inv.say(msgNoteSure))
	case s.seenBefore:
		notes = append(notes, inv.say(msgNoteUsual))
	case s.early:
		notes = append(notes, inv.say(msgNoteEarly, s.Lasted))
	default:
		notes = append(notes, inv.say(msgNoteUnsure))
	}
	if s.ownSignal {
		notes = append(notes, inv.say(msgNoteOwn))
	}
	if g.blamed != "" {
		notes = append(notes, inv.say(msgNoteBlamed, text.Cut(g.blamed, 40)))
	}
	if len(g.victims) > 0 {
		notes = append(notes, inv.say(msgNoteVictims, namesText(g.victims, inv.say(msgComma))))
	}
	return strings.Join(notes, inv.say(msgClauseMark))
}

// suspectChart draws the first few on one scale: 0 is the level before, 1 that of the change.
func (inv *investigation) suspectChart(shown []*suspectGroup, top *suspectGroup, g score.Grid) *incident.Chart {
	firing := &incident.TimeRange{Start: inv.fired, End: inv.ended}
	if s := top.lead(); !s.confident && !s.early || s.ended {
		return &incident.Chart{Unit: s.unit.Chart(), Series: []incident.Series{scaledLine(s, g, 0, 1)}, Firing: firing}
	}
	c := &incident.Chart{Unit: "%", Firing: firing}
	for _, group := range shown {
		if s := group.lead(); (s.confident || s.early) && !s.ended && s.After != s.Before && len(c.Series) < suspectCharts {
			c.Series = append(c.Series, scaledLine(s, g, s.Before, math.Abs(s.After-s.Before)))
		}
	}
	return c
}

func scaledLine(s *suspect, g score.Grid, zero, one float64) incident.Series {
	out := incident.Series{Name: text.Cut(promql.SeriesText(s.labels), 120), Step: g.Step}
	for i, v := range s.values {
		if !math.IsNaN(v) {
			out.Points = append(out.Points, incident.Point{At: g.At(i).UTC(), Value: (v - zero) / one})
		}
	}
	return out
}

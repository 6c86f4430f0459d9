package evidence

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/evidence/breakdown"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/text"
)

const (
	suspectRows   = 8
	suspectCharts = 4
	rankedNoise   = 5 // that many are ranked even if they are within noise
	leastRanked   = 1 // the score of those at least
	alsoMoved     = 3 // other series of a group that are told
	alsoNamed     = 3 // and that many more by name alone
)

// suspectsItem makes the item of evidence.
func (inv *investigation) suspectsItem(r suspectRanking) incident.Evidence {
	e := incident.Evidence{Title: inv.say(msgTitleSuspects), Start: r.grid.Start, End: r.grid.End()}
	ranked := rankedGroups(r.groups)
	shown := shownGroups(ranked)
	e.Ranking = rankingOf(ranked, shown)
	if top := leadingGroup(r.groups); top == nil {
		e.Summary = inv.say(msgSuspectsNoPast)
	} else {
		tabled := len(shown) > 0 && shown[0].lead().Score >= changedScore // else the summary says enough of what is no change
		e.Summary = inv.suspectSummary(r, top)
		if tabled {
			e.Summary += firstRow(inv, shown, top)
		}
		e.Summary += inv.summarizeQuiet(r)
		e.Query, e.Link = top.lead().query, inv.link(top.lead().query, r.grid.Start, r.grid.End())
		if tabled {
			e.Table = inv.suspectTable(shown)
		}
		e.Chart = inv.suspectChart(shown, top, r.grid)
	}
	if r.left > 0 {
		e.Summary += inv.say(msgLeftOut, r.left)
	}
	if r.sampled > 0 {
		e.Summary += inv.say(msgSampled, r.sampled)
	}
	if r.err != nil {
		e.Summary += inv.say(msgPartly, inv.explain(r.err))
	}
	return e
}

// rankingOf lists the series that lead groups, and after them the others that the table tells.
func rankingOf(ranked, shown []*suspectGroup) []incident.RankedSeries {
	out := make([]incident.RankedSeries, 0, len(ranked))
	for _, g := range ranked {
		out = append(out, g.lead().rankedSeries())
	}
	for i, g := range shown[:min(len(shown), suspectRows)] { // which are the first of the ranked
		for _, s := range g.besides()[:min(len(g.besides()), alsoMoved+alsoNamed)] {
			r := s.rankedSeries()
			r.Lead = i + 1
			out = append(out, r)
		}
	}
	return out
}

// rankedGroups bounds the ranking: what is out of the noise, and of the rest the first few, for who reads all of it.
func rankedGroups(groups []*suspectGroup) []*suspectGroup {
	var out []*suspectGroup
	for _, g := range groups {
		score := g.lead().Score
		if len(out) < maxRanked && (score >= changedScore || score >= leastRanked && len(out) < rankedNoise) {
			out = append(out, g)
		}
	}
	if len(out) == 0 && len(groups) > 0 {
		out = groups[:1]
	}
	return out
}

// shownGroups returns what people are shown: no noise but the closest to a change where there is nothing else.
func shownGroups(ranked []*suspectGroup) []*suspectGroup {
	out := slices.DeleteFunc(slices.Clone(ranked), func(g *suspectGroup) bool { return g.lead().Score < changedScore })
	if len(out) == 0 && len(ranked) > 0 {
		out = ranked[:1]
	}
	return out
}

// leadingGroup returns what to speak of first: not the alert's own signal if there is another, and sure if one is; nil
// for none.
func leadingGroup(groups []*suspectGroup) *suspectGroup {
	var best *suspectGroup
	most := 0
	for _, g := range groups {
		s := g.lead()
		worth := 1
		switch {
		case s.confident:
			worth += 4
		case s.early:
			worth += 2
		}
		if !s.ownSignal {
			worth++
		}
		if worth > most {
			best, most = g, worth
		}
	}
	return best
}

func (s *suspect) rankedSeries() incident.RankedSeries {
	r := incident.RankedSeries{
		Labels: s.labels, Score: s.Score, Onset: s.since.UTC(), Before: s.Before, After: s.After,
		Confidence: "low",
	}
	if s.confident {
		r.Confidence = "high"
	}
	r.Direction = s.direction()
	if s.ended {
		r.After = 0 // JSON has no NaN
	}
	return r
}

// direction says which way a series went; one that ended is gone.
func (s *suspect) direction() string {
	if s.ended {
		return "down"
	}
	return breakdown.Direction(s.Before, s.After)
}

// suspectSummary says what changed most, and what is known about the order.
func (inv *investigation) suspectSummary(r suspectRanking, top *suspectGroup) string {
	s := top.lead()
	name := text.Cut(promql.SeriesText(s.labels), 160)
	sure, early, values := 0, 0, 0
	for _, g := range r.groups {
		for _, s := range g.series {
			sure += boolToInt(s.confident)
			if s.early {
				early, values = early+1, max(values, s.Lasted)
			}
		}
	}
	targets := msgTargets
	if r.owners == 1 {
		targets = msgTarget
	}
	var b strings.Builder
	switch {
	case s.confident:
		b.WriteString(inv.say(msgSuspects, sure, r.judged, inv.ownerText(top), name, inv.suspectChange(s), inv.onsetText(s), inv.mostOfAll(r, s)))
	case s.early:
		b.WriteString(inv.say(msgEarlySuspects, early, r.judged, inv.ownerText(top), name, inv.suspectChange(s), inv.onsetText(s), values, inv.mostOfAll(r, s)))
	default:
		b.WriteString(inv.say(msgNoneChanged, r.judged, r.owners, inv.say(targets)) + inv.hazyOnsetText() + inv.closestText(s, name))
	}
	if s.confident || s.early {
		b.WriteString(inv.aboutTop(r, top))
	}
	b.WriteString(inv.familySentence(r.groups))
	if r.common != nil {
		phrase := msgCommonEnd
		if r.common.all {
			phrase = msgAllEnd
		}
		b.WriteString(inv.say(phrase, r.common.series, r.common.owners, formatTime(r.grid.At(r.common.at))+inv.say(msgGiveOrTake, inv.duration(lookback))))
	}
	return b.String()
}

// mostOfAll introduces what changed most; the alert's own signal may have changed more.
func (inv *investigation) mostOfAll(r suspectRanking, most *suspect) string {
	for _, g := range r.groups {
		for _, s := range g.series {
			if s.ownSignal && s.Score > most.Score && (s.confident || s.early) {
				return inv.say(msgBesideOwn)
			}
		}
	}
	return inv.say(msgMostOfAll)
}

// closestText says what comes closest to a change where nothing changed.
func (inv *investigation) closestText(s *suspect, name string) string {
	switch {
	case s.ended:
		return inv.say(msgClosestEnded, name, s.format(inv, s.Before), inv.onsetText(s))
	case s.format(inv, s.Before) == s.format(inv, s.After): // which says nothing
		return ""
	}
	return inv.say(msgClosest, name, s.format(inv, s.Before), s.format(inv, s.After), inv.onsetText(s))
}

// firstRow says why the first row is not what the summary speaks of.
func firstRow(inv *investigation, shown []*suspectGroup, top *suspectGroup) string {
	switch {
	case shown[0] == top:
		return ""
	case shown[0].lead().ownSignal:
		return inv.say(msgFirstRowOwn)
	}
	return inv.say(msgFirstRowUnsure)
}

// aboutTop says what the first one explains, by how much it leads, and what moved first. What else of it moved stands in its row.
func (inv *investigation) aboutTop(r suspectRanking, top *suspectGroup) string {
	var b strings.Builder
	if len(top.victims) > 0 {
		b.WriteString(inv.say(msgVictims, namesText(top.victims, inv.say(msgComma))))
	}
	if top.blamed != "" {
		b.WriteString(inv.say(msgBlamed, strconv.Quote(text.Cut(top.blamed, 80))))
	}
	for _, g := range r.groups {
		if g == top || g.lead().ownSignal || g.lead().Score < changedScore {
			continue
		}
		if times := min(top.lead().Score, enormousScore) / min(g.lead().Score, enormousScore); times >= 2 {
			b.WriteString(inv.say(msgLeads, promql.FormatNumber(math.Round(times)), inv.ownerText(g)))
		}
		break
	}
	return b.String() + inv.firstMoved(r.groups, top.lead())
}

// firstMoved says what moved first, where the onsets are further apart than they are uncertain.
func (inv *investigation) firstMoved(groups []*suspectGroup, top *suspect) string {
	var first *suspect // of the others
	for _, g := range groups {
		for _, s := range g.series {
			if (s.confident || s.early) && !s.ownSignal && s != top && s.group != top.group && (first == nil || s.At < first.At) {
				first = s
			}
		}
	}
	switch {
	case first == nil:
	case first.At+max(first.lagRows, top.lagRows) < top.At:
		way := msgDownward
		if first.direction() == "up" {
			way = msgUpward
		}
		return inv.say(msgFirstMoved, text.Cut(promql.SeriesText(first.labels), 160), inv.say(way), inv.onsetText(first))
	case top.At+max(first.lagRows, top.lagRows) < first.At:
		return inv.say(msgMovedFirst)
	}
	return ""
}

// familySentence says how the values of a label moved of which the alert's expression pins some.
func (inv *investigation) familySentence(groups []*suspectGroup) string {
	var parts []string
	label := ""
	for _, pinned := range []bool{false, true} { // what took its place first
		for _, g := range groups {
			for _, s := range g.series {
				if s.sibling == nil || s.sibling.pinned != pinned || s.Score < changedScore || len(parts) == 4 {
					continue
				}
				label = s.sibling.label
				parts = append(parts, text.Cut(s.sibling.value, 40)+" "+s.format(inv, s.Before)+" → "+s.format(inv, s.After))
			}
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return inv.say(msgFamily, label, strings.Join(parts, inv.say(msgComma)))
}

// ownerText names what a group is.
func (inv *investigation) ownerText(g *suspectGroup) string {
	if g.name == "" {
		return text.Cut(promql.SeriesText(g.lead().labels), 80)
	}
	return g.label + "=" + strconv.Quote(text.Cut(g.name, 80))
}

// onsetText tells when a change began, and how exactly that is known.
func (inv *investigation) onsetText(s *suspect) string {
	if s.lag <= 0 {
		return formatTime(s.since)
	}
	return formatTime(s.since) + inv.say(msgGiveOrTake, inv.duration(s.lag))
}

// alsoText lists what else of a group moved, by its metrics.
func (inv *investigation) alsoText(g *suspectGroup) string {
	var parts, names []string
	also := g.besides()
	told := map[string]bool{text.Cut(g.lead().labels[model.MetricNameLabel], 60): true}
	for i, s := range also {
		name := text.Cut(s.labels[model.MetricNameLabel], 60)
		if told[name] {
			name = text.Cut(s.familyName(), 90)
		}
		told[name] = true
		switch {
		case i < alsoMoved && s.ended:
			parts = append(parts, name+" "+s.format(inv, s.Before)+" → "+inv.say(msgNoteEnded))
		case i < alsoMoved:
			parts = append(parts, name+" "+s.format(inv, s.Before)+" → "+s.format(inv, s.After))
		case i < alsoMoved+alsoNamed:
			names = append(names, name)
		}
	}
	if more := len(also) - alsoMoved; more > 0 {
		if more > alsoNamed {
			names = append(names, "…")
		}
		parts = append(parts, inv.say(msgOthersMoved, more, strings.Join(names, inv.say(msgComma))))
	}
	return strings.Join(parts, inv.say(msgListMark))
}

// namesText lists a few names.
func namesText(names []string, comma string) string {
	var parts []string
	for _, name := range names[:min(len(names), 4)] {
		parts = append(parts, strconv.Quote(text.Cut(name, 60)))
	}
	out := strings.Join(parts, comma)
	if len(names) > 4 {
		out += "…"
	}
	return out
}

// format writes a value of a series with its unit. Processor time per second is cores.
func (s *suspect) format(inv *investigation, v float64) string {
	if s.unit.PerSecond && s.unit.Base == promql.UnitSeconds {
		if strings.Contains(s.labels["__name__"], "cpu") && !math.IsNaN(v) {
			return promql.FormatNumber(v) + inv.say(msgCores)
		}
		if !math.IsNaN(v) {
			return promql.FormatNumber(v) + " s/s"
		}
	}
	return s.unit.Format(v)
}

func (inv *investigation) suspectChange(s *suspect) string {
	before, after := s.format(inv, s.Before), s.format(inv, s.After)
	switch {
	case s.ended:
		return inv.say(msgEnded, before)
	case before == after:
		return inv.say(msgStays, before)
	case s.After > s.Before:
		return inv.say(msgRose, before, after, inv.foldText(s.Before, s.After))
	}
	return inv.say(msgFell, before, after, inv.foldText(s.Before, s.After))
}

// foldText says by what factor a value changed; nothing where there is none, as from zero.
func (inv *investigation) foldText(before, after float64) string {
	const most = 1000
	ratio := after / before
	switch {
	case before == 0 || ratio <= 0 || math.IsNaN(ratio) || before < 0:
		return ""
	case ratio > most:
		return inv.say(msgFoldOver, promql.FormatNumber(most))
	case ratio >= 9.5:
		return inv.say(msgFold, promql.FormatNumber(math.Round(ratio)))
	case ratio >= 1.95:
		return inv.say(msgFold, promql.FormatNumber(math.Round(ratio*10)/10))
	case ratio > 1:
		return inv.say(msgPercentMore, formatPercent(ratio-1))
	case ratio >= .01:
		return inv.say(msgDownTo, formatPercent(ratio))
	}
	return ""
}

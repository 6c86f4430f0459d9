package report

import (
	"maps"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
)

const (
	headRanked = 3    // of a ranking, at the top of the report
	headLabels = 3    // of a series with its name, from which on its job is left out there
	worthShare = 0.01 // of a change: less carries nothing
	// What is worth a line at the top where no share is known: what normal noise reaches once in a thousand times.
	telltaleScore = 3
)

// carriers names the label values that carry the change, with how much of it and from where to where.
func (p *page) carriers() string {
	i := p.itemOf(incident.KindDrilldown)
	if i < 0 {
		return ""
	}
	e := p.found.Evidence[i]
	if len(e.Ranking) == 1 && e.Ranking[0].Share == 0 && e.Ranking[0].Score > 0 { // the only one that there is carries nothing
		return ""
	}
	var parts []string
	for _, r := range e.Ranking {
		if len(parts) < headRanked && (r.Share >= worthShare || r.Share == 0 && r.Score >= telltaleScore) {
			part := rankedLabels(r.Labels)
			if r.Share > 0 {
				part += " " + p.w.number(r.Share, "%")
			}
			parts = append(parts, part+p.fromTo(r, unitOf(e)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, " · ") + " " + p.cite([]string{e.ID})
}

// movers names what else changed, in the order in which it began.
func (p *page) movers() string {
	i := p.itemOf(incident.KindSuspects)
	if i < 0 {
		return ""
	}
	e := p.found.Evidence[i]
	first := slices.DeleteFunc(slices.Clone(e.Ranking), func(r incident.RankedSeries) bool {
		return r.Lead > 0 || r.Confidence == "low" || r.Onset.IsZero() || r.Score < telltaleScore
	})
	slices.SortStableFunc(first, func(a, b incident.RankedSeries) int { return a.Onset.Compare(b.Onset) })
	shown := commonLabels(p.principal()) // above
	var parts []string
	for _, r := range first[:min(len(first), headRanked)] {
		own := maps.Clone(r.Labels)
		maps.DeleteFunc(own, func(name, value string) bool { return shown[name] == value && value != "" })
		if _, named := own["__name__"]; named && len(own) > headLabels {
			delete(own, "job") // the others tell more; it is in the evidence
		}
		parts = append(parts, rankedLabels(own)+" "+named(p.w.Directions, r.Direction)+" "+p.clock(r.Onset))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, " · ") + " " + p.cite([]string{e.ID})
}

// fromTo says what a value was and has become, where that is known.
func (p *page) fromTo(r incident.RankedSeries, unit string) string {
	if r.Before == 0 && r.After == 0 {
		return ""
	}
	return strings.Replace(p.w.Aside, "%s", p.w.number(r.Before, unit)+" → "+p.w.number(r.After, unit), 1)
}

func unitOf(e incident.Evidence) string {
	if e.Chart == nil {
		return ""
	}
	return e.Chart.Unit
}

// mostTelling names what to look at first, and the evidence that says so: what carries most of the change, else what moved
// first; "" where nothing stands out.
func (p *page) mostTelling() (name, cited string) {
	if i := p.itemOf(incident.KindDrilldown); i >= 0 {
		if e := p.found.Evidence[i]; len(e.Ranking) > 0 && e.Ranking[0].Share >= 0.5 {
			return rankedLabels(e.Ranking[0].Labels), e.ID
		}
	}
	if i := p.itemOf(incident.KindSuspects); i >= 0 {
		if e := p.found.Evidence[i]; len(e.Ranking) > 0 && e.Ranking[0].Score >= telltaleScore && e.Ranking[0].Confidence != "low" {
			return rankedLabels(e.Ranking[0].Labels), e.ID
		}
	}
	return "", ""
}

// others is what people said, and the incidents that this one has to do with.
func (p *page) others() {
	if len(p.related())+len(p.found.Memory) == 0 && !p.moreFeedback() {
		return
	}
	p.heading(p.w.Others)
	p.feedback()
	p.para(p.storm())
	p.memory()
}

package report

import (
	"fmt"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
)

// timeline writes what happened when, repeats summed up.
func (p *page) timeline() {
	p.heading(p.w.Timeline)
	inc := p.inc
	var items []string
	if incident.ValidID(inc.Predecessor) {
		before := p.toIncident(code(inc.Predecessor, labelRunes), inc.Predecessor, "")
		items = append(items, fmt.Sprintf(p.w.Predecessor, before))
	}
	for _, e := range inc.Timeline {
		items = append(items, at(e.At)+p.w.Colon+p.event(e))
	}
	p.list(items)
	var totals []string
	for _, t := range []struct {
		n    int
		word string
	}{{inc.Repeats, p.w.Repeats}, {inc.LatePeers, p.w.Late}, {inc.Flaps, p.w.Flaps}} {
		if t.n > 0 {
			totals = append(totals, fmt.Sprintf(t.word, t.n))
		}
	}
	p.para(strings.Join(totals, " · "))
}

func (p *page) event(e incident.Event) string {
	parts := []string{"**" + named(p.w.Events, e.Kind) + "**"}
	if e.Count > 1 {
		parts = append(parts, fmt.Sprintf(p.w.EventTimes, e.Count))
		if e.Until.After(e.At) {
			parts = append(parts, fmt.Sprintf(p.w.EventUntil, at(e.Until)))
		}
	}
	switch e.Kind {
	case incident.EventDrafted, incident.EventAnalyzed, incident.EventFeedback, incident.EventRepeated,
		incident.EventChanged, incident.EventAsked:
		return strings.Join(parts, p.w.Comma) // the number of alerts has not changed
	default:
	}
	for _, c := range []struct {
		n    int
		word string
	}{{e.Joined, p.w.EventJoined}, {e.Ended, p.w.EventEnded}, {e.Left, p.w.EventLeft}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf(c.word, c.n))
		}
	}
	return strings.Join(append(parts, fmt.Sprintf(p.w.EventFiring, e.Firing)), p.w.Comma)
}

// footer says which words are a model's, which model's, and at what cost; or that no model was involved.
func (p *page) footer() {
	p.out.WriteString("---\n\n")
	spend, v := p.inc.Spend, p.found.Verdict
	but := ""
	if len(p.inc.Feedback)+len(p.found.Memory) > 0 {
		but = p.w.NotOurs
	}
	switch {
	case v != nil:
		p.para(fmt.Sprintf(p.w.ByAI, cell(code(v.Model, labelRunes)), at(v.At)), but, p.modelTimes(), p.spent(spend))
	case spend.Calls > 0:
		p.para(p.w.FailedAI, but, p.spent(spend))
	default:
		p.para(p.w.NoAI, but)
	}
	id := code(p.inc.ID, labelRunes)
	if p.site != "" {
		id = p.link(id, p.site+"/reports/"+p.inc.ID)
	}
	p.para(fmt.Sprintf(p.w.Generated, escaped(p.version, labelRunes), at(p.now), id))
}

// modelTimes says whose clock a model goes by, where the report shows another one.
func (p *page) modelTimes() string {
	if zoneName(p.now) == "UTC" {
		return ""
	}
	return p.w.ModelTimes
}

func (p *page) spent(s incident.Spend) string {
	cost := p.w.CostNot
	if s.Cost > 0 {
		cost = usd(s.Cost)
	}
	return fmt.Sprintf(p.w.Spent, s.Calls, thousands(s.Prompt), thousands(s.Cached), thousands(s.Completion), cost)
}

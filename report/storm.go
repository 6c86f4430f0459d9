package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
)

// storm says in one line that other incidents of the same scope opened with this one, and links to them.
func (p *page) storm() string {
	related := p.related()
	if len(related) == 0 {
		return ""
	}
	format, many := p.w.Storm, p.w.StormMany
	if len(related) == 1 {
		format = p.w.NotAlone // two are no storm
	}
	if len(related) >= incident.MaxRelated {
		many = p.w.StormLeast
	}
	line := fmt.Sprintf(format, code(p.inc.Scope, labelRunes), count(len(related), p.w.StormOne, many), p.w.duration(incident.StormWindow))
	shared := sharedSeverity(related)
	if shared != "" {
		line += fmt.Sprintf(p.w.AllSevere, escaped(shared, labelRunes))
	}
	line += p.w.Colon + p.incidents(related[:min(len(related), maxRows)], shared == "")
	if more := len(related) - maxRows; more > 0 {
		line += " · " + fmt.Sprintf(p.w.MoreRows, more)
	}
	return line
}

// sharedSeverity is the severity that several incidents all have, which is then said once; "" for none.
func sharedSeverity(related []incident.RelatedIncident) string {
	if len(related) < 2 {
		return ""
	}
	for _, r := range related {
		if r.Severity != related[0].Severity {
			return ""
		}
	}
	return related[0].Severity
}

// related returns the other incidents of the storm, the most severe first, by the default order of severities.
func (p *page) related() []incident.RelatedIncident {
	if len(p.inc.Related) == 0 {
		return nil
	}
	rules := incident.DefaultPolicy()
	related := slices.Clone(p.inc.Related)
	slices.SortStableFunc(related, func(a, b incident.RelatedIncident) int {
		if c := cmp.Compare(rules.Rank(a.Severity), rules.Rank(b.Severity)); c != 0 {
			return c
		}
		return a.OpenedAt.Compare(b.OpenedAt)
	})
	return related[:min(len(related), incident.MaxRelated)]
}

func (p *page) incidents(links []incident.RelatedIncident, severities bool) string {
	var out []string
	for _, l := range links {
		name := cmp.Or(escaped(l.Alertname, labelRunes), p.w.UnknownAlertname)
		about := []string{p.moment(l.OpenedAt)}
		if severities {
			about = []string{escaped(l.Severity, labelRunes), p.moment(l.OpenedAt)}
		}
		about = slices.DeleteFunc(about, func(s string) bool { return s == "" })
		out = append(out, p.toIncident(name, l.ID, l.ReportPath)+fmt.Sprintf(p.w.Aside, strings.Join(about, p.w.Comma)))
	}
	return strings.Join(out, " · ")
}

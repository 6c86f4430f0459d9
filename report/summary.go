package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
)

// head writes what the person on call reads first: what is wrong, since when, how bad, who carries it and where to go.
func (p *page) head() {
	p.out.WriteString("# " + p.name() + "\n\n")
	p.para(p.statusLine())
	p.para(p.figuresLine())
	p.para(p.stateLine())
	p.list(p.headFeedback())
	p.para(p.summary()...)
	p.signalChart()
	p.list(p.keyPoints())
	p.para(strings.Join(p.groupLinks(), " · "))
}

// signalChart draws the alert's own signal.
func (p *page) signalChart() {
	if i := p.itemOf(incident.KindSignal); i >= 0 {
		p.chart(p.found.Evidence[i])
	}
}

// itemOf returns the place of the first item of a kind that found something; -1 for none. Of partial answers, a signal is shown and no
// ranking counts: who comes first in it is not known.
func (p *page) itemOf(kind incident.EvidenceKind) int {
	return slices.IndexFunc(p.found.Evidence, func(e incident.Evidence) bool {
		return e.Kind == kind && !e.Failed && !e.Nothing && !e.Earlier && (len(e.Partial) == 0 || kind == incident.KindSignal)
	})
}

// keyPoints are who carries the change, what moved first and, where no model has said it, what to do first.
func (p *page) keyPoints() []string {
	var items []string
	point := func(name, text string) {
		if text != "" {
			items = append(items, "**"+name+"**"+p.w.Colon+text)
		}
	}
	point(p.w.Carries, p.carriers())
	point(p.w.MovedFirst, p.movers())
	if p.found.Verdict == nil || p.found.Verdict.Prose != "" {
		point(p.w.DoFirst, p.firstStep())
	}
	return items
}

// name is the title of the report.
func (p *page) name() string {
	if name := escaped(p.inc.Alertname, titleRunes); name != "" {
		return name
	}
	return p.w.UnknownAlertname
}

// statusLine says how things stand, how bad it is, since when, and how much of it there is.
func (p *page) statusLine() string {
	inc := p.inc
	since := at(inc.StartedAt)
	when := fmt.Sprintf(p.w.Since, since, p.w.duration(p.now.Sub(inc.StartedAt)), p.moment(p.now))
	switch inc.Status {
	case incident.Resolved:
		when = fmt.Sprintf(p.w.Ended, since, p.clock(inc.ResolvedAt), p.w.duration(inc.ResolvedAt.Sub(inc.StartedAt)))
	case incident.Stale:
		when = fmt.Sprintf(p.w.LastHeard, since, p.clock(inc.LastHeardAt))
	case incident.Firing:
	}
	parts := []string{"**" + strings.ToUpper(named(p.w.Statuses, inc.Status)) + "**", p.severity(), when}
	firing := len(inc.Firing())
	if firing > 0 && inc.TotalAlerts() > 1 { // else the state says it
		parts = append(parts, count(firing, p.w.FiringCount, p.w.FiringCount))
	}
	if ended := inc.TotalAlerts() - firing; ended > 0 && inc.TotalAlerts() > 1 {
		parts = append(parts, count(ended, p.w.ResolvedCount, p.w.ResolvedCount))
	}
	if inc.Truncated > 0 {
		parts = append(parts, fmt.Sprintf(p.w.HiddenCount, inc.Truncated))
	}
	parts = append(parts, labelCells(commonLabels(p.principal()), nil))
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · ")
}

// principal returns the alerts that the report is about: those that fire, or all where none does.
func (p *page) principal() []incident.Alert {
	if firing := p.inc.Firing(); len(firing) > 0 {
		return firing
	}
	return p.inc.Alerts
}

// summary is one paragraph: the verdict's where there is one, else the facts.
func (p *page) summary() []string {
	switch v := p.found.Verdict; {
	case v == nil:
		return []string{p.facts()}
	case v.Prose != "":
		summary := []string{p.facts(), p.w.ProseBelow}
		if marks := p.worded(v.Marks); ofStrangers(v.Marks) {
			summary = append(summary, "⚠ "+marks[0])
		}
		return summary
	default:
		summary := []string{p.prose(v.Summary, longRunes)}
		if marks := p.worded(v.Marks); ofStrangers(v.Marks) { // the gravest is first
			summary = append(summary, "⚠ "+p.w.OfSummary+p.w.Colon+marks[0])
		}
		return appendIf(summary, v.InsufficientEvidence, "⚠ "+p.w.Insufficient)
	}
}

// facts is what the alert says of itself in one sentence.
func (p *page) facts() string {
	for _, a := range p.principal() {
		if summary := escaped(firstOf(a.Annotations, "summary", "message", "description"), lineRunes); summary != "" {
			return p.sentence(summary)
		}
	}
	return ""
}

// stateLine says in one plain line how the analysis stands where it is not complete.
func (p *page) stateLine() string {
	a := p.inc.Analysis
	var line string
	switch {
	case a.State == incident.Complete, p.abandoned() && a.Drafted == a.Wanted: // the latter says itself that it is unverified
		return ""
	case a.State == incident.Pending:
		line = p.pending()
	case p.wentStale():
		line = p.w.WentStale
	default:
		line = named(p.w.Reasons, a.Reason)
	}
	opening := p.w.NoAnalysis
	switch {
	case p.draft():
		opening = p.w.Draft
	case p.found.Verdict != nil:
		opening = p.w.OldAnalysis
	case a.State == incident.Pending:
		opening = ""
	}
	if opening != "" {
		line = "**" + opening + "**" + p.w.Colon + line
	}
	if tellsMore(a) && !p.wentStale() {
		line = p.w.join(line, p.lastError(a.Detail))
	}
	return line
}

// lastError quotes what went wrong last, in the words that came with it.
func (p *page) lastError(detail string) string {
	if detail = escaped(detail, lineRunes); detail == "" {
		return ""
	}
	return fmt.Sprintf(p.w.LastError, p.sentence(detail))
}

// wentStale reports whether the analysis was given up because nothing was heard of the alert any longer, with no attempt that
// had failed.
func (p *page) wentStale() bool {
	a := p.inc.Analysis
	return p.inc.Status == incident.Stale && a.State == incident.EvidenceOnly && a.Reason == incident.GaveUp && a.Attempts == 0
}

// pending says what is being waited for.
func (p *page) pending() string {
	a := p.inc.Analysis
	var parts []string
	parts = appendIf(parts, p.draft(), p.w.DraftPending)
	parts = appendIf(parts, a.Attempts == 0 && !p.draft(), p.w.PendingFirst)
	if a.Attempts > 0 {
		parts = append(parts, fmt.Sprintf(p.w.PendingAgain, a.Attempts))
		if p.inc.Due[incident.WorkAnalysis].After(p.now) {
			parts = append(parts, fmt.Sprintf(p.w.NextAttempt, p.clock(p.inc.Due[incident.WorkAnalysis])))
		}
	}
	return p.w.join(parts...)
}

// tellsMore reports whether the detail of a failure says what the reason alone does not.
func tellsMore(a incident.Analysis) bool {
	return a.Reason != incident.NoKey && a.Reason != incident.Skipped
}

// firstStep is what to do first where no model has said it: what the runbook says, else a look at the most telling fact.
func (p *page) firstStep() string {
	if url := p.runbook(); url != "" {
		return p.link(p.withHost(p.w.RunbookFirst, url), url) + p.w.Stop
	}
	if said := escaped(p.runbookText(), lineRunes); said != "" {
		return fmt.Sprintf(p.w.RunbookSays, p.sentence(said))
	}
	if name, cited := p.mostTelling(); name != "" {
		return fmt.Sprintf(p.w.LookAt, name, p.cite([]string{cited}))
	}
	return p.w.LookFirst
}

// sentence ends a text that has no end of its own.
func (p *page) sentence(s string) string {
	if s == "" || strings.ContainsAny(s[len(s)-1:], ".!?") || strings.HasSuffix(s, "。") || strings.HasSuffix(s, "…") {
		return s
	}
	return s + p.w.Stop
}

func firstOf(m map[string]string, names ...string) string {
	for _, name := range names {
		if m[name] != "" {
			return m[name]
		}
	}
	return ""
}

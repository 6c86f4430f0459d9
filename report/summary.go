package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
)

// head writes what the person on call reads first: what is wrong, since when, how bad, why, and what to do.
func (p *page) head() {
	p.out.WriteString("# " + p.name() + "\n\n")
	p.para(p.statusLine())
	p.para(p.figuresLine())
	p.list(p.headFeedback())
	p.para(p.summary()...)
	p.para(p.storm())
	p.para(p.stateLine())
	p.list(p.keyPoints())
}

// keyPoints is the likely cause, with what our checks found wrong with it, and the first thing to do.
func (p *page) keyPoints() []string {
	v := p.found.Verdict
	if v == nil {
		return []string{"**" + p.w.DoFirst + "**" + p.w.Colon + p.firstStep()}
	}
	var items []string
	if len(v.Causes) > 0 {
		c := v.Causes[0]
		item := "**" + p.w.LikelyCause + "**" + fmt.Sprintf(p.w.Aside, p.causeStatus(c)) + p.w.Colon + p.prose(c.Hypothesis, lineRunes)
		items = append(items, p.warned(strings.TrimSpace(item+" "+p.citations(c)), p.marks(c)))
	}
	if len(v.Actions) > 0 {
		a := v.Actions[0]
		item := "**" + p.w.DoFirst + "**" + fmt.Sprintf(p.w.Aside, p.risk(a.Risk)) + p.w.Colon + p.prose(a.Step, lineRunes)
		items = append(items, p.warned(item, p.worded(a.Marks)))
	}
	return items
}

// warned adds marks to a line, as many as the top of a report has room for.
func (p *page) warned(line string, marks []string) string {
	for _, mark := range marks[:min(len(marks), headMarks)] {
		line += " ⚠ " + mark
	}
	if more := len(marks) - headMarks; more > 0 {
		line += " ⚠ " + fmt.Sprintf(p.w.MoreRows, more)
	}
	return line
}

const headMarks = 3

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
	when := fmt.Sprintf(p.w.Since, at(inc.StartedAt), p.w.duration(p.now.Sub(inc.StartedAt)), p.now.Format("15:04:05"))
	switch inc.Status {
	case incident.Resolved:
		when = fmt.Sprintf(p.w.Ended, at(inc.StartedAt), at(inc.ResolvedAt), p.w.duration(inc.ResolvedAt.Sub(inc.StartedAt)))
	case incident.Stale:
		when = fmt.Sprintf(p.w.LastHeard, at(inc.StartedAt), at(inc.LastHeardAt))
	case incident.Firing:
	}
	parts := []string{"**" + strings.ToUpper(named(p.w.Statuses, inc.Status)) + "**", p.severity(), when}
	firing := len(inc.Firing())
	if firing > 0 {
		parts = append(parts, count(firing, p.w.FiringCount, p.w.FiringCount))
	}
	if ended := inc.TotalAlerts() - firing; ended > 0 {
		parts = append(parts, count(ended, p.w.ResolvedCount, p.w.ResolvedCount))
	}
	if inc.Truncated > 0 {
		parts = append(parts, fmt.Sprintf(p.w.HiddenCount, inc.Truncated))
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · ")
}

// summary is one paragraph: the verdict's where there is one, else the facts and the most telling evidence.
func (p *page) summary() []string {
	switch v := p.found.Verdict; {
	case v == nil:
		return []string{p.facts(), p.mostTelling()}
	case v.Prose != "":
		return []string{p.facts(), p.mostTelling(), p.w.ProseBelow}
	default:
		summary := []string{p.prose(v.Summary, longRunes)}
		if marks := p.worded(v.Marks); fromAlertText(v.Marks) { // the gravest is first
			summary = append(summary, "⚠ "+p.w.OfSummary+p.w.Colon+marks[0])
		}
		return appendIf(summary, v.InsufficientEvidence, "⚠ "+p.w.Insufficient)
	}
}

// facts says in one sentence how much fires and since when, and what the alert itself says about it.
func (p *page) facts() string {
	inc := p.inc
	firing := inc.Firing()
	var said string
	switch {
	case len(firing) == 0:
		said = fmt.Sprintf(p.w.EndedAlerts, inc.TotalAlerts())
	case inc.Status == incident.Stale:
		said = fmt.Sprintf(p.w.StaleAlerts, len(firing))
	case len(firing) == 1:
		said = p.w.OneAlert
	default:
		said = fmt.Sprintf(p.w.ManyAlerts, len(firing))
	}
	alerts := firing
	if len(alerts) == 0 {
		alerts = inc.Alerts
	}
	for _, a := range alerts {
		if summary := escaped(firstOf(a.Annotations, "summary", "message", "description"), lineRunes); summary != "" {
			return said + p.w.Colon + p.sentence(summary)
		}
	}
	return said + p.w.Stop
}

// mostTelling is what the evidence says in two lines at most: the alert's own signal, and what carries the change; where
// neither is known, the item with the largest deviation.
func (p *page) mostTelling() string {
	var lines []string
	for _, kind := range []incident.EvidenceKind{incident.KindSignal, incident.KindDrilldown, incident.KindSuspects} {
		i := slices.IndexFunc(p.found.Evidence, func(e incident.Evidence) bool {
			return e.Kind == kind && !e.Failed && !e.Earlier && (kind == incident.KindSignal || telling(e.Ranking))
		})
		if i >= 0 && len(lines) < 2 {
			e := p.found.Evidence[i]
			lines = append(lines, p.sentence(p.prose(e.Summary, lineRunes))+" "+p.cite([]string{e.ID}))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return p.w.MostTelling + p.w.Colon + strings.Join(lines, " ")
}

// telling reports whether a ranking has a first that stands out: most of the change, or far from its past.
func telling(ranking []incident.RankedSeries) bool {
	return len(ranking) > 0 && (ranking[0].Share >= telltaleShare || ranking[0].Score >= telltaleScore)
}

// What is worth a line at the top: half of the change, or what normal noise reaches once in a thousand times.
const (
	telltaleShare = 0.5
	telltaleScore = 3
)

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
		line += p.lastError(a.Detail)
	}
	return line
}

// lastError quotes what went wrong last, in the words that came with it.
func (p *page) lastError(detail string) string {
	if detail = escaped(detail, lineRunes); detail == "" {
		return ""
	}
	return " " + fmt.Sprintf(p.w.LastError, p.sentence(detail))
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
			parts = append(parts, fmt.Sprintf(p.w.NextAttempt, at(p.inc.Due[incident.WorkAnalysis])))
		}
	}
	return strings.Join(parts, " ")
}

// tellsMore reports whether the detail of a failure says what the reason alone does not.
func tellsMore(a incident.Analysis) bool {
	return a.Reason != incident.NoKey && a.Reason != incident.Skipped
}

// firstStep is what to do first where no model has said it.
func (p *page) firstStep() string {
	if url := p.runbook(); url != "" {
		return p.link(p.w.RunbookFirst, url) + p.w.Stop
	}
	if said := escaped(p.runbookText(), lineRunes); said != "" {
		return fmt.Sprintf(p.w.RunbookSays, p.sentence(said))
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

package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
)

const (
	maxCauses = 3
	maxItems  = 12  // of lists that a model fills
	markRunes = 200 // of what a mark quotes: a command should be seen whole
)

// causes writes the ranked causes, each with its citations, what would disprove it, and what our checks found wrong.
func (p *page) causes() {
	v := p.found.Verdict
	if v == nil {
		return
	}
	p.heading(p.w.Causes)
	if seen := p.verification(); seen != nil && seen.Reason == "" {
		p.para(p.writtenBy(v), p.verified())
	} else { // what is not verified is a line of its own
		p.para(p.writtenBy(v))
		p.para(p.verified())
	}
	if v.Prose != "" {
		p.quote(v)
		return
	}
	for _, mark := range p.worded(v.Marks) {
		p.para("⚠ " + p.w.OfSummary + p.w.Colon + mark)
	}
	if len(v.Causes) == 0 {
		p.para(p.w.NoCauses)
	}
	for i, c := range v.Causes[:min(len(v.Causes), maxCauses)] {
		p.cause(i+1, c)
	}
	if more := len(v.Causes) - maxCauses; more > 0 {
		p.para(fmt.Sprintf(p.w.MoreRows, more))
	}
}

// writtenBy says whose words the causes are, and what kind of trouble they take it for.
func (p *page) writtenBy(v *incident.Verdict) string {
	var judged, since string
	if v.Prose == "" {
		judged = fmt.Sprintf(p.w.Judged, named(p.w.Categories, v.Category), named(p.w.Severities, v.Severity))
	}
	if v.Generation < p.inc.Generation {
		since = p.w.ChangedSince
	}
	return p.w.join(fmt.Sprintf(p.w.CausesFrom, p.clock(v.At), cell(code(v.Model, labelRunes))), judged, since)
}

func (p *page) cause(n int, c incident.Cause) {
	marker := strconv.Itoa(n) + ". "
	p.out.WriteString(marker + strong(p.prose(c.Hypothesis, lineRunes)) + "\n")
	indent := strings.Repeat(" ", len(marker)) + "- "
	cited := p.citations(c)
	if cited == "" {
		cited = p.w.NoCitations
	}
	line := indent + p.causeStatus(c) + " · " + p.w.Citations + p.w.Colon + cited
	if c.Confidence > 0 {
		line += " · " + p.w.Checked + p.w.Colon + p.w.number(c.Confidence, "%")
	}
	p.out.WriteString(line + "\n")
	if disproof := p.prose(c.Disproof, lineRunes); disproof != "" {
		p.out.WriteString(indent + p.w.Disproof + p.w.Colon + disproof + "\n")
	}
	for _, mark := range p.marks(c) {
		p.out.WriteString(indent + "⚠ " + mark + "\n")
	}
	p.out.WriteString("\n")
}

// citations links to the evidence that a cause cites.
func (p *page) citations(c incident.Cause) string {
	return p.cite(c.Evidence[:min(len(c.Evidence), maxItems)])
}

// marks words what the checks found wrong with a cause; a citation of evidence that this report lacks is marked even
// where the check ran over other evidence.
func (p *page) marks(c incident.Cause) []string {
	marks := slices.Clone(c.Marks)
	for _, id := range c.Evidence[:min(len(c.Evidence), maxItems)] {
		if !p.known[id] {
			marks = append(marks, incident.Mark{Kind: incident.MarkUnknownEvidence, Text: id})
		}
	}
	if len(c.Evidence) == 0 {
		marks = append(marks, incident.Mark{Kind: incident.MarkUncited})
	}
	return p.worded(marks)
}

// severeMarks are the kinds of marks that may mean an intent or an error, not only that something was not found.
var severeMarks = []incident.MarkKind{incident.MarkFromAlertText, incident.MarkFromFeedback, incident.MarkWrongDirection}

// worded words marks, each once, the gravest first.
func (p *page) worded(marks []incident.Mark) []string {
	marks = slices.Clone(marks)
	rank := func(m incident.Mark) int {
		if i := slices.Index(severeMarks, m.Kind); i >= 0 {
			return i
		}
		return len(severeMarks)
	}
	slices.SortStableFunc(marks, func(a, b incident.Mark) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Text, b.Text))
	})
	var out []string
	for _, m := range marks {
		if words := p.mark(m); !slices.Contains(out, words) && len(out) < maxItems {
			out = append(out, words)
		}
	}
	return out
}

// mark words one finding of our checks.
func (p *page) mark(m incident.Mark) string {
	if m.Kind == incident.MarkUncited {
		return p.w.MarkUncited
	}
	if format, known := p.w.Marks[m.Kind]; known {
		return fmt.Sprintf(format, excerpt(m.Text, markRunes))
	}
	return fmt.Sprintf(p.w.MarkOther, escaped(string(m.Kind), labelRunes), escaped(m.Text, lineRunes))
}

// quote writes an answer that was not in the agreed form, labeled as what it is, behind what our checks found wrong with it.
func (p *page) quote(v *incident.Verdict) {
	p.para("⚠ " + p.w.ProseLabel)
	for _, mark := range p.worded(v.Marks) {
		p.para("⚠ " + mark)
	}
	blank := func(s string) bool { return strings.TrimSpace(s) == "" }
	lines := slices.DeleteFunc(cleanLines(v.Prose, proseRunes), blank) // each is a paragraph of its own
	for _, line := range lines {
		p.out.WriteString(strings.TrimRight("> "+p.prose(line, longRunes), " ") + "\n>\n")
	}
	p.out.WriteString("\n")
}

// actions writes what to do, in order. A command stays in a code block.
func (p *page) actions() {
	v := p.found.Verdict
	if v == nil || v.Prose != "" {
		return // what to do first is said at the top
	}
	p.heading(p.w.Actions)
	if len(v.Actions) == 0 {
		p.para(p.w.NoActions)
	}
	for i, a := range v.Actions[:min(len(v.Actions), maxItems)] {
		marker := strconv.Itoa(i+1) + ". "
		p.out.WriteString(marker + strong(p.prose(a.Step, lineRunes)) + fmt.Sprintf(p.w.Risk, p.risk(a.Risk)) + "\n")
		p.action(strings.Repeat(" ", len(marker)), a)
	}
}

// action writes what belongs to a step. A command whose step is marked has a warning of its own, right where a hand would
// copy it from.
func (p *page) action(indent string, a incident.Action) {
	for _, mark := range p.worded(a.Marks) {
		p.out.WriteString(indent + "- ⚠ " + mark + "\n")
	}
	if why := p.prose(a.Why, lineRunes); why != "" {
		p.out.WriteString(indent + "- " + p.w.Why + p.w.Colon + why + "\n")
	}
	p.out.WriteString("\n")
	if strings.TrimSpace(a.Command) == "" {
		return
	}
	if len(a.Marks) > 0 {
		warning := p.w.PasteMarked
		switch {
		case hasMark(a.Marks, incident.MarkFromAlertText):
			warning = p.w.PasteForeign
		case hasMark(a.Marks, incident.MarkFromFeedback):
			warning = p.w.PasteSaid
		}
		p.lines(indent, []string{"⚠ " + warning})
	}
	p.lines(indent, fence("sh", a.Command, codeRunes))
}

func hasMark(marks []incident.Mark, kind incident.MarkKind) bool {
	return slices.ContainsFunc(marks, func(m incident.Mark) bool { return m.Kind == kind })
}

// ofStrangers reports whether marks say that something comes from people whom nobody has checked.
func ofStrangers(marks []incident.Mark) bool {
	return hasMark(marks, incident.MarkFromAlertText) || hasMark(marks, incident.MarkFromFeedback)
}

// risk words the risk of an action, with a warning sign where it can do harm or is not known.
func (p *page) risk(risk string) string {
	name := named(p.w.Risks, risk)
	if risk == "read-only" || risk == "reversible" {
		return name
	}
	return "⚠ **" + cell(name) + "**"
}

// prevention writes what would keep it from coming again, where the model said so.
func (p *page) prevention() {
	v := p.found.Verdict
	if v == nil || len(v.Prevention) == 0 {
		return
	}
	p.heading(p.w.Prevention)
	p.list(p.proses(v.Prevention))
}

func (p *page) proses(list []string) []string {
	var out []string
	for _, s := range list[:min(len(list), maxItems)] {
		if s = p.prose(s, lineRunes); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// gaps writes what is not known: what the model missed, what could not be looked up, and what partial answers lack.
func (p *page) gaps() {
	p.heading(p.w.Gaps)
	var items []string
	if v := p.found.Verdict; v != nil {
		if v.InsufficientEvidence {
			items = append(items, "⚠ "+p.w.Insufficient)
		}
		for _, s := range p.proses(v.MissingEvidence) {
			items = append(items, p.w.GapMissing+p.w.Colon+s)
		}
	}
	for _, e := range p.found.Evidence {
		if e.Failed {
			items = append(items, p.w.GapFailed+p.w.Colon+escaped(e.Title, titleRunes)+fmt.Sprintf(p.w.Aside, p.cite([]string{e.ID}))+
				p.w.Colon+escaped(e.Summary, lineRunes))
		}
	}
	items = append(items, p.partialAnswers()...)
	if len(items) == 0 {
		p.para(p.w.NoGaps)
	}
	p.list(items)
}

// partialAnswers says once what each server said of its partial answers, with the items that are made from them.
func (p *page) partialAnswers() []string {
	type said struct{ server, reason string }
	var order []said
	ids := map[said][]string{}
	for _, e := range p.found.Evidence {
		for _, reason := range e.Partial {
			s := said{e.Server, reason}
			if ids[s] == nil {
				order = append(order, s)
			}
			ids[s] = append(ids[s], e.ID)
		}
	}
	var out []string
	for _, s := range order {
		server := ""
		if s.server != "" {
			server = "Prometheus " + escaped(s.server, titleRunes) + p.w.Colon
		}
		out = append(out, p.w.GapPartial+p.w.Colon+server+escaped(s.reason, lineRunes)+fmt.Sprintf(p.w.Aside, p.cite(ids[s])))
	}
	return out
}

func strong(s string) string {
	if s == "" {
		return "–"
	}
	return "**" + s + "**"
}

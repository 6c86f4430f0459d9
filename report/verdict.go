package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
)

// Bounds of lists that a model fills.
const maxItems = 12

// causes writes the ranked causes, each with its citations, what would disprove it, and what our checks found wrong.
func (p *page) causes() {
	p.heading(p.Causes)
	v := p.found.Verdict
	if v == nil {
		p.para(p.NoVerdict)
		return
	}
	from := fmt.Sprintf(p.CausesFrom, at(v.At), cell(code(v.Model, labelRunes)))
	if v.Generation < p.inc.Generation {
		from += " " + p.ChangedSince
	}
	if v.Prose != "" {
		p.para(from)
		p.quote(v.Prose)
		return
	}
	p.para(fmt.Sprintf(p.Judged, named(p.Categories, v.Category), named(p.Severities, v.Severity)), from)
	for _, m := range v.Marks[:min(len(v.Marks), maxItems)] {
		p.para("⚠ " + p.OfSummary + p.Colon + p.mark(m))
	}
	if len(v.Causes) == 0 {
		p.para(p.NoCauses)
	}
	for i, c := range v.Causes[:min(len(v.Causes), maxItems)] {
		p.cause(i+1, c)
	}
	p.checks(v.Checks)
}

func (p *page) cause(n int, c incident.Cause) {
	marker := strconv.Itoa(n) + ". "
	p.out.WriteString(marker + strong(p.prose(c.Hypothesis, lineRunes)) + "\n")
	indent := strings.Repeat(" ", len(marker)) + "- "
	cited := p.citations(c)
	if cited == "" {
		cited = p.NoCitations
	}
	line := indent + named(p.Likelihoods, c.Likelihood) + " · " + p.Citations + p.Colon + cited
	if c.Confidence > 0 {
		line += " · " + p.Checked + p.Colon + number(c.Confidence, "%")
	}
	p.out.WriteString(line + "\n")
	if disproof := p.prose(c.Disproof, lineRunes); disproof != "" {
		p.out.WriteString(indent + p.Disproof + p.Colon + disproof + "\n")
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
	var marks []string
	for _, id := range c.Evidence[:min(len(c.Evidence), maxItems)] {
		if p.anchors[id] == "" {
			marks = append(marks, p.mark(incident.Mark{Kind: incident.MarkUnknownEvidence, Text: id}))
		}
	}
	if len(c.Evidence) == 0 {
		marks = append(marks, p.MarkUncited)
	}
	for _, m := range c.Marks[:min(len(c.Marks), maxItems)] {
		marks = append(marks, p.mark(m))
	}
	slices.Sort(marks)
	return slices.Compact(marks)
}

// mark words one finding of our checks.
func (p *page) mark(m incident.Mark) string {
	if m.Kind == incident.MarkUncited {
		return p.MarkUncited
	}
	if format, known := p.Marks[m.Kind]; known {
		return fmt.Sprintf(format, code(m.Text, labelRunes))
	}
	return fmt.Sprintf(p.MarkOther, text(string(m.Kind), labelRunes), text(m.Text, lineRunes))
}

func (p *page) checks(checks []incident.Check) {
	if len(checks) == 0 {
		return
	}
	p.para(strings.TrimSpace(p.CauseChecks + p.Colon))
	for _, c := range checks[:min(len(checks), maxItems)] {
		p.out.WriteString("- " + p.Refutes + p.Colon + cell(p.prose(c.WouldRefute, lineRunes)) + "\n\n")
		p.lines("  ", fence("promql", c.PromQL, codeRunes))
	}
}

// quote writes an answer that was not in the agreed form, labelled as what it is.
func (p *page) quote(prose string) {
	p.para("⚠ " + p.ProseLabel)
	for _, line := range cleanLines(prose, proseRunes) {
		p.out.WriteString(strings.TrimRight("> "+p.prose(line, longRunes), " ") + "\n>\n")
	}
	p.out.WriteString("\n")
}

// actions writes what to do, in order. A command stays in a code block.
func (p *page) actions() {
	p.heading(p.Actions)
	v := p.found.Verdict
	if v == nil {
		p.para(p.firstStep())
		return
	}
	if len(v.Actions) == 0 {
		p.para(p.NoActions)
	}
	for i, a := range v.Actions[:min(len(v.Actions), maxItems)] {
		marker := strconv.Itoa(i+1) + ". "
		p.out.WriteString(marker + strong(p.prose(a.Step, lineRunes)) + " — " + p.Risk + p.Colon + p.risk(a.Risk) + "\n")
		indent := strings.Repeat(" ", len(marker))
		if why := p.prose(a.Why, lineRunes); why != "" {
			p.out.WriteString(indent + "- " + p.Why + p.Colon + why + "\n")
		}
		p.out.WriteString("\n")
		if strings.TrimSpace(a.Command) != "" {
			p.lines(indent, fence("sh", a.Command, codeRunes))
		}
	}
}

// risk words the risk of an action, with a warning sign where it can do harm or is not known.
func (p *page) risk(risk string) string {
	name := named(p.Risks, risk)
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
	p.heading(p.Prevention)
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

// gaps writes what is not known: what the model missed, and what could not be looked up.
func (p *page) gaps() {
	p.heading(p.Gaps)
	var items []string
	if v := p.found.Verdict; v != nil {
		if v.InsufficientEvidence {
			items = append(items, "⚠ "+p.Insufficient)
		}
		for _, s := range p.proses(v.MissingEvidence) {
			items = append(items, p.GapMissing+p.Colon+s)
		}
	}
	for _, e := range p.found.Evidence {
		if e.Failed {
			items = append(items, p.GapFailed+p.Colon+text(e.Title, titleRunes)+" "+p.cite([]string{e.ID}))
		}
	}
	if len(items) == 0 {
		p.para(p.NoGaps)
	}
	p.list(items)
}

func strong(s string) string {
	if s == "" {
		return "–"
	}
	return "**" + s + "**"
}

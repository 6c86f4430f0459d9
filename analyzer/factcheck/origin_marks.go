package factcheck

import (
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// isOrigin reports whether a mark says where something comes from.
func isOrigin(kind incident.MarkKind) bool {
	return kind == incident.MarkFromAlertText || kind == incident.MarkFromFeedback
}

// countOrigin counts what comes from strangers, unless a mark says so already.
func (t *tally) countOrigin(kind incident.MarkKind, part string) {
	if part == "" || slices.ContainsFunc(t.marks, func(m incident.Mark) bool { return m.Kind == kind && strings.Contains(folded(m.Text), folded(part)) }) {
		return
	}
	t.count(false, kind, part)
}

// markOrigins marks what texts have from strangers alone: addresses, commands between backticks, and what they order or claim.
func (x *evidenceIndex) markOrigins(t *tally, texts ...string) {
	for _, s := range texts {
		if s = text.CutBytes(s, maxFieldBytes); s == "" {
			continue
		}
		x.countLinks(t, s)
		said := heard(s)
		for _, o := range x.strangers.origins {
			for _, a := range o.strangeAddresses(said, false) {
				t.countOrigin(o.kind, a)
			}
			for _, code := range codeForm.FindAllStringSubmatch(s, maxTried) {
				x.countCommand(t, o, code[1])
			}
			t.countOrigin(o.kind, o.echoed(said))
		}
	}
}

// countCommand counts a command within a text. One word between backticks may be the name of anything.
func (x *evidenceIndex) countCommand(t *tally, o *origin, code string) {
	if part := o.command(heard(code)); strings.ContainsAny(strings.TrimSpace(code), " |;&${<>(\n") || slices.ContainsFunc(shellWords(folded(code)), isChanging) {
		t.countOrigin(o.kind, part)
	}
}

func isChanging(word string) bool { return changing[word] }

// markCommand marks what a command has from strangers alone.
func (x *evidenceIndex) markCommand(t *tally, command string) {
	if command = text.CutBytes(command, maxFieldBytes); command == "" {
		return
	}
	x.countLinks(t, command)
	said := heard(command)
	for _, o := range x.strangers.origins {
		for _, a := range o.strangeAddresses(said, true) {
			t.countOrigin(o.kind, a)
		}
		t.countOrigin(o.kind, o.command(said))
	}
}

// markQuery marks what the strings of a proposed query have from strangers, label values that it selects by left out.
func (x *evidenceIndex) markQuery(t *tally, query string) {
	for _, literal := range quotedForm.FindAllString(text.CutBytes(query, maxFieldBytes), maxTried) {
		if literal = literal[1 : len(literal)-1]; !x.strangers.own.names[strings.ToLower(literal)] {
			x.markOrigins(t, literal)
		}
	}
}

// countLinks counts addresses that strangers have named, and those that stand nowhere in the alerts' text, of which only the latter may hold.
func (x *evidenceIndex) countLinks(t *tally, s string) {
	strange, unknown := x.strangers.links(s)
	for _, o := range x.strangers.origins {
		for _, link := range strange[o.kind] {
			t.countOrigin(o.kind, link)
		}
	}
	for _, link := range unknown {
		t.count(x.names.has(link, true), incident.MarkNameNotFound, link)
	}
}

// marksOfProse marks an answer that could not be read as a verdict: each line as a sentence, and those of a block of code as commands.
func (x *evidenceIndex) marksOfProse(prose string) []incident.Mark {
	t := new(tally)
	found := parseClaims(prose)
	x.countMentions(t, found)
	x.countNumbers(t, found, x.all)
	x.countNames(t, found.names, false)
	code := false
	for line := range strings.SplitSeq(prose, "\n") {
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, "```") || strings.HasPrefix(trimmed, "~~~") {
			code = !code
			continue
		}
		if command, typed := strings.CutPrefix(trimmed, "$ "); code || typed {
			x.markCommand(t, command)
		}
		x.markOrigins(t, line)
	}
	x.markOrigins(t, prose) // what is split over lines
	return t.marks
}

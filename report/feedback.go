package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/alertscribe/alertscribe/incident"
)

// Bounds of what people said and of what is remembered.
const (
	maxHeadFeedback = 3
	maxRemembered   = 3 // the evidence on past incidents lists more
	maxMemoryWords  = 2 // remarks on one earlier incident
)

// newest returns at most n remarks, the newest first.
func newest(said []incident.Feedback, n int) []incident.Feedback {
	said = slices.Clone(said[max(len(said)-n, 0):])
	slices.Reverse(said)
	return said
}

// headFeedback is what people said last, for the top of the report: it outranks what a model thinks.
func (p *page) headFeedback() []string {
	var items []string
	for _, f := range newest(p.inc.Feedback, maxHeadFeedback) {
		items = append(items, p.remark(f, p.prose(f.Text, lineRunes)))
	}
	return items
}

// moreFeedback reports whether people said more than the top of the report has room for.
func (p *page) moreFeedback() bool {
	long := func(f incident.Feedback) bool { return utf8.RuneCountInString(f.Text) > lineRunes }
	return len(p.inc.Feedback) > maxHeadFeedback || slices.ContainsFunc(p.inc.Feedback, long)
}

// feedback lists in whole what people said about this incident, where the top of the report has not done so already.
func (p *page) feedback() {
	if !p.moreFeedback() {
		return
	}
	p.out.WriteString("### " + p.w.Feedback + "\n\n")
	var items []string
	for _, f := range newest(p.inc.Feedback, len(p.inc.Feedback)) {
		items = append(items, p.remark(f, p.prose(f.Text, incident.MaxFeedbackText)))
	}
	p.list(items)
}

// remark words what a person said; the text is escaped already.
func (p *page) remark(f incident.Feedback, said string) string {
	who := cmp.Or(escaped(f.By, labelRunes), p.w.Somebody)
	return fmt.Sprintf(p.w.FeedbackBy, named(p.w.FeedbackKinds, f.Kind), who, p.clock(f.At)) + p.quoted(said)
}

func (p *page) quoted(said string) string {
	if said == "" {
		return ""
	}
	return p.w.Colon + "“" + said + "”"
}

// memory writes what is remembered of earlier incidents of the same kind, labeled as what it is. Ids of evidence in it are
// those of other reports, and no links.
func (p *page) memory() {
	if len(p.found.Memory) == 0 {
		return
	}
	heading := p.w.Memory
	if n := len(p.found.Memory); n > maxRemembered {
		heading = fmt.Sprintf(p.w.MemoryOf, maxRemembered, n)
	}
	p.out.WriteString("### " + heading + "\n\n")
	var which, said []string // in step: incidents of which the same is known are one item
	for _, r := range p.found.Memory[:min(len(p.found.Memory), maxRemembered)] {
		when, known := p.recollection(r)
		if i := slices.Index(said, known); i >= 0 {
			which[i] += " · " + when
			continue
		}
		which, said = append(which, when), append(said, known)
	}
	for i, known := range said {
		p.out.WriteString("- " + which[i] + " · " + known + "\n")
	}
	p.out.WriteString("\n")
}

// recollection returns which earlier incident it is, and what is known of it: what people said first, then what a model thought.
func (p *page) recollection(r incident.PastIncident) (which, known string) {
	about := []string{fmt.Sprintf(p.w.Likeness, p.w.number(r.Similarity, "%"))}
	if r.ResolvedAt.After(r.StartedAt) {
		about = append([]string{fmt.Sprintf(p.w.Lasted, p.w.duration(r.ResolvedAt.Sub(r.StartedAt)))}, about...)
	}
	which = p.toIncident(toMinute(r.StartedAt), r.Incident, r.ReportPath) + fmt.Sprintf(p.w.Aside, strings.Join(about, p.w.Comma))
	var parts []string
	corrected := false
	for _, f := range newest(r.Feedback, maxMemoryWords) {
		corrected = corrected || f.Kind == incident.Correct && f.Text != ""
		parts = append(parts, fmt.Sprintf(p.w.SaidBy, named(p.w.FeedbackKinds, f.Kind), cmp.Or(escaped(f.By, labelRunes), p.w.Somebody))+
			p.quoted(escaped(f.Text, lineRunes)))
	}
	said := escaped(r.Hypothesis, lineRunes)
	switch {
	case corrected: // a person knew better
	case said == "":
		parts = append(parts, p.w.NoHypothesis)
	default:
		parts = append(parts, p.w.Hypothesis+p.quoted(said))
		parts = appendIf(parts, len(r.Feedback) == 0, p.w.Unreviewed)
		parts = appendIf(parts, r.Marked, "⚠ "+p.w.Doubted)
	}
	return which, strings.Join(parts, " · ")
}

package channel

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/alertscribe/alertscribe/text"
)

// content is a message in its language, cut, and not yet in any markup.
type content struct {
	title string
	tags  string // what tells the incident apart, how much fires, how long it lasted
	lines []labeled
	link  labeled
}

type labeled struct{ label, text string }

// budgets are how many characters each text of a message may have, tried in this order until the message fits. Small
// messages begin further down.
var budgets = []int{600, 300, 150, 80, 40, 20}

const smallBudget = 2 // index

const (
	maxTags       = 4
	maxTagRunes   = 60
	maxTitleRunes = 100
)

// fitted renders a message with ever less text until its size is within the limit. Cutting comes before markup, so that no
// markup is left open; the link to the rest is never cut.
func fitted(d Delivery, limit int, size func(string) int, render func(content) string) string {
	from := 0
	if d.Small {
		from = smallBudget
	}
	out := ""
	for _, budget := range budgets[from:] {
		if out = render(d.Message.content(budget)); size(out) <= limit {
			break
		}
	}
	return out
}

func bytesOf(s string) int { return len(s) }

func runesOf(s string) int { return utf8.RuneCountInString(s) }

// content lays a message out, with so many characters for each text.
func (m *Message) content(budget int) content {
	w := wordsOf(m.Language)
	c := content{title: m.title(w, min(maxTitleRunes, 2*budget)), tags: m.tags(w, budget)}
	add := func(label, value string, mark Mark) {
		if value = text.Cut(text.OneLine(value), budget); value == "" {
			return
		}
		if mark != Unmarked {
			value += " " + w.marks[mark]
		}
		c.lines = append(c.lines, labeled{label, value})
	}
	add(w.summary, m.Summary, Unmarked)
	cause := w.cause
	if word := w.likelihoods[m.Likelihood]; word != "" {
		cause += fmt.Sprintf(w.aside, word)
	}
	add(cause, m.Cause, m.CauseMark)
	add(w.action, m.Action, m.ActionMark)
	if m.NoAnalysis != "" && m.Cause == "" {
		add(w.noAnalysis, cmp.Or(w.reasons[m.NoAnalysis], string(m.NoAnalysis)), Unmarked)
	}
	if m.ReportURL != "" {
		c.link = labeled{w.report, m.ReportURL}
	}
	return c
}

// title says how bad it is, what it is, and how it stands.
func (m *Message) title(w *words, n int) string {
	return m.heading(w, n) + " " + cmp.Or(w.statuses[m.Status], string(m.Status))
}

// heading is the title without how it stands.
func (m *Message) heading(w *words, n int) string {
	severity := cmp.Or(w.severities[m.Severity], text.Cut(text.OneLine(m.Severity), 20), "-")
	return fmt.Sprintf(w.heading, severity, text.Cut(cmp.Or(text.OneLine(m.Alertname), "-"), n))
}

// tags is one line of what tells the incident apart: the labels of its group first, then those that its alerts share.
func (m *Message) tags(w *words, budget int) string {
	var tags []string
	seen := map[string]bool{"alertname": true, "severity": true}
	for _, set := range []map[string]string{m.Group, m.Labels} {
		for _, name := range slices.Sorted(maps.Keys(set)) {
			if len(tags) == maxTags {
				break
			}
			value := text.Cut(text.OneLine(set[name]), min(maxTagRunes, budget))
			if seen[name] || value == "" {
				continue
			}
			seen[name] = true
			tags = append(tags, text.Cut(text.OneLine(name), maxTagRunes)+"="+value)
		}
	}
	if m.Firing > 1 {
		tags = append(tags, fmt.Sprintf(w.count, m.Firing))
	}
	if m.over() && m.ResolvedAt.After(m.StartedAt) {
		tags = append(tags, fmt.Sprintf(w.lasted, w.duration(m.ResolvedAt.Sub(m.StartedAt))))
	}
	return strings.Join(tags, " · ")
}

// markup is how a service writes text.
type markup struct {
	escape func(string) string
	bold   func(string) string // of what is escaped
	link   func(label, url string) string
	line   string // what ends a line
}

// body renders all but the title.
func (k markup) body(c content, colon string) string {
	var lines []string
	if c.tags != "" {
		lines = append(lines, k.escape(c.tags))
	}
	for _, l := range c.lines {
		lines = append(lines, k.bold(k.escape(l.label))+k.escape(colon)+k.escape(l.text))
	}
	if c.link.text != "" {
		lines = append(lines, k.link(c.link.label, c.link.text))
	}
	return strings.Join(lines, k.line)
}

// whole renders the title and all else.
func (k markup) whole(c content, colon string) string {
	return k.bold(k.escape(c.title)) + k.line + k.body(c, colon)
}

// unencoded returns a text for a header that readers decode by RFC 2047: what a stranger has encoded stays as it is written, or
// it would bring line breaks and invisible characters past us.
func unencoded(s string) string { return strings.ReplaceAll(s, "=?", "=？") }

func (m *Message) colon() string { return wordsOf(m.Language).colon }

// plain is text without markup.
var plain = markup{
	escape: func(s string) string { return s },
	bold:   func(s string) string { return s },
	link:   func(label, url string) string { return label + ": " + url },
	line:   "\n",
}

// PlainText returns the message without markup, as services show it that have none.
func (m *Message) PlainText() string { return plain.whole(m.content(budgets[0]), m.colon()) }

package report

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alertscribe/alertscribe/incident"
)

// Bounds of untrusted text, in runes. The store and the analyzer have bounds of their own; these keep a page readable.
const (
	titleRunes = 160
	lineRunes  = 600
	longRunes  = 3000
	labelRunes = 80
	codeRunes  = 4000
	proseRunes = 20000
)

// page is one report while it is being written.
type page struct {
	w         *messages
	inc       *incident.Incident
	found     incident.Findings
	now       time.Time
	version   string
	site      string // our own external URL, "" when unknown
	servers   Servers
	chartBase string

	out     bytes.Buffer
	known   map[string]bool   // the ids of the evidence
	anchors map[string]string // the heading's id of each item of evidence that is shown
	links   []string
	linkAt  map[string]int
}

// Markdown returns the report: front matter, text, and links as reference definitions at the end. Charts are named as
// chartBase/E2.svg. It never fails and gives the same bytes for the same arguments and the same second.
func (w *Writer) Markdown(inc *incident.Incident, f incident.Findings, chartBase string) []byte {
	f.Evidence = inLanguage(w.messages, f.Evidence)
	inc, f = w.inZone(inc, f)
	p := &page{
		w: w.messages, inc: inc, found: f, now: w.now().In(w.zone).Truncate(time.Second), version: w.version, site: w.site,
		servers: w.servers, chartBase: chartBase, known: map[string]bool{}, anchors: map[string]string{}, linkAt: map[string]int{},
	}
	cited := p.cited()
	for _, e := range f.Evidence {
		if evidenceID.MatchString(e.ID) {
			p.known[e.ID] = true
			if cited[e.ID] || !e.Failed && !e.Nothing {
				p.anchors[e.ID] = slug(w.messages.evidenceHeading(e))
			}
		}
	}
	p.out.Write(p.frontMatter())
	p.head()
	p.causes()
	p.actions()
	p.others()
	p.evidence()
	p.timeline()
	p.prevention()
	p.gaps()
	p.footer()
	p.definitions()
	return p.out.Bytes()
}

// para writes a paragraph, or nothing when it is empty.
func (p *page) para(parts ...string) {
	if joined := p.w.join(parts...); joined != "" {
		p.out.WriteString(joined + "\n\n")
	}
}

// join puts sentences behind each other, those that are there. Full-width punctuation takes no space; behind a letter or a
// sign of ASCII there is one all the same.
func (w *messages) join(parts ...string) string {
	var out strings.Builder
	for _, part := range parts {
		switch so := out.String(); {
		case part == "":
			continue
		case so == "":
		case w.Gap == "" && so[len(so)-1] < utf8.RuneSelf:
			out.WriteString(" ")
		default:
			out.WriteString(w.Gap)
		}
		out.WriteString(part)
	}
	return out.String()
}

// lines writes lines as they are, each behind the indent, and a blank one after them.
func (p *page) lines(indent string, lines []string) {
	for _, line := range lines {
		p.out.WriteString(strings.TrimRight(indent+line, " ") + "\n")
	}
	p.out.WriteString("\n")
}

func (p *page) list(items []string) {
	if len(items) > 0 {
		p.out.WriteString("- " + strings.Join(items, "\n- ") + "\n\n")
	}
}

func (p *page) heading(title string) { p.out.WriteString("## " + title + "\n\n") }

// table writes a table whose cells are escaped already.
func (p *page) table(columns []string, rows [][]string) {
	p.out.WriteString("| " + strings.Join(columns, " | ") + " |\n")
	p.out.WriteString("|" + strings.Repeat(" --- |", len(columns)) + "\n")
	for _, row := range rows {
		p.out.WriteString("| " + strings.Join(row, " | ") + " |\n")
	}
	p.out.WriteString("\n")
}

// link returns a link by reference, or only its text where the URL is none that we would link to. The label is ours or
// escaped already.
func (p *page) link(label, url string) string {
	if url = safeURL(url); url == "" {
		return label
	}
	return p.refer(label, url)
}

// refer returns a link by reference to a destination that is safe already.
func (p *page) refer(label, url string) string {
	at, known := p.linkAt[url]
	if !known {
		p.links = append(p.links, url)
		at = len(p.links)
		p.linkAt[url] = at
	}
	return "[" + label + "][l" + strconv.Itoa(at) + "]"
}

// definitions writes where the links lead: those to evidence, then those that link collected.
func (p *page) definitions() {
	for _, e := range p.found.Evidence {
		if anchor := p.anchors[e.ID]; anchor != "" {
			fmt.Fprintf(&p.out, "[%s]: #%s\n", e.ID, anchor)
		}
	}
	for i, url := range p.links {
		fmt.Fprintf(&p.out, "[l%d]: %s\n", i+1, url)
	}
}

const evidenceIDs = `E[1-9][0-9]{0,3}(?:(?:, ?|，|、)E[1-9][0-9]{0,3})*`

var (
	evidenceID = regexp.MustCompile(`^E[1-9][0-9]{0,3}$`)
	citation   = regexp.MustCompile(`\\\[(?:` + evidenceIDs + `)\\\]|\((?:` + evidenceIDs + `)\)|（(?:` + evidenceIDs + `)）`) // [E3] is escaped by then
)

// prose is text that may cite evidence: [E3], (E3), and （E3） become links where E3 exists.
func (p *page) prose(s string, n int) string {
	s = citation.ReplaceAllStringFunc(escaped(s, n), func(found string) string {
		ids := citedID.FindAllString(found, -1)
		if slices.ContainsFunc(ids, func(id string) bool { return p.anchors[id] == "" }) {
			return found
		}
		switch cited := p.cite(ids); {
		case found[0] == '(':
			return "(" + cited + ")"
		case strings.HasPrefix(found, "（"):
			return "（" + cited + "）"
		default:
			return cited
		}
	})
	return strings.ReplaceAll(s, "][", "] [") // two links, not one with a reference
}

// cite links to evidence; ids that no evidence has are shown as text.
func (p *page) cite(ids []string) string {
	cited := make([]string, len(ids))
	for i, id := range ids {
		cited[i] = escaped(id, labelRunes)
		if p.anchors[id] != "" {
			cited[i] = "[" + id + "]"
		}
	}
	return strings.Join(cited, " ")
}

// count words a number: one form for 1, the other for all else.
func count(n int, one, many string) string {
	if n == 1 {
		return fmt.Sprintf(one, n)
	}
	return fmt.Sprintf(many, n)
}

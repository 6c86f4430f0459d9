package report

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

const (
	maxRows    = 5 // of a ranking or a table of evidence
	maxColumns = 10
	maxLines   = 12  // of an item that quotes text, such as a log
	lineLength = 300 // characters of one of them
)

// evidence writes every item that found something, or that is cited: what it means, its chart or table, and the query by which
// anyone can check it. The alerts stand where the item about them does. What found nothing is one line.
func (p *page) evidence() {
	p.heading(p.w.Evidence)
	a := p.inc.Analysis
	collecting := a.Evidence < a.Wanted && !a.Later && p.inc.Status != incident.Stale
	items := inOrder(p.found.Evidence)
	if !slices.ContainsFunc(items, isAlerts) {
		p.out.WriteString("### " + p.w.Alert + "\n\n")
		p.alerts()
	}
	switch {
	case len(items) == 0 && collecting:
		p.para(p.w.CollectingEvidence)
	case len(items) == 0:
		p.para(p.w.NoEvidence)
	case collecting:
		p.para(p.w.RefreshingEvidence)
	}
	refuting := false
	for _, e := range items {
		if !refuting && place(e) == refutingPlace {
			refuting = true
			p.out.WriteString("### " + p.w.Refuting + "\n\n")
			p.para(p.w.RefutingWhat)
		}
		if p.shown(e) {
			p.item(e)
		}
	}
	p.openChecks()
	p.nothingFound(items)
}

func isAlerts(e incident.Evidence) bool {
	return e.Kind == incident.KindAlert && !e.Failed && !e.Earlier
}

// shown reports whether an item is shown in whole.
func (p *page) shown(e incident.Evidence) bool {
	return p.anchors[e.ID] != "" || !p.known[e.ID] && !e.Failed && !e.Nothing
}

// nothingFound names what was looked at and found nothing, for who wonders whether it was.
func (p *page) nothingFound(items []incident.Evidence) {
	var names []string
	for _, e := range items {
		if e.Nothing && !e.Failed && !p.shown(e) {
			names = append(names, escaped(e.Title, titleRunes)+fmt.Sprintf(p.w.Aside, escaped(e.ID, labelRunes)))
		}
	}
	if len(names) > 0 {
		p.para(p.w.NothingFound + p.w.Colon + strings.Join(names, " · "))
	}
}

// cited returns the ids of the evidence that the verdict cites, in its causes or in passing.
func (p *page) cited() map[string]bool {
	ids := map[string]bool{}
	v := p.found.Verdict
	if v == nil {
		return ids
	}
	texts := slices.Concat([]string{v.Summary}, v.Prevention, v.MissingEvidence)
	for _, c := range v.Causes {
		for _, id := range c.Evidence {
			ids[id] = true
		}
		texts = append(texts, c.Hypothesis, c.Disproof)
	}
	for _, a := range v.Actions {
		texts = append(texts, a.Step, a.Why)
	}
	for _, said := range texts {
		for _, id := range citedID.FindAllString(said, -1) {
			ids[id] = true
		}
	}
	return ids
}

var citedID = regexp.MustCompile(`\bE[1-9][0-9]{0,3}\b`)

const refutingPlace = 1

// place is where an item stands: after what the draft was made from comes what was looked up to refute it, and last what
// is of an earlier analysis.
func place(e incident.Evidence) int {
	switch {
	case e.Earlier:
		return refutingPlace + 1
	case e.Kind == incident.KindComparison, e.Kind == incident.KindCheck:
		return refutingPlace
	}
	return 0
}

func inOrder(evidence []incident.Evidence) []incident.Evidence {
	return slices.SortedStableFunc(slices.Values(evidence), func(a, b incident.Evidence) int { return cmp.Compare(place(a), place(b)) })
}

// inLanguage returns the evidence with our own words in the report's language. The alerts are at hand: an item about them fails by a
// fault of ours alone, whatever the text says that came with it.
func inLanguage(w *messages, evidence []incident.Evidence) []incident.Evidence {
	evidence = slices.Clone(evidence)
	for i, e := range evidence {
		if e.Kind == incident.KindAlert && e.Failed {
			evidence[i].Title, evidence[i].Summary = w.Evidence, w.EvidenceFault
		}
		w.tightenItem(&evidence[i])
	}
	return evidence
}

// evidenceHeading is the heading's text, from which readers make the id that citations link to.
func (w *messages) evidenceHeading(e incident.Evidence) string {
	return escaped(strings.TrimSpace(e.ID+w.ItemMark+e.Title), titleRunes)
}

func (p *page) item(e incident.Evidence) {
	p.out.WriteString("### " + p.w.evidenceHeading(e) + "\n\n")
	summary := escaped(e.Summary, lineRunes)
	if e.Failed {
		summary = "⚠ **" + p.w.FailedEvidence + "**" + p.w.Colon + cell(summary)
	}
	p.para(summary)
	p.para(p.refutes(e))
	if e.Earlier {
		p.para("*" + p.w.EarlierEvidence + "*")
	}
	if was := e.AsAnalyzed; was != nil {
		p.para(fmt.Sprintf("*"+p.w.WhenAnalyzed+"*", at(was.At)) + p.w.Colon + escaped(was.Summary, lineRunes))
	}
	if isAlerts(e) { // they say what the item's own table does, and more
		p.alerts()
		return
	}
	if i := p.itemOf(incident.KindSignal); i < 0 || p.found.Evidence[i].ID != e.ID { // which stands at the top
		p.chart(e)
	}
	if e.Kind != incident.KindSuspects || e.Table == nil { // the table of suspects says the same in words
		p.ranking(e)
	}
	p.smallTable(e.Table)
	p.excerpts(e.Lines)
	if e.Query != "" {
		p.lines("", fence(language(e.Source), e.Query, codeRunes))
	}
	var source []string
	if safeURL(e.Link) != "" {
		source = append(source, p.link(p.opens(e), e.Link))
	}
	if !e.Start.IsZero() && !e.End.IsZero() {
		source = append(source, span(e.Start, e.End))
	}
	if !e.At.IsZero() {
		source = append(source, fmt.Sprintf(p.w.LookedAt, at(e.At)))
	}
	p.para(strings.Join(source, " · "))
}

// chart shows the chart of an item that has one.
func (p *page) chart(e incident.Evidence) {
	if file, ok := chartFile(e); ok {
		p.para("![" + escaped(e.ID+" "+p.w.Chart, labelRunes) + "](" + url.PathEscape(p.chartBase) + "/" + file + ")")
	}
}

// excerpts quotes lines of text, the oldest first, as many as a reader looks at.
func (p *page) excerpts(quoted []string) {
	if len(quoted) == 0 {
		return
	}
	var shown []string
	for _, line := range quoted[:min(len(quoted), maxLines)] {
		line = strings.Join(cleanLines(line, 4*len(line)+1), " ") // whatever it has for a line break
		shown = append(shown, text.Cut(line, lineLength))
	}
	p.lines("", fenced("", shown))
	if more := len(quoted) - maxLines; more > 0 {
		p.para(fmt.Sprintf(p.w.MoreRows, more))
	}
}

// language names the language of a source's queries, for who colors code.
func language(source incident.Source) string {
	if source == incident.SourcePrometheus {
		return "promql"
	}
	return ""
}

// opens is the label of the link that opens an item's query where it was asked.
func (p *page) opens(e incident.Evidence) string {
	label := p.w.OpenSource
	if e.Source == incident.SourcePrometheus {
		label = p.w.OpenPrometheus
	}
	if e.Server != "" {
		label += " (" + escaped(e.Server, labelRunes) + ")"
	}
	return label
}

// ranking writes a ranking as a table, without the columns that no entry has a value for.
func (p *page) ranking(e incident.Evidence) {
	if len(e.Ranking) == 0 {
		return
	}
	unit := unitOf(e)
	var onset, score, share, values bool
	for _, r := range e.Ranking {
		onset = onset || !r.Onset.IsZero()
		score = score || r.Score != 0
		share = share || r.Share != 0
		values = values || r.Before != 0 || r.After != 0
	}
	columns := []string{p.w.RankCol, p.w.LabelsCol, p.w.DirectionCol}
	columns = appendIf(columns, score, p.w.ScoreCol)
	columns = appendIf(columns, share, p.w.ShareCol)
	columns = appendIf(columns, values, p.w.BeforeCol, p.w.AfterCol)
	columns = appendIf(columns, onset, p.w.OnsetCol)
	var rows [][]string
	for i, r := range e.Ranking[:min(len(e.Ranking), maxRows)] {
		row := []string{strconv.Itoa(i + 1), rankedLabels(r.Labels), named(p.w.Directions, r.Direction)}
		row = appendIf(row, score, p.w.number(r.Score, ""))
		row = appendIf(row, share, p.w.number(r.Share, "%"))
		row = appendIf(row, values, p.w.number(r.Before, unit), p.w.number(r.After, unit))
		began := ""
		if !r.Onset.IsZero() {
			began = at(r.Onset)
		}
		rows = append(rows, appendIf(row, onset, cell(began)))
	}
	p.table(columns, rows)
	if more := len(e.Ranking) - maxRows; more > 0 {
		p.para(fmt.Sprintf(p.w.MoreRows, more))
	}
}

// rankedLabels shows all labels of a ranked series, its name too.
func rankedLabels(labels map[string]string) string {
	var cells []string
	for _, name := range sortedKeys(labels) {
		if len(cells) == maxCellLabels {
			cells = append(cells, "…")
			break
		}
		if name == "__name__" {
			cells = append([]string{code(labels[name], labelRunes)}, cells...)
			continue
		}
		cells = append(cells, code(name+"="+labels[name], labelRunes))
	}
	return cell(strings.Join(cells, " "))
}

func (p *page) smallTable(t *incident.Table) {
	if t == nil || len(t.Columns) == 0 {
		return
	}
	width := min(len(t.Columns), maxColumns)
	columns := make([]string, width)
	for i := range width {
		columns[i] = cell(escaped(t.Columns[i], labelRunes))
	}
	var rows [][]string
	for _, r := range t.Rows[:min(len(t.Rows), maxRows)] {
		row := make([]string, width)
		for i := range width {
			row[i] = "–"
			if i < len(r) {
				row[i] = cell(escaped(r[i], lineRunes))
			}
		}
		rows = append(rows, row)
	}
	p.table(columns, rows)
	if more := len(t.Rows) - maxRows; more > 0 {
		p.para(fmt.Sprintf(p.w.MoreRows, more))
	}
}

func appendIf(s []string, ok bool, more ...string) []string {
	if ok {
		return append(s, more...)
	}
	return s
}

package report

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

const (
	maxRanked    = 10
	maxTableRows = 25
	maxColumns   = 10
	maxLines     = 12  // of an item that quotes text, such as a log
	lineLength   = 300 // characters of one of them
)

// evidence writes every item: what it means, its chart or table, and the query by which anyone can check it.
func (p *page) evidence() {
	p.heading(p.w.Evidence)
	a := p.inc.Analysis
	collecting := a.Evidence < a.Wanted && !a.Later && p.inc.Status != incident.Stale
	switch {
	case len(p.found.Evidence) == 0 && collecting:
		p.para(p.w.CollectingEvidence)
	case len(p.found.Evidence) == 0:
		p.para(p.w.NoEvidence)
	case collecting:
		p.para(p.w.RefreshingEvidence)
	}
	refuting := false
	for _, e := range inOrder(p.found.Evidence) {
		if !refuting && place(e) == refutingPlace {
			refuting = true
			p.out.WriteString("### " + p.w.Refuting + "\n\n")
			p.para(p.w.RefutingWhat)
		}
		p.item(e)
	}
}

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
	}
	return evidence
}

// evidenceHeading is the heading's text, from which readers make the id that citations link to.
func evidenceHeading(e incident.Evidence) string {
	return escaped(strings.TrimSpace(e.ID+": "+e.Title), titleRunes)
}

func (p *page) item(e incident.Evidence) {
	p.out.WriteString("### " + evidenceHeading(e) + "\n\n")
	summary := escaped(e.Summary, lineRunes)
	if e.Failed {
		summary = "⚠ **" + p.w.FailedEvidence + "**" + p.w.Colon + cell(summary)
	}
	p.para(summary)
	if e.Earlier {
		p.para("*" + p.w.EarlierEvidence + "*")
	}
	if was := e.AsAnalyzed; was != nil {
		p.para(fmt.Sprintf("*"+p.w.WhenAnalyzed+"*", at(was.At)) + p.w.Colon + escaped(was.Summary, lineRunes))
	}
	if file, ok := chartFile(e); ok {
		p.para("![" + escaped(e.ID+" "+p.w.Chart, labelRunes) + "](" + url.PathEscape(p.chartBase) + "/" + file + ")")
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
		source = append(source, p.link(p.opens(e.Source), e.Link))
	}
	if !e.Start.IsZero() && !e.End.IsZero() {
		source = append(source, span(e.Start, e.End))
	}
	if !e.At.IsZero() {
		source = append(source, fmt.Sprintf(p.w.LookedAt, at(e.At)))
	}
	p.para(strings.Join(source, " · "))
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
func (p *page) opens(source incident.Source) string {
	if source == incident.SourcePrometheus {
		return p.w.OpenPrometheus
	}
	return p.w.OpenSource
}

// ranking writes a ranking as a table, without the columns that no entry has a value for.
func (p *page) ranking(e incident.Evidence) {
	if len(e.Ranking) == 0 {
		return
	}
	unit := ""
	if e.Chart != nil {
		unit = e.Chart.Unit
	}
	var onset, share, values bool
	for _, r := range e.Ranking {
		onset = onset || !r.Onset.IsZero()
		share = share || r.Share != 0
		values = values || r.Before != 0 || r.After != 0
	}
	columns := []string{p.w.RankCol, p.w.LabelsCol, p.w.DirectionCol, p.w.ScoreCol}
	columns = appendIf(columns, share, p.w.ShareCol)
	columns = appendIf(columns, values, p.w.BeforeCol, p.w.AfterCol)
	columns = appendIf(columns, onset, p.w.OnsetCol)
	var rows [][]string
	for i, r := range e.Ranking[:min(len(e.Ranking), maxRanked)] {
		row := []string{strconv.Itoa(i + 1), rankedLabels(r.Labels), named(p.w.Directions, r.Direction), number(r.Score, "")}
		row = appendIf(row, share, number(r.Share, "%"))
		row = appendIf(row, values, number(r.Before, unit), number(r.After, unit))
		began := ""
		if !r.Onset.IsZero() {
			began = at(r.Onset)
		}
		rows = append(rows, appendIf(row, onset, cell(began)))
	}
	p.table(columns, rows)
	if more := len(e.Ranking) - maxRanked; more > 0 {
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
	for _, r := range t.Rows[:min(len(t.Rows), maxTableRows)] {
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
	if more := len(t.Rows) - maxTableRows; more > 0 {
		p.para(fmt.Sprintf(p.w.MoreRows, more))
	}
}

func appendIf(s []string, ok bool, more ...string) []string {
	if ok {
		return append(s, more...)
	}
	return s
}

package report

import (
	"regexp"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
)

const percent = " %" // as evidence and [number] write it

// number writes a single value as the language does.
func (w *messages) number(v float64, unit string) string { return w.tight(number(v, unit)) }

// spacedPercent finds percentages, and what is quoted: a stranger's value, which is left as it is.
var spacedPercent = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|(\d) %`)

// tight writes percentages in a text of ours as the language does: Chinese leaves no blank before the sign.
func (w *messages) tight(s string) string {
	if w.Percent == percent || !strings.Contains(s, percent) {
		return s
	}
	return spacedPercent.ReplaceAllStringFunc(s, func(found string) string {
		if found[0] == '"' {
			return found
		}
		return found[:1] + w.Percent
	})
}

// tightenItem does so in the sentences and the table of an item, which are copies afterward. A runbook is a stranger's.
func (w *messages) tightenItem(e *incident.Evidence) {
	if w.Percent == percent || e.Kind == incident.KindRunbook {
		return
	}
	e.Summary = w.tight(e.Summary)
	if e.AsAnalyzed != nil {
		was := *e.AsAnalyzed
		w.tightenItem(&was)
		e.AsAnalyzed = &was
	}
	if e.Table == nil {
		return
	}
	table := &incident.Table{Columns: e.Table.Columns}
	for _, row := range e.Table.Rows {
		row = slices.Clone(row)
		for c := range row {
			row[c] = w.tight(row[c])
		}
		table.Rows = append(table.Rows, row)
	}
	e.Table = table
}

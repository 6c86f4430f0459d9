package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/incident"
)

// TestTight: Chinese has no blank before a percent sign, and nobody's value is changed.
func TestTight(t *testing.T) {
	for text, want := range map[string]string{
		"由 2 % 升至 64.5 %。": "由 2% 升至 64.5%。", "": "", "占 % 的": "占 % 的", "5%": "5%",
		`disk="5 %" 占 5 %`: `disk="5 %" 占 5%`, `a="\"5 %" 5 %`: `a="\"5 %" 5%`, `a="5 %`: `a="5%`,
	} {
		assert.Equal(t, want, chinese.tight(text), text)
		assert.Equal(t, text, english.tight(text), text)
	}
	assert.Equal(t, "12.9%", chinese.number(.129, "%"))
	assert.Equal(t, "12.9 %", english.number(.129, "%"))
	assert.Equal(t, "12.9 s", chinese.number(12.9, "s"))
}

// TestTightenItem: an item of evidence is changed as a copy, in all that is ours.
func TestTightenItem(t *testing.T) {
	table := &incident.Table{Columns: []string{"占比 5 %"}, Rows: [][]string{{"0.2 % → 64 %", "x"}}}
	was := &incident.Evidence{Summary: "曾为 5 %"}
	item := incident.Evidence{Kind: incident.KindSignal, Summary: "现为 6 %", Table: table, AsAnalyzed: was}
	chinese.tightenItem(&item)
	assert.Equal(t, "现为 6%", item.Summary)
	assert.Equal(t, "曾为 5%", item.AsAnalyzed.Summary)
	assert.Equal(t, [][]string{{"0.2% → 64%", "x"}}, item.Table.Rows)
	assert.Equal(t, "0.2 % → 64 %", table.Rows[0][0], "what is stored stays")
	assert.Equal(t, "曾为 5 %", was.Summary)

	runbook := incident.Evidence{Kind: incident.KindRunbook, Summary: "5 %", Table: table}
	chinese.tightenItem(&runbook)
	assert.Equal(t, "5 %", runbook.Summary, "a stranger's text")
	same := incident.Evidence{Summary: "5 %"}
	english.tightenItem(&same)
	assert.Equal(t, "5 %", same.Summary)
}

// TestOneFormForMachines: the front matter is the same in all languages.
func TestOneFormForMachines(t *testing.T) {
	for _, language := range incident.Languages() {
		inc, f := complete()
		front, body := splitFrontMatter(newWriter(t, language).Markdown(inc, f, "x"))
		assert.Contains(t, string(front), "value: 64 %\n", language)
		assert.Contains(t, string(body), map[incident.Language]string{"en": "64 %", "zh": "当前 64%"}[language])
	}
}

package report

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// fields sets, one at a time, each field that holds a text from outside. shown tells whether a reader sees the text somewhere; a
// field that is only used, as a link or an id, is not shown.
var fields = []struct {
	name  string
	shown bool
	set   func(inc *incident.Incident, f *incident.Findings, s string)
}{
	{"alert name", true, func(inc *incident.Incident, _ *incident.Findings, s string) { inc.Alertname = s }},
	{"severity", true, func(inc *incident.Incident, _ *incident.Findings, s string) { inc.Severity = s }},
	{"status", true, func(inc *incident.Incident, _ *incident.Findings, s string) { inc.Status = incident.Status(s) }},
	{"scope", true, func(inc *incident.Incident, _ *incident.Findings, s string) { inc.Scope = s }},
	{"predecessor", false, func(inc *incident.Incident, _ *incident.Findings, s string) { inc.Predecessor = s }},
	{"external URL", false, func(inc *incident.Incident, _ *incident.Findings, s string) { inc.ExternalURL = s }},
	{"group label", false, func(inc *incident.Incident, _ *incident.Findings, s string) {
		inc.GroupLabels = map[string]string{s: s}
	}},
	{"report path", false, func(inc *incident.Incident, _ *incident.Findings, s string) { inc.ReportPath = s }},
	{"failure of the analysis", true, func(inc *incident.Incident, _ *incident.Findings, s string) {
		inc.Analysis = incident.Analysis{State: incident.Pending, Attempts: 1, Detail: s, Wanted: 1, Evidence: 1}
	}},
	{"state of the analysis", false, func(inc *incident.Incident, _ *incident.Findings, s string) { inc.Analysis.State = incident.State(s) }},
	{"reason of the analysis", true, func(inc *incident.Incident, f *incident.Findings, s string) {
		inc.Analysis.State, inc.Analysis.Reason, f.Verdict = incident.EvidenceOnly, incident.Reason(s), nil
	}},
	{"event", true, func(inc *incident.Incident, _ *incident.Findings, s string) {
		inc.Timeline[0].Kind = incident.EventKind(s)
	}},
	{"label", true, func(inc *incident.Incident, _ *incident.Findings, s string) { inc.Alerts[0].Labels["zone"] = s }},
	{"label's name", true, func(inc *incident.Incident, _ *incident.Findings, s string) { inc.Alerts[0].Labels[s] = "x" }},
	{"label that all have", true, func(inc *incident.Incident, _ *incident.Findings, s string) {
		for i := range inc.Alerts {
			inc.Alerts[i].Labels["zone"] = s
		}
	}},
	{"alert's own name", true, func(inc *incident.Incident, _ *incident.Findings, s string) { inc.Alerts[0].Labels["alertname"] = s }},
	{"alert's severity", true, func(inc *incident.Incident, _ *incident.Findings, s string) { inc.Alerts[0].Labels["severity"] = s }},
	{"summary of the alert", true, func(inc *incident.Incident, _ *incident.Findings, s string) { inc.Alerts[0].Annotations["summary"] = s }},
	{"description", true, func(inc *incident.Incident, _ *incident.Findings, s string) {
		inc.Alerts[0].Annotations["description"] = s
	}},
	{"message", true, func(inc *incident.Incident, f *incident.Findings, s string) {
		inc.Alerts[0].Annotations, f.Verdict = map[string]string{"message": s}, nil
	}},
	{"runbook", true, func(inc *incident.Incident, _ *incident.Findings, s string) {
		inc.Alerts[0].Annotations["runbook_url"] = s
	}},
	{"generator URL", false, func(inc *incident.Incident, _ *incident.Findings, s string) { inc.Alerts[0].GeneratorURL = s }},
	{"related alert", true, func(inc *incident.Incident, _ *incident.Findings, s string) {
		inc.Related = []incident.RelatedIncident{{ID: id26('a'), Alertname: s, Severity: "critical", OpenedAt: opened}}
	}},
	{"related severity", true, func(inc *incident.Incident, _ *incident.Findings, s string) {
		inc.Related = []incident.RelatedIncident{{ID: id26('a'), Alertname: "x", Severity: s, OpenedAt: opened}}
	}},
	{"related path", false, func(inc *incident.Incident, _ *incident.Findings, s string) {
		inc.Related = []incident.RelatedIncident{{ID: id26('a'), Alertname: "x", OpenedAt: opened, ReportPath: s}}
	}},
	{"related id", false, func(inc *incident.Incident, _ *incident.Findings, s string) {
		inc.Related = []incident.RelatedIncident{{ID: s, Alertname: "x", OpenedAt: opened}}
	}},
	{"feedback", true, func(inc *incident.Incident, _ *incident.Findings, s string) {
		inc.Feedback = []incident.Feedback{{Kind: incident.Correct, Text: s, At: opened}}
	}},
	{"feedback by", true, func(inc *incident.Incident, _ *incident.Findings, s string) {
		inc.Feedback = []incident.Feedback{{Kind: incident.Confirm, By: s, At: opened}}
	}},
	{"kind of feedback", true, func(inc *incident.Incident, _ *incident.Findings, s string) {
		inc.Feedback = []incident.Feedback{{Kind: incident.FeedbackKind(s), At: opened}}
	}},
	{"title", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Evidence[1].Title = s }},
	{"summary of evidence", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Evidence[1].Summary = s }},
	{"summary of a failure", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Evidence[4].Summary = s }},
	{"title of a failure", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Evidence[4].Title = s }},
	{"query", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Evidence[1].Query = s }},
	{"source", false, func(_ *incident.Incident, f *incident.Findings, s string) { f.Evidence[1].Source = incident.Source(s) }},
	{"link", false, func(_ *incident.Incident, f *incident.Findings, s string) { f.Evidence[1].Link = s }},
	{"kind of evidence", false, func(_ *incident.Incident, f *incident.Findings, s string) {
		f.Evidence[1].Kind = incident.EvidenceKind(s)
	}},
	{"id of evidence", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Evidence[3].ID = s }},
	{"line", true, func(_ *incident.Incident, f *incident.Findings, s string) {
		f.Evidence[3].Lines = []string{"a", s, "b"}
	}},
	{"first line", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Evidence[3].Lines = []string{s} }},
	{"column", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Evidence[3].Table.Columns[1] = s }},
	{"cell", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Evidence[3].Table.Rows[1][1] = s }},
	{"ranked label", true, func(_ *incident.Incident, f *incident.Findings, s string) {
		f.Evidence[2].Ranking[0].Labels["source"] = s
	}},
	{"ranked metric", true, func(_ *incident.Incident, f *incident.Findings, s string) {
		f.Evidence[2].Ranking[0].Labels["__name__"] = s
	}},
	{"direction", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Evidence[2].Ranking[0].Direction = s }},
	{"series", false, func(_ *incident.Incident, f *incident.Findings, s string) { f.Evidence[1].Chart.Series[0].Name = s }},
	{"unit", false, func(_ *incident.Incident, f *incident.Findings, s string) { f.Evidence[1].Chart.Unit = s }},
	{"verdict's summary", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Verdict.Summary = s }},
	{"prose", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Verdict.Prose = s }},
	{"category", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Verdict.Category = s }},
	{"model's severity", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Verdict.Severity = s }},
	{"model", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Verdict.Model = s }},
	{"hypothesis", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Verdict.Causes[0].Hypothesis = s }},
	{"likelihood", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Verdict.Causes[0].Likelihood = s }},
	{"disproof", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Verdict.Causes[0].Disproof = s }},
	{"citation", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Verdict.Causes[0].Evidence = []string{s} }},
	{"mark", true, func(_ *incident.Incident, f *incident.Findings, s string) {
		f.Verdict.Causes[0].Marks = []incident.Mark{{Kind: incident.MarkNameNotFound, Text: s}}
	}},
	{"kind of mark", true, func(_ *incident.Incident, f *incident.Findings, s string) {
		f.Verdict.Causes[0].Marks = []incident.Mark{{Kind: incident.MarkKind(s), Text: "x"}}
	}},
	{"step", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Verdict.Actions[0].Step = s }},
	{"why", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Verdict.Actions[0].Why = s }},
	{"command", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Verdict.Actions[0].Command = s }},
	{"risk", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Verdict.Actions[0].Risk = s }},
	{"prevention", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Verdict.Prevention[0] = s }},
	{"gap", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Verdict.MissingEvidence[0] = s }},
	{"what would refute", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Verdict.Checks[0].WouldRefute = s }},
	{"query of a check", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Verdict.Checks[1].PromQL = s }},
	{"answer of a check", false, func(_ *incident.Incident, f *incident.Findings, s string) { f.Verdict.Checks[1].Evidence = s }},
	{"why unverified", true, func(_ *incident.Incident, f *incident.Findings, s string) {
		f.Verdict.Verification = &incident.Verification{Reason: incident.UnverifiedReason(s)}
	}},
	{"failure of the verification", true, func(_ *incident.Incident, f *incident.Findings, s string) {
		f.Verdict.Verification = &incident.Verification{Reason: incident.UnverifiedModel, Detail: s}
	}},
	{"evidence of the verification", true, func(_ *incident.Incident, f *incident.Findings, s string) {
		f.Verdict.Verification = &incident.Verification{Evidence: []string{s}}
	}},
	{"remembered hypothesis", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Memory[1].Hypothesis = s }},
	{"remembered path", false, func(_ *incident.Incident, f *incident.Findings, s string) { f.Memory[0].ReportPath = s }},
	{"remembered id", false, func(_ *incident.Incident, f *incident.Findings, s string) { f.Memory[0].Incident = s }},
	{"remembered feedback", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Memory[0].Feedback[0].Text = s }},
	{"remembered person", true, func(_ *incident.Incident, f *incident.Findings, s string) { f.Memory[0].Feedback[0].By = s }},
}

// rich is a report in which every field stands.
func rich() (*incident.Incident, incident.Findings) {
	inc, f := people()
	inc.Feedback = nil
	inc.Scope = "namespace=shop"
	inc.Related = []incident.RelatedIncident{{ID: id26('d'), Alertname: "Other", Severity: "warning", OpenedAt: opened.Add(time.Second)}}
	for i := range inc.Alerts {
		inc.Alerts[i].Labels, inc.Alerts[i].Annotations = maps.Clone(inc.Alerts[i].Labels), maps.Clone(inc.Alerts[i].Annotations)
	}
	return inc, f
}

// TestEachFieldIsInert puts hostile text into one field at a time: no reader makes more of it than text, nothing around it moves, and
// the front matter stays whose it was.
func TestEachFieldIsInert(t *testing.T) {
	w := newWriter(t, "en")
	texts := []string{nasty, strings.Repeat("x", 50_000), "a\n\n```\n\n# b\n\n---\n\n| c |\n\n[E1]: http://evil.example", "\x1b]0;x\a\u202e"}
	for _, field := range fields {
		t.Run(field.name, func(t *testing.T) {
			headings, rules := -1, -1
			for _, s := range append([]string{"x"}, texts...) {
				inc, f := rich()
				field.set(inc, &f, s)
				md := w.Markdown(inc, f, "CHARTS")
				page, err := w.HTML(md)
				require.NoError(t, err)
				assertHarmless(t, page)
				assertHarmlessAnywhere(t, md)
				if headings < 0 { // of the harmless text
					headings, rules = strings.Count(string(page), "<h2"), strings.Count(string(page), "<hr")
				}
				assert.Equal(t, headings, strings.Count(string(page), "<h2"), "sections are ours: %.60q", s)
				assert.Equal(t, rules, strings.Count(string(page), "<hr"), "rules are ours: %.60q", s)
				assert.Equal(t, inc.ID, reportID(md), "%.60q", s)
				assert.Less(t, len(md), 80_000, "what one field holds is bounded")
				if svg, ok := w.Chart(f, "E2.svg"); ok {
					assertSVG(t, svg)
				}
			}
		})
	}
}

// TestEachFieldIsShown: text that says something reaches the reader, whole and as it was.
func TestEachFieldIsShown(t *testing.T) {
	w := newWriter(t, "en")
	for _, field := range fields {
		t.Run(field.name, func(t *testing.T) {
			inc, f := rich()
			field.set(inc, &f, "quokka-告警")
			_, body := splitFrontMatter(w.Markdown(inc, f, "CHARTS"))
			text, _, _ := strings.Cut(string(body), "\n[E1]: ")
			text = strings.ToLower(text) // a status stands in capitals
			assert.Equal(t, field.shown, strings.Contains(text, "quokka-告警"))
		})
	}
}

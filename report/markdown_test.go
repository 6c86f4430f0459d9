package report

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/alertscribe/alertscribe/incident"
)

func evidenceOnly(reason incident.Reason, detail string) func() (*incident.Incident, incident.Findings) {
	return func() (*incident.Incident, incident.Findings) {
		inc := facts()
		inc.Analysis = incident.Analysis{State: incident.EvidenceOnly, Reason: reason, Detail: detail, Attempts: 1, Wanted: 1, Evidence: 1}
		return inc, incident.Findings{Evidence: found()}
	}
}

var reports = []struct {
	name     string
	language incident.Language
	make     func() (*incident.Incident, incident.Findings)
}{
	{"facts", "en", func() (*incident.Incident, incident.Findings) { return facts(), incident.Findings{} }},
	{"pending", "en", func() (*incident.Incident, incident.Findings) {
		inc := facts()
		inc.Analysis.Evidence = 1
		return inc, incident.Findings{Evidence: found()}
	}},
	{"retrying", "en", func() (*incident.Incident, incident.Findings) {
		inc := facts()
		inc.Analysis = incident.Analysis{State: incident.Pending, Detail: "the endpoint answered 503: overloaded", Attempts: 4, Wanted: 1, Evidence: 1}
		inc.Due = map[incident.Work]time.Time{incident.WorkAnalysis: written.Add(8 * time.Second)}
		inc.Spend = incident.Spend{Calls: 4}
		return inc, incident.Findings{Evidence: found()}
	}},
	{"complete", "en", complete},
	{"complete", "zh", complete},
	{"no_key", "en", evidenceOnly(incident.NoKey, "")},
	{"no_key", "zh", evidenceOnly(incident.NoKey, "")},
	{"authentication", "en", evidenceOnly(incident.Authentication, "the endpoint answered 401: invalid key")},
	{"balance", "en", evidenceOnly(incident.Balance, "the endpoint answered 402: Insufficient Balance")},
	{"budget", "en", evidenceOnly(incident.Budget, "60 calls in the last hour; renews at 09:12:00 UTC")},
	{"skipped", "en", evidenceOnly(incident.Skipped, "")},
	{"gave_up", "en", evidenceOnly(incident.GaveUp, "dial tcp: connection refused")},
	{"resolved", "en", func() (*incident.Incident, incident.Findings) {
		inc, f := complete()
		for i := range inc.Alerts {
			inc.Alerts[i] = alert(i+1, incident.Resolved)
		}
		inc.Alerts[2].Left, inc.Alerts[2].EndsAt = true, time.Time{}
		inc.Status, inc.ResolvedAt, inc.ClosedAt = incident.Resolved, opened.Add(90*time.Second), opened.Add(100*time.Second)
		inc.Generation, inc.Flaps = 3, 1
		inc.Timeline = append(inc.Timeline, incident.Event{At: opened.Add(100 * time.Second), Kind: incident.EventResolved, Ended: 1, Left: 1})
		return inc, f
	}},
	{"stale", "en", func() (*incident.Incident, incident.Findings) {
		inc := facts()
		inc.Status, inc.Generation = incident.Stale, 2
		inc.Analysis = incident.Analysis{State: incident.EvidenceOnly, Reason: incident.GaveUp, Wanted: 1, Evidence: 1}
		inc.Timeline = append(inc.Timeline, incident.Event{At: opened.Add(24 * time.Hour), Kind: incident.EventStale, Firing: 2})
		return inc, incident.Findings{Evidence: found()}
	}},
	{"alerts500", "en", func() (*incident.Incident, incident.Findings) {
		return manyAlerts(500), incident.Findings{Evidence: found()}
	}},
	{"prose", "en", func() (*incident.Incident, incident.Findings) {
		inc, f := complete()
		f.Verdict = &incident.Verdict{
			Prose: "It looks like an attack, see [E3].\n\n## Steps\n- block `203.0.113.0/24`\n- see <b>http://evil.example</b>",
			Model: "some-model", At: f.Verdict.At, Generation: 1,
		}
		inc.Spend.Cost = 0
		return inc, f
	}},
	{"joined", "en", func() (*incident.Incident, incident.Findings) { // a verdict stands, but a new alert wants another one
		inc, f := complete()
		inc.Generation = 2
		inc.Analysis = incident.Analysis{State: incident.Pending, Covered: []string{"HighLoginFailureRate"}, Wanted: 2, Evidence: 1}
		f.Verdict.InsufficientEvidence = true
		return inc, f
	}},
	{"verified", "en", verified},
	{"verified", "zh", verified},
	{"unverified", "en", unverified},
	{"draft", "en", draft},
	{"draft", "zh", draft},
	{"storm", "en", storm(incident.MaxRelated)},
	{"storm", "zh", storm(4)},
	{"people", "en", people},
	{"people", "zh", people},
	{"remembered", "en", remembered},
	{"marked", "en", marked},
	{"marked", "zh", marked},
	{"logs", "en", logged},
	{"logs", "zh", logged},
	{"fault", "zh", func() (*incident.Incident, incident.Findings) { // what the worker stores when collecting evidence panics
		inc, f := evidenceOnly(incident.GaveUp, "dial tcp: connection refused")()
		f.Evidence = []incident.Evidence{{ID: "E1", Kind: incident.KindAlert, Title: "Evidence", Failed: true, Summary: "Evidence could not be collected."}}
		return inc, f
	}},
	{"stale", "zh", func() (*incident.Incident, incident.Findings) {
		inc := facts()
		inc.MarkStale(opened.Add(24 * time.Hour))
		return inc, incident.Findings{Evidence: found()}
	}},
	{"hostile", "en", hostile(nasty)},
}

// hostile puts a text into every field that holds one.
func hostile(s string) func() (*incident.Incident, incident.Findings) {
	return func() (*incident.Incident, incident.Findings) {
		inc, _ := complete()
		inc.Alertname, inc.Severity, inc.ExternalURL, inc.Predecessor = s, s, "http://am.example/"+s, s
		inc.GroupLabels = map[string]string{"alertname": s, s: s}
		for i := range inc.Alerts {
			inc.Alerts[i].Labels = map[string]string{"alertname": s, "severity": s, s: s, "n": s[:min(i, len(s))]}
			inc.Alerts[i].Annotations = map[string]string{"summary": s, "description": s, "runbook_url": s}
			inc.Alerts[i].GeneratorURL = "https://p.example/" + s
		}
		inc.Alerts[0].GeneratorURL = s
		inc.Analysis = incident.Analysis{State: incident.Pending, Detail: s, Attempts: 1, Wanted: 2, Evidence: 1, Reason: incident.Reason(s)}
		inc.Timeline[0].Kind = incident.EventKind(s)
		said := []incident.Feedback{{Kind: incident.FeedbackKind(s), Text: s, By: s, At: opened}, {Kind: incident.Correct, Text: s, By: s, At: opened}}
		inc.Feedback, inc.Scope = slices.Concat(said, said), s
		inc.Related = []incident.RelatedIncident{
			{ID: id26('a'), Alertname: s, Severity: s, OpenedAt: opened, ReportPath: "2026-11-20/083005_" + s + "_aaaabbbb.md"},
			{ID: id26('b'), Alertname: s, Severity: s, OpenedAt: opened, ReportPath: s},
			{ID: s, Alertname: s, Severity: s, OpenedAt: opened, ReportPath: "2026-11-20/083005_X_caaabbbb.md"},
		}
		threshold := 1.0
		f := incident.Findings{
			Evidence: []incident.Evidence{
				{ID: "E1", Title: s, Summary: s, Query: s, Link: s, Kind: incident.EvidenceKind(s), Failed: true, Partial: []string{s}, Server: s},
				{
					ID: "E2", Title: "t " + s, Summary: "s " + s, Query: s, Link: "http://p.example/" + s, Start: opened, End: written,
					Ranking: []incident.RankedSeries{{Labels: map[string]string{s: s, "__name__": s}, Direction: s, Score: 3, Onset: opened}},
					Table:   &incident.Table{Columns: []string{s, "b"}, Rows: [][]string{{s, s}, {s}, {}}},
					Chart:   &incident.Chart{Unit: s, Threshold: &threshold, Series: []incident.Series{{Name: s, Points: []incident.Point{{At: opened, Value: 1}}}}},
				},
				{ID: s, Title: s, Summary: s},
				{ID: "E3", Kind: incident.KindComparison, Title: s, Summary: s, Query: s, Source: incident.Source(s), Lines: []string{s, "a " + s, s + s}},
				{ID: "E4", Kind: incident.KindCheck, Title: s, Summary: s, Link: s},
			},
			Memory: []incident.PastIncident{
				{Incident: id26('a'), ReportPath: s, StartedAt: opened, Similarity: 0.5, Hypothesis: s, Marked: true, Feedback: said},
				{Incident: s, ReportPath: "2026-11-20/083005_" + s + "_aaaabbbb.md", StartedAt: opened, Hypothesis: s},
			},
			Verdict: &incident.Verdict{
				Summary: s, Category: s, Severity: s, InsufficientEvidence: true, Model: s, At: opened,
				Causes: []incident.Cause{{
					Hypothesis: s, Likelihood: s, Evidence: []string{s, "E1"}, Disproof: s,
					Marks: []incident.Mark{{Kind: incident.MarkKind(s), Text: s}, {Kind: incident.MarkUnknownEvidence, Text: s}},
				}},
				Actions: []incident.Action{{
					Step: s, Why: s, Command: s, Risk: s,
					Marks: []incident.Mark{{Kind: incident.MarkFromAlertText, Text: s}, {Kind: incident.MarkKind(s), Text: s}},
				}},
				Prevention: []string{s}, MissingEvidence: []string{s}, Marks: []incident.Mark{{Kind: incident.MarkFromAlertText, Text: s}},
				Checks: []incident.Check{
					{PromQL: s, WouldRefute: s, Evidence: s}, {PromQL: s, WouldRefute: s, Evidence: "E3"}, {PromQL: s, WouldRefute: s, Evidence: "E4"},
				},
				Verification: &incident.Verification{Reason: incident.UnverifiedReason(s), Detail: s, Evidence: []string{s, "E3"}},
			},
		}
		return inc, f
	}
}

func TestMarkdown(t *testing.T) {
	for _, tt := range reports {
		t.Run(tt.name+"_"+string(tt.language), func(t *testing.T) {
			inc, f := tt.make()
			w := newWriter(t, tt.language)
			got := w.Markdown(inc, f, "083005_HighLoginFailureRate_3kd8a2bc")
			golden(t, tt.name+"_"+string(tt.language)+".md", got)
			assert.Equal(t, got, w.Markdown(inc, f, "083005_HighLoginFailureRate_3kd8a2bc"), "the same twice")
		})
	}
}

func TestFrontMatter(t *testing.T) {
	for _, tt := range reports {
		t.Run(tt.name+"_"+string(tt.language), func(t *testing.T) {
			inc, f := tt.make()
			front, body := splitFrontMatter(newWriter(t, tt.language).Markdown(inc, f, "x"))
			assert.True(t, strings.HasPrefix(string(body), "\n# "), "the title follows")
			var got map[string]any
			require.NoError(t, yaml.Unmarshal(front, &got))
			assert.Equal(t, testID, got["id"])
			assert.Equal(t, oneLine(inc.Alertname, titleRunes), got["alertname"])
			assert.Equal(t, string(inc.Status), got["status"])
			assert.Equal(t, string(inc.Analysis.State), got["analysis"])
			assert.Equal(t, plain(inc.Analysis.Reason), got["analysis_reason"])
			assert.Equal(t, inc.StartedAt, got["started_at"])
			assert.Equal(t, written, got["generated_at"])
			assert.EqualValues(t, tt.language, got["language"])
			assert.InDelta(t, inc.Spend.Cost, got["cost"], 1e-6)
			assert.Equal(t, map[string]any{
				"prompt": inc.Spend.Prompt, "cached": inc.Spend.Cached, "completion": inc.Spend.Completion,
			}, got["tokens"])
			if inc.ResolvedAt.IsZero() {
				assert.Nil(t, got["resolved_at"])
			} else {
				assert.Equal(t, inc.ResolvedAt, got["resolved_at"])
			}
			for _, key := range []string{"severity", "model"} {
				assert.Contains(t, got, key)
			}
		})
	}
}

// The person on call reads the first lines first: what, how bad, since when, why, and what to do.
func TestFirstLines(t *testing.T) {
	inc, f := complete()
	_, body := splitFrontMatter(newWriter(t, "en").Markdown(inc, f, "x"))
	first := strings.Join(strings.SplitN(string(body), "\n", 41)[:40], "\n")
	for _, want := range []string{
		"HighLoginFailureRate", "critical", "since 2026-11-20 08:29:35 UTC (3m 50s", "2 firing",
		"Now 64 % · peak 66 %", "**Carries it**: `source=203.0.113.0/24` 97 %", "**Credential stuffing", "[E2] [E3]", "**Confirm the source of the failures** — risk: read-only",
	} {
		assert.Contains(t, first, want)
	}
}

// What our checks found wrong is said where the claim stands first, not only in its section.
func TestFirstLinesCarryMarks(t *testing.T) {
	inc, f := complete()
	f.Verdict.Causes = f.Verdict.Causes[1:]
	f.Verdict.InsufficientEvidence = true
	w := newWriter(t, "en")
	md := string(w.Markdown(inc, f, "x"))
	head, _, _ := strings.Cut(md, "\n## ")
	assert.Contains(t, section(md, english.Causes), "**Unverified**: cites `E9`")
	assert.Contains(t, head, w.messages.Insufficient)
}

func TestStateLineForEveryReason(t *testing.T) {
	reasons := []incident.Reason{
		incident.NoKey, incident.Authentication, incident.Balance, incident.Budget, incident.Skipped, incident.GaveUp,
	}
	for _, language := range incident.Languages() {
		w := newWriter(t, language)
		for _, reason := range reasons {
			inc, f := evidenceOnly(reason, "what the server said")()
			head, _, _ := strings.Cut(string(w.Markdown(inc, f, "x")), "\n## ")
			assert.Contains(t, head, w.messages.NoAnalysis)
			assert.Contains(t, head, w.messages.Reasons[reason])
			saysAll := reason == incident.NoKey || reason == incident.Skipped
			assert.Equal(t, !saysAll, strings.Contains(head, "what the server said"), reason)
		}
	}
}

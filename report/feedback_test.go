package report

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func TestFeedback(t *testing.T) {
	inc, f := people()
	head, causes := parts(newWriter(t, "en"), inc, f)
	assert.Equal(t, 3, strings.Count(head, "**Con")+strings.Count(head, "**Corr"), "the newest three")
	assert.Less(t, strings.Index(head, "**FIRING**"), strings.Index(head, "✘ **Corrected** by Anna"))
	assert.Less(t, strings.Index(head, "✘ **Corrected** by Anna"), strings.Index(head, "✔ **Confirmed** by Bo"))
	assert.Less(t, strings.Index(head, "✔ **Confirmed** by Bo"), strings.Index(head, "Credential stuffing"), "before what the model says")
	assert.Contains(t, causes, "✔ **Confirmed** by someone at")

	inc.Feedback = []incident.Feedback{{Kind: incident.Correct, Text: strings.Repeat("x", incident.MaxFeedbackText), At: opened}}
	head, causes = parts(newWriter(t, "en"), inc, f)
	assert.Contains(t, head, "“"+strings.Repeat("x", lineRunes-1)+"…”")
	assert.Contains(t, causes, "“"+inc.Feedback[0].Text+"”", "in whole")

	f.Verdict = nil
	_, causes = parts(newWriter(t, "en"), inc, f)
	assert.Contains(t, causes, "✘ **Corrected**", "whatever the model says")
}

func TestMemory(t *testing.T) {
	inc, f := remembered()
	_, causes := parts(newWriterAt(t, "en", ""), inc, f)
	assert.Contains(t, causes, "### "+english.Memory, "without a verdict too")
	assert.Contains(t, causes, "- [2026-10-02 11:20 UTC][")
	assert.Contains(t, causes, "✘ **Corrected** by Anna: “It was the load test")
	assert.NotContains(t, causes, "Credential stuffing", "what a person has corrected")
	assert.NotContains(t, causes, "[E3]", "that is an id of another report")
	f.Memory[0].Feedback[0].Kind = incident.Confirm
	_, confirmed := parts(newWriterAt(t, "en", ""), inc, f)
	assert.Less(t, strings.Index(confirmed, "✔ **Confirmed** by Anna"), strings.Index(confirmed, "Credential stuffing"), "people first")
	f.Memory[0].Feedback[0].Kind = incident.Correct
	assert.Equal(t, 1, strings.Count(causes, english.Unreviewed))
	assert.Equal(t, 1, strings.Count(causes, english.Doubted))

	for range 3 {
		f.Memory = append(f.Memory, f.Memory...)
	}
	_, causes = parts(newWriter(t, "en"), inc, f)
	assert.Equal(t, maxRemembered, strings.Count(causes, "of labels match"))
	assert.Contains(t, causes, "### Similar past incidents, 3 of 24 (hypotheses, not evidence)")
}

func TestStorm(t *testing.T) {
	for n, want := range map[int]string{
		1: "**Related** in `namespace=shop`: 1 other incident opened within 5m", 4: "**Alert storm** in `namespace=shop`: 4 other incidents opened",
		6: "6 other incidents", incident.MaxRelated: "at least 10 other incidents",
	} {
		inc, f := storm(n)()
		md := string(newWriter(t, "en").Markdown(inc, f, "x"))
		others := section(md, english.Others)
		assert.Contains(t, others, want)
		assert.Equal(t, min(n, maxRows), strings.Count(others, "[Checkout_Slow"))
		assert.Equal(t, min(n, maxRows), strings.Count(md, "[Checkout_Slow"), "each once")
		if n > maxRows {
			assert.Contains(t, others, fmt.Sprintf(" · … and %d more.", n-maxRows))
		}
	}
	inc, f := storm(0)()
	assert.NotContains(t, string(newWriter(t, "en").Markdown(inc, f, "x")), "storm")
}

// Links to other incidents lead there from where the report is read.
func TestToIncident(t *testing.T) {
	const path = "2026-10-02/112000_登录_失败_aaaabbbb.md"
	id := id26('a')
	for _, tt := range []struct{ name, site, base, id, path, own, want string }{
		{"site", "http://as.example:5008/x/", "CHARTS", id, path, "", "http://as.example:5008/x/reports/" + id},
		{"site before page", "http://as.example", testID, id, "", "", "http://as.example/reports/" + id},
		{"page", "", testID, id, "", "", id},
		{"file", "", "CHARTS", id, path, "", "../2026-10-02/112000_%E7%99%BB%E5%BD%95_%E5%A4%B1%E8%B4%A5_aaaabbbb.md"},
		{"no path", "", "CHARTS", id, "", "", ""},
		{"path of another", "", "CHARTS", id26('b'), path, "", ""},
		{"way up", "", "CHARTS", id, "../2026-10-02/112000_X_aaaabbbb.md", "", ""},
		{"way out", "", "CHARTS", id, "2026-10-02/112000_../x_aaaabbbb.md", "", ""},
		{"address", "", "CHARTS", id, "http://evil.example/2026-10-02/112000_X_aaaabbbb.md", "", ""},
		{"new line", "", "CHARTS", id, path + "\n", "", ""},
		{"own place unknown", "", "CHARTS", id, path, "x.md", ""},
		{"no id", "http://as.example", "CHARTS", "../../x", path, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inc := facts()
			if tt.own != "" {
				inc.ReportPath = tt.own
			}
			inc.Scope = "job=login"
			inc.Related = []incident.RelatedIncident{{ID: tt.id, Alertname: "Other", Severity: "critical", OpenedAt: opened.Add(time.Second), ReportPath: tt.path}}
			md := string(newWriterAt(t, "en", tt.site).Markdown(inc, incident.Findings{}, tt.base))
			if tt.want == "" {
				assert.Contains(t, md, ": Other (critical, 08:30:06)")
				return
			}
			link := regexp.MustCompile(`: \[Other\]\[(l\d+)\] \(critical, 08:30:06\)`).FindStringSubmatch(md)
			require.NotNil(t, link)
			assert.Contains(t, md, "\n["+link[1]+"]: "+tt.want+"\n")
		})
	}
}

// On our page the links to other incidents come through, under any prefix; the one before this one has only an id.
func TestPageLinksToIncidents(t *testing.T) {
	inc, f := storm(3)()
	w := newWriterAt(t, "en", "")
	page, err := w.HTML(w.Markdown(inc, f, testID))
	require.NoError(t, err)
	links := assertHarmless(t, page)
	for _, id := range []string{id26('a'), id26('b'), id26('c'), predecessor} {
		assert.Contains(t, links, id)
	}
	assert.Contains(t, string(w.Markdown(inc, f, "CHARTS")), "Previous incident of this group: `"+predecessor+"`.")
}

// TestPastIncidentsOfWhichTheSameIsKnown are one item: nobody reads the same words three times.
func TestPastIncidentsOfWhichTheSameIsKnown(t *testing.T) {
	inc, f := complete()
	past := func(month time.Month, text string) incident.PastIncident {
		return incident.PastIncident{
			Incident: fmt.Sprintf("%c%s", 'a'+month, inc.ID[1:]), StartedAt: time.Date(2026, month, 2, 11, 20, 5, 0, time.UTC), Similarity: .8,
			Feedback: []incident.Feedback{{Kind: incident.Correct, By: "ann", Text: text}},
		}
	}
	f.Memory = []incident.PastIncident{past(3, "The kubelet was upgraded."), past(2, "The disk was full."), past(1, "The kubelet was upgraded.")}
	text := string(newWriter(t, incident.English).Markdown(inc, f, "x"))
	line := lineWith(t, text, "The kubelet was upgraded.")
	assert.Equal(t, 1, strings.Count(text, "The kubelet was upgraded."))
	assert.Less(t, strings.Index(line, "2026-03-02 11:20 UTC"), strings.Index(line, "2026-01-02 11:20 UTC"))
	assert.NotContains(t, line, "2026-02-02")
	assert.Less(t, strings.Index(text, "The kubelet was upgraded."), strings.Index(text, "The disk was full."), "the most alike is first")
}

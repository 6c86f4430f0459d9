package analyzer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
)

// How much stands beside the evidence.
const (
	maxHints      = 5   // of feedback
	maxHint       = 600 // runes
	maxHypotheses = 3
)

// context writes what is no evidence: the rest of a storm, past incidents and feedback, within some
// bytes. Hints and hypotheses have ids of their own, which no cause can cite.
func (p *promptText) context(inc *incident.Incident, memory []incident.PastIncident, room int) string {
	var b strings.Builder
	add := func(title string, lines []string) {
		titled := false
		for _, line := range lines {
			block := line + "\n"
			if !titled {
				block = "\n" + title + "\n" + block
			}
			if block = p.redact(block); b.Len()+len(block) > room {
				return
			}
			b.WriteString(block)
			titled = true
		}
	}
	add("Hints of people, to be tested against the evidence, no evidence themselves:", p.hints(inc, memory))
	add("Hypotheses from earlier incidents of this alert, no evidence:", p.hypotheses(memory))
	add(fmt.Sprintf("Other incidents with %s that opened within %d minutes of this one:",
		p.text(inc.Scope, maxTitle), int(incident.StormWindow.Minutes())), p.storm(inc))
	return b.String()
}

// hints are feedback on this incident and on past ones, the newest first.
func (p *promptText) hints(inc *incident.Incident, memory []incident.PastIncident) []string {
	var lines []string
	add := func(about string, feedback []incident.Feedback) {
		for _, f := range slices.Backward(feedback) {
			if len(lines) == maxHints {
				return
			}
			said := map[incident.FeedbackKind]string{
				incident.Confirm: "confirmed the analysis", incident.Correct: "corrected the analysis",
			}[f.Kind]
			line := fmt.Sprintf("P%d (a person %s of %s, %s)", len(lines)+1, said, about, stamp(f.At))
			if f.Text != "" {
				line += ": " + p.text(f.Text, maxHint)
			}
			lines = append(lines, line)
		}
	}
	add("this incident", inc.Feedback)
	for _, r := range memory {
		add("the incident of "+stamp(r.StartedAt), r.Feedback)
	}
	return lines
}

func (p *promptText) hypotheses(memory []incident.PastIncident) []string {
	var lines []string
	for _, r := range memory {
		if r.Hypothesis == "" || len(lines) == maxHypotheses {
			continue
		}
		review := "nobody reviewed it"
		if n := len(r.Feedback); n > 0 {
			review = map[incident.FeedbackKind]string{
				incident.Confirm: "a person confirmed it", incident.Correct: "a person said that it was wrong",
			}[r.Feedback[n-1].Kind]
		}
		if r.Marked {
			review += ", checks by code doubted it"
		}
		lines = append(lines, fmt.Sprintf("H%d (incident of %s, %s %% of labels the same, weight %s, %s): %s", len(lines)+1,
			stamp(r.StartedAt), number(100*r.Similarity), number(r.Weight), review, p.text(r.Hypothesis, maxShort)))
	}
	return lines
}

func (p *promptText) storm(inc *incident.Incident) []string {
	links := slices.Clone(inc.Related)
	slices.SortStableFunc(links, func(a, b incident.RelatedIncident) int { return p.policy.Rank(a.Severity) - p.policy.Rank(b.Severity) })
	var lines []string
	for _, l := range links {
		lines = append(lines, fmt.Sprintf("- %s, %s, opened %s", p.text(l.Alertname, maxTitle), p.text(l.Severity, maxLabelName), stamp(l.OpenedAt)))
	}
	return lines
}

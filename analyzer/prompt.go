package analyzer

import (
	_ "embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// instructions are the fixed part of every prompt, in every language: providers cache by the longest common prefix, so
// that nothing that changes may stand in it or before it.
//
//go:embed prompt.md
var instructions string

const (
	dataBegins = "<<<INCIDENT_DATA\n"
	dataEnds   = "INCIDENT_DATA>>>\n"
	closing    = "\nThe data ends here. Answer with the json object."

	// The least that MaxPromptBytes may be: the instructions and some room for data.
	minPromptBytes = 10 << 10
	maxRaw         = 32 << 10 // bytes of one text that are looked at at all
	trailerBytes   = 512      // kept free for the list of what was cut

	maxAlerts    = 20
	maxLabels    = 40
	maxLabelName = 100 // runes, as are the limits below
	maxLabel     = 300
	maxNote      = 800
	maxTitle     = 200
	maxSummary   = 2000
	maxShort     = 300
	maxPromQL    = 1000
	maxCell      = 240
	maxLine      = 240

	maxRows    = 12
	maxColumns = 8
	maxLines   = 12
)

var languages = map[incident.Language]string{
	incident.English: "Answer in English.\n\n",
	incident.Chinese: "请用简体中文回答：所有说明文字用中文，键名、枚举值、指标名和命令保持原样。\n\n",
}

// promptText renders one incident. What it writes is redacted, and one line per text from outside.
type promptText struct {
	redact func(string) string
	policy *incident.Policy
	out    strings.Builder
	left   int      // bytes
	cut    []string // ids of evidence that there was no room for
	brief  bool     // items leave out query and ranking: the query is known, or the summary is enough

	allAlerts bool                      // no alert was left out
	usual     incident.TimeRange        // what the evidence is about unless an item says otherwise
	checks    map[string]incident.Check // those that are answered, by the id of the answer
}

// renderPrompt returns the message that follows the instructions: the language, then the incident as data; and the ids
// of the evidence that there was no room for. What is likely to change between two calls about an incident comes last.
func renderPrompt(language incident.Language, size int, redact func(string) string, policy *incident.Policy,
	inc *incident.Incident, f incident.Findings,
) (message string, missing []string) {
	fixed := languages[language] + dataBegins + dataEnds + closing
	p := &promptText{redact: redact, policy: policy, left: size - len(instructions) - len(fixed) - trailerBytes}
	p.add(p.head(inc))
	p.alerts(inc, p.left*2/5)
	beside := p.context(inc, f.Memory, p.left/5)
	p.left -= len(beside)
	p.evidence(f.Evidence)
	p.out.WriteString(beside)
	return languages[language] + dataBegins + p.out.String() + dataEnds + closing, p.cut
}

// add writes a block if there is room for it.
func (p *promptText) add(block string) bool {
	block = p.redact(block) // once more, with the names beside the values
	if len(block) > p.left {
		return false
	}
	p.out.WriteString(block)
	p.left -= len(block)
	return true
}

var markerWord = regexp.MustCompile(`(?i)incident_data`)

// text makes a text from outside safe to send: cleaned, redacted, unable to close the data block or to pose as a role, and cut.
func (p *promptText) text(s string, runes int) string {
	s = p.redact(text.Clean(text.CutBytes(s, maxRaw)))
	return text.Cut(markerWord.ReplaceAllString(inert(text.BreakTokens(s)), "incident-data"), runes)
}

func (p *promptText) head(inc *incident.Incident) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Incident: %s\nseverity: %s, status: %s, receiver: %s\ngroup labels: %s\n",
		p.text(inc.Alertname, maxTitle), p.severity(inc), inc.Status,
		p.text(inc.Receiver, maxLabelName), p.labels(inc.GroupLabels))
	fmt.Fprintf(&b, "opened: %s, earliest start of an alert: %s", stamp(inc.OpenedAt), stamp(inc.StartedAt))
	if !inc.ResolvedAt.IsZero() {
		fmt.Fprintf(&b, ", resolved: %s", stamp(inc.ResolvedAt))
	}
	if inc.Flaps > 0 {
		fmt.Fprintf(&b, ", fired again after a short resolve: %d times", inc.Flaps)
	}
	b.WriteString("\n")
	return b.String()
}

// alerts writes the alerts, most severe first, within some bytes, and counts those that it leaves out.
func (p *promptText) alerts(inc *incident.Incident, room int) {
	alerts := mostSevereFirst(p.policy, inc.Alerts)
	hidden := ""
	if inc.Truncated > 0 {
		hidden = fmt.Sprintf(", and %d more that Alertmanager did not send", inc.Truncated)
	}
	shared := common(alerts, func(a incident.Alert) map[string]string { return a.Labels })
	notes := common(alerts, func(a incident.Alert) map[string]string { return a.Annotations })
	block := fmt.Sprintf("\nAlerts: %d firing of %d%s\n", len(inc.Firing()), len(alerts), hidden)
	if len(alerts) > 1 {
		block += "labels of all: " + p.labels(shared) + "\n" + p.notes(notes)
	} else {
		shared, notes = nil, nil
	}
	p.add(block)
	floor := p.left - room
	shown := 0
	for _, a := range alerts {
		block := p.alert(shown+1, a, shared, notes)
		if shown == maxAlerts || p.left-len(block) < floor || !p.add(block) {
			break
		}
		shown++
	}
	p.allAlerts = shown == len(alerts) && inc.Truncated == 0
	if rest := alerts[shown:]; len(rest) > 0 {
		p.add(fmt.Sprintf("%d more alerts are not shown: %s\n", len(rest), p.count(rest)))
	}
}

// severity says how bad the alerts say that it is, and what that is taken for where the word is not one of ours.
func (p *promptText) severity(inc *incident.Incident) string {
	said, known := inc.SaidSeverity()
	ours := p.text(inc.Severity, maxLabelName)
	switch {
	case known || ours == "":
		return ours
	case said == "":
		return "not stated by the alerts (handled as " + ours + ")"
	}
	return p.text(said, maxLabelName) + " (handled as " + ours + ")"
}

func mostSevereFirst(policy *incident.Policy, alerts []incident.Alert) []incident.Alert {
	key := func(a incident.Alert) int {
		_, said := a.SeverityLabel()
		rank := policy.Rank(strings.ToLower(said))
		if a.Status != incident.Firing {
			rank += 1000
		}
		return rank
	}
	sorted := slices.Clone(alerts)
	slices.SortStableFunc(sorted, func(a, b incident.Alert) int {
		if c := key(a) - key(b); c != 0 {
			return c
		}
		return a.Began().Compare(b.Began())
	})
	return sorted
}

func (p *promptText) alert(n int, a incident.Alert, shared, notes map[string]string) string {
	span := "since " + stamp(a.Began())
	if ended := a.Ended(); !ended.IsZero() {
		span += " until " + stamp(ended)
	}
	return fmt.Sprintf("Alert %d [%s] %s, %s\nlabels: %s\n%s", n, a.Status, p.text(a.Name(), maxTitle), span,
		p.labels(without(a.Labels, shared)), p.notes(without(a.Annotations, notes)))
}

// count sums up alerts by name and status.
func (p *promptText) count(alerts []incident.Alert) string {
	counts := map[string]int{}
	for _, a := range alerts {
		counts[p.text(a.Name(), maxLabelName)+" "+string(a.Status)]++
	}
	names := slices.Sorted(maps.Keys(counts))
	slices.SortStableFunc(names, func(a, b string) int { return counts[b] - counts[a] })
	var parts []string
	for _, name := range names[:min(len(names), 5)] {
		parts = append(parts, fmt.Sprintf("%d %s", counts[name], name))
	}
	if len(names) > 5 {
		parts = append(parts, "others")
	}
	return strings.Join(parts, ", ")
}

// evidence writes the items, in short form where there is no room for more, and lists what it cut.
func (p *promptText) evidence(items []incident.Evidence) {
	p.add(p.evidenceHead(items))
	if p.brief {
		line, rest := p.nothings(items)
		p.add(line)
		items = rest
	}
	var shortened []string
	blocks, total := make([]string, len(items)), 0
	for i, e := range items {
		blocks[i] = p.item(e)
		total += len(blocks[i])
	}
	tight := total > p.left
	for i, e := range items {
		room := p.left
		if tight && i+1 < len(items) {
			room /= 2 // no item takes more than half of what is left while others wait
		}
		switch {
		case len(blocks[i]) <= room && p.add(blocks[i]):
		case p.add(p.short(e)):
			shortened = append(shortened, e.ID)
		default:
			p.cut = append(p.cut, e.ID)
		}
	}
	p.left += trailerBytes
	if len(shortened) > 0 {
		p.add("Shortened to fit: " + text.Cut(strings.Join(shortened, ", "), trailerBytes/3) + "\n")
	}
	if len(p.cut) > 0 {
		p.add("Left out to fit, not to be cited: " + text.Cut(strings.Join(p.cut, ", "), trailerBytes/3) + "\n")
	}
}

// evidenceHead says how many items there are, and what times they are about.
func (p *promptText) evidenceHead(items []incident.Evidence) string {
	p.usual = usualRange(items)
	if p.usual.Start.IsZero() || p.brief {
		return fmt.Sprintf("\nEvidence: %d items\n", len(items))
	}
	return fmt.Sprintf("\nEvidence: %d items, about %s to %s unless they say otherwise\n", len(items), stamp(p.usual.Start), stamp(p.usual.End))
}

func (p *promptText) labels(labels map[string]string) string {
	names := slices.Sorted(maps.Keys(labels))
	var parts []string
	for _, name := range names[:min(len(names), maxLabels)] {
		// Redacted together: the name may be what tells that the value is a secret.
		pair := p.redact(p.text(name, maxLabelName) + "=" + strconv.Quote(p.text(labels[name], maxLabel)))
		parts = append(parts, pair)
	}
	if n := len(names) - maxLabels; n > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", n))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (p *promptText) notes(annotations map[string]string) string {
	var b strings.Builder
	names := slices.Sorted(maps.Keys(annotations))
	for _, name := range names[:min(len(names), maxLabels)] {
		fmt.Fprintf(&b, "annotation %s: %s\n", p.text(name, maxLabelName), p.text(annotations[name], maxNote))
	}
	return b.String()
}

// common returns the pairs that all alerts have.
func common(alerts []incident.Alert, of func(incident.Alert) map[string]string) map[string]string {
	if len(alerts) == 0 {
		return nil
	}
	shared := maps.Clone(of(alerts[0]))
	for _, a := range alerts[1:] {
		other := of(a)
		maps.DeleteFunc(shared, func(k, v string) bool { w, ok := other[k]; return !ok || w != v })
	}
	return shared
}

func without(all, shared map[string]string) map[string]string {
	rest := maps.Clone(all)
	maps.DeleteFunc(rest, func(k, _ string) bool { _, ok := shared[k]; return ok })
	return rest
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func number(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

package report

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/alertscribe/alertscribe/incident"
)

// frontMatter is the head of the file for machines. Every key but severity_label is always there; a time that is not known is null.
type frontMatter struct {
	ID             string            `yaml:"id"`
	Alertname      string            `yaml:"alertname"`
	Severity       string            `yaml:"severity"`
	SeverityLabel  string            `yaml:"severity_label,omitempty"` // what the alerts say, where severity is ours
	Status         string            `yaml:"status"`
	Analysis       string            `yaml:"analysis"`
	AnalysisReason string            `yaml:"analysis_reason"`
	StartedAt      *time.Time        `yaml:"started_at"`
	ResolvedAt     *time.Time        `yaml:"resolved_at"`
	GeneratedAt    *time.Time        `yaml:"generated_at"`
	Value          string            `yaml:"value"` // as text with its unit, "" where it is not known; so are these two
	Threshold      string            `yaml:"threshold"`
	Peak           string            `yaml:"peak"`
	LookedAt       *time.Time        `yaml:"looked_at"`
	IncidentURL    string            `yaml:"incident_url"` // of the page; "" where its address is not known
	Model          string            `yaml:"model"`
	Tokens         tokens            `yaml:"tokens,flow"`
	Cost           money             `yaml:"cost"` // USD
	Language       incident.Language `yaml:"language"`
}

type tokens struct {
	Prompt     int `yaml:"prompt"`
	Cached     int `yaml:"cached"`
	Completion int `yaml:"completion"`
}

// money is written without an exponent, which not every reader of YAML takes for a number.
type money float64

// MarshalYAML implements yaml.Marshaler.
func (m money) MarshalYAML() (any, error) {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: strconv.FormatFloat(float64(m), 'f', 6, 64)}, nil
}

const frontMatterMark = "---\n"

func (p *page) frontMatter() []byte {
	spend := p.inc.Spend
	fm := frontMatter{
		ID: p.inc.ID, Alertname: oneLine(p.inc.Alertname, titleRunes), Severity: plain(p.inc.Severity),
		Status: plain(p.inc.Status), Analysis: plain(p.inc.Analysis.State), AnalysisReason: plain(p.inc.Analysis.Reason),
		StartedAt: known(p.inc.StartedAt), ResolvedAt: known(p.inc.ResolvedAt), GeneratedAt: known(p.now),
		Tokens: tokens{spend.Prompt, spend.Cached, spend.Completion}, Cost: money(spend.Cost), Language: p.w.Code,
	}
	f := p.figures()
	fm.Value, fm.Threshold, fm.Peak = plain(figureText(f.Value)), plain(figureText(f.Threshold)), plain(figureText(f.Peak))
	fm.LookedAt = known(p.inc.LookedAt.Truncate(time.Second))
	if p.site != "" {
		fm.IncidentURL = p.site + "/reports/" + p.inc.ID
	}
	if p.found.Verdict != nil {
		fm.Model = plain(p.found.Verdict.Model)
	}
	if said, known := p.inc.SaidSeverity(); !known {
		fm.SeverityLabel = plain(said)
	}
	body, err := yaml.Marshal(fm)
	if err != nil {
		// Strings, numbers and times always marshal. The id alone keeps the file recognizable as ours.
		body = fmt.Appendf(nil, "id: %q\n", p.inc.ID)
	}
	return []byte(frontMatterMark + string(body) + frontMatterMark + "\n")
}

// plain returns a word for YAML, which would write characters that are not printable as binary data.
func plain[S ~string](s S) string { return oneLine(string(s), labelRunes) }

func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// splitFrontMatter returns the YAML at the head of a report, nil when there is none, and the Markdown after it.
func splitFrontMatter(report []byte) (front, body []byte) {
	rest, ok := bytes.CutPrefix(report, []byte(frontMatterMark))
	if !ok {
		return nil, report
	}
	if at := bytes.Index(rest, []byte("\n"+frontMatterMark)); at >= 0 {
		return rest[:at+1], rest[at+1+len(frontMatterMark):]
	}
	return nil, report
}

// reportID returns the incident's id that the front matter at the head of a file carries, "" when it carries none.
func reportID(head []byte) string {
	front, _ := splitFrontMatter(head)
	var fm struct {
		ID string `yaml:"id"`
	}
	if err := yaml.Unmarshal(front, &fm); err != nil {
		return ""
	}
	return fm.ID
}

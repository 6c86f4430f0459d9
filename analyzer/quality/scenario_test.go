package quality

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/payload"
)

// root holds a folder for each scenario.
const root = "../../testdata/quality"

// scenario is one incident whose cause is known.
type scenario struct {
	name, dir string

	About    string            `yaml:"about"`    // in one line: what has happened, and what makes it hard
	Language incident.Language `yaml:"language"` // of the answer: en or zh
	Payload  string            `yaml:"payload"`  // the file with the webhook's body
	Now      clock             `yaml:"now"`      // when the webhook arrives and evidence is collected
	Rule     *rule             `yaml:"rule"`     // as Prometheus lists it; without one, the payload's generatorURL tells
	World    world             `yaml:"world"`
	Memory   []memory          `yaml:"memory"` // past incidents of the same kind
	Expect   expectation       `yaml:"expect"`

	evidence        []incident.Evidence
	counterEvidence counterEvidence
	recorded        *recording
}

// rule is an alerting rule.
type rule struct {
	Alert  string            `yaml:"alert"`
	Expr   string            `yaml:"expr"`
	For    string            `yaml:"for,omitempty"`
	Labels map[string]string `yaml:"labels,omitempty"`
}

// recording is what the model has answered, call by call, as it came.
type recording struct {
	Model   string    `json:"model"`
	By      string    `json:"by"` // byHand or byModel
	At      time.Time `json:"at,omitzero"`
	Answers []string  `json:"answers"`
}

// Who has written a recording: an author, in the manner of a model, or a model.
const (
	byHand  = "hand"
	byModel = "live"
)

// counterEvidence is what was looked up to verify the draft, and for which queries of its own.
type counterEvidence struct {
	Checks      []string            `json:"checks"`
	Comparisons []incident.Evidence `json:"comparisons"`
	Answers     []incident.Evidence `json:"answers"`
}

// regex is a regular expression that ignores case and reads line breaks as any character.
type regex struct{ *regexp.Regexp }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *regex) UnmarshalText(text []byte) (err error) {
	r.Regexp, err = regexp.Compile("(?is)" + string(text))
	return err
}

// String implements fmt.Stringer; an expression that is not given matches all.
func (r regex) String() string {
	if r.Regexp == nil {
		return "any text"
	}
	return r.Regexp.String()
}

// names returns the names of all scenarios.
func names(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, "*", "scenario.yml"))
	require.NoError(t, err)
	var out []string
	for _, file := range found {
		out = append(out, filepath.Base(filepath.Dir(file)))
	}
	return out
}

// load reads a scenario; recordings that are not there yet are left out.
func load(t *testing.T, name string) *scenario {
	t.Helper()
	s := &scenario{name: name, dir: filepath.Join(root, name)}
	f, err := os.Open(s.path("scenario.yml"))
	require.NoError(t, err)
	defer f.Close()
	decoder := yaml.NewDecoder(f)
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(s), s.path("scenario.yml"))
	read(t, s.path("evidence.json"), &s.evidence)
	read(t, s.path("counter_evidence.json"), &s.counterEvidence)
	read(t, s.path("answers.json"), &s.recorded)
	return s
}

func (s *scenario) path(file string) string { return filepath.Join(s.dir, file) }

// read reads a JSON file, if it is there.
func read(t *testing.T, file string, into any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, into), file)
}

// memory is a recollection as scenarios write it.
type memory struct {
	Started    clock     `yaml:"started"`
	Lasted     string    `yaml:"lasted"`
	Similarity float64   `yaml:"similarity"`
	Hypothesis string    `yaml:"hypothesis"`
	Marked     bool      `yaml:"marked"`
	Feedback   []comment `yaml:"feedback"`
}

// comment is feedback as scenarios write it.
type comment struct {
	Kind string `yaml:"kind"`
	Text string `yaml:"text"`
	By   string `yaml:"by"`
}

func (m memory) pastIncident(now time.Time) incident.PastIncident {
	lasted, err := time.ParseDuration(m.Lasted)
	if err != nil {
		lasted = time.Hour
	}
	ended := m.Started.Add(lasted)
	r := incident.PastIncident{
		Incident: "qqqqqqqqqqqqqqqqqqqqqqqqqq", ReportPath: m.Started.Format("2006-01-02/150405") + "_earlier_qqqqqqqq.md",
		StartedAt: m.Started.Time, ResolvedAt: ended, Similarity: m.Similarity,
		Weight: incident.MemoryWeight(m.Similarity, now.Sub(ended)), Hypothesis: m.Hypothesis, Marked: m.Marked,
	}
	for _, f := range m.Feedback {
		r.Feedback = append(r.Feedback, incident.Feedback{
			Kind: incident.FeedbackKind(f.Kind), Text: f.Text, By: f.By, At: ended.Add(time.Hour),
		})
	}
	return r
}

// incident opens the incident that the payload opens.
func (s *scenario) incident(t *testing.T) *incident.Incident {
	t.Helper()
	body, err := os.ReadFile(s.path(s.Payload))
	require.NoError(t, err)
	n, err := payload.Decode(bytes.NewReader(body), s.Now.Time, payload.Options{})
	require.NoError(t, err)
	n.Normalize()
	require.NotEmpty(t, n.Alerts)
	inc := incident.DefaultPolicy().Open(n, "")
	inc.ID = strings.Repeat("q", len(inc.ID)) // ids are random otherwise
	return inc
}

func (s *scenario) findings() incident.Findings {
	f := incident.Findings{Evidence: s.evidence}
	for _, m := range s.Memory {
		f.Memory = append(f.Memory, m.pastIncident(s.Now.Time))
	}
	return f
}

// rules is the rule file for Prometheus.
func (s *scenario) rules() (string, error) {
	if s.Rule == nil {
		return "", nil
	}
	// The group has no telling name: the model is shown it.
	b, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "rules", "rules": []any{s.Rule}}}})
	if err != nil {
		return "", fmt.Errorf("writing the rule: %w", err)
	}
	return string(b), nil
}

// evidenceLines writes evidence as JSON, each item on a line of its own: they are long, and differences should show which one.
func evidenceLines(items []incident.Evidence) (json.RawMessage, error) {
	texts := make([]string, len(items))
	for i, item := range items {
		text, err := json.Marshal(item)
		if err != nil {
			return nil, fmt.Errorf("writing evidence: %w", err)
		}
		texts[i] = string(text)
	}
	return json.RawMessage("[\n" + strings.Join(texts, ",\n") + "\n]"), nil
}

package analyzer

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer/factcheck"
	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// readText reads an answer of which the provider says nothing.
func readText(content string) (*incident.Verdict, error) {
	r, err := readVerdict(reply{content: content})
	return r.verdict, err
}

func TestReadVerdict(t *testing.T) {
	const small = `{"summary":"s","causes":[]}`
	tests := []struct {
		name, content, wrong string // wrong: what the error says; "" when it is read
	}{
		{"plain", small, ""},
		{"byte order mark", "\ufeff" + small, ""},
		{"fence", "```json\n" + small + "\n```", ""},
		{"words around", "Sure! {job=\"x\"} is bad.\n" + small + "\nBye {", ""},
		{"wrapped", `{"verdict":` + small + `}`, ""},
		{"null lists", `{"summary":"s","causes":[],"actions":null,"checks":null,"prevention":null}`, ""},
		{"unknown keys", `{"summary":"s","causes":[],"confidence":{"a":[1]}}`, ""},
		{"the last of two", `{"summary":"draft","causes":[]} then ` + small, ""},
		{"empty", "", "no json object"},
		{"prose", "I think it is the network.", "no json object"},
		{"braces in prose", "rate(x{job=\"a\"}[5m]) is {high}", "no json object"},
		{"cut off", small[:20], "truncated"},
		{"cut off within a cause", `{"summary":"s","causes":[{"hypothesis":"h","evidence":["E1"]},{"hyp`, "truncated"},
		{"trailing comma", `{"summary":"s","causes":[],}`, ""},
		{"no summary", `{"causes":[]}`, `"summary" is missing`},
		{"no causes", `{"summary":"s"}`, `"causes" is missing`},
		{"null causes", `{"summary":"s","causes":null}`, `"causes" is missing`},
		{"blank summary", `{"summary":" \u200b ","causes":[]}`, `"summary" is empty`},
		{"blank hypothesis", `{"summary":"s","causes":[{"evidence":["E1"]}]}`, `"hypothesis" of cause 1 is empty`},
		{"causes is a string", `{"summary":"s","causes":"x"}`, ""},
		{"wrong type deep down", `{"summary":"s","causes":[{"hypothesis":3}]}`, ""},
		{"no cause can be read", `{"summary":"s","causes":[{"hypothesis":{"a":1}}]}`, `"hypothesis" of cause 1 is empty`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			verdict, err := readText(test.content)
			if test.wrong != "" {
				require.Error(t, err)
				assert.Contains(t, err.Error(), test.wrong)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "s", verdict.Summary)
		})
	}
}

func TestCitations(t *testing.T) {
	tests := []struct {
		cited string // JSON
		want  []string
	}{
		{`["E1","E2"]`, []string{"E1", "E2"}},
		{`["[E1]","e2","E1: the rate of E2E","E01"]`, []string{"E1", "E2"}},
		{`"E1, E2"`, []string{"E1", "E2"}},
		{`["evidence: E2"]`, []string{"E2"}},
		{`["E9"]`, []string{"E9"}},
		{`["E1","the logs\nof the pod",""]`, []string{"E1", "the logs of the pod"}},
		{`[]`, []string{}},
		{`null`, []string{}},
		{`[1, "02", 3.0]`, []string{"E1", "E2", "E3"}},
		{`"1, 2"`, []string{"E1", "E2"}},
		{`["证据2", "evidence 1", "#3"]`, []string{"E2", "E1", "E3"}},
		{`[{"id":"E2"},{"E1":"the rate"}]`, []string{"E2", "E1"}},
	}
	for _, test := range tests {
		verdict, err := readText(`{"summary":"s","causes":[{"hypothesis":"h","evidence":` + test.cited + `}]}`)
		require.NoError(t, err)
		assert.Equal(t, test.want, verdict.Causes[0].Evidence)
	}
}

func TestVerdictIsNormalized(t *testing.T) {
	long := strings.Repeat("界", 5000)
	verdict, err := readText(`{"summary":"` + long + `","category":"Weather","severity":"ENORMOUS","causes":[` +
		strings.Repeat(`{"hypothesis":"h\u202e\u0007\nx","likelihood":"HIGH "},`, 30) + `{"hypothesis":"h"}],"actions":[` +
		strings.Repeat(`{"step":"s","command":"a\nb","risk":"brave"},`, 50) + `{"step":""}],"prevention":["","p"]}`)
	require.NoError(t, err)
	assert.Equal(t, maxOverview, utf8.RuneCountInString(verdict.Summary))
	assert.True(t, strings.HasSuffix(verdict.Summary, "…"))
	assert.Equal(t, "unknown", verdict.Category)
	assert.Equal(t, "none", verdict.Severity)
	assert.Len(t, verdict.Causes, maxCauses)
	assert.Equal(t, "h x", verdict.Causes[0].Hypothesis)
	assert.Equal(t, "high", verdict.Causes[0].Likelihood)
	assert.Len(t, verdict.Actions, maxActions)
	assert.Equal(t, "a\nb", verdict.Actions[0].Command)
	assert.Equal(t, "unknown", verdict.Actions[0].Risk)
	assert.Equal(t, []string{"p"}, verdict.Prevention)
}

func FuzzReadVerdict(f *testing.F) {
	f.Add(modeltest.PlausibleVerdict(modeltest.Request{}))
	f.Add(instructions)
	f.Add("```json\n{\"summary\":\"s\",\"causes\":[{\"hypothesis\":\"h\",\"evidence\":\"E1\"}]}\n```")
	f.Add(`{"a":{"summary":"\ud800","causes":[{"hypothesis":"` + "\xff\u202e" + `","evidence":["[e1]","x"]}]}`)
	f.Add(strings.Repeat("{", 1000))
	f.Add(strings.Repeat(`{"a":`, 1000))
	f.Fuzz(func(t *testing.T, content string) {
		verdict, err := readText(content)
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" || verdict != nil {
				t.Fatalf("an error without words, or with a verdict: %v", err)
			}
			verdict = proseVerdict(content)
		} else if verdict.Summary == "" {
			t.Fatal("a verdict without a summary")
		}
		requireSchema(t, verdict)
		factcheck.Check(verdict, factcheck.Input{Incident: testIncident(), Evidence: testEvidence()})
		requireCitationsMarked(t, verdict, "E1", "E2")
	})
}

// requireSchema fails unless all is bounded, readable, and of the schema.
func requireSchema(t *testing.T, v *incident.Verdict) {
	bounded := func(s string, runes int) {
		if !utf8.ValidString(s) || utf8.RuneCountInString(s) > runes || text.Clean(s) != s {
			t.Fatalf("not bounded or not clean: %q", s)
		}
	}
	enum := func(s string, values ...string) {
		if !slices.Contains(values, s) {
			t.Fatalf("%q is not one of %q", s, values)
		}
	}
	bounded(v.Summary, maxOverview)
	bounded(v.Prose, maxProse)
	enum(v.Category, incident.Categories()...)
	enum(v.Severity, incident.Severities()...)
	if len(v.Causes) > maxCauses || len(v.Actions) > maxActions || len(v.Checks) > maxItems || v.Causes == nil ||
		v.Actions == nil || v.Checks == nil || v.Prevention == nil || v.MissingEvidence == nil {
		t.Fatal("too many of something, or nil")
	}
	for _, c := range v.Causes {
		bounded(c.Hypothesis, maxSentence)
		bounded(c.Disproof, maxSentence)
		enum(c.Likelihood, append(incident.Likelihoods(), incident.Unknown)...)
		for _, id := range c.Evidence {
			bounded(id, maxCitation)
		}
	}
	for _, a := range v.Actions {
		bounded(a.Step, maxSentence)
		bounded(a.Command, maxCommand)
		enum(a.Risk, append(incident.Risks(), incident.Unknown)...)
	}
	for _, s := range append(slices.Clone(v.Prevention), v.MissingEvidence...) {
		bounded(s, maxSentence)
	}
}

// requireCitationsMarked fails unless each cause that cites nothing, or what does not exist, is marked for it.
func requireCitationsMarked(t *testing.T, v *incident.Verdict, known ...string) {
	for _, c := range v.Causes {
		if len(c.Evidence) == 0 && !slices.Contains(c.Marks, incident.Mark{Kind: incident.MarkUncited}) {
			t.Fatal("uncited and not marked")
		}
		for _, id := range c.Evidence {
			marked := slices.Contains(c.Marks, incident.Mark{Kind: incident.MarkUnknownEvidence, Text: id})
			if !slices.Contains(known, id) && !marked {
				t.Fatalf("unknown and not marked: %q", id)
			}
		}
	}
}

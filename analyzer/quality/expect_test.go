package quality

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func re(t *testing.T, s string) regex {
	t.Helper()
	var r regex
	require.NoError(t, r.UnmarshalText([]byte(s)))
	return r
}

// TestEachExpectationCanFail breaks what is expected of a good recording, or the recording itself, one thing at a time.
func TestEachExpectationCanFail(t *testing.T) {
	s := load(t, "login-attack")
	p := s.replay(t)
	require.Empty(t, s.result(p).problems, "the recording must be good to be broken")
	kinds := s.Expect.Cites
	require.NotEmpty(t, kinds)
	for name, c := range map[string]struct {
		spoil func(e *expectation, v *incident.Verdict)
		says  string
	}{
		"cause":                {func(e *expectation, _ *incident.Verdict) { e.Cause = []regex{re(t, "tornado")} }, "none of the first 1 causes matches"},
		"among":                {func(_ *expectation, v *incident.Verdict) { v.Causes = v.Causes[1:] }, "none of the first 1 causes matches"},
		"not first":            {func(e *expectation, _ *incident.Verdict) { e.NotFirst = e.Cause[:1] }, "the first cause matches"},
		"summary":              {func(e *expectation, _ *incident.Verdict) { e.Summary = []regex{re(t, "tornado")} }, "the summary does not match"},
		"forbidden in a cause": {func(e *expectation, _ *incident.Verdict) { e.Forbidden = e.Cause[:1] }, "cause 1 matches"},
		"forbidden in summary": {func(e *expectation, v *incident.Verdict) {
			e.Forbidden, v.Summary = []regex{re(t, "^tornado$")}, "tornado"
		}, "the summary matches"},
		"forbidden in a command": {func(e *expectation, v *incident.Verdict) {
			e.Forbidden, v.Actions[0].Command = []regex{re(t, "rm -rf")}, "rm -rf /"
		}, "the command of action 1"},
		"cites":        {func(e *expectation, _ *incident.Verdict) { e.Cites = []incident.EvidenceKind{incident.KindRunbook} }, "cites nothing of kind runbook"},
		"category":     {func(e *expectation, _ *incident.Verdict) { e.Categories = []string{"latency"} }, "the category is security"},
		"severity":     {func(e *expectation, _ *incident.Verdict) { e.Severities = []string{"none"} }, "not one of none"},
		"insufficient": {func(e *expectation, _ *incident.Verdict) { e.Insufficient = "yes" }, "insufficient_evidence is false, not true"},
		"sufficient":   {func(_ *expectation, v *incident.Verdict) { v.InsufficientEvidence = true }, "insufficient_evidence is true, not false"},
		"prose":        {func(_ *expectation, v *incident.Verdict) { v.Prose = "I think" }, "the answer is prose"},
		"draft wrong":  {func(e *expectation, _ *incident.Verdict) { e.DraftWrong = true }, "the draft is right"},
		"deserved mark": {func(e *expectation, _ *incident.Verdict) {
			e.Marks.Final = []deserved{{Kind: incident.MarkUncited}}
		}, "the mark uncited (of any text) is missing"},
		"false alarm": {func(_ *expectation, v *incident.Verdict) {
			v.Causes[0].Marks = []incident.Mark{{Kind: incident.MarkNumberNotFound, Text: "42"}}
		}, `false alarm: final, cause 1: number_not_found "42"`},
		"prompt":     {func(e *expectation, _ *incident.Verdict) { e.MaxPrompt = 100 }, "the first prompt has about"},
		"completion": {func(e *expectation, _ *incident.Verdict) { e.MaxCompletion = 10 }, "answer 1 has about"},
	} {
		t.Run(name, func(t *testing.T) {
			spoilt, broken := *s, *p
			final := *p.final
			final.Causes, final.Actions = slices.Clone(p.final.Causes), slices.Clone(p.final.Actions)
			broken.final = &final
			c.spoil(&spoilt.Expect, broken.final)
			assert.Contains(t, strings.Join(spoilt.result(&broken).problems, "\n"), c.says)
		})
	}
}

func TestConfidentlyWrong(t *testing.T) {
	e := expectation{Cause: []regex{re(t, "disk")}, NotFirst: []regex{re(t, "network")}}
	verdict := func(likelihood string, confidence float64, hypothesis string) *incident.Verdict {
		return &incident.Verdict{Causes: []incident.Cause{{Hypothesis: hypothesis, Likelihood: likelihood, Confidence: confidence}}}
	}
	for _, c := range []struct {
		v            *incident.Verdict
		right, wrong bool
	}{
		{verdict("high", .5, "The disk is full."), true, false},
		{verdict("high", .2, "The moon is full."), false, true},
		{verdict("low", .75, "The moon is full."), false, true},
		{verdict("medium", .5, "The moon is full."), false, false},
		{verdict("high", .5, "The disk of the network is full."), false, true},
		{&incident.Verdict{}, false, false},
	} {
		j := e.judge(c.v, nil)
		assert.Equal(t, []bool{c.right, c.wrong}, []bool{j.topRight, j.confidentlyWrong()}, "%+v", c.v.Causes)
	}
	unknown := expectation{Insufficient: "yes"}
	assert.True(t, unknown.judge(&incident.Verdict{InsufficientEvidence: true}, nil).topRight)
	assert.True(t, unknown.judge(verdict("high", .5, "The moon."), nil).confidentlyWrong())
}

func TestTable(t *testing.T) {
	good := &result{name: "a", topRight: true, prompts: []int{3000, 4000}, cached: .6, completion: 900, cost: .001, checked: 5, causes: 2, draft: &judgement{confident: true}}
	bad := &result{name: "b", problems: []string{"x"}, confidentlyWrong: true, prompts: []int{1000}, checked: 3, causes: 2, causesFalsely: 1, draft: &judgement{topRight: true}, falsely: []placed{
		{Mark: incident.Mark{Kind: incident.MarkNumberNotFound}}, {Mark: incident.Mark{Kind: incident.MarkNameNotFound}},
	}}
	shown := table([]*result{good, bad})
	assert.Contains(t, shown, "| a | pass | yes | no | 0, 0 | 3000 + 4000 | 60 % | 900 | 0.00100 | 0 |")
	assert.Contains(t, shown, "| b | FAIL | no | YES | 0, 2 | 1000 | 0 % |")
	assert.Contains(t, shown, "| **all 2** | 1 pass | 1 yes | 1 YES | 0, 2 | mean 2000 + 2000 |")
	assert.Contains(t, shown, "2 marks beside 8 summaries, causes and actions; 1 of 4 causes marked falsely. name_not_found: 1. number_not_found: 1.")
	assert.Contains(t, shown, "top cause right in 1, confidently wrong in 1.")
	assert.Contains(t, shown, "0 recorded from a model, 2 written by hand")
}

// TestExpectationsDistinguishCauses: an answer that puts its least likely cause first is judged as wrong.
func TestExpectationsDistinguishCauses(t *testing.T) {
	for _, name := range names(t) {
		s := load(t, name)
		p := s.replay(t)
		if len(p.final.Causes) < 2 {
			continue
		}
		turned := *p.final
		turned.Causes = slices.Clone(p.final.Causes)
		slices.Reverse(turned.Causes)
		if e := s.Expect; e.Among < 2 {
			assert.False(t, e.judge(&turned, p.evidence).topRight, "%s takes this for the cause: %s", name, turned.Causes[0].Hypothesis)
		}
	}
}

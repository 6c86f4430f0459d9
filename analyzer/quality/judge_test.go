package quality

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
)

// expectation is what the final answer must be like. Expressions ignore case.
type expectation struct {
	// Cause are expressions that one cause among the first Among (default 1) must match, all of them.
	Cause []regex `yaml:"cause"`
	Among int     `yaml:"among"`
	// NotFirst may be among the causes, but may not be the first: a red herring.
	NotFirst []regex `yaml:"not_first"`
	Summary  []regex `yaml:"summary"` // all of them must match it
	// Forbidden may match no cause, not the summary and no command.
	Forbidden  []regex                 `yaml:"forbidden"`
	Cites      []incident.EvidenceKind `yaml:"cites"`      // by the first cause, all of them
	Categories []string                `yaml:"categories"` // one of them; default all
	Severities []string                `yaml:"severities"` // likewise
	// Insufficient is no (default), yes where the honest answer is that the evidence carries no conclusion, or either.
	Insufficient string `yaml:"insufficient"`
	// DraftWrong says that the recorded draft does not meet the expectation: verification mends it.
	DraftWrong bool  `yaml:"draft_wrong"`
	Marks      marks `yaml:"marks"`
	// MaxPrompt bounds the tokens of the first call's prompt, MaxCompletion those of each answer.
	MaxPrompt     int `yaml:"max_prompt_tokens"`
	MaxCompletion int `yaml:"max_completion_tokens"`
}

// marks are those that the recorded answers deserve, and the false alarms that are known and not mended yet. An
// unknown false alarm is a problem, and so is a known one that is gone: take it off the list.
type marks struct {
	Draft []deserved `yaml:"draft"`
	Final []deserved `yaml:"final"`
	False []deserved `yaml:"false"`
}

type deserved struct {
	Kind incident.MarkKind `yaml:"kind"`
	Text regex             `yaml:"text"`
}

// The bounds where a scenario sets none.
const (
	usualPrompt     = 8000
	usualCompletion = 1500
	leastCached     = .65 // of the second prompt, that stands at the start of the first
)

// placed is a mark, with where it stands and the sentence that it was found in.
type placed struct {
	incident.Mark
	where, sentence string
}

// marked returns all marks of a verdict.
func marked(answer string, v *incident.Verdict) []placed {
	var out []placed
	add := func(where, sentence string, list []incident.Mark) {
		for _, m := range list {
			out = append(out, placed{m, answer + ", " + where, sentence})
		}
	}
	add("summary", v.Summary, v.Marks)
	for i, c := range v.Causes {
		add(fmt.Sprintf("cause %d", i+1), c.Hypothesis, c.Marks)
	}
	for i, a := range v.Actions {
		add(fmt.Sprintf("action %d", i+1), a.Step+" / "+a.Why+" / "+a.Command, a.Marks)
	}
	return out
}

// checked counts what marks stand beside: summaries, causes and actions.
func checked(v *incident.Verdict) int { return 1 + len(v.Causes) + len(v.Actions) }

// judgement is what there is to say about an answer.
type judgement struct {
	problems  []string // what was expected and is not so
	topRight  bool     // the first cause is the true one, or the answer honestly says that it is not known
	confident bool     // the first cause is asserted as likely, or measured so, in an answer that claims to know
}

func (j *judgement) fail(format string, args ...any) {
	j.problems = append(j.problems, fmt.Sprintf(format, args...))
}

// judge holds an answer against what is expected of it.
func (e expectation) judge(v *incident.Verdict, evidence []incident.Evidence) *judgement {
	j := &judgement{}
	if v.Prose != "" {
		j.fail("the answer is prose")
		return j
	}
	e.judgeCauses(j, v, evidence)
	e.judgeText(j, v)
	if len(e.Categories) > 0 && !slices.Contains(e.Categories, v.Category) {
		j.fail("the category is %s, not one of %s", v.Category, strings.Join(e.Categories, ", "))
	}
	if len(e.Severities) > 0 && !slices.Contains(e.Severities, v.Severity) {
		j.fail("the severity is %s, not one of %s", v.Severity, strings.Join(e.Severities, ", "))
	}
	if want := e.Insufficient == "yes"; e.Insufficient != "either" && v.InsufficientEvidence != want {
		j.fail("insufficient_evidence is %t, not %t", v.InsufficientEvidence, want)
		j.topRight = j.topRight && !want
	}
	return j
}

const assertedFrom = .7 // from here on, a cause counts as asserted whatever the model says of its likelihood

func (e expectation) judgeCauses(j *judgement, v *incident.Verdict, evidence []incident.Evidence) {
	among := max(e.Among, 1)
	right := slices.IndexFunc(v.Causes, func(c incident.Cause) bool { return matchesAll(e.Cause, c.Hypothesis) })
	if len(e.Cause) > 0 && (right < 0 || right >= among) {
		j.fail("none of the first %d causes matches %v", among, e.Cause)
	}
	if len(v.Causes) == 0 {
		j.topRight = e.Insufficient != "" && v.InsufficientEvidence
		return
	}
	first := v.Causes[0]
	j.confident = !v.InsufficientEvidence && (first.Likelihood == "high" || first.Confidence >= assertedFrom)
	j.topRight = len(e.Cause) == 0 || right == 0
	for _, r := range e.NotFirst {
		if r.MatchString(first.Hypothesis) {
			j.fail("the first cause matches %s", r)
			j.topRight = false
		}
	}
	if matchesAny(e.Forbidden, first.Hypothesis) {
		j.topRight = false
	}
	for _, kind := range e.Cites {
		if !slices.ContainsFunc(evidence, func(item incident.Evidence) bool {
			return item.Kind == kind && slices.Contains(first.Evidence, item.ID)
		}) {
			j.fail("the first cause cites nothing of kind %s", kind)
		}
	}
}

func (e expectation) judgeText(j *judgement, v *incident.Verdict) {
	for _, r := range e.Summary {
		if !r.MatchString(v.Summary) {
			j.fail("the summary does not match %s", r)
		}
	}
	for _, r := range e.Forbidden {
		if r.MatchString(v.Summary) {
			j.fail("the summary matches %s", r)
		}
		for i, c := range v.Causes {
			if r.MatchString(c.Hypothesis) {
				j.fail("cause %d matches %s", i+1, r)
			}
		}
		for i, a := range v.Actions {
			if r.MatchString(a.Command) {
				j.fail("the command of action %d matches %s", i+1, r)
			}
		}
	}
}

// confidentlyWrong reports whether a person would be sent the wrong way with a show of certainty.
func (j *judgement) confidentlyWrong() bool { return j.confident && !j.topRight }

// falseAlarms returns the marks that nothing deserves, and says in j which deserved ones are missing.
func (j *judgement) falseAlarms(found []placed, want []deserved) []placed {
	for _, d := range want {
		if !slices.ContainsFunc(found, d.is) {
			j.fail("the mark %s (of %s) is missing", d.Kind, d.Text)
		}
	}
	return slices.DeleteFunc(slices.Clone(found), func(m placed) bool {
		return slices.ContainsFunc(want, func(d deserved) bool { return d.is(m) })
	})
}

func (d deserved) is(m placed) bool {
	return d.Kind == m.Kind && (d.Text.Regexp == nil || d.Text.MatchString(m.Text))
}

func matchesAll(list []regex, s string) bool {
	return !slices.ContainsFunc(list, func(r regex) bool { return !r.MatchString(s) })
}

func matchesAny(list []regex, s string) bool {
	return slices.ContainsFunc(list, func(r regex) bool { return r.MatchString(s) })
}

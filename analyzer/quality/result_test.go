package quality

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/analyzer"
	"github.com/alertscribe/alertscribe/incident"
)

// result is how a scenario went, once.
type result struct {
	name             string
	byModel          bool // the recording
	problems         []string
	topRight         bool
	confidentlyWrong bool
	draft            *judgement // before verification

	checked, causes int      // texts that marks stand beside, and the causes among them
	honest          int      // deserved marks
	falsely         []placed // all others
	causesFalsely   int      // causes that have one of those

	prompts    []int // tokens, call by call
	cached     float64
	completion int
	cost       float64 // USD
	took       time.Duration
}

// result judges a replay.
func (s *scenario) result(p *played) *result {
	e := s.Expect
	j := e.judge(p.final, p.evidence)
	r := &result{name: s.name, topRight: j.topRight, confidentlyWrong: j.confidentlyWrong(), took: p.took}
	r.byModel = s.recorded != nil && s.recorded.By == byModel
	r.draft = e.judge(p.draft, p.evidence)
	if e.DraftWrong && len(r.draft.problems) == 0 {
		j.fail("the draft is right, although the scenario says that it is wrong")
	}
	r.count(j, marked("draft", p.draft), e.Marks.Draft, p.draft)
	if p.final != p.draft {
		r.count(j, marked("final", p.final), e.Marks.Final, p.final)
	}
	for _, m := range r.falsely {
		if !slices.ContainsFunc(e.Marks.False, func(d deserved) bool { return d.is(m) }) {
			j.fail("false alarm: %s: %s %q in %q", m.where, m.Kind, m.Text, m.sentence)
		}
	}
	for _, d := range e.Marks.False {
		if !slices.ContainsFunc(r.falsely, d.is) {
			j.fail("the false alarm %s %s is gone: take it out of scenario.yml", d.Kind, d.Text)
		}
	}
	r.estimate(j, p.calls, e)
	r.problems = j.problems
	return r
}

func (r *result) count(j *judgement, found []placed, want []deserved, v *incident.Verdict) {
	falsely := j.falseAlarms(found, want)
	r.checked += checked(v)
	r.causes += len(v.Causes)
	r.honest += len(found) - len(falsely)
	r.falsely = append(r.falsely, falsely...)
	wrong := map[string]bool{}
	for _, m := range falsely {
		if strings.Contains(m.where, "cause") {
			wrong[m.where] = true
		}
	}
	r.causesFalsely += len(wrong)
}

// estimate fills in what the calls would have used, and holds that against the bounds.
func (r *result) estimate(j *judgement, calls []call, e expectation) {
	price := analyzer.DefaultPrices().Models["deepseek-flash"]
	before := ""
	for i, c := range calls {
		prompt := rendered(c.Messages)
		size, again, answer := tokens(prompt), 0, tokens(c.content)
		if i > 0 {
			again = cached(before, prompt)
			r.cached = float64(again) / float64(size)
		}
		before = prompt
		r.prompts = append(r.prompts, size)
		r.completion += answer
		r.cost += (price.Input*float64(size-again) + price.Cached*float64(again) + price.Output*float64(answer)) / 1e6
		if most := orElse(e.MaxCompletion, usualCompletion); answer > most {
			j.fail("answer %d has about %d tokens, more than %d", i+1, answer, most)
		}
	}
	if most := orElse(e.MaxPrompt, usualPrompt); len(calls) > 0 && r.prompts[0] > most {
		j.fail("the first prompt has about %d tokens, more than %d", r.prompts[0], most)
	}
	if len(calls) > 1 && r.cached < leastCached {
		j.fail("%s of the second prompt are the first one's, less than %s", percent(r.cached), percent(leastCached))
	}
}

func orElse(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// table shows the results of a replay.
func table(results []*result) string {
	var b strings.Builder
	b.WriteString("| scenario | result | top cause right | confidently wrong | marks: deserved, false | prompt tokens, 1st + 2nd call | " +
		"of the 2nd from the cache | completion tokens | USD | ms |\n|---|---|---|---|---|---|---|---|---|---|\n")
	t := &result{name: fmt.Sprintf("**all %d**", len(results)), prompts: []int{0, 0}}
	passed, right, wrong, live, kinds := 0, 0, 0, 0, map[incident.MarkKind]int{}
	for _, r := range results {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %d, %d | %s | %s | %d | %.5f | %d |\n", r.name, word(len(r.problems) == 0, "pass", "FAIL"),
			word(r.topRight, "yes", "no"), word(r.confidentlyWrong, "YES", "no"), r.honest, len(r.falsely), sizes(r.prompts), percent(r.cached),
			r.completion, r.cost, r.took.Milliseconds())
		passed += number(len(r.problems) == 0)
		right += number(r.topRight)
		wrong += number(r.confidentlyWrong)
		live += number(r.byModel)
		t.add(r)
		for _, m := range r.falsely {
			kinds[m.Kind]++
		}
	}
	n := max(len(results), 1)
	fmt.Fprintf(&b, "| %s | %d pass | %d yes | %d YES | %d, %d | mean %d + %d | mean %s | mean %d | mean %.5f | mean %d |\n", t.name, passed, right, wrong,
		t.honest, len(t.falsely), t.prompts[0]/n, t.prompts[1]/n, percent(t.cached/float64(n)), t.completion/n, t.cost/float64(n), t.took.Milliseconds()/int64(n))
	fmt.Fprintf(&b, "\nFalse alarms: %d marks beside %d summaries, causes and actions; %d of %d causes marked falsely.%s\n",
		len(t.falsely), t.checked, t.causesFalsely, t.causes, byKind(kinds))
	drafts, misled := 0, 0
	for _, r := range results {
		drafts += number(r.draft.topRight)
		misled += number(r.draft.confidentlyWrong())
	}
	fmt.Fprintf(&b, "Drafts, before verification: top cause right in %d, confidently wrong in %d.\n", drafts, misled)
	fmt.Fprintf(&b, "Answers: %d recorded from a model, %d written by hand.\n", live, len(results)-live)
	return b.String()
}

func (r *result) add(other *result) {
	r.honest += other.honest
	r.falsely = append(r.falsely, other.falsely...)
	r.checked += other.checked
	r.causes += other.causes
	r.causesFalsely += other.causesFalsely
	for i, n := range other.prompts[:min(len(other.prompts), len(r.prompts))] {
		r.prompts[i] += n
	}
	r.cached += other.cached
	r.completion += other.completion
	r.cost += other.cost
	r.took += other.took
}

func byKind(kinds map[incident.MarkKind]int) string {
	out := ""
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		out += fmt.Sprintf(" %s: %d.", kind, kinds[kind])
	}
	return out
}

func sizes(prompts []int) string {
	var parts []string
	for _, n := range prompts {
		parts = append(parts, fmt.Sprint(n))
	}
	return strings.Join(parts, " + ")
}

func percent(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) }

func word(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

func number(is bool) int {
	if is {
		return 1
	}
	return 0
}

package analyzer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	openai "github.com/sashabaranov/go-openai"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/redact"
)

// unverifiable returns why a verdict will not be verified; nil for one that will be.
func (a *Analyzer) unverifiable(v *incident.Verdict) *incident.Verification {
	switch {
	case v.Prose != "":
		return &incident.Verification{Reason: incident.UnverifiedProse}
	case !a.opts.Verify:
		return &incident.Verification{Reason: incident.UnverifiedOff}
	case a.opts.Refuter == nil:
		return &incident.Verification{Reason: incident.UnverifiedNoServer}
	}
	return nil
}

// Verify checks the draft among the findings against counter-evidence: comparisons and the draft's own checks are looked up, and
// the model answers again, told that what was looked up outranks its draft. It returns the verdict with a Verification and the
// spend of both calls (the draft itself if the model did not answer), and the counter-evidence, numbered. It takes one call at
// most. The error is ctx's.
func (a *Analyzer) Verify(ctx context.Context, inc *incident.Incident, f incident.Findings) (*incident.Verdict, []incident.Evidence, error) {
	draft := *f.Verdict
	if draft.Verification = a.unverifiable(&draft); draft.Verification != nil {
		return &draft, nil, nil // the settings have changed since
	}
	comparisons, answers := a.opts.Refuter.CounterEvidence(ctx, inc, draft.Checks)
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	looked := slices.Concat(comparisons, answers)
	incident.NumberEvidence(looked, max(incident.LastEvidenceNumber(f.Evidence), incident.LastEvidenceNumber(f.Analyzed)))
	if f.Analyzed != nil { // else the draft is of an older version
		f.Evidence = f.Analyzed // which the draft was made from, whatever was seen since
	}
	draft.Checks = withAnswers(draft.Checks, looked[len(comparisons):])
	draft.Verification = &incident.Verification{Evidence: idsOf(looked)}
	if !slices.ContainsFunc(looked, func(e incident.Evidence) bool { return !e.Failed }) {
		draft.Verification.Reason = incident.UnverifiedNothing
	} else if err := a.verify(ctx, inc, f, &draft, looked); err != nil {
		return nil, nil, err
	}
	result := "verified"
	if v := draft.Verification; v.Reason != "" {
		result = string(v.Reason)
		a.logger.WarnContext(ctx, "Draft not verified", "incident", inc.ID, "reason", v.Reason, "err", v.Detail)
	}
	a.metrics.verified.WithLabelValues(result).Inc()
	return &draft, looked, nil
}

// verify asks the model again and replaces the draft by its answer.
func (a *Analyzer) verify(ctx context.Context, inc *incident.Incident, f incident.Findings, draft *incident.Verdict, looked []incident.Evidence) error {
	from, kept := a.drafts.of(inc.ID, draft.At)
	if !kept {
		from = a.prompted(inc, f)
	}
	more, missing := a.counterEvidence(from.session, draft, looked)
	got, failure := a.ask(ctx, inc.ID, slices.Concat(from.messages, more))
	if err := ctx.Err(); err != nil && failure != nil {
		return err
	}
	draft.Spend = draft.Spend.Add(got.spend)
	if failure != nil {
		draft.Verification.Reason, draft.Verification.Detail = incident.UnverifiedModel, failure.Err.Error()
		if failure.Kind == incident.FailBudget {
			draft.Verification.Reason = incident.UnverifiedBudget
		}
		return nil
	}
	shown := from.shown
	shown.Evidence, shown.Missing = slices.Concat(shown.Evidence, looked), slices.Concat(shown.Missing, missing)
	final, err := a.read(got, shown)
	if err != nil {
		draft.Verification.Reason, draft.Verification.Detail = incident.UnverifiedModel, "unreadable second answer: "+err.Error()
		return nil
	}
	final.At, final.Generation, final.Spend, final.Verification = a.opts.Now(), draft.Generation, draft.Spend, draft.Verification
	final.Checks = mergeChecks(draft.Checks, final.Checks)
	a.metrics.marked(final)
	*draft = *final
	return nil
}

// withAnswers returns the checks with the ids of their answers, which are in the same order.
func withAnswers(checks []incident.Check, answers []incident.Evidence) []incident.Check {
	checks = slices.Clone(checks)
	for i := range checks[:min(len(checks), len(answers))] {
		checks[i].Evidence = answers[i].ID
	}
	return checks
}

// mergeChecks returns the checks that were answered, and those that the final answer proposes beyond them.
func mergeChecks(run, proposed []incident.Check) []incident.Check {
	all := slices.DeleteFunc(slices.Clone(run), func(c incident.Check) bool { return c.Evidence == "" })
	for _, c := range proposed {
		if !slices.ContainsFunc(run, func(r incident.Check) bool { return r.PromQL == c.PromQL }) {
			all = append(all, c)
		}
	}
	return all[:min(len(all), maxItems)]
}

const (
	// maxCounterEvidence bounds, in bytes, what a second call adds to the first one's prompt, the draft left out. What the model
	// is to do with it stands in the instructions, where the provider has it in its cache.
	maxCounterEvidence = 10 << 10

	counterEvidenceBegins = "The second message, to refute your draft.\n"
	counterEvidenceEnds   = "\nThe data ends here. Answer with the whole verdict again, as one json object."
)

// counterEvidence returns the messages that follow those of the first call: the draft, then what was looked up, with the ids
// of what there was no room for.
func (a *Analyzer) counterEvidence(session *redact.Session, draft *incident.Verdict, looked []incident.Evidence) (
	messages []openai.ChatCompletionMessage, missing []string,
) {
	p := &promptText{redact: session.Text, policy: a.opts.Policy, left: maxCounterEvidence, brief: true, checks: map[string]incident.Check{}}
	for _, c := range draft.Checks {
		if c.Evidence != "" {
			p.checks[c.Evidence] = c
		}
	}
	for _, mark := range factCheckLines(draft) {
		p.add(p.text(mark, maxSummary) + "\n")
	}
	p.evidence(looked)
	return []openai.ChatCompletionMessage{
		{Role: openai.ChatMessageRoleAssistant, Content: session.Text(answerOf(draft).String())},
		{Role: openai.ChatMessageRoleUser, Content: counterEvidenceBegins + dataBegins + p.out.String() + dataEnds + counterEvidenceEnds},
	}, p.cut
}

// factCheckLines says what the fact check has marked in a draft, a line for each mark.
func factCheckLines(v *incident.Verdict) []string {
	var out []string
	say := func(where string, marks []incident.Mark) {
		for _, m := range marks {
			out = append(out, fmt.Sprintf("Checks by code: %s: %s %s", where, strings.ReplaceAll(string(m.Kind), "_", " "), m.Text))
		}
	}
	say("summary", v.Marks)
	for i, c := range v.Causes {
		say(fmt.Sprintf("cause %d", i+1), c.Marks)
	}
	for i, x := range v.Actions {
		say(fmt.Sprintf("action %d", i+1), x.Marks)
	}
	return out
}

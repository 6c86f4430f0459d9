package factcheck

import (
	"math"
	"regexp"
	"slices"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// Input is what the model was shown.
type Input struct {
	Incident *incident.Incident // required
	Alerts   []incident.Alert   // those of the incident that were shown
	Evidence []incident.Evidence
	Memory   []incident.PastIncident
	Missing  []string // ids of the evidence that there was no room for
}

// Check compares what a verdict says with the input. It adds marks to each cause, to each action and to the verdict, and sets
// the confidence of each cause, 0 to 1. A verdict in prose has only marks of its own.
func Check(v *incident.Verdict, in Input) {
	x := newEvidenceIndex(in)
	if v.Prose != "" {
		v.Marks = x.marksOfProse(v.Prose)
		return
	}
	for i := range v.Causes {
		x.markCause(&v.Causes[i])
	}
	for i := range v.Actions {
		x.markAction(&v.Actions[i])
	}
	v.Marks = x.marksOfRest(v)
}

const (
	maxMarks       = 20  // beside one cause or action
	maxOriginMarks = 10  // beyond them
	maxMarkText    = 100 // runes
)

// tally counts the claims of a text, and how many of them hold.
type tally struct {
	claims, held int
	marks        []incident.Mark
}

func (t *tally) count(ok bool, kind incident.MarkKind, claim string) {
	t.claims++
	if ok {
		t.held++
		return
	}
	t.mark(kind, claim)
}

func (t *tally) mark(kind incident.MarkKind, claim string) {
	m := incident.Mark{Kind: kind, Text: text.Cut(claim, maxMarkText)}
	most := maxMarks
	if isOrigin(kind) { // however much else is wrong, where it comes from is said
		most += maxOriginMarks
	}
	if !slices.Contains(t.marks, m) && len(t.marks) < most {
		t.marks = append(t.marks, m)
	}
}

// markCause marks one cause and measures its confidence.
func (x *evidenceIndex) markCause(c *incident.Cause) {
	t := new(tally)
	x.markCitations(t, c.Evidence)
	found := parseClaims(c.Hypothesis)
	cited := x.countCitations(t, distinct(append(slices.Clone(c.Evidence), found.ids...)))
	x.countNumbers(t, found, x.quotable(cited))
	x.countNames(t, found.names, false)
	x.markOrigins(t, c.Hypothesis, c.Disproof)
	agree, wrong := directions(c.Hypothesis, cited)
	for _, entry := range wrong {
		t.mark(incident.MarkWrongDirection, entry)
	}
	c.Marks = t.marks
	c.Confidence = confidence(t, independentKinds(cited), agree, len(wrong))
	if slices.ContainsFunc(cited, func(e *incident.Evidence) bool { return len(e.Partial) > 0 }) {
		c.Confidence = math.Round(100*c.Confidence*partialShare) / 100
	}
}

// partialShare is what a confidence is worth where a cause rests on partial answers: at most a half, whatever else holds.
const partialShare = .5

// markCitations marks what is cited and does not exist, and a cause that cites nothing.
func (x *evidenceIndex) markCitations(t *tally, cited []string) {
	if len(cited) == 0 {
		t.mark(incident.MarkUncited, "")
	}
	for _, id := range cited {
		if x.items[id] == nil {
			t.mark(incident.MarkUnknownEvidence, id)
		}
	}
}

// countCitations counts what is cited, and returns what of it the model has seen.
func (x *evidenceIndex) countCitations(t *tally, ids []string) []*incident.Evidence {
	var cited []*incident.Evidence
	for _, id := range ids {
		e := x.items[id]
		switch {
		case e == nil:
			t.count(false, incident.MarkUnknownEvidence, id)
		case e.Failed || slices.Contains(x.notShown, id):
			t.count(false, incident.MarkEvidenceMissing, id)
		default:
			t.count(true, "", "")
			cited = append(cited, e)
		}
	}
	return cited
}

// quotable returns the facts that a cause may quote: of what it cites and of the alerts. A cause that cites nothing that
// exists is marked for that; its numbers may then be anywhere.
func (x *evidenceIndex) quotable(cited []*incident.Evidence) *facts {
	if len(cited) == 0 {
		return x.all
	}
	f := new(facts)
	for _, e := range cited {
		f.join(x.facts[e.ID])
	}
	f.join(x.alerts)
	return f
}

func (x *evidenceIndex) countNumbers(t *tally, found claims, f *facts) {
	for _, q := range found.quantities {
		if q.dim == dimPlain && q.value <= 1 && q.ulp == 1 {
			continue // none and one are words
		}
		t.count(f.hasNumber(q) || f.hasDuration(q, x.anchors) || x.names.hasValue(q), incident.MarkNumberNotFound, q.text)
	}
	for _, at := range found.timestamps {
		t.count(f.hasTime(at), incident.MarkNumberNotFound, at.text)
	}
}

// countNames looks names up, or only those that can be nothing else.
func (x *evidenceIndex) countNames(t *tally, names []nameClaim, strongOnly bool) {
	for _, n := range names {
		if n.strong || !strongOnly {
			t.count(x.names.knows(n), incident.MarkNameNotFound, n.text)
		}
	}
}

// marksOfRest marks the summary, and where all else that is no cause and no action comes from.
func (x *evidenceIndex) marksOfRest(v *incident.Verdict) []incident.Mark {
	t := new(tally)
	found := parseClaims(v.Summary)
	x.countMentions(t, found)
	x.countNumbers(t, found, x.all)
	x.countNames(t, found.names, false)
	x.markOrigins(t, v.Summary)
	x.markOrigins(t, v.Prevention...)
	x.markOrigins(t, v.MissingEvidence...)
	for _, c := range v.Checks {
		x.markOrigins(t, c.WouldRefute)
		x.markQuery(t, c.PromQL)
	}
	return t.marks
}

func (x *evidenceIndex) markAction(a *incident.Action) {
	t := new(tally)
	step, why := parseClaims(a.Step), parseClaims(a.Why)
	x.countMentions(t, step)
	x.countMentions(t, why)
	x.countNumbers(t, why, x.all)
	x.countNames(t, append(step.names, why.names...), true)
	for _, n := range parseClaims(a.Command).names {
		if isAddress(n.text) && !isLoopback(n.text) {
			t.count(x.names.knows(n), incident.MarkNameNotFound, n.text)
		}
	}
	x.markOrigins(t, a.Step, a.Why)
	x.markCommand(t, a.Command)
	a.Marks = t.marks
}

var codeForm = regexp.MustCompile("`([^`]+)`")

// countMentions looks up the evidence that a text mentions that is no cause. It may mention an item whose lookup failed, to say
// just that.
func (x *evidenceIndex) countMentions(t *tally, found claims) {
	for _, id := range distinct(found.ids) {
		if e := x.items[id]; e != nil && e.Failed && !slices.Contains(x.notShown, id) {
			continue
		}
		x.countCitations(t, []string{id})
	}
}

// distinct returns ids without repetitions, in their order, at most maxCitations.
func distinct(ids []string) []string {
	var kept []string
	for _, id := range ids {
		if !slices.Contains(kept, id) && len(kept) < maxCitations {
			kept = append(kept, id)
		}
	}
	return kept
}

// independentKinds counts the independent kinds of evidence. The alert and its own expression over time are one observation; a
// runbook and past incidents are none of this one.
func independentKinds(cited []*incident.Evidence) int {
	seen := map[incident.EvidenceKind]bool{}
	for _, e := range cited {
		switch e.Kind {
		case incident.KindHistory, incident.KindRunbook:
		case incident.KindSignal, incident.KindBand:
			seen[incident.KindAlert] = true
		default:
			seen[e.Kind] = true
		}
	}
	return len(seen)
}

// confidence is the product of three shares, 0 to 1, to two decimals:
//
//   - of the claims (citations, numbers, times, names), those that hold;
//   - coverage: 1 - 1/2^k for k independent kinds of evidence cited, so that none gives 0, one ½, two ¾;
//   - agreement: (1 + a) / (1 + a + w) for a clauses whose direction is that of the evidence and w that contradict it.
func confidence(t *tally, kinds, agree, wrong int) float64 {
	if t.claims == 0 {
		return 0
	}
	held := float64(t.held) / float64(t.claims)
	coverage := 1 - math.Exp2(-float64(kinds))
	agreement := float64(1+agree) / float64(1+agree+wrong)
	return math.Round(100*held*coverage*agreement) / 100
}

package analyzer

import (
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
)

// material is what the model was asked about.
type material struct {
	inc      *incident.Incident
	alerts   []incident.Alert // of the incident, most severe first: the first ones were shown
	evidence []incident.Evidence
	memory   []incident.PastIncident
	missing  []string // ids of evidence that there was no room for
}

// check compares what a verdict says with the evidence and the alerts, by code. It marks each cause, each action and the
// verdict, and measures the confidence of each cause; it neither changes nor drops anything that the model said.
//
// Of a cause are checked, in this order: that it cites, that what it cites exists (which reading it has marked), could
// be looked up and was shown; that each number, time and date is in the evidence it cites or in the alerts; that each
// name is in some evidence or alert; and that what it says to rise does not fall. Summary and actions cite nothing by
// themselves: their numbers may be anywhere. The steps and commands of an action prescribe, so that only addresses
// and other unmistakable names are checked there. Everywhere it is checked whether a text, a link or a command stems from
// the text of the alerts alone.
func check(v *incident.Verdict, shown material) {
	if v.Prose != "" {
		return
	}
	g := newGrounds(shown)
	for i := range v.Causes {
		g.cause(&v.Causes[i])
	}
	for i := range v.Actions {
		g.action(&v.Actions[i])
	}
	v.Marks = g.overall(v)
}

// tally counts the claims of a text, and how many of them hold.
type tally struct {
	claims, held int
	marks        []incident.Mark
}

func (t *tally) count(ok bool, kind incident.MarkKind, text string) {
	t.claims++
	if ok {
		t.held++
		return
	}
	t.mark(kind, text)
}

func (t *tally) mark(kind incident.MarkKind, text string) {
	m := incident.Mark{Kind: kind, Text: cut(text, maxLabelName)}
	if !slices.Contains(t.marks, m) && len(t.marks) < maxItems {
		t.marks = append(t.marks, m)
	}
}

// cause marks one cause and measures its confidence.
func (g *grounds) cause(c *incident.Cause) {
	t := &tally{marks: c.Marks}
	said := readClaims(c.Hypothesis)
	ids := distinct(append(slices.Clone(c.Evidence), said.ids...))
	cited := g.citations(t, ids)
	f := g.quotable(cited)
	g.numbers(t, said, f)
	g.named(t, said.names, false)
	g.origin(t, c.Hypothesis, c.Disproof)
	agree, wrong := directions(c.Hypothesis, cited)
	for _, text := range wrong {
		t.mark(incident.MarkWrongDirection, text)
	}
	c.Marks = t.marks
	c.Confidence = confidence(t, kinds(cited), agree, len(wrong))
}

// citations counts what is cited, and returns what of it the model has seen.
func (g *grounds) citations(t *tally, ids []string) []*incident.Evidence {
	var cited []*incident.Evidence
	for _, id := range ids {
		e := g.items[id]
		switch {
		case e == nil:
			t.count(false, incident.MarkUnknownEvidence, id)
		case g.missing[id]:
			t.count(false, incident.MarkEvidenceMissing, id)
		default:
			t.count(true, "", "")
			cited = append(cited, e)
		}
	}
	return cited
}

// quotable returns the facts that a cause may quote: of what it cites and of the alerts. One that cites nothing that
// there is, is marked for that; its numbers may then be anywhere.
func (g *grounds) quotable(cited []*incident.Evidence) *facts {
	if len(cited) == 0 {
		return g.all
	}
	f := new(facts)
	for _, e := range cited {
		f.join(g.facts[e.ID])
	}
	f.join(g.alerts)
	return f
}

func (g *grounds) numbers(t *tally, said claims, f *facts) {
	for _, q := range said.quantities {
		if q.dim == plain && q.value <= 1 && q.ulp == 1 {
			continue // none and one are words
		}
		t.count(f.holds(q) || f.lasts(q, g.anchors) || g.value(q), incident.MarkNumberNotFound, q.text)
	}
	for _, m := range said.moments {
		t.count(f.at(m), incident.MarkNumberNotFound, m.text)
	}
}

// named checks names, or only those that can be nothing else.
func (g *grounds) named(t *tally, names []name, strong bool) {
	for _, n := range names {
		if n.strong || !strong {
			t.count(g.knows(n), incident.MarkNameNotFound, n.text)
		}
	}
}

// overall checks the summary, and where all else that is no cause and no action comes from.
func (g *grounds) overall(v *incident.Verdict) []incident.Mark {
	t := new(tally)
	said := readClaims(v.Summary)
	g.ids(t, said)
	g.numbers(t, said, g.all)
	g.named(t, said.names, false)
	g.origin(t, v.Summary)
	g.origin(t, v.Prevention...)
	g.origin(t, v.MissingEvidence...)
	for _, c := range v.Checks {
		g.origin(t, c.WouldRefute)
	}
	return t.marks
}

// action marks one action.
func (g *grounds) action(a *incident.Action) {
	t := new(tally)
	step, why := readClaims(a.Step), readClaims(a.Why)
	g.ids(t, step)
	g.ids(t, why)
	g.numbers(t, why, g.all)
	g.named(t, append(step.names, why.names...), true)
	for _, n := range readClaims(a.Command).names {
		if address(n.text) && !loopback(n.text) {
			t.count(g.knows(n), incident.MarkNameNotFound, n.text)
		}
	}
	g.origin(t, a.Step, a.Why)
	strange, unknown := g.strangers.links(a.Command)
	g.addresses(t, strange, unknown)
	if text := g.strangers.dictated(a.Command); text != "" && len(strange) == 0 {
		t.mark(incident.MarkFromAlertText, text)
	}
	a.Marks = t.marks
}

// origin marks what texts have from strangers alone: addresses, commands between backticks, and what they were told to
// say.
func (g *grounds) origin(t *tally, texts ...string) {
	for _, s := range texts {
		strange, unknown := g.strangers.links(s)
		g.addresses(t, strange, unknown)
		for _, code := range codeForm.FindAllStringSubmatch(cutBytes(s, maxRead), maxTried) {
			if text := g.strangers.dictated(code[1]); text != "" && strings.Contains(text, " ") {
				t.count(false, incident.MarkFromAlertText, text)
			}
		}
		if text := g.strangers.obeyed(s); text != "" {
			t.count(false, incident.MarkFromAlertText, text)
		}
	}
}

var codeForm = regexp.MustCompile("`([^`\n]+)`")

func (g *grounds) addresses(t *tally, strange, unknown []string) {
	for _, link := range strange {
		t.count(false, incident.MarkFromAlertText, link)
	}
	for _, link := range unknown {
		t.count(g.has(link, true), incident.MarkNameNotFound, link)
	}
}

// ids checks what a text that is no cause cites. It may name an item that could not be looked up, to say just that.
func (g *grounds) ids(t *tally, said claims) {
	for _, id := range distinct(said.ids) {
		if e := g.items[id]; e != nil && e.Failed && !slices.Contains(g.cut, id) {
			continue
		}
		g.citations(t, []string{id})
	}
}

// kinds counts the independent kinds of evidence. The alert and its own expression over time are one observation; a
// runbook and past incidents are none of this one.
func kinds(cited []*incident.Evidence) int {
	seen := map[incident.EvidenceKind]bool{}
	for _, e := range cited {
		switch e.Kind {
		case incident.KindHistory, incident.KindRunbook:
		case incident.KindSignal:
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
	share := float64(t.held) / float64(t.claims)
	coverage := 1 - math.Exp2(-float64(kinds))
	agreement := float64(1+agree) / float64(1+agree+wrong)
	return math.Round(100*share*coverage*agreement) / 100
}

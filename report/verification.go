package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
)

// draft reports whether the verdict is one that is still being held against what could refute it.
func (p *page) draft() bool {
	v := p.found.Verdict
	return v != nil && v.Verification == nil && p.inc.Analysis.Verifying()
}

// abandoned reports whether the verdict is a draft that nobody will verify any more. A verdict from before there was a
// verification was never drafted.
func (p *page) abandoned() bool {
	v := p.found.Verdict
	return v != nil && v.Verification == nil && p.inc.Analysis.Drafted > 0 && !p.draft()
}

// verification returns what became of the second look at the verdict; nil where there is nothing to say of one.
func (p *page) verification() *incident.Verification {
	a := p.inc.Analysis
	switch {
	case p.abandoned() && a.Drafted == a.Wanted:
		return &incident.Verification{Reason: incident.UnverifiedEnded, Detail: a.Detail}
	case p.abandoned(): // the detail is of the analysis that was called for since
		return &incident.Verification{Reason: incident.UnverifiedEnded}
	case p.found.Verdict == nil:
		return nil
	}
	return p.found.Verdict.Verification
}

// verified says in one line whether the verdict was held against what could refute it, or why not.
func (p *page) verified() string {
	if p.draft() {
		return p.w.DraftCauses
	}
	v := p.verification()
	if v == nil {
		return ""
	}
	looked := p.cite(p.lookedUp(v))
	if v.Reason == "" {
		return fmt.Sprintf(p.w.Verified, cell(looked))
	}
	line := "**" + p.w.Unverified + "**" + p.w.Colon + named(p.w.UnverifiedReasons, v.Reason)
	if !expected(v.Reason) {
		line = "⚠ " + line
	}
	if looked != "" {
		looked = fmt.Sprintf(p.w.LookedUp, looked)
	}
	return p.w.join(line, p.lastError(v.Detail), looked)
}

// lookedUp returns the ids of what was found that could refute the draft, without what could not be looked up.
func (p *page) lookedUp(v *incident.Verification) []string {
	ids := slices.DeleteFunc(slices.Clone(v.Evidence), func(id string) bool {
		return slices.ContainsFunc(p.found.Evidence, func(e incident.Evidence) bool { return e.ID == id && e.Failed })
	})
	return ids[:min(len(ids), maxItems)]
}

// expected reports whether a verdict is unverified by design: nothing that the reader must be told first.
func expected(reason incident.UnverifiedReason) bool {
	return reason == incident.UnverifiedOff || reason == incident.UnverifiedNoServer || reason == incident.UnverifiedProse
}

// causeStatus is the likelihood of a cause, and whether it is unverified.
func (p *page) causeStatus(c incident.Cause) string {
	status := named(p.w.Likelihoods, c.Likelihood)
	switch v := p.verification(); {
	case p.draft():
		status += p.w.Comma + p.w.DraftHint
	case v != nil && v.Reason != "" && !expected(v.Reason):
		status += p.w.Comma + p.w.UnverifiedHint
	}
	return status
}

// openChecks are the queries by which the model proposed to refute itself and that no item shown has run.
func (p *page) openChecks() {
	if p.found.Verdict == nil {
		return
	}
	checks := slices.DeleteFunc(slices.Clone(p.found.Verdict.Checks), func(c incident.Check) bool {
		_, run := p.answer(c)
		return run && p.anchors[c.Evidence] != ""
	})
	if len(checks) == 0 {
		return
	}
	p.para(strings.TrimSpace(p.w.CauseChecks + p.w.Colon))
	for _, c := range checks[:min(len(checks), maxRows)] {
		p.out.WriteString("- " + p.w.Refutes + p.w.Colon + cell(p.prose(c.WouldRefute, lineRunes)) + "\n\n")
		p.lines("  ", fence("promql", c.PromQL, codeRunes))
	}
}

// refutes says what the answer in an item would have refuted; "" for an item that answers no check.
func (p *page) refutes(e incident.Evidence) string {
	if p.found.Verdict == nil {
		return ""
	}
	for _, c := range p.found.Verdict.Checks {
		if c.Evidence == e.ID && e.ID != "" {
			return p.w.Refutes + p.w.Colon + cell(p.prose(c.WouldRefute, lineRunes))
		}
	}
	return ""
}

// answer returns the item of this report that answers a check.
func (p *page) answer(c incident.Check) (incident.Evidence, bool) {
	i := slices.IndexFunc(p.found.Evidence, func(e incident.Evidence) bool { return e.ID == c.Evidence })
	if i < 0 || !p.known[c.Evidence] {
		return incident.Evidence{}, false
	}
	return p.found.Evidence[i], true
}

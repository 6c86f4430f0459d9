package evidence

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// The bounds of what is remembered.
const (
	recallTimeout    = 5 * time.Second
	maxRecollections = 3
	maxRemarks       = 3   // of people, of one incident
	maxHypothesis    = 300 // runes
	leastWeight      = .05 // of what only a model has thought
	leastTaught      = .01 // of what a person has said something about
)

// PastIncidents returns earlier incidents of the same alert that have something to say: those that a person has said something
// about first, then the weightiest, at most three. They are hypotheses, written by a model or by people, and never
// evidence. What can't be read is logged and left out. nil without Options.History.
func (c *Collector) PastIncidents(ctx context.Context, inc *incident.Incident) []incident.PastIncident {
	if c.options.History == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, recallTimeout)
	defer cancel()
	log := c.log.With("incident", inc.ID)
	found, err := c.earlier(ctx, inc, primaryAlert(inc))
	if err != nil {
		log.WarnContext(ctx, "earlier incidents could not be recalled", "err", err)
		return nil
	}
	weight := func(p pastIncident) float64 { return incident.MemoryWeight(p.likeness, inc.OpenedAt.Sub(p.OpenedAt)) }
	found = slices.DeleteFunc(found, func(p pastIncident) bool {
		if len(p.Feedback) > 0 {
			return weight(p) < leastTaught
		}
		return weight(p) < leastWeight
	})
	slices.SortStableFunc(found, func(a, b pastIncident) int {
		return cmp.Or(cmp.Compare(boolToInt(len(b.Feedback) > 0), boolToInt(len(a.Feedback) > 0)),
			cmp.Compare(weight(b), weight(a)), b.OpenedAt.Compare(a.OpenedAt))
	})
	var out []incident.PastIncident
	for _, p := range found {
		if len(out) == maxRecollections || ctx.Err() != nil {
			break
		}
		_, findings, err := c.options.History.Incident(ctx, p.ID)
		if err != nil {
			log.WarnContext(ctx, "an earlier incident could not be recalled", "earlier", p.ID, "err", err)
			continue
		}
		r := recollect(p, findings.Verdict)
		if r.Weight = weight(p); r.Hypothesis != "" || len(r.Feedback) > 0 {
			out = append(out, r)
		}
	}
	return out
}

// recollect returns what an earlier incident has to say.
func recollect(p pastIncident, v *incident.Verdict) incident.PastIncident {
	r := incident.PastIncident{
		Incident: p.ID, ReportPath: p.ReportPath, StartedAt: p.StartedAt, ResolvedAt: p.ResolvedAt, Similarity: p.likeness,
		Feedback: slices.Clone(p.Feedback[max(0, len(p.Feedback)-maxRemarks):]),
	}
	if v != nil && len(v.Causes) > 0 {
		first := v.Causes[0]
		r.Hypothesis = text.Cut(first.Hypothesis, maxHypothesis)
		r.Marked = r.Hypothesis != "" && len(first.Marks) > 0
	}
	return r
}

package evidence

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// The bounds of what is remembered.
const (
	recallTimeout = 5 * time.Second
	maxRecalled   = 3
	leastWeight   = .05 // of what only a model has thought
	leastTaught   = .01 // of what a person has said something about
)

// PastIncidents returns earlier incidents of the same alert that have something to say: those that a person has said something
// about first, then the weightiest, at most three. They are hypotheses, written by a model or by people, and never
// evidence. Records that can't be read are logged. nil without Options.History.
func (c *Collector) PastIncidents(ctx context.Context, inc *incident.Incident) []incident.PastIncident {
	if c.options.History == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, recallTimeout)
	defer cancel()
	records, read := c.recent.take(inc.ID)
	if !read {
		var err error
		if records, err = c.readPast(ctx, inc); err != nil {
			c.log.WarnContext(ctx, "Loading past incidents failed", "incident", inc.ID, "err", err)
			return nil
		}
	}
	found := compareAll(primaryAlert(inc).Labels, records)
	weight := func(p pastIncident) float64 { return incident.MemoryWeight(p.similarity, inc.OpenedAt.Sub(p.OpenedAt)) }
	found = slices.DeleteFunc(found, func(p pastIncident) bool {
		if len(p.Feedback) > 0 {
			return weight(p) < leastTaught
		}
		return p.Hypothesis == "" || weight(p) < leastWeight
	})
	slices.SortStableFunc(found, func(a, b pastIncident) int {
		return cmp.Or(cmp.Compare(boolToInt(len(b.Feedback) > 0), boolToInt(len(a.Feedback) > 0)),
			cmp.Compare(weight(b), weight(a)), b.OpenedAt.Compare(a.OpenedAt))
	})
	var out []incident.PastIncident
	for _, p := range found[:min(len(found), maxRecalled)] {
		out = append(out, incident.PastIncident{
			Incident: p.ID, ReportPath: p.ReportPath, StartedAt: p.StartedAt, ResolvedAt: p.ResolvedAt,
			Similarity: p.similarity, Weight: weight(p), Hypothesis: p.Hypothesis, Marked: p.Marked, Feedback: p.Feedback,
		})
	}
	return out
}

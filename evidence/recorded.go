package evidence

import (
	"context"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/promql"
)

// maxRecorded bounds how many recorded series of an expression are replaced by what they are made of, those within them included.
const maxRecorded = 3

// recordedDrills plans a condition's value with what its recorded series are made of in their place; nothing comes back where that is
// not known for certain.
func (inv *investigation) recordedDrills(ctx context.Context, c promql.Condition) ([]promql.Drill, promql.SelectorLabels) {
	e := c.Result
	for range maxRecorded {
		names := promql.Recorded(e)
		if len(names) == 0 {
			break
		}
		made, ok := inv.substitute(ctx, e, names[0])
		if !ok {
			break
		}
		e = made
	}
	if e == c.Result {
		return nil, nil
	}
	k, err := labelsOf(ctx, inv, promql.Selectors(e))
	if err != nil {
		return nil, nil
	}
	drills, _ := promql.PlanDrills(promql.Narrow(e, inv.targetLabels(), k), k)
	return drills, k
}

// substitute replaces a recorded series by the expression of the one rule that can have recorded it.
func (inv *investigation) substitute(ctx context.Context, e parser.Expr, name string) (out parser.Expr, ok bool) {
	groups, err := inv.prom.RecordingRules(ctx, name)
	if err != nil {
		inv.log.DebugContext(ctx, "Recording rule lookup failed, the series is not broken down", "name", name, "err", err)
		return nil, false
	}
	for _, group := range groups {
		for _, listed := range group.Rules {
			r, is := listed.(promv1.RecordingRule)
			if !is || r.Name != name {
				continue
			}
			recorded, err := promql.Parse(r.Query)
			if err != nil {
				return nil, false
			}
			recording := promql.Recording{Name: name, Expr: recorded, Labels: map[string]string{}}
			for label, value := range r.Labels {
				recording.Labels[string(label)] = string(value)
			}
			made, fits := promql.Substitute(e, recording)
			switch {
			case !fits || !inv.agrees(recording.Labels):
				continue
			case ok:
				return nil, false // another one records series of this name too
			}
			out, ok = made, true
		}
	}
	return out, ok
}

// agrees reports whether the alert contradicts none of the labels that a recording rule sets.
func (inv *investigation) agrees(labels map[string]string) bool {
	own := inv.targetLabels()
	for name, value := range labels {
		if have, there := own[name]; there && have != value {
			return false
		}
	}
	return true
}

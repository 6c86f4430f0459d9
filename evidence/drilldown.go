package evidence

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/alertscribe/alertscribe/evidence/breakdown"
	"github.com/alertscribe/alertscribe/incident"

	"github.com/alertscribe/alertscribe/promql"
)

// The bounds of a drill-down.
const (
	maxDrills      = 3  // things of one expression that are broken down
	maxDrillLabels = 8  // labels asked about, of all drills together
	maxJoint       = 3  // labels that are looked at together
	drillSteps     = 40 // points per part
	maxDrilled     = 4  // conditions that are tried
	stillShare     = .1 // of another thing's change is no change
)

// collectDrilldown finds the label values that carry the change: of the condition that the alert is about, or else of the first other
// that can be broken down.
func collectDrilldown(ctx context.Context, inv *investigation) ([]incident.Evidence, error) {
	if inv.rule == nil {
		return nil, nil // the signal's item says so
	}
	if inv.rule.foreign() {
		return []incident.Evidence{{Title: inv.say(msgTitleDrilldown), Summary: inv.say(msgNotPromQL), Nothing: true}}, nil
	}
	k, err := inv.knownLabels()
	if err != nil {
		return nil, err
	}
	view, err := inv.signalView(ctx)
	if err != nil {
		inv.log.DebugContext(ctx, "Signal lookup failed, breaking down the first condition", "err", err)
	}
	inv = inv.asSeries(view)
	if view != nil {
		inv = inv.valuedAt(view)
	}
	for _, c := range inv.conditionsToDrill(view) {
		if items, err := inv.drillCondition(ctx, c, k); err != nil || len(items) > 0 {
			return items, err
		}
	}
	return []incident.Evidence{{Title: inv.say(msgTitleDrilldown), Summary: inv.notBrokenDown(promql.RefusedEmpty), Nothing: true}}, nil
}

// conditionsToDrill returns the condition of a view, and behind it the others.
func (inv *investigation) conditionsToDrill(view *signalView) []promql.Condition {
	var out []promql.Condition
	if view != nil {
		out = append(out, view.original)
	}
	for _, c := range inv.rule.candidates() {
		if len(out) < maxDrilled && (view == nil || c.Value != view.original.Value || c.Op != view.original.Op) {
			out = append(out, c.Condition)
		}
	}
	return out
}

// drillCondition breaks one condition down; nothing comes back where there are no data.
func (inv *investigation) drillCondition(ctx context.Context, c promql.Condition, k promql.SelectorLabels) ([]incident.Evidence, error) {
	if gone := promql.Vanishing(c); gone != nil {
		items, there, err := inv.absentSeriesItem(ctx, promql.Narrow(gone, inv.targetLabels(), k))
		if err != nil || there || c.Missing == nil {
			return items, err
		}
	}
	drills, refused := promql.PlanCondition(c.Narrow(inv.targetLabels(), k), k)
	if recorded, known := inv.recordedDrills(ctx, c); len(recorded) > 0 {
		drills, refused, k = recorded, "", known
	}
	if refused != "" {
		return inv.notBrokenDownItem(ctx, c, refused)
	}
	drills = drills[:min(len(drills), maxDrills)]
	found := make([]drilled, len(drills))
	errs := make([]error, len(drills))
	var wg sync.WaitGroup
	for i, d := range drills {
		wg.Go(func() {
			d.Labels = d.Labels[:min(len(d.Labels), max(maxDrillLabels/len(drills), 3))]
			found[i], errs[i] = inv.drill(ctx, c, d, k)
		})
	}
	wg.Wait()
	found = slices.DeleteFunc(found, func(r drilled) bool { return len(r.all) == 0 })
	if len(found) == 0 {
		return nil, errors.Join(errs...) // else what there is tells enough
	}
	markStill(found)
	var items []incident.Evidence
	for _, r := range found {
		if r.still && r.best.Drill.OfThreshold && len(found) > 1 {
			continue
		}
		items = append(items, inv.drillItem(r))
		if r.inward != nil && !r.still {
			items = append(items, r.inward.inv.drillItem(*r.inward))
		}
	}
	return items, nil
}

// drilled is one thing broken down by its labels.
type drilled struct {
	inv    *investigation        // with the labels within which it was broken down
	best   breakdown.Breakdown   // by the labels that tell most
	all    []breakdown.Breakdown // by each label
	still  bool                  // it hardly moved, while another thing of the same expression did
	inward *drilled              // what is behind the first part
}

// drill breaks one thing down by each of its labels, and by those together that each carry the change.
func (inv *investigation) drill(ctx context.Context, c promql.Condition, d promql.Drill, k promql.SelectorLabels) (drilled, error) {
	all := make([]breakdown.Breakdown, len(d.Labels))
	errs := make([]error, len(d.Labels))
	var wg sync.WaitGroup
	for i, label := range d.Labels {
		wg.Go(func() { all[i], errs[i] = inv.queryBreakdown(ctx, c, d, label) })
	}
	wg.Wait()
	told := slices.DeleteFunc(all, func(b breakdown.Breakdown) bool { return len(b.Parts) == 0 })
	if len(told) == 0 {
		return drilled{}, errors.Join(errs...)
	}
	slices.SortStableFunc(told, func(x, y breakdown.Breakdown) int { return cmp.Compare(y.Unevenness, x.Unevenness) })
	best := inv.bestBreakdown(ctx, c, d, told)
	if best.ByLevel {
		inv.queryLevels(ctx, c, &best)
	}
	r := drilled{inv: inv, best: best, all: told}
	r.inward = inv.drillInward(ctx, c, d, best, k)
	return r, nil
}

// bestBreakdown returns the breakdown that tells most: by the labels together that each carry the change, or by the first of all.
// The labels of an earlier look stay while they tell as much, so that it is the same item.
func (inv *investigation) bestBreakdown(ctx context.Context, c promql.Condition, d promql.Drill, told []breakdown.Breakdown) breakdown.Breakdown {
	best, together, was := told[0], labelsTogether(told), inv.seenLabels(d)
	slices.Sort(together) // they stand in a query
	if len(was) > 1 {
		if joint, err := inv.queryBreakdown(ctx, c, d, was...); err == nil && (joint.Concentrated() || len(together) < 2 && len(joint.Parts) > 0) {
			return joint
		}
	}
	if len(together) > 1 {
		if joint, err := inv.queryBreakdown(ctx, c, d, together...); err == nil && len(joint.Parts) > 0 {
			return joint
		}
	}
	for _, b := range told {
		if slices.Equal(b.By, was) && (b.Concentrated() || !best.Concentrated()) {
			return b
		}
	}
	return best
}

// seenLabels returns by which labels an earlier look broke the same thing down; nil for none.
func (inv *investigation) seenLabels(d promql.Drill) []string {
	for _, e := range inv.seen {
		if e.Kind != incident.KindDrilldown || len(e.Ranking) == 0 {
			continue
		}
		if by := slices.Sorted(maps.Keys(e.Ranking[0].Labels)); d.Query(by...) == e.Query {
			return by
		}
	}
	return nil
}

// labelsTogether returns the labels that are looked at together: those that each carry the change, or, where nothing else can be told
// apart, those that have one value.
func labelsTogether(all []breakdown.Breakdown) []string {
	var together, single []string
	for _, b := range all {
		if b.Concentrated() && len(together) < maxJoint {
			together = append(together, b.By[0])
		}
		if len(b.Parts) == 1 && len(single) < maxJoint {
			single = append(single, b.By[0])
		}
	}
	if len(single) == min(len(all), maxJoint) && all[0].NoPast {
		return single
	}
	return together
}

// drillInward breaks down what is within the first part of an aggregation of aggregations.
func (inv *investigation) drillInward(ctx context.Context, c promql.Condition, d promql.Drill, best breakdown.Breakdown, k promql.SelectorLabels) *drilled {
	if !best.Concentrated() && len(best.Parts) > 1 {
		return nil
	}
	inner := *inv
	inner.alert.Labels = maps.Clone(inv.alert.Labels)
	maps.Copy(inner.alert.Labels, best.Parts[0].Labels)
	for _, next := range d.Inward(inner.targetLabels(), k) {
		next.Labels = next.Labels[:min(len(next.Labels), maxJoint)]
		if r, err := inner.drill(ctx, c, next, k); err == nil && len(r.all) > 0 {
			return &r
		}
	}
	return nil
}

// markStill marks what hardly moved beside something else of the expression that did: it has no culprit.
func markStill(list []drilled) {
	most := map[promql.Unit]float64{}
	for _, r := range list {
		u := r.best.Unit
		most[u] = max(most[u], math.Abs(r.best.Change))
	}
	for i, r := range list {
		list[i].still = r.best.Form == promql.FormSum && math.Abs(r.best.Change) < stillShare*most[r.best.Unit]
	}
}

package evidence

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/alertscribe/alertscribe/incident"

	"github.com/alertscribe/alertscribe/promql"
)

// The bounds of a drill-down.
const (
	maxDrills      = 3  // things of one expression that are broken down
	maxDrillLabels = 8  // labels asked about, of all drills together
	maxJoint       = 3  // labels that are looked at together
	drillSteps     = 40 // points per part
	maxParts       = 10 // in a ranking
)

// collectDrilldown finds the label values that carry the change.
func collectDrilldown(ctx context.Context, inv *investigation) ([]incident.Evidence, error) {
	if inv.rule == nil {
		return nil, nil // the signal's item says so
	}
	k, err := inv.knownLabels()
	if err != nil {
		return nil, err
	}
	var items []incident.Evidence
	for i, c := range inv.rule.conditions {
		if i == maxAlternatives || len(items) > 0 {
			break
		}
		found, err := inv.drillCondition(ctx, c, k)
		if err != nil {
			return items, err
		}
		items = append(items, found...)
	}
	if len(items) == 0 {
		items = append(items, incident.Evidence{Title: inv.say(msgTitleDrilldown), Summary: inv.say(msgNotBrokenDown[promql.RefusedEmpty])})
	}
	return items, nil
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
	if refused != "" {
		return inv.notBrokenDownItem(ctx, c, refused)
	}
	drills = drills[:min(len(drills), maxDrills)]
	found := make([][]incident.Evidence, len(drills))
	errs := make([]error, len(drills))
	var wg sync.WaitGroup
	for i, d := range drills {
		wg.Go(func() {
			d.Labels = d.Labels[:min(len(d.Labels), max(maxDrillLabels/len(drills), 3))]
			found[i], errs[i] = inv.drillItems(ctx, c, d)
		})
	}
	wg.Wait()
	items := slices.Concat(found...)
	if len(items) > 0 {
		return items, nil // what else there is tells enough
	}
	return nil, errors.Join(errs...)
}

// drillItems breaks one thing down by each of its labels, and by those together that each carry the change.
func (inv *investigation) drillItems(ctx context.Context, c promql.Condition, d promql.Drill) ([]incident.Evidence, error) {
	all := make([]breakdown, len(d.Labels))
	errs := make([]error, len(d.Labels))
	var wg sync.WaitGroup
	for i, label := range d.Labels {
		wg.Go(func() { all[i], errs[i] = inv.queryBreakdown(ctx, c, d, label) })
	}
	wg.Wait()
	told := slices.DeleteFunc(all, func(b breakdown) bool { return len(b.parts) == 0 })
	if len(told) == 0 {
		return nil, errors.Join(errs...)
	}
	slices.SortStableFunc(told, func(x, y breakdown) int {
		switch {
		case x.unevenness > y.unevenness:
			return -1
		case x.unevenness < y.unevenness:
			return 1
		}
		return 0
	})
	best := told[0]
	var together []string
	for _, b := range told {
		if len(together) < maxJoint && b.concentrated() {
			together = append(together, b.by[0])
		}
	}
	if len(together) > 1 {
		if joint, err := inv.queryBreakdown(ctx, c, d, together...); err == nil && len(joint.parts) > 0 {
			best = joint
		}
	}
	return []incident.Evidence{inv.drillItem(d, best, told)}, nil
}

// drillGrid returns the steps of a drill-down: coarser than the signal's, and ending with the window.
func (inv *investigation) drillGrid() (start time.Time, times []time.Time, step time.Duration) {
	step = niceStep(inv.end.Sub(inv.start) / drillSteps)
	n := int(inv.end.Sub(inv.start)/step) + 1
	start = inv.end.Add(-time.Duration(n-1) * step)
	for i := range n {
		times = append(times, start.Add(time.Duration(i)*step))
	}
	return start, times, step
}

package evidence

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"

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
	drills, refused := promql.PlanDrills(promql.Narrow(c.Value, inv.targetLabels(), k), k)
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
	all := make([]breakdown.Breakdown, len(d.Labels))
	errs := make([]error, len(d.Labels))
	var wg sync.WaitGroup
	for i, label := range d.Labels {
		wg.Go(func() { all[i], errs[i] = inv.queryBreakdown(ctx, c, d, label) })
	}
	wg.Wait()
	told := slices.DeleteFunc(all, func(b breakdown.Breakdown) bool { return len(b.Parts) == 0 })
	if len(told) == 0 {
		return nil, errors.Join(errs...)
	}
	slices.SortStableFunc(told, func(x, y breakdown.Breakdown) int {
		return cmp.Compare(y.Unevenness, x.Unevenness)
	})
	best := told[0]
	var together []string
	for _, b := range told {
		if len(together) < maxJoint && b.Concentrated() {
			together = append(together, b.By[0])
		}
	}
	if len(together) > 1 {
		if joint, err := inv.queryBreakdown(ctx, c, d, together...); err == nil && len(joint.Parts) > 0 {
			best = joint
		}
	}
	return []incident.Evidence{inv.drillItem(d, best, told)}, nil
}

// queryBreakdown asks for the parts by some labels and compares them.
func (inv *investigation) queryBreakdown(ctx context.Context, c promql.Condition, d promql.Drill, by ...string) (breakdown.Breakdown, error) {
	whole, base := d.PartQueries(by...)
	form := d.Form
	if len(d.InBase.Intersect(by)) < len(by) && form == promql.FormRatio {
		form, base = promql.FormSum, "" // the denominator can't be told apart by these labels: the numerators are compared
	}
	start, times, step := inv.drillGrid()
	m, err := inv.prom.Range(ctx, whole, start, inv.end, step)
	if err != nil {
		return breakdown.Breakdown{}, err
	}
	parts := map[string]*breakdown.Part{}
	inv.addSeries(parts, m, by, len(times), start, step, func(p *breakdown.Part) []float64 { return p.Whole })
	if base != "" {
		if m, err = inv.prom.Range(ctx, base, start, inv.end, step); err != nil {
			return breakdown.Breakdown{}, err
		}
		inv.addSeries(parts, m, by, len(times), start, step, func(p *breakdown.Part) []float64 { return p.Base })
	}
	list := make([]breakdown.Part, 0, len(parts))
	for _, p := range parts {
		list = append(list, *p)
	}
	slices.SortFunc(list, func(x, y breakdown.Part) int { return strings.Compare(labelText(x.Labels), labelText(y.Labels)) })
	direction := 0.
	if up, known := c.Rises(); known && d.Direct {
		if direction = -1; up {
			direction = 1
		}
	}
	return breakdown.Compare(form, by, list, times, inv.onset, direction), nil
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

// addSeries sorts series into parts by their values of some labels; what has none of a label is the part without it.
func (inv *investigation) addSeries(parts map[string]*breakdown.Part, m model.Matrix, by []string, n int, start time.Time, step time.Duration, into func(*breakdown.Part) []float64) {
	for _, s := range m {
		own := model.Metric{}
		for name, value := range s.Metric {
			if !slices.Contains(by, string(name)) {
				own[name] = value
			}
		}
		if !inv.represents(inv.alert, own) {
			continue
		}
		p := partFor(parts, s.Metric, by, n)
		values := into(p)
		for _, v := range s.Values {
			if i := int(v.Timestamp.Time().Sub(start) / step); i >= 0 && i < n {
				if x := float64(v.Value); !math.IsNaN(x) && !math.IsInf(x, 0) {
					values[i] += x
				}
			}
		}
	}
}

func partFor(parts map[string]*breakdown.Part, metric model.Metric, by []string, n int) *breakdown.Part {
	values := make([]string, len(by))
	labels := map[string]string{}
	for i, name := range by {
		values[i] = string(metric[model.LabelName(name)])
		labels[name] = values[i]
	}
	key := strings.Join(values, "\x00")
	if parts[key] == nil {
		parts[key] = &breakdown.Part{Labels: labels, Whole: make([]float64, n), Base: make([]float64, n)}
	}
	return parts[key]
}

package evidence

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/evidence/breakdown"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
)

var (
	msgVanished = message{
		"Gone: %[1]d of the window's %[2]d series; the last was seen at %[3]s.",
		"窗口内的 %[2]d 条序列中有 %[1]d 条已消失，最后一次出现于 %[3]s。",
	}
	msgStillThere = message{
		"All series exist (%[1]d), but none has the required value; last: %[2]s at %[3]s.",
		"%[1]d 条序列都在，但取值都不满足条件，最新值 %[2]s（%[3]s）。",
	}
	msgNeverThere = message{
		"No such series in this window (%s): the target may have been gone longer, or never had this name.",
		"整个窗口（%s）内都没有该序列：可能早已消失，也可能名称有误。",
	}
)

// absentSeriesItem lists the series whose absence an alert is about: which were there, if any, and until when.
func (inv *investigation) absentSeriesItem(ctx context.Context, e parser.Expr) (items []incident.Evidence, there bool, err error) {
	windows := inv.drillWindows()
	start, last := windows[0].start, windows[len(windows)-1]
	query := e.String()
	m, err := inv.rangeOver(ctx, query, windows)
	if err != nil {
		return nil, false, err
	}
	item := incident.Evidence{
		Title: inv.say(msgTitleDrilldown), Query: query, Start: start, End: last.end, Link: inv.link(query, start, last.end),
		Summary: inv.say(msgNeverThere, inv.spansText()),
	}
	m = slices.DeleteFunc(m, func(s *model.SampleStream) bool { return len(s.Values) == 0 })
	if len(m) == 0 {
		return []incident.Evidence{item}, false, nil
	}
	latest := func(s *model.SampleStream) model.SamplePair { return s.Values[len(s.Values)-1] }
	slices.SortStableFunc(m, func(x, y *model.SampleStream) int { return int(latest(y).Timestamp - latest(x).Timestamp) })
	var gone []model.Metric
	var seen time.Time
	for _, s := range m {
		at := latest(s).Timestamp.Time()
		if last.end.Sub(at) < last.step {
			continue
		}
		gone, seen = append(gone, s.Metric), later(seen, at)
		if len(gone) <= breakdown.MaxShown && len(inv.partial()) == 0 {
			item.Ranking = append(item.Ranking, incident.RankedSeries{
				Labels: seriesLabels(s.Metric), Direction: "down", Onset: at.Add(last.step).UTC(), Before: float64(latest(s).Value),
			})
		}
	}
	if len(gone) > 0 {
		item.Summary = inv.say(msgVanished, len(gone), len(m), formatTime(inv.lastHeld(ctx, e, gone, stretch{seen.Add(-lookback), seen.Add(last.step)})))
	} else {
		item.Summary = inv.say(msgStillThere, len(m), promql.FormatNumber(float64(latest(m[0]).Value)), formatTime(latest(m[0]).Timestamp.Time()))
	}
	return []incident.Evidence{item}, true, nil
}

// lastHeld returns when series of a selector had their last sample, of a stretch in which steps show it: a server repeats a value for a
// while whose end it was not told. Where that can't be told it is the end of what steps show.
func (inv *investigation) lastHeld(ctx context.Context, e parser.Expr, series []model.Metric, within stretch) time.Time {
	last := time.Time{}
	if sel, plain := promql.Unparen(e).(*parser.VectorSelector); plain && sel.OriginalOffset == 0 && sel.Timestamp == nil && sel.StartOrEnd == 0 {
		held := inv.readHeld(ctx, sel.String(), []stretch{within}, within.until)
		for _, one := range series {
			for _, p := range held.of(one, within.after, within.until) {
				last = later(last, p.Timestamp.Time())
			}
		}
	}
	if last.IsZero() {
		return within.after.Add(lookback)
	}
	return last
}

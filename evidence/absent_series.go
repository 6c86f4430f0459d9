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
		"该时间范围内的 %[2]d 个序列中有 %[1]d 个已消失；最后一次出现于 %[3]s。",
	}
	msgStillThere = message{
		"All series exist (%[1]d), but none has the required value; last: %[2]s.",
		"%[1]d 个序列都在，但没有一个满足所要求的值；最新：%[2]s。",
	}
	msgNeverThere = message{
		"No such series in this window: the target may have been gone longer, or never had this name.",
		"整个时间范围内都没有这样的序列：目标可能早已消失，或名称有误。",
	}
)

// absentSeriesItem lists the series whose absence an alert is about: which were there, if any, and until when.
func (inv *investigation) absentSeriesItem(ctx context.Context, e parser.Expr) (items []incident.Evidence, there bool, err error) {
	start, _, step := inv.drillGrid()
	query := e.String()
	m, err := inv.prom.Range(ctx, query, start, inv.end, step)
	if err != nil {
		return nil, false, err
	}
	item := incident.Evidence{
		Title: inv.say(msgTitleDrilldown), Query: query, Start: start, End: inv.end, Link: inv.link(query, start, inv.end),
		Summary: inv.say(msgNeverThere),
	}
	m = slices.DeleteFunc(m, func(s *model.SampleStream) bool { return len(s.Values) == 0 })
	if len(m) == 0 {
		return []incident.Evidence{item}, false, nil
	}
	last := func(s *model.SampleStream) model.SamplePair { return s.Values[len(s.Values)-1] }
	slices.SortStableFunc(m, func(x, y *model.SampleStream) int { return int(last(y).Timestamp - last(x).Timestamp) })
	gone := 0
	var seen time.Time
	for _, s := range m {
		at := last(s).Timestamp.Time()
		if inv.end.Sub(at) < step {
			continue
		}
		if gone++; at.After(seen) {
			seen = at
		}
		if gone <= breakdown.MaxShown {
			item.Ranking = append(item.Ranking, incident.RankedSeries{
				Labels: seriesLabels(s.Metric), Direction: "down", Onset: at.Add(step).UTC(), Before: float64(last(s).Value),
			})
		}
	}
	item.Summary = inv.say(msgVanished, gone, len(m), formatTime(seen))
	if gone == 0 {
		item.Summary = inv.say(msgStillThere, len(m), promql.FormatNumber(float64(last(m[0]).Value)))
	}
	return []incident.Evidence{item}, true, nil
}

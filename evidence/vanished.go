package evidence

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/incident"

	"github.com/alertscribe/alertscribe/promql"
)

var (
	sayVanished = text{
		"Gone: %[1]d of %[2]d series that were there in this window; the last was seen at %[3]s.",
		"该时间范围内的 %[2]d 个序列中有 %[1]d 个已消失；最后一次出现于 %[3]s。",
	}
	sayStillThere = text{
		"All series are there (%[1]d), but none has the value that is asked for; last: %[2]s.",
		"%[1]d 个序列都在，但没有一个满足所要求的值；最新：%[2]s。",
	}
	sayNeverThere = text{
		"No such series was there in the whole window: the target may be gone for longer, or never have had this name.",
		"整个时间范围内都没有这样的序列：目标可能早已消失，或名称有误。",
	}
)

// vanished lists the series whose absence an alert is about: which were there, if any, and until when.
func (q *inquiry) vanished(ctx context.Context, e parser.Expr) (items []incident.Evidence, there bool, err error) {
	start, _, step := q.grid()
	query := e.String()
	m, err := q.prom.Range(ctx, query, start, q.end, step)
	if err != nil {
		return nil, false, err
	}
	item := incident.Evidence{
		Title: q.say(titleDrilldown), Query: query, Start: start, End: q.end, Link: q.link(query, start, q.end),
		Summary: q.say(sayNeverThere),
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
		if q.end.Sub(at) < step {
			continue
		}
		if gone++; at.After(seen) {
			seen = at
		}
		if gone <= maxParts {
			item.Ranking = append(item.Ranking, incident.RankedSeries{
				Labels: texted(s.Metric), Direction: "down", Onset: at.Add(step).UTC(), Before: float64(last(s).Value),
			})
		}
	}
	item.Summary = q.say(sayVanished, gone, len(m), clock(seen))
	if gone == 0 {
		item.Summary = q.say(sayStillThere, len(m), promql.FormatNumber(float64(last(m[0]).Value)))
	}
	return []incident.Evidence{item}, true, nil
}

package evidence

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/text"
)

var (
	msgElsewhereUp = message{
		" Other targets: %d, none was down.",
		"其他 %d 个采集目标也没有中断过。",
	}
	msgElsewhereDown = message{
		" Other targets: %[1]d; down for a while: %[2]d, %[3]s.",
		"其他 %[1]d 个采集目标中有 %[2]d 个曾中断：%[3]s。",
	}
	msgElsewhereUnknown = message{
		" Other targets were not looked at.",
		"未查看其他采集目标。",
	}
	msgNoUpAtAll = message{
		" This Prometheus has no up series: it may not be where the alert comes from.",
		"此 Prometheus 中没有 up 序列，告警可能来自其他服务器。",
	}
)

// maxJobsDown is how many jobs are named of which targets were down.
const maxJobsDown = 4

// otherTargets tells how all other targets were, by job, and whether one of them was down: that those of the alert's own job are up
// is no all-clear for what it depends on.
func (inv *investigation) otherTargets(ctx context.Context, scope []promql.Matcher, start, end time.Time) (told string, down bool) {
	span := "[" + promql.FormatDuration(end.Sub(start).Truncate(time.Second)) + "]"
	lowest := func(matchers ...promql.Matcher) string {
		return "min_over_time(" + promql.SelectorText("up", matchers...) + span + ")"
	}
	others := "(" + lowest() + " unless " + lowest(scope...) + ")"
	all, err := inv.prom.Instant(ctx, "count("+others+")", end)
	if err == nil && len(all) == 0 {
		return "", false
	}
	var jobs model.Vector
	if err == nil {
		jobs, err = inv.prom.Instant(ctx, "count by (job) ("+others+" == 0)", end)
	}
	if err != nil {
		inv.log.DebugContext(ctx, "Lookup of other targets failed, the report says so", "err", err)
		return inv.say(msgElsewhereUnknown), false
	}
	if len(jobs) == 0 {
		return inv.say(msgElsewhereUp, int(all[0].Value)), false
	}
	slices.SortFunc(jobs, func(a, b *model.Sample) int {
		return cmp.Or(cmp.Compare(b.Value, a.Value), strings.Compare(string(a.Metric["job"]), string(b.Metric["job"])))
	})
	var parts []string
	n := 0
	for i, s := range jobs {
		n += int(s.Value)
		if i < maxJobsDown {
			parts = append(parts, fmt.Sprintf("job=%q (%d)", text.Cut(string(s.Metric["job"]), 60), int(s.Value)))
		}
	}
	if more := len(jobs) - maxJobsDown; more > 0 {
		parts = append(parts, inv.say(msgMore, more))
	}
	return inv.say(msgElsewhereDown, int(all[0].Value), n, strings.Join(parts, inv.say(msgComma))), true
}

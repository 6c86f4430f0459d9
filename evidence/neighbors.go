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

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
)

var (
	msgTitleTargets  = message{"Targets and peers", "相关采集目标的状态"}
	msgTitleRestarts = message{"Restarts", "重启"}
	msgTitleVersions = message{"Version and config changes", "版本与配置变更"}
	msgTitleReplicas = message{"Deployment and replica changes", "部署与副本变更"}

	msgNoTargets = message{
		"The alert's labels identify no target: they have no job, instance, or namespace.",
		"无法从告警标签判断采集目标：其中没有 job、instance 或 namespace。",
	}
	msgNoUp = message{"Prometheus has no scrape targets with %s in this window.", "该时间范围内没有标签为 %s 的采集目标。"}
	msgUp   = message{
		"All targets with %[2]s (%[1]d) were up throughout.",
		"标签为 %[2]s 的 %[1]d 个采集目标在整个时间范围内均正常。",
	}
	msgNotUp = message{
		"%[1]d of %[2]d targets with %[3]s were not always up; the first since %[4]s: %[5]s.",
		"标签为 %[3]s 的 %[2]d 个采集目标中有 %[1]d 个曾不正常；最早自 %[4]s 起：%[5]s。",
	}
	msgNoChange = message{" Not seen: %s.", " 未发现：%s。"}
	msgChanges  = message{
		"%[1]d in this window, %[2]d in the half hour before the onset (%[3]s); the last before it: %[4]s at %[5]s.",
		"该时间范围内共 %[1]d 次，其中 %[2]d 次在异常开始（%[3]s）前半小时内；之前最近一次：%[4]s（%[5]s）。",
	}
	msgChangesAfter = message{
		"%[1]d in this window, all after the onset (%[2]s); the first: %[3]s at %[4]s.",
		"该时间范围内共 %[1]d 次，均在异常开始（%[2]s）之后；最早：%[3]s（%[4]s）。",
	}

	msgWordTarget  = message{"target", "目标"}
	msgWordState   = message{"state", "状态"}
	msgWordTime    = message{"time", "时间"}
	msgWordWhere   = message{"where", "位置"}
	msgWordWhat    = message{"what", "变更"}
	msgWordDown    = message{"down", "不可用"}
	msgWordMissing = message{"not scraped", "未采集"}
	msgWordStarted = message{"process started", "进程启动"}
	msgWordBack    = message{"up again", "已恢复"}
)

const (
	minScrapeStep = 2 * time.Minute // longer than the usual scrape intervals, so that a step without samples is a gap
	recentChange  = 30 * time.Minute
)

// occurrence is something that happened at a time.
type occurrence struct {
	at    time.Time
	where map[string]string
	what  string
}

// collectNeighbors looks at the alert's targets and their peers, and at what changed there.
func collectNeighbors(ctx context.Context, inv *investigation) ([]incident.Evidence, error) {
	labels := inv.resolveLabels(ctx, inv.targetLabels())
	scope := peerMatchers(labels)
	if len(scope) == 0 {
		return []incident.Evidence{{Title: inv.say(msgTitleTargets), Summary: inv.say(msgNoTargets)}}, nil
	}
	kinds := []struct {
		title message
		look  func(context.Context, *investigation, []promql.Matcher, map[string]string) (string, []occurrence, error)
	}{{msgTitleRestarts, findRestarts}, {msgTitleVersions, findVersionChanges}, {msgTitleReplicas, findReplicaChanges}}
	items := make([]incident.Evidence, len(kinds)+1)
	errs := make([]error, len(items))
	var quiet []string
	var wg sync.WaitGroup
	wg.Go(func() { items[0], errs[0] = inv.targetsItem(ctx, scope) })
	found := make([][]occurrence, len(kinds))
	for i, k := range kinds {
		wg.Go(func() {
			var query string
			query, found[i], errs[i+1] = k.look(ctx, inv, scope, labels)
			items[i+1] = inv.changesItem(k.title, query, found[i])
		})
	}
	wg.Wait()
	for i, k := range kinds {
		if len(found[i]) == 0 && errs[i+1] == nil {
			quiet = append(quiet, inv.say(k.title))
		}
	}
	if len(quiet) > 0 && errs[0] == nil {
		items[0].Summary += inv.say(msgNoChange, strings.ToLower(strings.Join(quiet, ", ")))
	}
	return slices.DeleteFunc(items, func(e incident.Evidence) bool { return e.Summary == "" }), errors.Join(errs...)
}

// peerMatchers returns the matchers of a target's peers: those of its job, or else of its namespace, or else itself alone.
func peerMatchers(labels map[string]string) []promql.Matcher {
	var scope []promql.Matcher
	for _, name := range []string{"cluster", "namespace"} {
		if value := labels[name]; value != "" {
			scope = append(scope, promql.Equals(name, value))
		}
	}
	switch {
	case labels["job"] != "":
		// A job's own namespace is not always that of what it tells about.
		return append(scope[:0:0], promql.Equals("job", labels["job"]))
	case labels["namespace"] != "":
		return scope
	case labels["instance"] != "":
		return append(scope, promql.Equals("instance", labels["instance"]))
	}
	return nil
}

// scrapeGrid returns the steps by which neighbors are looked at, so wide that each holds a scrape.
func (inv *investigation) scrapeGrid() (start time.Time, step time.Duration) {
	_, _, step = inv.drillGrid()
	step = max(step, minScrapeStep)
	n := inv.end.Sub(inv.start) / step
	return inv.end.Add(-n * step), step
}

// targetsItem tells which targets were down or not scraped, and when. The lowest value of up within each step shows every
// scrape that failed, and a step without any is a gap.
func (inv *investigation) targetsItem(ctx context.Context, scope []promql.Matcher) (incident.Evidence, error) {
	start, step := inv.scrapeGrid()
	query := "min_over_time(" + promql.SelectorText("up", scope...) + "[" + promql.FormatDuration(step) + "])"
	m, err := inv.prom.Range(ctx, query, start, inv.end, step)
	if err != nil {
		return incident.Evidence{}, err
	}
	item := incident.Evidence{
		Title: inv.say(msgTitleTargets), Query: query, Start: start, End: inv.end, Link: inv.link(query, start, inv.end),
	}
	if len(m) == 0 {
		item.Summary = inv.say(msgNoUp, matchersText(scope))
		return item, nil
	}
	var outages []occurrence
	bad := map[string]bool{}
	for _, s := range m {
		for _, o := range inv.targetOutages(s, start, step) {
			outages = append(outages, o)
			bad[labelText(o.where)] = true
		}
	}
	if len(outages) == 0 {
		item.Summary = inv.say(msgUp, len(m), matchersText(scope))
		return item, nil
	}
	slices.SortStableFunc(outages, func(a, b occurrence) int { return a.at.Compare(b.at) })
	first := outages[0]
	item.Summary = inv.say(msgNotUp, len(bad), len(m), matchersText(scope), formatTime(first.at), labelText(first.where)+" "+first.what)
	item.Table = inv.occurrenceTable(outages, msgWordTarget, msgWordState)
	return item, nil
}

// targetOutages lists when a target went down, was not scraped, and came back.
func (inv *investigation) targetOutages(s *model.SampleStream, start time.Time, step time.Duration) []occurrence {
	where := seriesLabels(s.Metric)
	n := int(inv.end.Sub(start)/step) + 1
	up := make([]float64, n)
	for i := range up {
		up[i] = math.NaN()
	}
	for _, v := range s.Values {
		if i := int(v.Timestamp.Time().Sub(start) / step); i >= 0 && i < n {
			up[i] = float64(v.Value)
		}
	}
	began := slices.IndexFunc(up, func(v float64) bool { return !math.IsNaN(v) }) // before that there was no such target
	var out []occurrence
	was := msgWordBack
	for i := began; i < n; i++ {
		is := msgWordBack
		switch {
		case math.IsNaN(up[i]):
			is = msgWordMissing
		case up[i] == 0:
			is = msgWordDown
		}
		if is != was {
			out = append(out, occurrence{start.Add(time.Duration(i) * step), where, inv.say(is)})
		}
		was = is
	}
	return out
}

// changesItem makes the item of one kind of change; one without a summary when there were none.
func (inv *investigation) changesItem(title message, query string, found []occurrence) incident.Evidence {
	if len(found) == 0 {
		return incident.Evidence{}
	}
	slices.SortStableFunc(found, func(a, b occurrence) int {
		return cmp.Or(a.at.Compare(b.at), strings.Compare(a.what, b.what), strings.Compare(labelText(a.where), labelText(b.where)))
	})
	before, last := 0, -1
	for i, o := range found {
		if !o.at.After(inv.onset) {
			last = i
			if inv.onset.Sub(o.at) <= recentChange {
				before++
			}
		}
	}
	item := incident.Evidence{
		Title: inv.say(title), Query: query, Start: inv.start, End: inv.end, Link: inv.link(query, inv.start, inv.end),
		Table: inv.occurrenceTable(found, msgWordWhere, msgWordWhat),
	}
	name := func(o occurrence) string { return o.what + " " + labelText(o.where) }
	if last >= 0 {
		item.Summary = inv.say(msgChanges, len(found), before, formatTime(inv.onset), name(found[last]), formatTime(found[last].at))
	} else {
		item.Summary = inv.say(msgChangesAfter, len(found), formatTime(inv.onset), name(found[0]), formatTime(found[0].at))
	}
	return item
}

// occurrenceTable shows what happened in order of time; of too many, those around the onset.
func (inv *investigation) occurrenceTable(found []occurrence, where, what message) *incident.Table {
	t := &incident.Table{Columns: []string{inv.say(msgWordTime), inv.say(where), inv.say(what)}}
	from := 0
	if len(found) > maxRows {
		onset := slices.IndexFunc(found, func(o occurrence) bool { return o.at.After(inv.onset) })
		if onset < 0 {
			onset = len(found)
		}
		from = min(max(onset-maxRows*2/3, 0), len(found)-maxRows)
	}
	for _, o := range found[from:min(from+maxRows, len(found))] {
		t.Rows = append(t.Rows, []string{formatTime(o.at), labelText(o.where), o.what})
	}
	if more := len(found) - maxRows; more > 0 {
		t.Rows = append(t.Rows, []string{inv.say(msgMore, more), "", ""})
	}
	return t
}

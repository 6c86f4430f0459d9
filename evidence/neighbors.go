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
	msgTitleTargets  = message{"Targets and peers", "采集目标状态"}
	msgTitleRestarts = message{"Restarts", "重启"}
	msgTitleVersions = message{"Version and config changes", "版本和配置变更"}
	msgTitleReplicas = message{"Deployment and replica changes", "部署和副本变更"}

	msgNoTargets = message{
		"The alert's labels identify no target: they have no job, instance, or namespace.",
		"无法从告警标签判断采集目标：没有 job、instance 或 namespace 标签。",
	}
	msgNoUp = message{"Prometheus has no scrape targets with %[1]s during %[2]s.", "Prometheus 中没有 %[1]s 的采集目标（%[2]s）。"}
	msgUp   = message{
		"All targets with %[2]s (%[1]d) were up throughout %[3]s.",
		"%[2]s 的 %[1]d 个采集目标在窗口（%[3]s）内始终正常。",
	}
	msgNotUp = message{
		"%[1]d of %[2]d targets with %[3]s were not always up during %[6]s; the first %[4]s: %[5]s.",
		"%[3]s 的 %[2]d 个采集目标中有 %[1]d 个在窗口（%[6]s）内出现过异常，最早%[4]s：%[5]s。",
	}
	msgDownNow = message{" At the end: %d down or not scraped.", "窗口结束时有 %d 个不可用或采集中断。"}
	msgNoData  = message{
		"Prometheus has no data of targets from when the alert fired (%s).",
		"Prometheus 没有告警触发时（%s）的采集目标数据。",
	}
	msgNoChange = message{" Not seen in that time: %s.", "窗口内未发现%s。"}
	msgChanges  = message{
		"%[1]d during %[6]s, %[2]d in the half hour before the onset (%[3]s); the last before it: %[4]s %[5]s.",
		"窗口（%[6]s）内共 %[1]d 次，其中 %[2]d 次在异常开始（%[3]s）前 30 分钟内；异常前最近一次：%[4]s（%[5]s）。",
	}
	msgChangesAfter = message{
		"%[1]d during %[5]s, all after the onset (%[2]s); the first: %[3]s %[4]s.",
		"窗口（%[5]s）内共 %[1]d 次，均在异常开始（%[2]s）之后，最早一次：%[3]s（%[4]s）。",
	}
	msgChangesLately = message{" The last of all: %[1]s %[2]s.", "最近一次：%[1]s（%[2]s）。"}

	msgWordTarget  = message{"target", "采集目标"}
	msgWordState   = message{"state", "状态"}
	msgWordTime    = message{"time", "时间"}
	msgWordWhere   = message{"where", "对象"}
	msgWordWhat    = message{"what", "变更"}
	msgWordDown    = message{"down", "不可用"}
	msgAlready     = message{"%s already", "此前已%s"}
	msgWordMissing = message{"not scraped", "采集中断"}
	msgWordStarted = message{"process started", "进程启动"}
	msgWordBack    = message{"up again", "恢复正常"}
)

const (
	minScrapeStep = 2 * time.Minute // longer than the usual scrape intervals, so that a step without samples is a gap
	recentChange  = 30 * time.Minute
)

// collectNeighbors looks at the alert's targets and their peers, and at what changed there.
func collectNeighbors(ctx context.Context, inv *investigation) ([]incident.Evidence, error) {
	labels := inv.resolveLabels(ctx, inv.targetLabels())
	scope := peerMatchers(labels)
	if len(scope) == 0 {
		return []incident.Evidence{{Title: inv.say(msgTitleTargets), Summary: inv.say(msgNoTargets), Nothing: true}}, nil
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
			query := ""
			for _, one := range inv.eachWindow() {
				asked, more, err := k.look(ctx, one, scope, labels)
				if query == "" {
					query = asked // that of the onset has all that came later, too
				}
				found[i], errs[i+1] = append(found[i], more...), errors.Join(errs[i+1], err)
			}
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
		items[0].Summary += inv.say(msgNoChange, strings.ToLower(strings.Join(quiet, inv.say(msgComma))))
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
	return windowBy(inv.start, inv.end, inv.scrapeStep).start, inv.scrapeStep
}

// targetsItem tells which targets were down or not scraped, and when, around the onset and now. The lowest value of up within each step
// shows every scrape that failed, and a step without any is a gap.
func (inv *investigation) targetsItem(ctx context.Context, scope []promql.Matcher) (incident.Evidence, error) {
	query := "min_over_time(" + promql.SelectorText("up", scope...) + "[" + promql.FormatDuration(inv.scrapeStep) + "])"
	windows := inv.eachWindow()
	start, _ := windows[0].scrapeGrid()
	end := windows[len(windows)-1].end
	item := incident.Evidence{
		Title: inv.say(msgTitleTargets), Query: query, Start: start, End: end, Link: inv.link(query, start, end),
	}
	var told []string
	if inv.noOnset {
		told = append(told, inv.say(msgNoData, formatTime(inv.fired)))
	}
	var outages []occurrence
	some := false // targets
	for _, one := range windows {
		said, found, n, err := one.targetsIn(ctx, query, scope)
		some = some || n > 0
		if err != nil {
			return incident.Evidence{}, err
		}
		told, outages = append(told, said), append(outages, found...)
	}
	elsewhere, down := inv.otherTargets(ctx, scope, start, end)
	item.Summary = strings.Join(told, inv.say(msgBlank)) + elsewhere
	item.Nothing = len(outages) == 0 && some && !down
	if len(outages) > 0 {
		item.Table = inv.occurrenceTable(outages, msgWordTarget, msgWordState)
	}
	return item, nil
}

// targetsIn tells how targets were in one window, and how many there were.
func (inv *investigation) targetsIn(ctx context.Context, query string, scope []promql.Matcher) (told string, outages []occurrence, n int, err error) {
	start, step := inv.scrapeGrid()
	m, err := inv.prom.Range(ctx, query, start, inv.end, step)
	if err != nil {
		return "", nil, 0, err
	}
	during := formatSpan(start, inv.end)
	if len(m) == 0 {
		return inv.say(msgNoUp, matchersText(scope), during), nil, 0, nil
	}
	bad, down := map[string]bool{}, 0
	for _, s := range m {
		found := inv.targetOutages(s, start, step)
		for _, o := range found {
			outages = append(outages, o)
			bad[labelText(o.where)] = true
		}
		if n := len(found); n > 0 && found[n-1].what != inv.say(msgWordBack) {
			down++
		}
	}
	if len(outages) == 0 {
		return inv.say(msgUp, len(m), matchersText(scope), during), nil, len(m), nil
	}
	inv.settleTimes(ctx, promql.SelectorText("up", scope...), outages)
	slices.SortStableFunc(outages, func(a, b occurrence) int { return a.at.Compare(b.at) })
	first := outages[0]
	told = inv.say(msgNotUp, len(bad), len(m), matchersText(scope), inv.whenText(first, msgSinceTime), labelText(first.where)+" "+first.what, during)
	return told + inv.say(msgDownNow, down), outages, len(m), nil
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
	fillUsualGaps(up, usualGap(up))
	series := s.Metric.Clone()
	series[model.MetricNameLabel] = "up"
	var out []occurrence
	was := msgWordBack
	for i := began; i < n; i++ {
		is, locate, earliest := msgWordBack, heldSamples.back, 2*step
		switch {
		case math.IsNaN(up[i]):
			is, locate = msgWordMissing, heldSamples.missing
		case up[i] == 0:
			is, locate, earliest = msgWordDown, heldSamples.down, step
		}
		if is != was {
			at := start.Add(time.Duration(i) * step)
			o := occurrence{after: at, at: at, where: where, what: inv.say(is)}
			if i == 0 {
				o.what = inv.say(msgAlready, o.what)
			} else {
				o.after = at.Add(-earliest)
				within := stretch{o.after, at}
				o.locate = func(h heldSamples) (time.Time, time.Time, bool) { return locate(h, series, within) }
			}
			out = append(out, o)
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
		if !o.after.After(inv.onset) {
			last = i
			before += boolToInt(inv.onset.Sub(o.after) <= recentChange)
		}
	}
	windows := inv.eachWindow()
	end := windows[len(windows)-1].end
	item := incident.Evidence{
		Title: inv.say(title), Query: query, Start: inv.start, End: end, Link: inv.link(query, inv.start, end),
		Table: inv.occurrenceTable(found, msgWordWhere, msgWordWhat),
	}
	name := func(o occurrence) string { return o.what + " " + labelText(o.where) }
	if last >= 0 {
		item.Summary = inv.say(msgChanges, len(found), before, inv.onsetWords(), name(found[last]), inv.whenText(found[last], msgAtTime), inv.spansText())
	} else {
		item.Summary = inv.say(msgChangesAfter, len(found), inv.onsetWords(), name(found[0]), inv.whenText(found[0], msgAtTime), inv.spansText())
	}
	if late := mostLate(found); late > 0 {
		item.Summary += inv.say(msgLateSeen, inv.duration(late))
	}
	if latest := found[len(found)-1]; len(windows) > 1 && latest.at.After(inv.end) {
		item.Summary += inv.say(msgChangesLately, name(latest), inv.whenText(latest, msgAtTime))
	}
	return item
}

// mostLate returns by how much the times are late, at most, that are told as one; in whole seconds.
func mostLate(found []occurrence) time.Duration {
	late := time.Duration(0)
	for _, o := range found {
		if !o.vague() {
			late = max(late, o.at.Sub(o.after))
		}
	}
	return (late + time.Second - 1).Truncate(time.Second)
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
		t.Rows = append(t.Rows, []string{inv.timeCell(o), labelText(o.where), o.what})
	}
	if more := len(found) - maxRows; more > 0 {
		t.Rows = append(t.Rows, []string{inv.say(msgMore, more), "", ""})
	}
	return t
}

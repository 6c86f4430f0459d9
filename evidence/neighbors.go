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
	titleTargets  = text{"Targets of the alert and their peers", "相关采集目标的状态"}
	titleRestarts = text{"Restarts", "重启"}
	titleVersions = text{"Changes of versions and settings", "版本与配置变更"}
	titleReplicas = text{"Changes of deployments and replicas", "部署与副本变更"}

	sayNoTargets = text{
		"No target could be told from the alert's labels: there is no job, instance or namespace in them.",
		"无法从告警标签判断采集目标：其中没有 job、instance 或 namespace。",
	}
	sayNoUp = text{"Prometheus has no scrape targets with %s in this window.", "该时间范围内没有标签为 %s 的采集目标。"}
	sayUp   = text{
		"All targets with %[2]s (%[1]d) were up in the whole window.",
		"标签为 %[2]s 的 %[1]d 个采集目标在整个时间范围内均正常。",
	}
	sayNotUp = text{
		"%[1]d of %[2]d targets with %[3]s were not up all the time; the first since %[4]s: %[5]s.",
		"标签为 %[3]s 的 %[2]d 个采集目标中有 %[1]d 个曾不正常；最早自 %[4]s 起：%[5]s。",
	}
	sayNoChange = text{" None of these was seen: %s.", " 未发现：%s。"}
	sayChanges  = text{
		"%[1]d in this window, %[2]d of them in the half hour before the onset (%[3]s); the last before it: %[4]s at %[5]s.",
		"该时间范围内共 %[1]d 次，其中 %[2]d 次在异常开始（%[3]s）前半小时内；之前最近一次：%[4]s（%[5]s）。",
	}
	sayChangesAfter = text{
		"%[1]d in this window, all after the onset (%[2]s); the first: %[3]s at %[4]s.",
		"该时间范围内共 %[1]d 次，均在异常开始（%[2]s）之后；最早：%[3]s（%[4]s）。",
	}

	wordTarget  = text{"target", "目标"}
	wordState   = text{"state", "状态"}
	wordTime    = text{"time", "时间"}
	wordWhere   = text{"where", "位置"}
	wordWhat    = text{"what", "变更"}
	wordDown    = text{"down", "不可用"}
	wordMissing = text{"not scraped", "未采集"}
	wordStarted = text{"process started", "进程启动"}
	wordBack    = text{"up again", "已恢复"}
)

const (
	leastScrapeStep = 2 * time.Minute // longer than the usual scrape intervals, so that a step without samples is a gap
	recently        = 30 * time.Minute
)

// occurrence is something that happened at a time.
type occurrence struct {
	at    time.Time
	where map[string]string
	what  string
}

// neighbors looks at the alert's targets and their peers, and at what changed there.
func neighbors(ctx context.Context, q *inquiry) ([]incident.Evidence, error) {
	labels := q.whereabouts(ctx, q.identity())
	scope := scopeOf(labels)
	if len(scope) == 0 {
		return []incident.Evidence{{Title: q.say(titleTargets), Summary: q.say(sayNoTargets)}}, nil
	}
	kinds := []struct {
		title text
		look  func(context.Context, *inquiry, []promql.Matcher, map[string]string) (string, []occurrence, error)
	}{{titleRestarts, restarts}, {titleVersions, versions}, {titleReplicas, replicas}}
	items := make([]incident.Evidence, len(kinds)+1)
	errs := make([]error, len(items))
	var quiet []string
	var wg sync.WaitGroup
	wg.Go(func() { items[0], errs[0] = q.targets(ctx, scope) })
	found := make([][]occurrence, len(kinds))
	for i, k := range kinds {
		wg.Go(func() {
			var query string
			query, found[i], errs[i+1] = k.look(ctx, q, scope, labels)
			items[i+1] = q.tellChanges(k.title, query, found[i])
		})
	}
	wg.Wait()
	for i, k := range kinds {
		if len(found[i]) == 0 && errs[i+1] == nil {
			quiet = append(quiet, q.say(k.title))
		}
	}
	if len(quiet) > 0 && errs[0] == nil {
		items[0].Summary += q.say(sayNoChange, strings.ToLower(strings.Join(quiet, ", ")))
	}
	return slices.DeleteFunc(items, func(e incident.Evidence) bool { return e.Summary == "" }), errors.Join(errs...)
}

// scopeOf returns the matchers of a target's peers: those of its job, or else of its namespace, or else itself alone.
func scopeOf(labels map[string]string) []promql.Matcher {
	var scope []promql.Matcher
	for _, name := range []string{"cluster", "namespace"} {
		if value := labels[name]; value != "" {
			scope = append(scope, promql.Matcher{Label: name, Op: "=", Value: value})
		}
	}
	switch {
	case labels["job"] != "":
		// A job's own namespace is not always that of what it tells about.
		return append(scope[:0:0], promql.Matcher{Label: "job", Op: "=", Value: labels["job"]})
	case labels["namespace"] != "":
		return scope
	case labels["instance"] != "":
		return append(scope, promql.Matcher{Label: "instance", Op: "=", Value: labels["instance"]})
	}
	return nil
}

func scopeText(scope []promql.Matcher) string {
	labels := map[string]string{}
	for _, m := range scope {
		labels[m.Label] = m.Value
	}
	return labelText(labels)
}

// coarse returns the steps by which neighbours are looked at, so wide that each holds a scrape.
func (q *inquiry) coarse() (start time.Time, step time.Duration) {
	_, _, step = q.grid()
	step = max(step, leastScrapeStep)
	n := q.end.Sub(q.start) / step
	return q.end.Add(-n * step), step
}

// targets tells which targets were down or not scraped, and when. The lowest value of up within each step shows every
// scrape that failed, and a step without any is a gap.
func (q *inquiry) targets(ctx context.Context, scope []promql.Matcher) (incident.Evidence, error) {
	start, step := q.coarse()
	query := "min_over_time(" + promql.SelectorText("up", scope...) + "[" + promql.FormatDuration(step) + "])"
	m, err := q.prom.Range(ctx, query, start, q.end, step)
	if err != nil {
		return incident.Evidence{}, err
	}
	item := incident.Evidence{
		Title: q.say(titleTargets), Query: query, Start: start, End: q.end, Link: q.link(query, start, q.end),
	}
	if len(m) == 0 {
		item.Summary = q.say(sayNoUp, scopeText(scope))
		return item, nil
	}
	var outages []occurrence
	bad := map[string]bool{}
	for _, s := range m {
		for _, o := range q.outages(s, start, step) {
			outages = append(outages, o)
			bad[labelText(o.where)] = true
		}
	}
	if len(outages) == 0 {
		item.Summary = q.say(sayUp, len(m), scopeText(scope))
		return item, nil
	}
	slices.SortStableFunc(outages, func(a, b occurrence) int { return a.at.Compare(b.at) })
	first := outages[0]
	item.Summary = q.say(sayNotUp, len(bad), len(m), scopeText(scope), clock(first.at), labelText(first.where)+" "+first.what)
	item.Table = q.occurrenceTable(outages, wordTarget, wordState)
	return item, nil
}

// outages lists when a target went down, was not scraped, and came back.
func (q *inquiry) outages(s *model.SampleStream, start time.Time, step time.Duration) []occurrence {
	where := texted(s.Metric)
	n := int(q.end.Sub(start)/step) + 1
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
	was := wordBack
	for i := began; i < n; i++ {
		is := wordBack
		switch {
		case math.IsNaN(up[i]):
			is = wordMissing
		case up[i] == 0:
			is = wordDown
		}
		if is != was {
			out = append(out, occurrence{start.Add(time.Duration(i) * step), where, q.say(is)})
		}
		was = is
	}
	return out
}

// tellChanges makes the item of one kind of change; one without a summary when there were none.
func (q *inquiry) tellChanges(title text, query string, found []occurrence) incident.Evidence {
	if len(found) == 0 {
		return incident.Evidence{}
	}
	slices.SortStableFunc(found, func(a, b occurrence) int {
		return cmp.Or(a.at.Compare(b.at), strings.Compare(a.what, b.what), strings.Compare(labelText(a.where), labelText(b.where)))
	})
	before, last := 0, -1
	for i, o := range found {
		if !o.at.After(q.onset) {
			last = i
			if q.onset.Sub(o.at) <= recently {
				before++
			}
		}
	}
	item := incident.Evidence{
		Title: q.say(title), Query: query, Start: q.start, End: q.end, Link: q.link(query, q.start, q.end),
		Table: q.occurrenceTable(found, wordWhere, wordWhat),
	}
	name := func(o occurrence) string { return o.what + " " + labelText(o.where) }
	if last >= 0 {
		item.Summary = q.say(sayChanges, len(found), before, clock(q.onset), name(found[last]), clock(found[last].at))
	} else {
		item.Summary = q.say(sayChangesAfter, len(found), clock(q.onset), name(found[0]), clock(found[0].at))
	}
	return item
}

// occurrenceTable shows what happened in order of time; of too many, those around the onset.
func (q *inquiry) occurrenceTable(found []occurrence, where, what text) *incident.Table {
	t := &incident.Table{Columns: []string{q.say(wordTime), q.say(where), q.say(what)}}
	from := 0
	if len(found) > maxRows {
		onset := slices.IndexFunc(found, func(o occurrence) bool { return o.at.After(q.onset) })
		if onset < 0 {
			onset = len(found)
		}
		from = min(max(onset-maxRows*2/3, 0), len(found)-maxRows)
	}
	for _, o := range found[from:min(from+maxRows, len(found))] {
		t.Rows = append(t.Rows, []string{clock(o.at), labelText(o.where), o.what})
	}
	if more := len(found) - maxRows; more > 0 {
		t.Rows = append(t.Rows, []string{q.say(sayMore, more), "", ""})
	}
	return t
}

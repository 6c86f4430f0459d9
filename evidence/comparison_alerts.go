package evidence

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
)

var (
	msgNothingFires = message{"No other alerts firing.", "当前没有其他告警触发。"}
	msgFiresNow     = message{
		"Other alerts firing: %[1]d; also with %[2]s: %[3]d; elsewhere: %[4]d, in %[5]d other %[6]ss.",
		"当前另有 %[1]d 条告警触发：同属 %[2]s 的 %[3]d 条，其他 %[4]d 条（涉及 %[6]s %[5]d 个）。",
	}
	msgFiresAnywhere = message{
		"Other alerts firing: %d; this one has no namespace or job to locate them by.",
		"当前另有 %d 条告警触发；本告警没有 namespace 或 job 标签，无法判断是否相关。",
	}
	msgWordFires     = message{"firing", "触发数"}
	msgWordNear      = message{"with %s", "同属 %s"}
	msgWordElsewhere = message{"elsewhere", "其他"}
)

// maxNamesFiring bounds the table of what else fires.
const maxNamesFiring = 8

// firingCount counts alerts of one name, or of all.
type firingCount struct{ all, near int }

// compareFiring counts the other alerts that fire now, near and far: what goes wrong everywhere has another cause than what
// goes wrong in one place.
func compareFiring(ctx context.Context, inv *investigation) ([]incident.Evidence, error) {
	query := `ALERTS{alertstate="firing"}`
	found, err := inv.prom.Instant(ctx, query, inv.now)
	if err != nil {
		return nil, err
	}
	place := inv.nearLabel(ctx)
	var all firingCount
	byName, elsewhere := map[string]firingCount{}, promql.LabelNames{}
	for _, s := range found {
		labels := seriesLabels(s.Metric)
		delete(labels, model.MetricNameLabel)
		delete(labels, "alertstate")
		if inv.isOwnAlert(labels) {
			continue
		}
		value := labels[place.Label]
		near := boolToInt(place.Value != "" && value == place.Value)
		if near == 0 && value != "" {
			elsewhere[value] = true
		}
		n := byName[labels["alertname"]]
		byName[labels["alertname"]] = firingCount{n.all + 1, n.near + near}
		all = firingCount{all.all + 1, all.near + near}
	}
	item := incident.Evidence{
		Title: inv.say(msgTitleFiring), Query: query, Start: inv.start, End: inv.now, Link: inv.link(query, inv.start, inv.now),
	}
	switch {
	case all.all == 0:
		item.Summary, item.Nothing = inv.say(msgNothingFires)+inv.untargetedText(), true
		return []incident.Evidence{item}, nil
	case place.Value == "":
		item.Summary = inv.say(msgFiresAnywhere, all.all)
	default:
		item.Summary = inv.say(msgFiresNow, all.all, matchersText([]promql.Matcher{place}), all.near, all.all-all.near, len(elsewhere), place.Label)
	}
	item.Table = inv.firingTable(byName, place)
	return []incident.Evidence{item}, nil
}

// untargetedText says where nothing means little: on a server that nothing is scraped by.
func (inv *investigation) untargetedText() string {
	if !inv.untargeted {
		return ""
	}
	return inv.say(msgNoUpAtAll)
}

// firingTable shows the names that most alerts have.
func (inv *investigation) firingTable(byName map[string]firingCount, place promql.Matcher) *incident.Table {
	t := &incident.Table{Columns: []string{inv.say(msgWordAlert), inv.say(msgWordFires)}}
	if place.Value != "" {
		t.Columns = append(t.Columns, inv.say(msgWordNear, matchersText([]promql.Matcher{place})), inv.say(msgWordElsewhere))
	}
	list := slices.SortedFunc(maps.Keys(byName), func(a, b string) int {
		return cmp.Or(byName[b].all-byName[a].all, strings.Compare(a, b))
	})
	for i, name := range list {
		row := make([]string, len(t.Columns))
		if i == maxNamesFiring {
			row[0] = inv.say(msgMore, len(list)-i)
			t.Rows = append(t.Rows, row)
			break
		}
		n := byName[name]
		row[0], row[1] = boundedLine(name), strconv.Itoa(n.all)
		if place.Value != "" {
			row[2], row[3] = strconv.Itoa(n.near), strconv.Itoa(n.all-n.near)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// nearLabel returns the label by which other alerts count as near: the alert's namespace, or else its job. It has no value
// where neither is known.
func (inv *investigation) nearLabel(ctx context.Context) promql.Matcher {
	labels := inv.alert.Labels
	if labels["namespace"] == "" && labels["job"] == "" {
		labels = inv.resolveLabels(ctx, inv.targetLabels())
	}
	for _, name := range []string{"namespace", "job"} {
		if labels[name] != "" {
			return promql.Equals(name, labels[name])
		}
	}
	return promql.Matcher{}
}

package evidence

import (
	"cmp"
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/promql"
)

// The bounds of the search for suspects.
const (
	suspectPoints  = 300     // about, per series
	suspectValues  = 600_000 // of all series: some 20 MB of JSON
	batchValues    = 60_000  // of one answer
	maxBatches     = 10
	everythingOver = 4 // a server with so many times the series that can be read is not searched whole
)

// circle is a set of series that share something with the alert, narrower circles excluded.
type circle struct {
	matchers []promql.Matcher
	near     bool           // the alert's own pod, instance, service or job, not merely its neighbourhood
	names    map[string]int // metric names, and how many series have them
}

func (c *circle) selector(more ...promql.Matcher) string {
	var parts []string
	for _, m := range slices.Concat(c.matchers, more) {
		parts = append(parts, m.String())
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// kin lists the labels that make a circle, from narrow to wide; a label with within is looked at in the alert's
// namespace alone, since its values repeat elsewhere.
var kin = []struct {
	label        string
	within, near bool
}{
	{"container", true, true},
	{"pod", true, true},
	{"instance", false, true},
	{"service", true, true},
	{"app", true, true},
	{"deployment", true, true},
	{"statefulset", true, true},
	{"daemonset", true, true},
	{"workload", true, true},
	{"component", true, true},
	{"service_name", true, true},
	{"node", false, true},
	{"host", false, true},
	{"hostname", false, true},
	{"nodename", false, true},
	{"job", false, true},
	{"namespace", false, false},
}

// never lists the metrics that suspects are not looked for among: parts of others, constants, and our own kind.
const never = `.+_bucket|.+_info|.+_created|.+_timestamp_seconds|.+_start_time_seconds|ALERTS|ALERTS_FOR_STATE|scrape_.+`

// neverFar lists what changes because of an alert: the ones who watch.
const neverFar = never + `|alertmanager_.+|prometheus_.+|alertscribe_.+|promhttp_.+`

// circles returns the circles around the alert, narrow to wide, each without what the ones before it hold.
func (q *inquiry) circles(ctx context.Context) ([]*circle, error) {
	labels := q.whereabouts(ctx, q.identity())
	namespace, inNamespace := labels["namespace"]
	var out []*circle
	var inner []promql.Matcher
	for _, k := range kin {
		value, ok := labels[k.label]
		if !ok || value == "" || len(out) == 6 {
			continue
		}
		c := &circle{near: k.near, matchers: []promql.Matcher{{Label: k.label, Op: "=", Value: value}}}
		if k.within && inNamespace {
			c.matchers = append(c.matchers, promql.Matcher{Label: "namespace", Op: "=", Value: namespace})
		}
		c.matchers = append(c.matchers, inner...)
		inner = append(inner, promql.Matcher{Label: k.label, Op: "!=", Value: value})
		out = append(out, c)
	}
	if len(out) == 0 {
		if c := strangers(labels); c != nil {
			out = append(out, c)
		}
	}
	if q.small(ctx) {
		out = append(out, &circle{matchers: inner})
	}
	for _, c := range out {
		pattern := neverFar
		if c.near {
			pattern = never
		}
		c.matchers = append(c.matchers, promql.Matcher{Label: model.MetricNameLabel, Op: "!~", Value: pattern}, promql.Matcher{Label: model.MetricNameLabel, Op: "!=", Value: ""})
	}
	if len(out) == 0 && q.prom.Budget().Left() == 0 {
		return nil, promapi.ErrNoBudget
	}
	return out, nil
}

// strangers is the circle of an alert none of whose labels is known: of the series that have all of them.
func strangers(labels map[string]string) *circle {
	c := &circle{near: true}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if !slices.Contains([]string{"severity", "priority", "team", "alertgroup", "prometheus", "replica", "monitor"}, name) && labels[name] != "" {
			c.matchers = append(c.matchers, promql.Matcher{Label: name, Op: "=", Value: labels[name]})
		}
	}
	if len(c.matchers) == 0 {
		return nil
	}
	return c
}

// whereabouts adds to the alert's labels those that an aggregation took off, where all series behind it agree.
func (q *inquiry) whereabouts(ctx context.Context, labels map[string]string) map[string]string {
	if q.rule == nil {
		return labels
	}
	var by, known []string
	for _, k := range kin {
		if k.label == "container" {
			continue
		}
		if value, ok := labels[k.label]; !ok {
			by = append(by, k.label)
		} else if value != "" {
			known = append(known, k.label)
		}
	}
	for _, sel := range q.signalSelectors() {
		narrowed := *sel
		narrowed.Offset, narrowed.OriginalOffset, narrowed.Timestamp, narrowed.StartOrEnd = 0, 0, nil, 0
		found, err := q.prom.Instant(ctx, "group by ("+strings.Join(slices.Concat(by, known), ",")+") ("+narrowed.String()+")", q.onset)
		if err == nil && len(found) > 0 {
			agree(labels, by, known, found)
			return labels
		}
	}
	return labels
}

// agree sets the labels that all samples consistent with the known ones have the same value for.
func agree(labels map[string]string, by, known []string, found model.Vector) {
	same := map[string]string{}
	first := true
	for _, sample := range found {
		if slices.ContainsFunc(known, func(name string) bool {
			v := string(sample.Metric[model.LabelName(name)])
			return v != "" && v != labels[name]
		}) {
			continue
		}
		for _, name := range by {
			value := string(sample.Metric[model.LabelName(name)])
			if first {
				same[name] = value
			} else if same[name] != value {
				same[name] = ""
			}
		}
		first = false
	}
	for name, value := range same {
		if value != "" {
			labels[name] = value
		}
	}
}

// signalSelectors returns the selectors of the rule's values, at most three.
func (q *inquiry) signalSelectors() []*parser.VectorSelector {
	var out []*parser.VectorSelector
	if q.rule == nil {
		return nil
	}
	for _, c := range q.rule.conditions {
		out = append(out, promql.Selectors(c.Value)...)
	}
	return out[:min(len(out), 3)]
}

// small reports whether the whole server holds few enough series to look at all of them.
func (q *inquiry) small(ctx context.Context) bool {
	v, err := q.prom.Instant(ctx, "sum(scrape_samples_scraped)", q.onset)
	return err == nil && len(v) == 1 && float64(v[0].Value) <= everythingOver*suspectValues/suspectPoints
}

// count asks how many series of each name a circle holds: before the onset, and near the alert also now, for what only
// appeared with the trouble.
func (c *circle) count(ctx context.Context, q *inquiry) error {
	ago := (q.end.Sub(q.onset) + 2*time.Minute).Truncate(time.Second)
	query := "count by (__name__) (" + c.selector() + " offset " + promql.FormatDuration(ago) + ")"
	if c.near {
		query += " or on (__name__) count by (__name__) (" + c.selector() + ")"
	}
	found, err := q.prom.Instant(ctx, query, q.end)
	if err != nil {
		return err
	}
	c.names = make(map[string]int, len(found))
	for _, sample := range found {
		c.names[string(sample.Metric[model.MetricNameLabel])] = int(sample.Value)
	}
	return nil
}

// counts asks for the sizes of all circles at once; it fails only if all do.
func counts(ctx context.Context, q *inquiry, circles []*circle) error {
	var wg sync.WaitGroup
	errs := make([]error, len(circles))
	for i, c := range circles {
		wg.Go(func() { errs[i] = c.count(ctx, q) })
	}
	wg.Wait()
	for _, err := range errs {
		if err == nil {
			return nil
		}
	}
	return errs[0]
}

// batch is one question: metrics of one circle.
type batch struct {
	circle *circle
	names  []string
	series int
}

func (b batch) query() string {
	quoted := make([]string, len(b.names))
	for i, name := range b.names {
		quoted[i] = regexp.QuoteMeta(name)
	}
	return b.circle.selector(promql.Matcher{Label: model.MetricNameLabel, Op: "=~", Value: strings.Join(quoted, "|")})
}

// plan divides what the circles hold into questions with bounded answers: narrow circles first, and in each the
// metrics with few series, since they say most with least. What is too much is left out and counted.
func plan(circles []*circle, points int) (batches []batch, left int) {
	room := suspectValues / points
	most := max(batchValues/points, 1)
	for _, c := range circles {
		names := slices.SortedFunc(maps.Keys(c.names), func(a, b string) int {
			return cmp.Or(cmp.Compare(c.names[a], c.names[b]), cmp.Compare(a, b))
		})
		current := batch{circle: c}
		flush := func() {
			if len(current.names) > 0 {
				batches = append(batches, current)
			}
			current = batch{circle: c}
		}
		for _, name := range names {
			n := c.names[name]
			if current.series+n > most {
				flush()
			}
			if n > room || n > 2*most || len(batches) == maxBatches {
				left += n
				continue
			}
			room -= n
			current.names, current.series = append(current.names, name), current.series+n
		}
		flush()
	}
	if len(batches) > maxBatches {
		for _, b := range batches[maxBatches:] {
			left += b.series
		}
		batches = batches[:maxBatches]
	}
	return batches, left
}

package evidence

import (
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
	pointsPerSeries   = 300     // about, per series
	maxValues         = 600_000 // of all series: some 20 MB of JSON
	maxBatchValues    = 60_000  // of one answer
	maxBatches        = 10
	smallServerFactor = 4   // a server with so many times the series that can be read is not searched whole
	maxSampled        = 150 // series of the metrics that are too many to be read, for each scope and type
)

// seriesScope is a set of series that share something with the alert, narrower scopes excluded.
type seriesScope struct {
	matchers []promql.Matcher
	bounds   []promql.Matcher // what the alert's other labels exclude
	near     bool             // the alert's own pod, instance, service or job, not merely its namespace
	names    map[string]int   // metric names, and how many series have them
}

func (c *seriesScope) selector(more ...promql.Matcher) string {
	return promql.SelectorText("", slices.Concat(c.matchers, c.bounds, more)...)
}

// nameMatchers bound a scope to the metrics that suspects are looked for among.
func (c *seriesScope) nameMatchers() []promql.Matcher {
	pattern := excludedFarMetrics
	if c.near {
		pattern = excludedMetrics
	}
	return []promql.Matcher{{Label: model.MetricNameLabel, Op: "!~", Value: pattern}, {Label: model.MetricNameLabel, Op: "!=", Value: ""}}
}

// targetLabel is a label that makes a scope.
type targetLabel struct {
	label             string
	inNamespace, near bool
}

// targetLabelOrder lists the labels that make a scope, from narrow to wide; a label with inNamespace is looked at in the alert's
// namespace alone, since its values repeat elsewhere.
var targetLabelOrder = []targetLabel{
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

// unboundLabels lists the labels of alerts that do not bound where to look: whom an alert is for, who sent it, and those
// that tell series of one thing apart.
var unboundLabels = []string{
	"alertname", "severity", "priority", "team", "owner", "alertgroup", "prometheus", "replica", "monitor", "receiver", "runbook", "page",
	"code", "status", "mode", "state", "phase", "reason", "condition", "method", "type", "level", "le", "quantile",
}

// excludedMetrics lists the metrics that suspects are not looked for among: parts of others, such as the threads of a process group,
// constants, our own kind, and the calls between services, which are asked for by themselves.
const excludedMetrics = `.+_bucket|.+_info|.+_created|.+_timestamp_seconds|.+_start_time_seconds|ALERTS|ALERTS_FOR_STATE|scrape_.+|traces_service_graph_.+|istio_request.+|namedprocess_namegroup_thread(_|s_wchan).*`

// excludedFarMetrics adds the metrics of the monitoring itself, which change because of an alert.
const excludedFarMetrics = excludedMetrics + `|alertmanager_.+|prometheus_.+|alertscribe_.+|promhttp_.+`

// scopes returns the scopes around the alert, narrow to wide, each without what the ones before it hold.
func (inv *investigation) scopes(ctx context.Context) ([]*seriesScope, error) {
	labels := inv.resolveLabels(ctx, inv.targetLabels())
	namespace, hasNamespace := labels["namespace"]
	var out []*seriesScope
	var inner []promql.Matcher
	for _, k := range targetLabelOrder {
		value, ok := labels[k.label]
		if !ok || value == "" || len(out) == 6 {
			continue
		}
		c := &seriesScope{near: k.near, matchers: []promql.Matcher{promql.Equals(k.label, value)}}
		if k.inNamespace && hasNamespace {
			c.matchers = append(c.matchers, promql.Equals("namespace", namespace))
		} else if k.label == "job" && hasNamespace {
			c.matchers = append(c.matchers, orAbsent("namespace", namespace))
		}
		c.matchers = append(c.matchers, inner...)
		inner = append(inner, promql.Matcher{Label: k.label, Op: "!=", Value: value})
		out = append(out, c)
	}
	if len(out) == 0 {
		if c := unlabeledScope(labels); c != nil {
			out = append(out, c)
		}
	}
	if inv.isSmallServer(ctx) {
		out = append(out, &seriesScope{matchers: inner})
	}
	bounds := boundMatchers(labels)
	for i, c := range out {
		if c.matchers = append(c.matchers, c.nameMatchers()...); i > 0 || len(inner) > 0 { // else it has all labels already
			c.bounds = bounds
		}
	}
	if len(out) == 0 && inv.prom.Budget().Left() == 0 {
		return nil, promapi.ErrNoBudget
	}
	return out, nil
}

// boundMatchers returns what the alert's labels exclude wherever one looks: series of another cluster, region or tenant.
// A series without such a label is not excluded.
func boundMatchers(labels map[string]string) []promql.Matcher {
	var out []promql.Matcher
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		inOrder := slices.ContainsFunc(targetLabelOrder, func(k targetLabel) bool { return k.label == name })
		if labels[name] != "" && !inOrder && !slices.Contains(unboundLabels, name) && model.LegacyValidation.IsValidLabelName(name) {
			out = append(out, orAbsent(name, labels[name]))
		}
	}
	return out
}

// orAbsent matches a label's value, and series without the label.
func orAbsent(label, value string) promql.Matcher {
	return promql.Matcher{Label: label, Op: "=~", Value: regexp.QuoteMeta(value) + "|"}
}

// unlabeledScope is the scope of an alert none of whose labels is known: of the series that have all of them.
func unlabeledScope(labels map[string]string) *seriesScope {
	c := &seriesScope{near: true}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if !slices.Contains(unboundLabels, name) && labels[name] != "" {
			c.matchers = append(c.matchers, promql.Equals(name, labels[name]))
		}
	}
	if len(c.matchers) == 0 {
		return nil
	}
	return c
}

// resolveLabels adds to the alert's labels those that an aggregation took off, where all series behind it agree.
func (inv *investigation) resolveLabels(ctx context.Context, labels map[string]string) map[string]string {
	if inv.rule == nil {
		return labels
	}
	var by, known []string
	for _, k := range targetLabelOrder {
		if k.label == "container" {
			continue
		}
		if value, ok := labels[k.label]; !ok {
			by = append(by, k.label)
		} else if value != "" {
			known = append(known, k.label)
		}
	}
	for _, sel := range inv.signalSelectors() {
		narrowed := *sel
		narrowed.Offset, narrowed.OriginalOffset, narrowed.Timestamp, narrowed.StartOrEnd = 0, 0, nil, 0
		found, err := inv.prom.Instant(ctx, "group by ("+strings.Join(slices.Concat(by, known), ",")+") ("+narrowed.String()+")", inv.onset)
		if err == nil && len(found) > 0 {
			addAgreedLabels(labels, by, known, found)
			return labels
		}
	}
	return labels
}

// addAgreedLabels sets the labels that all samples consistent with the known ones have the same value for.
func addAgreedLabels(labels map[string]string, by, known []string, found model.Vector) {
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
func (inv *investigation) signalSelectors() []*parser.VectorSelector {
	var out []*parser.VectorSelector
	if inv.rule == nil {
		return nil
	}
	for _, c := range inv.rule.candidates() {
		out = append(out, promql.Selectors(c.Value)...)
	}
	return out[:min(len(out), 3)]
}

// isSmallServer reports whether the whole server holds few enough series to look at all of them.
func (inv *investigation) isSmallServer(ctx context.Context) bool {
	v, err := inv.prom.Instant(ctx, "sum(scrape_samples_scraped)", inv.onset)
	return err == nil && len(v) == 1 && float64(v[0].Value) <= smallServerFactor*maxValues/pointsPerSeries
}

// countSeries asks how many series of each name a scope holds: before the onset, and near the alert also now, for what only
// appeared with the trouble.
func (c *seriesScope) countSeries(ctx context.Context, inv *investigation) error {
	ago := (inv.end.Sub(inv.onset) + 2*time.Minute).Truncate(time.Second)
	query := "count by (__name__) (" + c.selector() + " offset " + promql.FormatDuration(ago) + ")"
	if c.near {
		query += " or on (__name__) count by (__name__) (" + c.selector() + ")"
	}
	found, err := inv.prom.Instant(ctx, query, inv.end)
	if err != nil {
		return err
	}
	c.names = make(map[string]int, len(found))
	for _, sample := range found {
		c.names[string(sample.Metric[model.MetricNameLabel])] = int(sample.Value)
	}
	return nil
}

// countScopes asks for the sizes of all scopes at once; it fails only if all do. Where the alert's other labels exclude
// everything, they are not those of series, and are left out.
func countScopes(ctx context.Context, inv *investigation, scopes []*seriesScope) error {
	err := countAll(ctx, inv, scopes)
	bounded := slices.ContainsFunc(scopes, func(c *seriesScope) bool { return len(c.bounds) > 0 })
	if err != nil || !bounded || slices.ContainsFunc(scopes, func(c *seriesScope) bool { return len(c.names) > 0 }) {
		return err
	}
	for _, c := range scopes {
		c.bounds = nil
	}
	return countAll(ctx, inv, scopes)
}

func countAll(ctx context.Context, inv *investigation, scopes []*seriesScope) error {
	var wg sync.WaitGroup
	errs := make([]error, len(scopes))
	for i, c := range scopes {
		wg.Go(func() { errs[i] = c.countSeries(ctx, inv) })
	}
	wg.Wait()
	for _, err := range errs {
		if err == nil {
			return nil
		}
	}
	return errs[0]
}

package evidence

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/text"
)

// findRestarts finds processes that started within the window, by the time that they tell, and containers that Kubernetes
// restarted.
func findRestarts(ctx context.Context, inv *investigation, scope []promql.Matcher, labels map[string]string) (string, []occurrence, error) {
	since := strconv.FormatInt(inv.start.Unix(), 10)
	query := promql.SelectorText("process_start_time_seconds", scope...) + " > " + since
	found, err := inv.prom.Instant(ctx, query, inv.end)
	if err != nil {
		return query, nil, err
	}
	var out []occurrence
	for _, s := range found {
		at := time.UnixMilli(int64(float64(s.Value) * 1000))
		if at.Before(inv.end) {
			where := seriesLabels(s.Metric)
			delete(where, model.MetricNameLabel)
			out = append(out, occurrence{after: at, at: at, where: where, what: inv.say(msgWordStarted)})
		}
	}
	if namespace := labels["namespace"]; namespace != "" {
		matchers := []promql.Matcher{promql.Equals("namespace", namespace)}
		if pod := labels["pod"]; pod != "" {
			matchers = append(matchers, promql.Equals("pod", pod))
		}
		selector := promql.SelectorText("kube_pod_container_status_restarts_total", matchers...)
		more, err := inv.valueChanges(ctx, selector)
		if err != nil {
			return query, out, err
		}
		if len(more) > 0 {
			query, out = selector, append(out, more...)
		}
	}
	return query, out, nil
}

// findVersionChanges finds series of *_info metrics whose labels changed: the value is always 1, the labels are what they tell.
func findVersionChanges(ctx context.Context, inv *investigation, scope []promql.Matcher, labels map[string]string) (string, []occurrence, error) {
	start, step := inv.scrapeGrid()
	matchers := append([]promql.Matcher{{Label: model.MetricNameLabel, Op: "=~", Value: ".+_info"}}, scope...)
	if namespace := labels["namespace"]; namespace != "" && inv.aboutKubernetes() {
		matchers = append(matchers, promql.Equals("namespace", namespace)) // its job tells of all the cluster
	}
	query := promql.SelectorText("", matchers...)
	m, err := inv.prom.Range(ctx, query, start, inv.end, step)
	if err != nil {
		return query, nil, err
	}
	byTarget := map[string][]*model.SampleStream{}
	for _, s := range m {
		if len(s.Values) > 0 {
			key := string(s.Metric[model.MetricNameLabel]) + "\x00" + string(s.Metric["instance"]) + "\x00" +
				string(s.Metric["namespace"]) + "\x00" + string(s.Metric["pod"]) + "\x00" + string(s.Metric["container"]) + "\x00" + string(s.Metric["device"])
			byTarget[key] = append(byTarget[key], s)
		}
	}
	var out []occurrence
	for _, group := range byTarget {
		slices.SortFunc(group, func(a, b *model.SampleStream) int { return int(a.Values[0].Timestamp - b.Values[0].Timestamp) })
		for i := 1; i < len(group); i++ {
			before, after := group[i-1], group[i]
			began := after.Values[0].Timestamp.Time()
			if began.Sub(start) < step { // both were there from the beginning
				continue
			}
			if began.Sub(before.Values[0].Timestamp.Time()) < step || goesOn(before, began.Add(lookback), step) {
				continue // both are there: they appeared together, or one joined the other
			}
			if what, where := labelChanges(before.Metric, after.Metric); what != "" {
				within := stretch{began.Add(-step), began}
				out = append(out, occurrence{after: within.after, at: began, where: where, what: what, locate: func(h heldSamples) (time.Time, time.Time, bool) {
					return h.replacement(before.Metric, after.Metric, within)
				}})
			}
		}
	}
	inv.settleTimes(ctx, query, out)
	return query, out, nil
}

// goesOn reports whether a series has a value within two steps after a time.
func goesOn(s *model.SampleStream, at time.Time, step time.Duration) bool {
	return slices.ContainsFunc(s.Values, func(v model.SamplePair) bool {
		after := v.Timestamp.Time().Sub(at)
		return after > 0 && after <= 2*step
	})
}

// aboutKubernetes reports whether the rule looks at what kube-state-metrics tells.
func (inv *investigation) aboutKubernetes() bool {
	return slices.ContainsFunc(inv.signalSelectors(), func(v *parser.VectorSelector) bool { return strings.HasPrefix(v.Name, "kube_") })
}

// labelChanges tells how a series' labels changed, and by which of its labels it is told from others.
func labelChanges(before, after model.Metric) (what string, where map[string]string) {
	var changes []string
	where = map[string]string{}
	for _, name := range promql.NewLabelNames(append(labelNamesOf(before), labelNamesOf(after)...)...).Sorted() {
		b, a := string(before[model.LabelName(name)]), string(after[model.LabelName(name)])
		switch {
		case b != a:
			changes = append(changes, name+": "+strconv.Quote(text.Cut(b, 60))+" → "+strconv.Quote(text.Cut(a, 60)))
		case slices.Contains([]string{"instance", "job", "namespace", "pod", "container"}, name):
			where[name] = a
		}
	}
	if len(changes) == 0 {
		return "", where
	}
	return string(after[model.MetricNameLabel]) + ": " + strings.Join(changes, ", "), where
}

// findReplicaChanges finds changes of what kube-state-metrics tells of the workloads in the alert's namespace.
func findReplicaChanges(ctx context.Context, inv *investigation, _ []promql.Matcher, labels map[string]string) (string, []occurrence, error) {
	namespace := labels["namespace"]
	if namespace == "" {
		return "", nil, nil
	}
	query := promql.SelectorText("", promql.Matcher{
		Label: model.MetricNameLabel, Op: "=~",
		Value: "kube_(deployment|statefulset|replicaset)_(spec_replicas|replicas|status_replicas_available|status_replicas_ready|metadata_generation)|" +
			"kube_daemonset_(status_desired_number_scheduled|status_number_available|metadata_generation)|" +
			"kube_horizontalpodautoscaler_status_desired_replicas",
	}, promql.Equals("namespace", namespace))
	out, err := inv.valueChanges(ctx, query)
	return query, out, err
}

// valueChanges lists when the values of series changed, as far as the window's steps tell.
func (inv *investigation) valueChanges(ctx context.Context, query string) ([]occurrence, error) {
	start, step := inv.scrapeGrid()
	m, err := inv.prom.Range(ctx, query, start, inv.end, step)
	if err != nil {
		return nil, err
	}
	var out []occurrence
	for _, s := range m {
		for i := 1; i < len(s.Values); i++ {
			if before, after := float64(s.Values[i-1].Value), float64(s.Values[i].Value); before != after {
				where := seriesLabels(s.Metric)
				what := where[model.MetricNameLabel] + ": " + promql.FormatNumber(before) + " → " + promql.FormatNumber(after)
				for _, dropped := range []string{model.MetricNameLabel, "job", "instance", "endpoint", "service", "prometheus"} {
					delete(where, dropped)
				}
				within := stretch{s.Values[i-1].Timestamp.Time(), s.Values[i].Timestamp.Time()}
				out = append(out, occurrence{after: within.after, at: within.until, where: where, what: what, locate: func(h heldSamples) (time.Time, time.Time, bool) {
					return h.change(s.Metric, within)
				}})
			}
		}
	}
	inv.settleTimes(ctx, query, out)
	return out, nil
}

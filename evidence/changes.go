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
)

// restarts finds processes that started within the window, by the time that they tell, and containers that Kubernetes
// restarted.
func restarts(ctx context.Context, q *inquiry, scope []promql.Matcher, labels map[string]string) (string, []occurrence, error) {
	since := strconv.FormatInt(q.start.Unix(), 10)
	query := promql.SelectorText("process_start_time_seconds", scope...) + " > " + since
	found, err := q.prom.Instant(ctx, query, q.end)
	if err != nil {
		return query, nil, err
	}
	var out []occurrence
	for _, s := range found {
		at := time.UnixMilli(int64(float64(s.Value) * 1000))
		if at.Before(q.end) {
			where := texted(s.Metric)
			delete(where, model.MetricNameLabel)
			out = append(out, occurrence{at, where, q.say(wordStarted)})
		}
	}
	if namespace := labels["namespace"]; namespace != "" {
		matchers := []promql.Matcher{{Label: "namespace", Op: "=", Value: namespace}}
		if pod := labels["pod"]; pod != "" {
			matchers = append(matchers, promql.Matcher{Label: "pod", Op: "=", Value: pod})
		}
		selector := promql.SelectorText("kube_pod_container_status_restarts_total", matchers...)
		more, err := q.steps(ctx, selector)
		if err != nil {
			return query, out, err
		}
		if len(more) > 0 {
			query, out = selector, append(out, more...)
		}
	}
	return query, out, nil
}

// versions finds series of *_info metrics whose labels changed: the value is always 1, the labels are what they tell.
func versions(ctx context.Context, q *inquiry, scope []promql.Matcher, labels map[string]string) (string, []occurrence, error) {
	start, step := q.coarse()
	matchers := append([]promql.Matcher{{Label: model.MetricNameLabel, Op: "=~", Value: ".+_info"}}, scope...)
	if namespace := labels["namespace"]; namespace != "" && q.aboutKubernetes() {
		matchers = append(matchers, promql.Matcher{Label: "namespace", Op: "=", Value: namespace}) // its job tells of all the cluster
	}
	query := promql.SelectorText("", matchers...)
	m, err := q.prom.Range(ctx, query, start, q.end, step)
	if err != nil {
		return query, nil, err
	}
	byTarget := map[string][]*model.SampleStream{}
	for _, s := range m {
		if len(s.Values) > 0 {
			key := string(s.Metric[model.MetricNameLabel]) + "\x00" + string(s.Metric["instance"]) + "\x00" +
				string(s.Metric["namespace"]) + "\x00" + string(s.Metric["pod"]) + "\x00" + string(s.Metric["container"])
			byTarget[key] = append(byTarget[key], s)
		}
	}
	var out []occurrence
	for _, group := range byTarget {
		slices.SortFunc(group, func(a, b *model.SampleStream) int { return int(a.Values[0].Timestamp - b.Values[0].Timestamp) })
		for i := 1; i < len(group); i++ {
			before, after := group[i-1], group[i]
			if after.Values[0].Timestamp.Time().Sub(start) < step { // both were there from the beginning
				continue
			}
			if what, where := difference(before.Metric, after.Metric); what != "" {
				out = append(out, occurrence{after.Values[0].Timestamp.Time(), where, what})
			}
		}
	}
	return query, out, nil
}

// aboutKubernetes reports whether the rule looks at what kube-state-metrics tells.
func (q *inquiry) aboutKubernetes() bool {
	return slices.ContainsFunc(q.signalSelectors(), func(v *parser.VectorSelector) bool { return strings.HasPrefix(v.Name, "kube_") })
}

// difference tells how a series' labels changed, and by which of its labels it is told from others.
func difference(before, after model.Metric) (what string, where map[string]string) {
	var changes []string
	where = map[string]string{}
	for _, name := range promql.NewLabelNames(append(keys(before), keys(after)...)...).Sorted() {
		b, a := string(before[model.LabelName(name)]), string(after[model.LabelName(name)])
		switch {
		case b != a:
			changes = append(changes, name+": "+strconv.Quote(cut(b, 60))+" → "+strconv.Quote(cut(a, 60)))
		case slices.Contains([]string{"instance", "job", "namespace", "pod", "container"}, name):
			where[name] = a
		}
	}
	if len(changes) == 0 {
		return "", where
	}
	return string(after[model.MetricNameLabel]) + ": " + strings.Join(changes, ", "), where
}

func keys(m model.Metric) []string {
	var out []string
	for name := range m {
		out = append(out, string(name))
	}
	return out
}

// replicas finds changes of what kube-state-metrics tells of the workloads in the alert's namespace.
func replicas(ctx context.Context, q *inquiry, _ []promql.Matcher, labels map[string]string) (string, []occurrence, error) {
	namespace := labels["namespace"]
	if namespace == "" {
		return "", nil, nil
	}
	query := promql.SelectorText("", promql.Matcher{
		Label: model.MetricNameLabel, Op: "=~",
		Value: "kube_(deployment|statefulset|replicaset)_(spec_replicas|replicas|status_replicas_available|status_replicas_ready|metadata_generation)|" +
			"kube_daemonset_(status_desired_number_scheduled|status_number_available|metadata_generation)|" +
			"kube_horizontalpodautoscaler_status_desired_replicas",
	}, promql.Matcher{Label: "namespace", Op: "=", Value: namespace})
	out, err := q.steps(ctx, query)
	return query, out, err
}

// steps lists when the values of series changed, as far as the window's steps tell.
func (q *inquiry) steps(ctx context.Context, query string) ([]occurrence, error) {
	start, step := q.coarse()
	m, err := q.prom.Range(ctx, query, start, q.end, step)
	if err != nil {
		return nil, err
	}
	var out []occurrence
	for _, s := range m {
		for i := 1; i < len(s.Values); i++ {
			if before, after := float64(s.Values[i-1].Value), float64(s.Values[i].Value); before != after {
				where := texted(s.Metric)
				what := where[model.MetricNameLabel] + ": " + promql.FormatNumber(before) + " → " + promql.FormatNumber(after)
				for _, dropped := range []string{model.MetricNameLabel, "job", "instance", "endpoint", "service", "prometheus"} {
					delete(where, dropped)
				}
				out = append(out, occurrence{s.Values[i].Timestamp.Time(), where, what})
			}
		}
	}
	return out, nil
}

package evidence

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/promql"
)

// The metrics that tell who calls whom: those of traces (Tempo, OpenTelemetry, Beyla) and of Istio, and those of Linkerd,
// whose plain names others have as well.
const (
	callMetrics    = `traces_service_graph_request_(total|failed_total|(server|client)_seconds_(sum|count))|istio_requests_total|istio_request_duration_milliseconds_(sum|count)`
	linkerdMetrics = `response_total|response_latency_ms_(sum|count)`
)

var callMetric = regexp.MustCompile("^(" + callMetrics + "|" + linkerdMetrics + ")")

// callLabels lists the labels that calls are summed by where there are too many series of them.
const callLabels = "client,server,source_workload,destination_workload,response_code,deployment,dst_deployment,classification,reporter,namespace,cluster"

// maxCallSeries is the number of series of calls that are read one by one.
const maxCallSeries = 600

// readCalls reads the series that tell of calls between services, wherever they come from: who generates them out of
// traces rarely gives them the labels of an alert. They are bounded by what the alert's labels exclude.
func (f *fetcher) readCalls(ctx context.Context) ([]trackedSeries, error) {
	labels := f.inv.targetLabels()
	bounds := boundMatchers(labels)
	if namespace := labels["namespace"]; namespace != "" {
		bounds = append(bounds, orAbsent("namespace", namespace))
	}
	name := func(pattern string) promql.Matcher {
		return promql.Matcher{Label: model.MetricNameLabel, Op: "=~", Value: pattern}
	}
	calls := promql.SelectorText("", append(slices.Clip(bounds), name(callMetrics))...)
	linkerd := promql.SelectorText("", append(slices.Clip(bounds), name(linkerdMetrics), promql.Matcher{Label: "dst_deployment", Op: "!=", Value: ""})...)
	count := func(selector, of string) string {
		return "label_replace(count(" + selector + `),"of","` + of + `","","")`
	}
	found, err := f.inv.prom.Instant(ctx, count(calls, "calls")+" or "+count(linkerd, "linkerd"), f.inv.end)
	if err != nil {
		return nil, fmt.Errorf("looking for calls between services: %w", err)
	}
	var out []trackedSeries
	for _, sample := range found {
		query := map[model.LabelValue]string{"calls": calls, "linkerd": linkerd}[sample.Metric["of"]]
		if sample.Value > maxCallSeries {
			query = "sum by (__name__," + callLabels + ") (" + query + ")"
		}
		more, err := f.read(ctx, query)
		if err != nil {
			return out, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// dropUnrelatedCalls leaves out calls between services that have nothing to do with the alert: who makes series of calls out of traces
// rarely gives them labels that would tell whose they are. Calls that name no place stay where a chain of calls leads to what the alert,
// or another series, is about.
func (inv *investigation) dropUnrelatedCalls(tracks []trackedSeries) []trackedSeries {
	related := map[string]bool{}
	for name, value := range inv.targetLabels() {
		if !slices.Contains(unboundLabels, name) {
			related[value] = true
		}
	}
	for i := range tracks {
		if t := &tracks[i]; t.edge == nil {
			related[t.owner.name] = true
			for _, label := range ownerLabels {
				related[t.labels[label]] = true
			}
		}
	}
	delete(related, "")
	if inv.isAboutCalls() || len(related) == 0 {
		return tracks
	}
	for before := -1; before < len(related); {
		before = len(related)
		for i := range tracks {
			if e := tracks[i].edge; e != nil && (related[e.caller] || related[e.callee]) {
				related[e.caller], related[e.callee] = true, true
			}
		}
	}
	return slices.DeleteFunc(tracks, func(t trackedSeries) bool {
		return t.edge != nil && t.owner.place == "" && !related[t.edge.callee]
	})
}

// isAboutCalls reports whether the alert's own expression is about calls between services.
func (inv *investigation) isAboutCalls() bool {
	return slices.ContainsFunc(inv.signalSelectors(), func(sel *parser.VectorSelector) bool { return callMetric.MatchString(sel.Name) })
}

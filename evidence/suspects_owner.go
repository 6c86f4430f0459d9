package evidence

import (
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
)

// owner is what a series belongs to: a service where its labels name one, else the narrowest thing that they name.
type owner struct {
	label, name string // such as service and api; both "" for a series that belongs to nothing
	place       string // cluster and namespace; "" where the labels have none
}

// key tells owners apart. One name in one place is one owner, whichever label has it.
func (o owner) key() string { return o.place + "\x00" + o.name }

// serviceLabels lists the labels that name a service, the plainest first.
var serviceLabels = []string{
	"service", "service_name", "app", "app_kubernetes_io_name", "workload", "deployment", "statefulset", "daemonset",
}

// placeLabels lists the labels that say where an owner is.
var placeLabels = []string{"cluster", "namespace"}

// otherOwnerLabels lists the labels that name what a series belongs to where there is no service.
var otherOwnerLabels = []string{"container", "pod", "job", "instance", "node", "host", "hostname", "nodename", "device", "component"}

var (
	// exporterName matches what exporters of other things, and collectors, are called. Their name is not what their series are about.
	exporterName = regexp.MustCompile(`(?i)exporter|kube-state-metrics|cadvisor|^kubelet$|^node$|^blackbox|^snmp|pushgateway` +
		`|otel|opentelemetry|fluent-?bit|fluentd|telegraf|promtail|(^|-)(alloy|vector)$`)
	// monitoringName matches the monitoring itself.
	monitoringName = regexp.MustCompile(`(?i)^(prometheus|alertmanager|alertscribe|grafana|thanos)`)
	// exportedMetric matches metrics that only exporters of other things have.
	exportedMetric = regexp.MustCompile(`^(node|windows|namedprocess|kube|container|machine|mysql|pg|mongodb|redis|memcached|probe|snmp|ipmi|smartmon|DCGM|haproxy|nginx|apache)_`)
	// machineMetric matches metrics of machines, whose job is no service.
	machineMetric = regexp.MustCompile(`^(node|windows|namedprocess|machine|probe|snmp|ipmi|smartmon|DCGM)_`)
	// runtimeMetric matches what a process says of itself, collectors' own work included.
	runtimeMetric = regexp.MustCompile(`^(go|process|promhttp|scrape|python|jvm|net_conntrack|prometheus_sd|prometheus_remote|prometheus_template|prometheus_treecache)_|_exporter_` +
		`|^(otelcol|fluentbit|fluentd|promtail|alloy|vector|internal)_`)
	// podSuffix matches what Kubernetes adds to the name of a workload: the hash of a replica set and of a pod, or a number.
	podSuffix = regexp.MustCompile(`(-[a-f0-9]{6,10})?-[a-z0-9]{5}$|-[0-9]+$`)
)

// exporterLabels lists the labels by which a target is named.
var exporterLabels = []string{"job", "service", "app", "app_kubernetes_io_name", "container", "pod", "component"}

// namedLike reports whether a label of a target matches.
func namedLike(labels map[string]string, pattern *regexp.Regexp) bool {
	return slices.ContainsFunc(exporterLabels, func(name string) bool { return labels[name] != "" && pattern.MatchString(labels[name]) })
}

// groupLabel names the processes that process-exporter counts together.
const groupLabel = "groupname"

// isProcessGroup reports whether a series is about some processes of a machine: a sum over them, zero while there are none.
func isProcessGroup(labels map[string]string) bool {
	return labels[groupLabel] != "" && strings.HasPrefix(labels[model.MetricNameLabel], "namedprocess_")
}

// ownerOf returns what a series belongs to.
func ownerOf(labels map[string]string) owner {
	var o owner
	var place []string
	for _, name := range placeLabels {
		place = append(place, labels[name])
	}
	if isProcessGroup(labels) {
		return owner{groupLabel, labels[groupLabel], strings.Join(append(place, labels["instance"]), "/")}
	}
	o.place = strings.Trim(strings.Join(place, "/"), "/")
	for _, name := range slices.Concat(serviceLabels, otherOwnerLabels) {
		value := labels[name]
		if value == "" || exporterName.MatchString(value) && slices.Contains(exporterLabels, name) {
			continue
		}
		if name == "job" && exportedMetric.MatchString(labels[model.MetricNameLabel]) && labels["instance"] != "" && !isDatabaseMetric(labels) {
			continue // a job of machines is no machine
		}
		switch name {
		case "pod":
			value = podSuffix.ReplaceAllString(value, "")
		case "instance":
			if exportedMetric.MatchString(labels[model.MetricNameLabel]) {
				value = hostOf(value)
			}
		}
		o.label, o.name = name, value
		return o
	}
	if labels["namespace"] != "" {
		o.label, o.name = "namespace", labels["namespace"]
	} else if labels["cluster"] != "" {
		o.label, o.name = "cluster", labels["cluster"]
	}
	return o
}

// hostOf returns an instance without its port: db of db:9104, ::1 of [::1]:9100. What is no host and port, such as a URL, a path, or
// an address alone, stays whole.
func hostOf(instance string) string {
	host, port, err := net.SplitHostPort(instance)
	if err != nil || host == "" {
		return instance
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return instance
	}
	return host
}

// isDatabaseMetric reports whether an exporter's job names a service, not a set of machines.
func isDatabaseMetric(labels map[string]string) bool {
	return !machineMetric.MatchString(labels[model.MetricNameLabel])
}

// dropOwnRuntime leaves out what an exporter, or the monitoring, says of itself: that is no suspect of what it exports.
// It stays where the alert's own expression is about such a metric.
func (inv *investigation) dropOwnRuntime(tracks []trackedSeries) []trackedSeries {
	for _, sel := range inv.signalSelectors() {
		if runtimeMetric.MatchString(sel.Name) {
			return tracks
		}
	}
	exporters := map[string]bool{}
	scraped := func(t *trackedSeries) string { return t.labels["job"] + "\x00" + t.labels["instance"] }
	for i := range tracks {
		t := &tracks[i]
		if exportedMetric.MatchString(t.labels[model.MetricNameLabel]) || namedLike(t.labels, exporterName) || namedLike(t.labels, monitoringName) {
			exporters[scraped(t)] = true
		}
	}
	return slices.DeleteFunc(tracks, func(t trackedSeries) bool {
		return runtimeMetric.MatchString(t.labels[model.MetricNameLabel]) &&
			(exporters[scraped(&t)] && scraped(&t) != "\x00" || strings.HasPrefix(t.labels[model.MetricNameLabel], "scrape_"))
	})
}

// commonWords lists the words in metrics' names that don't say what they are about.
var commonWords = []string{"total", "count", "sum", "seconds", "bytes", "time", "ratio", "percent", "rate", "current", "num", "number", "of"}

// isAkin reports whether a metric is about the same thing as one of the alert's: memory, cpu, disk, requests. What comes first in a
// name says whose it is.
func (inv *investigation) isAkin(name string) bool {
	words := strings.Split(strings.ToLower(name), "_")[1:]
	for _, sel := range inv.signalSelectors() {
		for _, word := range strings.Split(strings.ToLower(sel.Name), "_")[1:] {
			if word != "" && slices.Contains(words, word) && !slices.Contains(commonWords, word) {
				return true
			}
		}
	}
	return false
}

// role is how a change of a series spreads over calls.
type role int

// The roles. What is not known to spread is a resource of its owner.
const (
	roleResource role = iota
	roleLatency       // spreads to callers
	roleErrors        // spreads to callers
	roleWaiting       // work in progress: spreads to callers
	roleTraffic       // spreads to callees
)

var (
	errorName   = regexp.MustCompile(`(?i)error|fail|exception|reject|refused|5xx|timeouts?_total`)
	latencyName = regexp.MustCompile(`(?i)latency|duration|response_time|request_time|(^|_)rtt|elapsed|_p[0-9]{2}`)
	waitingName = regexp.MustCompile(`(?i)in_?flight|in_progress|pending|concurren|active_requests`)
	trafficName = regexp.MustCompile(`(?i)request|(^|_)calls?(_|$)|rps|qps|(^|_)(ops|operations|transactions|messages|hits)(_|$)|throughput|_received_|_count$`)
	ownName     = regexp.MustCompile(`(?i)cpu|mem(ory)?_|heap|(^|_)gc_|disk|fsync|threads`)
)

// roleOf returns the role of a series by its name and labels.
func roleOf(labels map[string]string) role {
	name := labels[model.MetricNameLabel]
	failing := func(label string) bool {
		v := strings.ToLower(labels[label])
		return len(v) == 3 && v[0] == '5' || v == "5xx" || errorName.MatchString(v) || v == "failure"
	}
	switch {
	case errorName.MatchString(name), failing("code"), failing("status"), failing("status_code"), failing("response_code"), failing("classification"):
		return roleErrors
	case ownName.MatchString(name):
		return roleResource
	case waitingName.MatchString(name):
		return roleWaiting
	case strings.HasSuffix(name, "_count"), strings.HasSuffix(name, "_total"):
		if trafficName.MatchString(name) {
			return roleTraffic
		}
		return roleResource
	case latencyName.MatchString(name), strings.HasSuffix(name, "_seconds"), strings.HasSuffix(name, "milliseconds"), strings.HasSuffix(name, "_ms"):
		return roleLatency
	case trafficName.MatchString(name):
		return roleTraffic
	}
	return roleResource
}

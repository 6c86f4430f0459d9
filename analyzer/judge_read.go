package analyzer

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/alertscribe/alertscribe/analyzer/loosejson"
	"github.com/alertscribe/alertscribe/text"
)

// judgmentKeys are the keys of a judgment by what models call them, without case, blanks and underscores.
var judgmentKeys = map[string]string{
	"hasanomaly": "has_anomaly", "anomaly": "has_anomaly", "anomalous": "has_anomaly", "有异常": "has_anomaly", "是否异常": "has_anomaly",
	"anomalies": "anomalies", "异常": "anomalies", "异常列表": "anomalies",
	"metric": "metric", "metricid": "metric", "id": "metric", "指标": "metric",
	"severity": "severity", "level": "severity", "严重程度": "severity", "级别": "severity",
	"reason": "reason", "why": "reason", "explanation": "reason", "原因": "reason", "理由": "reason",
	"summary": "summary", "摘要": "summary", "总结": "summary",
}

func judgmentFields(v loosejson.Value) map[string]loosejson.Value {
	f := map[string]loosejson.Value{}
	for _, m := range v.Members {
		if name := judgmentKeys[strings.ToLower(keyNoise.Replace(m.Key))]; name != "" {
			f[name] = m.Value
		}
	}
	return f
}

// findJudgment returns the judgment in an answer: the one object outside of thoughts, quotations and examples that is one. Where there
// are two that differ, or where something follows that was cut, there is none.
func findJudgment(got reply) (loosejson.Value, error) {
	content := text.CutBytes(got.content, maxContent)
	if inner, ok := unwrapString(content); ok {
		content = inner
	}
	s := scanAnswer(content, got.cut, got.whole)
	found, problem := -1, error(errNoJSON)
	if len(s.broken) > 0 {
		problem = errCutOff
	}
	for i, o := range s.objects {
		f := judgmentFields(o.value)
		_, flag := f["has_anomaly"]
		_, list := f["anomalies"]
		switch {
		case len(o.value.Members) == 0 || s.isAside(i):
		case !flag && !list: // a part, perhaps
			if found < 0 && len(s.broken) == 0 {
				problem = errNoFlag
			}
		case found >= 0 && !reflect.DeepEqual(s.objects[found].value.Members, o.value.Members):
			return loosejson.Value{}, errUnclear
		default:
			found = i
		}
	}
	if found < 0 {
		return loosejson.Value{}, problem
	}
	return s.objects[found].value, s.doubtJudgment(s.objects[found])
}

// doubtJudgment returns why an object may not be the answer; nil when it is.
func (s *scan) doubtJudgment(o foundObject) error {
	for _, at := range s.broken {
		if at >= o.end || !s.beginsLine(o.start) { // what follows was cut, or the object may be a part of what could not be read
			return errCutOff
		}
	}
	if retracts.MatchString(spoken(s.content[o.end:])) {
		return errUnclear
	}
	return nil
}

// readJudgment reads the model's answer about metrics; loose says that it was not valid JSON.
func readJudgment(got reply, metrics []Metric) (j *Judgment, loose bool, err error) {
	v, err := findJudgment(got)
	if err != nil {
		return nil, false, err
	}
	f := judgmentFields(v)
	flag, ok := yesOrNo(f["has_anomaly"])
	list := f["anomalies"]
	switch {
	case !ok:
		return nil, false, errNoFlag
	case list.Kind != loosejson.Array && (list.Kind != loosejson.Null || flag):
		return nil, false, errNoList
	case flag != (len(list.Items) > 0):
		return nil, false, errContradiction
	}
	j = &Judgment{Summary: boundedLine(f["summary"].Text, maxSentence), Anomalies: []Anomaly{}}
	names := metricNames(metrics)
	seen := map[int]bool{}
	for i, item := range list.Items {
		x, err := readAnomaly(item)
		if err != nil {
			return nil, false, fmt.Errorf("anomaly %d: %w", i+1, err)
		}
		at, known := names[metricKey(x.metric)]
		if !known || seen[at] || len(j.Anomalies) == maxAnomalies {
			j.Unknown++
			continue
		}
		seen[at] = true
		j.Anomalies = append(j.Anomalies, Anomaly{Index: at, Severity: x.severity, Reason: x.reason})
	}
	return j, v.Loose, nil
}

// namedAnomaly is an anomaly as the model writes it.
type namedAnomaly struct{ metric, severity, reason string }

func readAnomaly(v loosejson.Value) (namedAnomaly, error) {
	f := judgmentFields(v)
	x := namedAnomaly{metric: f["metric"].Text, reason: boundedReason(f["reason"].Text)}
	x.severity = oneOf(f["severity"].Text, []string{"critical", "warning", "info"}, severityWords, "")
	switch {
	case v.Kind != loosejson.Object:
		return x, fmt.Errorf("it is no object")
	case x.metric == "":
		return x, fmt.Errorf(`the key "metric" is missing`)
	case x.severity == "" || x.severity == "none":
		return x, fmt.Errorf(`the key "severity" is none of critical, warning, info`)
	case x.reason == "":
		return x, fmt.Errorf(`the key "reason" is missing`)
	}
	return x, nil
}

var metricID = regexp.MustCompile(`^[mM]\s?(\d{1,6})\b`)

// metricKey is what metrics are found by: their ids, or their names as they are.
func metricKey(s string) string {
	s = strings.TrimSpace(text.Clean(s))
	if m := metricID.FindStringSubmatch(s); m != nil {
		return "M" + strings.TrimLeft(m[1], "0")
	}
	return s
}

// metricNames returns the places of metrics by their ids and, where no two are the same, by their names. An id goes first: a metric may
// have the name of another one's id.
func metricNames(metrics []Metric) map[string]int {
	names, twice := map[string]int{}, map[string]bool{}
	for i, m := range metrics {
		series := metricKey(m.Series())
		if _, there := names[series]; there {
			twice[series] = true
		}
		names[series] = i
	}
	for name := range twice {
		delete(names, name)
	}
	for i := range metrics {
		names["M"+strconv.Itoa(i+1)] = i
	}
	return names
}

package promql

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// The bounds of a query whose author is not trusted.
const (
	maxUntrustedBytes     = 1000
	maxUntrustedRange     = 24 * time.Hour     // ranges and subqueries within each other, added up
	maxUntrustedOffset    = 8 * 24 * time.Hour // either way, added up likewise
	maxUntrustedNesting   = 2                  // subqueries within each other
	maxUntrustedSelectors = 20
)

// Violation says why a query is not run for an author who is not trusted; "" when it may be.
type Violation string

// The violations.
const (
	ViolationTooLong          Violation = "too_long"           // more than 1000 bytes
	ViolationNotValid         Violation = "not_valid"          // not PromQL
	ViolationNoValue          Violation = "no_value"           // a string or a range vector
	ViolationNoMetricName     Violation = "no_metric_name"     // a selector that could select anything
	ViolationNoSeries         Violation = "no_series"          // it reads nothing
	ViolationTooManySelectors Violation = "too_many_selectors" // more than 20
	ViolationRangeTooLong     Violation = "range_too_long"     // more than a day is read for each value
	ViolationOffsetTooFar     Violation = "offset_too_far"     // more than 8 days
	ViolationNestedTooDeep    Violation = "nested_too_deep"    // more than two subqueries within each other
	ViolationFixedTime        Violation = "fixed_time"         // the @ modifier
	ViolationMakesLabels      Violation = "makes_labels"       // labels with the author's words as values
)

// ParseUntrusted reads a query whose author is not trusted, such as a model that has read text of strangers. It returns nil, and
// why, for what could cost the server too much, and for what would show the author's own words as if they had been looked up.
func ParseUntrusted(query string) (parser.Expr, Violation) {
	if len(query) > maxUntrustedBytes {
		return nil, ViolationTooLong
	}
	e, err := Parse(query)
	if err != nil {
		return nil, ViolationNotValid // the parser's message would quote it
	}
	if t := e.Type(); t != parser.ValueTypeVector && t != parser.ValueTypeScalar {
		return nil, ViolationNoValue
	}
	switch n := len(Selectors(e)); {
	case n == 0:
		return nil, ViolationNoSeries
	case n > maxUntrustedSelectors:
		return nil, ViolationTooManySelectors
	}
	var why Violation
	parser.Inspect(e, func(n parser.Node, path []parser.Node) error {
		if why == "" {
			why = violationOf(n, path)
		}
		return nil
	})
	if why != "" {
		return nil, why
	}
	return e, ""
}

// violationOf returns why a query with such a node below such others is not run.
func violationOf(n parser.Node, path []parser.Node) Violation {
	switch n := n.(type) {
	case *parser.VectorSelector:
		if !slices.ContainsFunc(n.LabelMatchers, namesMetric) {
			return ViolationNoMetricName
		}
		return violationOfReach(n, path)
	case *parser.SubqueryExpr:
		return violationOfReach(n, path)
	case *parser.Call:
		if slices.Contains([]string{"label_replace", "label_join"}, n.Func.Name) {
			return ViolationMakesLabels
		}
	case *parser.AggregateExpr:
		if n.Op == parser.COUNT_VALUES {
			return ViolationMakesLabels
		}
	}
	return ""
}

// namesMetric reports whether a matcher leaves one metric.
func namesMetric(m *labels.Matcher) bool {
	return m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual && m.Value != ""
}

// violationOfReach returns why what is read there is too much or too far away: by its own range and offset and those of the
// subqueries around it. Each is bounded before it is added, so that no sum overflows.
func violationOfReach(n parser.Node, path []parser.Node) Violation {
	var ranges, offsets time.Duration
	nested := 0
	for _, n := range append(slices.Clone(path), n) {
		var reads, offset time.Duration
		at := false
		switch n := n.(type) {
		case *parser.MatrixSelector:
			reads = n.Range
		case *parser.VectorSelector:
			offset, at = n.OriginalOffset, n.Timestamp != nil || n.StartOrEnd != 0
		case *parser.SubqueryExpr:
			reads, offset, at = n.Range, n.OriginalOffset, n.Timestamp != nil || n.StartOrEnd != 0
			nested++
		}
		switch {
		case at:
			return ViolationFixedTime
		case reads > maxUntrustedRange || ranges+reads > maxUntrustedRange:
			return ViolationRangeTooLong
		case offset > maxUntrustedOffset || offset < -maxUntrustedOffset || offsets+offset.Abs() > maxUntrustedOffset:
			return ViolationOffsetTooFar
		case nested > maxUntrustedNesting:
			return ViolationNestedTooDeep
		}
		ranges, offsets = ranges+reads, offsets+offset.Abs()
	}
	return ""
}

// DropMadeLabels takes those labels off a series of the answer that absent() makes of its matchers: they are the query's words.
func DropMadeLabels(e parser.Expr, metric model.Metric) {
	parser.Inspect(e, func(n parser.Node, path []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		if !ok || !slices.ContainsFunc(path, isAbsent) {
			return nil
		}
		for _, m := range v.LabelMatchers {
			if name := model.LabelName(m.Name); string(metric[name]) == m.Value {
				delete(metric, name)
			}
		}
		return nil
	})
}

func isAbsent(n parser.Node) bool {
	c, ok := n.(*parser.Call)
	return ok && strings.HasPrefix(c.Func.Name, "absent")
}

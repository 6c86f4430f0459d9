package evidence

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/promql"
)

// The bounds of a check's query.
const (
	maxCheckBytes      = 1000
	maxCheckRange      = 24 * time.Hour     // ranges and subqueries within each other, added up
	maxCheckOffset     = 8 * 24 * time.Hour // either way, added up likewise
	maxCheckSubqueries = 2                  // within each other
	maxCheckSelectors  = 20
)

// Why a check is not run.
var (
	refuseLong     = text{"the query is longer than 1000 bytes", "查询超过 1000 字节"}
	refuseSyntax   = text{"the query is not valid PromQL", "查询不是有效的 PromQL"}
	refuseType     = text{"the query is a text or a range of samples, not a value over time", "查询结果是字符串或区间向量，不是随时间变化的值"}
	refuseNameless = text{"the query has a selector without the name of a metric", "查询中有选择器未指定指标名称"}
	refuseNothing  = text{"the query reads no series", "查询不读取任何序列"}
	refuseMany     = text{"the query has more than 20 selectors", "查询中的选择器超过 20 个"}
	refuseRange    = text{"the query reads more than a day for each value", "查询的每个值需要读取超过一天的数据"}
	refuseOffset   = text{"the query's offset is more than 8 days", "查询的 offset 超过 8 天"}
	refuseNested   = text{"the query has more than two subqueries within each other", "查询的子查询嵌套超过两层"}
	refuseAt       = text{"the query sets its own time by @", "查询用 @ 指定了时间"}
	refuseMade     = text{"the query makes labels of its own", "查询会生成自定义标签"}
)

// readCheck reads a query that a model proposed after it had read text of strangers. It returns nil, and why, for what
// could cost the server too much, and for what would show the model's own words as if they had been looked up.
func readCheck(query string) (parser.Expr, text) {
	if len(query) > maxCheckBytes {
		return nil, refuseLong
	}
	e, err := promql.Parse(query)
	if err != nil {
		return nil, refuseSyntax // the parser's message would quote it
	}
	if t := e.Type(); t != parser.ValueTypeVector && t != parser.ValueTypeScalar {
		return nil, refuseType
	}
	switch n := len(promql.Selectors(e)); {
	case n == 0:
		return nil, refuseNothing
	case n > maxCheckSelectors:
		return nil, refuseMany
	}
	var why text
	parser.Inspect(e, func(n parser.Node, path []parser.Node) error {
		if why == (text{}) {
			why = refuseNode(n, path)
		}
		return nil
	})
	if why != (text{}) {
		return nil, why
	}
	return e, text{}
}

// refuseNode returns why a query with such a node below such others is not run.
func refuseNode(n parser.Node, path []parser.Node) text {
	switch n := n.(type) {
	case *parser.VectorSelector:
		if !slices.ContainsFunc(n.LabelMatchers, namesMetric) {
			return refuseNameless
		}
		return refuseReach(n, path)
	case *parser.SubqueryExpr:
		return refuseReach(n, path)
	case *parser.Call:
		if slices.Contains([]string{"label_replace", "label_join"}, n.Func.Name) {
			return refuseMade
		}
	case *parser.AggregateExpr:
		if n.Op == parser.COUNT_VALUES {
			return refuseMade
		}
	}
	return text{}
}

// namesMetric reports whether a matcher leaves one metric.
func namesMetric(m *labels.Matcher) bool {
	return m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual && m.Value != ""
}

// refuseReach returns why what is read there is too much or too far away: by its own range and offset and those of the
// subqueries around it. Each is bounded before it is added, so that no sum overflows.
func refuseReach(n parser.Node, path []parser.Node) text {
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
			return refuseAt
		case reads > maxCheckRange || ranges+reads > maxCheckRange:
			return refuseRange
		case offset > maxCheckOffset || offset < -maxCheckOffset || offsets+offset.Abs() > maxCheckOffset:
			return refuseOffset
		case nested > maxCheckSubqueries:
			return refuseNested
		}
		ranges, offsets = ranges+reads, offsets+offset.Abs()
	}
	return text{}
}

// forgetMade takes off those labels that absent() makes of its matchers: they are the query's words.
func forgetMade(e parser.Expr, metric model.Metric) {
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

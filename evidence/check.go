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
	msgRefusedLong     = message{"the query is longer than 1000 bytes", "查询超过 1000 字节"}
	msgRefusedSyntax   = message{"the query is not valid PromQL", "查询不是有效的 PromQL"}
	msgRefusedType     = message{"the query is a string or range vector, not a value over time", "查询结果是字符串或区间向量，不是随时间变化的值"}
	msgRefusedNameless = message{"the query has a selector without a metric name", "查询中有选择器未指定指标名称"}
	msgRefusedNothing  = message{"the query reads no series", "查询不读取任何序列"}
	msgRefusedMany     = message{"the query has more than 20 selectors", "查询中的选择器超过 20 个"}
	msgRefusedRange    = message{"the query reads more than a day per value", "查询的每个值需要读取超过一天的数据"}
	msgRefusedOffset   = message{"the query's offset is more than 8 days", "查询的 offset 超过 8 天"}
	msgRefusedNested   = message{"the query nests more than two subqueries", "查询的子查询嵌套超过两层"}
	msgRefusedAt       = message{"the query uses the @ modifier", "查询用 @ 指定了时间"}
	msgRefusedMade     = message{"the query creates labels", "查询会生成自定义标签"}
)

// readCheck reads a query that a model proposed after it had read text of strangers. It returns nil, and why, for what
// could cost the server too much, and for what would show the model's own words as if they had been looked up.
func readCheck(query string) (parser.Expr, message) {
	if len(query) > maxCheckBytes {
		return nil, msgRefusedLong
	}
	e, err := promql.Parse(query)
	if err != nil {
		return nil, msgRefusedSyntax // the parser's message would quote it
	}
	if t := e.Type(); t != parser.ValueTypeVector && t != parser.ValueTypeScalar {
		return nil, msgRefusedType
	}
	switch n := len(promql.Selectors(e)); {
	case n == 0:
		return nil, msgRefusedNothing
	case n > maxCheckSelectors:
		return nil, msgRefusedMany
	}
	var why message
	parser.Inspect(e, func(n parser.Node, path []parser.Node) error {
		if why == (message{}) {
			why = refusedNode(n, path)
		}
		return nil
	})
	if why != (message{}) {
		return nil, why
	}
	return e, message{}
}

// refusedNode returns why a query with such a node below such others is not run.
func refusedNode(n parser.Node, path []parser.Node) message {
	switch n := n.(type) {
	case *parser.VectorSelector:
		if !slices.ContainsFunc(n.LabelMatchers, namesMetric) {
			return msgRefusedNameless
		}
		return refusedRange(n, path)
	case *parser.SubqueryExpr:
		return refusedRange(n, path)
	case *parser.Call:
		if slices.Contains([]string{"label_replace", "label_join"}, n.Func.Name) {
			return msgRefusedMade
		}
	case *parser.AggregateExpr:
		if n.Op == parser.COUNT_VALUES {
			return msgRefusedMade
		}
	}
	return message{}
}

// namesMetric reports whether a matcher leaves one metric.
func namesMetric(m *labels.Matcher) bool {
	return m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual && m.Value != ""
}

// refusedRange returns why what is read there is too much or too far away: by its own range and offset and those of the
// subqueries around it. Each is bounded before it is added, so that no sum overflows.
func refusedRange(n parser.Node, path []parser.Node) message {
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
			return msgRefusedAt
		case reads > maxCheckRange || ranges+reads > maxCheckRange:
			return msgRefusedRange
		case offset > maxCheckOffset || offset < -maxCheckOffset || offsets+offset.Abs() > maxCheckOffset:
			return msgRefusedOffset
		case nested > maxCheckSubqueries:
			return msgRefusedNested
		}
		ranges, offsets = ranges+reads, offsets+offset.Abs()
	}
	return message{}
}

// dropMadeLabels takes off those labels that absent() makes of its matchers: they are the query's words.
func dropMadeLabels(e parser.Expr, metric model.Metric) {
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

package evidence

import "github.com/alertscribe/alertscribe/promql"

// msgRefused says why a check is not run.
var msgRefused = map[promql.Violation]message{
	promql.ViolationTooLong:          {"the query is longer than 1000 bytes", "查询超过 1000 字节"},
	promql.ViolationNotValid:         {"the query is not valid PromQL", "查询不是有效的 PromQL"},
	promql.ViolationNoValue:          {"the query is a string or range vector, not a value over time", "查询结果是字符串或区间向量，不是随时间变化的值"},
	promql.ViolationNoMetricName:     {"the query has a selector without a metric name", "查询中有选择器未指定指标名称"},
	promql.ViolationNoSeries:         {"the query reads no series", "查询不读取任何序列"},
	promql.ViolationTooManySelectors: {"the query has more than 20 selectors", "查询中的选择器超过 20 个"},
	promql.ViolationRangeTooLong:     {"the query reads more than a day per value", "查询的每个值需要读取超过一天的数据"},
	promql.ViolationOffsetTooFar:     {"the query's offset is more than 8 days", "查询的 offset 超过 8 天"},
	promql.ViolationNestedTooDeep:    {"the query nests more than two subqueries", "查询的子查询嵌套超过两层"},
	promql.ViolationFixedTime:        {"the query uses the @ modifier", "查询用 @ 指定了时间"},
	promql.ViolationMakesLabels:      {"the query creates labels", "查询会生成自定义标签"},
}

package evidence

import "github.com/alertscribe/alertscribe/promql"

// msgRefused says why a check is not run.
var msgRefused = map[promql.Violation]message{
	promql.ViolationTooLong:          {"the query is longer than 1000 bytes", "查询超过 1000 字节，未执行"},
	promql.ViolationNotValid:         {"the query is not valid PromQL", "PromQL 语法错误，未执行"},
	promql.ViolationNoValue:          {"the query is a string or range vector, not a value over time", "查询结果是字符串或区间向量，未执行"},
	promql.ViolationNoMetricName:     {"the query has a selector without a metric name", "选择器缺少指标名，未执行"},
	promql.ViolationNoSeries:         {"the query reads no series", "查询中没有选择器，未执行"},
	promql.ViolationTooManySelectors: {"the query has more than 20 selectors", "选择器超过 20 个，未执行"},
	promql.ViolationRangeTooLong:     {"the query reads more than a day per value", "每个值读取的数据超过 1 天，未执行"},
	promql.ViolationOffsetTooFar:     {"the query's offset is more than 8 days", "offset 超过 8 天，未执行"},
	promql.ViolationNestedTooDeep:    {"the query nests more than two subqueries", "子查询嵌套超过 2 层，未执行"},
	promql.ViolationFixedTime:        {"the query uses the @ modifier", "使用了 @ 修饰符，未执行"},
	promql.ViolationMakesLabels:      {"the query creates labels", "查询会改写标签，未执行"},
}

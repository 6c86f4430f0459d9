// Package promql reads expressions by their syntax tree, without asking a server: what an alert's expression compares with
// what, which labels its value has, in which unit it counts, and how it can be broken down by further labels.
//
//	e, err := promql.Parse(`sum by (job) (rate(errors_total[5m])) / sum by (job) (rate(requests_total[5m])) > 0.05`)
//	…
//	c := promql.Conditions(e)[0]           // c.Value is the ratio, c.Op is >, c.Limit() is 0.05
//	c.Unit().Format(.123)                  // "12.3 %"
//	drills, refused := promql.PlanCondition(c, known)
//	drills[0].Query("instance")            // the local ratio of each instance
//
// # Which condition
//
// An expression can hold several comparisons: bounds of a band, guards, alternatives, filters within aggregations. The
// syntax does not tell which of them an alert is about. Alternatives returns all of them, each with what is compared and
// with the query that shows where it is met; who has data takes the one that began to be met last.
//
// # What is refused
//
// Parse refuses what is deeper or larger than anybody writes with ErrTooComplex, before any of it costs time.
//
// # What has to be known
//
// An expression does not tell which labels its series have. SelectorLabels does: who has a server asks it for the label names
// of each of Selectors, and LabelsOfSelectors makes a SelectorLabels of the answers.
//
// # Where there is doubt
//
// Each function has an answer for what it can't read: no unit rather than a wrong one, a Refusal rather than a breakdown
// that does not add up, and the expression as it is rather than one that Narrow made mean something else.
package promql

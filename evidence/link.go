package evidence

import (
	"net/url"
	"strings"
	"time"
)

// link returns a URL that opens the query in Prometheus over the range; "" without Prometheus.
func (q *inquiry) link(promql string, start, end time.Time) string {
	if q.linkTo == nil || promql == "" {
		return ""
	}
	u := *q.linkTo
	u.Path += "/graph"
	values := url.Values{
		"g0.expr":        {promql},
		"g0.tab":         {"0"},
		"g0.range_input": {rangeInput(end.Sub(start))},
		"g0.end_input":   {end.UTC().Format("2006-01-02 15:04:05")},
	}
	u.RawQuery = strings.ReplaceAll(values.Encode(), "+", "%20") // its page reads a plus as a plus
	return u.String()
}

// rangeInput formats a duration as the field of that name takes it: whole units without fractions.
func rangeInput(d time.Duration) string {
	return prometheusDuration(max(d.Round(time.Second), time.Second))
}

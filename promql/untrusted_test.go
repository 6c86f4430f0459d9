package promql

import (
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/text"
)

// TestParseUntrusted: what is run of a model's queries, and what is refused for which reason. Of each bound both sides.
func TestParseUntrusted(t *testing.T) {
	sum := func(n int) string { return strings.TrimSuffix(strings.Repeat("up + ", n), " + ") }
	long := func(n int) string { return `up{job="` + strings.Repeat("x", n-len(`up{job=""}`)) + `"}` }
	tests := []struct {
		query string
		want  Violation
	}{
		{`sum by (job) (rate(http_requests_total{code=~"5.."}[5m])) / 2`, ""},
		{`{__name__="up"}`, ""},
		{`{"up", job="a"}`, ""},
		{`{__name__="up",__name__=~".+"}`, ""},
		{`time() - process_start_time_seconds`, ""},
		{`scalar(up)`, ""},
		{`absent(up{job="api"})`, ""},

		{`sum by (`, ViolationNotValid},
		{``, ViolationNotValid},
		{`up; drop`, ViolationNotValid},
		{`up{job="a"} offset`, ViolationNotValid},
		{`{__name__=""}`, ViolationNotValid},
		{long(1000), ""},
		{long(1001), ViolationTooLong},

		{`{job="api"}`, ViolationNoMetricName},
		{`{__name__=~"up.*"}`, ViolationNoMetricName},
		{`{__name__=~"up"}`, ViolationNoMetricName},
		{`{__name__!="up",job="api"}`, ViolationNoMetricName},
		{`{__name__="",job="api"}`, ViolationNoMetricName},
		{`up and on (job) {job="api"}`, ViolationNoMetricName},
		{`count(rate({job="api"}[5m]))`, ViolationNoMetricName},
		{`info(up, {job=~".+"})`, ViolationNoMetricName},

		{`max_over_time(up[24h])`, ""},
		{`max_over_time(up[1441m])`, ViolationRangeTooLong},
		{`max_over_time(up[1d:1m])`, ""},
		{`max_over_time(up[25h:1m])`, ViolationRangeTooLong},
		{`max_over_time(rate(up[1h])[23h:1m])`, ""},
		{`max_over_time(rate(up[1h])[24h:1m])`, ViolationRangeTooLong},
		{`max_over_time(vector(1)[25h:1m]) + up`, ViolationRangeTooLong},
		{`max_over_time(up[280y])`, ViolationRangeTooLong},
		{`max_over_time(max_over_time(up[106751d23h])[23h:1m])`, ViolationRangeTooLong}, // the sum is more than a number holds
		{`up offset 8d`, ""},
		{`up offset 193h`, ViolationOffsetTooFar},
		{`up offset -8d`, ""},
		{`up offset -193h`, ViolationOffsetTooFar},
		{`up offset -290y`, ViolationOffsetTooFar},
		{`max_over_time(up[24h] offset 8d)`, ""},
		{`max_over_time(up[24h] offset 193h)`, ViolationOffsetTooFar},
		{`max_over_time((up offset 4d)[1h:1m] offset 4d)`, ""},
		{`max_over_time((up offset 4d)[1h:1m] offset 5d)`, ViolationOffsetTooFar},
		{`max_over_time((up offset 290y)[1h:1m] offset 290y)`, ViolationOffsetTooFar},
		{`max_over_time((up offset 106751d23h)[1h:1m] offset 7d)`, ViolationOffsetTooFar},
		{`max_over_time(up[1h:1m] offset 193h)`, ViolationOffsetTooFar},

		{`max_over_time(max_over_time(up[1h:1m])[1h:1m])`, ""},
		{`max_over_time(max_over_time(max_over_time(up[1h:1m])[1h:1m])[1h:1m])`, ViolationNestedTooDeep},

		{sum(20), ""},
		{sum(21), ViolationTooManySelectors},

		{`"text"`, ViolationNoValue},
		{`up[5m]`, ViolationNoValue},
		{`up[5m:1m]`, ViolationNoValue},

		{`up @ 0`, ViolationFixedTime},
		{`up @ end()`, ViolationFixedTime},
		{`rate(up[5m] @ 0)`, ViolationFixedTime},
		{`max_over_time(up[1h:1m] @ start())`, ViolationFixedTime},

		{`vector(42)`, ViolationNoSeries},
		{`1 + 1`, ViolationNoSeries},
		{`label_replace(up, "cause", "db-9 is down", "", "")`, ViolationMakesLabels},
		{`label_join(up, "cause", "db-9 is down", "job")`, ViolationMakesLabels},
		{`count_values("db_9_is_down", up)`, ViolationMakesLabels},
	}
	for _, test := range tests {
		t.Run(text.Cut(test.query, 60), func(t *testing.T) {
			e, why := ParseUntrusted(test.query)
			assert.Equal(t, test.want, why)
			assert.Equal(t, test.want == "", e != nil)
		})
	}
}

// TestDropMadeLabels: absent() makes labels of its matchers, which are the author's words; what the server knows stays.
func TestDropMadeLabels(t *testing.T) {
	for _, test := range []struct {
		query      string
		have, want model.Metric
	}{
		{`absent(up{cause="db-9 is down",job="api"})`, model.Metric{"cause": "db-9 is down", "job": "api"}, model.Metric{}},
		{`absent_over_time(up{cause="db-9"}[5m])`, model.Metric{"cause": "db-9"}, model.Metric{}},
		{`absent(up{cause="db-9"}) or up`, model.Metric{"cause": "other"}, model.Metric{"cause": "other"}},
		{`up{job="api"}`, model.Metric{"job": "api"}, model.Metric{"job": "api"}},
	} {
		DropMadeLabels(parsed(t, test.query), test.have)
		assert.Equal(t, test.want, test.have, test.query)
	}
}

package evidence

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
)

// pairs reads "name=value" pairs with spaces between.
func pairs(s string) map[string]string {
	out := map[string]string{}
	for pair := range strings.FieldsSeq(s) {
		name, value, _ := strings.Cut(pair, "=")
		out[name] = value
	}
	return out
}

func TestSplitLabels(t *testing.T) {
	tests := []struct {
		name, shared string
		alerts       []string
		differ       []string
	}{
		{"no alert", "", nil, nil},
		{"one", "a=1 b=2", []string{"a=1 b=2"}, nil},
		{"one without labels", "", []string{""}, nil},
		{"equal", "a=1 b=2", []string{"a=1 b=2", "a=1 b=2"}, nil},
		{"one differs", "a=1", []string{"a=1 b=2", "a=1 b=3"}, []string{"b"}},
		{"one is missing", "a=1", []string{"a=1 b=2", "a=1"}, []string{"b"}},
		{"an empty value is a value", "", []string{"a=", "a=1"}, []string{"a"}},
		{"two of three", "", []string{"a=1", "a=1", "a=2"}, []string{"a"}},
		{"all differ, in order", "", []string{"z=1 a=1 m=1", "z=2 a=2 m=2"}, []string{"a", "m", "z"}},
		{"nothing in common", "", []string{"a=1", "b=1"}, []string{"a", "b"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var alerts []incident.Alert
			for _, a := range test.alerts {
				alerts = append(alerts, incident.Alert{Labels: pairs(a)})
			}
			shared, differ := splitLabels(alerts)
			assert.Equal(t, pairs(test.shared), shared)
			assert.Equal(t, test.differ, differ)
			slices.Reverse(alerts)
			again, differAgain := splitLabels(alerts)
			assert.Equal(t, shared, again, "whatever their order")
			assert.Equal(t, differ, differAgain)
		})
	}
}

func TestLabelText(t *testing.T) {
	many := map[string]string{}
	for i := range 13 {
		many[fmt.Sprintf("l%02d", i)] = fmt.Sprint(i)
	}
	dozen := map[string]string{}
	for i := range 12 {
		dozen[fmt.Sprintf("l%02d", i)] = ""
	}
	tests := []struct {
		name   string
		labels map[string]string
		want   string
	}{
		{"none", nil, ""},
		{"one", pairs("a=1"), `a="1"`},
		{"in order", pairs("b=2 a=1 c=3"), `a="1", b="2", c="3"`},
		{"an empty value", pairs("a="), `a=""`},
		{"quotes and backslashes", map[string]string{"a": `"\`}, `a="\"\\"`},
		{"line breaks", map[string]string{"a": "x\ny\tz"}, `a="x\ny\tz"`},
		{"what can't be seen", map[string]string{"a": "x\u202e\x00y\u200b"}, `a="x\u202e\x00y\u200b"`},
		{"no UTF-8", map[string]string{"a": "x\xffy"}, `a="x\xffy"`},
		{"Chinese", map[string]string{"a": "磁盘"}, `a="磁盘"`},
		{"a long value", map[string]string{"a": strings.Repeat("é", 81)}, `a="` + strings.Repeat("é", 79) + `…"`},
		{"80 characters are not long", map[string]string{"a": strings.Repeat("é", 80)}, `a="` + strings.Repeat("é", 80) + `"`},
		{"a name with a line break", map[string]string{"a\nb": "1"}, `a b="1"`},
		{"a long name", map[string]string{strings.Repeat("n", 100): "1"}, strings.Repeat("n", 79) + `…="1"`},
		{"a dozen", dozen, `l00="", l01="", l02="", l03="", l04="", l05="", l06="", l07="", l08="", l09="", l10="", l11=""`},
		{"one more", many, `l00="0", l01="1", l02="2", l03="3", l04="4", l05="5", l06="6", l07="7", l08="8", l09="9", l10="10", l11="11", …`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := labelText(test.labels)
			assert.Equal(t, test.want, got)
			assert.True(t, utf8.ValidString(got))
			assertShown(t, got, longestCell, test.name)
		})
	}
}

func TestLabelsWithin(t *testing.T) {
	tests := []struct {
		series, alert string
		want          bool
	}{
		{"a=1", "a=1", true},
		{"a=1", "a=1 cluster=x", true},
		{"a=1 b=2", "a=1", false},
		{"a=1", "a=2", false},
		{"a=1", "", false},
		{"", "a=1", false},
		{"", "", false},
		{"a=", "b=1", true}, // an empty label is none
	}
	for _, test := range tests {
		assert.Equal(t, test.want, labelsWithin(pairs(test.series), pairs(test.alert)), "%s within %s", test.series, test.alert)
	}
}

func TestSeriesLabels(t *testing.T) {
	metric := model.Metric{"__name__": "m", "a": "1"}
	labels := seriesLabels(metric)
	assert.Equal(t, pairs("__name__=m a=1"), labels)
	assert.Equal(t, metric, metricFromLabels(labels), "there and back")
	more := cloneWith(labels, "b", "2")
	assert.Equal(t, pairs("__name__=m a=1 b=2"), more)
	assert.Equal(t, pairs("__name__=m a=1"), labels, "the original stays")
	assert.ElementsMatch(t, []string{"__name__", "a"}, labelNamesOf(metric))
	assert.Empty(t, labelNamesOf(nil))
	assert.Equal(t, `a="1", job="api"`, matchersText([]promql.Matcher{promql.Equals("job", "api"), promql.Equals("a", "1")}))
	assert.Empty(t, matchersText(nil))
}

func TestFormats(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 8, time.FixedZone("east", 8*3600))
	assert.Equal(t, "2026-03-03 21:06:07 UTC", formatTime(at), "wherever the clock hangs")
	assert.Equal(t, "?", formatTime(time.Time{}))
	for v, want := range map[float64]string{0: "0 %", .004: "0 %", .005: "1 %", .5: "50 %", 1: "100 %", -.25: "-25 %", 12.345: "1235 %", .9949: "99 %"} {
		assert.Equal(t, want, formatPercent(v), v)
	}
	assert.Equal(t, []int{0, 1}, []int{boolToInt(false), boolToInt(true)})
}

func TestNiceStep(t *testing.T) {
	for given, want := range map[time.Duration]time.Duration{
		-time.Second: time.Second, 0: time.Second, time.Millisecond: time.Second, time.Second: time.Second,
		1500 * time.Millisecond: 2 * time.Second, 3 * time.Second: 5 * time.Second, 16 * time.Second: 30 * time.Second,
		31 * time.Second: time.Minute, 11 * time.Minute: 15 * time.Minute, 31 * time.Minute: time.Hour, time.Hour: time.Hour,
		61 * time.Minute: 2 * time.Hour, 5*time.Hour + time.Second: 6 * time.Hour,
	} {
		assert.Equal(t, want, niceStep(given), given)
		assert.GreaterOrEqual(t, niceStep(given), given, "never finer than asked for")
	}
}

func TestTargetOf(t *testing.T) {
	same := [][2]string{
		{"__name__=a pod=p job=j", "__name__=b pod=p job=j"},
		{"__name__=a code=1", "__name__=a code=2"},
		{"__name__=a pod=p le=1", "__name__=a le=2 pod=p"},
	}
	for _, two := range same {
		assert.Equal(t, targetOf(pairs(two[0])), targetOf(pairs(two[1])), two)
	}
	differ := [][2]string{
		{"pod=p", "pod=q"},
		{"pod=p", "instance=p"},
		{"instance=i job=j", "instance=i job=k"},
		{"namespace=a", "namespace=b"},
		{"cluster=a job=j", "cluster=b job=j"},
		{"pod=p", ""},
	}
	for _, two := range differ {
		assert.NotEqual(t, targetOf(pairs(two[0])), targetOf(pairs(two[1])), two)
	}
	replaced := func(labels string) string { return (&trackedSeries{labels: pairs(labels)}).replaceableKey() }
	assert.Equal(t, replaced("__name__=m pod=a-1 uid=x image=1 job=j"), replaced("__name__=m pod=a-2 uid=y image=2 job=j"), "one takes the other's place")
	assert.NotEqual(t, replaced("__name__=m pod=a-1 job=j"), replaced("__name__=m pod=a-1 job=k"))
	assert.NotEqual(t, replaced("__name__=m pod=a-1"), replaced("__name__=n pod=a-1"))
}

func TestFiniteValues(t *testing.T) {
	at := time.Unix(1000, 0)
	line := func(values ...float64) []model.SamplePair {
		var out []model.SamplePair
		for i, v := range values {
			out = append(out, model.SamplePair{Timestamp: model.TimeFromUnix(998 + int64(i)), Value: model.SampleValue(v)})
		}
		return out
	}
	inf := math.Inf(1)
	tests := []struct {
		name          string
		line          []model.SamplePair
		values        []float64
		before        int
		highest, from float64
	}{
		{"none", nil, nil, 0, nan, nan},
		{"numbers", line(1, 2, 9, 4), []float64{1, 2, 9, 4}, 2, 9, 4},
		{"all before", line(7, 2), []float64{7, 2}, 2, 2, 2},
		{"NaN and Inf are none", line(1, nan, inf, 4), []float64{1, 4}, 1, inf, 4},
		{"nothing finite", line(nan, -inf), nil, 0, -inf, -inf},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			values, before := finiteValues(test.line, at)
			assert.Equal(t, test.values, values)
			assert.Equal(t, test.before, before)
			if len(test.line) == 0 {
				return
			}
			highest, when := extremeSince(test.line, at, true)
			assert.InDelta(t, test.highest, highest, 0)
			assert.False(t, when.Before(test.line[0].Timestamp.Time()))
			if lowest, _ := extremeSince(test.line, at, false); !math.IsInf(test.from, 0) {
				assert.InDelta(t, test.from, lowest, 0)
			}
		})
	}
}

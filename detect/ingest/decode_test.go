package ingest

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect/watch"
)

func TestDecode(t *testing.T) {
	when := time.Date(2026, 11, 25, 10, 4, 5, 0, time.UTC)
	one := watch.Point{Metric: model.Metric{"__name__": "orders", "region": "eu"}, At: when, Value: 4.5}
	for name, body := range map[string]string{
		"one":        `{"name":"orders","value":4.5,"timestamp":"2026-11-25T10:04:05Z","labels":{"region":"eu"}}`,
		"list":       `[{"name":"orders","value":4.5,"timestamp":"2026-11-25T11:04:05+01:00","labels":{"region":"eu","empty":""}}]`,
		"batch":      ` {"metrics":[{"name":"orders","value":45e-1,"timestamp":1795601045,"labels":{"region":"eu"},"unit":{"of":"orders"}}],"sent":1}`,
		"ms":         `{"name":"orders","value":4.5,"timestamp":1795601045000,"labels":{"region":"eu"}}`,
		"µs":         `{"name":"orders","value":4.5,"timestamp":1795601045000000,"labels":{"region":"eu"}}`,
		"ns":         `{"name":"orders","value":4.5,"timestamp":1795601045000000000,"labels":{"region":"eu"}}`,
		"fraction":   `{"name":"orders","value":4.5,"timestamp":1795601045.0,"labels":{"region":"eu"}}`,
		"exponent":   `{"name":"orders","value":4.5,"timestamp":1.795601045e12,"labels":{"region":"eu"}}`,
		"sub-ms":     `{"name":"orders","value":4.5,"timestamp":1795601045000999,"labels":{"region":"eu"}}`,
		"RFC 3339 9": `{"name":"orders","value":4.5,"timestamp":"2026-11-25T10:04:05.000000001Z","labels":{"region":"eu"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			points, err := Decode([]byte(body))
			require.NoError(t, err)
			require.Len(t, points, 1)
			assert.Equal(t, one.Metric, points[0].Metric)
			assert.True(t, one.At.Equal(points[0].At), points[0].At)
			assert.InDelta(t, one.Value, points[0].Value, 0)
		})
	}
}

// TestDecodeFaults: each fault is named by its place, and what can be read beside it is.
func TestDecodeFaults(t *testing.T) {
	metric := func(change string) string {
		m := `{"name":"a","value":1,"timestamp":1795601045}`
		from, to, _ := strings.Cut(change, "→")
		require.Contains(t, m, from)
		return strings.Replace(m, from, to, 1)
	}
	good := metric(`"a"→"b"`)
	many := strings.Repeat(good+",", MaxMetrics) + good
	labels := make([]string, MaxLabels+1)
	for i := range labels {
		labels[i] = fmt.Sprintf(`"l%d":"v"`, i)
	}
	for name, c := range map[string]struct {
		body, wrong string
		points      int
	}{
		"empty":             {" \n", "empty", 0},
		"not JSON":          {"poison", "not JSON", 0},
		"cut":               {`{"name":"a"`, "not JSON", 0},
		"a text":            {`"metrics"`, "not a mapping", 0},
		"null":              {`null`, "name is missing", 0},
		"two documents":     {good + good, "not JSON", 0},
		"behind a list":     {"[" + good + "] x", "follows", 0},
		"no metrics":        {`{"metrics":[]}`, "no metrics", 0},
		"metrics no list":   {`{"metrics":{"a":1}}`, "not a list", 0},
		"metrics null":      {`{"metrics":null}`, "not a list", 0},
		"both":              {`{"metrics":[` + good + `],"name":"x"}`, "both metrics and a name", 0},
		"too many":          {"[" + many + "]", "more than 10000", 0},
		"too long":          {strings.Repeat(" ", MaxBody) + good, "bytes, more than", 0},
		"no name":           {metric(`"name":"a",→`), "name is missing", 0},
		"empty name":        {metric(`"a"→""`), "name \"\" is empty", 0},
		"invisible name":    {metric(`"a"→"a\u200bb"`), "invisible", 0},
		"long name":         {metric(`"a"→"` + strings.Repeat("x", MaxNameBytes+1) + `"`), "name has 201 bytes", 0},
		"name a number":     {metric(`"a"→5`), "name is a number, not a text", 0},
		"no value":          {metric(`"value":1,→`), "value is missing", 0},
		"NaN":               {metric(`:1,→:"NaN",`), `value "NaN" is no finite number`, 0},
		"infinite":          {metric(`:1,→:"+Inf",`), "no finite number", 0},
		"bare NaN":          {metric(`:1,→:NaN,`), "not JSON", 0},
		"huge":              {metric(`:1,→:1e999,`), "no finite number", 0},
		"text number":       {metric(`:1,→:"1",`), "no finite number", 0},
		"null value":        {metric(`:1,→:null,`), "no finite number", 0},
		"list value":        {metric(`:1,→:[1],`), "no finite number", 0},
		"no time":           {metric(`,"timestamp":1795601045→`), "timestamp is missing", 0},
		"odd time":          {metric(`1795601045→"yesterday"`), "write RFC 3339", 0},
		"time of day":       {metric(`1795601045→"10:04"`), "write RFC 3339", 0},
		"minutes":           {metric(`1795601045→29926684`), "between the years 2000 and 2100", 0},
		"negative":          {metric(`1795601045→-1`), "between the years", 0},
		"far future":        {metric(`1795601045→9223372036854775807`), "between the years", 0},
		"beyond":            {metric(`1795601045→1e300`), "no time", 0},
		"label name":        {metric(`"a",→"a","labels":{"a-b":"c"},`), "can't be used", 0},
		"reserved label":    {metric(`"a",→"a","labels":{"__name__":"c"},`), "can't be used", 0},
		"alertname":         {metric(`"a",→"a","labels":{"alertname":"c"},`), "can't be used", 0},
		"label a number":    {metric(`"a",→"a","labels":{"b":5},`), "labels is a number, not a text", 0},
		"labels a list":     {metric(`"a",→"a","labels":[],`), "labels is a list, not a mapping", 0},
		"many labels":       {metric(`"a",→"a","labels":{` + strings.Join(labels, ",") + `},`), "31 labels", 0},
		"long label":        {metric(`"a",→"a","labels":{"b":"` + strings.Repeat("x", MaxValueBytes+1) + `"},`), "1025 bytes", 0},
		"one of three":      {"[" + good + "," + metric(`:1,→:"x",`) + "," + good + "]", "1 of 3 metrics can't be read: metrics[1]: value", 2},
		"wrong type of two": {"[" + metric(`"a"→5`) + "," + good + "]", "1 of 2 metrics", 1},
		"all of five":       {"[{},{},{},{},{}]", "5 of 5 metrics can't be read: metrics[0]: name is missing; metrics[1]", 0},
		"broken behind":     {"[" + good + ",{]", "not JSON", 0},
		"deep":              {strings.Repeat("[", 100_000), "not JSON", 0},
		"deep below":        {`{"x":` + strings.Repeat(`{"x":`, 100_000), "not JSON", 0},
	} {
		t.Run(name, func(t *testing.T) {
			points, err := Decode([]byte(c.body))
			require.ErrorContains(t, err, c.wrong)
			assert.Len(t, points, c.points)
			assert.Less(t, len(err.Error()), 600, "a header has room for it")
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

// FuzzDecode: whatever comes, points are within the bounds, and something is wrong where there are none.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"metrics":[{"name":"a","value":1,"timestamp":1795601045,"labels":{"b":"c"}}]}`))
	f.Add([]byte(`[{"name":"a","value":"NaN","timestamp":"2026-11-25T10:04:05Z"},{"name":5}]`))
	f.Add([]byte(`{"name":"a\u202e","value":1e400,"timestamp":-1.5e9}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		points, err := Decode(body)
		if len(points) == 0 && err == nil {
			t.Fatal("nothing, and nothing wrong")
		}
		for _, p := range points {
			switch {
			case math.IsNaN(p.Value) || math.IsInf(p.Value, 0):
				t.Fatal("value", p.Value)
			case p.At.Before(earliest) || p.At.After(latest):
				t.Fatal("time", p.At)
			case len(p.Metric) > MaxLabels+1 || p.Metric["__name__"] == "":
				t.Fatal("labels", p.Metric)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	var text strings.Builder
	for i := range 100 {
		fmt.Fprintf(&text, `,{"name":"order_failure_rate","value":%d.5,"timestamp":1795601045000,"labels":{"shop":"s%d","region":"eu"}}`, i, i)
	}
	body := []byte(`{"metrics":[` + text.String()[1:] + `]}`)
	b.ReportAllocs()
	for b.Loop() {
		if points, err := Decode(body); err != nil || len(points) != 100 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/point")
}

package ingest

import (
	"bytes"
	"encoding/json"
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
		"one":               `{"name":"orders","value":4.5,"timestamp":"2026-11-25T10:04:05Z","labels":{"region":"eu"}}`,
		"list":              `[{"name":"orders","value":4.5,"timestamp":"2026-11-25T11:04:05+01:00","labels":{"region":"eu","empty":""}}]`,
		"batch":             ` {"metrics":[{"name":"orders","value":45e-1,"timestamp":1795601045,"labels":{"region":"eu"},"unit":{"of":"orders"}}],"sent":1}`,
		"ms":                `{"name":"orders","value":4.5,"timestamp":1795601045000,"labels":{"region":"eu"}}`,
		"µs":                `{"name":"orders","value":4.5,"timestamp":1795601045000000,"labels":{"region":"eu"}}`,
		"ns":                `{"name":"orders","value":4.5,"timestamp":1795601045000000000,"labels":{"region":"eu"}}`,
		"fraction":          `{"name":"orders","value":4.5,"timestamp":1795601045.0,"labels":{"region":"eu"}}`,
		"exponent":          `{"name":"orders","value":4.5,"timestamp":1.795601045e12,"labels":{"region":"eu"}}`,
		"sub-ms":            `{"name":"orders","value":4.5,"timestamp":1795601045000999,"labels":{"region":"eu"}}`,
		"a byte order mark": "\ufeff" + `{"name":"orders","value":4.5,"timestamp":1795601045,"labels":{"region":"eu"}}`,
		"capitals":          `{"Name":"orders","VALUE":4.5,"timestamp":1795601045,"labels":{"region":"eu"}}`,
		"escaped":           `{"n\u0061me":"ord\u0065rs","value":4.5,"timestamp":1795601045,"labels":{"reg\u0069on":"e\u0075"}}`,
		"twice":             `{"name":"x","name":"orders","value":1,"value":4.5,"timestamp":1795601045,"labels":{"region":"eu"},"labels":{"region":"eu"}}`,
		"odd blanks":        "\n{\t\"name\" : \"orders\"\r\n,\"value\":4.5 , \"timestamp\": 1795601045 ,\"labels\" : { \"region\" : \"eu\" , \"none\" : null } } \n",
		"brackets in texts": `{"a":"}]{[,\\\"","name":"orders","b":[{"c":"]"}],"value":4.5,"timestamp":1795601045,"labels":{"region":"eu"}}`,
		"RFC 3339 9":        `{"name":"orders","value":4.5,"timestamp":"2026-11-25T10:04:05.000000001Z","labels":{"region":"eu"}}`,
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
		"empty":               {" \n", "empty", 0},
		"not JSON":            {"poison", "not JSON", 0},
		"cut":                 {`{"name":"a"`, "not JSON", 0},
		"a text":              {`"metrics"`, "not a mapping", 0},
		"null":                {`null`, "name is missing", 0},
		"two documents":       {good + good, "not JSON", 0},
		"behind a list":       {"[" + good + "] x", "after top-level value (byte ", 0},
		"no metrics":          {`{"metrics":[]}`, "no metrics", 0},
		"metrics no list":     {`{"metrics":{"a":1}}`, "not a list", 0},
		"metrics null":        {`{"metrics":null}`, "not a list", 0},
		"both":                {`{"metrics":[` + good + `],"name":"x"}`, "both metrics and a name", 0},
		"too many":            {"[" + many + "]", "more than 10000", 0},
		"too long":            {strings.Repeat(" ", MaxBody) + good, "bytes, more than", 0},
		"no name":             {metric(`"name":"a",→`), "name is missing", 0},
		"empty name":          {metric(`"a"→""`), "name \"\" is empty", 0},
		"invisible name":      {metric(`"a"→"a\u200bb"`), "invisible", 0},
		"long name":           {metric(`"a"→"` + strings.Repeat("x", MaxNameBytes+1) + `"`), "name has 201 bytes", 0},
		"name a number":       {metric(`"a"→5`), "name is a number, not a text", 0},
		"no value":            {metric(`"value":1,→`), "value is missing", 0},
		"NaN":                 {metric(`:1,→:"NaN",`), `value "NaN" is no finite number`, 0},
		"infinite":            {metric(`:1,→:"+Inf",`), "no finite number", 0},
		"compressed":          {"\x1f\x8b\x08\x00", "compressed (gzip); send JSON as it is", 0},
		"zstd":                {"\x28\xb5\x2f\xfd\x00", "compressed (zstd)", 0},
		"of a registry":       {"\x00\x00\x00\x00\x01abc", "a schema registry", 0},
		"UTF-16":              {"\xff\xfe{\x00", "UTF-16", 0},
		"a label twice":       {metric(`"a",→"a","labels":{"b":"c","\u0062":"d"},`), "label b is there twice", 0},
		"a label of bytes":    {metric(`"a",→"a","labels":{"b":"caf` + "\xe9" + `"},`), "label b is not UTF-8", 0},
		"half a character":    {metric(`"a",→"a","labels":{"b":"\ud83d"},`), "label b is not UTF-8", 0},
		"a name of bytes":     {metric(`"a"→"` + "\xe9" + `"`), "is not UTF-8", 0},
		"a label true":        {metric(`"a",→"a","labels":{"b":true},`), "label b is a boolean, not a text", 0},
		"a list in a list":    {"[[" + good + "]]", "metrics[0]: metric is a list, not a mapping", 0},
		"a time as text":      {metric(`1795601045→"1795601045"`), "a Unix time in s, ms, µs or ns as a number", 0},
		"a time without zone": {metric(`1795601045→"2026-11-25T10:04:05"`), "write RFC 3339", 0},
		"trailing comma":      {"[" + good + ",]", "not JSON: invalid character ']'", 0},
		"where it is wrong":   {`{"name":"a","value":oops}`, "(byte 21)", 0},
		"bare NaN":            {metric(`:1,→:NaN,`), "value NaN is no finite number", 0},
		"NaN as a time":       {metric(`:1795601045→:NaN`), "timestamp NaN is no time", 0},
		"NaN of three":        {"[" + good + "," + metric(`:1,→: -Infinity ,`) + "," + good + "]", `1 of 3 metrics can't be read: metrics[1]: value -Infinity is no finite number`, 2},
		"NaN beside it":       {"[" + metric(`"a",→"a","note":NaN,"labels":{"b":Infinity},`) + "," + good + "]", "label b is a number, not a text", 1},
		"NaN as a key":        {`{NaN:1}`, "not JSON", 0},
		"NaN and broken":      {"[" + metric(`:1,→:NaN,`) + ",{]", "not JSON", 0},
		"NaN in a text":       {`{"a":"NaN\"NaN`, "not JSON", 0},
		"NaNs":                {metric(`:1,→:NaNs,`), "not JSON", 0},
		"huge":                {metric(`:1,→:1e999,`), "no finite number", 0},
		"text number":         {metric(`:1,→:"1",`), "no finite number", 0},
		"null value":          {metric(`:1,→:null,`), "no finite number", 0},
		"list value":          {metric(`:1,→:[1],`), "no finite number", 0},
		"no time":             {metric(`,"timestamp":1795601045→`), "timestamp is missing", 0},
		"odd time":            {metric(`1795601045→"yesterday"`), "write RFC 3339", 0},
		"time of day":         {metric(`1795601045→"10:04"`), "write RFC 3339", 0},
		"minutes":             {metric(`1795601045→29926684`), "between the years 2000 and 2100", 0},
		"negative":            {metric(`1795601045→-1`), "between the years", 0},
		"far future":          {metric(`1795601045→9223372036854775807`), "between the years", 0},
		"beyond":              {metric(`1795601045→1e300`), "no time", 0},
		"label name":          {metric(`"a",→"a","labels":{"a-b":"c"},`), "can't be used", 0},
		"reserved label":      {metric(`"a",→"a","labels":{"__name__":"c"},`), "can't be used", 0},
		"alertname":           {metric(`"a",→"a","labels":{"alertname":"c"},`), "can't be used", 0},
		"label a number":      {metric(`"a",→"a","labels":{"b":5},`), "label b is a number, not a text", 0},
		"labels a list":       {metric(`"a",→"a","labels":[],`), "labels is a list, not a mapping", 0},
		"many labels":         {metric(`"a",→"a","labels":{` + strings.Join(labels, ",") + `},`), "more than 30 labels", 0},
		"long label":          {metric(`"a",→"a","labels":{"b":"` + strings.Repeat("x", MaxValueBytes+1) + `"},`), "1025 bytes", 0},
		"one of three":        {"[" + good + "," + metric(`:1,→:"x",`) + "," + good + "]", "1 of 3 metrics can't be read: metrics[1]: value", 2},
		"wrong type of two":   {"[" + metric(`"a"→5`) + "," + good + "]", "1 of 2 metrics", 1},
		"all of five":         {"[{},{},{},{},{}]", "5 of 5 metrics can't be read: metrics[0]: name is missing; metrics[1]", 0},
		"broken behind":       {"[" + good + ",{]", "not JSON", 0},
		"deep":                {strings.Repeat("[", 100_000), "not JSON", 0},
		"deep below":          {`{"x":` + strings.Repeat(`{"x":`, 100_000), "not JSON", 0},
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

// FuzzNaN: a body with NaN in it is read as the one that has numbers there, and those that are JSON stay as they are.
func FuzzNaN(f *testing.F) {
	f.Add([]byte(`[{"a":"NaN","b":NaN},-Infinity,"\\"]`))
	f.Add([]byte(`"NaN`))
	f.Add([]byte(`"\`))
	f.Fuzz(func(t *testing.T, body []byte) {
		quoted := withoutStrange(body)
		if json.Valid(body) {
			assert.Nil(t, quoted)
		}
		_, _ = Decode(body)
	})
}

// FuzzScan: what is walked is what encoding/json reads.
func FuzzScan(f *testing.F) {
	f.Add([]byte(`{"a":[1,-2.5e3,"x\\\"]}",null,true,{}],"b":{"c":[[],[{}]]," d ":"\u00e9\ud83d"}} `))
	f.Add([]byte(`[ [ ] , { } , "" ]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		body = bytes.Trim(body, " \t\r\n")
		if !json.Valid(body) {
			return
		}
		var want any
		require.NoError(t, json.Unmarshal(body, &want))
		assert.Equal(t, want, walked(t, body))
	})
}

// walked returns what a value says, by our own walk.
func walked(t *testing.T, value []byte) any {
	t.Helper()
	switch kindOf(value) {
	case "mapping":
		m := map[string]any{}
		eachMember(value, func(key, v []byte) { m[unquote(key)] = walked(t, v) })
		return m
	case "list":
		l := []any{}
		eachElement(value, func(v []byte) { l = append(l, walked(t, v)) })
		assert.Len(t, l, count(value))
		return l
	case "text":
		return unquote(value)
	}
	var v any
	require.NoError(t, json.Unmarshal(value, &v))
	return v
}

// TestRemembered: metrics that come again are the same, whatever was remembered, and what is remembered is bounded by all decoders of a
// source together.
func TestRemembered(t *testing.T) {
	r := &room{}
	one, other := &decoder{room: r}, &decoder{room: r}
	body := func(i int) []byte {
		return fmt.Appendf(nil, `[{"name":"a","value":1,"timestamp":1795601045,"labels":{"i":"%d","pad":"%01000d"}},{"name":"a","value":2,"timestamp":1795601046}]`, i, i)
	}
	for i := range 10_000 {
		d := one
		if i%3 == 0 {
			d = other
		}
		want, err := Decode(body(i))
		require.NoError(t, err)
		for range 2 {
			got, err := d.decode(body(i))
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
		assert.LessOrEqual(t, r.taken.Load(), int64(rememberedBytes))
		assert.Equal(t, r.taken.Load(), one.mine+other.mine)
	}
	assert.NotEmpty(t, one.known)
	one.forget()
	other.forget()
	assert.Zero(t, r.taken.Load())
	_, err := one.decode([]byte(`[{"name":"a","labels":{"b":5},"value":1,"timestamp":1795601045}]`))
	require.Error(t, err)
	assert.Empty(t, one.known, "what can't be read is not remembered")
}

func BenchmarkDecode(b *testing.B) {
	var text strings.Builder
	for i := range 100 {
		fmt.Fprintf(&text, `,{"name":"order_failure_rate","value":%d.5,"timestamp":1795601045000,"labels":{"shop":"s%d","region":"eu"}}`, i, i)
	}
	body := []byte(`{"metrics":[` + text.String()[1:] + `]}`)
	b.ReportAllocs()
	d := &decoder{room: &room{}}
	for b.Loop() {
		if points, err := d.decode(body); err != nil || len(points) != 100 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/point")
}

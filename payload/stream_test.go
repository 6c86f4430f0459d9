package payload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// endless is a body of which there is always more; it counts what was read of it.
type endless struct {
	start, repeat string
	read          int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.start)
	if e.start = e.start[n:]; n == 0 {
		n = copy(p, e.repeat)
		e.start = e.repeat[n:]
	}
	e.read += n
	return n, nil
}

// TestDecodeStopsEarly: what is too much is refused before the rest is read.
func TestDecodeStopsEarly(t *testing.T) {
	const (
		one       = `,{"labels":{"alertname":"A"}}`
		bytesOut  = "; raise web.max_body_bytes, or set max_alerts on the webhook in Alertmanager"
		alertsOut = "; set max_alerts on the webhook in Alertmanager, or raise web.max_alerts"
	)
	for name, tc := range map[string]struct {
		start, repeat string
		options       Options
		most          int // bytes read
		err           string
	}{
		"alerts": {
			`{"alerts":[` + one[1:], one, Options{MaxAlerts: 100}, 101*len(one) + 600, "alerts: over 100" + alertsOut,
		},
		"alerts by default": {
			`{"alerts":[` + one[1:], one, Options{}, 10_001*len(one) + 600, "alerts: over 10000" + alertsOut,
		},
		"bytes": {
			`{"alerts":[` + one[1:], one, Options{MaxBytes: 5000}, 5001, "body: over 5000 bytes" + bytesOut,
		},
		"bytes as announced": {
			`{"alerts":[` + one[1:], one, Options{Size: 4<<20 + 1}, 0, "body: over 4194304 bytes" + bytesOut,
		},
		"bytes by default": {
			`{"a":"`, "x", Options{}, 4<<20 + 1, "body: over 4194304 bytes" + bytesOut,
		},
		"bytes behind the object": {
			`{"alerts":[` + one[1:] + `]}`, " ", Options{MaxBytes: 5000}, 5001, "body: over 5000 bytes" + bytesOut,
		},
		"bytes of what is not an object": {
			`[`, "1,", Options{MaxBytes: 5000}, 5001, "body: over 5000 bytes" + bytesOut,
		},
	} {
		t.Run(name, func(t *testing.T) {
			body := &endless{start: tc.start, repeat: tc.repeat}
			_, err := Decode(body, t0, tc.options)
			require.EqualError(t, err, tc.err)
			var bad *Error
			require.ErrorAs(t, err, &bad)
			assert.True(t, bad.TooLarge)
			assert.LessOrEqual(t, body.read, tc.most)
		})
	}
}

func TestDecodeUpToItsBounds(t *testing.T) {
	body := many(100)
	n, err := Decode(bytes.NewReader(body), t0, Options{MaxBytes: int64(len(body)), MaxAlerts: 100})
	require.NoError(t, err)
	assert.Len(t, n.Alerts, 100)
	assert.Equal(t, body, n.Body)
	for _, size := range []int64{-1, 0, 1, int64(len(body))} { // what is announced need not be true
		n, err := Decode(iotest.DataErrReader(bytes.NewReader(body)), t0, Options{MaxBytes: int64(len(body)), Size: size})
		require.NoError(t, err)
		assert.Equal(t, body, n.Body)
		assert.LessOrEqual(t, cap(n.Body), 2*len(body)+bytes.MinRead)
	}
}

// TestDecodeReaderFails: the fault of a reader is not one of the body.
func TestDecodeReaderFails(t *testing.T) {
	errGone := errors.New("the connection is gone")
	for _, part := range []string{"", "{", `{"alerts":`, `{"alerts":[{"labels":{"a":"b"}}`, `{"alerts":[{"labels":{"a":"b"}}]}`, `"x`} {
		t.Run(part, func(t *testing.T) {
			_, err := Decode(io.MultiReader(strings.NewReader(part), iotest.ErrReader(errGone)), t0, Options{})
			require.ErrorIs(t, err, errGone)
			var bad *Error
			require.NotErrorAs(t, err, &bad)
		})
	}
}

// TestDecodeDuplicates: JSON leaves open what a key means that is there twice; here the last counts.
func TestDecodeDuplicates(t *testing.T) {
	for name, body := range map[string]string{
		"a label":      `{"alerts":[{"labels":{"a":"x","a":"b"}}]}`,
		"null":         `{"alerts":[{"labels":{"c":"d"},"labels":null,"labels":{"a":"b"}}]}`,
		"the alerts":   `{"alerts":[{"labels":{"c":"d"}},{"labels":{"c":"d"}}],"Alerts":[{"labels":{"a":"b"}}]}`,
		"by the alert": `{"alerts":[{"labels":1,"labels":{"a":"b"}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			n, err := decode([]byte(body))
			require.NoError(t, err)
			require.Len(t, n.Alerts, 1)
			assert.Equal(t, map[string]string{"a": "b"}, n.Alerts[0].Labels)
		})
	}
}

// TestDecodeShares: an alert keeps nothing of the one before it, and equal strings are in memory once.
func TestDecodeShares(t *testing.T) {
	n, err := decode([]byte(`{"alerts":[
		{"status":"resolved","labels":{"alertname":"A","b":"1"},"annotations":{"summary":"s","d":null},"endsAt":"2026-11-20T08:30:05Z","generatorURL":"u"},
		{"labels":{"alertname":"A"}},
		{"labels":{"alertname":"A"},"annotations":{"summary":"s"}}]}`))
	require.NoError(t, err)
	require.Len(t, n.Alerts, 3)
	assert.Equal(t, incident.Alert{Status: incident.Firing, Labels: map[string]string{"alertname": "A"}}, n.Alerts[1])
	assert.Equal(t, map[string]string{"summary": "s"}, n.Alerts[0].Annotations)
	n.Alerts[2].Labels["alertname"] = "other"
	assert.Equal(t, "A", n.Alerts[1].Labels["alertname"], "maps are not shared")
}

// TestMemory: what is kept of a body is bounded by its bytes, and so is what reading it takes beside.
func TestMemory(t *testing.T) {
	var labels strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&labels, `,"l%05d":"v"`, i)
	}
	for name, tc := range map[string]struct {
		body      []byte
		kept, all uint64 // bytes per byte of the body
	}{
		"small alerts":           {many(20_000), 9, 60},
		"the smallest alerts":    {[]byte(`{"alerts":[` + strings.Repeat(`{"labels":{"a":"b"}},`, 20_000) + `{"labels":{"a":"b"}}]}`), 32, 200},
		"large alerts":           {large(500), 3, 15},
		"nulls":                  {bytes.ReplaceAll(many(20_000), []byte(`"labels"`), []byte(`"endsAt":null,"annotations":{"x":null},"labels"`)), 8, 80},
		"one alert, many labels": {[]byte(`{"alerts":[{"labels":{"a":"b"` + labels.String() + "}}]}"), 15, 60},
		"unknown fields":         {[]byte(`{"x":[` + strings.Repeat(`{"y":[null]},`, 200_000) + `0],"alerts":[{"labels":{"a":"b"}}]}`), 3, 10},
		"one long string":        {[]byte(`{"alerts":[{"labels":{"a":"` + strings.Repeat("b", 4_000_000) + `"}}]}`), 3, 15},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after, read runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			n, err := Decode(bytes.NewReader(tc.body), t0, Options{MaxAlerts: 1 << 20, Size: int64(len(tc.body))})
			require.NoError(t, err)
			runtime.ReadMemStats(&read)
			runtime.GC()
			runtime.ReadMemStats(&after)
			size := uint64(len(tc.body))
			kept, all := (after.HeapAlloc-before.HeapAlloc)*10/size, (read.TotalAlloc-before.TotalAlloc)*10/size
			t.Logf("%d bytes: kept %d.%d, allocated %d.%d times as much", size, kept/10, kept%10, all/10, all%10)
			assert.LessOrEqual(t, kept, 10*tc.kept)
			assert.LessOrEqual(t, all, 10*tc.all)
			runtime.KeepAlive(n)
		})
	}
}

// TestHostile: what is made to do harm is refused or read, in bounded time.
func TestHostile(t *testing.T) {
	const good = `{"alerts":[{"labels":{"a":"b"}}],"x":`
	for name, tc := range map[string]struct{ body, err string }{
		"deep nesting":            {good + strings.Repeat("[", 1<<20), "exceeded max depth"},
		"deep nesting of alerts":  {`{"alerts":` + strings.Repeat("[", 1<<20), "exceeded max depth"},
		"deep nesting of labels":  {`{"alerts":[{"labels":` + strings.Repeat(`{"a":`, 1<<19), "exceeded max depth"},
		"deep and closed":         {`{"alerts":[{"labels":{"a":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + "}}]}", "alerts[0].labels.a: [[[["},
		"a number without end":    {good + strings.Repeat("9", 1<<20) + "}", ""},
		"a number as an alert":    {`{"alerts":[` + strings.Repeat("9", 1<<20) + "]}", "alerts[0]: 9999"},
		"a key without end":       {good + `1,"` + strings.Repeat("k", 1<<20) + `":1}`, ""},
		"keys without number":     {good + `1` + strings.Repeat(`,"k":1`, 1<<17) + "}", ""},
		"alerts again and again":  {`{"a":1` + strings.Repeat(`,"alerts":[{"labels":{"a":"b"}}]`, 10_000) + "}", ""},
		"commas":                  {`{"alerts":[{"labels":{"a":"b"}},]}`, "not JSON"},
		"no comma":                {`{"alerts":[{"labels":{"a":"b"}} {"labels":{"a":"b"}}]}`, "not JSON"},
		"a comma at the end":      {`{"alerts":[{"labels":{"a":"b"}}],}`, "not JSON"},
		"a key that is no string": {`{1:2}`, "not JSON"},
		"no colon":                {`{"alerts" [{"labels":{"a":"b"}}]}`, "not JSON"},
		"text behind it":          {`{"alerts":[{"labels":{"a":"b"}}]}x`, "not JSON"},
		"a raw NUL behind it":     {"{\"alerts\":[{\"labels\":{\"a\":\"b\"}}]}\x00", "not JSON"},
		"half a character":        {"{\"alerts\":[{\"labels\":{\"a\":\"\xe7\x8e\"}}]}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var n *incident.Notification
			var err error
			took := testbedtest.CPU(func() { n, err = Decode(strings.NewReader(tc.body), t0, Options{}) })
			if tc.err == "" {
				require.NoError(t, err)
				assert.Len(t, n.Alerts, 1)
			} else {
				require.ErrorContains(t, err, tc.err)
				assert.Less(t, len(err.Error()), 500)
			}
			assert.Less(t, took, 10*time.Second)
		})
	}
}

// many returns a body of small alerts, large one of alerts of 7 kB each.
func many(n int) []byte {
	alerts := make([]map[string]any, n)
	for i := range alerts {
		alerts[i] = map[string]any{"labels": map[string]string{"alertname": "Many", "instance": fmt.Sprintf("i%05d", i)}, "startsAt": t0}
	}
	return encode(map[string]any{"version": "4", "groupKey": "{}", "status": "firing", "alerts": alerts})
}

func large(n int) []byte {
	alerts := make([]map[string]any, n)
	for i := range alerts {
		labels := map[string]string{"alertname": "Large", "instance": fmt.Sprintf("i%05d", i)}
		for k := range 20 {
			labels[fmt.Sprintf("label_%02d", k)] = fmt.Sprint("value ", k, " of ", i%7, strings.Repeat("x", 60))
		}
		alerts[i] = map[string]any{
			"status": "firing", "labels": labels, "startsAt": t0, "endsAt": time.Time{}, "generatorURL": "http://prometheus/graph?g0.expr=up",
			"annotations": map[string]string{"summary": fmt.Sprint(i, strings.Repeat("s", 500)), "description": fmt.Sprint(i, strings.Repeat("d", 4500))},
		}
	}
	return encode(map[string]any{"version": "4", "groupKey": "{}", "status": "firing", "alerts": alerts})
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// encoded returns a notification as a body.
func encoded(n *incident.Notification) []byte {
	alerts := make([]map[string]any, len(n.Alerts))
	for i, a := range n.Alerts {
		alerts[i] = map[string]any{
			"status": a.Status, "labels": a.Labels, "annotations": a.Annotations, "startsAt": a.StartsAt, "endsAt": a.EndsAt, "generatorURL": a.GeneratorURL,
		}
	}
	return encode(map[string]any{
		"version": "4", "receiver": n.Receiver, "groupKey": n.GroupKey, "externalURL": n.ExternalURL, "notification_reason": n.Reason,
		"groupLabels": n.GroupLabels, "truncatedAlerts": n.Truncated, "alerts": alerts,
	})
}

// FuzzDecode checks that no body does harm: an error is an [*Error] on one bounded line, what is accepted is JSON, can be
// folded and stored, and encoded again gives the same alerts; and it makes no difference how the body arrives, nor
// that it is read alert by alert.
func FuzzDecode(f *testing.F) {
	for _, pattern := range []string{"../testdata/*.json", "../testdata/alertmanager/*.json"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			if body, err := os.ReadFile(file); err == nil && len(body) < 10_000 {
				f.Add(body)
			}
		}
	}
	f.Add([]byte(`{"version":4,"alerts":[{"labels":{"a":"b","c":null},"startsAt":""}]}`))
	f.Add([]byte(`{"alerts":[{"labels":{"a":"b"}}],"alerts":[{}]}`))
	f.Add([]byte(`{"alerts":[{"labels":{"a":"b"}},{"labels":{"a":"c"},"annotations":{"x":null}}],"status":"resolved"}`))
	f.Add([]byte("{\"alerts\":[{\"labels\":{\"a\xff\":\"\\u0000\"},\"endsAt\":\"9999-12-31T23:59:59-01:00\"}]}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := decode(body)
		slow, slowErr := Decode(iotest.OneByteReader(bytes.NewReader(body)), t0, Options{})
		require.Equal(t, err, slowErr)
		if err != nil {
			var bad *Error
			require.ErrorAs(t, err, &bad)
			require.NotEmpty(t, bad.Field)
			require.Less(t, len(err.Error()), 1500)
			require.NotContains(t, err.Error(), "\n")
			require.True(t, utf8.ValidString(err.Error()))
			return
		}
		require.Equal(t, n, slow)
		require.Equal(t, body, n.Body)
		require.True(t, json.Valid(bytes.TrimPrefix(body, byteOrderMark)))
		require.NotEmpty(t, n.Alerts)
		for _, a := range n.Alerts {
			require.NotEmpty(t, a.Labels)
			require.Contains(t, []incident.Status{incident.Firing, incident.Resolved}, a.Status)
		}
		canonical := encoded(n)
		again, err := decode(canonical)
		require.NoError(t, err)
		alphabetical := slices.Clone(n.Alerts) // as a map is encoded
		for i := range alphabetical {
			alphabetical[i].AnnotationOrder = nil
		}
		require.Equal(t, alphabetical, again.Alerts)
		whole, err := readWhole(canonical)
		require.NoError(t, err)
		require.Equal(t, again, whole)
		n.Normalize()
		if inc, _ := incident.DefaultPolicy().Fold(nil, n); inc != nil {
			_, err := json.Marshal(inc)
			require.NoError(t, err)
		}
	})
}

// BenchmarkDecode reads bodies of several shapes. MB/s are of the body.
func BenchmarkDecode(b *testing.B) {
	file := func(name string) []byte {
		body, err := os.ReadFile("../testdata/" + name)
		require.NoError(b, err)
		return body
	}
	for _, c := range []struct {
		name string
		body []byte
	}{
		{"one alert", file("alertmanager/am0.34.2_001-ok_full.json")},
		{"500 alerts", file("500-alerts.json")},
		{"500 large alerts", large(500)},
		{"40000 small alerts", many(40_000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(bytes.NewReader(c.body), t0, Options{MaxAlerts: 40_000, Size: int64(len(c.body))}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

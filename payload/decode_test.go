package payload

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/template"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

var t0 = time.Date(2026, 11, 20, 8, 30, 5, 0, time.UTC)

func decode(body []byte) (*incident.Notification, error) {
	return Decode(bytes.NewReader(body), t0, Options{})
}

// readWhole reads a body at once by the types of Alertmanager.
func readWhole(body []byte) (*incident.Notification, error) {
	var m struct {
		template.Data
		GroupKey        string `json:"groupKey"`
		TruncatedAlerts uint64 `json:"truncatedAlerts"`
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, err
	}
	n := &incident.Notification{
		Receiver: m.Receiver, GroupKey: m.GroupKey, ExternalURL: m.ExternalURL, Reason: m.NotificationReason, GroupLabels: m.GroupLabels,
		Truncated: m.TruncatedAlerts, ReceivedAt: t0, Body: body,
	}
	for _, a := range m.Alerts {
		maps.DeleteFunc(a.Labels, func(_, value string) bool { return value == "" })
		n.Alerts = append(n.Alerts, incident.Alert{
			Status: incident.Status(cmp.Or(a.Status, m.Status, "firing")), Labels: a.Labels, Annotations: a.Annotations,
			StartsAt: a.StartsAt.UTC(), EndsAt: a.EndsAt.UTC(), GeneratorURL: a.GeneratorURL,
		})
		if len(a.Annotations) == 0 {
			n.Alerts[len(n.Alerts)-1].Annotations = nil
		}
	}
	return n, nil
}

func TestDecodeSamples(t *testing.T) {
	for _, pattern := range []string{"../testdata/*.json", "../testdata/alertmanager/*.json"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			t.Run(filepath.Base(file), func(t *testing.T) {
				body, err := os.ReadFile(file)
				require.NoError(t, err)
				n, err := decode(body)
				require.NoError(t, err)
				require.NotEmpty(t, n.Alerts)
				assert.Equal(t, body, n.Body)
				assert.Equal(t, t0, n.ReceivedAt)
				whole, err := readWhole(body)
				require.NoError(t, err)
				assert.Equal(t, whole, n, "reading alert by alert gives what reading the whole gives")
			})
		}
	}
}

func TestDecodeAlertmanager(t *testing.T) {
	body, err := os.ReadFile("../testdata/alertmanager/am0.34.2_truncated-says-resolved.json")
	require.NoError(t, err)
	n, err := decode(body)
	require.NoError(t, err)
	assert.Equal(t, "codes", n.Receiver)
	assert.Equal(t, `{}:{alertname="LoginFailureRatioHigh"}`, n.GroupKey)
	assert.Equal(t, "http://vm:19201", n.ExternalURL)
	assert.Equal(t, "some alerts resolved", n.Reason)
	assert.Equal(t, uint64(2), n.Truncated)
	assert.Equal(t, map[string]string{"alertname": "LoginFailureRatioHigh"}, n.GroupLabels)
	require.Len(t, n.Alerts, 1)
	alert := n.Alerts[0]
	assert.Equal(t, incident.Resolved, alert.Status)
	assert.Equal(t, "critical", alert.Labels["severity"])
	assert.Equal(t, "用户 admin 登录失败率过高", alert.Annotations["description"])
	assert.Equal(t, time.Date(2026, 11, 20, 18, 22, 30, 87e6, time.UTC), alert.StartsAt)
	assert.Equal(t, time.Date(2026, 11, 20, 18, 23, 36, 87e6, time.UTC), alert.EndsAt)
	assert.True(t, strings.HasPrefix(alert.GeneratorURL, "http://vm:19200/graph?g0.expr=sum+by"))
}

func TestDecodeTolerates(t *testing.T) {
	one := func(members string) string { return `{"alerts":[{"labels":{"alertname":"A"}` + members + `}]}` }
	tests := map[string]string{
		"no more than labels":       one(``),
		"version as a number":       `{"version":4,"alerts":[{"labels":{"alertname":"A"}}]}`,
		"version null":              `{"version":null,"alerts":[{"labels":{"alertname":"A"}}]}`,
		"version empty":             `{"version":"","alerts":[{"labels":{"alertname":"A"}}]}`,
		"group key null":            `{"groupKey":null,"groupLabels":null,"alerts":[{"labels":{"alertname":"A"}}]}`,
		"fingerprint of any sort":   one(`,"fingerprint":12`),
		"annotations null":          one(`,"annotations":null`),
		"a group label null":        `{"groupLabels":{"alertname":null},"alerts":[{"labels":{"alertname":"A"}}]}`,
		"an annotation null":        one(`,"annotations":{"summary":null}`),
		"a label null":              `{"alerts":[{"labels":{"alertname":"A","job":null}}]}`,
		"dates null":                one(`,"startsAt":null,"endsAt":null`),
		"unknown fields":            `{"orgId":1,"title":["x"],"alerts":[{"labels":{"alertname":"A"},"values":{"B":1},"dashboardURL":""}]}`,
		"unused fields of any sort": `{"commonLabels":"x","commonAnnotations":1,"routeLabels":[],"alerts":[{"labels":{"alertname":"A"}}]}`,
		"capitals":                  `{"Alerts":[{"Labels":{"alertname":"A"},"Fingerprint":1}]}`,
		"a byte order mark":         "\ufeff" + one(``),
		"space around":              " \r\n\t" + one(``) + "\n",
		"an empty label":            `{"alerts":[{"labels":{"alertname":"A","empty":""}}]}`,
		"keys twice":                `{"alerts":[{"labels":{"alertname":"B"}}],"alerts":[{"labels":{"alertname":"A"},"labels":{"alertname":"A"}}]}`,
		"deep nesting elsewhere":    `{"x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `,"alerts":[{"labels":{"alertname":"A"}}]}`,
		"the word null in a text":   one(`,"annotations":{"summary":"null pointer"}`),
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			n, err := decode([]byte(body))
			require.NoError(t, err)
			require.Len(t, n.Alerts, 1)
			assert.Equal(t, map[string]string{"alertname": "A"}, n.Alerts[0].Labels)
			assert.Equal(t, incident.Firing, n.Alerts[0].Status)
			assert.True(t, n.Alerts[0].StartsAt.IsZero())
		})
	}
	t.Run("invalid UTF-8 and NUL", func(t *testing.T) {
		n, err := decode([]byte("{\"alerts\":[{\"labels\":{\"alertname\":\"a\xffb\\u0000c\\ud800\"}}]}"))
		require.NoError(t, err)
		assert.Equal(t, "a\ufffdb\x00c\ufffd", n.Alerts[0].Name())
	})
	t.Run("times become UTC", func(t *testing.T) {
		n, err := decode([]byte(one(`,"startsAt":"2026-11-20T16:30:05.5+08:00"`)))
		require.NoError(t, err)
		assert.Equal(t, t0.Add(500*time.Millisecond), n.Alerts[0].StartsAt)
	})
}

func TestDecodeStatus(t *testing.T) {
	tests := map[string]struct {
		body, alert string
		want        incident.Status
		err         string
	}{
		"its own":            {"firing", "resolved", incident.Resolved, ""},
		"the body's":         {"resolved", "", incident.Resolved, ""},
		"none":               {"", "", incident.Firing, ""},
		"unknown":            {"firing", "fired", "", `alerts[0].status: "fired" is not a status; send firing or resolved, or leave it out`},
		"in capitals":        {"firing", "Resolved", incident.Resolved, ""},
		"the body's unknown": {"ok", "", "", `status: "ok" is not a status; send firing or resolved, or leave it out`},
		"unknown and unused": {"ok", "firing", incident.Firing, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			body, err := json.Marshal(map[string]any{"status": tc.body, "alerts": []any{map[string]any{
				"status": tc.alert, "labels": map[string]string{"a": "b"},
			}}})
			require.NoError(t, err)
			n, err := decode(body)
			if tc.err != "" {
				require.EqualError(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.want, n.Alerts[0].Status)
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	const wayOut = "; send a JSON object as Alertmanager's webhook does"
	const good = `{"labels":{"alertname":"A"}}`
	const wantTime = "a time such as 2026-11-20T08:30:05Z (RFC 3339)"
	tests := map[string]struct{ body, err string }{
		"nothing":                            {"", "body: empty" + wayOut},
		"space":                              {" \n", "body: empty" + wayOut},
		"text":                               {"hello", "body: not JSON: invalid character 'h' looking for beginning of value at byte 1" + wayOut},
		"cut off":                            {`{"alerts":[`, "body: not JSON: cut off after byte 11" + wayOut},
		"two values":                         {`{} {}`, "body: not JSON: invalid character '{' after top-level value at byte 4" + wayOut},
		"UTF-16, as PowerShell writes files": {"\xff\xfe{\x00}\x00", "body: UTF-16; send it as UTF-8 text, not compressed"},
		"UTF-16, big end first":              {"\xfe\xff\x00{\x00}", "body: UTF-16; send it as UTF-8 text, not compressed"},
		"UTF-16 without a mark":              {"{\x00}\x00", "body: UTF-16; send it as UTF-8 text, not compressed"},
		"gzip":                               {"\x1f\x8b\x08\x00", "body: compressed by gzip; send it as UTF-8 text, not compressed"},
		"zstd":                               {"\x28\xb5\x2f\xfd\x04", "body: compressed by zstd; send it as UTF-8 text, not compressed"},
		"a raw NUL":                          {"{\"a\":\"\x00\"}", `body: not JSON: invalid character '\x00' in string literal at byte 7` + wayOut},
		"too deep":                           {strings.Repeat("[", 20000), "body: not JSON: invalid character '[' exceeded max depth at byte 10001" + wayOut},
		"a list":                             {`[{"alerts":1}]`, `body: [{"alerts":1}] is not an object` + wayOut},
		"a string":                           {`"alerts"`, `body: "alerts" is not an object` + wayOut},
		"null":                               {`null`, "alerts: none; send at least one alert, as Alertmanager's webhook does"},
		"no alerts":                          {`{}`, "alerts: none; send at least one alert, as Alertmanager's webhook does"},
		"alerts null":                        {`{"alerts":null}`, "alerts: none; send at least one alert, as Alertmanager's webhook does"},
		"alerts empty":                       {`{"alerts":[]}`, "alerts: none; send at least one alert, as Alertmanager's webhook does"},
		"alerts an object": {
			`{"alerts":{"labels":{}}}`, `alerts: {"labels":{}} is not a list of alerts; send a list of alerts`,
		},
		"version 3": {
			`{"version":"3","alerts":[` + good + `]}`, `version: "3" is not supported; send version "4", as Alertmanager 0.6 and later do, or "1", as Grafana does`,
		},
		"version 5 as a number": {
			`{"version":5,"alerts":[` + good + `]}`, `version: "5" is not supported; send version "4", as Alertmanager 0.6 and later do, or "1", as Grafana does`,
		},
		"version before all else": {
			`{"version":"2","alerts":[]}`, `version: "2" is not supported; send version "4", as Alertmanager 0.6 and later do, or "1", as Grafana does`,
		},
		"no labels": {
			`{"alerts":[` + good + `,{"status":"firing"}]}`, "alerts[1].labels: none; an alert needs at least one label, such as alertname",
		},
		"labels empty":       {`{"alerts":[{"labels":{}}]}`, "alerts[0].labels: none; an alert needs at least one label, such as alertname"},
		"labels all empty":   {`{"alerts":[{"labels":{"a":""}}]}`, "alerts[0].labels: none; an alert needs at least one label, such as alertname"},
		"an alert null":      {`{"alerts":[null]}`, "alerts[0].labels: none; an alert needs at least one label, such as alertname"},
		"an alert no object": {`{"alerts":["x"]}`, `alerts[0]: "x" is not an alert; send an object with labels`},
		"labels a list": {
			`{"alerts":[{"labels":["a"]}]}`, `alerts[0].labels: ["a"] is not an object whose values are strings; send an object whose values are strings`,
		},
		"a label a number": {
			`{"alerts":[` + good + `,{"labels":{"alertname":"A","port":9100}}]}`, "alerts[1].labels.port: 9100 is not a string; send it in quotes, or leave it out",
		},
		"a label with a name that is none": {
			`{"alerts":[{"labels":{"a\n\"b":true}}]}`, `alerts[0].labels["a\n\"b"]: true is not a string; send it in quotes, or leave it out`,
		},
		"an annotation an object": {
			`{"alerts":[{"labels":{"a":"b"},"annotations":{"summary":{}}}]}`,
			"alerts[0].annotations.summary: {} is not a string; send it in quotes, or leave it out",
		},
		"startsAt no time": {
			`{"alerts":[` + good + `,` + good + `,` + good + `,{"labels":{"a":"b"},"startsAt":"yesterday"}]}`,
			`alerts[3].startsAt: "yesterday" is not ` + wantTime + `; send ` + wantTime + `, or leave it out`,
		},
		"startsAt a number": {
			`{"alerts":[{"labels":{"a":"b"},"startsAt":1795000000}]}`,
			`alerts[0].startsAt: 1795000000 is not ` + wantTime + `; send ` + wantTime + `, or leave it out`,
		},
		"endsAt beyond years": {
			`{"alerts":[{"labels":{"a":"b"},"endsAt":"9999-12-31T23:59:59-01:00"}]}`,
			"alerts[0].endsAt: outside the years 0 to 9999 in UTC; send a real time, or leave it out",
		},
		"status a number": {`{"alerts":[{"labels":{"a":"b"},"status":1}]}`, "alerts[0].status: 1 is not a string; send a string"},
		"truncated negative": {
			`{"truncatedAlerts":-1,"alerts":[` + good + `]}`, "truncatedAlerts: -1 is not a count, 0 or more; send a count, 0 or more",
		},
		"group key a number":  {`{"groupKey":1,"alerts":[` + good + `]}`, "groupKey: 1 is not a string; send a string"},
		"a group label a map": {`{"groupLabels":{"a":{}},"alerts":[` + good + `]}`, "groupLabels.a: {} is not a string; send it in quotes, or leave it out"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := decode([]byte(tc.body))
			require.EqualError(t, err, tc.err)
			var bad *Error
			require.ErrorAs(t, err, &bad)
		})
	}
}

func TestDecodeBoundsWhatItQuotes(t *testing.T) {
	evil := strings.Repeat("率\n\u202e\x00", 1000)
	quoted, err := json.Marshal(evil)
	require.NoError(t, err)
	e := string(quoted)
	for name, body := range map[string]string{
		"version":    `{"version":` + e + `,"alerts":[]}`,
		"status":     `{"alerts":[{"labels":{"a":"b"},"status":` + e + `}]}`,
		"time":       `{"alerts":[{"labels":{"a":"b"},"startsAt":` + e + `}]}`,
		"label":      `{"alerts":[{"labels":{` + e + `:[` + e + `]}}]}`,
		"alerts":     `{"alerts":` + e + `}`,
		"body":       `[` + e + `]`,
		"group key":  `{"groupKey":[` + e + `]}`,
		"an alert":   `{"alerts":[` + e + `]}`,
		"truncation": `{"truncatedAlerts":` + e + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decode([]byte(body))
			require.Error(t, err)
			assert.Less(t, len(err.Error()), 700)
			assert.NotContains(t, err.Error(), "\n")
			assert.NotContains(t, err.Error(), "\x00")
			assert.NotContains(t, err.Error(), "\u202e")
		})
	}
}

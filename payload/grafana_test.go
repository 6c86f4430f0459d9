package payload

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// TestDecodeGrafana: bodies as Grafana's webhook writes them (templates.ExtendedData of grafana/alerting).
func TestDecodeGrafana(t *testing.T) {
	type want map[string]string // annotations, of the first alert
	for name, tc := range map[string]struct {
		alerts, firing int
		first          want
		absent         []string
	}{
		"firing": {1, 1, want{
			"summary": "Disk of n1 is almost full", "values": "B=97.25, C=1", "orgId": "1",
			"valueString":  "[ var='B' labels={host=n1, path=/} value=97.25 ], [ var='C' labels={host=n1, path=/} value=1 ]",
			"dashboardURL": "https://grafana.example.com/d/node-exporter?from=1795159800000&orgId=1&to=1795163405000",
			"panelURL":     "https://grafana.example.com/d/node-exporter?from=1795159800000&orgId=1&to=1795163405000&viewPanel=12",
			"imageURL":     "https://grafana.example.com/public/img/attachments/p1.png",
			"silenceURL": "https://grafana.example.com/alerting/silence/new?alertmanager=grafana&matcher=__alert_rule_uid__%3Dabc1&matcher=host%3Dn1" +
				"&matcher=path%3D%2F&matcher=severity%3Dcritical&orgId=1",
		}, nil},
		"resolved":             {1, 0, want{"values": "B=61.5, C=0"}, nil},
		"no-data":              {1, 1, want{"summary": "Disk of a node is almost full"}, []string{"values", "valueString", "dashboardURL"}},
		"error":                {1, 1, want{"Error": `[sse.dataQueryError] failed to execute query [A]: Post "http://prometheus:9090/api/v1/query": dial tcp 10.0.0.5:9090: connect: connection refused`}, []string{"values"}},
		"several-rules":        {3, 3, want{"values": "B=97.25, C=1"}, nil},
		"mixed":                {2, 1, want{"values": "B=97.25, C=1"}, nil},
		"no-data-beside-alert": {2, 2, want{"values": "B=97.25, C=1"}, nil},
		"version-9":            {1, 1, want{"valueString": "[ metric='' labels={} value=14151.331895396988 ]"}, []string{"values", "orgId"}},
		"chinese-truncated":    {1, 1, want{"处理建议": "先清理日志", "orgId": "2"}, nil},
		"test":                 {1, 1, want{"values": "B=22, C=1"}, []string{"silenceURL"}},
		"subpath":              {1, 1, want{"values": "A=1e-07, B0=1.5e+21"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := os.ReadFile(filepath.Join("../testdata/grafana", name+".json"))
			require.NoError(t, err)
			n, err := decode(body)
			require.NoError(t, err)
			require.Len(t, n.Alerts, tc.alerts)
			firing := 0
			for _, a := range n.Alerts {
				assert.WithinRange(t, a.StartsAt, t0.Add(-15*time.Minute), t0.Add(5*time.Minute))
				if a.Status == incident.Firing {
					firing++
				}
			}
			assert.Equal(t, tc.firing, firing)
			for k, v := range tc.first {
				assert.Equal(t, v, n.Alerts[0].Annotations[k], k)
			}
			for _, k := range tc.absent {
				assert.NotContains(t, n.Alerts[0].Annotations, k)
			}
			assert.Nil(t, n.Alerts[0].AnnotationOrder, "Grafana's order is alphabetical")
		})
	}
}

// TestDecodeGrafanaFieldsOfAnySort: they are not ours to refuse, and never take the place of an annotation.
func TestDecodeGrafanaFieldsOfAnySort(t *testing.T) {
	for name, tc := range map[string]struct {
		members string
		want    map[string]string
	}{
		"null":           {`"values":null,"valueString":null,"orgId":null`, nil},
		"empty":          {`"values":{},"valueString":"","panelURL":" "`, nil},
		"not numbers":    {`"values":{"B":"NaN","A":[1]}`, map[string]string{"values": "A=[1], B=NaN"}},
		"a list":         {`"values":[1,2]`, map[string]string{"values": "[1,2]"}},
		"a number":       {`"silenceURL":12`, map[string]string{"silenceURL": "12"}},
		"an annotation":  {`"annotations":{"values":"mine"},"values":{"B":1}`, map[string]string{"values": "mine"}},
		"beside a null":  {`"annotations":{"summary":null},"values":{"B":1}`, map[string]string{"values": "B=1"}},
		"as Go reads it": {`"VALUES":{"B":1}`, map[string]string{"values": "B=1"}},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := decode([]byte(`{"version":"4","alerts":[{"labels":{"alertname":"A"},` + tc.members + `},{"labels":{"alertname":"B"}}]}`))
			require.NoError(t, err)
			assert.Equal(t, tc.want, n.Alerts[0].Annotations)
			assert.Empty(t, n.Alerts[1].Annotations, "nothing stays for the next")
		})
	}
}

func TestAnnotationOrder(t *testing.T) {
	for name, tc := range map[string]struct {
		annotations string
		want        []string
	}{
		"none":                     {`{}`, nil},
		"one":                      {`{"b":"x"}`, nil},
		"alphabetical":             {`{"a":"x","b":"y","c":"z"}`, nil},
		"as somebody wrote it":     {`{"message":"x","impact":"y","action":"z"}`, []string{"message", "impact", "action"}},
		"names within values":      {`{"b":"\"a\":1","a":"b"}`, []string{"b", "a"}},
		"values that look sorted":  {`{"c":"\"a\" \"b\" \"c\"","a":"","b":""}`, []string{"c", "a", "b"}},
		"twice":                    {`{"b":"x","a":"y","b":"z"}`, nil},
		"twice, and not in order":  {`{"b":"x","c":"w","a":"y","b":"z"}`, []string{"c", "a", "b"}},
		"quotes in a name":         {`{"b\"":"x","a":"y"}`, []string{`b"`, "a"}},
		"Chinese":                  {`{"摘要":"x","描述":"y"}`, []string{"摘要", "描述"}},
		"a null":                   {`{"b":null,"a":"y"}`, nil},
		"a null among others":      {`{"c":"x","b":null,"a":"y"}`, []string{"c", "a"}},
		"deeply quoted backslash":  {`{"z":"\\","a":"\\\""}`, []string{"z", "a"}},
		"a label of that name":     {`{"b":"x","a":"y"},"x":"annotations","y":{"a":"1","b":"2"}`, []string{"b", "a"}},
		"alphabetical elsewhere":   {`{"c":"x","a":"y"},"other":{"c":"1"}`, []string{"c", "a"}},
		"space, escapes, nothing":  {`{ "b" : "\u0022\\" , "\u0061" : "" }`, []string{"b", "a"}},
		"Grafana's fields go last": {`{"z":"1","a":"2"},"values":{"B":1}`, []string{"z", "a", "values"}},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := decode([]byte(`{"alerts":[{"annotations":` + tc.annotations + `,"labels":{"alertname":"A"}}]}`))
			require.NoError(t, err)
			assert.Equal(t, tc.want, n.Alerts[0].AnnotationOrder)
			b, err := json.Marshal(n.Alerts[0])
			require.NoError(t, err)
			var back incident.Alert
			require.NoError(t, json.Unmarshal(b, &back))
			assert.Equal(t, tc.want, back.AnnotationOrder, "and it is kept")
		})
	}
}

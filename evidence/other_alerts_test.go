package evidence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// post sends JSON to a real server.
func post(t *testing.T, url string, body any) {
	t.Helper()
	b, err := json.Marshal(body)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(b))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

type postedAlert struct {
	Labels   map[string]string `json:"labels"`
	StartsAt time.Time         `json:"startsAt"`
	EndsAt   time.Time         `json:"endsAt"`
}

// realAlertmanager runs one that holds alerts which fire since a time.
func realAlertmanager(t *testing.T, since time.Time, alerts ...map[string]string) *testbed.Server {
	t.Helper()
	am := testbedtest.StartAlertmanager(t, testbed.AlertmanagerConfig{WebhookURL: "http://127.0.0.1:9/"})
	var list []postedAlert
	for _, labels := range alerts {
		list = append(list, postedAlert{labels, since, time.Now().Add(time.Hour)})
	}
	if len(list) > 0 {
		post(t, am.URL+"/api/v2/alerts", list)
	}
	return am
}

func TestOtherAlerts(t *testing.T) {
	r := record(2*time.Hour, 30*time.Second)
	during := func(from, to float64) func(float64) float64 {
		return func(s float64) float64 {
			if s < from || s > to {
				return nan
			}
			return 1
		}
	}
	r.add(`ALERTS{alertname="X",alertstate="firing",instance="a:80"}`, during(6000, 9e9))
	r.add(`ALERTS{alertname="Pending",alertstate="pending",instance="a:80"}`, during(6000, 9e9))
	r.add(`ALERTS{alertname="DiskSlow",alertstate="firing",instance="a:80",severity="warning"}`, during(5400, 9e9))
	r.add(`ALERTS{alertname="Short",alertstate="firing",instance="b:80"}`, during(5000, 5600))
	r.add(`ALERTS{alertname="Old",alertstate="firing",instance="b:80"}`, during(0, 9e9))
	r.add(`ALERTS{alertname="Watchdog",alertstate="firing"}`, during(0, 9e9))
	p := r.serve(t, "")
	inc := firingIncident(r.at(6000), "", "alertname=X instance=a:80 severity=critical")

	t.Run("Prometheus alone", func(t *testing.T) {
		c := collectorAt(t, p.URL, r.end())
		items := ofKind(c.Collect(t.Context(), inc, nil).Items, incident.KindAlerts)
		require.Len(t, items, 1)
		t.Log(items[0].Summary)
		assert.Regexp(t, `^Other alerts in this window \(.*\): 2; before this one: 2; on the same target: 1; firing at its end: \d\. .*: Short \{instance="b:80"\} at .* Already firing before it: 1 more\.$`, items[0].Summary)
		require.Len(t, items[0].Table.Rows, 3)
		var names, states []string
		for _, row := range items[0].Table.Rows {
			names, states = append(names, row[1]), append(states, row[3][:6])
		}
		assert.Equal(t, []string{"Old", "Short", "DiskSlow"}, names)
		assert.Equal(t, []string{"firing", "resolv", "firing"}, states)
		assert.Equal(t, "instance", items[0].Table.Rows[2][4])
	})
	am := realAlertmanager(t, r.at(5350), inc.Alerts[0].Labels,
		map[string]string{"alertname": "DiskSlow", "instance": "a:80", "severity": "warning", "cluster": "one"},
		map[string]string{"alertname": "Elsewhere", "cluster": "two"})
	silence := map[string]any{
		"matchers":  []any{map[string]any{"name": "instance", "value": "a:80", "isRegex": false, "isEqual": true}},
		"startsAt":  time.Now().Add(-time.Minute),
		"endsAt":    time.Now().Add(time.Hour),
		"createdBy": "kim", "comment": "planned work",
	}
	post(t, am.URL+"/api/v2/silences", silence)
	t.Run("Alertmanager too", func(t *testing.T) {
		c := collectorAt(t, p.URL, r.end(), func(o *Options) { o.Alertmanager = serverAt(t, am.URL) })
		require.EventuallyWithT(t, func(collect *assert.CollectT) {
			items := ofKind(c.Collect(t.Context(), inc, nil).Items, incident.KindAlerts)
			require.Len(collect, items, 1)
			assert.Contains(collect, items[0].Summary, `This alert is silenced (kim: "planned work", until `)
			assert.Contains(collect, items[0].Summary, "): 3; before")
			require.Len(collect, items[0].Table.Rows, 4)
			assert.Contains(collect, fmt.Sprint(items[0].Table.Rows), "DiskSlow warning silenced instance")
		}, time.Minute, 100*time.Millisecond)
	})
	t.Run("Alertmanager alone", func(t *testing.T) {
		c := collectorAt(t, "", r.end(), func(o *Options) { o.Alertmanager = serverAt(t, am.URL) })
		items := ofKind(c.Collect(t.Context(), inc, nil).Items, incident.KindAlerts)
		require.Len(t, items, 1)
		assert.Len(t, items[0].Table.Rows, 2)
	})
	t.Run("Alertmanager gone", func(t *testing.T) {
		c := collectorAt(t, p.URL, r.end(), func(o *Options) { o.Alertmanager = serverAt(t, "http://127.0.0.1:9") })
		items := ofKind(c.Collect(t.Context(), inc, nil).Items, incident.KindAlerts)
		require.Len(t, items, 2)
		assert.Len(t, items[0].Table.Rows, 3)
		assert.True(t, items[1].Failed)
		assert.Contains(t, items[1].Summary, "server unavailable")
	})
}

func TestStillFiring(t *testing.T) {
	labels := map[string]string{"alertname": "X", "instance": "a:80"}
	am := realAlertmanager(t, time.Now().Add(-time.Minute), labels, map[string]string{"alertname": "Y", incident.SelfAlertLabel: "true"})
	c := collectorAt(t, "", time.Now(), func(o *Options) { o.Alertmanager = serverAt(t, am.URL) })
	tests := []struct {
		name   string
		alert  string
		change func(*incident.Incident)
		want   bool
	}{
		{"the same alert", "alertname=X instance=a:80", func(inc *incident.Incident) { inc.Receiver = "alertscribe" }, true},
		{"another of the group", "alertname=X instance=b:80", func(inc *incident.Incident) { inc.Receiver = "alertscribe" }, true},
		{"another receiver", "alertname=X instance=b:80", func(inc *incident.Incident) { inc.Receiver = "pager.*" }, false},
		{"no receiver, the same", "alertname=X instance=a:80", func(inc *incident.Incident) { inc.Receiver = "" }, true},
		{"no receiver, another", "alertname=X instance=b:80", func(inc *incident.Incident) { inc.Receiver = "" }, false},
		{"another group", "alertname=Z", func(inc *incident.Incident) { inc.Receiver = "alertscribe" }, false},
		{"an echo of ours", "alertname=Y", func(inc *incident.Incident) { inc.Receiver = "alertscribe" }, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inc := firingIncident(time.Now(), "", test.alert)
			test.change(inc)
			still, err := c.StillFiring(t.Context(), inc)
			require.NoError(t, err)
			assert.Equal(t, test.want, still)
		})
	}
	t.Run("nobody to ask", func(t *testing.T) {
		_, err := collectorAt(t, "", time.Now()).StillFiring(t.Context(), firingIncident(time.Now(), "", "alertname=X"))
		require.ErrorIs(t, err, errNoAlertmanager)
	})
	t.Run("gone", func(t *testing.T) {
		c := collectorAt(t, "", time.Now(), func(o *Options) { o.Alertmanager = serverAt(t, "http://127.0.0.1:9") })
		_, err := c.StillFiring(t.Context(), firingIncident(time.Now(), "", "alertname=X"))
		require.ErrorIs(t, err, promapi.ErrUnavailable)
	})
}

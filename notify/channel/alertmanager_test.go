package channel_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify/channel"
)

func TestAlertmanager(t *testing.T) {
	ams, urls := alertmanagers(t, 2)
	now := time.Now().UTC().Truncate(time.Second)
	c := channel.NewAlertmanager(urls, channel.Options{Now: func() time.Time { return now }})
	m := message()
	receipt, err := c.Send(t.Context(), channel.Delivery{Message: m})
	require.NoError(t, err)
	for _, am := range ams {
		alerts := am.Alerts()
		require.Len(t, alerts, 1, "each of them")
		assert.Equal(t, map[string]string{
			"alertname": "AlertscribeReport", "alertscribe_report": "true", "source_alertname": "HighErrorRate", "severity": "critical",
			"namespace": "shop", "instance": "web-1:9100",
		}, alerts[0].Labels)
		assert.Equal(t, map[string]string{
			"summary": "Orders fail since 08:30.", "cause": "The database is full. (high likelihood)", "action": "Extend the volume.",
			"report_url": link, "cost": "0.0123 USD",
		}, alerts[0].Annotations)
		assert.Equal(t, now.Add(4*time.Minute), alerts[0].EndsAt)
	}

	// While it fires it is sent again, also to one that was away.
	now = now.Add(time.Minute)
	done, err := c.Keep(t.Context(), []string{receipt.Thread})
	require.NoError(t, err)
	assert.Empty(t, done)
	alerts := ams[0].Alerts()
	require.Len(t, alerts, 2)
	assert.Equal(t, now.Add(4*time.Minute), alerts[1].EndsAt)
	assert.Equal(t, alerts[0].Labels, alerts[1].Labels)

	// An alert that joins is no other report. A severity that rises ends the old alert, since routes go by it.
	m.Labels = map[string]string{"namespace": "shop"}
	receipt, err = c.Send(t.Context(), channel.Delivery{Message: m, Thread: receipt.Thread})
	require.NoError(t, err)
	alerts = ams[0].Alerts()
	require.Len(t, alerts, 3)
	assert.Equal(t, "web-1:9100", alerts[2].Labels["instance"])
	m.Severity = "page"
	receipt, err = c.Send(t.Context(), channel.Delivery{Message: m, Thread: receipt.Thread})
	require.NoError(t, err)
	alerts = ams[0].Alerts()
	require.Len(t, alerts, 5)
	assert.Equal(t, "critical", alerts[3].Labels["severity"])
	assert.Equal(t, now, alerts[3].EndsAt)
	assert.Equal(t, "page", alerts[4].Labels["severity"])
	assert.True(t, alerts[4].EndsAt.After(now))

	// The end is sent at once, and again for a while.
	now = now.Add(time.Minute)
	m.Status = incident.Resolved
	receipt, err = c.Send(t.Context(), channel.Delivery{Message: m, Thread: receipt.Thread})
	require.NoError(t, err)
	ended := now
	for _, after := range []time.Duration{time.Minute, 4 * time.Minute} {
		now = ended.Add(after)
		done, err = c.Keep(t.Context(), []string{receipt.Thread})
		require.NoError(t, err)
		assert.Empty(t, done)
	}
	alerts = ams[0].Alerts()
	require.Len(t, alerts, 8)
	assert.Equal(t, ended, alerts[7].EndsAt)
	now = ended.Add(6 * time.Minute)
	done, err = c.Keep(t.Context(), []string{receipt.Thread})
	require.NoError(t, err)
	assert.Equal(t, []int{0}, done)
	assert.Len(t, ams[0].Alerts(), 8)
}

// TestOneAlertmanagerIsDown: what one of them has is delivered; without any it is not.
func TestOneAlertmanagerIsDown(t *testing.T) {
	ams, urls := alertmanagers(t, 2)
	c := channel.NewAlertmanager(urls, channel.Options{})
	ams[0].SetDown(true)
	receipt, err := c.Send(t.Context(), channel.Delivery{Message: message()})
	require.NoError(t, err)
	ams[0].SetDown(false)
	_, err = c.Keep(t.Context(), []string{receipt.Thread})
	require.NoError(t, err)
	assert.Len(t, ams[0].Alerts(), 1, "it has it after all")
	ams[0].SetDown(true)
	ams[1].SetDown(true)
	_, err = c.Send(t.Context(), channel.Delivery{Message: message()})
	require.Error(t, err)
	assert.Equal(t, channel.Retry, channel.AsFailure(err).Kind)
}

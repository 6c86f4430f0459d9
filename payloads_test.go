package alertscribe_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type payload struct {
	template.Data
	GroupKey           string `json:"groupKey"`
	TruncatedAlerts    int    `json:"truncatedAlerts"`
	NotificationReason string `json:"notification_reason"`
}

func readPayload(t *testing.T, file string) payload {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var p payload
	require.NoError(t, json.Unmarshal(text, &p))
	return p
}

// TestSamplePayloads: each sample is of the shape that its name says, and as Alertmanager would have made it.
func TestSamplePayloads(t *testing.T) {
	for name, c := range map[string]struct{ firing, resolved, truncated int }{
		"one-alert":      {1, 0, 0},
		"many-alerts":    {5, 0, 0},
		"resolved":       {0, 1, 0},
		"mixed":          {2, 1, 0},
		"truncated":      {3, 0, 9},
		"no-fingerprint": {1, 0, 0},
		"chinese":        {2, 0, 0},
		"500-alerts":     {500, 0, 0},
		"watchdog":       {1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := readPayload(t, filepath.Join("testdata", name+".json"))
			assert.Len(t, p.Alerts.Firing(), c.firing)
			assert.Len(t, p.Alerts.Resolved(), c.resolved)
			assert.Equal(t, c.truncated, p.TruncatedAlerts)
			if name == "no-fingerprint" {
				assert.Empty(t, p.Alerts[0].Fingerprint)
				assert.Empty(t, p.GroupKey)
				return
			}
			assertFingerprints(t, p)
		})
	}
}

func TestCapturedPayloads(t *testing.T) {
	files, err := filepath.Glob("testdata/alertmanager/*.json")
	require.NoError(t, err)
	require.Len(t, files, 16)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { assertFingerprints(t, readPayload(t, file)) })
	}
}

func assertFingerprints(t *testing.T, p payload) {
	t.Helper()
	seen := map[string]bool{}
	for _, alert := range p.Alerts {
		labels := model.LabelSet{}
		for name, value := range alert.Labels {
			labels[model.LabelName(name)] = model.LabelValue(value)
		}
		assert.Equal(t, labels.Fingerprint().String(), alert.Fingerprint)
		assert.False(t, seen[alert.Fingerprint], "twice in one group")
		seen[alert.Fingerprint] = true
		assert.False(t, alert.StartsAt.IsZero())
		assert.Equal(t, alert.Status == "firing", alert.EndsAt.IsZero())
	}
}

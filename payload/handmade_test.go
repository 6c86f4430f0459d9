package payload

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// What scripts and people write by hand is accepted where it can mean one thing only.
func TestWrittenByHand(t *testing.T) {
	now := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	for name, body := range map[string]string{
		"capitals":            `{"alerts":[{"status":"FIRING","labels":{"alertname":"A"}}]}`,
		"blanks":              `{"status":" Firing ","alerts":[{"labels":{"alertname":"A"}}]}`,
		"empty times":         `{"alerts":[{"status":"firing","labels":{"alertname":"A"},"startsAt":"","endsAt":""}]}`,
		"an empty end":        `{"alerts":[{"labels":{"alertname":"A"},"annotations":{"b":"2","a":"1"},"endsAt":""}]}`,
		"version as a number": `{"version":4,"alerts":[{"labels":{"alertname":"A"},"endsAt":null,"values":null,"silenceURL":""}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			n, err := Decode(strings.NewReader(body), now, Options{})
			require.NoError(t, err)
			assert.Equal(t, incident.Firing, n.Alerts[0].Status)
			assert.True(t, n.Alerts[0].StartsAt.IsZero() && n.Alerts[0].EndsAt.IsZero())
		})
	}
	for body, want := range map[string]string{
		`{"alerts":[{"status":"alerting","labels":{"alertname":"A"}}]}`:                                `alerts[0].status: "alerting" is not a status`,
		`{"alerts":[{"labels":{"alertname":"A"},"startsAt":" "}]}`:                                     `alerts[0].startsAt: " " is not a time`,
		`{"alerts":[{"labels":{"alertname":"A"},"startsAt":1764147600}]}`:                              `alerts[0].startsAt: 1764147600 is not a time`,
		`{"alerts":[{"labels":{"alertname":"A"}},{"labels":{"alertname":"B","port":9090}}]}`:           `alerts[1].labels.port: 9090 is not a string`,
		`{"alerts":[{"labels":{"alertname":"A"},"annotations":{"value of it":{"a":1}}}]}`:              `alerts[0].annotations["value of it"]: {"a":1} is not a string`,
		`{"alerts":{"labels":{"alertname":"A"}}}`:                                                      `alerts: {"labels":{"alertname":"A"}} is not a list`,
		`{"Type":"Notification","Message":"{\"alerts\":[]}","TopicArn":"arn:aws:sns:eu-west-1:1:a"}`:   `alerts: none`,
		`[{"labels":{"alertname":"A"},"startsAt":"2026-11-26T09:00:00Z","generatorURL":"http://vm/"}]`: `body: [{"labels"`,
	} {
		_, err := Decode(strings.NewReader(body), now, Options{})
		require.ErrorContains(t, err, want)
	}
}

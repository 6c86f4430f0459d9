package incident

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTimesOfAnAlert: what a sender says of its times counts as far as it can be true.
func TestTimesOfAnAlert(t *testing.T) {
	heard := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	at := func(h float64) time.Time { return heard.Add(time.Duration(h * float64(time.Hour))) }
	for name, tc := range map[string]struct {
		alert        Alert
		began, ended time.Time
	}{
		"it fires":                        {Alert{Status: Firing, StartsAt: at(-1), SeenAt: heard}, at(-1), time.Time{}},
		"it fires, with an end":           {Alert{Status: Firing, StartsAt: at(-1), SeenAt: heard, EndsAt: at(4)}, at(-1), time.Time{}},
		"without a start":                 {Alert{Status: Firing, SeenAt: heard}, heard, time.Time{}},
		"a start after it was heard of":   {Alert{Status: Firing, StartsAt: at(5.75), SeenAt: heard}, heard, time.Time{}},
		"a start that nobody heard of":    {Alert{Status: Firing, StartsAt: at(5.75)}, at(5.75), time.Time{}},
		"it has ended":                    {Alert{Status: Resolved, StartsAt: at(-1), SeenAt: heard, EndsAt: at(1), ResolvedAt: at(1.1)}, at(-1), at(1)},
		"it ended before it was heard of": {Alert{Status: Resolved, StartsAt: at(-6), SeenAt: heard, EndsAt: at(-5), ResolvedAt: heard}, at(-6), at(-5)},
		"without an end":                  {Alert{Status: Resolved, StartsAt: at(-1), SeenAt: heard, ResolvedAt: at(1.1)}, at(-1), at(1.1)},
		"an end before its start":         {Alert{Status: Resolved, StartsAt: at(-1), SeenAt: heard, EndsAt: at(-2), ResolvedAt: at(1.1)}, at(-1), at(1.1)},
		"an end in the future":            {Alert{Status: Resolved, StartsAt: at(-1), SeenAt: heard, EndsAt: at(9), ResolvedAt: at(1.1)}, at(-1), at(1.1)},
		"an end, whenever it was heard":   {Alert{Status: Resolved, StartsAt: at(-1), EndsAt: at(1)}, at(-1), at(1)},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.began, tc.alert.Began())
			assert.Equal(t, tc.ended, tc.alert.Ended())
		})
	}
}

// TestAnAlertThatFiresAnew: it began when it is said to have begun, or was heard of, this time.
func TestAnAlertThatFiresAnew(t *testing.T) {
	begin := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return begin.Add(time.Duration(minutes) * time.Minute) }
	for name, tc := range map[string]struct{ starts, startsAgain, want time.Time }{
		"with its times":            {at(-1), at(29), at(29)},
		"without any":               {time.Time{}, time.Time{}, at(30)},
		"of a clock that is ahead":  {at(60), at(90), at(30)},
		"the same start once more":  {at(-1), at(-1), at(-1)},
		"a start of the first time": {time.Time{}, at(29), at(29)},
	} {
		t.Run(name, func(t *testing.T) {
			p := &Policy{ReopenWithin: time.Hour, ReopenMaxAge: 24 * time.Hour}
			send := func(inc *Incident, status Status, starts, now time.Time) *Incident {
				n := &Notification{
					Receiver: "r", GroupKey: "g", ReceivedAt: now,
					Alerts: []Alert{{Status: status, Labels: map[string]string{"alertname": "X"}, StartsAt: starts}},
				}
				n.Normalize()
				out, _ := p.Fold(inc, n)
				require.NotNil(t, out)
				return out
			}
			inc := send(nil, Firing, tc.starts, begin)
			inc = send(inc, Firing, tc.starts, at(5)) // a repeat
			if want := begin; tc.starts.IsZero() || tc.starts.After(begin) {
				assert.Equal(t, want, inc.Alerts[0].Began(), "a repeat does not make it younger")
			}
			inc = send(inc, Resolved, tc.starts, at(10))
			inc = send(inc, Firing, tc.startsAgain, at(30))
			require.Len(t, inc.Alerts, 1)
			assert.Equal(t, tc.want, inc.Alerts[0].Began())
		})
	}
}

package payload

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTimesThatAreNone: senders have many ways to say that there is no time, and all of them count as none.
func TestTimesThatAreNone(t *testing.T) {
	for name, tc := range map[string]struct {
		sent string
		want time.Time
	}{
		"the year 1":                       {"0001-01-01T00:00:00Z", time.Time{}},
		"the year 1 somewhere":             {"0001-01-01T00:00:00+08:00", time.Time{}},
		"the year 1, west of Greenwich":    {"0001-01-01T00:00:00-05:00", time.Time{}},
		"the epoch":                        {"1970-01-01T00:00:00Z", time.Time{}},
		"the epoch somewhere":              {"1970-01-01T08:00:00+08:00", time.Time{}},
		"the epoch by the clock of a zone": {"1970-01-01T14:00:00Z", time.Time{}},
		"long ago":                         {"1999-12-31T23:59:59Z", time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC)},
		"an odd zone":                      {"2026-11-20T14:15:05+05:45", t0},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := decode([]byte(`{"alerts":[{"labels":{"alertname":"X"},"startsAt":"` + tc.sent + `","endsAt":"` + tc.sent + `","status":"resolved"}]}`))
			require.NoError(t, err)
			assert.Equal(t, tc.want, n.Alerts[0].StartsAt)
			assert.Equal(t, tc.want, n.Alerts[0].EndsAt)
		})
	}
}

package evidence

import (
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/promql"
)

// TestHeldSince: an alert that fired after its rule's "for" was met that long before, though the step before it was looked at too early to
// show it; what a step shows otherwise counts.
func TestHeldSince(t *testing.T) {
	expr, err := promql.Parse("m > 50")
	require.NoError(t, err)
	limit := 50.0
	start := time.Date(2026, 1, 14, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	v := &signalView{
		condition: promql.Alternatives(expr)[0][0], limit: &limit, start: start.Add(-time.Hour), end: at(150), step: 30 * time.Second,
	}
	var line []model.SamplePair
	for i, value := range []float64{10, 10, 80, 80, 80, 10} { // met at 60, 90, and 120
		line = append(line, model.SamplePair{Timestamp: model.TimeFromUnixNano(at(30 * i).UnixNano()), Value: model.SampleValue(value)})
	}
	for name, test := range map[string]struct{ hold, fired, since int }{
		"no for":                                    {0, 100, 60},
		"it was met between two steps":              {60, 100, 40},
		"just behind the step":                      {60, 91, 31},
		"met for longer than its for":               {30, 100, 60},
		"a step in between shows that it is not so": {90, 100, 60},
	} {
		t.Run(name, func(t *testing.T) {
			v.hold = time.Duration(test.hold) * time.Second
			since, always := v.heldSince(line, at(test.fired))
			assert.False(t, always)
			assert.Equal(t, at(test.since), since)
			c := v.metCourse(line, at(test.fired), at(150))
			assert.Equal(t, at(120), c.until)
			assert.Equal(t, 90*time.Second, c.met)
			assert.True(t, c.over)
			assert.False(t, c.broken, "the step before it began is no break")
		})
	}
}

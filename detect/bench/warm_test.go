package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/detect"
)

// TestPromiseAfterWarmStart: what is learned of samples ten minutes apart, as the history is read at the start of a rule,
// keeps the promise for the samples of each minute that follow.
func TestPromiseAfterWarmStart(t *testing.T) {
	const apart, series = 10 * time.Minute, 4
	alarms, days := 0, 0.
	for _, kind := range Kinds() {
		for i := range series {
			g := Healthy(kind, 77, i, time.Minute, 21*24*time.Hour)
			s := detect.New(detect.Options{Interval: time.Minute, Location: g.Zone})
			native := g.Times[0].Add(14*24*time.Hour - time.Hour)
			var last time.Time
			for k, at := range g.Times {
				if at.Before(native) {
					if at.Sub(g.Times[0])%apart == 0 {
						s.Learn(at, g.Values[k], apart)
					}
					continue
				}
				if s.Observe(at, g.Values[k]).Anomalous {
					if at.Sub(last) > 3*time.Hour {
						alarms++
					}
					last = at
				}
			}
			days += 7
		}
	}
	factor := float64(alarms) / days * 14
	t.Logf("%d false alarms in %.0f series-days: %.2f of what is promised", alarms, days, factor)
	assert.LessOrEqual(t, factor, 1.5)
}

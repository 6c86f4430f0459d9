package watch

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/detect"
)

// TestOneAlertForOneIncident: an alert lasts as long as what it is about, and the end is no incident of its own.
func TestOneAlertForOneIncident(t *testing.T) {
	begins := time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		lasts       time.Duration
		during      float64 // times what is usual
		after       float64
		fired       int
		least, most time.Duration
	}{
		"a short one":                   {10 * time.Minute, .1, 1, 1, 5 * time.Minute, 15 * time.Minute},
		"an hour":                       {time.Hour, .1, 1, 1, 50 * time.Minute, 65 * time.Minute},
		"upward":                        {time.Hour, 3, 1, 1, 50 * time.Minute, 65 * time.Minute},
		"six hours":                     {6 * time.Hour, .1, 1, 1, 350 * time.Minute, 365 * time.Minute},
		"for good":                      {48 * time.Hour, .1, .1, 1, 23 * time.Hour, 25 * time.Hour},
		"then beyond on the way":        {time.Hour, .1, 3, 1, 70 * time.Minute, 25 * time.Hour},
		"shorter than for":              {2 * time.Minute, .1, 1, 0, 0, 0},
		"a drop where up is looked for": {time.Hour, .1, 1, 0, 0, 0},
		"nothing":                       {time.Hour, 1, 1, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			rule := &Rule{Alert: "A", For: 3 * time.Minute, Detection: detect.Options{Interval: time.Minute}}
			if name == "a drop where up is looked for" {
				rule.Detection.Direction = detect.Up
			}
			s := newSeries(rule, model.Metric{"queue": "a"})
			r := rand.New(rand.NewPCG(7, 7))
			fired, firing := 0, time.Duration(0)
			onset := begins.Add(5 * 24 * time.Hour)
			for at := begins; at.Before(onset.Add(50 * time.Hour)); at = at.Add(time.Minute) {
				v := 100 + 3*r.NormFloat64()
				if since := at.Sub(onset); since >= 0 {
					if since < tc.lasts {
						v *= tc.during
					} else {
						v *= tc.after
					}
				}
				before := s.alert.State
				s.step(rule, at, v, true)
				if s.alert.State == detect.Firing {
					firing += time.Minute
					if before != detect.Firing {
						fired++
					}
				}
			}
			assert.Equal(t, tc.fired, fired, "alerts")
			assert.GreaterOrEqual(t, firing, tc.least)
			assert.LessOrEqual(t, firing, tc.most)
		})
	}
}

package promql

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOffsets(t *testing.T) {
	for expr, want := range map[string][2]time.Duration{
		"m":                                    {0, 0},
		"m offset 1h":                          {time.Hour, time.Hour},
		"m offset -5m":                         {0, 0},
		"rate(m[5m] offset 1h) > 1":            {time.Hour, time.Hour},
		"m / m offset 1d":                      {0, 24 * time.Hour},
		"m offset 1h / m offset 1d":            {time.Hour, 24 * time.Hour},
		"max_over_time(m[1h:1m] offset 2h)":    {2 * time.Hour, 2 * time.Hour},
		"max_over_time((m offset 1h)[1h:1m])":  {time.Hour, time.Hour},
		"sum(m offset 1h) + sum(m @ 100)":      {time.Hour, time.Hour},
		"(m offset 1h)[1h:1m] offset 1h":       {2 * time.Hour, 2 * time.Hour},
		"time() - 5":                           {0, 0},
		"m @ 100":                              {0, 0},
		"m > on() group_left() (n offset 30m)": {0, 30 * time.Minute},
	} {
		t.Run(expr, func(t *testing.T) {
			e, err := Parse(expr)
			require.NoError(t, err)
			nearest, furthest := Offsets(e)
			assert.Equal(t, want, [2]time.Duration{nearest, furthest})
		})
	}
}

func TestAhead(t *testing.T) {
	for expr, want := range map[string]time.Duration{
		"m": 0, "m offset 1h": 0, "m offset -5m": 5 * time.Minute, "m / m offset -1h": time.Hour, "rate(m[5m] offset -10m) > 1": 10 * time.Minute,
		"max_over_time((m offset -10m)[1h:1m] offset 4m)": 6 * time.Minute, "time() - 5": 0, "m @ 100 offset -5m": 0,
	} {
		t.Run(expr, func(t *testing.T) {
			e, err := Parse(expr)
			require.NoError(t, err)
			assert.Equal(t, want, Ahead(e))
		})
	}
}

func TestFilters(t *testing.T) {
	for expr, want := range map[string]bool{
		"m": false, "rate(m[5m]) / 2": false, "m > bool 1": false, "sum by (a) (m)": false, "time() - m": false,
		"m > 1": true, "sum(m > 1)": true, "m and n": true, "m unless n": true, "m or vector(0)": true, "absent(m)": true, "absent_over_time(m[1h]) * 2": true,
	} {
		t.Run(expr, func(t *testing.T) {
			e, err := Parse(expr)
			require.NoError(t, err)
			assert.Equal(t, want, Filters(e))
		})
	}
}

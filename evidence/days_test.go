package evidence

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// TestDaysByTheClock: what happens at eight each morning is compared with eight of other mornings, also where the clocks were changed in
// between.
func TestDaysByTheClock(t *testing.T) {
	for name, tc := range map[string]struct {
		zone, clock string // in which the job runs, and by which days are compared
		fired       time.Time
		want, zh    string
	}{
		"in autumn, that day":       {"Europe/Berlin", "Europe/Berlin", time.Date(2026, 10, 25, 7, 2, 0, 0, time.UTC), `a day before and a week before: maybe a daily`, "前一天和一周前同期也有"},
		"in autumn, the day after":  {"Europe/Berlin", "Europe/Berlin", time.Date(2026, 10, 26, 7, 2, 0, 0, time.UTC), `a day before and a week before: maybe a daily`, "前一天和一周前同期也有"},
		"in spring":                 {"Europe/Berlin", "Europe/Berlin", time.Date(2026, 3, 29, 6, 2, 0, 0, time.UTC), `a day before and a week before: maybe a daily`, "前一天和一周前同期也有"},
		"by a clock that goes on":   {"Asia/Kathmandu", "Asia/Kathmandu", time.Date(2026, 10, 26, 2, 17, 0, 0, time.UTC), `a day before and a week before: maybe a daily`, "前一天和一周前同期也有"},
		"a job that goes by UTC":    {"UTC", "UTC", time.Date(2026, 10, 25, 8, 2, 0, 0, time.UTC), `a day before and a week before: maybe a daily`, "前一天和一周前同期也有"},
		"by another clock than its": {"Europe/Berlin", "UTC", time.Date(2026, 10, 25, 7, 2, 0, 0, time.UTC), `It did not rise like this then`, "没有类似的上升"},
	} {
		t.Run(name, func(t *testing.T) {
			zone, err := time.LoadLocation(tc.zone)
			require.NoError(t, err)
			clock, err := time.LoadLocation(tc.clock)
			require.NoError(t, err)
			r := record(8*24*time.Hour, 2*time.Minute)
			r.start = tc.fired.Add(20 * time.Minute).Truncate(2 * time.Minute).Add(-time.Duration(r.count-1) * r.step)
			near := func(s, v float64) float64 { // the rest is not looked at
				for _, days := range []int{0, 1, 7} {
					if r.at(s).Sub(tc.fired.AddDate(0, 0, -days)).Abs() < 3*time.Hour {
						return v
					}
				}
				return nan
			}
			r.add(`up{job="x"}`, func(s float64) float64 { return near(s, 1) })
			r.add(`load{job="x"}`, func(s float64) float64 {
				at := r.at(s).In(zone)
				return near(s, 10) + float64(at.Minute()%3)/10 + spike(at.Hour() == 8 && at.Minute() < 26, 70)
			})
			p := r.serve(t, "")
			for language, want := range map[incident.Language]string{incident.English: tc.want, incident.Chinese: tc.zh} {
				c := collectorAt(t, p.URL, r.end(), func(o *Options) { o.TimeZone, o.Language = clock, language })
				items, err := compareWithPast(t.Context(), c.investigate(t.Context(), firingIncident(tc.fired, "load > 50", "alertname=X job=x"), 30))
				require.NoError(t, err)
				require.Len(t, items, 1)
				t.Log(items[0].Summary)
				assert.Contains(t, items[0].Summary, want)
			}
		})
	}
}

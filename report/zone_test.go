package report

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	require.NoError(t, err)
	return z
}

func TestZoneName(t *testing.T) {
	for name, want := range map[string]string{
		"UTC": "UTC", "Asia/Shanghai": "UTC+8", "Asia/Kolkata": "UTC+5:30", "America/New_York": "UTC-5", "America/St_Johns": "UTC-3:30", "Europe/London": "UTC",
	} {
		assert.Equal(t, want, zoneName(opened.In(zone(t, name))), name)
	}
	assert.Equal(t, "UTC+1", zoneName(time.Date(2026, 7, 1, 0, 0, 0, 0, zone(t, "Europe/London"))))
}

// TestTimesInAZone: a report in another zone is the one in UTC with other times, each of which says its zone.
func TestTimesInAZone(t *testing.T) {
	for _, tc := range []struct{ zone, name, began, written string }{
		{"Asia/Shanghai", "UTC+8", "2026-11-20 16:29:35", "16:33:25"},
		{"Asia/Kolkata", "UTC+5:30", "2026-11-20 13:59:35", "14:03:25"},
		{"Pacific/Kiritimati", "UTC+14", "2026-11-20 22:29:35", "22:33:25"},
		{"America/New_York", "UTC-5", "2026-11-20 03:29:35", "03:33:25"},
	} {
		t.Run(tc.zone, func(t *testing.T) {
			w := newWriter(t, "en")
			w.zone = zone(t, tc.zone)
			inc, f := verified()
			inc.Related = []incident.RelatedIncident{{ID: id26('a'), Alertname: "Other", Severity: "critical", OpenedAt: opened}}
			inc.Scope = "job=login"
			f.Evidence[1].Summary = "It was 64 % at 2026-11-20 08:30:05 UTC, since 2026-11-20 08:27 UTC (08:27:30 UTC)."
			f.Evidence[1].Table = &incident.Table{Columns: []string{"at"}, Rows: [][]string{{"2026-11-20 08:30:05 UTC"}}}
			f.Evidence[2].Lines = []string{"2026-11-20 08:30:05 UTC a line of a log"}
			f.Verdict.Summary = "The model says 2026-11-20 08:30:05 UTC."
			before := string(w.Markdown(inc, f, "x"))
			assert.Equal(t, "It was 64 % at 2026-11-20 08:30:05 UTC, since 2026-11-20 08:27 UTC (08:27:30 UTC).", f.Evidence[1].Summary, "the original is as it was")
			assert.Equal(t, "2026-11-20 08:30:05 UTC", f.Evidence[1].Table.Rows[0][0])
			assert.Equal(t, time.UTC, inc.StartedAt.Location())
			md := before
			assert.Contains(t, md, "since "+tc.began+" "+tc.name+" (")
			assert.Contains(t, md, "as of "+tc.written)
			assert.Contains(t, md, "started_at: 2026-11-20T08:29:35Z\n", "machines read UTC")
			assert.Contains(t, md, "Times in the model's own words are in UTC.")
			local := opened.In(w.zone)
			stamp := local.Format("2006-01-02 15:04:05") + " " + tc.name
			assert.Contains(t, md, "It was 64 % at "+stamp+", since "+local.Add(-3*time.Minute).Format("2006-01-02 15:04")+" "+tc.name+" ("+local.Add(-155*time.Second).Format("15:04:05")+" "+tc.name+")")
			assert.Contains(t, md, "| "+stamp+" |")
			assert.Contains(t, md, "08:30:05 UTC a line of a log", "strangers' words stay")
			assert.Contains(t, md, "The model says 2026-11-20 08:30:05 UTC.")
			assert.Contains(t, md, "critical, "+local.Format("15:04:05"))
			left := strings.NewReplacer("08:30:05 UTC a line", "", "The model says 2026-11-20 08:30:05 UTC", "", "own words are in UTC", "").Replace(md)
			assert.NotRegexp(t, `UTC(?:[^+-]|$)`, left, "nothing else is in UTC")
		})
	}
}

// TestUTCIsTheDefault: and then nothing is copied.
func TestUTCIsTheDefault(t *testing.T) {
	w := newWriter(t, "en")
	inc, f := verified()
	same, _ := w.inZone(inc, f)
	assert.Same(t, inc, same)
	assert.NotContains(t, string(w.Markdown(inc, f, "x")), "own words are in UTC")
}

func TestSpanOverAChangeOfClocks(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	before := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC).In(berlin)
	assert.Equal(t, "2026-10-25 02:30 UTC+2 – 03:30 UTC+1", span(before, before.Add(2*time.Hour)))
}

// TestTimeTicksAreRoundOnTheReadersClock: full hours of Kolkata are half ones of UTC, and days begin at midnight there.
func TestTimeTicksAreRoundOnTheReadersClock(t *testing.T) {
	for name, tc := range map[string]struct {
		zone string
		span time.Duration
		want string
	}{
		"hours": {"Asia/Kolkata", 6 * time.Hour, "15:00"},
		"days":  {"Asia/Shanghai", 5 * day, "11-21"},
	} {
		t.Run(name, func(t *testing.T) {
			from := opened.In(zone(t, tc.zone))
			times, layout := timeTicks(from, from.Add(tc.span))
			require.NotEmpty(t, times)
			assert.Equal(t, tc.want, times[0].Format(layout))
			assert.Equal(t, "00:00", times[0].Format("04:05"))
			if tc.span > day {
				assert.Equal(t, "00:00:00", times[0].Format("15:04:05"))
			}
		})
	}
}

func TestChartInAZone(t *testing.T) {
	w := newWriter(t, "en")
	w.zone = zone(t, "Asia/Shanghai")
	svg, ok := w.Chart(incident.Findings{Evidence: []incident.Evidence{charts[0].make()}}, "E2.svg")
	require.True(t, ok)
	assert.Contains(t, string(svg), "UTC&#43;8")
	assert.NotRegexp(t, `UTC(?:[^&+-]|$)`, string(svg))
}

// TestRewriteTimes: every time of a sentence is moved, both ends of a stretch of time as well, and one without a date by the day of the
// one before it.
func TestRewriteTimes(t *testing.T) {
	near := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct{ zone, said, want string }{
		"a time":                          {"Asia/Shanghai", "at 2026-11-20 08:30:05 UTC.", "at 2026-11-20 16:30:05 UTC+8."},
		"a time without a date":           {"Asia/Shanghai", "at 08:30 UTC", "at 16:30 UTC+8"},
		"a stretch within a day":          {"Asia/Shanghai", "(window: 2026-11-20 08:00:00–09:30:00 UTC).", "(window: 2026-11-20 16:00:00–17:30:00 UTC+8)."},
		"a stretch of days":               {"Asia/Shanghai", "2026-11-19 08:00:00 – 2026-11-20 09:30:00 UTC", "2026-11-19 16:00:00 – 2026-11-20 17:30:00 UTC+8"},
		"a stretch over midnight there":   {"Asia/Kathmandu", "2026-11-20 18:00:00–18:30:00 UTC", "2026-11-20 23:45:00–2026-11-21 00:15:00 UTC+5:45"},
		"a stretch over a change of time": {"Europe/Berlin", "2026-10-25 00:30:00–02:00:00 UTC", "2026-10-25 02:30:00 UTC+2–03:00:00 UTC+1"},
		"the hour that is there twice":    {"Europe/Berlin", "2026-10-25 00:30:00 UTC, 2026-10-25 01:30:00 UTC", "2026-10-25 02:30:00 UTC+2, 2026-10-25 02:30:00 UTC+1"},
		"the hour that is not there":      {"Europe/Berlin", "2026-03-29 00:59:00–01:01:00 UTC", "2026-03-29 01:59:00 UTC+1–03:01:00 UTC+2"},
		"a stretch without a date":        {"Asia/Kolkata", "08:00–09:30 UTC", "13:30–15:00 UTC+5:30"},
		"two stretches": {
			"Asia/Shanghai", "2026-11-19 08:00:00–09:00:00 UTC and 2026-11-20 08:00:00–09:00:00 UTC", "2026-11-19 16:00:00–17:00:00 UTC+8 and 2026-11-20 16:00:00–17:00:00 UTC+8",
		},
		"by the day of the one before it": {"Europe/Berlin", "2026-10-23 08:00 UTC 1, 08:30 UTC 2", "2026-10-23 10:00 UTC+2 1, 10:30 UTC+2 2"},
		"in Chinese":                      {"Asia/Shanghai", "窗口（2026-11-20 08:00:00–09:30:00 UTC）内，08:30:00 UTC起", "窗口（2026-11-20 16:00:00–17:30:00 UTC+8）内，16:30:00 UTC+8起"},
		"moved already":                   {"Asia/Shanghai", "2026-11-20 16:30:05 UTC+8, 08:30 UTC-5", "2026-11-20 16:30:05 UTC+8, 08:30 UTC-5"},
		"no time":                         {"Asia/Shanghai", "99:99 UTC", "99:99 UTC"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, rewriteTimes(tc.said, near.In(zone(t, tc.zone))))
		})
	}
}

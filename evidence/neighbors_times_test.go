package evidence

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// longRule has a "for" that makes the window so long that its steps are of five minutes.
const longRule = `groups:
- name: long
  rules:
  - alert: X
    expr: queue_length > 5
    for: 20m
`

// eventful is five hours of everything that neighbors do, at times that are no multiples of anything; the alert fires at 15000 s.
func eventful(t *testing.T) (r *recording, url string) {
	t.Helper()
	r = record(5*time.Hour, 15*time.Second)
	r.add(`queue_length{job="api",namespace="shop"}`, steps(1, 13700, 9))
	for i, up := range []func(float64) float64{
		steps(1), steps(1, 12345, 0), steps(1, 11130, nan), steps(1, 12915, 0, 13215, 1), steps(1, 12525, nan, 14010, 1),
	} {
		r.add(fmt.Sprintf(`up{job="api",namespace="shop",instance="%d"}`, i), up)
	}
	r.add(`api_build_info{job="api",namespace="shop",instance="0",version="1"}`, steps(1, 13455, nan))
	r.add(`api_build_info{job="api",namespace="shop",instance="0",version="2"}`, steps(nan, 13455, 1))
	r.add(`kube_deployment_spec_replicas{job="ksm",namespace="shop",deployment="api"}`, steps(3, 13365, 1))
	r.add(`kube_pod_container_status_restarts_total{job="ksm",namespace="shop",pod="api-1",container="api"}`, steps(0, 13140, 1))
	r.add(`ALERTS{alertname="Before",alertstate="firing",job="db"}`, steps(nan, 13665, 1))
	r.add(`ALERTS{alertname="Over",alertstate="firing",job="db"}`, steps(nan, 13065, 1, 13785, nan))
	return r, r.serve(t, longRule).URL
}

// TestTimesOfEvents: what neighbors did is told by the time of the scrape that shows it, however long the steps of the window are.
func TestTimesOfEvents(t *testing.T) {
	r, url := eventful(t)
	c := collectorAt(t, url, r.end())
	items := c.Collect(t.Context(), firingIncident(r.at(15000), "queue_length > 5", "alertname=X job=api namespace=shop"), nil).Items
	at := func(second float64) string { return formatTime(r.at(second)) }
	row := func(title, what string) string {
		for _, item := range items {
			if item.Title == title {
				for _, row := range item.Table.Rows {
					if strings.Contains(strings.Join(row[1:], " "), what) {
						return strings.Join(row, " ")
					}
				}
			}
		}
		return "no row of " + what
	}
	tests := []struct {
		title, what string
		second      float64
	}{
		{"Targets and peers", `instance="1", job="api", namespace="shop" down`, 12345},
		{"Targets and peers", `instance="2", job="api", namespace="shop" not scraped`, 11130},
		{"Targets and peers", `instance="3", job="api", namespace="shop" down`, 12915},
		{"Targets and peers", `instance="3", job="api", namespace="shop" up again`, 13215},
		{"Targets and peers", `instance="4", job="api", namespace="shop" not scraped`, 12525},
		{"Targets and peers", `instance="4", job="api", namespace="shop" up again`, 14010},
		{"Restarts", "restarts_total: 0 → 1", 13140},
		{"Version and config changes", `version: "1" → "2"`, 13455},
		{"Deployment and replica changes", "spec_replicas: 3 → 1", 13365},
		{"Other alerts", "Before", 13665},
		{"Other alerts", "Over", 13065},
	}
	exact := 0
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			told := row(test.title, test.what)
			if bounds, ok := strings.CutPrefix(told, "between "); ok { // of many events, some are told by their bounds
				from, until, ok := strings.Cut(bounds, " and ")
				require.True(t, ok)
				assert.True(t, from <= at(test.second) && until >= at(test.second), "%s holds %s", told, at(test.second))
				return
			}
			exact++
			assert.Contains(t, told, at(test.second))
		})
	}
	assert.GreaterOrEqual(t, exact, 9, "nearly all are told exactly")
	assert.Contains(t, row("Other alerts", "Over"), "resolved "+at(13770), "the last time that it fired")
	for _, item := range items {
		if item.Title == "Deployment and replica changes" {
			assert.Contains(t, item.Summary, " at "+at(13365)+".")
			assert.Contains(t, item.Summary, "up to 15s late")
		}
		if item.Title == "Targets and peers" {
			assert.Contains(t, item.Summary, `the first since `+at(11130)+`: instance="2"`)
		}
		if item.Title == "Other alerts" {
			assert.Contains(t, item.Summary, `Over {job="db"} at `+at(13065))
		}
	}
}

// TestTimesOfTooManyEvents: those that are not looked up are told by both of their bounds, in both languages.
func TestTimesOfTooManyEvents(t *testing.T) {
	r := record(5*time.Hour, 15*time.Second)
	r.add(`queue_length{job="api",namespace="shop"}`, steps(1, 13700, 9))
	r.add(`up{job="api",namespace="shop",instance="0"}`, steps(1))
	for i := range 12 {
		r.add(fmt.Sprintf(`kube_deployment_spec_replicas{job="ksm",namespace="shop",deployment="d%02d"}`, i), steps(3, 9315+float64(i)*450, 1))
	}
	url := r.serve(t, longRule).URL
	for language, told := range map[incident.Language]string{incident.English: "between ", incident.Chinese: " 之间"} {
		c := collectorAt(t, url, r.end(), func(o *Options) { o.Language = language })
		items := ofKind(c.Collect(t.Context(), firingIncident(r.at(15000), "queue_length > 5", "alertname=X job=api namespace=shop"), nil).Items, incident.KindNeighbors)
		owed(t, items...)
		require.Len(t, items, 2)
		require.Len(t, items[1].Table.Rows, 12)
		vague := 0
		for _, row := range items[1].Table.Rows {
			vague += boolToInt(strings.Contains(row[0], told))
		}
		assert.True(t, vague > 0 && vague < 10, "%d of %v", vague, items[1].Table.Rows)
		assert.Equal(t, formatTime(r.at(9315+10*450)), items[1].Table.Rows[10][0], "the nearest to the onset is told exactly")
	}
}

// TestScrapedRarely: a target that is scraped less often than the window's steps was not down in between.
func TestScrapedRarely(t *testing.T) {
	for _, every := range []time.Duration{3 * time.Minute, 5 * time.Minute, 10 * time.Minute} {
		for _, fails := range []bool{false, true} {
			t.Run(fmt.Sprint(every, fails), func(t *testing.T) {
				r := record(3*time.Hour, every)
				down := 99999.
				if fails {
					down = 9000
				}
				r.add(`up{job="rare",instance="a"}`, steps(1, down, 0))
				c := collectorAt(t, r.serve(t, "").URL, r.end())
				items := ofKind(c.Collect(t.Context(), firingIncident(r.at(9600), "", "alertname=X job=rare"), nil).Items, incident.KindNeighbors)
				require.Len(t, items, 1)
				if !fails {
					assert.Contains(t, items[0].Summary, `All targets with job="rare" (1) were up throughout`)
					return
				}
				require.NotNil(t, items[0].Table)
				require.Len(t, items[0].Table.Rows, 1, "%v", items[0].Table.Rows)
				assert.Equal(t, "down", items[0].Table.Rows[0][2])
				assert.Contains(t, items[0].Table.Rows[0][0], formatTime(r.at(9000)))
			})
		}
	}
}

func TestMergedStretches(t *testing.T) {
	at := func(minute int) time.Time { return time.Unix(0, 0).Add(time.Duration(minute) * time.Minute) }
	of := func(minutes ...int) (out []stretch) {
		for i := 0; i < len(minutes); i += 2 {
			out = append(out, stretch{at(minutes[i]), at(minutes[i+1])})
		}
		return out
	}
	for _, test := range []struct {
		name         string
		wanted, want []stretch
	}{
		{"none", nil, nil},
		{"one", of(10, 15), of(10, 15)},
		{"touching", of(10, 15, 15, 20), of(10, 20)},
		{"overlapping", of(10, 15, 12, 20), of(10, 20)},
		{"the nearest of five", of(10, 15, 30, 35, 50, 55, 70, 75, 90, 95), of(90, 95, 70, 75, 50, 55, 30, 35)},
		{"not without end", of(70, 75, 75, 80, 80, 85, 85, 90, 90, 95, 95, 100, 100, 105), of(75, 105, 70, 75)},
		{"one that is long", of(0, 100), of(0, 100)},
		{"one that is too long", of(0, 200), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, mergedStretches(test.wanted, at(100)))
		})
	}
}

// heldOf makes samples of a series up, from pairs of a second and a value.
func heldOf(until int, pairs ...float64) (heldSamples, model.Metric, stretch) {
	up := model.Metric{"__name__": "up"}
	s := stretch{time.Unix(600, 0), time.Unix(int64(until), 0)}
	h := heldSamples{series: map[model.Fingerprint][]model.SamplePair{}, read: []stretch{s}}
	for i := 0; i < len(pairs); i += 2 {
		h.series[up.Fingerprint()] = append(h.series[up.Fingerprint()], model.SamplePair{Timestamp: model.TimeFromUnix(int64(pairs[i])), Value: model.SampleValue(pairs[i+1])})
	}
	return h, up, s
}

func TestLocate(t *testing.T) {
	for _, test := range []struct {
		name      string
		find      func(heldSamples, model.Metric, stretch) (time.Time, time.Time, bool)
		pairs     []float64
		after, at int64 // 0 for none
	}{
		{"no samples", heldSamples.change, nil, 0, 0},
		{"a change", heldSamples.change, []float64{590, 3, 660, 3, 720, 1, 780, 1}, 660, 720},
		{"there and back and there", heldSamples.change, []float64{660, 3, 720, 1, 780, 3, 840, 1}, 780, 840},
		{"the first that is held", heldSamples.change, []float64{720, 1, 780, 1}, 600, 720},
		{"it was like that before", heldSamples.change, []float64{590, 1, 720, 1}, 0, 0},
		{"down", heldSamples.down, []float64{590, 1, 660, 1, 720, 0, 780, 0}, 660, 720},
		{"down since the first", heldSamples.down, []float64{720, 0}, 600, 720},
		{"not down", heldSamples.down, []float64{660, 1}, 0, 0},
		{"missing", heldSamples.missing, []float64{590, 1, 660, 1}, 660, 730},
		{"missing, never longer than a step", heldSamples.missing, []float64{500, 1, 890, 1}, 890, 900},
		{"missing, of one sample", heldSamples.missing, []float64{660, 1}, 0, 0},
		{"back from being down", heldSamples.back, []float64{660, 0, 720, 1, 780, 1}, 660, 720},
		{"back from being away", heldSamples.back, []float64{720, 1, 780, 1}, 720, 720},
		{"away between", heldSamples.back, []float64{610, 1, 830, 1, 890, 1}, 610, 830},
		{"not back", heldSamples.back, []float64{660, 0}, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			h, up, s := heldOf(900, test.pairs...)
			after, at, ok := test.find(h, up, s)
			require.Equal(t, test.at != 0, ok)
			if ok {
				assert.Equal(t, []int64{test.after, test.at}, []int64{after.Unix(), at.Unix()})
			}
		})
	}
}

func TestUsualGaps(t *testing.T) {
	n := nan
	for _, test := range []struct {
		name string
		up   []float64
		want []float64
	}{
		{"none", []float64{1, 1, 1}, []float64{1, 1, 1}},
		{"one gap is none that is usual", []float64{1, n, 1, 1}, []float64{1, n, 1, 1}},
		{"every other step", []float64{1, n, 1, n, 1, n, 1, n, 1, n}, []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
		{"it ended", []float64{1, n, 1, n, 1, n, 1, n, 1, n, n, n}, []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, n, n, n}},
		{"it was not there", []float64{n, n, 1, n, 1, n, 1, n, 1, n, 1}, []float64{n, n, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			fillUsualGaps(test.up, usualGap(test.up))
			for i, v := range test.want {
				assert.True(t, v == test.up[i] || math.IsNaN(v) && math.IsNaN(test.up[i]), "%v", test.up)
			}
		})
	}
}

package evidence

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// course is an incident that is looked at again and again.
type course struct {
	name, expr, alert string
	fired             float64         // second of the recording
	looks             []time.Duration // after it fired; the first is the collection
	ended             time.Duration   // after it fired; 0 while it fires
	carrier           map[time.Duration]string
	// says is what the summaries of a look must say, by when it is.
	says map[time.Duration][]string
}

// timetable is the one by which incidents are looked at again.
func timetable(more ...time.Duration) []time.Duration {
	return append(append([]time.Duration{10 * time.Second}, incident.DefaultPolicy().Refresh...), more...)
}

// shortCourses are recorded at steps of 15 s: an attack that begins small, in another place than where it grows, and an outage.
func shortCourses(r *recording) []course {
	const onset = 3600
	for i, city := range []string{"beijing", "shanghai", "shenzhen"} {
		labels := fmt.Sprintf(`{job="login",city=%q}`, city)
		r.counter("attempts_total"+labels, func(float64) float64 { return 20 })
		r.counter("failures_total"+labels, func(s float64) float64 {
			rate := .1 + .01*math.Sin(s/70+float64(i))
			switch {
			case city == "shanghai" && s >= onset:
				rate += 2
			case city == "shenzhen" && s >= onset+240:
				rate += min((s-onset-240)/60, 16)
			}
			return rate
		})
	}
	r.add(`up{job="login",instance="l:80"}`, func(float64) float64 { return 1 })
	r.add(`process_start_time_seconds{job="login",instance="l:80"}`, func(s float64) float64 {
		return float64(r.start.Unix()) + spike(s >= onset-300, onset-310)
	})
	for _, instance := range []string{"s1:80", "s2:80", "s3:80"} {
		down := func(s float64) bool { return instance == "s2:80" && s >= onset && s < onset+900 }
		r.add(fmt.Sprintf(`up{job="shop",instance=%q}`, instance), func(s float64) float64 { return 1 - spike(down(s), 1) })
		r.add(fmt.Sprintf(`queue_length{job="shop",instance=%q}`, instance), func(s float64) float64 {
			return 10 + math.Sin(s/50) + spike(down(s), 30+(s-onset)/10)
		})
	}
	return []course{
		{
			name: "an attack that grows", expr: `sum(rate(failures_total[1m])) / sum(rate(attempts_total[1m])) > 0.02`, alert: "alertname=Failures job=login",
			fired: onset + 60, looks: []time.Duration{
				10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 97*time.Minute + 7*time.Second, 4 * time.Hour,
			},
			carrier: map[time.Duration]string{10 * time.Second: "shanghai", 15 * time.Minute: "shenzhen", time.Hour: "shenzhen", 4 * time.Hour: "shenzhen"},
		},
		{
			name: "an outage of fifteen minutes", expr: `max by (instance) (queue_length) > 20`, alert: "alertname=Queue job=shop instance=s2:80",
			fired: onset + 30, looks: []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 880 * time.Second}, ended: 870 * time.Second,
			says: map[time.Duration][]string{
				5 * time.Minute:   {`1 of 3 targets with job="shop" were not always up .* At the end: 1 down`},
				880 * time.Second: {`^Peak: 128 at .* UTC\. Value when the alert fired: 42\.7; last while it fired: 128 at`, `Condition met from .* until .*, for 1[45]m`},
			},
		},
	}
}

// longCourses are recorded at steps of a minute: a disk that fills over days, and an alert of three days.
func longCourses(r *recording) []course {
	const day = 24 * 3600.
	for _, device := range []string{"sda", "sdb"} {
		labels := fmt.Sprintf(`{job="node",instance="n1:9100",device=%q}`, device)
		r.add("disk_size_bytes"+labels, func(float64) float64 { return 1e12 })
		r.add("disk_avail_bytes"+labels, func(s float64) float64 {
			if device == "sda" {
				return 5e11
			}
			return 1e12 * (.12 - .02*s/day)
		})
	}
	for _, instance := range []string{"i1:80", "i2:80", "i3:80"} {
		r.add(fmt.Sprintf(`up{job="api",instance=%q}`, instance), func(s float64) float64 { return 1 - spike(instance == "i3:80" && s >= 4*day-3600, 1) })
		for _, path := range []string{"/cart", "/pay"} {
			r.counter(fmt.Sprintf(`errors_total{job="api",instance=%q,path=%q}`, instance, path), func(s float64) float64 {
				switch {
				case instance != "i2:80":
				case path == "/cart" && s >= day && s < 4*day-3600:
					return 6
				case path == "/pay" && s >= 4*day-3600:
					return 50
				}
				return .1 + .02*math.Sin(s/600)
			})
		}
	}
	r.add(`up{job="node",instance="n1:9100"}`, func(float64) float64 { return 1 })
	return []course{
		{
			name: "a disk that fills over days", expr: `disk_avail_bytes / disk_size_bytes < 0.1`, alert: "alertname=Disk job=node instance=n1:9100 device=sdb",
			fired: day + 120, looks: timetable(8*time.Hour, 24*time.Hour, 48*time.Hour),
		},
		{
			name: "an alert of three days", expr: `sum by (instance) (rate(errors_total[5m])) > 1`, alert: "alertname=Errors job=api instance=i2:80",
			fired: day + 120, looks: timetable(24*time.Hour, 3*24*time.Hour-3*time.Minute),
			carrier: map[time.Duration]string{time.Minute: "/cart", 24 * time.Hour: "/cart", 3*24*time.Hour - 3*time.Minute: "/pay"},
			says: map[time.Duration][]string{3*24*time.Hour - 3*time.Minute: {
				`looked at every 30m`, `All targets with job="api" \(3\) were up throughout .* 1 of 3 targets with job="api" were not always up`, `against before the onset`,
			}},
		},
		{
			name: "an alert of a day that ends", expr: `sum by (instance) (rate(errors_total[5m])) > 1`, alert: "alertname=Errors job=api instance=i2:80",
			fired: day + 120, looks: timetable(24*time.Hour, 26*time.Hour+10*time.Second), ended: 26 * time.Hour,
			carrier: map[time.Duration]string{26*time.Hour + 10*time.Second: "/cart"},
			says: map[time.Duration][]string{26*time.Hour + 10*time.Second: {
				`^Peak: 6\.\d+/s at .* \(looked at every 10m\)\. Value when the alert fired: 3\.\d+/s; last while it fired: 6\.\d+/s at`, `Condition met from .* until .*, for 1d2h2m`,
			}},
		},
	}
}

// TestLooksOverTime: at each look text, figures and chart are those of that moment, as Prometheus has them, and items keep their ids.
func TestLooksOverTime(t *testing.T) {
	for _, set := range []struct {
		r       *recording
		courses func(*recording) []course
	}{{record(5*time.Hour+30*time.Minute, 15*time.Second), shortCourses}, {record(4*24*time.Hour, time.Minute), longCourses}} {
		courses := set.courses(set.r)
		url := set.r.serve(t, "").URL
		for _, one := range courses {
			t.Run(one.name, func(t *testing.T) { one.follow(t, set.r, url) })
		}
	}
}

func (c course) follow(t *testing.T, r *recording, url string) {
	fired := r.at(c.fired)
	inc := firingIncident(fired, c.expr, c.alert)
	var found incident.Findings
	ids := map[string]string{}
	for n, after := range c.looks {
		if c.ended > 0 && after >= c.ended {
			inc.Alerts[0].Status, inc.Alerts[0].EndsAt, inc.Status = incident.Resolved, fired.Add(c.ended), incident.Resolved
		}
		registry, asked := countedQuestions(t)
		collector := collectorAt(t, url, fired.Add(after), func(o *Options) { o.Registerer = registry })
		before := signalFigures(found.Evidence)
		if n == 0 {
			found.See(collector.Collect(t.Context(), inc, nil))
		} else {
			found.See(collector.Refresh(t.Context(), inc, found.Evidence))
		}
		signal := ofKind(found.Evidence, incident.KindSignal)
		require.Len(t, signal, 1)
		now := c.agrees(t, url, inc, signal[0], fired.Add(after))
		t.Logf("%-8s queries %2.0f | Prometheus has %.5g | %s", after, asked(), now, signal[0].Summary)
		if before != nil {
			assert.False(t, isFurther(before, signal[0].Figures.Peak.Value), "a peak that was seen stays")
		}
		for _, e := range found.Evidence {
			key := string(e.Kind) + "/" + e.Title
			assert.Equal(t, cmp.Or(ids[key], e.ID), e.ID, "%s at %s: %s", key, after, e.Query)
			ids[key] = e.ID
			assert.False(t, e.Failed, e.Summary)
		}
		c.tells(t, url, found.Evidence, after)
		owed(t, found.Evidence...)
	}
	last := c.looks[len(c.looks)-1]
	chinese := collectorAt(t, url, fired.Add(last), func(o *Options) { o.Language = incident.Chinese })
	for _, e := range chinese.Refresh(t.Context(), inc, found.Evidence).Items {
		owed(t, e)
		t.Log("         ", e.Title, e.Summary)
		assert.NotContains(t, e.Summary, "%!")
		assert.NotRegexp(t, `[a-z]{2,} [a-z]{2,}`, strings.ReplaceAll(e.Summary, "load average", ""), "no English in it")
	}
}

func signalFigures(items []incident.Evidence) *incident.Figures {
	for _, e := range ofKind(items, incident.KindSignal) {
		return e.Figures
	}
	return nil
}

// isFurther reports whether a former peak is further than a value.
func isFurther(f *incident.Figures, v float64) bool {
	return f.Rises && f.Peak.Value > v || !f.Rises && f.Peak.Value < v
}

// agrees compares an item with what Prometheus says of that moment, which it returns.
func (c course) agrees(t *testing.T, url string, inc *incident.Incident, item incident.Evidence, now time.Time) float64 {
	t.Helper()
	f := item.Figures
	require.NotNil(t, f)
	at := now.Truncate(time.Second)
	if inc.Status == incident.Resolved { // the text says of when it is
		times := regexp.MustCompile(`last while it fired: \S+ at (\S+ \S+) UTC`).FindStringSubmatch(item.Summary)
		require.NotNil(t, times, item.Summary)
		var err error
		at, err = time.Parse(time.DateTime, times[1])
		require.NoError(t, err)
		assert.True(t, at.Before(inc.Alerts[0].EndsAt))
	}
	value := valueAt(t, url, item.Query, at)
	assert.InEpsilon(t, value, f.Value.Value, 1e-9)
	assert.InEpsilon(t, valueAt(t, url, item.Query, inc.Alerts[0].StartsAt), f.Fired.Value, 1e-9)
	assert.Equal(t, inc.Alerts[0].Fingerprint, f.Anchor)
	for _, text := range []string{f.Value.Text + " at " + formatTime(at), f.Peak.Text + " at " + formatTime(f.PeakAt), f.Fired.Text, f.Threshold.Text} {
		assert.Contains(t, item.Summary, text)
	}
	if !strings.Contains(item.Summary, "looked at every") { // else it may have missed it
		extreme := "max_over_time("
		if !f.Rises {
			extreme = "min_over_time("
		}
		since := at.Sub(inc.Alerts[0].StartsAt).Truncate(time.Second)
		if since >= time.Minute {
			peak := valueAt(t, url, extreme+"("+item.Query+")["+model.Duration(since).String()+":15s])", at)
			assert.InEpsilon(t, peak, f.Peak.Value, .1)
		}
	}
	assert.InEpsilon(t, valueAt(t, url, item.Query, f.PeakAt), f.Peak.Value, 1e-9)
	line := item.Chart.Series[0].Points
	last := line[len(line)-1]
	assert.InEpsilon(t, valueAt(t, url, item.Query, last.At), last.Value, 1e-9)
	assert.Equal(t, now.UTC(), item.At)
	if f.Met > 0 && inc.Status == incident.Firing {
		assert.InDelta(t, at.Sub(f.Since).Seconds(), f.Met.Seconds(), 1, "it is met all along")
		assert.Equal(t, at.UTC(), f.Until)
	}
	return value
}

// tells checks what the other items say of that time.
func (c course) tells(t *testing.T, url string, items []incident.Evidence, after time.Duration) {
	t.Helper()
	var all []string
	for _, e := range items {
		all = append(all, e.Summary)
	}
	for _, want := range c.says[after] {
		assert.Condition(t, func() bool {
			return regexp.MustCompile(want).MatchString(strings.Join(all, "\n")) || anyMatches(want, all)
		}, "%s in %s", want, strings.Join(all, "\n"))
	}
	for _, e := range ofKind(items, incident.KindDrilldown) {
		t.Log("         ", e.Summary)
		if want, there := c.carrier[after]; there {
			assert.Contains(t, e.Summary, want)
			assert.Contains(t, fmt.Sprint(e.Ranking[0].Labels), want)
		}
		if e.Chart == nil {
			continue
		}
		for i, s := range e.Chart.Series[:min(len(e.Chart.Series), len(e.Ranking))] {
			last := s.Points[len(s.Points)-1]
			assert.InEpsilon(t, partAt(t, url, e.Query, e.Ranking[i].Labels, last.At), last.Value, 1e-9, "the chart is of this look")
		}
	}
}

func anyMatches(want string, all []string) bool {
	for _, s := range all {
		if regexp.MustCompile(want).MatchString(s) {
			return true
		}
	}
	return false
}

func valueAt(t *testing.T, url, query string, at time.Time) float64 {
	t.Helper()
	v, err := querierAt(t, url, 1).Instant(context.Background(), query, at)
	require.NoError(t, err)
	require.NotEmpty(t, v, "%s at %s", query, at)
	return float64(v[0].Value)
}

func partAt(t *testing.T, url, query string, labels map[string]string, at time.Time) float64 {
	t.Helper()
	v, err := querierAt(t, url, 1).Instant(context.Background(), query, at)
	require.NoError(t, err)
	for _, s := range v {
		same := true
		for name, value := range labels {
			same = same && string(s.Metric[model.LabelName(name)]) == value
		}
		if same {
			return float64(s.Value)
		}
	}
	require.Fail(t, "no such part", "%s %v", query, labels)
	return 0
}

// TestSeenLabels: what was broken down by some labels is broken down by them again, while they tell as much.
func TestSeenLabels(t *testing.T) {
	r := record(2*time.Hour, 30*time.Second).add(`up{job="x"}`, func(float64) float64 { return 1 })
	for i := range 5 {
		labels := fmt.Sprintf(`load{a="a%d",b="b%d",c="c%d",d="d%d",e="e"}`, i, i, i, i)
		r.add(labels, func(s float64) float64 { return 1 + spike(i == 2 && s > 6000, 50) })
	}
	p := r.serve(t, "")
	c := collectorAt(t, p.URL, r.end())
	inc := firingIncident(r.at(6060), "sum(load) > 20", "alertname=X")
	drill := func(look incident.Look) incident.Evidence {
		items := ofKind(look.Items, incident.KindDrilldown)
		require.Len(t, items, 1)
		return items[0]
	}
	first := drill(c.Collect(t.Context(), inc, nil))
	assert.Equal(t, "sum by (a, b, c) (load)", first.Query)
	seen := first
	seen.Query = "sum by (b, c, d) (load)"
	seen.Ranking = []incident.RankedSeries{{Labels: map[string]string{"b": "b1", "c": "c1", "d": "d1"}}}
	again := drill(c.Refresh(t.Context(), inc, []incident.Evidence{seen}))
	assert.Equal(t, seen.Query, again.Query)
	assert.Equal(t, map[string]string{"b": "b2", "c": "c2", "d": "d2"}, again.Ranking[0].Labels, "by what they are now")
	seen.Query = "sum by (e) (load)" // tells nothing
	seen.Ranking[0].Labels = map[string]string{"e": "e"}
	assert.Equal(t, first.Query, drill(c.Refresh(t.Context(), inc, []incident.Evidence{seen})).Query)
}

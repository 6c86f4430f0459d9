package evidence

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// minutes returns a function of time in steps at minutes, see steps.
func minutes(first float64, then ...float64) func(float64) float64 {
	for i := 0; i+1 < len(then); i += 2 {
		then[i] *= 60
	}
	return steps(first, then...)
}

// sparsely leaves a sample each so many minutes.
func sparsely(every float64, f func(float64) float64) func(float64) float64 {
	return func(s float64) float64 {
		if math.Mod(s, every*60) >= 30 {
			return nan
		}
		return f(s)
	}
}

// hourCase is an alert of which the truth about times is known; all are minutes of the recording.
type hourCase struct {
	name       string
	data       func(second float64) float64
	other      func(second float64) float64 // of n; nil for none
	expr       string                       // of m; default "m > 50"
	hold       string
	fired, now float64
	heard      float64 // when the alert was heard of first; default fired
	ended      float64 // 0: it fires
	onset      float64 // 0: not looked at
	want       []string
	not        []string
	zh         string
}

// The kinds of what is told of times.
var (
	overCases = []hourCase{
		{
			name: "it goes on", data: minutes(10, 300, 80), fired: 300, now: 390, onset: 300,
			want: []string{`Condition met since <300> \(to within 30s\), for 1h30m\.`}, not: []string{"not been met since", "no data", "in all"}, zh: "起持续满足告警条件",
		},
		{
			name: "a rule that keeps it firing", data: minutes(10, 300, 80, 312, 10), fired: 300, now: 390,
			want: []string{`Condition met from <300> \(to within 30s\) until <31[12]>, for 12m\. It has not been met since\.`}, zh: "历时 12 分钟。此后未再满足。",
		},
		{
			name: "the notification came hours late", data: minutes(10, 300, 80, 312, 10), fired: 300, now: 470, heard: 470,
			want: []string{`Condition met from <300> .* until <31[12]>, for 12m\. It has not been met since\.`}, not: []string{"was not met when"},
		},
		{
			name: "met before the window", data: minutes(80, 312, 10), fired: 300, now: 390,
			want: []string{`Condition met at the start of the window or earlier, and until <31[12]> \(<240>–<31[12]>\)\. It has not been met since\.`}, zh: "直至 <31[12]>（.*）。此后未再满足。",
		},
		{
			name: "on and off", data: func(s float64) float64 { return 10 + spike(s >= 18000 && math.Mod(s, 1800) < 300, 70) }, fired: 300, now: 408,
			want: []string{`Condition met on and off since <300> \(to within 30s\), for 20m in all, last at <39[45]>\. It has not been met since\.`}, zh: "起多次满足告警条件.*累计 20 分钟",
		},
		{
			name: "off for hours, on again", data: minutes(10, 60, 80, 200, 10, 300, 80), fired: 60, now: 400,
			want: []string{`Condition met on and off since <60> .* in all, last at <400>\.`}, not: []string{"not been met since"},
		},
		{
			name: "met before the window, on and off", data: minutes(80, 250, 10, 260, 80), expr: "m > 50", fired: 245, now: 300,
			want: []string{`Condition met at the start of the window or earlier \(.*\), then on and off, for \S+ in all, last at <300>\.`},
		},
		{
			name: "it has ended", data: minutes(10, 300, 80, 312, 10), fired: 300, ended: 342, now: 350,
			want: []string{`Condition met from <300> .* until <31[12]>, for 12m\.`}, not: []string{"not been met since"},
		},
		{
			name: "an end before its start", data: minutes(10, 300, 80, 330, 10), fired: 300, ended: 240, now: 350,
			want: []string{`Condition met from <300> .* until <3(29|30)>, for 30m\.`},
		},
	}
	gapCases = []hourCase{
		{
			name: "no data over the onset", data: minutes(10, 295, nan, 324, 80), fired: 330, now: 350, onset: 324,
			want: []string{`Condition met since <324> \(to within 24m(30s)?\), for 26m\.`}, not: []string{"no data"}, zh: "误差不超过 24 分",
		},
		{
			name: "no data while it was met", data: minutes(10, 290, 80, 300, nan, 324, 80), fired: 324, now: 350, onset: 290,
			want: []string{`Condition met since <290> \(to within 30s\), for \S+\. There are no data from <30[45]> \(or up to 5m earlier\) to <324>\.`}, zh: "之间没有数据",
		},
		{
			name: "few samples", data: sparsely(10, minutes(10, 310, 80)), fired: 340, now: 370, onset: 310,
			want: []string{`Condition met since <310> \(to within 5m(30s)?\), .* In between there are times without data, the longest from <\d+> \(or up to 5m earlier\) to <\d+>\.`}, zh: "期间多次没有数据",
		},
		{
			name: "data that end", data: minutes(10, 300, 80, 309, nan), fired: 306, now: 330,
			want: []string{`Condition met from <300> .* until <31[34]>, for \S+\. The last data are of <308>: Prometheus went on with their value\.`}, zh: "最后的数据为 <308>",
		},
		{
			name: "a value where it is met alone", data: minutes(10, 280, 80, 290, 10, 310, 80), expr: "(m > 50) * 2 > 120", fired: 312, now: 330, onset: 310,
			want: []string{`Condition met since <310> \(to within 30s\), for 20m\.`}, not: []string{"no data"},
		},
	}
	senderCases = []hourCase{
		{
			name: "minutes behind", data: minutes(10, 300, 80), fired: 290, now: 320, onset: 300,
			want: []string{`^Last value: 80 at <320>\.`, `Condition met since <300> \(to within 30s\)`, `The condition was not met when the alert says that it began \(<290>\)`},
			not:  []string{"Value when the alert fired"}, zh: "告警给出的开始时间（<290>）尚未满足告警条件",
		},
		{
			name: "a time zone off", data: minutes(10, 400, 80), fired: 400 - 345, heard: 401, now: 410, onset: 400,
			want: []string{`Condition met since <400> \(`, `The condition was not met when the alert says that it began \(<55>\)`},
		},
		{
			name: "with for", data: minutes(10, 300, 80), hold: "10m", fired: 290, now: 320, onset: 300,
			want: []string{`Condition met since <300> \(`, `The condition was not met when`},
		},
		{
			name: "hours ahead, looked at later", data: minutes(10, 300, 80), fired: 420, heard: 301, now: 450, onset: 300,
			want: []string{`^Value when the alert fired: 80; last: 80 at <450>`, `Condition met since <300> \(`}, not: []string{"whole window", "in the future"},
		},
		{
			name: "ahead of now", data: minutes(10, 300, 80), fired: 420, heard: 301, now: 310, onset: 300,
			want: []string{`^Last value: 80`, `began at <420>, which is in the future`}, not: []string{"Value when the alert fired"},
		},
		{
			name: "a series that begins later", data: minutes(nan, 310, 80), fired: 300, now: 330, onset: 310,
			want: []string{`No value until <310>\. Condition met since <310>`, `The condition was not met when`},
		},
		{
			name: "met for a moment", data: func(s float64) float64 { return 10 + spike(s == 18030 || s >= 19200, 70) }, hold: "30m", fired: 300.5, now: 340,
			want: []string{`^Value when the alert fired: 80; last: 80`}, not: []string{"was not met when"},
		},
		{
			name: "never met here", data: minutes(10), fired: 300, now: 340,
			want: []string{`^Value when the alert fired: 10; last: 10`}, not: []string{"was not met when", "Condition met"},
		},
	}
	offsetCases = []hourCase{
		{
			name: "all of it", data: minutes(10, 300, 80), expr: "m offset 1h > 50", fired: 360, now: 370, onset: 300,
			want: []string{`Condition met since <360> \(to within \S+; the expression looks at data of 1h before\)`}, zh: "表达式所用数据早 1 小时",
		},
		{
			name: "within a range", data: minutes(10, 300, 80), expr: "max_over_time(m[5m] offset 1h) > 50", hold: "10m", fired: 370, now: 375, onset: 300,
			want: []string{`looks back 5m; the expression looks at data of 1h before\)`},
		},
		{
			name: "a part of it", data: minutes(10, 100, 1, 130, 10, 300, 80), expr: "m / (m offset 3h) > 3", fired: 280, now: 290, onset: 280,
			want: []string{`Condition met since <280> \(to within \S+; the expression looks at data of 3h before\)`},
		},
	}
	guardCases = []hourCase{
		{
			name: "the hour of the day", data: minutes(10, 270, 80), expr: "m > 50 and on() hour() == HOUR", now: 330,
			want: []string{`Condition met since <HOURBEGAN> \(`}, not: []string{"whole window"},
		},
		{
			name: "a time", data: minutes(10, 200, 80), expr: "m > 50 and on() vector(time()) >= 300min", fired: 300, now: 330, onset: 300,
			want: []string{`Condition met since <300> \(`}, not: []string{"whole window"},
		},
		{
			name: "open all along", data: minutes(10, 300, 80), expr: "m > 50 and on() vector(time()) >= 100min", fired: 300, now: 330, onset: 300,
			want: []string{`Condition met since <300> \(`},
		},
	}
)

// TestHours: what is told of when the condition of an alert was met is true, and where the data can't tell that is said.
func TestHours(t *testing.T) {
	r := record(8*time.Hour, 30*time.Second)
	r.start = r.start.Truncate(time.Minute)
	hour := r.at(300 * 60).UTC().Truncate(time.Hour)
	began := hour.Sub(r.start).Minutes()
	r.add(`up{job="x"}`, steps(1))
	kinds := []struct {
		name  string
		cases []hourCase
	}{{"over", overCases}, {"gaps", gapCases}, {"sender", senderCases}, {"offset", offsetCases}, {"guard", guardCases}, {"parts", partCases}, {"for", holdCases}, {"end", endCases}, {"function", functionCases}}
	rules := "groups:\n"
	for k := range kinds {
		for i := range kinds[k].cases {
			c := &kinds[k].cases[i]
			name := fmt.Sprintf("m_%d_%d", k, i)
			expr := regexp.MustCompile(`\bm\b`).ReplaceAllString(cmp.Or(c.expr, "m > 50"), name)
			if strings.Contains(expr, "HOUR") {
				expr = strings.ReplaceAll(expr, "HOUR", fmt.Sprint(hour.Hour()))
				c.data, c.fired = minutes(10, began-30, 80), began
				c.now, c.onset = began+30, began
			}
			c.expr = regexp.MustCompile(`\d+min`).ReplaceAllStringFunc(expr, func(s string) string {
				var m float64
				_, _ = fmt.Sscanf(s, "%fmin", &m)
				return fmt.Sprint(r.at(m * 60).Unix())
			})
			r.add(name+`{job="x"}`, c.data)
			if c.other != nil {
				r.add(name+`_n{job="x"}`, c.other)
				c.expr = regexp.MustCompile(`\bn\b`).ReplaceAllString(c.expr, name+"_n")
			}
			rules += fmt.Sprintf("- name: g%d%d\n  interval: 1h\n  rules:\n  - alert: %s\n    expr: %q\n", k, i, name, c.expr)
			if c.hold != "" {
				rules += "    for: " + c.hold + "\n"
			}
		}
	}
	url := r.serve(t, rules).URL
	for k, kind := range kinds {
		for i, c := range kind.cases {
			t.Run(kind.name+"/"+c.name, func(t *testing.T) {
				c.check(t, r, url, fmt.Sprintf("m_%d_%d", k, i), strings.NewReplacer("HOURBEGAN", fmt.Sprint(int(began))))
			})
		}
	}
}

// check looks at the alert and reads what is told in both languages.
func (c hourCase) check(t *testing.T, r *recording, url, name string, known *strings.Replacer) {
	at := func(minute float64) time.Time { return r.at(minute * 60) }
	inc := firingIncident(at(c.fired), c.expr, "alertname="+name+" job=x")
	a := &inc.Alerts[0]
	a.SeenAt = at(cmp.Or(c.heard, c.fired))
	if c.ended > 0 {
		a.Status, a.EndsAt, a.ResolvedAt, inc.Status = incident.Resolved, at(c.ended), at(max(c.ended, c.now-1)), incident.Resolved
	}
	told := func(l incident.Language) string {
		col := collectorAt(t, url, at(c.now), func(o *Options) { o.Language = l })
		items := ofKind(col.Collect(t.Context(), inc, nil).Items, incident.KindSignal)
		require.Len(t, items, 1)
		if c := items[0].Chart; c != nil && !c.Firing.End.IsZero() {
			assert.True(t, c.Firing.End.After(c.Firing.Start), "%v", c.Firing)
		}
		return inMinutes(r, items[0].Summary)
	}
	en, zh := told(incident.English), told(incident.Chinese)
	t.Log(en)
	t.Log(zh)
	for _, want := range c.want {
		assert.Regexp(t, known.Replace(want), en)
	}
	for _, not := range c.not {
		assert.NotContains(t, en, not)
	}
	assert.Regexp(t, c.zh, zh)
	if c.onset > 0 {
		inv := collectorAt(t, url, at(c.now)).investigate(t.Context(), inc, 20)
		assert.InDelta(t, at(c.onset).Unix(), inv.onset.Unix(), 60, "onset")
	}
}

var inSummary = regexp.MustCompile(`(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:–(\d\d:\d\d:\d\d))?(?: UTC)?`)

// inMinutes writes times as minutes of the recording.
func inMinutes(r *recording, s string) string {
	minute := func(stamp string) string {
		t, err := time.Parse(time.DateTime, stamp)
		if err != nil {
			return stamp
		}
		return fmt.Sprintf("<%d>", int(math.Floor(t.Sub(r.start).Minutes()+.01)))
	}
	return inSummary.ReplaceAllStringFunc(s, func(found string) string {
		m := inSummary.FindStringSubmatch(found)
		out := minute(m[1])
		if m[2] != "" {
			out += "–" + minute(m[1][:11]+m[2])
		}
		return out
	})
}

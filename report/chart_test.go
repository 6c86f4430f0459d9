package report

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func wave(base, amplitude float64) func(i int) float64 {
	return func(i int) float64 { return base + amplitude*math.Sin(float64(i)/9) }
}

func chartOf(title, unit string, threshold *float64, list ...incident.Series) incident.Evidence {
	return incident.Evidence{
		ID: "E2", Title: title, Summary: "What it means.", Start: opened.Add(-55 * time.Minute), End: opened.Add(5 * time.Minute),
		Chart: &incident.Chart{
			Unit: unit, Threshold: threshold, Firing: &incident.TimeRange{Start: opened.Add(-30 * time.Second)}, Series: list,
		},
	}
}

func sparse(name string, step time.Duration, values ...float64) incident.Series {
	s := incident.Series{Name: name, Step: step}
	for i, v := range values {
		s.Points = append(s.Points, incident.Point{At: opened.Add(time.Duration(i-len(values)) * step), Value: v})
	}
	return s
}

var charts = []struct {
	name     string
	language incident.Language
	make     func() incident.Evidence
}{
	{"attack", "en", func() incident.Evidence { return found()[1] }},
	{"gaps", "en", func() incident.Evidence {
		nan := math.NaN()
		s := sparse("requests per second", time.Minute, 3, 4, nan, 5, nan, nan, 6, 7, 8, 7, 6, 9, 4, 3, 5, 6)
		s.Points = append(s.Points[:9], s.Points[12:]...)
		e := chartOf("Gaps: NaN, lone points, and a hole of missing points", "", nil, s)
		e.Start, e.End = opened.Add(-20*time.Minute), opened.Add(2*time.Minute)
		return e
	}},
	{"one_point", "en", func() incident.Evidence {
		e := chartOf("One point", "s", nil, sparse("p99", time.Minute, 0.342))
		e.Start, e.End = time.Time{}, time.Time{}
		return e
	}},
	{"series30", "en", func() incident.Evidence {
		var list []incident.Series
		for i := range 30 {
			list = append(list, series(fmt.Sprintf("node-%02d:9100", i), 240, wave(1e5*float64(i+1), 4e4)))
		}
		return chartOf("Thirty series", "bytes", nil, list...)
	}},
	{"long_labels", "en", func() incident.Evidence {
		threshold := 40.0
		return chartOf(strings.Repeat("A title that is far too long ", 8), "", &threshold,
			series(strings.Repeat("namespace/deployment-", 10), 240, wave(20, 9)), series("short", 240, wave(33, 3)),
			series(strings.Repeat("x", 200), 240, wave(11, 2)))
	}},
	{"chinese", "zh", func() incident.Evidence {
		threshold := 0.05
		e := chartOf("最近一小时的登录失败率，按实例划分", "%", &threshold, series("上海一区 登录服务", 240, attack), series("北京二区 登录服务", 240, wave(0.02, 0.004)))
		return e
	}},
	{"negative", "en", func() incident.Evidence {
		threshold := -20.0
		return chartOf("Negative values", "", &threshold, series("drift", 240, wave(-12, 30)))
	}},
	{"constant", "en", func() incident.Evidence {
		e := chartOf("A constant series, fired in between", "", nil, series("up", 240, func(int) float64 { return 3 }))
		e.Chart.Firing = &incident.TimeRange{Start: opened.Add(-30 * time.Minute), End: opened.Add(-20 * time.Minute)}
		return e
	}},
	{"zero", "en", func() incident.Evidence {
		return chartOf("All zero", "%", nil, series("errors", 240, func(int) float64 { return 0 }))
	}},
	{"huge", "en", func() incident.Evidence {
		return chartOf("Huge", "", nil, series("x", 240, wave(4e22, 3e22)))
	}},
	{"small", "en", func() incident.Evidence {
		threshold := 0.00009
		return chartOf("Small: an error ratio of 0.01 %", "%", &threshold, series("x", 240, wave(5e-5, 3e-5)))
	}},
	{"offset", "en", func() incident.Evidence {
		return chartOf("A small change on a large value", "bytes", nil, series("heap", 240, wave(8.1e9, 3e6)))
	}},
	{"seconds", "en", func() incident.Evidence {
		e := chartOf("Latency over one minute", "s", nil, sparse("p99", 5*time.Second, .21, .22, .2, .23, .9, 1.4, 1.3, 1.2, 1.5, 1.45, 1.38, 1.4))
		e.Start, e.End = opened.Add(-time.Minute), opened
		return e
	}},
	{"days", "en", func() incident.Evidence {
		e := chartOf("Nine days", "", nil, sparse("logins", 6*time.Hour, 3, 9, 14, 5, 3, 8, 13, 5, 2, 8, 14, 5, 3, 9, 12, 4, 3, 9, 15, 5, 3, 9, 14, 6, 3, 9, 13, 5, 40, 60, 63, 62))
		e.Start, e.End = opened.Add(-9*24*time.Hour), opened
		e.Chart.Firing.Start = opened.Add(-24 * time.Hour)
		return e
	}},
	{"no_threshold_room", "en", func() incident.Evidence {
		threshold := 1.0
		return chartOf("A threshold at the very top", "%", &threshold, series("fill", 240, wave(0.6, 0.1)))
	}},
	{"hostile", "en", func() incident.Evidence {
		threshold := math.Inf(1)
		e := chartOf(nasty, nasty, &threshold, series(nasty, 20, wave(1, 1)), series("</text><script>", 20, func(int) float64 { return 1e308 }))
		e.Summary = nasty
		return e
	}},
}

func TestChart(t *testing.T) {
	for _, tt := range charts {
		t.Run(tt.name, func(t *testing.T) {
			f := incident.Findings{Evidence: []incident.Evidence{tt.make()}}
			svg, ok := newWriter(t, tt.language).Chart(f, "E2.svg")
			require.True(t, ok)
			assertSVG(t, svg)
			golden(t, "chart_"+tt.name+".svg", svg)
		})
	}
}

// assertSVG checks that an image is well-formed XML without anything that acts or that leads elsewhere, and that every
// number in it is one.
func assertSVG(t *testing.T, svg []byte) {
	t.Helper()
	elements := map[string]bool{
		"svg": true, "title": true, "desc": true, "style": true, "rect": true, "text": true, "path": true, "circle": true,
	}
	d := xml.NewDecoder(strings.NewReader(string(svg)))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		assert.True(t, elements[start.Name.Local], start.Name.Local)
		for _, a := range start.Attr {
			assert.NotContains(t, a.Value, "NaN")
			assert.NotContains(t, a.Value, "Inf")
			assert.NotContains(t, a.Name.Local, "href")
			assert.False(t, strings.HasPrefix(a.Name.Local, "on"), a.Name.Local)
		}
	}
	assert.NotContains(t, string(svg), "url(")
	assert.NotContains(t, string(svg), "@import")
}

func TestNoChart(t *testing.T) {
	w := newWriter(t, "en")
	empty := chartOf("x", "", nil, sparse("x", time.Minute, math.NaN(), math.Inf(1)))
	bad := chartOf("x", "", nil, sparse("x", time.Minute, 1))
	bad.ID = "../E2"
	f := incident.Findings{Evidence: []incident.Evidence{{ID: "E1"}, empty, bad}}
	for _, file := range []string{"E1.svg", "E2.svg", "../E2.svg", "E3.svg", ""} {
		_, ok := w.Chart(f, file)
		assert.False(t, ok, file)
	}
	assert.NotContains(t, string(w.Markdown(facts(), f, "x")), "![")
}

func TestTimeTicks(t *testing.T) {
	for _, span := range []time.Duration{
		time.Second, 45 * time.Second, 5 * time.Minute, time.Hour, 7 * time.Hour, 36 * time.Hour, 9 * day, 60 * day, 800 * day, 9000 * day,
	} {
		times, layout := timeTicks(opened.Add(-span), opened)
		assert.GreaterOrEqual(t, len(times), 1, span)
		assert.LessOrEqual(t, len(times), 9, span)
		labels := map[string]bool{}
		for _, at := range times {
			labels[at.Format(layout)] = true
		}
		assert.Len(t, labels, len(times), "%s: labels differ", span)
	}
}

func TestTicksTellApart(t *testing.T) {
	for _, tt := range [][2]float64{{0, 1}, {8.1e9, 8.1001e9}, {-3, 5}, {0, 1e-9}, {0, 1e300}, {-1e300, 1e300}, {0.0499, 0.0501}} {
		for unit := range scales {
			s := scaleFor(unit, max(math.Abs(tt[0]), math.Abs(tt[1])))
			values, step := ticks(tt[0], tt[1], s.factor, 5)
			assert.LessOrEqual(t, values[0], tt[0]+step*1e-6)
			assert.GreaterOrEqual(t, values[len(values)-1], tt[1]-step*1e-6)
			labels := map[string]bool{}
			for _, v := range values {
				labels[s.label(v, step)] = true
			}
			assert.Len(t, labels, len(values), "%v %s: %v", tt, unit, labels)
		}
	}
}

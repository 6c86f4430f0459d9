package report

import (
	"encoding/json"
	"math"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// plot is what a chart shows and where, for a page that shows the values under the pointer. Times are Unix seconds, places are in
// the chart's own coordinates.
type plot struct {
	From   float64      `json:"from"`
	To     float64      `json:"to"`
	Width  float64      `json:"width"`
	Left   float64      `json:"left"`
	Right  float64      `json:"right"`
	Top    float64      `json:"top"`
	Bottom float64      `json:"bottom"`
	Series []plotSeries `json:"series"`
}

type plotSeries struct {
	Name   string   `json:"name"`
	Reach  float64  `json:"reach"`  // seconds: a value further away than this is none
	Points [][2]any `json:"points"` // Unix seconds, and the value as reports write it
}

// Plot returns the values of the chart with the given file name, E2.svg for the evidence E2, as JSON. It reports false when the
// findings have no such chart.
func (w *Writer) Plot(f incident.Findings, file string) (data []byte, ok bool) {
	for _, e := range f.Evidence {
		if name, drawn := chartFile(e); !drawn || name != file {
			continue
		}
		d := &drawing{}
		d.bounds(e, w.zone)
		p := plot{
			From: seconds(d.from), To: seconds(d.to), Width: chartWidth,
			Left: chartLeft, Right: chartRight, Top: chartTop, Bottom: chartBottom,
		}
		for _, s := range e.Chart.Series[:min(len(e.Chart.Series), maxSeries)] {
			if drawn := w.messages.plotted(s, e.Chart.Unit); len(drawn.Points) > 0 {
				p.Series = append(p.Series, drawn)
			}
		}
		data, err := json.Marshal(p)
		return data, err == nil
	}
	return nil, false
}

func (w *messages) plotted(s incident.Series, unit string) plotSeries {
	out := plotSeries{Name: oneLine(s.Name, labelRunes), Reach: math.Max(s.Step.Seconds(), 1)}
	for _, point := range s.Points {
		if drawable(point) {
			out.Points = append(out.Points, [2]any{seconds(point.At), w.number(point.Value, unit)})
		}
	}
	return out
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

package report

import (
	"math"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
)

// roomForBand is how much of a chart a band may take from its series, as a multiple of their spread: a wide band must not make
// them flat.
const roomForBand = 2

// widened returns a range of values that has room for a band.
func widened(lo, hi float64, band *incident.Band) (from, to float64) {
	if band == nil || lo > hi {
		return lo, hi
	}
	least, most := lo-roomForBand*(hi-lo), hi+roomForBand*(hi-lo)
	if lo == hi {
		least, most = math.Inf(-1), math.Inf(1)
	}
	from, to = lo, hi
	for _, line := range [][]incident.Point{band.Lower, band.Upper} {
		for _, p := range line {
			if drawable(p) && math.Abs(p.Value) <= maxValue {
				from, to = min(from, max(p.Value, least)), max(to, min(p.Value, most))
			}
		}
	}
	return from, to
}

// areas draws a band: an outline for each piece between gaps. A side without a bound, or with one beyond the plot, ends at the plot's
// edge.
func (d *drawing) areas(band *incident.Band) []string {
	if band == nil {
		return nil
	}
	var out []string
	var top, bottom []string
	flush := func() {
		if len(top) > 1 {
			var path strings.Builder
			for i, at := range top {
				path.WriteByte("ML"[min(i, 1)])
				path.WriteString(at)
			}
			for _, at := range slices.Backward(bottom) {
				path.WriteString("L" + at)
			}
			out = append(out, path.String()+"Z")
		}
		top, bottom = nil, nil
	}
	for i, lower := range band.Lower {
		if i >= len(band.Upper) {
			break
		}
		upper := band.Upper[i]
		if math.IsNaN(lower.Value) || math.IsNaN(upper.Value) || lower.At.Before(d.from) || lower.At.After(d.to) {
			flush()
			continue
		}
		if i > 0 && band.Step > 0 && lower.At.Sub(band.Lower[i-1].At) > band.Step*3/2 {
			flush()
		}
		x := d.x(lower.At).String() + " "
		top = append(top, x+d.within(upper.Value).String())
		bottom = append(bottom, x+d.within(lower.Value).String())
	}
	flush()
	return out
}

// within is the place of a value, or of the nearest one that the plot has.
func (d *drawing) within(v float64) px { return d.y(min(max(v, d.lo), d.hi)) }

package report

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// scale is how the numbers of one axis are written: divided by factor, followed by suffix.
type scale struct {
	factor float64
	suffix string
}

// scales lists the steps of a unit, ascending, written as evidence writes them. The first one also serves all that is smaller.
var scales = map[string][]scale{
	"%":     {{0.01, " %"}},
	"s":     {{1e-9, " ns"}, {1e-6, " µs"}, {1e-3, " ms"}, {1, " s"}, {60, " min"}, {3600, " h"}, {86400, " d"}},
	"bytes": {{1, " B"}, {1 << 10, " KiB"}, {1 << 20, " MiB"}, {1 << 30, " GiB"}, {1 << 40, " TiB"}, {1 << 50, " PiB"}},
	"":      {{1, ""}, {1e3, "k"}, {1e6, "M"}, {1e9, "G"}, {1e12, "T"}},
}

// baseScales are what powers of ten are taken of.
var baseScales = map[string]scale{"%": {0.01, " %"}, "s": {1, " s"}, "bytes": {1, " B"}, "": {1, ""}}

// scaleFor returns the scale for numbers up to the magnitude highest. A unit that is not known is written as it is,
// behind a plain number; beyond the steps of a unit powers of ten take over.
func scaleFor(unit string, highest float64) scale {
	steps, known := scales[unit]
	if !known {
		s := scaleFor("", highest)
		s.suffix += " " + oneLine(unit, 6)
		return s
	}
	best := steps[0]
	for _, s := range steps {
		if highest >= s.factor {
			best = s
		}
	}
	if ratio := highest / best.factor; highest > 0 && (ratio >= 1e4 || ratio < 1e-3) {
		base := baseScales[unit]
		exponent := math.Floor(math.Log10(highest / base.factor))
		if factor := base.factor * math.Pow(10, exponent); factor > 1e-300 {
			return scale{factor, "e" + strconv.Itoa(int(exponent)) + base.suffix}
		}
	}
	return best
}

// label writes v with as many decimals as tell it from a number that is step away.
func (s scale) label(v, step float64) string {
	if v == 0 {
		return "0"
	}
	decimals := 0
	if d := step / s.factor; d > 0 {
		decimals = min(max(int(math.Ceil(-math.Log10(d)-1e-9)), 0), 9)
	}
	out := strconv.FormatFloat(v/s.factor, 'f', decimals, 64)
	if strings.Contains(out, ".") {
		out = strings.TrimRight(strings.TrimRight(out, "0"), ".")
	}
	return out + s.suffix
}

// number writes a single value in three significant digits.
func number(v float64, unit string) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	s := scaleFor(unit, math.Abs(v))
	return s.label(v, math.Pow(10, math.Floor(math.Log10(math.Abs(v)))-2))
}

// ticks returns round values that enclose lo to hi, about n of them, and the distance between two.
func ticks(lo, hi, factor float64, n int) (values []float64, step float64) {
	raw := (hi - lo) / factor / float64(n)
	magnitude := math.Pow(10, math.Floor(math.Log10(raw)))
	step = 10 * magnitude
	for _, m := range []float64{1, 2, 2.5, 5} {
		if raw <= m*magnitude*(1+1e-9) {
			step = m * magnitude
			break
		}
	}
	step *= factor
	from, to := math.Floor(lo/step+1e-9), math.Ceil(hi/step-1e-9)
	for i := from; i <= to && len(values) < 4*n; i++ {
		values = append(values, i*step)
	}
	return values, step
}

const day = 24 * time.Hour

var timeSteps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	day, 2 * day, 7 * day, 14 * day, 28 * day, 84 * day, 364 * day,
}

// timeTicks returns at most 9 round times between from and to, with the layout that tells them apart.
func timeTicks(from, to time.Time) (times []time.Time, layout string) {
	step := timeSteps[len(timeSteps)-1]
	for _, s := range timeSteps {
		if to.Sub(from)/s <= 8 {
			step = s
			break
		}
	}
	switch {
	case step < time.Minute:
		layout = "15:04:05"
	case step < day && to.Sub(from) <= day:
		layout = "15:04"
	case step < day:
		layout = "01-02 15:04"
	case to.Sub(from) < 300*day:
		layout = "01-02"
	default:
		layout = "2006-01-02"
	}
	_, offset := from.Zone() // round on the reader's clock
	shift := time.Duration(offset) * time.Second
	for t := from.Add(shift).Truncate(step).Add(-shift); !t.After(to) && len(times) < 9; t = t.Add(step) {
		if !t.Before(from) {
			times = append(times, t)
		}
	}
	return times, layout
}

package promql

import (
	"math"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
)

// FormatDuration formats d as PromQL takes it: 1h30m.
func FormatDuration(d time.Duration) string { return model.Duration(d).String() }

// shownDigits is how many significant shownDigits numbers have, unless more are needed to tell two apart.
const shownDigits, maxDigits = 3, 12

// Format formats a value with its unit, rounded to what matters.
func (u Unit) Format(v float64) string { return u.format(v, shownDigits) }

// FormatApart formats a value that stands beside a threshold: by as many digits as tell the two apart.
func (u Unit) FormatApart(v, threshold float64) string {
	out := u.Format(v)
	if v == threshold || math.IsNaN(threshold) {
		return out
	}
	limit := u.Format(threshold)
	for n := shownDigits + 1; out == limit && n <= maxDigits; n++ {
		out = u.format(v, n)
	}
	return out
}

func (u Unit) format(v float64, digits int) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 0):
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	switch u.Base {
	case UnitRatio:
		return formatNumber(v*100, digits) + " %"
	case UnitPercent:
		return formatNumber(v, digits) + " %"
	case UnitSeconds:
		if !u.PerSecond {
			return formatSeconds(v, digits)
		}
	case UnitBytes:
		return formatBytes(v, digits) + u.rateSuffix()
	case UnitCount:
		return formatNumber(v, digits) + u.rateSuffix()
	case UnitInstant:
		if !u.PerSecond && v >= firstInstant && v <= lastInstant {
			return time.Unix(int64(v), 0).UTC().Format("2006-01-02 15:04:05") + " UTC"
		}
	default:
	}
	return formatNumber(v, digits)
}

// firstInstant and lastInstant are 1985 and 2200: a number beyond them is no time in seconds since 1970, whatever it is called.
const firstInstant, lastInstant = 5e8, 7.3e9

func (u Unit) rateSuffix() string {
	if u.PerSecond {
		return "/s"
	}
	return ""
}

// FormatNumber formats with about three significant digits, without exponents where people don't expect them.
func FormatNumber(v float64) string { return formatNumber(v, shownDigits) }

func formatNumber(v float64, digits int) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0"
	case a >= 1e15 || a < 1e-6:
		return strconv.FormatFloat(v, 'g', digits, 64)
	case a == math.Trunc(a):
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		places := max(digits-1-int(math.Floor(math.Log10(a))), 0)
		scale := math.Pow(10, float64(places))
		return strconv.FormatFloat(math.Round(v*scale)/scale, 'f', -1, 64)
	}
}

// formatSeconds formats a length of time.
func formatSeconds(v float64, digits int) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0 s"
	case a < 1e-3:
		return formatNumber(v*1e6, digits) + " µs"
	case a < 1:
		return formatNumber(v*1e3, digits) + " ms"
	case a < 120:
		return formatNumber(v, digits) + " s"
	case a < 100*365*86400 && digits > 3 && a != math.Round(a):
		return formatNumber(v, digits+4) + " s"
	case a < 100*365*86400:
		return FormatDuration(time.Duration(math.Round(v)) * time.Second)
	}
	return formatNumber(v, digits) + " s"
}

// formatBytes formats with binary prefixes.
func formatBytes(v float64, digits int) string {
	prefixes := []string{" B", " KiB", " MiB", " GiB", " TiB", " PiB"}
	i := 0
	for math.Abs(v) >= 1024 && i < len(prefixes)-1 {
		v, i = v/1024, i+1
	}
	return formatNumber(v, digits) + prefixes[i]
}

package promql

import (
	"math"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
)

// FormatDuration formats d as PromQL takes it: 1h30m.
func FormatDuration(d time.Duration) string { return model.Duration(d).String() }

// Format formats a value with its unit, rounded to what matters.
func (u Unit) Format(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 0):
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	switch u.Base {
	case UnitRatio:
		return FormatNumber(v*100) + " %"
	case UnitPercent:
		return FormatNumber(v) + " %"
	case UnitSeconds:
		if !u.PerSecond {
			return formatSeconds(v)
		}
	case UnitBytes:
		return formatBytes(v) + u.rateSuffix()
	case UnitCount:
		return FormatNumber(v) + u.rateSuffix()
	default:
	}
	return FormatNumber(v)
}

func (u Unit) rateSuffix() string {
	if u.PerSecond {
		return "/s"
	}
	return ""
}

// FormatNumber formats with about three significant digits, without exponents where people don't expect them.
func FormatNumber(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0"
	case a >= 1e15 || a < 1e-6:
		return strconv.FormatFloat(v, 'g', 3, 64)
	case a >= 100 || a == math.Trunc(a):
		return strconv.FormatFloat(math.Round(v), 'f', -1, 64)
	default:
		places := 2 - int(math.Floor(math.Log10(a)))
		scale := math.Pow(10, float64(places))
		return strconv.FormatFloat(math.Round(v*scale)/scale, 'f', -1, 64)
	}
}

// formatSeconds formats a length of time.
func formatSeconds(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0 s"
	case a < 1e-3:
		return FormatNumber(v*1e6) + " µs"
	case a < 1:
		return FormatNumber(v*1e3) + " ms"
	case a < 120:
		return FormatNumber(v) + " s"
	case a < 100*365*86400:
		return FormatDuration(time.Duration(math.Round(v)) * time.Second)
	}
	return FormatNumber(v) + " s"
}

// formatBytes formats with binary prefixes.
func formatBytes(v float64) string {
	prefixes := []string{" B", " KiB", " MiB", " GiB", " TiB", " PiB"}
	i := 0
	for math.Abs(v) >= 1024 && i < len(prefixes)-1 {
		v, i = v/1024, i+1
	}
	return FormatNumber(v) + prefixes[i]
}

package evidence

import (
	"math"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
)

// clock formats a time in UTC and says so; "?" for none.
func clock(t time.Time) string {
	if t.IsZero() {
		return "?"
	}
	return t.UTC().Format("2006-01-02 15:04:05") + " UTC"
}

// prometheusDuration formats d as PromQL takes it: 1h30m.
func prometheusDuration(d time.Duration) string { return model.Duration(d).String() }

// cut shortens a text to so many runes, with an ellipsis.
func cut(s string, runes int) string {
	n := 0
	for i := range s {
		if n == runes {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// number formats a value with its unit, rounded to what matters.
func (u unit) number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 0):
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	switch u.base {
	case unitRatio:
		return digits(v*100) + " %"
	case unitPercent:
		return digits(v) + " %"
	case unitSeconds:
		if !u.rate {
			return seconds(v)
		}
	case unitBytes:
		return byteSize(v) + u.perSecond()
	case unitCount:
		return digits(v) + u.perSecond()
	default:
	}
	return digits(v)
}

func (u unit) perSecond() string {
	if u.rate {
		return "/s"
	}
	return ""
}

// digits formats with about three significant digits, without exponents where people don't expect them.
func digits(v float64) string {
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

// seconds formats a length of time.
func seconds(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0 s"
	case a < 1e-3:
		return digits(v*1e6) + " µs"
	case a < 1:
		return digits(v*1e3) + " ms"
	case a < 120:
		return digits(v) + " s"
	case a < 100*365*86400:
		return prometheusDuration(time.Duration(math.Round(v)) * time.Second)
	}
	return digits(v) + " s"
}

// byteSize formats with binary prefixes.
func byteSize(v float64) string {
	prefixes := []string{" B", " KiB", " MiB", " GiB", " TiB", " PiB"}
	i := 0
	for math.Abs(v) >= 1024 && i < len(prefixes)-1 {
		v, i = v/1024, i+1
	}
	return digits(v) + prefixes[i]
}

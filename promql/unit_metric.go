package promql

import (
	"slices"
	"strings"
)

// UnitOfMetric guesses the unit of a metric by the conventions of names.
func UnitOfMetric(name string) Unit {
	if isInstant(name) {
		return Unit{Base: UnitInstant}
	}
	for _, suffix := range []string{"_bucket", "_sum", "_total"} {
		name = strings.TrimSuffix(name, suffix)
	}
	switch {
	case strings.HasSuffix(name, "_timestamp_seconds"), strings.HasSuffix(name, "_time_seconds") && strings.Contains(name, "start"):
		return Unit{Base: UnitInstant}
	case strings.HasSuffix(name, "_count"): // of what is observed in another unit
		return Unit{}
	case strings.HasSuffix(name, "_seconds"), strings.Contains(name, "_seconds_"):
		return Unit{Base: UnitSeconds}
	case strings.HasSuffix(name, "_bytes"), strings.Contains(name, "_bytes_"), strings.HasSuffix(name, "_lsn_diff"):
		return Unit{Base: UnitBytes}
	case strings.HasSuffix(name, "_ratio"):
		return Unit{Base: UnitRatio}
	case strings.HasSuffix(name, "_percent"):
		return Unit{Base: UnitPercent}
	}
	return Unit{}
}

// isInstant reports whether a metric tells a time without saying so by its unit, as those of certificates do.
func isInstant(name string) bool {
	for _, suffix := range []string{"_expiry", "_not_after", "_not_before", "_notAfter", "_timestamp"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// quantities end the names of counters that add up amounts of something, not events.
var quantities = []string{
	"ms", "msec", "millis", "milliseconds", "us", "microseconds", "ns", "nanoseconds", "sec", "secs", "minutes", "hours", "ticks", "jiffies",
	"cycles", "time", "duration", "kb", "kilobytes", "mb", "megabytes", "gb", "kbytes", "octets", "bits", "blocks", "pages", "sectors",
	"joules", "watts", "celsius", "volts", "amperes", "meters", "grams", "percent", "score", "cost", "weight", "length", "size",
}

// countsEvents reports whether a counter with such a name counts events.
func countsEvents(metric string) bool {
	for _, suffix := range []string{"_total", "_count", "_bucket"} {
		if stem, ok := strings.CutSuffix(metric, suffix); ok {
			return suffix != "_total" || !slices.Contains(quantities, stem[strings.LastIndex(stem, "_")+1:])
		}
	}
	return false
}

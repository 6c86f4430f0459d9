package detect

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Rate is a number of alerts per time, for each series.
type Rate struct {
	Count float64
	Per   time.Duration
}

// PerDay returns the rate per day.
func (r Rate) PerDay() float64 { return r.Count * float64(24*time.Hour) / float64(r.Per) }

// Direction says which deviations count.
type Direction string

// The directions.
const (
	Both Direction = "both"
	Up   Direction = "up"
	Down Direction = "down"
)

// Season says which past a value is held against.
type Season string

// The seasons: none, the days before, the same weekday of the weeks before, or whichever of the two predicts better.
const (
	NoSeason   Season = "none"
	Daily      Season = "day"
	Weekly     Season = "week"
	AutoSeason Season = "auto"
)

// Method says how a series is judged.
type Method string

// The methods.
const (
	Auto     Method = "auto"     // all views, at two speeds
	Tail     Method = "tail"     // the value against its last hour alone
	Seasonal Method = "seasonal" // the value against the same time of other days alone
	Level    Method = "level"    // the last hour against the last day alone
	Sigma    Method = "sigma"    // mean and K standard deviations over a window
	Change   Method = "change"   // against the value of one period before
)

// Missing says what it means that a series has no sample.
type Missing string

// The meanings of a missing sample: nothing, or an anomaly of its own.
const (
	IgnoreMissing Missing = "ignore"
	AlertMissing  Missing = "alert"
)

// Options say what counts as an anomaly. The zero value of each field stands for the default that it names.
type Options struct {
	FalseAlarms Rate           // episodes on a healthy series that are accepted; default 1 per 14 days
	Method      Method         // default Auto
	Direction   Direction      // default Both
	Season      Season         // default AutoSeason
	Location    *time.Location // whose days the season has; default UTC
	Interval    time.Duration  // between samples, 1 s to 1 h; default: learned from the first samples
	AdaptAfter  time.Duration  // a level that lasts this long is normal; default 24 hours
	MinChange   float64        // least deviation that counts, as a share of what is expected; default none
	MinValue    float64        // a value and an expectation that are both smaller don't count; default none
	Missing     Missing        // default IgnoreMissing
	K           float64        // for Sigma, in standard deviations; default 3
	Window      time.Duration  // for Sigma: of the mean; default one day
	Against     time.Duration  // for Change: how far back; default one week
	By          float64        // for Change: least change that counts, as a share; default .5
}

// ErrOptions is what every error about options wraps.
var ErrOptions = errors.New("invalid detection options")

// Intervals between samples that a Series can live with.
const (
	MinInterval = time.Second
	MaxInterval = time.Hour
)

// maxAgainst bounds the history of Change: five minutes of resolution, 4 bytes each.
const maxAgainst = 35 * 24 * time.Hour

func or[T comparable](x, otherwise T) T {
	var zero T
	if x == zero {
		return otherwise
	}
	return x
}

func (o Options) complete() Options {
	o.FalseAlarms = or(o.FalseAlarms, Rate{Count: 1, Per: 14 * 24 * time.Hour})
	o.Method, o.Direction, o.Season = or(o.Method, Auto), or(o.Direction, Both), or(o.Season, AutoSeason)
	o.Location, o.Missing = or(o.Location, time.UTC), or(o.Missing, IgnoreMissing)
	o.AdaptAfter = or(o.AdaptAfter, 24*time.Hour)
	o.K, o.Window = or(o.K, 3), or(o.Window, 24*time.Hour)
	o.Against, o.By = or(o.Against, 7*24*time.Hour), or(o.By, .5)
	return o
}

// Validate returns an error that names each field that can't be, and what it can be.
func (o Options) Validate() error {
	o = o.complete()
	var wrong []string
	check := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	perDay := o.FalseAlarms.PerDay()
	check(o.FalseAlarms.Per > 0 && perDay >= 1e-4 && perDay <= 24, "false alarms must be between 1 per hour and 1 per 10,000 days")
	check(slices.Contains([]Method{Auto, Tail, Seasonal, Level, Sigma, Change}, o.Method),
		"method %q is not one of auto, tail, seasonal, level, sigma, change", o.Method)
	check(slices.Contains([]Direction{Both, Up, Down}, o.Direction), "direction %q is not one of both, up, down", o.Direction)
	check(slices.Contains([]Season{NoSeason, Daily, Weekly, AutoSeason}, o.Season), "season %q is not one of none, day, week, auto", o.Season)
	check(o.Method != Seasonal || o.Season != NoSeason, "method seasonal needs a season")
	check(slices.Contains([]Missing{IgnoreMissing, AlertMissing}, o.Missing), "missing %q is not one of ignore, alert", o.Missing)
	check(o.Interval == 0 || o.Interval >= MinInterval && o.Interval <= MaxInterval, "interval must be between 1s and 1h")
	check(o.AdaptAfter >= time.Hour, "adapt_after must be at least 1h")
	check(o.MinChange >= 0, "min_change must not be negative")
	check(o.MinValue >= 0, "min_value must not be negative")
	check(o.K > 0, "k must be positive")
	check(o.Window >= 10*time.Minute && o.Window <= maxAgainst, "window must be between 10m and 35d")
	check(o.Against >= time.Hour && o.Against <= maxAgainst, "against must be between 1h and 35d")
	check(o.By > 0, "by must be positive")
	if wrong != nil {
		return fmt.Errorf("%w: %s", ErrOptions, strings.Join(wrong, "; "))
	}
	return nil
}

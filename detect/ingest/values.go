package ingest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alertscribe/alertscribe/text"
)

// The times that a point may have: others are a mistake in the unit.
var (
	earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

func visible(s string) bool {
	return utf8.ValidString(s) && text.Clean(s) == s && !strings.ContainsAny(s, "\n\r\t")
}

func shown(raw []byte) string { return text.OneLine(text.Cut(string(asWritten(raw)), 40)) }

// parseValue reads a number. A text is none, whatever it says: what can't be counted can't be learned.
func parseValue(raw []byte) (float64, error) {
	if raw == nil {
		return 0, errors.New("value is missing")
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || raw[0] == '"' || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0, fmt.Errorf("value %s is no finite number", shown(raw))
	}
	return v, nil
}

// parseTime reads a time; the size of a number tells its unit.
func parseTime(raw []byte) (time.Time, error) {
	if raw == nil {
		return time.Time{}, errors.New("timestamp is missing")
	}
	const way = "; write RFC 3339, or a Unix time in s, ms, µs or ns as a number"
	var at time.Time
	if raw[0] == '"' {
		var s string
		err := json.Unmarshal(raw, &s)
		if err == nil {
			at, err = time.Parse(time.RFC3339Nano, s)
		}
		if err != nil {
			return at, fmt.Errorf("timestamp %s is no time%s", shown(raw), way)
		}
	} else if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		at = unixTime(n)
	} else if f, err := strconv.ParseFloat(string(raw), 64); err == nil && math.Abs(f) < math.MaxInt64 {
		if math.Abs(f) < 1e11 { // seconds and a fraction
			at = time.UnixMilli(int64(math.Round(f * 1000)))
		} else {
			at = unixTime(int64(f))
		}
	} else {
		return at, fmt.Errorf("timestamp %s is no time%s", shown(raw), way)
	}
	if at.Before(earliest) || at.After(latest) {
		return at, fmt.Errorf("timestamp %s is not between the years 2000 and 2100%s", shown(raw), way)
	}
	return at.Truncate(time.Millisecond), nil
}

func unixTime(n int64) time.Time {
	switch abs := max(n, -n); {
	case abs < 1e11:
		return time.Unix(n, 0)
	case abs < 1e14:
		return time.UnixMilli(n)
	case abs < 1e17:
		return time.UnixMicro(n)
	}
	return time.Unix(0, n)
}

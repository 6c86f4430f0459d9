package evidence

import (
	"math"
	"strconv"
	"time"
)

// formatTime formats a time in UTC and says so; "?" for none.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return "?"
	}
	return t.UTC().Format("2006-01-02 15:04:05") + " UTC"
}

// formatPercent formats a share.
func formatPercent(v float64) string {
	return strconv.FormatFloat(math.Round(v*100), 'f', 0, 64) + " %"
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

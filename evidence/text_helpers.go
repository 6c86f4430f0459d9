package evidence

import "time"

// clock formats a time in UTC and says so; "?" for none.
func clock(t time.Time) string {
	if t.IsZero() {
		return "?"
	}
	return t.UTC().Format("2006-01-02 15:04:05") + " UTC"
}

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

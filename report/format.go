package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// at formats a time in the zone that it is in, and says which that is.
func at(t time.Time) string {
	return t.Format("2006-01-02 15:04:05") + " " + zoneName(t)
}

// toMinute is at without the seconds, for what is long over.
func toMinute(t time.Time) string {
	return t.Format("2006-01-02 15:04") + " " + zoneName(t)
}

// clock is at without the date where that is the day on which the incident began: the first line names it.
func (p *page) clock(t time.Time) string {
	if !p.sameDay(t) {
		return at(t)
	}
	return t.Format("15:04:05") + " " + zoneName(t)
}

// moment is clock without the zone where the date is left out, too.
func (p *page) moment(t time.Time) string {
	if !p.sameDay(t) {
		return at(t)
	}
	return t.Format("15:04:05")
}

func (p *page) sameDay(t time.Time) bool {
	return t.Format(time.DateOnly) == p.inc.StartedAt.Format(time.DateOnly) && zoneName(t) == zoneName(p.inc.StartedAt)
}

// span formats two times of one range, the date only once where it is the same, and the zone only once, unless the clocks were
// changed in between.
func span(from, to time.Time) string {
	layout, changed := "2006-01-02 15:04", ""
	if from.Format(time.DateOnly) == to.Format(time.DateOnly) {
		layout = "15:04"
	}
	if zoneName(from) != zoneName(to) {
		changed = " " + zoneName(from)
	}
	return from.Format("2006-01-02 15:04") + changed + " – " + to.Format(layout) + " " + zoneName(to)
}

// duration formats d by its two largest units: 3m 20s, 2d 4h.
func (w *messages) duration(d time.Duration) string {
	d = max(d, 0).Round(time.Second)
	units := []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, w.Day}, {time.Hour, w.Hour}, {time.Minute, w.Minute}, {time.Second, w.Second}}
	for i, u := range units {
		if d < u.length && u.length > time.Second {
			continue
		}
		out := strconv.FormatInt(int64(d/u.length), 10) + u.name
		if rest := d % u.length; i+1 < len(units) && rest >= units[i+1].length {
			out += " " + strconv.FormatInt(int64(rest/units[i+1].length), 10) + units[i+1].name
		}
		return out
	}
	return ""
}

// thousands formats a count with separators, the same in both languages.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	var groups []string
	for len(digits) > 3 && n >= 0 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return strings.Join(append([]string{digits}, groups...), ",")
}

// usd formats an amount so that a report's fraction of a cent is still seen.
func usd(v float64) string {
	if v < 0.01 {
		return fmt.Sprintf("USD %.6f", v)
	}
	return fmt.Sprintf("USD %.4f", v)
}

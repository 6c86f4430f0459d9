package factcheck

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alertscribe/alertscribe/text"
)

// timestamp is a point in time as a text has it: a date, a time of day, or both. What is not said is -1.
type timestamp struct {
	text             string
	year, month, day int
	second           int           // of the day, in UTC
	precision        time.Duration // of second: a second, a minute, an hour
	loose            bool          // about, shortly before, after
}

const monthNames = `(Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:t(?:ember)?)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)`

const zoneForm = `(?: ?\(?(Z|UTC(?:[+-]\d{1,2})?|GMT|[+-]\d{2}:?\d{2}))?`

var (
	stampForm = regexp.MustCompile(`^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?` + zoneForm + `)?`)
	clockForm = regexp.MustCompile(`^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?: ?([AaPp])\.?[Mm]\b)?` + zoneForm)
	hourForm  = regexp.MustCompile(`^(\d{1,2})[点时](?:(\d{1,2})分(?:(\d{1,2})秒)?|整|许|钟|左右)`)
	dateForm  = regexp.MustCompile(`^(?:(\d{4})年)?(\d{1,2})月(\d{1,2})[日号]`)
	dayForm   = regexp.MustCompile(`^(\d{1,2})(?:st|nd|rd|th)? ` + monthNames + `\b`)
	monthForm = regexp.MustCompile(`^` + monthNames + `\.? (\d{1,2})(?:st|nd|rd|th)?`)
)

// timestampAt reads the timestamp at the start of s, and returns how many bytes it takes; 0 for none.
func timestampAt(s string) (t timestamp, n int) {
	s = text.CutBytes(s, longestQuantity)
	t = timestamp{year: -1, month: -1, day: -1, second: -1}
	if isDigit(s[0]) {
		n = t.readNumeric(s)
	} else if strings.IndexByte("JFMASOND", s[0]) >= 0 {
		if found := monthForm.FindStringSubmatch(s); found != nil {
			t.month, t.day, n = monthOf(found[1]), atoi(found[2]), len(found[0])
		}
	}
	if n < len(s) && n > 0 && (isWordByte(s[n]) || s[n] == ':' && n+1 < len(s) && isDigit(s[n+1])) {
		return t, 0 // part of something longer
	}
	if t.month > 12 || t.day > 31 || t.second >= 25*3600 {
		return t, 0
	}
	t.text = s[:n]
	return t, n
}

// readNumeric reads a timestamp that begins with a digit. What follows the first digits tells which form it may have.
func (t *timestamp) readNumeric(s string) int {
	i := 1
	for i < len(s) && i < 4 && isDigit(s[i]) {
		i++
	}
	switch {
	case i == len(s):
	case s[i] == '-':
		return t.readStamp(s)
	case s[i] == ':':
		return t.readClock(s)
	case s[i] >= utf8.RuneSelf:
		return t.readChinese(s)
	case s[i] == ' ' || isLetter(s[i]):
		if found := dayForm.FindStringSubmatch(s); found != nil {
			t.month, t.day = monthOf(found[2]), atoi(found[1])
			return len(found[0])
		}
	}
	return 0
}

func (t *timestamp) readStamp(s string) int {
	found := stampForm.FindStringSubmatch(s)
	if found == nil {
		return 0
	}
	t.year, t.month, t.day = atoi(found[1]), atoi(found[2]), atoi(found[3])
	if found[4] != "" {
		t.clock(found[4], found[5], found[6], found[7])
	}
	return len(found[0])
}

func (t *timestamp) readClock(s string) int {
	found := clockForm.FindStringSubmatch(s)
	if found == nil || atoi(found[2]) >= 60 {
		return 0
	}
	t.clock(found[1], found[2], found[3], found[5])
	if strings.EqualFold(found[4], "p") && t.second < 12*3600 {
		t.second += 12 * 3600
	}
	return len(found[0])
}

func (t *timestamp) readChinese(s string) int {
	if found := dateForm.FindStringSubmatch(s); found != nil {
		t.month, t.day = atoi(found[2]), atoi(found[3])
		return len(found[0])
	}
	found := hourForm.FindStringSubmatch(s)
	if found == nil {
		return 0
	}
	t.clock(found[1], found[2], found[3], "")
	if found[2] == "" {
		t.precision, t.loose = time.Hour, strings.HasSuffix(found[0], "左右")
	}
	return len(found[0])
}

// clock sets the time of day, in UTC whatever the zone.
func (t *timestamp) clock(hour, minute, second, zone string) {
	t.second, t.precision = atoi(hour)*3600+atoi(minute)*60, time.Minute
	if second != "" {
		t.second, t.precision = t.second+atoi(second), time.Second
	}
	offset := strings.ReplaceAll(strings.TrimPrefix(zone, "UTC"), ":", "")
	if offset == "" || offset[0] != '+' && offset[0] != '-' {
		return
	}
	shift := atoi(offset[1:])
	if shift < 100 {
		shift *= 100
	}
	seconds := shift/100*3600 + shift%100*60
	if offset[0] == '+' {
		seconds = -seconds
	}
	t.shift(seconds)
}

// shift moves the time of day; the date may then be another one and is forgotten.
func (t *timestamp) shift(seconds int) {
	if t.second >= 0 && seconds != 0 {
		t.second = ((t.second+seconds)%86400 + 86400) % 86400
		t.year, t.month, t.day = -1, -1, -1
	}
}

func timestampOf(t time.Time) timestamp {
	t = t.UTC()
	return timestamp{
		year: t.Year(), month: int(t.Month()), day: t.Day(), second: t.Hour()*3600 + t.Minute()*60 + t.Second(),
		precision: time.Second,
	}
}

// looseTimestamp is how far off "about 08:30" and "shortly before 08:30" may be.
const looseTimestamp = 5 * 60

// holdsFor reports whether the claim t holds for a fact f: the same date as far as both tell, and the same time of day,
// rounded or cut off to the claim's precision.
func (t timestamp) holdsFor(f timestamp) bool {
	for _, pair := range [][2]int{{t.year, f.year}, {t.month, f.month}, {t.day, f.day}} {
		if pair[0] >= 0 && pair[1] >= 0 && pair[0] != pair[1] {
			return false
		}
	}
	if t.second < 0 || f.second < 0 {
		return t.second < 0 && f.month >= 0
	}
	late := f.second - t.second // by how much the fact is later
	if late > 43200 {
		late -= 86400
	} else if late < -43200 {
		late += 86400
	}
	precision := int(max(t.precision, f.precision) / time.Second)
	if t.loose {
		return late >= -looseTimestamp && late < looseTimestamp+precision
	}
	return late >= -max(precision/2, 1) && late < max(precision, 2)
}

func monthOf(name string) int {
	return strings.Index("jan feb mar apr may jun jul aug sep oct nov dec", strings.ToLower(name[:3]))/4 + 1
}

func atoi(s string) int { n, _ := strconv.Atoi(s); return n }

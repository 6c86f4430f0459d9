package evidence

import (
	"strings"
	"time"
)

var (
	msgExpectedRange = message{"Expected %[1]s to %[2]s", "预期为 %[1]s 至 %[2]s"}
	msgExpectedLeast = message{"Expected at least %s", "预期不低于 %s"}
	msgExpectedMost  = message{"Expected at most %s", "预期不高于 %s"}
	msgExpectedAbout = message{"Expected about %s", "预期约为 %s"}

	msgBandIs   = message{"%[1]s, is %[2]s, since %[3]s.", "%[1]s，现为 %[2]s，自 %[3]s 起异常。"}
	msgBandBack = message{
		"%[1]s, was %[2]s at %[3]s, anomalous since %[4]s; last: %[5]s at %[6]s.",
		"%[1]s，%[3]s 时为 %[2]s，自 %[4]s 起异常；最新值为 %[5]s（%[6]s）。",
	}
	msgBandWas = message{
		"%[1]s, was %[2]s at %[3]s, anomalous from %[4]s to %[5]s.",
		"%[1]s，%[3]s 时为 %[2]s，异常时段为 %[4]s 至 %[5]s。",
	}
	msgBandGone     = message{"No samples since %[1]s. %[2]s before.", "自 %[1]s 起没有数据。此前%[2]s。"}
	msgBandFurthest = message{" Furthest: %[1]s at %[2]s.", "偏离最大时为 %[1]s（%[2]s）。"}

	msgOnceHours = message{" Such a deviation comes about once in %d hours.", "这样的偏离大约每 %d 小时出现一次。"}
	msgOnceDays  = message{" Such a deviation comes about once in %d days.", "这样的偏离大约每 %d 天出现一次。"}
	msgOnceNever = message{" Such a deviation comes less than once in %d years.", "这样的偏离 %d 年也难得出现一次。"}

	msgWordSample   = message{"sample", "样本"}
	msgWordValue    = message{"value", "实际值"}
	msgWordExpected = message{"expected", "预期值"}
	msgWordBand     = message{"expected range", "预期范围"}
	msgWordLower    = message{"lower bound", "下限"}
	msgWordUpper    = message{"upper bound", "上限"}
	msgWordFurthest = message{"most unusual", "偏离最大"}
	msgWordNewest   = message{"newest", "最新"}
)

// summarizeBand says what was expected, what the series is or was, since when, and how rare that is.
func (inv *investigation) summarizeBand(d deviation) string {
	var b strings.Builder
	expected, since, peak := inv.expectedText(d), formatTime(d.since), bandCell(d.unit, d.peak.Value)
	switch {
	case d.gone:
		return inv.say(msgBandGone, since, expected)
	case !inv.ended.IsZero() && d.ended.IsZero():
		d.ended = inv.ended
		fallthrough
	case !inv.ended.IsZero():
		b.WriteString(inv.say(msgBandWas, expected, peak, formatTime(d.peak.At), since, formatTime(d.ended)))
	case beyondBand(d):
		b.WriteString(inv.say(msgBandIs, expected, bandCell(d.unit, d.last.Value), since))
		if d.last.At.After(d.peak.At) && bandCell(d.unit, d.last.Value) != peak {
			b.WriteString(inv.say(msgBandFurthest, peak, formatTime(d.peak.At)))
		}
	default:
		b.WriteString(inv.say(msgBandBack, expected, peak, formatTime(d.peak.At), since, bandCell(d.unit, d.last.Value), formatTime(d.last.At)))
	}
	b.WriteString(inv.onceText(d.peak.OnceIn))
	return b.String()
}

// beyondBand reports whether the newest value is on the side of the most unusual one, beyond what was expected then: "expected 40 to
// 55, is 12" contradicts itself otherwise.
func beyondBand(d deviation) bool {
	v, p := d.last.Value, d.peak
	switch {
	case !bounded(v):
		return false
	case p.Value < p.Expected:
		return v < p.Expected && (!bounded(p.Lower) || v <= p.Lower || p.Value > p.Lower)
	default:
		return v > p.Expected && (!bounded(p.Upper) || v >= p.Upper || p.Value < p.Upper)
	}
}

// expectedText says what was expected of the most unusual sample. One that lies within its bounds is unusual because it lasts: it is
// compared with the middle.
func (inv *investigation) expectedText(d deviation) string {
	p, lower, upper := d.peak, bounded(d.peak.Lower), bounded(d.peak.Upper)
	if !d.gone && (!lower || p.Value > p.Lower) && (!upper || p.Value < p.Upper) && bounded(p.Expected) {
		return inv.say(msgExpectedAbout, d.unit.Format(p.Expected))
	}
	switch {
	case lower && upper:
		return inv.say(msgExpectedRange, d.unit.Format(p.Lower), d.unit.Format(p.Upper))
	case lower:
		return inv.say(msgExpectedLeast, d.unit.Format(p.Lower))
	case upper:
		return inv.say(msgExpectedMost, d.unit.Format(p.Upper))
	}
	return inv.say(msgExpectedAbout, bandCell(d.unit, p.Expected))
}

const dayLong = 24 * time.Hour

// claimedYears bounds what is said of rarity: what a few weeks tell of more is no figure.
const claimedYears = 10

// onceText says how rare a deviation is; "" where no rate is promised.
func (inv *investigation) onceText(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d >= claimedYears*365*dayLong:
		return inv.say(msgOnceNever, claimedYears)
	case d < 2*dayLong:
		return inv.say(msgOnceHours, max(1, int(d.Hours())))
	}
	return inv.say(msgOnceDays, int(d/dayLong))
}

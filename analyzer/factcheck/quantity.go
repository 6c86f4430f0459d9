package factcheck

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/alertscribe/alertscribe/text"
)

// dimension is what a number measures.
type dimension int

// The dimensions that are told apart. A plain number may stand for any of them: metrics say less than words do.
const (
	dimPlain    dimension = iota
	dimRatio              // base unit 1
	dimPoints             // percentage points, base unit 1
	dimSpan               // seconds
	dimSize               // bytes
	dimFactor             // how many times as much
	dimCount              // how many there are of something: of a fact only
	dimMultiple           // no dimension of its own: thousand, million
)

// slack is how loosely a number is said.
type slack int

// The kinds of slack.
const (
	slackNone slack = iota
	slackAbout
	slackOver
	slackUnder
)

// quantity is a number with its unit, as a text has it.
type quantity struct {
	text   string
	value  float64 // in the unit shown, ≥ 0
	ulp    float64 // one unit of the last place shown
	scale  float64 // of the unit, to the base unit
	binary float64 // the scale if MB meant MiB; else 0
	dim    dimension
	slack  slack
	rate   bool // per second or so
	change bool // said to be how far something moved: "by 30 %"
	others bool // said to be all but one: "the other 40"
}

// measuredQuantity returns a number that was measured, not written.
func measuredQuantity(value float64, dim dimension) quantity {
	return quantity{value: math.Abs(value), scale: 1, dim: dim}
}

func (q quantity) base() float64 { return q.value * q.scale }

// holdsFor reports whether the claim q holds for a fact f: equal within the claim's rounding, in some unit that both may
// have. A plain number on either side is compared both as it stands and in base units.
func (q quantity) holdsFor(f quantity) bool {
	switch {
	case q.rate && q.dim == dimPlain && f.dim != dimPlain: // 50/s are neither 48 % nor 50 seconds
		return false
	case q.dim == dimPlain:
		return q.near(f.value) || q.near(f.base()) || q.others && (f.dim == dimPlain || f.dim == dimCount) && q.near(f.value-1)
	case f.dim == dimCount:
		return q.dim == dimFactor && q.near(f.value) // it restarted 3 times
	case f.dim == dimPlain:
		return f.unitless(q.dim) && q.near(f.value) || (q.dim != dimRatio || f.value <= 1) && q.nearBase(f.value)
	case q.dim == f.dim:
		return q.nearBase(f.base())
	}
	return false
}

// unitless reports whether a plain number may have been measured in any unit of a dimension, as milliseconds and
// percent are. Small whole numbers are rather counts of something.
func (q quantity) unitless(dim dimension) bool {
	whole := q.value == math.Trunc(q.value)
	return dim == dimFactor && whole || !q.rate && (dim == dimRatio || dim == dimSpan) && (q.value >= 10 || !whole)
}

func (q quantity) nearBase(base float64) bool {
	return q.near(base/q.scale) || q.binary != 0 && q.near(base/q.binary)
}

const (
	aboutShare = .10  // how far off "about 600" may be
	overShare  = 1.34 // how much more than 600 "more than 600" may be; "less than" likewise
	roundShare = .02  // how far off 12000 may be, where it is unknown how many zeros count
)

// near reports whether x, in the unit shown, may be written as the claim is: rounded to its last place, or cut off there if
// it has more than one digit.
func (q quantity) near(x float64) bool {
	x = math.Abs(x)
	return q.rounds(x) || q.value >= 10*q.ulp && x >= q.value && x < (q.value+q.ulp)*(1-1e-9)
}

// rounds reports whether x ≥ 0, in the unit shown, becomes the claim when it is rounded, as loosely as the claim says.
func (q quantity) rounds(x float64) bool {
	v := q.value
	eps := 1e-9 * max(v, x)
	switch diff := math.Abs(x - v); {
	case math.IsNaN(diff) || math.IsInf(diff, 0):
		return false
	case diff <= q.ulp/2+eps:
		return true
	case q.slack == slackAbout:
		return diff <= aboutShare*v
	case q.slack == slackOver:
		return x >= v && x <= overShare*v
	case q.slack == slackUnder:
		return x <= v && x*overShare >= v
	default:
		return v >= 1000 && q.ulp == 1 && math.Mod(v, 100) == 0 && diff <= roundShare*v
	}
}

// unit is a word behind a number.
type unit struct {
	word   string
	dim    dimension
	scale  float64
	binary float64
	tight  bool // counts only without a space before it: 5m, 10k
}

var units = longestFirst([]unit{
	{word: "%", dim: dimRatio, scale: .01},
	{word: "percent", dim: dimRatio, scale: .01},
	{word: "per cent", dim: dimRatio, scale: .01},
	{word: "percentage points", dim: dimPoints, scale: .01},
	{word: "percentage point", dim: dimPoints, scale: .01},
	{word: "pp", dim: dimPoints, scale: .01},
	{word: "个百分点", dim: dimPoints, scale: .01},
	{word: "‰", dim: dimRatio, scale: .001},
	{word: "ns", dim: dimSpan, scale: 1e-9},
	{word: "µs", dim: dimSpan, scale: 1e-6},
	{word: "μs", dim: dimSpan, scale: 1e-6},
	{word: "us", dim: dimSpan, scale: 1e-6},
	{word: "微秒", dim: dimSpan, scale: 1e-6},
	{word: "ms", dim: dimSpan, scale: .001},
	{word: "milliseconds", dim: dimSpan, scale: .001},
	{word: "millisecond", dim: dimSpan, scale: .001},
	{word: "毫秒", dim: dimSpan, scale: .001},
	{word: "s", dim: dimSpan, scale: 1},
	{word: "sec", dim: dimSpan, scale: 1},
	{word: "secs", dim: dimSpan, scale: 1},
	{word: "second", dim: dimSpan, scale: 1},
	{word: "seconds", dim: dimSpan, scale: 1},
	{word: "秒钟", dim: dimSpan, scale: 1},
	{word: "秒", dim: dimSpan, scale: 1},
	{word: "m", dim: dimSpan, scale: 60, tight: true},
	{word: "min", dim: dimSpan, scale: 60},
	{word: "mins", dim: dimSpan, scale: 60},
	{word: "minute", dim: dimSpan, scale: 60},
	{word: "minutes", dim: dimSpan, scale: 60},
	{word: "分钟", dim: dimSpan, scale: 60},
	{word: "分", dim: dimSpan, scale: 60},
	{word: "h", dim: dimSpan, scale: 3600},
	{word: "hr", dim: dimSpan, scale: 3600},
	{word: "hrs", dim: dimSpan, scale: 3600},
	{word: "hour", dim: dimSpan, scale: 3600},
	{word: "hours", dim: dimSpan, scale: 3600},
	{word: "个小时", dim: dimSpan, scale: 3600},
	{word: "小时", dim: dimSpan, scale: 3600},
	{word: "d", dim: dimSpan, scale: 86400, tight: true},
	{word: "day", dim: dimSpan, scale: 86400},
	{word: "days", dim: dimSpan, scale: 86400},
	{word: "天", dim: dimSpan, scale: 86400},
	{word: "w", dim: dimSpan, scale: 7 * 86400, tight: true},
	{word: "week", dim: dimSpan, scale: 7 * 86400},
	{word: "weeks", dim: dimSpan, scale: 7 * 86400},
	{word: "周", dim: dimSpan, scale: 7 * 86400},
	{word: "B", dim: dimSize, scale: 1},
	{word: "byte", dim: dimSize, scale: 1},
	{word: "bytes", dim: dimSize, scale: 1},
	{word: "字节", dim: dimSize, scale: 1},
	{word: "KB", dim: dimSize, scale: 1e3, binary: 1 << 10},
	{word: "kB", dim: dimSize, scale: 1e3, binary: 1 << 10},
	{word: "MB", dim: dimSize, scale: 1e6, binary: 1 << 20},
	{word: "GB", dim: dimSize, scale: 1e9, binary: 1 << 30},
	{word: "TB", dim: dimSize, scale: 1e12, binary: 1 << 40},
	{word: "KiB", dim: dimSize, scale: 1 << 10},
	{word: "MiB", dim: dimSize, scale: 1 << 20},
	{word: "GiB", dim: dimSize, scale: 1 << 30},
	{word: "TiB", dim: dimSize, scale: 1 << 40},
	{word: "Ki", dim: dimSize, scale: 1 << 10, tight: true},
	{word: "Mi", dim: dimSize, scale: 1 << 20, tight: true},
	{word: "Gi", dim: dimSize, scale: 1 << 30, tight: true},
	{word: "Ti", dim: dimSize, scale: 1 << 40, tight: true},
	{word: "x", dim: dimFactor, scale: 1},
	{word: "×", dim: dimFactor, scale: 1},
	{word: "times", dim: dimFactor, scale: 1},
	{word: "fold", dim: dimFactor, scale: 1},
	{word: "倍", dim: dimFactor, scale: 1},
	{word: "k", dim: dimMultiple, scale: 1e3, tight: true},
	{word: "K", dim: dimMultiple, scale: 1e3, tight: true},
	{word: "M", dim: dimMultiple, scale: 1e6, tight: true},
	{word: "G", dim: dimMultiple, scale: 1e9, tight: true},
	{word: "thousand", dim: dimMultiple, scale: 1e3},
	{word: "million", dim: dimMultiple, scale: 1e6},
	{word: "billion", dim: dimMultiple, scale: 1e9},
	{word: "千", dim: dimMultiple, scale: 1e3},
	{word: "万", dim: dimMultiple, scale: 1e4},
	{word: "百万", dim: dimMultiple, scale: 1e6},
	{word: "亿", dim: dimMultiple, scale: 1e8},
})

// longestFirst files units under their first byte, so that "minutes" is tried before "min" and "m".
func longestFirst(list []unit) map[byte][]unit {
	filed := map[byte][]unit{}
	for _, u := range list {
		first := u.word[0]
		at := 0
		for at < len(filed[first]) && len(filed[first][at].word) >= len(u.word) {
			at++
		}
		filed[first] = append(filed[first][:at:at], append([]unit{u}, filed[first][at:]...)...)
	}
	return filed
}

// unitAt returns the unit at the start of s, after at most one space or hyphen, and how many bytes both take.
func unitAt(s string) (unit, int) {
	rest := strings.TrimPrefix(s, " ")
	if rest == s && len(s) > 1 && s[0] == '-' {
		rest = s[1:]
	}
	skipped := len(s) - len(rest)
	if rest == "" {
		return unit{}, 0
	}
	for _, u := range units[rest[0]] {
		if !strings.HasPrefix(rest, u.word) || u.tight && skipped > 0 {
			continue
		}
		after := rest[len(u.word):]
		if after != "" && isLetter(u.word[0]) && isWordByte(after[0]) &&
			(u.dim != dimSpan || !isDigit(after[0])) { // 1h30m goes on with a digit
			continue
		}
		return u, skipped + len(u.word)
	}
	return unit{}, 0
}

var (
	numeralForm = regexp.MustCompile(`^(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:[eE][+-]?\d{1,2})?)`)
	rateForm    = regexp.MustCompile(`^(?:/s|/sec|/min|/分钟|/秒)`)
)

// longestQuantity bounds how far a number with its unit is read.
const longestQuantity = 80

// quantityAt reads the number with its unit at the start of s, and returns how many bytes it takes; 0 for none.
func quantityAt(s string) (q quantity, n int) {
	s = text.CutBytes(s, longestQuantity)
	found := numeralForm.FindString(s)
	if found == "" {
		return q, 0
	}
	digits := strings.ReplaceAll(found, ",", "")
	value, err := strconv.ParseFloat(digits, 64)
	if err != nil || math.IsInf(value, 0) {
		return q, 0
	}
	q = quantity{value: value, ulp: lastPlace(digits), scale: 1}
	n = len(found)
	for range 2 { // a multiple, then what is counted
		u, length := unitAt(s[n:])
		if length == 0 {
			break
		}
		n += length
		if u.dim != dimMultiple {
			q.dim, q.scale, q.binary = u.dim, u.scale, u.binary
			break
		}
		q.value, q.ulp = q.value*u.scale, q.ulp*u.scale
	}
	if per := rateForm.FindString(s[n:]); per != "" && q.dim != dimSpan && (len(s) == n+len(per) || !isWordByte(s[n+len(per)])) {
		q.rate = true
		n += len(per)
	}
	q.text = s[:n]
	return q, n
}

// lastPlace returns what one unit of the last digit is worth.
func lastPlace(digits string) float64 {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(digits), "e")
	power, _ := strconv.Atoi(exponent) // 0 for none
	if _, fraction, ok := strings.Cut(mantissa, "."); ok {
		power -= len(fraction)
	}
	return math.Pow10(power)
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func isLetter(b byte) bool { b |= 0x20; return b >= 'a' && b <= 'z' }

func isWordByte(b byte) bool { return isDigit(b) || isLetter(b) || b == '_' }

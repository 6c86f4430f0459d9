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
	plain    dimension = iota
	ratio              // base unit 1
	points             // percentage points, base unit 1
	span               // seconds
	size               // bytes
	factor             // how many times as much
	counted            // how many there are of something: of a fact only
	multiple           // no dimension of its own: thousand, million
)

// slack is how loosely a number is said.
type slack int

// The kinds of slack.
const (
	exact slack = iota
	about
	over
	under
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

// measured returns a number that was measured, not written.
func measured(value float64, dim dimension) quantity {
	return quantity{value: math.Abs(value), scale: 1, dim: dim}
}

func (q quantity) base() float64 { return q.value * q.scale }

// holdsFor reports whether the claim q holds for a fact f: equal within the claim's rounding, in some unit that both may
// have. A plain number on either side is compared both as it stands and in base units.
func (q quantity) holdsFor(f quantity) bool {
	switch {
	case q.dim == plain:
		return q.near(f.value) || q.near(f.base()) || q.others && (f.dim == plain || f.dim == counted) && q.near(f.value-1)
	case f.dim == counted:
		return q.dim == factor && q.near(f.value) // it restarted 3 times
	case f.dim == plain:
		return f.unitless(q.dim) && q.near(f.value) || (q.dim != ratio || f.value <= 1) && q.nearBase(f.value)
	case q.dim == f.dim:
		return q.nearBase(f.base())
	}
	return false
}

// unitless reports whether a plain number may have been measured in any unit of a dimension, as milliseconds and
// percent are. Small whole numbers are rather counts of something.
func (q quantity) unitless(dim dimension) bool {
	whole := q.value == math.Trunc(q.value)
	return dim == factor && whole || !q.rate && (dim == ratio || dim == span) && (q.value >= 10 || !whole)
}

func (q quantity) nearBase(base float64) bool {
	return q.near(base/q.scale) || q.binary != 0 && q.near(base/q.binary)
}

const (
	aboutShare = .10  // how far off "about 600" may be
	overShare  = 1.34 // how much more than 600 "more than 600" may be; "less than" likewise
	roundShare = .02  // how far off 12000 may be, of which nobody knows how many zeros count
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
	case q.slack == about:
		return diff <= aboutShare*v
	case q.slack == over:
		return x >= v && x <= overShare*v
	case q.slack == under:
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
	{word: "%", dim: ratio, scale: .01},
	{word: "percent", dim: ratio, scale: .01},
	{word: "per cent", dim: ratio, scale: .01},
	{word: "percentage points", dim: points, scale: .01},
	{word: "percentage point", dim: points, scale: .01},
	{word: "pp", dim: points, scale: .01},
	{word: "个百分点", dim: points, scale: .01},
	{word: "‰", dim: ratio, scale: .001},
	{word: "ns", dim: span, scale: 1e-9},
	{word: "µs", dim: span, scale: 1e-6},
	{word: "μs", dim: span, scale: 1e-6},
	{word: "us", dim: span, scale: 1e-6},
	{word: "微秒", dim: span, scale: 1e-6},
	{word: "ms", dim: span, scale: .001},
	{word: "milliseconds", dim: span, scale: .001},
	{word: "millisecond", dim: span, scale: .001},
	{word: "毫秒", dim: span, scale: .001},
	{word: "s", dim: span, scale: 1},
	{word: "sec", dim: span, scale: 1},
	{word: "secs", dim: span, scale: 1},
	{word: "second", dim: span, scale: 1},
	{word: "seconds", dim: span, scale: 1},
	{word: "秒钟", dim: span, scale: 1},
	{word: "秒", dim: span, scale: 1},
	{word: "m", dim: span, scale: 60, tight: true},
	{word: "min", dim: span, scale: 60},
	{word: "mins", dim: span, scale: 60},
	{word: "minute", dim: span, scale: 60},
	{word: "minutes", dim: span, scale: 60},
	{word: "分钟", dim: span, scale: 60},
	{word: "分", dim: span, scale: 60},
	{word: "h", dim: span, scale: 3600},
	{word: "hr", dim: span, scale: 3600},
	{word: "hrs", dim: span, scale: 3600},
	{word: "hour", dim: span, scale: 3600},
	{word: "hours", dim: span, scale: 3600},
	{word: "个小时", dim: span, scale: 3600},
	{word: "小时", dim: span, scale: 3600},
	{word: "d", dim: span, scale: 86400, tight: true},
	{word: "day", dim: span, scale: 86400},
	{word: "days", dim: span, scale: 86400},
	{word: "天", dim: span, scale: 86400},
	{word: "w", dim: span, scale: 7 * 86400, tight: true},
	{word: "week", dim: span, scale: 7 * 86400},
	{word: "weeks", dim: span, scale: 7 * 86400},
	{word: "周", dim: span, scale: 7 * 86400},
	{word: "B", dim: size, scale: 1},
	{word: "byte", dim: size, scale: 1},
	{word: "bytes", dim: size, scale: 1},
	{word: "字节", dim: size, scale: 1},
	{word: "KB", dim: size, scale: 1e3, binary: 1 << 10},
	{word: "kB", dim: size, scale: 1e3, binary: 1 << 10},
	{word: "MB", dim: size, scale: 1e6, binary: 1 << 20},
	{word: "GB", dim: size, scale: 1e9, binary: 1 << 30},
	{word: "TB", dim: size, scale: 1e12, binary: 1 << 40},
	{word: "KiB", dim: size, scale: 1 << 10},
	{word: "MiB", dim: size, scale: 1 << 20},
	{word: "GiB", dim: size, scale: 1 << 30},
	{word: "TiB", dim: size, scale: 1 << 40},
	{word: "Ki", dim: size, scale: 1 << 10, tight: true},
	{word: "Mi", dim: size, scale: 1 << 20, tight: true},
	{word: "Gi", dim: size, scale: 1 << 30, tight: true},
	{word: "Ti", dim: size, scale: 1 << 40, tight: true},
	{word: "x", dim: factor, scale: 1},
	{word: "×", dim: factor, scale: 1},
	{word: "times", dim: factor, scale: 1},
	{word: "fold", dim: factor, scale: 1},
	{word: "倍", dim: factor, scale: 1},
	{word: "k", dim: multiple, scale: 1e3, tight: true},
	{word: "K", dim: multiple, scale: 1e3, tight: true},
	{word: "M", dim: multiple, scale: 1e6, tight: true},
	{word: "G", dim: multiple, scale: 1e9, tight: true},
	{word: "thousand", dim: multiple, scale: 1e3},
	{word: "million", dim: multiple, scale: 1e6},
	{word: "billion", dim: multiple, scale: 1e9},
	{word: "千", dim: multiple, scale: 1e3},
	{word: "万", dim: multiple, scale: 1e4},
	{word: "百万", dim: multiple, scale: 1e6},
	{word: "亿", dim: multiple, scale: 1e8},
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
			(u.dim != span || !isDigit(after[0])) { // 1h30m goes on with a digit
			continue
		}
		return u, skipped + len(u.word)
	}
	return unit{}, 0
}

var (
	numeral = regexp.MustCompile(`^(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:[eE][+-]?\d{1,2})?)`)
	perTime = regexp.MustCompile(`^(?:/s|/sec|/min|/分钟|/秒)`)
)

// longestQuantity bounds how far a number with its unit is read.
const longestQuantity = 80

// quantityAt reads the number with its unit at the start of s, and returns how many bytes it takes; 0 for none.
func quantityAt(s string) (q quantity, n int) {
	s = text.CutBytes(s, longestQuantity)
	found := numeral.FindString(s)
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
		if u.dim != multiple {
			q.dim, q.scale, q.binary = u.dim, u.scale, u.binary
			break
		}
		q.value, q.ulp = q.value*u.scale, q.ulp*u.scale
	}
	if per := perTime.FindString(s[n:]); per != "" && q.dim != span && (len(s) == n+len(per) || !isWordByte(s[n+len(per)])) {
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

package factcheck

import (
	"regexp"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/text"
)

var (
	aboutBefore = regexp.MustCompile(`(?i)(?:\b(?:about|around|approximately|approx\.?|roughly|nearly|almost|some|close to)|~|≈|约|大概|近|接近|几乎) ?$`)
	aboutAfter  = regexp.MustCompile(`^ ?(?:左右|上下|or so)`)
	overBefore  = regexp.MustCompile(`(?i)(?:\b(?:over|more than|above|exceed(?:s|ed|ing)?|at least|greater than|beyond)|[^-=]>=?|≥|超过|逾|超|高于|大于|至少) ?$`)
	overAfter   = regexp.MustCompile(`^ ?(?:以上|多|or more)`)
	underBefore = regexp.MustCompile(`(?i)(?:\b(?:under|below|less than|fewer than|at most|up to|within)|<=?|≤|不到|低于|少于|不足|小于|最多) ?$`)
	underAfter  = regexp.MustCompile(`^ ?(?:以下|以内|or less)`)
	byBefore    = regexp.MustCompile(`(?i)(?:\b(?:by|(?:rise|increase|growth|drop|decrease|fall|jump) of)|了|上升|增加|增长|升高|下降|降低|减少) ?(?:(?:about|around|roughly|nearly|almost|over|~|约|近|超过) ?)?$`)

	moreAfter = regexp.MustCompile(`(?i)^ ?(?:of )?(?:additional|more|extra|higher|lower|less|fewer)\b`)
	allButOne = regexp.MustCompile(`(?i)(?:\b(?:other|others|remaining|rest of)|其余|其他|另外|剩余|另有) ?$`)

	// What a number is in its place: not a quantity, or not one of the evidence.
	ordinalBefore = regexp.MustCompile(`(?i)(?:\b(?:rank(?:ed)?|top|step|phase|stage|tier|level|layer|no\.?|number|option|hypothesis|cause|item|` +
		`port|pid|section|priority|first|last|past|next|least|alert)|#|第|前|最近|过去|端口) ?$`)
	ordinalAfter  = regexp.MustCompile(`(?i)^(?: ?(?:st|nd|rd|th) )? ?(?:percentile|分位)`)
	guessBefore   = regexp.MustCompile(`(?i)(?:likelihood|probability|chance|confidence|可能性|概率|把握)\W*(?:\w+ ){0,2}\D{0,12}$`)
	productBefore = regexp.MustCompile(`(?:\b[A-Z][a-z]+[A-Z]\w*|\b(?:Java|Python|Redis|Kafka|Kubernetes|Linux|Debian|Ubuntu|Nginx|Windows|Mongo)) $`)
	versionBefore = regexp.MustCompile(`(?i)(?:\b(?:version|release|build|tag)|版本号?) ?$`)
	alwaysForm    = regexp.MustCompile(`^(?:24/7|24[x×]7|7[x×]24)`)
	compoundForm  = regexp.MustCompile(`^\d{1,3}-[A-Za-z]+`) // three-node, two-factor
)

var (
	looseBefore = regexp.MustCompile(`(?i)(?:\b(?:about|around|approximately|before|after|by|until|till|near)|~|≈|约|近) ?$`)
	looseAfter  = regexp.MustCompile(`^ ?(?:左右|前后|之?前|之?后|许|\(?(?:about|approximately))`)
	beijingTime = regexp.MustCompile(`(?:北京时间|CST) ?$`)
)

// addTimestamp files a timestamp, with what stands around it.
func (p *claimParser) addTimestamp(t timestamp, i, n int) {
	if p.source {
		p.timestamps = append(p.timestamps, t)
		return
	}
	before, after := p.around(i, n)
	t.loose = t.loose || looseBefore.MatchString(before) || looseAfter.MatchString(after)
	if beijingTime.MatchString(before) {
		t.shift(-8 * 3600)
	}
	if len(p.timestamps) < maxClaims && !slices.Contains(p.timestamps, t) {
		p.timestamps = append(p.timestamps, t)
	}
}

// claim files a number as what it is in its place.
func (p *claimParser) claim(q quantity, i, n int) {
	before, after := p.around(i, n)
	if q.dim == dimPlain && versionBefore.MatchString(before) {
		p.name(nameClaim{text: q.text, strong: true})
		return
	}
	listed := strings.HasPrefix(after, ")") && (before == "" || strings.HasSuffix(before, "("))
	if q.dim == dimPlain && (listed || prefixLength(before) || productBefore.MatchString(before)) ||
		ordinalBefore.MatchString(before) || ordinalAfter.MatchString(after) || guessBefore.MatchString(before) {
		return
	}
	q.change = byBefore.MatchString(before) || moreAfter.MatchString(after)
	q.others = allButOne.MatchString(before) || strings.HasPrefix(after, " other")
	switch {
	case aboutBefore.MatchString(before) || aboutAfter.MatchString(after):
		q.slack = slackAbout
	case overBefore.MatchString(before) || overAfter.MatchString(after):
		q.slack = slackOver
	case underBefore.MatchString(before) || underAfter.MatchString(after):
		q.slack = slackUnder
	}
	if !slices.Contains(p.quantities, q) {
		p.quantities = append(p.quantities, q)
	}
}

// prefixLength reports whether a number after this is one of a network's prefix: "a /24".
func prefixLength(before string) bool {
	return strings.HasSuffix(before, "/") && (len(before) == 1 || !isWordByte(before[len(before)-2]))
}

// around returns a little of what stands before and after a part of the text.
func (p *claimParser) around(i, n int) (before, after string) {
	return p.s[max(i-lookBack, 0):i], text.CutBytes(p.s[i+n:], lookBack)
}

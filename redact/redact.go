package redact

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The kinds of secrets, as they stand in placeholders and in Counts. The set is closed: it may label a metric.
const (
	Password      = "password"
	Token         = "token"
	APIKey        = "api_key"
	GenericSecret = "secret"
	PrivateKey    = "private_key"
	Authorization = "authorization"
	Cookie        = "cookie"
	JWT           = "jwt"
	Webhook       = "webhook"
	Custom        = "custom" // found by the user's own expressions
)

// Kinds lists all kinds, for metrics that start at zero.
func Kinds() []string {
	return []string{
		Password, Token, APIKey, GenericSecret, PrivateKey, Authorization, Cookie, JWT, Webhook, Custom,
	}
}

// maxPasses bounds how often a text is read again after a change. One more pass than the first is what it takes;
// a text that is made to need many is given up on rather than worked on for ever.
const maxPasses = 8

// Redactor holds the rules. It is safe for concurrent use.
type Redactor struct {
	extra []extraRule
}

// extraRule is one of the user's own expressions; group is what to replace, 0 for the whole match.
type extraRule struct {
	re    *regexp.Regexp
	group int
}

// New returns a Redactor with the built-in rules and the user's own regular expressions (RE2). An expression replaces
// its whole match, or only the group named secret where it has one: `emp-(?P<secret>\d+)`. The error names the
// expression that does not compile, or that would match the empty string.
func New(extra []string) (*Redactor, error) {
	r := &Redactor{}
	for i, expr := range extra {
		re, err := regexp.Compile(expr)
		if err != nil {
			return nil, fmt.Errorf("reading redaction expression %d, %q: %w", i+1, expr, err)
		}
		if re.MatchString("") {
			return nil, fmt.Errorf("reading redaction expression %d, %q: it matches the empty string; require a character", i+1, expr)
		}
		r.extra = append(r.extra, extraRule{re, max(re.SubexpIndex("secret"), 0)})
	}
	return r, nil
}

// Session returns a new numbering, in which the same secret always gets the same placeholder.
func (r *Redactor) Session() *Session {
	return &Session{redactor: r, placeholders: map[string]placeholder{}, counts: map[string]int{}, taken: map[int]bool{}}
}

// Session redacts the texts of one prompt, so that a reader can tell that two places hold the same secret. It
// remembers the secrets: drop it after use. It is not safe for concurrent use.
type Session struct {
	redactor     *Redactor
	placeholders map[string]placeholder // by secret
	known        known
	counts       map[string]int
	last         int
	taken        map[int]bool // numbers of placeholders that the texts brought along
}

type placeholder struct{ kind, text string }

// Text returns s with placeholders where it had secrets, and where it repeats a secret that this Session has met before. All else
// stays byte for byte, except that bytes which are not UTF-8 become U+FFFD. Redacting what was redacted changes nothing.
//
// A text that came before the one that gave a secret away has it still: whoever puts texts together does it twice if Counts is not
// empty after the first time, with the same Session.
func (s *Session) Text(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	for range maxPasses {
		present := placeholdersIn(text)
		for _, p := range present {
			s.taken[p.number] = true
		}
		all := views(text)
		spans := s.redactor.find(text, all)
		for _, sp := range spans {
			s.learn(text[sp.start:sp.end], sp.kind)
		}
		spans = keepWhole(merge(append(spans, s.known.findAll(all)...)), present)
		if len(spans) == 0 {
			break
		}
		text = s.replace(text, spans)
	}
	return text
}

// learn remembers a secret, and what it holds, so that it is known where nothing announces it.
func (s *Session) learn(secret, kind string) {
	secret = visible(secret)
	s.known.add(secret, kind)
	if plain, err := url.PathUnescape(secret); err == nil && plain != secret && utf8.ValidString(plain) {
		s.known.add(plain, kind)
	}
	switch kind {
	case Authorization: // of Basic, the password
		if _, password, ok := strings.Cut(decodedText(secret), ":"); ok {
			s.known.add(password, Password)
		}
	case Cookie:
		for pair := range strings.SplitSeq(secret, ";") {
			if _, value, ok := strings.Cut(pair, "="); ok && looksRandom(value) {
				s.known.add(value, kind)
			}
		}
	}
}

// Counts returns how many placeholders were put, by kind.
func (s *Session) Counts() map[string]int {
	return maps.Clone(s.counts)
}

func (s *Session) replace(text string, spans []span) string {
	var b strings.Builder
	b.Grow(len(text) + 8*len(spans))
	from := 0
	for _, sp := range spans {
		p := s.placeholder(sp.kind, text[sp.start:sp.end])
		s.counts[p.kind]++
		b.WriteString(text[from:sp.start])
		b.WriteString(p.text)
		from = sp.end
	}
	b.WriteString(text[from:])
	return b.String()
}

func (s *Session) placeholder(kind, secret string) placeholder {
	secret = visible(secret)
	p, ok := s.placeholders[secret]
	if !ok {
		for s.last++; s.taken[s.last]; s.last++ {
			continue
		}
		p = placeholder{kind, placeholderStart + kind + ":" + strconv.Itoa(s.last) + "]"}
		s.placeholders[strings.Clone(secret)] = p
	}
	return p
}

// span is a place in a text that holds a secret.
type span struct {
	start, end int
	kind       string
}

// find returns the places of secrets in text, in any order, overlapping or not.
func (r *Redactor) find(text string, all []view) []span {
	var spans []span
	for _, v := range all {
		c := scanner{s: v.text}
		c.run()
		for _, sp := range c.spans {
			start := v.origin(sp.start)
			if start > 0 && text[start-1] == 0x1b { // not half of a terminal sequence
				start--
			}
			spans = append(spans, span{start, v.origin(sp.end), sp.kind})
		}
	}
	if len(r.extra) == 0 {
		return spans
	}
	spans = append(spans, r.findExtra(view{text: text})...)
	if v := shown(text); v.marks != nil {
		spans = append(spans, r.findExtra(v)...)
	}
	return spans
}

// findExtra returns what the user's expressions find in a view.
func (r *Redactor) findExtra(v view) []span {
	var spans []span
	for _, rule := range r.extra {
		for _, m := range rule.re.FindAllStringSubmatchIndex(v.text, -1) {
			if start, end := m[2*rule.group], m[2*rule.group+1]; start < end {
				spans = append(spans, span{v.origin(start), v.origin(end), Custom})
			}
		}
	}
	return spans
}

// merge sorts spans and joins those that overlap under the kind of the first.
func merge(spans []span) []span {
	slices.SortStableFunc(spans, func(a, b span) int { return a.start - b.start })
	merged := spans[:0]
	for _, sp := range spans {
		if n := len(merged); n > 0 && sp.start < merged[n-1].end {
			merged[n-1].end = max(merged[n-1].end, sp.end)
			continue
		}
		merged = append(merged, sp)
	}
	return merged
}

// keepWhole drops the spans that lie within a placeholder and widens those that would cut one.
func keepWhole(spans []span, present []present) []span {
	if len(present) == 0 {
		return spans
	}
	kept := spans[:0]
	next := 0
	for _, sp := range spans {
		for next < len(present) && present[next].end <= sp.start {
			next++
		}
		within := false
		for i := next; i < len(present) && present[i].start < sp.end; i++ {
			p := present[i]
			within = within || p.start <= sp.start && sp.end <= p.end
			sp.start, sp.end = min(sp.start, p.start), max(sp.end, p.end)
		}
		if !within {
			kept = append(kept, sp)
		}
	}
	return merge(kept)
}

package analyzer

import (
	"errors"
	"html"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/analyzer/loosejson"
	"github.com/alertscribe/alertscribe/text"
)

// Why an answer could not be read. What is wrong with its shape is an error of its own. The model is told.
var (
	errNoJSON  = errors.New("no json object found")
	errCutOff  = errors.New("the json is truncated or invalid")
	errUnclear = errors.New("it can't be told which json object is the answer")
)

const (
	maxContent = 256 << 10 // bytes of an answer that are looked at
	maxObjects = 100       // objects in an answer, and places where one begins that can't be read
	maxEffort  = 2 << 20   // bytes that are read in search of them
	maxInner   = 3         // how deep JSON is looked for in strings of JSON
)

// foundObject is a JSON object or list of them that stands in an answer.
type foundObject struct {
	from       int // where the words begin that may introduce it
	start, end int
	value      loosejson.Value
}

// scan is what stands in an answer outside of its asides.
type scan struct {
	content string
	whole   bool          // the model says that it has ended by itself
	cut     bool          // the provider says that it was cut
	objects []foundObject // complete ones
	broken  []int         // where an object begins that can't be read
	open    int           // where an aside begins that has no end; len(content) when there is none
	from    int           // where what was looked at last ends: an aside or an object
	effort  int           // bytes that were read
}

var (
	mayBegin  = regexp.MustCompile(`[{｛]|\[\s*[{｛]|"\s*[{｛]`)
	keyBegins = regexp.MustCompile(`^[\[\s]*[{｛]\s*(?:["'“”‘’＂` + "`" + `]|\\")?[\p{L}_ -]{1,40}(?:["'“”‘’＂` + "`" + `]|\\")?\s*[:：]`)
)

// endsInKey matches an object that ends before its first colon.
var endsInKey = regexp.MustCompile("^[\\[\\s]*[{｛]\\s*[\"'“”‘’＂`]?[\\p{L}_ -]{0,40}[\"'“”‘’＂`]?\\s*`*\\s*$")

// scanAnswer looks at an answer from its beginning to its end.
func scanAnswer(content string, cut, whole bool) scan {
	s := scan{content: content, open: len(content), cut: cut, whole: whole}
	signs, at := signsIn(content), 0
	for at < len(content) && s.effort < maxEffort && len(s.objects)+len(s.broken) < maxObjects {
		var g *sign
		g, signs = nextSign(signs, at)
		begin := len(content)
		if m := mayBegin.FindStringIndex(content[at:]); m != nil {
			begin = at + m[0]
		}
		switch {
		case g == nil && begin == len(content):
			return s
		case g == nil || begin < g.at:
			at = s.read(begin)
		case !g.opens: // all before it was a thought
			s.objects, s.broken = nil, nil
			at, s.from = g.ends, g.ends
		default:
			if at = asideEnd(signs, *g); at == 0 {
				s.open = g.at
				return s
			}
			s.from = at
		}
	}
	if at < len(content) { // there is too much in it to say what is the answer
		s.broken = append(s.broken, at)
	}
	return s
}

// read reads the object at an offset and returns where to go on.
func (s *scan) read(at int) (next int) {
	rest := s.content[at:]
	s.effort += 100
	if rest[0] == '"' { // JSON in a string
		text, n, err := loosejson.Read(rest)
		if err != nil || text.Loose {
			return at + 1
		}
		value, end, err := loosejson.Read(text.Text)
		if err != nil || strings.TrimSpace(text.Text[end:]) != "" {
			return at + 1
		}
		return s.add(at, at+n, value)
	}
	value, n, err := loosejson.Read(rest)
	s.effort += n
	if errors.Is(err, loosejson.ErrCut) && s.whole && !s.cut {
		if tail := strings.TrimRight(rest, " \t\r\n`"); strings.HasSuffix(tail, "]") { // one brace was forgotten: no item is missing
			if v, end, again := loosejson.Read(tail + "}"); again == nil && end == len(tail)+1 && hasAll(v) {
				value, n, err = v, len(rest), nil
			}
		}
	}
	if err == nil && value.Loose && swallowed(value) {
		err = errCutOff
	}
	if err == nil {
		return s.add(at, at+n, value)
	}
	if keyBegins.MatchString(text.CutBytes(rest, 200)) || endsInKey.MatchString(rest) && (len(rest) > 2 || s.beginsLine(at)) {
		s.broken = append(s.broken, at)
	}
	return at + 1
}

func (s *scan) add(start, end int, value loosejson.Value) (next int) {
	s.objects = append(s.objects, foundObject{s.from, start, end, value})
	s.from = end
	return end
}

// hasAll reports whether a verdict has the keys that matter.
func hasAll(v loosejson.Value) bool {
	f := fieldsOf(v)
	return f["summary"].Kind == loosejson.String && f["causes"].Kind == loosejson.Array && f["actions"].Kind == loosejson.Array &&
		f["missing_evidence"].Kind == loosejson.Array
}

const keyList = `(?:summary|category|severity|insufficient_?evidence|causes|hypothesis|likelihood|evidence|disproof|actions|step|why|command|risk|prevention|missing_?evidence|checks|promql|would_?refute)`

// swallows matches what no string of a verdict holds: the end of a string was missed.
var swallows = regexp.MustCompile(`(?i)</\s*think|` + "```" + `\s*(?:json)?\s*[{｛]` +
	`|["'“”‘’＂]\s*` + keyList + `(?:\W{0,3}[:：]|["'“”＂]\W{0,2}["“”＂])|\b` + keyList + `["'“”‘’＂]\s*[:：]`)

// oddKey matches what no key holds.
var oddKey = regexp.MustCompile(`["“”＂{}\[\]:,;#/\n]`)

// swallowed reports whether a string or a key of a value that was read with tolerance goes on over its end.
func swallowed(v loosejson.Value) bool {
	if v.Kind == loosejson.String && swallows.MatchString(v.Text) && !strings.HasPrefix(strings.TrimSpace(v.Text), "{") {
		return true
	}
	return slices.ContainsFunc(v.Items, swallowed) ||
		slices.ContainsFunc(v.Members, func(m loosejson.Member) bool { return swallowed(m.Value) || oddKey.MatchString(m.Key) })
}

// findVerdict returns the verdict in an answer: the last whole object outside of thoughts, quotations, examples and schemas. Where that
// can't be told, or where something follows that may have replaced it, there is none.
func findVerdict(content string, cut, whole bool) (loosejson.Value, error) {
	content = strings.ReplaceAll(text.CutBytes(content, maxContent), "\x00", "")
	return findIn(content, cut, whole, 0)
}

func findIn(content string, cut, whole bool, depth int) (loosejson.Value, error) {
	if inner, ok := unwrapString(content); ok && depth < maxInner {
		return findIn(inner, cut, whole, depth+1)
	}
	if escapedQuote.MatchString(content) {
		content = html.UnescapeString(content)
	}
	s := scanAnswer(content, cut, whole)
	v, err := s.choose(depth)
	escaped := strings.Contains(content, `{\"`) || strings.Contains(content, `{ \"`) || strings.Contains(content, `{\n`)
	if err != nil && depth < maxInner && len(s.objects) == 0 && escaped {
		if inner, again := findIn(unescape.Replace(content), cut, whole, maxInner); again == nil {
			return inner, nil
		}
	}
	return v, err
}

var unescape = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n", `\t`, "\t")

// escapedQuote matches the beginning of an object, or its key, whose quotation marks are HTML's.
var escapedQuote = regexp.MustCompile(`\{\s*&(?:quot|#34|#x22);|&(?:quot|#34|#x22);summary&`)

// unwrapString returns the text of an answer that is one JSON string.
func unwrapString(content string) (inner string, ok bool) {
	content = strings.TrimSpace(content)
	if !strings.HasPrefix(content, `"`) {
		return "", false
	}
	v, end, err := loosejson.Read(content)
	return v.Text, err == nil && end == len(content) && v.Kind == loosejson.String
}

// choose returns the verdict among what was found.
func (s *scan) choose(depth int) (loosejson.Value, error) {
	problem := error(errNoJSON)
	if slices.ContainsFunc(s.objects, func(o foundObject) bool { return !o.value.Loose && len(o.value.Members) > 0 }) {
		problem = errors.New(`the key "summary" is missing`)
	}
	if len(s.broken) > 0 {
		problem = errCutOff
	}
	last, chosen := -1, loosejson.Value{}
	for i, o := range s.objects {
		v, err := verdictIn(o.value, depth)
		switch {
		case errors.Is(err, errNoJSON):
			continue
		case err != nil:
			last, problem = -1, err
		case s.isAside(i):
			if problem = errUnclear; last >= 0 && !pointsBack.MatchString(s.content[o.from:o.start]) {
				continue
			}
			last = -1
		case last >= 0 && s.rivals(chosen, v, o):
			last, problem = -1, errUnclear
		default:
			last, chosen = i, v
		}
	}
	if last < 0 {
		return loosejson.Value{}, problem
	}
	return chosen, s.doubt(last)
}

// rivals reports whether two verdicts differ and what is said between them does not tell which one counts: the later one does where
// nothing is said, where the earlier one is taken back, and where the later one is introduced as the answer.
func (s *scan) rivals(earlier, later loosejson.Value, o foundObject) bool {
	between := strings.Trim(s.content[o.from:o.start], "`*_ \t\r\n")
	if between == "" || strings.EqualFold(between, "json") || finalWords.MatchString(between) || answerWords.MatchString(between) || retracts.MatchString(between) {
		return false
	}
	return !reflect.DeepEqual(earlier.Members, later.Members)
}

// doubt returns why the object may not be the answer; nil when it is.
func (s *scan) doubt(i int) error {
	o := s.objects[i]
	for _, at := range s.broken {
		if at >= o.end {
			return errCutOff
		}
		if at < o.start && !s.beginsLine(o.start) { // it may be a part of what could not be read
			return errCutOff
		}
	}
	after, from := "", o.end
	for j, later := range s.objects[i+1:] {
		f := fieldsOf(later.value)
		part := f["summary"].Kind + f["causes"].Kind + f["hypothesis"].Kind + f["actions"].Kind + f["step"].Kind
		if part != loosejson.Null && !s.isAside(i+1+j) {
			return errUnclear // it may replace a part
		}
		after, from = after+s.content[from:later.start], later.end
	}
	tail := spoken(s.content[from:s.open])
	after = spoken(after) + "\n" + tail
	switch {
	case s.open < len(s.content) && (s.cut || strings.ContainsAny(s.content[s.open:], "{｛")):
		return errCutOff
	case s.cut && strings.Trim(after, "`*_ \t\r\n}])") != "" && !closingTag.MatchString(after):
		return errCutOff
	case strings.HasSuffix(tail, ":") || strings.HasSuffix(tail, "："): // what it announces is missing
		return errCutOff
	case retracts.MatchString(after), i > 0 && pointsBack.MatchString(after):
		return errUnclear
	}
	return nil
}

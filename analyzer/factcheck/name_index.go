package factcheck

import (
	"index/suffixarray"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

const (
	maxIndexBytes = 1 << 20  // of text in which names are looked up
	maxURLBytes   = 32 << 10 // of a generatorURL
	maxSightings  = 50       // of a name, of which one must stand by itself
)

// nameIndex finds names in all text of the alerts and the evidence.
type nameIndex struct {
	text  []byte // in lower case
	index *suffixarray.Index
	whole bool // there was room for all of the text
}

func newNameIndex(inc *incident.Incident, evidence []incident.Evidence) *nameIndex {
	g := &gatherer{whole: true, seen: map[string]bool{}, pairs: map[[2]string]bool{}}
	g.incident(inc)
	for i := range evidence {
		g.evidence(&evidence[i])
	}
	x := &nameIndex{text: []byte(g.b.String()), whole: g.whole}
	x.index = suffixarray.New(x.text)
	return x
}

// gatherer gathers text, bounded.
type gatherer struct {
	b     strings.Builder
	seen  map[string]bool    // alerts of one group say much the same
	pairs map[[2]string]bool // labels by name and value, and links
	whole bool
}

func (g *gatherer) add(texts ...string) {
	for _, s := range texts {
		if g.seen[s] {
			continue
		}
		g.seen[s] = true
		if g.b.Len()+len(s) > maxIndexBytes {
			g.whole = false
			continue
		}
		g.b.WriteString(strings.ToLower(uniform(s)))
		g.b.WriteByte('\n')
	}
}

func (g *gatherer) labels(labels map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if pair := [2]string{key, labels[key]}; !g.pairs[pair] {
			g.pairs[pair] = true
			g.add(key + "=" + strconv.Quote(labels[key]))
		}
	}
}

func (g *gatherer) incident(inc *incident.Incident) {
	g.add(inc.Alertname, inc.Severity, inc.Receiver, inc.GroupKey, inc.ExternalURL)
	g.labels(inc.GroupLabels)
	for _, a := range inc.Alerts {
		g.labels(a.Labels)
		g.labels(a.Annotations)
		if link := [2]string{"", a.GeneratorURL}; !g.pairs[link] {
			g.pairs[link] = true
			g.add(expressionOf(a.GeneratorURL), a.GeneratorURL)
		}
	}
}

func (g *gatherer) evidence(e *incident.Evidence) {
	g.add(e.Title, e.Summary)
	if e.Kind != incident.KindCheck { // a check's query is the model's own words
		g.add(e.Query, e.Link)
	}
	g.add(e.Lines...)
	for _, r := range e.Ranking {
		g.labels(r.Labels)
	}
	if e.Table != nil {
		g.add(e.Table.Columns...)
		for _, row := range e.Table.Rows {
			g.add(row...)
		}
	}
	if e.Chart != nil {
		for _, s := range e.Chart.Series {
			g.add(s.Name)
		}
	}
}

// expressionOf returns the expression in a generatorURL.
func expressionOf(generatorURL string) string {
	u, err := url.Parse(text.CutBytes(generatorURL, maxURLBytes))
	if err != nil {
		return ""
	}
	return u.Query().Get("g0.expr")
}

// has reports whether s stands in the text by itself: no letter or digit goes on where it begins, nor where it ends unless it
// is a prefix.
func (x *nameIndex) has(s string, prefix bool) bool {
	s = strings.ToLower(s)
	if s == "" {
		return true
	}
	for _, at := range x.index.Lookup([]byte(s), maxSightings) {
		end := at + len(s)
		if at > 0 && isWordByte(s[0]) && isAlphanumeric(x.text[at-1]) {
			continue
		}
		if prefix || end == len(x.text) || !isWordByte(s[len(s)-1]) || !isAlphanumeric(x.text[end]) {
			return true
		}
	}
	return false
}

// knows reports whether a name stands in the text, in one of the forms in which it may be written.
func (x *nameIndex) knows(n nameClaim) bool {
	if !x.whole || x.has(n.text, n.prefix) {
		return true
	}
	bare, _ := strings.CutSuffix(n.text, "'s")
	for _, suffix := range []string{"/32", ".x", ".*", "*", "s"} {
		if stem, ok := strings.CutSuffix(bare, suffix); ok && x.has(stem, suffix == "*") {
			return true
		}
	}
	for strings.HasSuffix(bare, ".x") {
		bare = strings.TrimSuffix(bare, ".x")
	}
	if bare != n.text && x.has(bare, false) {
		return true
	}
	if version, ok := strings.CutPrefix(bare, "v"); ok && version != "" && isDigit(version[0]) && x.has(version, false) {
		return true
	}
	if isDigit(bare[0]) && x.has("v"+bare, false) {
		return true
	}
	return !n.strong && x.hasParts(n.text)
}

// hasParts reports whether each part of a name stands in the text: login-service, where the evidence has login and service.
func (x *nameIndex) hasParts(s string) bool {
	for _, part := range strings.FieldsFunc(s, func(c rune) bool { return c == '-' || c == '.' || c == '_' || c == '/' || c == ':' }) {
		if strings.Trim(part, "0123456789") != part || !x.has(part, false) && !x.has(strings.TrimSuffix(part, "s"), false) {
			return false
		}
	}
	return true
}

// hasValue reports whether a number is the value of some label, or a part of one or of a name: a status code, a shard, a bucket.
func (x *nameIndex) hasValue(q quantity) bool {
	return q.dim == dimPlain && (len(x.index.Lookup([]byte(strconv.Quote(q.text)), 1)) > 0 || x.hasPart(q.text))
}

// hasPart reports whether some digits stand as a part of a name, between signs that join its parts: 429 in http_429, not in 10.2.4.29.
func (x *nameIndex) hasPart(digits string) bool {
	if len(digits) < 2 || !isDigits(digits) {
		return false
	}
	for _, at := range x.index.Lookup([]byte(digits), maxSightings) {
		end := at + len(digits)
		joined := at > 1 && joinsParts(x.text[at-1]) && isLetter(x.text[at-2]) ||
			end+1 < len(x.text) && joinsParts(x.text[end]) && isLetter(x.text[end+1])
		if joined && endsPart(x.text, at-1) && endsPart(x.text, end) {
			return true
		}
	}
	return false
}

func joinsParts(b byte) bool { return b == '_' || b == '-' }

// endsPart reports whether a part of a name may begin after, or end before, the byte at i: none of a number goes on there.
func endsPart(s []byte, i int) bool {
	return i < 0 || i >= len(s) || !isAlphanumeric(s[i]) && s[i] != '.' && s[i] != ':' && s[i] != ','
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

func isAlphanumeric(b byte) bool { return isDigit(b) || isLetter(b) }

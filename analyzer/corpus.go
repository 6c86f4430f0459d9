package analyzer

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
)

// query returns the expression in a generatorURL.
func query(generatorURL string) string {
	u, err := url.Parse(cutBytes(generatorURL, maxRaw))
	if err != nil {
		return ""
	}
	return u.Query().Get("g0.expr")
}

// corpus gathers text, bounded.
type corpus struct {
	b     strings.Builder
	seen  map[string]bool // alerts of one group say much the same
	whole bool
}

func (c *corpus) add(texts ...string) {
	for _, s := range texts {
		if c.seen[s] {
			continue
		}
		c.seen[s] = true
		if c.b.Len()+len(s) > maxText {
			c.whole = false
			continue
		}
		c.b.WriteString(strings.ToLower(uniform(s)))
		c.b.WriteByte('\n')
	}
}

func (c *corpus) labels(labels map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		c.add(key + "=" + strconv.Quote(labels[key]))
	}
}

// allText returns all text in which a name may stand, in lower case, and whether there was room for all.
func allText(inc *incident.Incident, evidence []incident.Evidence) (string, bool) {
	c := &corpus{whole: true, seen: map[string]bool{}}
	c.add(inc.Alertname, inc.Severity, inc.Receiver, inc.GroupKey, inc.ExternalURL)
	c.labels(inc.GroupLabels)
	for _, a := range inc.Alerts {
		c.labels(a.Labels)
		c.labels(a.Annotations)
		c.add(query(a.GeneratorURL), a.GeneratorURL)
	}
	for _, e := range evidence {
		c.add(e.Title, e.Summary)
		if e.Kind != incident.KindCheck { // a check's query is the model's own words
			c.add(e.Query, e.Link)
		}
		for _, r := range e.Ranking {
			c.labels(r.Labels)
		}
		if e.Table != nil {
			c.add(e.Table.Columns...)
			for _, row := range e.Table.Rows {
				c.add(row...)
			}
		}
		if e.Chart != nil {
			for _, s := range e.Chart.Series {
				c.add(s.Name)
			}
		}
	}
	return c.b.String(), c.whole
}

// has reports whether s stands in the text by itself: no letter or digit goes on where it begins and ends.
func (g *grounds) has(s string, prefix bool) bool {
	s = strings.ToLower(s)
	if s == "" {
		return true
	}
	for _, at := range g.names.Lookup([]byte(s), maxSightings) {
		end := at + len(s)
		if at > 0 && wordByte(s[0]) && alphanumeric(g.text[at-1]) {
			continue
		}
		if prefix || end == len(g.text) || !wordByte(s[len(s)-1]) || !alphanumeric(g.text[end]) {
			return true
		}
	}
	return false
}

func alphanumeric(b byte) bool { return digit(b) || letter(b) }

// knows reports whether a name is in the evidence or the alerts, in one of the forms in which it may be written.
func (g *grounds) knows(n name) bool {
	if !g.whole || g.has(n.text, n.prefix) {
		return true
	}
	bare, _ := strings.CutSuffix(n.text, "'s")
	for _, suffix := range []string{"/32", ".x", ".*", "*", "s"} {
		if cut, ok := strings.CutSuffix(bare, suffix); ok && g.has(cut, suffix == "*") {
			return true
		}
	}
	for strings.HasSuffix(bare, ".x") {
		bare = strings.TrimSuffix(bare, ".x")
	}
	if bare != n.text && g.has(bare, false) {
		return true
	}
	if version, ok := strings.CutPrefix(bare, "v"); ok && version != "" && digit(version[0]) && g.has(version, false) {
		return true
	}
	if digit(bare[0]) && g.has("v"+bare, false) {
		return true
	}
	if n.strong {
		return false
	}
	// login-service, where the evidence has login and service.
	for _, part := range strings.FieldsFunc(n.text, func(c rune) bool { return c == '-' || c == '.' || c == '_' || c == '/' || c == ':' }) {
		if strings.Trim(part, "0123456789") != part || !g.has(part, false) && !g.has(strings.TrimSuffix(part, "s"), false) {
			return false
		}
	}
	return true
}

// value reports whether a number is the value of some label, or the end of some name: a status code, a shard, a bucket.
func (g *grounds) value(q quantity) bool {
	return q.dim == plain && (len(g.names.Lookup([]byte(strconv.Quote(q.text)), 1)) > 0 || len(q.text) > 2 && g.has("_"+q.text, false))
}

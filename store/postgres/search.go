package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/prometheus/alertmanager/pkg/labels"
	"golang.org/x/text/unicode/norm"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/layout"
	"github.com/alertscribe/alertscribe/text"
)

// Bounds of what is searched for and in, as in package store.
const (
	maxSearchAlerts = 1000   // of an incident
	maxLabelValue   = 200    // bytes of a label's value that count
	maxSearchWords  = 12     // of a query
	maxSearchWord   = 100    // characters of one
	maxLabelValues  = 10_000 // that a matcher is tried on
	maxToken        = 255    // bytes of a word
	maxPositions    = 16_000 // words of a text; PostgreSQL counts to 16383
)

// tokens returns the words of a text as they are compared: without accents and capitals. They are letters and digits alone, so that
// nothing of a stranger's text is syntax.
func tokens(s string) []string {
	plain := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(valid(s)))
	all := strings.FieldsFunc(plain, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) })
	for i := range all {
		all[i] = text.CutBytes(norm.NFC.String(all[i]), maxToken)
	}
	return all[:min(len(all), maxPositions)]
}

// vector returns a text as a tsvector.
func vector(s string) string {
	var out strings.Builder
	for i, token := range tokens(s) {
		fmt.Fprintf(&out, "'%s':%d ", token, i+1)
	}
	return out.String()
}

// phrase returns the tsquery of a word of a query, whose parts follow each other and of which the last may go on; "" for none.
func phrase(word string) string {
	parts := tokens(layout.Spaced(text.Cut(word, maxSearchWord)))
	for i := range parts {
		parts[i] = "'" + parts[i] + "'"
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, " <-> ") + ":*"
}

// searched is what an incident is found by.
type searched struct {
	words        string
	labels       map[string][]string
	fingerprints []string
}

// searchable returns what an incident is found by, in the order in which its alerts are kept.
func searchable(inc *incident.Incident) searched {
	out := searched{labels: map[string][]string{}, fingerprints: []string{}}
	said, known := map[string]bool{}, map[[2]string]bool{}
	var words strings.Builder
	say := func(s string) {
		if s != "" && !said[s] && words.Len() < layout.MaxSearchText {
			said[s] = true
			words.WriteString(layout.SearchWords(s))
		}
	}
	say(inc.Alertname)
	for _, a := range inc.Alerts[:min(len(inc.Alerts), maxSearchAlerts)] {
		out.fingerprints = append(out.fingerprints, valid(a.Fingerprint))
		for _, name := range sortedKeys(a.Labels) {
			label := [2]string{labelName(name), labelValue(a.Labels[name])}
			if !known[label] {
				known[label] = true
				out.labels[label[0]] = append(out.labels[label[0]], label[1])
			}
			say(a.Labels[name])
		}
		for _, name := range []string{"summary", "message", "description"} {
			say(a.Annotations[name])
		}
	}
	for _, f := range inc.Feedback {
		say(f.Text)
	}
	out.words = words.String()
	return out
}

func labelName(name string) string   { return column(name) }
func labelValue(value string) string { return text.CutBytes(valid(value), maxLabelValue) }

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// writeSearch writes what an incident is found by where that may have changed.
func (c *changes) writeSearch(r *record) error {
	inc, was := r.inc, r.saved
	if was != nil && layout.SameSlice(was.Alerts, inc.Alerts) && layout.SameSlice(was.Feedback, inc.Feedback) {
		return nil
	}
	found := searchable(inc)
	labels, err := json.Marshal(found.labels)
	if err != nil {
		return err
	}
	if was != nil {
		old := searchable(was)
		oldLabels, err := json.Marshal(old.labels)
		if err != nil {
			return err
		}
		if found.words == old.words && slices.Equal(labels, oldLabels) && slices.Equal(found.fingerprints, old.fingerprints) {
			return nil
		}
	}
	c.Queue(`INSERT INTO search (seq, words, labels, fingerprints) VALUES ($1, $2::tsvector, $3::jsonb, $4)
		ON CONFLICT (seq) DO UPDATE SET words = excluded.words, labels = excluded.labels, fingerprints = excluded.fingerprints`,
		r.seq, vector(found.words), string(labels), found.fingerprints)
	return nil
}

// where is a condition under construction.
type where struct {
	conditions []string
	args       []any
	searched   bool // it is about search (s), too
}

// arg adds an argument and returns its place.
func (w *where) arg(value any) string {
	w.args = append(w.args, value)
	return fmt.Sprint("$", len(w.args))
}

func (w *where) and(condition string) { w.conditions = append(w.conditions, condition) }

// sql returns the condition.
func (w *where) sql() string {
	if len(w.conditions) == 0 {
		return "true"
	}
	return strings.Join(w.conditions, " AND ")
}

func (w *where) clone() *where {
	return &where{slices.Clone(w.conditions), slices.Clone(w.args), w.searched}
}

// fitting returns the condition of a query on incidents (i) and search (s), but for its status, severity, and place.
func (s *Store) fitting(ctx context.Context, q incident.Query) (*where, error) {
	w := &where{searched: q.Fingerprint != "" || strings.TrimSpace(q.Text) != "" || len(q.Match) > 0}
	if q.Alertname != "" {
		w.and(`i.alertname = ` + w.arg(column(q.Alertname)))
	}
	if q.OnlySkipped {
		w.and(`i.analysis_reason = 'skipped'`)
	}
	if q.GroupKey != "" {
		w.and(`i.key_hash = ` + w.arg(keyHash(q.GroupKey)))
	}
	if q.Fingerprint != "" {
		w.and(`s.fingerprints @> ` + w.arg([]string{valid(q.Fingerprint)}))
	}
	if strings.TrimSpace(q.Text) != "" {
		w.words(q.Text)
	}
	for _, m := range q.Match {
		if err := s.match(ctx, w, m); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// words adds a condition for each word; a text without any letter or digit finds nothing.
func (w *where) words(query string) {
	n := 0
	for word := range strings.FieldsSeq(text.Clean(query)) {
		p := phrase(word)
		if p == "" {
			continue
		}
		if n++; n > maxSearchWords {
			return
		}
		place := w.arg(p)
		w.and(`(s.words @@ ` + place + `::tsquery OR s.verdict @@ ` + place + `::tsquery)`)
	}
	if n == 0 {
		w.and(`false`)
	}
}

// match adds the condition that a matcher is: see incident.Query.
func (s *Store) match(ctx context.Context, w *where, m *labels.Matcher) error {
	name := labelName(m.Name)
	negative := m.Type == labels.MatchNotEqual || m.Type == labels.MatchNotRegexp
	missing := m.Matches("")
	there := func() string { return `s.labels ? ` + w.arg(name) + `::text` }
	var has string // one of the values that it is about
	switch {
	case m.Type == labels.MatchRegexp || m.Type == labels.MatchNotRegexp:
		values, err := s.values(ctx, m, negative)
		if err != nil {
			return err
		}
		has = `s.labels -> ` + w.arg(name) + `::text ?| ` + w.arg(values) + `::text[]`
	case m.Value == "":
		has = `false`
	default:
		contained, err := json.Marshal(map[string][]string{name: {labelValue(m.Value)}})
		if err != nil {
			return err
		}
		has = `s.labels @> ` + w.arg(string(contained)) + `::jsonb`
	}
	switch {
	case missing == negative && negative: // who lacks the label has none of the values, and that is right
		w.and(`NOT coalesce(` + has + `, false)`)
	case missing == negative:
		w.and(`coalesce(` + has + `, false)`)
	case missing: // equal to "", or a regular expression that matches it
		w.and(`(NOT ` + there() + ` OR ` + has + `)`)
	default: // not equal to "", or not by a regular expression that matches it
		w.and(`(` + there() + ` AND NOT ` + has + `)`)
	}
	return nil
}

// values returns the values of a label that a matcher matches, or those that it does not.
func (s *Store) values(ctx context.Context, m *labels.Matcher, not bool) ([]string, error) {
	type row struct{ Value string }
	found, err := collect[row](ctx, s, "reading the values of a label",
		`SELECT DISTINCT value FROM search, jsonb_array_elements_text(labels -> $1::text) AS value WHERE labels ? $1::text LIMIT $2`,
		labelName(m.Name), maxLabelValues+1)
	if err != nil {
		return nil, err
	}
	if len(found) > maxLabelValues {
		return nil, fmt.Errorf("%w: %s has more than %d values", incident.ErrTooManyValues, m.Name, maxLabelValues)
	}
	values := []string{}
	for _, r := range found {
		if m.Matches(r.Value) != not {
			values = append(values, r.Value)
		}
	}
	return values, nil
}

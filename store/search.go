package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/layout"
	"github.com/alertscribe/alertscribe/text"
)

// Bounds of what is searched for and in, so that neither a large group nor a long query costs much.
const (
	maxSearchAlerts = 1000   // of an incident
	maxFacetValue   = 200    // bytes of a label's value that count
	maxSearchWords  = 12     // of a query
	maxSearchWord   = 100    // characters of one
	maxLabelValues  = 10_000 // that a matcher is tried on
	termsPerSearch  = 200    // of one expression
)

// A facet is a word of letters and digits whatever strangers put into labels. Its first letter says what it is of; the rest is
// hexadecimal, so that the letter between name and value separates them.
const (
	labelFacet       = "l"
	valueFacet       = "g" // between the name and the value of a label
	afterValueFacet  = "h"
	fingerprintFacet = "p"
	groupFacet       = "k"
)

func facetOf(name, value string) string {
	return labelFacet + hex.EncodeToString([]byte(name)) + valueFacet + hex.EncodeToString([]byte(text.CutBytes(value, maxFacetValue)))
}

// facetOfFingerprint returns a facet that no alert has for what is no fingerprint: it must not become syntax.
func facetOfFingerprint(fingerprint string) string {
	if strings.Trim(fingerprint, "0123456789abcdef") != "" {
		return fingerprintFacet + "none"
	}
	return fingerprintFacet + fingerprint
}

func facetOfGroup(key string) string {
	sum := sha256.Sum256([]byte(key))
	return groupFacet + hex.EncodeToString(sum[:8])
}

// searchable returns what an incident is found by, in the order in which its alerts are kept.
func searchable(inc *incident.Incident) (words, facets string) {
	said, labeled := map[string]bool{}, map[string]bool{}
	var text, facet strings.Builder
	say := func(s string) {
		if s != "" && !said[s] && text.Len() < layout.MaxSearchText {
			said[s] = true
			text.WriteString(layout.SearchWords(s))
		}
	}
	enter := func(s string) {
		if !labeled[s] {
			labeled[s] = true
			facet.WriteString(s + " ")
		}
	}
	say(inc.Alertname)
	enter(facetOfGroup(inc.GroupKey))
	for _, a := range inc.Alerts[:min(len(inc.Alerts), maxSearchAlerts)] {
		enter(fingerprintFacet + a.Fingerprint)
		for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
			enter(facetOf(name, a.Labels[name]))
			say(a.Labels[name])
		}
		for _, name := range []string{"summary", "message", "description"} {
			say(a.Annotations[name])
		}
	}
	for _, f := range inc.Feedback {
		say(f.Text)
	}
	return text.String(), facet.String()
}

// writeSearch writes what an incident is found by where that may have changed.
func (b *batch) writeSearch(ctx context.Context, seq int64, was, inc *incident.Incident) error {
	if was != nil && layout.SameSlice(was.Alerts, inc.Alerts) && layout.SameSlice(was.Feedback, inc.Feedback) {
		return nil
	}
	words, facets := searchable(inc)
	if was != nil {
		if oldWords, oldFacets := searchable(was); words == oldWords && facets == oldFacets {
			return nil
		}
	}
	return b.exec(ctx, upsertSearch, seq, words, facets)
}

// writeSearchVerdict writes what an incident is found by of its verdict.
func (b *batch) writeSearchVerdict(ctx context.Context, seq int64, v *incident.Verdict) error {
	if v == nil {
		return nil // what was said before stays true of the incident's past
	}
	said := []string{v.Summary, v.Prose}
	for _, c := range v.Causes {
		said = append(said, c.Hypothesis)
	}
	return b.exec(ctx, upsertSearchVerdict, seq, layout.SearchWords(strings.Join(said, "\n")))
}

// backfillSearch enters incidents that are older than the search, a few at a time, so that the writer is free in between.
func (s *Store) backfillSearch(ctx context.Context) {
	for {
		var below int64
		if err := s.readStmts[selectBackfill].QueryRowContext(ctx).Scan(&below); err != nil || below <= 1 {
			return
		}
		if err := s.do(ctx, func(ctx context.Context, b *batch) error { return b.backfill(ctx, below) }); err != nil {
			if !errors.Is(err, ErrClosed) {
				s.opts.Logger.Warn("Entering older incidents into the search failed; it goes on after the next start", "err", err)
			}
			return
		}
	}
}

func (b *batch) backfill(ctx context.Context, below int64) error {
	type row struct {
		layout.Stored

		verdict []byte
	}
	rows, err := b.stmt(ctx, selectUnsearched).QueryContext(ctx, below)
	if err != nil {
		return fmt.Errorf("reading older incidents: %w", err)
	}
	found, err := scanAll(rows, func(r *row) []any { return append(r.Fields(), &r.verdict) })
	if err != nil {
		return fmt.Errorf("reading older incidents: %w", err)
	}
	below = 0
	for _, r := range found {
		below = r.Seq
		inc, err := r.Decode()
		if err != nil {
			return err
		}
		if err := b.writeSearch(ctx, r.Seq, nil, inc); err != nil {
			return err
		}
		var verdict *incident.Verdict
		if len(r.verdict) > 0 && json.Unmarshal(r.verdict, &verdict) == nil {
			if err := b.writeSearchVerdict(ctx, r.Seq, verdict); err != nil {
				return err
			}
		}
	}
	return b.exec(ctx, updateBackfill, below)
}

// seqs is a set of incidents by their seq.
type seqs []uint64

func (s seqs) has(seq int64) bool {
	at := int(seq >> 6)
	return at < len(s) && s[at]&(1<<(seq&63)) != 0
}

func (s *seqs) add(seq int64) {
	for int(seq>>6) >= len(*s) {
		*s = append(*s, make([]uint64, max(len(*s), 64))...)
	}
	(*s)[seq>>6] |= 1 << (seq & 63)
}

// search adds to a set what an expression of FTS5 finds.
func (s *Store) search(ctx context.Context, into *seqs, query, expression string) error {
	var found string
	if err := s.readStmts[query].QueryRowContext(ctx, expression).Scan(&found); err != nil {
		return fmt.Errorf("searching incidents: %w", err)
	}
	if found == "" {
		return nil
	}
	for one := range strings.SplitSeq(found, ",") {
		seq, err := strconv.ParseInt(one, 10, 64)
		if err != nil {
			return fmt.Errorf("searching incidents: %w", err)
		}
		into.add(seq)
	}
	return nil
}

// condition is what an incident has to fulfil.
type condition func(seq int64) bool

// conditions returns what a query wants that only the search knows.
func (s *Store) conditions(ctx context.Context, q incident.Query) ([]condition, error) {
	var all []condition
	for _, facet := range []string{facetIf(q.Fingerprint != "", facetOfFingerprint(q.Fingerprint)), facetIf(q.GroupKey != "", facetOfGroup(q.GroupKey))} {
		if facet == "" {
			continue
		}
		found, err := s.withFacets(ctx, []string{facet})
		if err != nil {
			return nil, err
		}
		all = append(all, found.has)
	}
	if strings.TrimSpace(q.Text) != "" {
		found, err := s.withWords(ctx, q.Text)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	for _, m := range q.Match {
		c, err := s.matching(ctx, m)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func facetIf(wanted bool, facet string) string {
	if !wanted {
		return ""
	}
	return facet
}

// withWords returns a condition for each word. Nothing of a query gets into the expression but letters, digits, and
// spaces within quotes; one without any letter or digit finds nothing.
func (s *Store) withWords(ctx context.Context, query string) ([]condition, error) {
	var all []condition
	for word := range strings.FieldsSeq(text.Clean(query)) {
		phrase := strings.Join(strings.FieldsFunc(layout.Spaced(text.Cut(word, maxSearchWord)), func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r)
		}), " ")
		if phrase == "" {
			continue
		}
		if len(all) == maxSearchWords {
			break
		}
		found, expression := &seqs{}, `words : "`+phrase+`" *`
		for _, in := range []string{searchIncidents, searchVerdicts} {
			if err := s.search(ctx, found, in, expression); err != nil {
				return nil, err
			}
		}
		all = append(all, found.has)
	}
	if len(all) == 0 {
		return []condition{func(int64) bool { return false }}, nil
	}
	return all, nil
}

// withFacets returns the incidents that have one of the facets.
func (s *Store) withFacets(ctx context.Context, facets []string) (*seqs, error) {
	found := &seqs{}
	for some := range slices.Chunk(facets, termsPerSearch) {
		if err := s.search(ctx, found, searchIncidents, `facets : ("`+strings.Join(some, `" OR "`)+`")`); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// matching returns the condition that a matcher is.
func (s *Store) matching(ctx context.Context, m *labels.Matcher) (condition, error) {
	prefix := labelFacet + hex.EncodeToString([]byte(m.Name)) + valueFacet
	negative := m.Type == labels.MatchNotEqual || m.Type == labels.MatchNotRegexp
	facets := []string{facetOf(m.Name, m.Value)}
	if m.Type == labels.MatchRegexp || m.Type == labels.MatchNotRegexp {
		var err error
		if facets, err = s.facetsOf(ctx, prefix, m, negative); err != nil {
			return nil, err
		}
	} else if m.Value == "" {
		facets = nil
	}
	found, err := s.withFacets(ctx, facets)
	if err != nil {
		return nil, err
	}
	missing := m.Matches("")
	if missing == negative { // who lacks the label has none of the facets, and that is right
		return func(seq int64) bool { return found.has(seq) != negative }, nil
	}
	labeled := &seqs{}
	if err := s.search(ctx, labeled, searchIncidents, `facets : "`+prefix+`" *`); err != nil {
		return nil, err
	}
	return func(seq int64) bool {
		if !labeled.has(seq) {
			return missing
		}
		if m.Value == "" && !negative && m.Type == labels.MatchEqual {
			return false
		}
		return found.has(seq) != negative
	}, nil
}

// facetsOf returns the facets of the values of a label that a matcher matches, or those that it does not.
func (s *Store) facetsOf(ctx context.Context, prefix string, m *labels.Matcher, not bool) ([]string, error) {
	end := strings.TrimSuffix(prefix, valueFacet) + afterValueFacet
	rows, err := s.readStmts[selectTerms].QueryContext(ctx, prefix, end, maxLabelValues+1)
	if err != nil {
		return nil, fmt.Errorf("reading the values of a label: %w", err)
	}
	terms, err := scanAll(rows, func(term *string) []any { return []any{term} })
	if err != nil {
		return nil, fmt.Errorf("reading the values of a label: %w", err)
	}
	if len(terms) > maxLabelValues {
		return nil, fmt.Errorf("%w: %s has more than %d values", incident.ErrTooManyValues, m.Name, maxLabelValues)
	}
	return slices.DeleteFunc(terms, func(term string) bool {
		value, err := hex.DecodeString(strings.TrimPrefix(term, prefix))
		return err != nil || m.Matches(string(value)) == not
	}), nil
}

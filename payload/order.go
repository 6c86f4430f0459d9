package payload

import (
	"bytes"
	"encoding/json"
	"slices"
)

// annotationOrder returns the names of an alert's annotations in the order of the body; nil where that is alphabetical, as
// Alertmanager and Grafana always send them: their order says nothing about what the rule's author had in mind.
func annotationOrder(raw []byte, annotations map[string]string) []string {
	if len(annotations) < 2 {
		return nil
	}
	var last []byte
	sorted := true
	scanNames(raw, func(name []byte) {
		sorted = sorted && bytes.Compare(last, name) < 0
		last = name
	})
	if sorted { // nearly always, and then nothing was copied
		return nil
	}
	var names []string
	scanNames(raw, func(quoted []byte) {
		var name string
		if json.Unmarshal(quoted, &name) != nil {
			return
		}
		names = slices.DeleteFunc(names, func(n string) bool { return n == name }) // of a key that is there twice, the last counts
		if _, ok := annotations[name]; ok {
			names = append(names, name)
		}
	})
	if len(names) != len(annotations) || slices.IsSorted(names) {
		return nil
	}
	return names
}

// scanNames scans valid JSON of an alert for the names of its annotations, which are strings or null, and passes each on with its
// quotes. Reading it by encoding/json once more would take as long as the first time.
func scanNames(raw []byte, each func(quoted []byte)) {
	s := scanner{rest: raw}
	for s.to([]byte(`"annotations"`)) {
		if !s.next(':') || !s.next('{') {
			continue // a value of that name
		}
		for !s.next('}') {
			name := s.string()
			if name == nil || !s.next(':') || s.string() == nil && !s.null() {
				return
			}
			each(name)
			s.next(',')
		}
		return
	}
}

// scanner reads JSON from its front.
type scanner struct{ rest []byte }

// to goes behind the next occurrence of a word.
func (s *scanner) to(word []byte) bool {
	at := bytes.Index(s.rest, word)
	if at < 0 {
		return false
	}
	s.rest = s.rest[at+len(word):]
	return true
}

// next goes behind a character, if it is the next one.
func (s *scanner) next(c byte) bool {
	s.rest = bytes.TrimLeft(s.rest, " \t\r\n")
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// null goes behind a null, if it is next.
func (s *scanner) null() bool {
	rest, ok := bytes.CutPrefix(s.rest, []byte("null"))
	s.rest = rest
	return ok
}

// string returns the string that is next, with its quotes; nil for none.
func (s *scanner) string() []byte {
	s.rest = bytes.TrimLeft(s.rest, " \t\r\n")
	if len(s.rest) == 0 || s.rest[0] != '"' {
		return nil
	}
	for i := 1; i < len(s.rest); i++ {
		switch s.rest[i] {
		case '\\':
			i++
		case '"':
			text := s.rest[:i+1]
			s.rest = s.rest[i+1:]
			return text
		}
	}
	return nil
}

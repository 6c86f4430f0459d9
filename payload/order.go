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
	names := annotationNames(raw)
	names = slices.DeleteFunc(names, func(name string) bool { _, ok := annotations[name]; return !ok })
	if len(names) != len(annotations) || slices.IsSorted(names) {
		return nil
	}
	return names
}

// annotationNames scans valid JSON of an alert for the names of its annotations, which are strings or null. Reading it by
// encoding/json once more would take as long as the first time.
func annotationNames(raw []byte) (names []string) {
	s := scanner{rest: raw}
	for s.to([]byte(`"annotations"`)) {
		if !s.next(':') || !s.next('{') {
			continue // a value of that name
		}
		for !s.next('}') && len(s.rest) > 0 {
			name := s.string()
			names = slices.DeleteFunc(names, func(n string) bool { return n == name }) // of a key that is there twice, the last counts
			names = append(names, name)
			if !s.next(':') {
				return nil
			}
			if s.string() == "" && !s.null() {
				return nil
			}
			s.next(',')
		}
		return names
	}
	return nil
}

// scanner reads JSON from its front.
type scanner struct {
	rest []byte
	read bool // string has found one
}

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

// null goes behind a null, and reports whether a null or a string was last.
func (s *scanner) null() bool {
	if rest, ok := bytes.CutPrefix(s.rest, []byte("null")); ok {
		s.rest = rest
		return true
	}
	return s.read
}

// string returns the string that is next; "" for none.
func (s *scanner) string() string {
	if s.read = s.next('"'); !s.read {
		return ""
	}
	plain := true
	for i := 0; i < len(s.rest); i++ {
		switch s.rest[i] {
		case '\\':
			plain = false
			i++
		case '"':
			text := s.rest[:i]
			s.rest = s.rest[i+1:]
			if plain {
				return string(text)
			}
			var out string
			_ = json.Unmarshal(slices.Concat([]byte{'"'}, text, []byte{'"'}), &out) // it was valid before
			return out
		}
	}
	s.rest = nil
	return ""
}

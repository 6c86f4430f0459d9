package ingest

import (
	"bytes"
	"encoding/json"
)

// What follows walks JSON that is known to be valid, without a copy of it: of a batch all is looked at twice, by json.Valid and here.

// kindOf tells what a value is, by its first byte; null for none.
func kindOf(value []byte) string {
	if len(value) == 0 {
		return "null"
	}
	switch value[0] {
	case '{':
		return "mapping"
	case '[':
		return "list"
	case '"':
		return "text"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

// eachMember calls f with each key, in its quotes, and value of a mapping; null has none.
func eachMember(mapping []byte, f func(key, value []byte)) {
	if kindOf(mapping) != "mapping" {
		return
	}
	for i := blank(mapping, 1); mapping[i] != '}'; {
		begin := i
		i = behind(mapping, i)
		key := mapping[begin:i]
		i = blank(mapping, blank(mapping, i)+1) // the colon
		begin = i
		i = behind(mapping, i)
		f(key, mapping[begin:i])
		i = next(mapping, i)
	}
}

// eachElement calls f with each element of a list.
func eachElement(list []byte, f func(element []byte)) {
	for i := blank(list, 1); list[i] != ']'; {
		begin := i
		i = behind(list, i)
		f(list[begin:i])
		i = next(list, i)
	}
}

// count returns how many elements a list has.
func count(list []byte) (n int) {
	eachElement(list, func([]byte) { n++ })
	return n
}

// next goes from behind a value to the next one, or to the end.
func next(b []byte, i int) int {
	i = blank(b, i)
	if b[i] == ',' {
		i = blank(b, i+1)
	}
	return i
}

// blank returns where something is, from i on.
func blank(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r' {
		i++
	}
	return i
}

// behind returns what follows the value that begins at i.
func behind(b []byte, i int) int {
	switch b[i] {
	case '"':
		return behindText(b, i)
	case '{', '[':
		for depth := 0; ; i++ {
			switch b[i] {
			case '"':
				i = behindText(b, i) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	for i < len(b) && bytes.IndexByte([]byte(",]} \n\t\r"), b[i]) < 0 {
		i++
	}
	return i
}

func behindText(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// unquote returns what a text says. What is no UTF-8 in it becomes U+FFFD.
func unquote(quoted []byte) string {
	inner := quoted[1 : len(quoted)-1]
	for _, c := range inner {
		if c == '\\' || c >= 0x80 {
			var s string
			_ = json.Unmarshal(quoted, &s) // it is valid
			return s
		}
	}
	return string(inner)
}

// strange are the words that Python writes for numbers that JSON does not know, and numbers of JSON that stand for them: too large to be
// read as values.
var strange = []struct{ word, number string }{{"NaN", "1e99991"}, {"Infinity", "1e99992"}, {"-Infinity", "-1e99992"}}

// withoutStrange returns a copy of a body in which numbers of JSON stand for such words, nil where there are none.
func withoutStrange(body []byte) []byte {
	var out []byte
	done := 0
	for i := 0; i < len(body); {
		if body[i] == '"' {
			for i++; i < len(body) && body[i] != '"'; i++ {
				if body[i] == '\\' {
					i++
				}
			}
			i++
			continue
		}
		n := 1
		for _, s := range strange {
			if bytes.HasPrefix(body[i:], []byte(s.word)) {
				out = append(append(out, body[done:i]...), s.number...)
				n = len(s.word)
				done = i + n
				break
			}
		}
		i += n
	}
	if out == nil {
		return nil
	}
	return append(out, body[done:]...)
}

// asWritten returns a number as it was in the body.
func asWritten(number []byte) []byte {
	for _, s := range strange {
		if string(number) == s.number {
			return []byte(s.word)
		}
	}
	return number
}

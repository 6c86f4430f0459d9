package loosejson

import (
	"encoding/json"
	"strings"
)

// Kind is the kind of a Value.
type Kind int

// The kinds of values. A Word is text without quotes that is neither a number nor a literal.
const (
	Null Kind = iota
	Bool
	Number
	String
	Word
	Array
	Object
)

// Value is a value as it was read.
type Value struct {
	Kind    Kind
	Text    string   // of a Number as it was written, of a String or a Word
	True    bool     // of a Bool
	Items   []Value  // of an Array
	Members []Member // of an Object, in their order
	Loose   bool     // it was not valid JSON
}

// Member is one key of an object, with its value.
type Member struct {
	Key   string
	Value Value
}

// Member returns the last value with the key; ok is false when there is none.
func (v Value) Member(key string) (value Value, ok bool) {
	for _, m := range v.Members {
		if m.Key == key {
			value, ok = m.Value, true
		}
	}
	return value, ok
}

// strict reads valid JSON at the beginning of s.
func strict(s string) (v Value, end int, ok bool) {
	d := json.NewDecoder(strings.NewReader(s))
	var raw json.RawMessage
	if d.Decode(&raw) != nil {
		return Value{}, 0, false
	}
	end = int(d.InputOffset())
	d = json.NewDecoder(strings.NewReader(s[:end]))
	d.UseNumber()
	v, err := nextValue(d, 0)
	return v, end, err == nil
}

// nextValue reads the next value of a decoder.
func nextValue(d *json.Decoder, depth int) (Value, error) {
	if depth > maxDepth {
		return Value{}, errDeep
	}
	token, err := d.Token()
	if err != nil {
		return Value{}, err //nolint:wrapcheck // valid JSON has no error; and if it had, tolerance is tried
	}
	switch t := token.(type) {
	case bool:
		return Value{Kind: Bool, True: t}, nil
	case json.Number:
		return Value{Kind: Number, Text: t.String()}, nil
	case string:
		return Value{Kind: String, Text: t}, nil
	case json.Delim:
		v := Value{Kind: Array}
		if t == '{' {
			v.Kind = Object
		}
		for d.More() {
			key := ""
			if v.Kind == Object {
				token, err := d.Token()
				if err != nil {
					return Value{}, err //nolint:wrapcheck // as above
				}
				key, _ = token.(string)
			}
			item, err := nextValue(d, depth+1)
			if err != nil {
				return Value{}, err
			}
			if v.Kind == Object {
				v.Members = append(v.Members, Member{key, item})
			} else {
				v.Items = append(v.Items, item)
			}
		}
		_, err := d.Token()
		return v, err //nolint:wrapcheck // as above
	}
	return Value{}, nil
}

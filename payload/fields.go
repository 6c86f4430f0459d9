package payload

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// fields are the members of a JSON object, not yet read. Of a key that is there twice, the last counts.
type fields map[string]json.RawMessage

// get returns a member and, like encoding/json, takes another spelling in capitals and small letters where there is no
// exact one; nil when there is none.
func (f fields) get(name string) json.RawMessage {
	if value, ok := f[name]; ok {
		return value
	}
	for _, key := range slices.Sorted(maps.Keys(f)) {
		if strings.EqualFold(key, name) {
			return f[key]
		}
	}
	return nil
}

// read reads the members that targets name. The path of a member begins with prefix.
func (f fields) read(prefix string, targets []target) error {
	for _, t := range targets {
		if raw := f.get(t.name); raw != nil {
			if err := t.read(raw, prefix); err != nil {
				return err
			}
		}
	}
	return nil
}

// target says where a member goes, and what it has to be.
type target struct {
	name string
	into any
	want string
}

const (
	wantString  = "a string"
	wantStrings = "an object whose values are strings"
)

// read reads the member. A null is nothing.
func (t target) read(raw json.RawMessage, prefix string) error {
	if string(raw) == "null" {
		return nil
	}
	if into, ok := t.into.(*map[string]string); ok {
		return readStrings(raw, prefix+t.name, into)
	}
	_, isTime := t.into.(*time.Time)
	if isTime && string(raw) == `""` { // as scripts leave it out
		return nil
	}
	if err := json.Unmarshal(raw, t.into); err != nil {
		hint := ""
		if isTime {
			hint = ", or leave it out"
		}
		return refuse(prefix+t.name, "%s is not %s; send %s%s", shown(raw), t.want, t.want, hint)
	}
	return nil
}

// readStrings reads labels or annotations. A null is none: to Prometheus an empty label is an absent one.
func readStrings(raw json.RawMessage, path string, into *map[string]string) error {
	var members fields
	if err := json.Unmarshal(raw, &members); err != nil {
		return refuse(path, "%s is not %s; send %s", shown(raw), wantStrings, wantStrings)
	}
	*into = make(map[string]string, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		var value *string
		if err := json.Unmarshal(members[name], &value); err != nil {
			return refuse(path+member(name), "%s is not a string; send it in quotes, or leave it out", shown(members[name]))
		}
		if value != nil {
			(*into)[name] = *value
		}
	}
	return nil
}

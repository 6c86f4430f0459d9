package main

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/alertmanager/timeinterval"
	"go.yaml.in/yaml/v3"
)

// pairs returns the keys of a mapping with their values: its own, and behind them those that it merges (<<: *common) and does not have.
// A key that is there twice is a fault.
func (r *settingsReader) pairs(n *yaml.Node, path string) [][2]*yaml.Node {
	var own, merged [][2]*yaml.Node
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Tag == "!!merge" {
			if r.merging[n] {
				r.fault(key.Line, path, "merges itself by <<")
				return nil
			}
			r.merging[n] = true
			merged = append(merged, r.merged(value, path)...)
			delete(r.merging, n)
			continue
		}
		if first, twice := seen[key.Value]; twice {
			r.fault(key.Line, join(path, key.Value), "is there twice, first on line %d; leave one of them out", first)
			continue
		}
		seen[key.Value] = key.Line
		own = append(own, [2]*yaml.Node{key, value})
	}
	for _, pair := range merged {
		if _, has := seen[pair[0].Value]; !has {
			seen[pair[0].Value] = pair[0].Line
			own = append(own, pair)
		}
	}
	return own
}

// merged returns what a merge brings: the keys of a mapping, or of each of a list.
func (r *settingsReader) merged(n *yaml.Node, path string) [][2]*yaml.Node {
	var pairs [][2]*yaml.Node
	switch {
	case n.Kind == yaml.AliasNode && n.Alias.Kind == yaml.MappingNode:
		return r.pairs(n.Alias, path)
	case n.Kind == yaml.MappingNode:
		return r.pairs(n, path)
	case n.Kind == yaml.SequenceNode:
		for _, one := range n.Content {
			pairs = append(pairs, r.merged(one, path)...)
		}
	default:
		r.fault(n.Line, path, "only a mapping can be merged by <<")
	}
	return pairs
}

// meant returns what an unknown key may stand for: one that is written much alike, or one of that name in another section.
func (r *settingsReader) meant(key, path string, known []string) string {
	if near := nearest(key, known); near != "" {
		return "; did you mean " + join(path, near) + "?"
	}
	var elsewhere []string
	for _, full := range pathsOf(r.root, "") {
		switch {
		case full == key:
			section, last := full[:strings.LastIndex(full, ".")], full[strings.LastIndex(full, ".")+1:]
			return "; write " + last + " below " + section + ", indented"
		case sameLetters(full) == sameLetters(key):
			return "; did you mean " + full + "? Mind the indentation"
		case strings.HasSuffix(full, "."+key):
			elsewhere = append(elsewhere, full)
		}
	}
	switch {
	case len(elsewhere) > 0:
		return "; did you mean " + strings.Join(elsewhere[:min(len(elsewhere), 3)], " or ") + "? Mind the indentation"
	case len(known) == 0:
		return ""
	}
	return "; known here: " + strings.Join(known, ", ")
}

// twice finds the keys of a mapping, and below it, that are there more than once.
func (r *settingsReader) twice(n *yaml.Node, path string) {
	switch n.Kind {
	case yaml.MappingNode:
		for _, pair := range r.pairs(n, path) {
			r.twice(pair[1], join(path, pair[0].Value))
		}
	case yaml.SequenceNode:
		for i, one := range n.Content {
			r.twice(one, path+"["+strconv.Itoa(i)+"]")
		}
	case yaml.DocumentNode, yaml.ScalarNode, yaml.AliasNode: // have no keys of their own
	}
}

// within finds what is wrong with one value of such a struct.
func (r *settingsReader) within(n *yaml.Node, line int, t reflect.Type, path string) {
	inner := t
	for inner.Kind() == reflect.Pointer {
		inner = inner.Elem()
	}
	if n.Kind == yaml.MappingNode && inner.Kind() == reflect.Struct && len(fieldsByKey(inner)) > 0 {
		r.unknownKeys(n, inner, path)
		return
	}
	if err := n.Decode(reflect.New(t).Interface()); err != nil {
		r.explain(err, n, line, inner, path)
	}
}

// unknownKeys finds the keys of a mapping, and below it, that a struct has no field for.
func (r *settingsReader) unknownKeys(n *yaml.Node, t reflect.Type, path string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n.Kind != yaml.MappingNode || t.Kind() != reflect.Struct {
		return
	}
	fields := fieldsByKey(t)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Tag == "!!merge" { // what it brings is checked where it stands
			continue
		}
		r.lines[join(path, key.Value)] = key.Line
		switch index, ok := fields[key.Value]; {
		case len(fields) == 0: // it has rules of its own
		case !ok:
			r.fault(key.Line, join(path, key.Value), "unknown key%s", r.meant(key.Value, path, keysOfMap(fields)))
		default:
			r.within(n.Content[i+1], key.Line, t.FieldByIndex(index).Type, join(path, key.Value))
		}
	}
}

// fieldsByKey returns the fields of a struct by their keys in YAML.
func fieldsByKey(t reflect.Type) map[string][]int {
	fields := map[string][]int{}
	for _, f := range reflect.VisibleFields(t) {
		key, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if key != "" && key != "-" && f.IsExported() && !strings.Contains(options, "inline") {
			fields[key] = f.Index
		}
	}
	return fields
}

func keysOfMap(fields map[string][]int) []string {
	keys := make([]string, 0, len(fields))
	for key := range fields {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// pathsOf returns the paths of all keys of a struct that have a fixed name.
func pathsOf(t reflect.Type, path string) []string {
	var paths []string
	fields := fieldsByKey(t)
	for _, key := range keysOfMap(fields) {
		at, field := join(path, key), t.FieldByIndex(fields[key]).Type
		paths = append(paths, at)
		if field.Kind() == reflect.Struct && !decodesItself(field) {
			paths = append(paths, pathsOf(field, at)...)
		}
	}
	return paths
}

// keysWithin returns the keys of a type that has rules of its own.
func keysWithin(t reflect.Type) []string {
	if t == reflect.TypeFor[timeinterval.TimeRange]() {
		return []string{"start_time", "end_time"}
	}
	return keysOfMap(fieldsByKey(t))
}

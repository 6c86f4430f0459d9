package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// settingsReader decodes a configuration file over settings. It goes on behind a fault, so that all are found at once, and knows
// the line of each key.
type settingsReader struct {
	file  string
	root  reflect.Type
	lines map[string]int // of the keys that the file has, by their paths

	merging map[*yaml.Node]bool // that are being merged into others
	faults  []error
}

// readSettings decodes text over into, a pointer to a struct. Each fault names the line and the path of its key; what is faulty keeps
// the value that it had.
func readSettings(file string, text []byte, into any) *settingsReader {
	v := reflect.ValueOf(into).Elem()
	r := &settingsReader{file: file, root: v.Type(), lines: map[string]int{}, merging: map[*yaml.Node]bool{}}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF): // nothing in it
		return r
	case err != nil:
		r.faults = append(r.faults, r.notYAML(err))
		return r
	}
	if err := dec.Decode(&second); err == nil {
		r.fault(second.Line, "", "a second document begins here, which would be ignored; leave out the line ---")
	} else if !errors.Is(err, io.EOF) {
		r.faults = append(r.faults, r.notYAML(err))
	}
	r.value(doc.Content[0], doc.Content[0].Line, v, "")
	return r
}

var lineOfError = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

func (r *settingsReader) notYAML(err error) error {
	m := lineOfError.FindStringSubmatch(err.Error())
	hint := ""
	if strings.Contains(err.Error(), "cannot start any token") || strings.Contains(err.Error(), "found a tab character") {
		hint = "; indent with blanks, not with tabs, and put values that begin with @ or % in quotes"
	}
	if m == nil || m[1] == "" {
		return fmt.Errorf("%s: not YAML: %s%s", r.file, strings.TrimPrefix(err.Error(), "yaml: "), hint)
	}
	return fmt.Errorf("%s:%s: not YAML: %s%s", r.file, m[1], err.Error()[len(m[0]):], hint)
}

func (r *settingsReader) fault(line int, path, format string, args ...any) {
	where := fmt.Sprintf("%s:%d: ", r.file, line)
	if path != "" {
		where += path + ": "
	}
	r.faults = append(r.faults, errors.New(where+fmt.Sprintf(format, args...)))
}

// byLine sorts faults by the lines that they name; those without one stay where they are, behind.
func (r *settingsReader) byLine(errs []error) {
	line := func(err error) int {
		rest, ok := strings.CutPrefix(err.Error(), r.file+":")
		number, _, _ := strings.Cut(rest, ":")
		if n, err := strconv.Atoi(number); ok && err == nil {
			return n
		}
		return math.MaxInt
	}
	slices.SortStableFunc(errs, func(a, b error) int { return cmp.Compare(line(a), line(b)) })
}

// locate puts file and line before a fault that names a key of the file.
func (r *settingsReader) locate(err error) error {
	path, _, _ := strings.Cut(err.Error(), ":")
	path, _, _ = strings.Cut(path, " ")
	for path != "" {
		if line, ok := r.lines[path]; ok {
			return fmt.Errorf("%s:%d: %w", r.file, line, err)
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
		if !strings.ContainsAny(path, ".[") { // a whole section says nothing
			return err
		}
	}
	return err
}

type yamlUnmarshaler interface {
	UnmarshalYAML(unmarshal func(any) error) error
}

// listSetting is a section that may be written as a list, too.
type listSetting interface{ list() any } // a pointer to a slice

// decodesItself reports whether a type has rules of its own.
func decodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[yamlUnmarshaler]()) || p.Implements(reflect.TypeFor[yaml.Unmarshaler]())
}

// value decodes a node, whose key stands on a line.
func (r *settingsReader) value(n *yaml.Node, line int, v reflect.Value, path string) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	r.lines[path] = line
	t := v.Type()
	switch {
	case n.Tag == "!!null": // as if the key were not there
		return
	case t.Kind() == reflect.Pointer:
		fresh := reflect.New(t.Elem())
		faults := len(r.faults)
		r.value(n, line, fresh.Elem(), path)
		// A struct is there with what is right in it, or what asks for it would say that it is missing.
		if len(r.faults) == faults || t.Elem().Kind() == reflect.Struct && !decodesItself(t.Elem()) && n.Kind == yaml.MappingNode {
			v.Set(fresh)
		}
	case decodesItself(t):
		r.leaf(n, line, v, path)
	case t.Kind() == reflect.Struct:
		if l, ok := reflect.TypeAssert[listSetting](v.Addr()); ok && n.Kind == yaml.SequenceNode {
			r.value(n, line, reflect.ValueOf(l.list()).Elem(), path)
			return
		}
		r.mapping(n, line, v, path)
	case t.Kind() == reflect.Slice && n.Kind == yaml.SequenceNode:
		list := reflect.MakeSlice(t, len(n.Content), len(n.Content))
		for i, element := range n.Content {
			r.value(element, element.Line, list.Index(i), path+"["+strconv.Itoa(i)+"]")
		}
		v.Set(list)
	case t.Kind() == reflect.Map && n.Kind == yaml.MappingNode && t.Elem().Kind() == reflect.Struct:
		if v.IsNil() {
			v.Set(reflect.MakeMap(t))
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, element := n.Content[i], reflect.New(t.Elem()).Elem()
			r.value(n.Content[i+1], key.Line, element, join(path, key.Value))
			v.SetMapIndex(reflect.ValueOf(key.Value).Convert(t.Key()), element)
		}
	default:
		r.leaf(n, line, v, path)
	}
}

func join(path, key string) string { return strings.TrimPrefix(path+"."+key, ".") }

// mapping decodes a mapping into a struct, key by key.
func (r *settingsReader) mapping(n *yaml.Node, line int, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		such := ""
		if _, has := fieldsByKey(v.Type())["url"]; has {
			such = ", such as url"
		}
		r.fault(line, path, "%s is not a mapping; put its keys below it, indented%s", shownNode(n), such)
		return
	}
	fields := fieldsByKey(v.Type())
	for _, pair := range r.pairs(n, path) {
		key := pair[0]
		at := join(path, key.Value)
		index, ok := fields[key.Value]
		if !ok {
			r.fault(key.Line, at, "unknown key%s", r.meant(key.Value, path, keysOfMap(fields)))
			continue
		}
		r.value(pair[1], key.Line, v.FieldByIndex(index), at)
	}
}

// leaf decodes a node by yaml's rules, or by those of the type. Unknown keys within are faults.
func (r *settingsReader) leaf(n *yaml.Node, line int, v reflect.Value, path string) {
	t := v.Type()
	faults := len(r.faults)
	r.twice(n, path)
	decode := func(into any) error { return strictly(n, into) }
	if strings.HasSuffix(t.PkgPath(), "prometheus/common/config") { // its keys are those of its fields
		r.unknownKeys(n, t, path)
		decode = n.Decode
	}
	if t.Kind() == reflect.Int || t.Kind() == reflect.Int64 {
		if f, err := strconv.ParseFloat(n.Value, 64); n.Tag == "!!float" && (err != nil || f != math.Trunc(f)) { // yaml would cut it off
			r.fault(line, path, "%s is not %s", shownNode(n), wantedOf(t))
			return
		}
	}
	if len(r.faults) > faults {
		return
	}
	fresh := reflect.New(t)
	if err := decode(fresh.Interface()); err != nil {
		r.explain(err, n, line, t, path)
	}
	if len(r.faults) == faults {
		v.Set(fresh.Elem())
	}
}

// strictly decodes a node without tolerance for unknown keys, which yaml does for whole files only.
func strictly(n *yaml.Node, into any) error {
	text, err := yaml.Marshal(n)
	if err != nil {
		return n.Decode(into)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err = dec.Decode(into); err != nil && strings.Contains(err.Error(), "unknown anchor") {
		return n.Decode(into)
	}
	return err
}

var (
	wrongType   = regexp.MustCompile("^line \\d+: cannot unmarshal !!\\w+ (?:`(.*)` )?into (.+)$")
	unknownName = regexp.MustCompile(`^line \d+: field (\S+) not found in type \S+$`)
)

// explain says in plain words what is wrong with a value.
func (r *settingsReader) explain(err error, n *yaml.Node, line int, t reflect.Type, path string) {
	typeErr, ok := errors.AsType[*yaml.TypeError](err)
	switch {
	case !ok && t == reflect.TypeFor[model.Duration]():
		r.fault(line, path, "%s is not a duration, such as 30s, 5m, or 24h", shownNode(n))
		return
	case !ok:
		r.fault(line, path, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		return
	}
	for _, text := range typeErr.Errors {
		if m := unknownName.FindStringSubmatch(text); m != nil {
			r.fault(line, join(path, m[1]), "unknown key%s", r.meant(m[1], path, keysWithin(t)))
			continue
		}
		if strings.Contains(text, " already defined at line ") { // said by twice, with the line of the file
			continue
		}
		if wrongType.MatchString(text) {
			r.fault(line, path, "%s is not %s", shownNode(n), wantedOf(t))
			continue
		}
		r.fault(line, path, "%s", strings.TrimSpace(text))
	}
}

// shownNode shows what stands in the file, bounded.
func shownNode(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
		return strconv.Quote(redactURL(n.Value[:min(len(n.Value), 60)]))
	}
}

func wantedOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list, such as [a, b]"
	case reflect.Map, reflect.Struct:
		return "a mapping"
	default:
		return "a text"
	}
}

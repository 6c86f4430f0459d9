package report

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// inZone returns copies whose times are in the writer's zone; what is stored, and what a model was shown, is in UTC. Times within
// our own sentences are rewritten; words of a model and of strangers are left as they are.
func (w *Writer) inZone(inc *incident.Incident, f incident.Findings) (*incident.Incident, incident.Findings) {
	if w.zone == time.UTC {
		return inc, f
	}
	moved := *inc
	moved, f = moveTimes(moved, w.zone), moveTimes(f, w.zone)
	for i, e := range f.Evidence { // a copy already
		f.Evidence[i] = w.rewritten(e)
	}
	return &moved, f
}

// rewritten returns an item whose sentences have their times in the writer's zone.
func (w *Writer) rewritten(e incident.Evidence) incident.Evidence {
	if w.zone == time.UTC || e.Kind == incident.KindRunbook {
		return e
	}
	rewrite := func(s string) string { return rewriteTimes(s, e.End.In(w.zone)) }
	e.Title, e.Summary = rewrite(e.Title), rewrite(e.Summary)
	if e.AsAnalyzed != nil {
		was := w.rewritten(*e.AsAnalyzed)
		e.AsAnalyzed = &was
	}
	if e.Table == nil {
		return e
	}
	table := &incident.Table{Columns: e.Table.Columns}
	for _, row := range e.Table.Rows {
		row = slices.Clone(row)
		for c := range row {
			row[c] = rewrite(row[c])
		}
		table.Rows = append(table.Rows, row)
	}
	e.Table = table
	return e
}

// ourTime is the form of a time in our sentences, each of which names its zone; one that ends a stretch of time names that of both.
var ourTime = regexp.MustCompile(`\b(?:(` + timeForm + `)( ?– ?))?(` + timeForm + `) UTC(?:$|[^\w+-])`)

const timeForm = `(?:\d{4}-\d\d-\d\d )?\d\d:\d\d(?::\d\d)?`

// rewriteTimes moves the times of a sentence into the zone of near. A time without a date is of the day of the one before it, or of that
// of near where there is none.
func rewriteTimes(s string, near time.Time) string {
	day := near
	return ourTime.ReplaceAllStringFunc(s, func(found string) string {
		parts := ourTime.FindStringSubmatch(found)
		_, rest, _ := strings.Cut(found, " UTC")
		out := ""
		if parts[1] != "" {
			from, layout, ok := parseStamp(parts[1], day)
			if !ok {
				return found
			}
			day, out = from, from.In(near.Location()).Format(layout)
		}
		to, layout, ok := parseStamp(parts[3], day)
		if !ok {
			return found
		}
		from := day.In(near.Location())
		day, to = to, to.In(near.Location())
		if out != "" {
			if zoneName(from) != zoneName(to) {
				out += " " + zoneName(from)
			}
			if !strings.HasPrefix(layout, time.DateOnly) && from.Format(time.DateOnly) != to.Format(time.DateOnly) { // midnight is elsewhere
				layout = time.DateOnly + " " + layout
			}
			out += parts[2]
		}
		return out + to.Format(layout) + " " + zoneName(to) + rest
	})
}

// parseStamp reads a time of our sentences, which are in UTC, and says how it is written.
func parseStamp(stamp string, day time.Time) (t time.Time, layout string, ok bool) {
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "15:04:05", "15:04"} {
		t, err := time.Parse(layout, stamp)
		if err != nil {
			continue
		}
		if t.Year() == 0 {
			day = day.UTC()
			t = time.Date(day.Year(), day.Month(), day.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
		}
		return t, layout, true
	}
	return time.Time{}, "", false
}

// zoneName names the zone of a time by its distance from UTC, since abbreviations such as CST stand for several.
func zoneName(t time.Time) string {
	_, offset := t.Zone()
	if offset == 0 {
		return "UTC"
	}
	name, sign := "UTC", '+'
	if offset < 0 {
		sign, offset = '-', -offset
	}
	name += fmt.Sprintf("%c%d", sign, offset/3600)
	if minutes := offset % 3600 / 60; minutes > 0 {
		name += fmt.Sprintf(":%02d", minutes)
	}
	return name
}

var (
	typeOfTime  = reflect.TypeFor[time.Time]()
	typeOfChart = reflect.TypeFor[*incident.Chart]()
)

// moveTimes returns a copy of v with all times in a zone, wherever they are in it. Charts are left: they are drawn by themselves.
func moveTimes[T any](v T, zone *time.Location) T {
	return movedTimes(reflect.ValueOf(&v).Elem(), zone).Interface().(T)
}

func movedTimes(v reflect.Value, zone *time.Location) reflect.Value {
	switch {
	case v.Type() == typeOfTime:
		if t := v.Interface().(time.Time); !t.IsZero() {
			return reflect.ValueOf(t.In(zone))
		}
		return v
	case v.Type() == typeOfChart:
		return v
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(movedTimes(v.Elem(), zone))
		return out
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		for i := range v.NumField() {
			if out.Field(i).CanSet() {
				out.Field(i).Set(movedTimes(v.Field(i), zone))
			}
		}
		return out
	case reflect.Slice:
		if v.IsNil() || isPlain(v.Type().Elem()) {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(movedTimes(v.Index(i), zone))
		}
		return out
	case reflect.Map:
		if v.IsNil() || isPlain(v.Type().Elem()) {
			return v
		}
		out := reflect.MakeMapWithSize(v.Type(), v.Len())
		for it := v.MapRange(); it.Next(); {
			out.SetMapIndex(it.Key(), movedTimes(it.Value(), zone))
		}
		return out
	default:
		return v
	}
}

// isPlain reports whether values of a type hold no time.
func isPlain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct, reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Array:
		return false
	default:
		return true
	}
}

package redact

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strings"

	"github.com/alertscribe/alertscribe/text"
)

// Handler returns a slog.Handler that redacts the message and every text of a record, and takes out what a terminal would obey or
// hide, before next gets it: errors quote
// what servers say, and alert text gets into the log by way of names. Numbers, times and durations are left alone; a value of
// any other type is logged as the text that fmt makes of it.
func (r *Redactor) Handler(next slog.Handler) slog.Handler { return &logHandler{next, r} }

type logHandler struct {
	next     slog.Handler
	redactor *Redactor
}

// Enabled implements slog.Handler.
func (h *logHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *logHandler) Handle(ctx context.Context, record slog.Record) error {
	session := h.redactor.Session() // one secret has one placeholder within a line
	clean := slog.NewRecord(record.Time, record.Level, session.Text(text.Clean(record.Message)), record.PC)
	record.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(redactAttr(session, a))
		return true
	})
	return h.next.Handle(ctx, clean)
}

// WithAttrs implements slog.Handler.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	session := h.redactor.Session()
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = redactAttr(session, a)
	}
	return &logHandler{h.next.WithAttrs(clean), h.redactor}
}

// WithGroup implements slog.Handler.
func (h *logHandler) WithGroup(name string) slog.Handler {
	return &logHandler{h.next.WithGroup(name), h.redactor}
}

func redactAttr(s *Session, a slog.Attr) slog.Attr {
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		// Together with its key, which may be what tells that the value is a secret.
		const separator = "="
		value := text.Clean(v.String())
		pair := s.Text(a.Key + separator + value)
		if value, ok := strings.CutPrefix(pair, a.Key+separator); ok {
			return slog.String(a.Key, value)
		}
		return slog.String(a.Key, s.Text(value))
	case slog.KindGroup:
		attrs := make([]any, 0, len(v.Group()))
		for _, inner := range v.Group() {
			attrs = append(attrs, redactAttr(s, inner))
		}
		return slog.Group(a.Key, attrs...)
	case slog.KindAny:
		value := v.Any()
		if t := reflect.TypeOf(value); t != nil && t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
			value = string(reflect.ValueOf(value).Bytes()) // what fmt writes in numbers, a reader could turn back
		}
		return redactAttr(s, slog.String(a.Key, fmt.Sprint(value)))
	default:
		return slog.Attr{Key: a.Key, Value: v}
	}
}

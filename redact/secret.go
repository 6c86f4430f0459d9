package redact

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

const secretText = "<secret>"

// Secret is a secret of our own configuration. Whatever prints, logs or marshals it gets <secret>, or nothing where it
// is empty; only Reveal returns the value. It is read like a string. Two holes are the standard library's own: fmt does
// not ask the methods of unexported struct fields, and encoding/json not those of map keys that are strings. So a
// struct that may be printed holds its secrets in exported fields, and no map has them as keys.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return secretText
}

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// Format implements fmt.Formatter: without it a wrong verb, like %d, prints the value in its complaint.
func (s Secret) Format(f fmt.State, verb rune) {
	if verb == 'v' && f.Flag('#') {
		_, _ = fmt.Fprint(f, s.GoString())
		return
	}
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), s.String())
}

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON implements json.Marshaler.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalYAML implements yaml.Marshaler.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

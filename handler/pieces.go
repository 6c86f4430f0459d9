package handler

import (
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/template"
)

// fields are the members of a JSON object, not yet read. Of a key that comes twice, the last counts.
type fields map[string]json.RawMessage

// get returns a member and, like encoding/json, takes another spelling in capitals and small letters where there is no
// exact one. A null is nothing.
func (f fields) get(name string) json.RawMessage {
	value, ok := f[name]
	if !ok {
		for _, key := range slices.Sorted(maps.Keys(f)) {
			if strings.EqualFold(key, name) {
				value = f[key]
				break
			}
		}
	}
	if string(value) == "null" {
		return nil
	}
	return value
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

// decodePieces reads a body member by member, so that an error names the member that is wrong. What alertscribe makes no
// use of (common labels, route labels, fingerprints) is not looked at, and so can't be wrong.
func decodePieces(body []byte) (*message, error) {
	var members fields
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, syntaxError(body, err, "send a JSON object as Alertmanager's webhook does")
	}
	m := &message{}
	var alerts []json.RawMessage
	if err := members.decode("", []target{
		{"version", &m.Version, wantString},
		{"receiver", &m.Receiver, wantString},
		{"status", &m.Status, wantString},
		{"externalURL", &m.ExternalURL, wantString},
		{"groupKey", &m.GroupKey, wantString},
		{"notification_reason", &m.NotificationReason, wantString},
		{"truncatedAlerts", &m.TruncatedAlerts, "a count, 0 or more"},
		{"groupLabels", &m.GroupLabels, wantStrings},
		{"alerts", &alerts, "a list of alerts"},
	}); err != nil {
		return nil, err
	}
	m.Alerts = make(template.Alerts, len(alerts))
	for i, alert := range alerts {
		if err := decodeAlert(alert, "alerts["+strconv.Itoa(i)+"]", &m.Alerts[i]); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func decodeAlert(raw json.RawMessage, path string, a *template.Alert) error {
	var members fields
	if err := json.Unmarshal(raw, &members); err != nil {
		return badRequest(path, "%s is not an alert; send an object with labels", shown(raw))
	}
	const wantTime = "a time such as 2026-11-20T08:30:05Z (RFC 3339)"
	return members.decode(path+".", []target{
		{"status", &a.Status, wantString},
		{"labels", &a.Labels, wantStrings},
		{"annotations", &a.Annotations, wantStrings},
		{"startsAt", &a.StartsAt, wantTime},
		{"endsAt", &a.EndsAt, wantTime},
		{"generatorURL", &a.GeneratorURL, wantString},
	})
}

// decode reads the members that targets name. The path of a member begins with prefix.
func (f fields) decode(prefix string, targets []target) error {
	for _, t := range targets {
		raw := f.get(t.name)
		if raw == nil {
			continue
		}
		if kv, ok := t.into.(*template.KV); ok {
			if err := decodeStrings(raw, prefix+t.name, kv); err != nil {
				return err
			}
			continue
		}
		if err := json.Unmarshal(raw, t.into); err != nil {
			hint := ""
			if _, ok := t.into.(*time.Time); ok {
				hint = ", or leave it out"
			}
			return badRequest(prefix+t.name, "%s is not %s; send %s%s", shown(raw), t.want, t.want, hint)
		}
	}
	return nil
}

// decodeStrings reads labels or annotations. A null is none: to Prometheus an empty label is an absent one.
func decodeStrings(raw json.RawMessage, path string, into *template.KV) error {
	var members fields
	if err := json.Unmarshal(raw, &members); err != nil {
		return badRequest(path, "%s is not %s; send %s", shown(raw), wantStrings, wantStrings)
	}
	*into = make(template.KV, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		var value *string
		if err := json.Unmarshal(members[name], &value); err != nil {
			return badRequest(path+member(name), "%s is not a string; send it in quotes, or leave it out", shown(members[name]))
		}
		if value != nil {
			(*into)[name] = *value
		}
	}
	return nil
}

var plainName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]{0,63}$`)

// member returns how a path goes on to the member of that name: .job, or ["what is no name"].
func member(name string) string {
	if plainName.MatchString(name) {
		return "." + name
	}
	return "[" + quote(name) + "]"
}

// shown returns a JSON value for an answer: a string in quotes, anything else as it stands, both bounded.
func shown(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil && string(raw) != "null" {
		return quote(s)
	}
	q := quote(string(raw))
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}

// syntaxError says where a body stops being a JSON object, and what to send instead.
func syntaxError(body []byte, err error, wayOut string) error {
	syntax, ok := errors.AsType[*json.SyntaxError](err)
	switch {
	case len(strings.TrimSpace(string(body))) == 0:
		return badRequest("body", "empty; %s", wayOut)
	case !ok:
		return badRequest("body", "%s is not an object; %s", shown(body), wayOut)
	case syntax.Offset >= int64(len(body)) && strings.Contains(syntax.Error(), "unexpected end"):
		return badRequest("body", "not JSON: cut off after byte %d; %s", len(body), wayOut)
	}
	return badRequest("body", "not JSON: %s at byte %d; %s", syntax.Error(), syntax.Offset, wayOut)
}

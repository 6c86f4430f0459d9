package handler

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/alertmanager/template"

	"github.com/alertscribe/alertscribe/incident"
)

// BadRequest says what is wrong with a request, in one short line: the field, and the way out.
type BadRequest struct {
	Field  string // as a path: alerts[3].startsAt
	Reason string // what it holds, bounded, and what it should
}

// Error implements error.
func (e *BadRequest) Error() string { return e.Field + ": " + e.Reason }

func badRequest(field, format string, args ...any) *BadRequest {
	return &BadRequest{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// message is the body of a notification. Alertmanager's own webhook.Message embeds a pointer, which stays nil for {}.
type message struct {
	template.Data
	Version         version `json:"version"`
	GroupKey        string  `json:"groupKey"`
	TruncatedAlerts uint64  `json:"truncatedAlerts"`
}

// version takes the version as a string, as Alertmanager sends it, and as the number that people write by hand.
type version string

// UnmarshalJSON implements json.Unmarshaler.
func (v *version) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		s = string(b)
	}
	*v = version(s)
	return nil
}

// Decode reads the body of a notification that arrived at now. An error is a *BadRequest that names the field. What is
// tolerated: fields that we don't know or don't use, no version, no group key, no status of an alert (then the body's,
// else firing), no dates, and no or a wrong fingerprint. The notification has at least one alert, and each has labels;
// it is not normalised yet.
func Decode(body []byte, now time.Time) (*incident.Notification, error) {
	text := bytes.TrimPrefix(body, []byte("\ufeff"))
	m := &message{}
	// A null among the labels would pass as an empty string, and encoding/json names no field for a bad time: reading
	// in pieces is slower and tells.
	if err := json.Unmarshal(text, m); err != nil || bytes.Contains(text, []byte("null")) {
		if m, err = decodePieces(text); err != nil {
			return nil, err
		}
	}
	switch {
	case m.Version != "" && m.Version != "4":
		return nil, badRequest("version", "%s is not supported; send version \"4\", as Alertmanager 0.6 and later do", quote(string(m.Version)))
	case len(m.Alerts) == 0:
		return nil, badRequest("alerts", "none; send at least one alert, as Alertmanager's webhook does")
	}
	n := &incident.Notification{
		Receiver: m.Receiver, GroupKey: m.GroupKey, ExternalURL: m.ExternalURL, Reason: m.NotificationReason,
		GroupLabels: m.GroupLabels, Truncated: m.TruncatedAlerts, ReceivedAt: now, Body: body,
		Alerts: make([]incident.Alert, 0, len(m.Alerts)),
	}
	for i := range m.Alerts {
		alert, err := convert(&m.Alerts[i], i, m.Status)
		if err != nil {
			return nil, err
		}
		n.Alerts = append(n.Alerts, alert)
	}
	return n, nil
}

// convert checks the ith alert. An empty label is no label, as everywhere in Prometheus: Alertmanager's fingerprint
// leaves it out.
func convert(a *template.Alert, i int, bodyStatus string) (incident.Alert, error) {
	path := "alerts[" + strconv.Itoa(i) + "]"
	for name, value := range a.Labels {
		if value == "" {
			delete(a.Labels, name)
		}
	}
	if len(a.Labels) == 0 {
		return incident.Alert{}, badRequest(path+".labels", "none; an alert needs at least one label, such as alertname")
	}
	status, err := alertStatus(a.Status, path+".status", bodyStatus)
	if err != nil {
		return incident.Alert{}, err
	}
	a.StartsAt, a.EndsAt = a.StartsAt.UTC(), a.EndsAt.UTC()
	for name, year := range map[string]int{".startsAt": a.StartsAt.Year(), ".endsAt": a.EndsAt.Year()} {
		if year < 0 || year > 9999 { // JSON could not hold it again
			return incident.Alert{}, badRequest(path+name, "beyond the years 0 to 9999 in UTC; send a real time, or leave it out")
		}
	}
	return incident.Alert{
		Fingerprint: a.Fingerprint, Status: status, Labels: a.Labels, Annotations: a.Annotations,
		StartsAt: a.StartsAt, EndsAt: a.EndsAt, GeneratorURL: a.GeneratorURL,
	}, nil
}

func alertStatus(own, path, body string) (incident.Status, error) {
	if own == "" {
		own, path = body, "status"
	}
	switch status := incident.Status(own); status {
	case "":
		return incident.Firing, nil
	case incident.Firing, incident.Resolved:
		return status, nil
	default:
		return "", badRequest(path, "%s is not a status; send firing or resolved, or leave it out", quote(own))
	}
}

// maxQuoted bounds, in runes, what an answer quotes of a body.
const maxQuoted = 40

// quote returns s in quotes, bounded and on one line, with all that is not printable escaped.
func quote(s string) string { return strconv.Quote(cut(s, maxQuoted)) }

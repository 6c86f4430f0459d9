package payload

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/template"

	"github.com/alertscribe/alertscribe/incident"
)

// alert is Alertmanager's own type of an alert, and what Grafana adds. Its maps are used again for the next one.
type alert struct {
	template.Alert
	grafanaFields
}

func (a *alert) reset() {
	clear(a.Labels)
	clear(a.Annotations)
	*a = alert{Alert: template.Alert{Labels: a.Labels, Annotations: a.Annotations}}
}

// readAlert reads the ith alert. Its status stays empty where it has none of its own.
func (d *decoder) readAlert(i int) (incident.Alert, error) {
	a, path := &d.alert, "alerts["+strconv.Itoa(i)+"]"
	a.reset()
	start := d.json.InputOffset()
	err := d.json.Decode(a)
	if d.incomplete(err) {
		return incident.Alert{}, d.broken()
	}
	raw := bytes.TrimLeft(d.src.text()[start:d.json.InputOffset()], ", \t\r\n")
	// encoding/json names no field that is wrong, and takes a null among the annotations for "". Reading member by member
	// tells, and is several times slower.
	if err != nil || bytes.Contains(raw, []byte("null")) && anyEmpty(a.Annotations) {
		a.reset()
		if err := a.readMembers(raw, path); err != nil {
			return incident.Alert{}, err
		}
	}
	return d.convert(a, raw, path)
}

// incomplete reports whether an error means that no JSON value could be read, rather than one of another type.
func (d *decoder) incomplete(err error) bool {
	if err == nil {
		return false
	}
	_, syntax := errors.AsType[*json.SyntaxError](err)
	return syntax || d.src.err != nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

func anyEmpty(values map[string]string) bool {
	for _, value := range values {
		if value == "" {
			return true
		}
	}
	return false
}

// convert checks an alert, which raw holds, and returns it without what is shared with the next.
func (d *decoder) convert(a *alert, raw []byte, path string) (incident.Alert, error) {
	labels := make(map[string]string, len(a.Labels))
	for name, value := range a.Labels {
		if value != "" { // Alertmanager's fingerprint leaves it out, too
			labels[d.share(name)] = d.share(value)
		}
	}
	if len(labels) == 0 {
		return incident.Alert{}, refuse(path+".labels", "none; an alert needs at least one label, such as alertname")
	}
	annotations, order := d.annotations(a, raw)
	status, err := readStatus(a.Status, path+".status")
	if err != nil {
		return incident.Alert{}, err
	}
	starts, err := readTime(a.StartsAt, path+".startsAt")
	if err != nil {
		return incident.Alert{}, err
	}
	ends, err := readTime(a.EndsAt, path+".endsAt")
	if err != nil {
		return incident.Alert{}, err
	}
	return incident.Alert{
		Status: status, Labels: labels, Annotations: annotations, AnnotationOrder: order,
		StartsAt: starts, EndsAt: ends, GeneratorURL: d.share(a.GeneratorURL),
	}, nil
}

// annotations returns the annotations of an alert, with what Grafana adds, and their order where the body tells one.
func (d *decoder) annotations(a *alert, raw []byte) (annotations map[string]string, order []string) {
	order = annotationOrder(raw, a.Annotations)
	if len(a.Annotations) == 0 && a.grafanaFields == (grafanaFields{}) {
		return nil, nil
	}
	annotations = make(map[string]string, len(a.Annotations))
	for name, value := range a.Annotations {
		annotations[d.share(name)] = d.share(value)
	}
	if added := a.addTo(annotations); order != nil {
		order = append(order, added...)
	}
	if len(annotations) == 0 {
		return nil, nil
	}
	return annotations, order
}

// readMembers reads an alert member by member.
func (a *alert) readMembers(raw json.RawMessage, path string) error {
	var members fields
	if err := json.Unmarshal(raw, &members); err != nil {
		return refuse(path, "%s is not an alert; send an object with labels", shown(raw))
	}
	const wantTime = "a time such as 2026-11-20T08:30:05Z (RFC 3339)"
	if err := members.read(path+".", []target{
		{"status", &a.Status, wantString},
		{"labels", (*map[string]string)(&a.Labels), wantStrings},
		{"annotations", (*map[string]string)(&a.Annotations), wantStrings},
		{"startsAt", &a.StartsAt, wantTime},
		{"endsAt", &a.EndsAt, wantTime},
		{"generatorURL", &a.GeneratorURL, wantString},
	}); err != nil {
		return err
	}
	return members.read(path+".", a.named()) // which take anything
}

func readStatus(s, path string) (incident.Status, error) {
	switch strings.ToLower(strings.TrimSpace(s)) { // people write it by hand
	case "":
		return "", nil
	case string(incident.Firing):
		return incident.Firing, nil
	case string(incident.Resolved):
		return incident.Resolved, nil
	}
	return "", refuse(path, "%s is not a status; send firing or resolved, or leave it out", quote(s))
}

// firstTime is the first that counts as a time: before are the year 1 and the epoch in any zone, by which senders say that they have none.
var firstTime = time.Date(1970, 1, 3, 0, 0, 0, 0, time.UTC)

// readTime returns a time in UTC, if JSON can hold it again; the zero time for what stands for none.
func readTime(t time.Time, path string) (time.Time, error) {
	t = t.UTC()
	if year := t.Year(); year < 0 || year > 9999 {
		return t, refuse(path, "outside the years 0 to 9999 in UTC; send a real time, or leave it out")
	}
	if t.Before(firstTime) {
		return time.Time{}, nil
	}
	return t, nil
}

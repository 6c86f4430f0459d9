package payload

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// alert is what is used of an alert, under the names of Alertmanager's template.Alert.
type alert struct {
	Status       string    `json:"status"`
	Labels       pairs     `json:"labels"`
	Annotations  pairs     `json:"annotations"`
	StartsAt     time.Time `json:"startsAt"`
	EndsAt       time.Time `json:"endsAt"`
	GeneratorURL string    `json:"generatorURL"`
}

// pairs are labels or annotations. The map is used again for the next alert.
type pairs map[string]string

// UnmarshalJSON implements json.Unmarshaler. Names with null are left out.
func (p *pairs) UnmarshalJSON(b []byte) error {
	clear(*p)
	if !bytes.Contains(b, []byte("null")) {
		return json.Unmarshal(b, (*map[string]string)(p))
	}
	var values map[string]*string
	if err := json.Unmarshal(b, &values); err != nil {
		return err
	}
	for name, value := range values {
		if value != nil {
			if *p == nil {
				*p = pairs{}
			}
			(*p)[name] = *value
		}
	}
	return nil
}

func (a *alert) reset() {
	clear(a.Labels)
	clear(a.Annotations)
	*a = alert{Labels: a.Labels, Annotations: a.Annotations}
}

// readAlert makes the ith alert of what was read last. Its status stays empty where it has none of its own.
func (d *decoder) readAlert(i int) (incident.Alert, error) {
	a, path := &d.alert, "alerts["+strconv.Itoa(i)+"]"
	a.reset()
	// encoding/json does not name the field that is wrong. Reading member by member does, and is several times slower.
	if json.Unmarshal(d.raw, a) != nil {
		a.reset()
		if err := a.readMembers(d.raw, path); err != nil {
			return incident.Alert{}, err
		}
	}
	labels := make(map[string]string, len(a.Labels))
	for name, value := range a.Labels {
		if value != "" { // Alertmanager's fingerprint leaves it out, too
			labels[d.share(name)] = d.share(value)
		}
	}
	if len(labels) == 0 {
		return incident.Alert{}, refuse(path+".labels", "none; an alert needs at least one label, such as alertname")
	}
	var annotations map[string]string
	if len(a.Annotations) > 0 {
		annotations = make(map[string]string, len(a.Annotations))
	}
	for name, value := range a.Annotations {
		annotations[d.share(name)] = d.share(value)
	}
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
		Status: status, Labels: labels, Annotations: annotations, StartsAt: starts, EndsAt: ends, GeneratorURL: d.share(a.GeneratorURL),
	}, nil
}

// readMembers reads an alert member by member.
func (a *alert) readMembers(raw json.RawMessage, path string) error {
	var members fields
	if err := json.Unmarshal(raw, &members); err != nil {
		return refuse(path, "%s is not an alert; send an object with labels", shown(raw))
	}
	const wantTime = "a time such as 2026-11-20T08:30:05Z (RFC 3339)"
	return members.read(path+".", []target{
		{"status", &a.Status, wantString},
		{"labels", (*map[string]string)(&a.Labels), wantStrings},
		{"annotations", (*map[string]string)(&a.Annotations), wantStrings},
		{"startsAt", &a.StartsAt, wantTime},
		{"endsAt", &a.EndsAt, wantTime},
		{"generatorURL", &a.GeneratorURL, wantString},
	})
}

func readStatus(s, path string) (incident.Status, error) {
	switch s {
	case "":
		return "", nil
	case string(incident.Firing):
		return incident.Firing, nil
	case string(incident.Resolved):
		return incident.Resolved, nil
	}
	return "", refuse(path, "%s is not a status; send firing or resolved, or leave it out", quote(s))
}

// readTime returns a time in UTC, if JSON can hold it again.
func readTime(t time.Time, path string) (time.Time, error) {
	t = t.UTC()
	if year := t.Year(); year < 0 || year > 9999 {
		return t, refuse(path, "outside the years 0 to 9999 in UTC; send a real time, or leave it out")
	}
	return t, nil
}

package payload

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// Options bound what a body may hold. The zero value is good.
type Options struct {
	MaxBytes  int64 // default 4 MiB
	MaxAlerts int   // default 10,000
	// Size is the number of bytes that the sender announces, 0 or less when unknown. Memory for them is taken at once, so
	// that who bounds the bodies in flight should do that by what they announce. More than MaxBytes is refused unread.
	Size int64
}

// Decode reads the body of a notification that arrived at now, up to its end. What is wrong with the body is an [*Error];
// any other error is the reader's, wrapped. The notification has at least one alert, each alert has at least one label
// and a status, and times are in UTC; it is not normalized yet.
func Decode(r io.Reader, now time.Time, o Options) (*incident.Notification, error) {
	src := &source{
		from: r, most: cmp.Or(o.MaxBytes, 4<<20), size: o.Size,
		wayOut: "raise web.max_body_bytes, or set max_alerts on the webhook in Alertmanager",
	}
	if src.size > src.most {
		return nil, src.tooLarge()
	}
	d := &decoder{src: src, json: json.NewDecoder(src.skipMark()), maxAlerts: cmp.Or(o.MaxAlerts, 10_000), shared: map[string]string{}}
	if err := d.message(); err != nil {
		return nil, err
	}
	n := d.n // not a part of the decoder, which holds more
	if len(n.Alerts) == 0 {
		return nil, refuse("alerts", "none; send at least one alert, as Alertmanager's webhook does")
	}
	for i := range n.Alerts {
		if n.Alerts[i].Status != "" {
			continue
		}
		var err error
		if n.Alerts[i].Status, err = readStatus(cmp.Or(d.status, string(incident.Firing)), "status"); err != nil {
			return nil, err
		}
	}
	n.ReceivedAt, n.Body = now, src.body
	return &n, nil
}

// decoder reads one body.
type decoder struct {
	src       *source
	json      *json.Decoder
	maxAlerts int

	n       incident.Notification
	version version
	status  string // of the body, for alerts that have none

	shared map[string]string // strings of this body, so that equal ones are in memory once
	raw    json.RawMessage   // the member that is being read
	alert  alert
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

// skipped is a JSON value that is passed over without a copy.
type skipped struct{}

// UnmarshalJSON implements json.Unmarshaler.
func (*skipped) UnmarshalJSON([]byte) error { return nil }

// message reads the whole body.
func (d *decoder) message() error {
	first, err := d.json.Token()
	if err != nil {
		return d.broken()
	}
	if first == nil { // null
		return d.end()
	}
	if first != json.Delim('{') {
		return d.broken()
	}
	targets := []target{
		{"version", &d.version, wantString},
		{"receiver", &d.n.Receiver, wantString},
		{"status", &d.status, wantString},
		{"externalURL", &d.n.ExternalURL, wantString},
		{"groupKey", &d.n.GroupKey, wantString},
		{"notification_reason", &d.n.Reason, wantString},
		{"truncatedAlerts", &d.n.Truncated, "a count, 0 or more"},
		{"groupLabels", &d.n.GroupLabels, wantStrings},
	}
	for d.json.More() {
		key, err := d.json.Token()
		if err != nil {
			return d.broken()
		}
		if err := d.member(key.(string), targets); err != nil {
			return err
		}
	}
	if _, err := d.json.Token(); err != nil { // the closing brace
		return d.broken()
	}
	return d.end()
}

// end checks that nothing follows.
func (d *decoder) end() error {
	if _, err := d.json.Token(); !errors.Is(err, io.EOF) || d.src.err != nil {
		return d.broken()
	}
	return nil
}

// member reads the value of one member of the body.
func (d *decoder) member(name string, targets []target) error {
	if strings.EqualFold(name, "alerts") {
		return d.alerts()
	}
	for _, t := range targets {
		if !strings.EqualFold(name, t.name) {
			continue
		}
		if err := d.json.Decode(&d.raw); err != nil {
			return d.broken()
		}
		if err := t.read(d.raw, ""); err != nil {
			return err
		}
		if !slices.Contains([]version{"", "4", "1"}, d.version) {
			return refuse("version", "%s is not supported; send version \"4\", as Alertmanager 0.6 and later do, or \"1\", as Grafana does", quote(string(d.version)))
		}
		return nil
	}
	if err := d.json.Decode(&skipped{}); err != nil {
		return d.broken()
	}
	return nil
}

// alerts reads the list of alerts.
func (d *decoder) alerts() error {
	d.n.Alerts = nil // of a key that is there twice, the last counts
	start := d.json.InputOffset()
	first, err := d.json.Token()
	switch {
	case err != nil:
		return d.broken()
	case first == nil: // null
		return nil
	case first != json.Delim('['):
		return d.notAList(start)
	}
	for d.json.More() {
		i := len(d.n.Alerts)
		if i == d.maxAlerts {
			return &Error{
				Field: "alerts", TooLarge: true,
				Reason: fmt.Sprintf("over %d; set max_alerts on the webhook in Alertmanager, or raise web.max_alerts", d.maxAlerts),
			}
		}
		a, err := d.readAlert(i)
		if err != nil {
			return err
		}
		if i == cap(d.n.Alerts) {
			d.n.Alerts = slices.Grow(d.n.Alerts, min(d.moreAlerts(i, start), d.maxAlerts-i))
		}
		d.n.Alerts = append(d.n.Alerts, a)
	}
	if _, err := d.json.Token(); err != nil { // the closing bracket
		return d.broken()
	}
	return nil
}

// moreAlerts estimates how many alerts follow after n, from the bytes that they took since start and those to come: a list
// that grows by and by is copied, and kept twice, again and again.
func (d *decoder) moreAlerts(n int, start int64) int {
	const few = 16
	read := d.json.InputOffset()
	if n < few || d.src.size <= read {
		return max(n, 1)
	}
	more := int((d.src.size - read) * int64(n) / (read - start))
	return more + more/16 + 1
}

// notAList says what stands in the place of the list of alerts; its name ends at that byte.
func (d *decoder) notAList(start int64) error {
	if err := d.src.drain(); err != nil {
		return err
	}
	value := json.NewDecoder(bytes.NewReader(bytes.TrimLeft(d.src.text()[start:], ": \t\r\n")))
	if err := value.Decode(&d.raw); err != nil {
		return d.broken()
	}
	const want = "a list of alerts"
	return refuse("alerts", "%s is not %s; send %s", shown(d.raw), want, want)
}

const wayOutOfSyntax = "send a JSON object as Alertmanager's webhook does"

// broken says why a body can't be read on.
func (d *decoder) broken() error {
	if err := d.src.drain(); err != nil {
		return err
	}
	return notAnObject(d.src.text(), wayOutOfSyntax)
}

// maxShared and maxSharedBytes bound the strings of a body that are compared with later ones.
const (
	maxShared      = 4096
	maxSharedBytes = 1024
)

// share returns s, in the memory of an equal string of this body where there was one.
func (d *decoder) share(s string) string {
	if len(s) > maxSharedBytes {
		return s
	}
	known, ok := d.shared[s]
	if ok {
		return known
	}
	if len(d.shared) < maxShared {
		d.shared[s] = s
	}
	return s
}

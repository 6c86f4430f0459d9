package incident

import (
	"crypto/rand"
	"encoding/base32"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/common/model"
)

// SelfAlertLabel marks alerts that alertscribe itself sent to Alertmanager, with the value "true".
const SelfAlertLabel = "alertscribe_report"

// The words of notification_reason (Alertmanager 0.34 and later) that decide something here.
const reasonAllResolved = "all alerts resolved"

// Notification is one webhook request of Alertmanager, an alert group at a moment, checked and normalized.
type Notification struct {
	Receiver    string
	GroupKey    string // never empty after Normalize
	ExternalURL string
	Reason      string // notification_reason, "" before Alertmanager 0.34
	GroupLabels map[string]string
	Alerts      []Alert
	Truncated   uint64
	OwnReports  int // alerts that alertscribe itself sent, left out by Normalize
	ReceivedAt  time.Time
	Body        []byte // as received, kept by the store as it is
}

// Normalize makes a decoded notification fit for folding: fingerprints are computed from the labels, our own echoes
// are removed, an alert named twice is taken once (firing wins), alerts are sorted by fingerprint, and a missing group
// key becomes the group labels, or else the name of the first alert. It may be called again without effect.
func (n *Notification) Normalize() {
	alerts := make([]Alert, 0, len(n.Alerts))
	for _, a := range n.Alerts {
		if a.Labels[SelfAlertLabel] == "true" {
			n.OwnReports++
			continue
		}
		a.Fingerprint = Fingerprint(a.Labels)
		if a.Annotations == nil {
			a.Annotations = map[string]string{}
		}
		alerts = append(alerts, a)
	}
	slices.SortStableFunc(alerts, func(a, b Alert) int {
		if c := strings.Compare(a.Fingerprint, b.Fingerprint); c != 0 {
			return c
		}
		return strings.Compare(string(a.Status), string(b.Status)) // "firing" < "resolved"
	})
	n.Alerts = slices.CompactFunc(alerts, func(a, b Alert) bool { return a.Fingerprint == b.Fingerprint })
	if n.GroupKey != "" {
		return
	}
	key := n.GroupLabels
	if len(key) == 0 && len(n.Alerts) > 0 {
		key = map[string]string{"alertname": n.Alerts[0].Name()}
	}
	n.GroupKey = labelSet(key).String()
}

// assertNormalized panics where Normalize was not called: folding would go wrong without a word. It is the caller's to do so,
// once, where nobody waits for it.
func (n *Notification) assertNormalized() {
	for i := range n.Alerts {
		if n.Alerts[i].Fingerprint == "" || i > 0 && n.Alerts[i-1].Fingerprint >= n.Alerts[i].Fingerprint {
			panic("incident: the notification is not normalized")
		}
	}
}

// Fingerprint returns the hash of the labels as Alertmanager computes it, 16 hexadecimal digits.
func Fingerprint(labels map[string]string) string {
	return labelSet(labels).Fingerprint().String()
}

func labelSet(labels map[string]string) model.LabelSet {
	set := make(model.LabelSet, len(labels))
	for k, v := range labels {
		set[model.LabelName(k)] = model.LabelValue(v)
	}
	return set
}

func (n *Notification) alertname() string {
	if name := n.GroupLabels["alertname"]; name != "" {
		return name
	}
	if len(n.Alerts) > 0 {
		return n.Alerts[0].Name()
	}
	return ""
}

// NewID returns 128 random bits in lower-case base32, 26 characters: safe in URLs and file names.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
}

// The length of an incident's id, and of the shortest beginning of one that stands for it where it is unique: the one that
// the names of report files carry.
const (
	idLength      = 26
	shortIDLength = 8
)

// ValidID reports whether s has the form of an incident's id.
func ValidID(s string) bool { return len(s) == idLength && validIDPart(s) }

// ValidIDPrefix reports whether s has the form of an id's beginning that is long enough to stand for it, or of a whole one.
func ValidIDPrefix(s string) bool {
	return len(s) >= shortIDLength && len(s) <= idLength && validIDPart(s)
}

// IDFrom returns the id, or its beginning, that is in what a person has typed or pasted: either of them, in letters of any case, the
// address of a report or of what is below it, or the report's file. It does not say that there is such an incident.
func IDFrom(pasted string) (id string, ok bool) {
	s, _, _ := strings.Cut(strings.ToLower(strings.Trim(pasted, " \t\r\n<>()[]\"'`,.")), "#")
	s, _, _ = strings.Cut(s, "?")
	if ValidIDPrefix(s) {
		return s, true
	}
	parts := strings.Split(s, "/")
	for i, part := range parts[1:] {
		if id = strings.TrimSuffix(part, ".md"); (parts[i] == "reports" || parts[i] == "incidents") && ValidIDPrefix(id) {
			return id, true
		}
	}
	file, isFile := strings.CutSuffix(parts[len(parts)-1], ".md")
	id = file[strings.LastIndexByte(file, '_')+1:]
	return id, isFile && id != file && len(id) == shortIDLength && validIDPart(id)
}

func validIDPart(s string) bool { return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz234567") == "" }

// maxNameBytes bounds the alert name within a file name.
const maxNameBytes = 80

// reportPath returns where the report of an incident lies: 2026-11-20/083005_HighLoginFailureRate_3kd8a2bc.md.
func reportPath(openedAt time.Time, alertname, id string) string {
	safe := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, strings.ToValidUTF8(alertname, "_"))
	for len(safe) > maxNameBytes {
		_, size := utf8.DecodeLastRuneInString(safe)
		safe = safe[:len(safe)-size]
	}
	if safe == "" {
		safe = "unnamed"
	}
	return openedAt.UTC().Format("2006-01-02/150405_") + safe + "_" + id[:8] + ".md"
}

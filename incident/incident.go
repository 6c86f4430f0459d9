package incident

import (
	"errors"
	"iter"
	"maps"
	"slices"
	"time"
)

// ErrNotFound says that no incident has the id that was asked for.
var ErrNotFound = errors.New("no such incident")

// ErrAmbiguous says that the ids of several incidents begin with what was given.
var ErrAmbiguous = errors.New("several incidents have ids that begin like this")

// Status of an alert (firing or resolved) or of an incident (also stale: not heard of for too long).
type Status string

// The values of a Status, as they stand in reports and in the API.
const (
	Firing   Status = "firing"
	Resolved Status = "resolved"
	Stale    Status = "stale"
)

// Alert is one alert of an incident, as last heard of.
type Alert struct {
	// Fingerprint is the hash of the labels as Alertmanager computes it, 16 hexadecimal digits. It is always
	// computed here, never taken from a body.
	Fingerprint  string            `json:"fingerprint"`
	Status       Status            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"starts_at,omitzero"` // as sent; zero when the body had none
	EndsAt       time.Time         `json:"ends_at,omitzero"`   // as sent; zero while it fires
	GeneratorURL string            `json:"generator_url,omitempty"`
	// SeenAt is the arrival of the first notification that named the alert in this incident as one that began then: it is another
	// once the alert fires anew.
	SeenAt time.Time `json:"seen_at"`
	// ResolvedAt is the arrival of the notification that resolved the alert or did not name it any more, ResolvedBy
	// the externalURL of its Alertmanager.
	ResolvedAt time.Time `json:"resolved_at,omitzero"`
	ResolvedBy string    `json:"resolved_by,omitempty"`
	// Left says that the alert left its group without a word: an untruncated notification did not name it.
	Left bool `json:"left,omitempty"`
	// AnnotationOrder holds the names of the annotations in the order of the body, where that is not alphabetical.
	AnnotationOrder []string `json:"annotation_order,omitempty"`
	// Chunk is the store's own: where it keeps an alert of a large group; 0 elsewhere.
	Chunk int `json:"-"`
}

// Name returns the alertname label, which a hand-made body may lack.
func (a Alert) Name() string { return a.Labels["alertname"] }

// Began returns startsAt, or the arrival of the alert where the body had none or one that can't be true: nobody hears of an alert before
// it begins.
func (a Alert) Began() time.Time {
	if a.StartsAt.IsZero() || !a.SeenAt.IsZero() && a.StartsAt.After(a.SeenAt) {
		return a.SeenAt
	}
	return a.StartsAt
}

// Ended returns when the alert ended: endsAt, or the arrival of its end where the body had none or one that can't be true, for it is
// before the alert began or after that arrival. It is zero while the alert fires, and where nobody said so.
func (a Alert) Ended() time.Time {
	switch {
	case a.Status == Firing:
		return time.Time{}
	case a.ResolvedAt.IsZero():
		return a.EndsAt
	case a.EndsAt.IsZero(), a.EndsAt.Before(a.Began()), a.EndsAt.After(a.ResolvedAt):
		return a.ResolvedAt
	}
	return a.EndsAt
}

// EventKind names an entry of the timeline.
type EventKind string

// The kinds of an Event.
const (
	EventOpened    EventKind = "opened"
	EventUpdated   EventKind = "updated"
	EventRepeated  EventKind = "repeated"
	EventResolved  EventKind = "resolved"
	EventReopened  EventKind = "reopened"
	EventStale     EventKind = "stale"
	EventContinued EventKind = "continued"
	EventDrafted   EventKind = "drafted"  // there is a verdict that is still to be verified
	EventAnalyzed  EventKind = "analyzed" // the verdict is final
	EventFeedback  EventKind = "feedback" // a person gave feedback
	EventChanged   EventKind = "changed"  // a look shows another picture than the verdict was made from
	EventAsked     EventKind = "asked"    // a person asked for another analysis
)

// Event is one entry of an incident's timeline.
type Event struct {
	At   time.Time `json:"at"`
	Kind EventKind `json:"kind"`
	// Firing is the number of alerts that fired after the event.
	Firing int `json:"firing"`
	// Joined, Ended and Left count the alerts that began to fire, were resolved, or were not named any more.
	Joined int `json:"joined,omitempty"`
	Ended  int `json:"ended,omitempty"`
	Left   int `json:"left,omitempty"`
	// Count and Until sum up equal events in a row: repeats from At to Until.
	Count int       `json:"count,omitempty"`
	Until time.Time `json:"until,omitzero"`
}

// maxEvents bounds a timeline: the opening and the newest events are kept.
const maxEvents = 100

// Due says when each kind of work on an incident is due; a kind that is not in it is not due.
type Due map[Work]time.Time

// Spend is what an incident's model calls used so far.
type Spend struct {
	Calls      int     `json:"calls"`
	Prompt     int     `json:"prompt"`     // tokens, the cached ones included
	Cached     int     `json:"cached"`     // tokens of the prompt that came from the provider's cache
	Completion int     `json:"completion"` // tokens
	Cost       float64 `json:"cost"`       // USD; 0 for a model whose price is not known
}

// Add returns the sum of both.
func (s Spend) Add(o Spend) Spend {
	return Spend{s.Calls + o.Calls, s.Prompt + o.Prompt, s.Cached + o.Cached, s.Completion + o.Completion, s.Cost + o.Cost}
}

// Sub returns what is left of s without o.
func (s Spend) Sub(o Spend) Spend {
	return Spend{s.Calls - o.Calls, s.Prompt - o.Prompt, s.Cached - o.Cached, s.Completion - o.Completion, s.Cost - o.Cost}
}

// Incident is the life of one alert group, from first firing to resolved, short flaps included.
type Incident struct {
	ID          string            `json:"id"` // 128 random bits in lower-case base32
	Receiver    string            `json:"receiver"`
	GroupKey    string            `json:"group_key"`
	ExternalURL string            `json:"external_url,omitempty"` // of the Alertmanager heard last; never fetched
	Alertname   string            `json:"alertname"`
	Scope       string            `json:"scope,omitempty"` // namespace=… or job=…, which storms go by; "" for none
	GroupLabels map[string]string `json:"group_labels"`
	Status      Status            `json:"status"`
	Severity    string            `json:"severity"`
	OpenedAt    time.Time         `json:"opened_at"`  // arrival of the opening notification
	StartedAt   time.Time         `json:"started_at"` // earliest startsAt of its alerts
	LastHeardAt time.Time         `json:"last_heard_at"`
	// ResolvedAt is when the last alert ended by its endsAt, or else when we heard of it; zero while not resolved.
	// ClosedAt is always when we heard of it: the window for re-opening starts there.
	ResolvedAt time.Time `json:"resolved_at,omitzero"`
	ClosedAt   time.Time `json:"closed_at,omitzero"`
	// ChangedAt is when an alert joined last, LookedAt when evidence was looked up last.
	ChangedAt   time.Time `json:"changed_at,omitzero"`
	LookedAt    time.Time `json:"looked_at,omitzero"`
	Predecessor string    `json:"predecessor,omitempty"` // id of the group's incident before this one
	// Related are incidents of the same scope that opened within StormWindow of this one; nothing changes it in place.
	Related  []RelatedIncident `json:"related,omitempty"`
	Feedback []Feedback        `json:"feedback,omitempty"` // of people, oldest first; nothing changes it in place
	// Alerts are sorted by fingerprint: all that fire and the newest MaxEnded of those that ended. EndedAlerts counts those
	// that ended and are not kept; one that comes back counts anew. Nothing changes Alerts in place.
	Alerts      []Alert `json:"alerts"`
	EndedAlerts int     `json:"ended_alerts,omitempty"`
	Truncated   uint64  `json:"truncated_alerts"` // alerts that max_alerts hid in the last notification
	Repeats     int     `json:"repeats"`
	LatePeers   int     `json:"late_peers"`
	Flaps       int     `json:"flaps"`
	Timeline    []Event `json:"timeline"`
	// Generation is raised by every fold that changes the incident, not by repeats. Revision is raised by all that
	// a reader of the report would see change: it says which state of the incident the file shows.
	Generation int64 `json:"generation"`
	Revision   int64 `json:"revision"`
	// ReportPath is relative to the report directory, with slashes; decided at opening, never computed again.
	ReportPath   string   `json:"report_path"`
	FileRevision int64    `json:"file_revision"` // the revision that the file on disk shows; 0 when there is none
	FileFailures int      `json:"file_failures,omitempty"`
	FileError    string   `json:"file_error,omitempty"` // why the file could not be written; "" once it could
	Analysis     Analysis `json:"analysis"`
	Spend        Spend    `json:"spend"`
	Due          Due      `json:"due"`
}

// MaxEnded is how many alerts that ended are kept of one incident.
const MaxEnded = 500

// TotalAlerts returns the number of alerts that the incident has had, those that are not kept included.
func (inc *Incident) TotalAlerts() int { return len(inc.Alerts) + inc.EndedAlerts }

// Firing returns the alerts that fire, in the order of their fingerprints.
func (inc *Incident) Firing() []Alert {
	firing := make([]Alert, 0, inc.FiringCount())
	for i := range inc.Alerts {
		if inc.Alerts[i].Status == Firing {
			firing = append(firing, inc.Alerts[i])
		}
	}
	return firing
}

// FiringCount returns the number of alerts that fire.
func (inc *Incident) FiringCount() int {
	n := 0
	for i := range inc.Alerts {
		if inc.Alerts[i].Status == Firing {
			n++
		}
	}
	return n
}

// principal yields the alerts that an incident is about: those that fire, or all when none does.
func (inc *Incident) principal() iter.Seq[*Alert] {
	all := inc.FiringCount() == 0
	return func(yield func(*Alert) bool) {
		for i := range inc.Alerts {
			if a := &inc.Alerts[i]; (all || a.Status == Firing) && !yield(a) {
				return
			}
		}
	}
}

// Names returns the sorted names of the alerts that fire, or of all when none does.
func (inc *Incident) Names() []string {
	names := map[string]bool{}
	for a := range inc.principal() {
		names[a.Name()] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// Clone returns a copy that shares nothing that a step changes in place.
func (inc *Incident) Clone() *Incident {
	c := *inc // Alerts, Related and Feedback are replaced, never changed in place
	c.Due = maps.Clone(inc.Due)
	c.Timeline = slices.Clone(inc.Timeline)
	c.Analysis.Covered = slices.Clone(inc.Analysis.Covered)
	c.Analysis.Asked = slices.Clone(inc.Analysis.Asked)
	c.Analysis.Answers = slices.Clone(inc.Analysis.Answers)
	return &c
}

// touch marks that the report must show something new.
func (inc *Incident) touch(now time.Time) {
	inc.Revision++
	inc.schedule(WorkFile, now)
}

// schedule makes a kind of work due at a time.
func (inc *Incident) schedule(work Work, at time.Time) {
	if inc.Due == nil {
		inc.Due = Due{}
	}
	inc.Due[work] = at
}

func (inc *Incident) addEvent(e Event) {
	e.Firing = inc.FiringCount()
	inc.Timeline = append(inc.Timeline, e)
	if len(inc.Timeline) > maxEvents {
		inc.Timeline = slices.Delete(inc.Timeline, 1, len(inc.Timeline)-maxEvents+1)
	}
}

// FileWritten records that the report on disk shows the incident as it was claimed. The file stays due when the
// incident has changed since.
func (inc *Incident) FileWritten(claimed *Incident) {
	inc.FileRevision, inc.FileFailures, inc.FileError = claimed.Revision, 0, ""
	if inc.Revision == claimed.Revision {
		delete(inc.Due, WorkFile)
	}
}

// FileFailed records that the report could not be written; it is tried again soon, and at least every maxFileRetry.
func (inc *Incident) FileFailed(err error, now time.Time) {
	inc.FileFailures++
	inc.FileError = err.Error()
	inc.schedule(WorkFile, now.Add(min(RetryDelay(inc.FileFailures), maxFileRetry)))
}

// maxFileRetry bounds how long a report waits for a disk that has room again: someone is waiting for it.
const maxFileRetry = 15 * time.Second

// FileLost makes the file due again after a writer could not tell whether its file or a later one is on disk.
func (inc *Incident) FileLost(now time.Time) {
	inc.FileRevision = 0
	inc.schedule(WorkFile, now)
}

// Heard records that Alertmanager, when asked, still knew alerts of the group that fire.
func (inc *Incident) Heard(now time.Time) { inc.LastHeardAt = now }

// MarkStale ends the waiting for a firing incident that has not been heard of for too long: it is not listed as
// firing any more, and nothing is due but the file that says so.
func (inc *Incident) MarkStale(now time.Time) {
	if inc.Status != Firing {
		return
	}
	inc.Status = Stale
	inc.Generation++
	delete(inc.Due, WorkEvidence)
	delete(inc.Due, WorkAnalysis)
	delete(inc.Due, WorkRefresh)
	inc.Analysis.Later = false
	switch {
	case inc.Analysis.Verifying():
		inc.Analysis.State = Complete // by a draft that nobody verified
	case inc.Analysis.State == Pending:
		inc.Analysis.State, inc.Analysis.Reason = EvidenceOnly, GaveUp
		inc.Analysis.Detail = "nothing was heard of the alert any more"
	}
	inc.addEvent(Event{At: now, Kind: EventStale})
	inc.touch(now)
}

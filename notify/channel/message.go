package channel

import (
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// Event is what happened to an incident.
type Event string

// The events, as they stand in the configuration and in the webhook's JSON.
const (
	Opened   Event = "opened"
	Analyzed Event = "analyzed" // the analysis has ended, with or without a verdict
	Changed  Event = "changed"  // alerts joined or ended, it fires again, or nothing was heard of it for long
	Resolved Event = "resolved"
	Test     Event = "test" // sent by notify-test
)

// Events lists those that a channel can ask for.
func Events() []Event { return []Event{Opened, Analyzed, Changed, Resolved} }

// Message is what is told about an incident, in plain text: each service escapes it for its own markup. Texts are lines
// without secrets; they may be long, and come from strangers.
type Message struct {
	// ID is the same whenever this event of this incident is sent: letters, digits, dots, and dashes.
	ID        string
	Event     Event
	Incident  string // id
	Alertname string
	Severity  string
	Status    incident.Status
	Labels    map[string]string // what all its alerts have in common, without alertname and severity
	Group     map[string]string // the labels that its group is made by: the first that are shown
	Firing    int               // alerts that fire
	Summary   string
	// Cause is the most likely cause, "" where none is known; Likelihood is the model's word for it. Action is what to do
	// first. CauseMark and ActionMark say that the fact check found something wrong with either.
	Cause, Likelihood, Action string
	CauseMark, ActionMark     Mark
	// NoAnalysis says why there is no analysis; "" when there is one, or one that is still to come.
	NoAnalysis incident.Reason
	ReportURL  string
	Cost       float64 // USD of all model calls so far
	StartedAt  time.Time
	ResolvedAt time.Time // zero unless resolved
	Language   incident.Language
}

// Mark says what the fact check found wrong with a cause or an action.
type Mark string

// The marks of a message.
const (
	Unmarked    Mark = ""
	Marked      Mark = "marked"  // it failed a check
	ForeignText Mark = "foreign" // it is only in the text of the alerts, where anybody may have put it
)

// over reports whether the message says that the incident has ended.
func (m *Message) over() bool { return m.Status == incident.Resolved }

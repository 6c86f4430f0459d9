package incident

import (
	"errors"
	"time"
)

// Work is a kind of work on an incident. Each kind has its own due time, its own lease and its own pool of workers.
type Work string

// The kinds of work, in the order in which an incident goes through them.
const (
	WorkFile     Work = "file"     // write the report: milliseconds, no network
	WorkEvidence Work = "evidence" // ask Prometheus: seconds
	WorkAnalysis Work = "analysis" // ask the model: as long as it takes
	WorkRefresh  Work = "refresh"  // ask Prometheus again about what changes while the alert fires: seconds
)

// Works lists all kinds of work.
func Works() []Work { return []Work{WorkFile, WorkEvidence, WorkAnalysis, WorkRefresh} }

// Claim is an incident that a worker has leased for one kind of work, as it was when it was claimed.
type Claim struct {
	Incident *Incident
	Findings Findings
	Work     Work
	Token    string // proves the lease
}

// Change says that an incident was changed, up to a revision, and how it stands then. Missed says that there was no room for more:
// look for yourself.
type Change struct {
	ID       string
	Revision int64
	Status   Status
	Analysis State
	Missed   bool
}

// Receipt is the answer to an accepted notification.
type Receipt struct {
	IncidentID string // "" when the notification belongs to no incident
	Outcome    Outcome
}

// RetryPermission says which evidence-only incidents may be analyzed again now: those that wait for one of the reasons.
type RetryPermission struct {
	Reasons []Reason
	One     bool // one of them alone, the most severe
	Probe   bool // one of them alone, whichever: the most severe may be the one that the model refuses
}

// Queue is what is due and not done, for health and metrics.
type Queue struct {
	Due     map[Work]int `json:"due"`     // incidents by the kind of work that is due now or scheduled
	Running map[Work]int `json:"running"` // incidents by the kind of work that is leased
	// Oldest is when the oldest incident that has unfinished work was opened; zero when there is none. A refresh, which every firing
	// incident has ahead of it, is unfinished from when it is due.
	Oldest time.Time `json:"oldest,omitzero"`
}

// ErrCursor says that Query.After is not a cursor that a page of a list has returned.
var ErrCursor = errors.New("not a cursor of this list")

// ErrLeaseLost says that a claim's lease has ended or gone to another worker: its result is not stored.
var ErrLeaseLost = errors.New("lease lost")

package incident

import (
	"errors"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
)

// ErrTooManyValues says that a matcher would have to be tried on too many values of a label.
var ErrTooManyValues = errors.New("too many values to try a matcher on; use = instead of =~")

// Query selects incidents for a list: what fires first, by severity, then the newest. The zero value of a field selects
// all.
type Query struct {
	Limit     int    // 1 to 500
	After     string // the cursor that the page before returned; "" for the first
	Status    Status
	Severity  string
	Alertname string
	// Text are words, or their beginnings, that are all to be found in names, labels, summaries, feedback, or causes.
	Text string
	// Match are matchers that all hold of the incident's labels: one with = or =~ when an alert has such a value, one with
	// != or !~ when no alert has another; as ever, a label that is missing is an empty one.
	Match       labels.Matchers
	Fingerprint string // of an alert
	GroupKey    string
	HideSkipped bool // leave out those that the settings skip
	OnlySkipped bool // show them alone
}

// List is a page of incidents, and what is known of all that the query selects.
type List struct {
	Rows  []ListRow
	Next  string // the cursor of the next page; "" after the last
	Total int    // on all pages
	// ByStatus counts as if the query named no status, BySeverity as if it named no severity.
	ByStatus   map[Status]int
	BySeverity map[string]int
	Skipped    int   // that HideSkipped has left out
	Days       []Day // the newest ListDays, the oldest first
}

// ListRow is an incident in a list.
type ListRow struct {
	*Incident

	Cause  string // the first cause of its verdict; "" for none
	Marked bool   // the fact check has marked it
}

// Day counts incidents that were opened on a day in UTC.
type Day struct {
	Start time.Time
	Count int
}

// ListDays is how many days a list counts.
const ListDays = 30

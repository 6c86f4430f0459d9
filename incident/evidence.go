package incident

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// EvidenceKind says what an item of evidence is about.
type EvidenceKind string

// The kinds of evidence, as they stand in the API.
const (
	KindAlert      EvidenceKind = "alert"      // the incident's own alerts
	KindSignal     EvidenceKind = "signal"     // the alert's expression over time
	KindBand       EvidenceKind = "band"       // what a detection rule expected of the series, and what it was
	KindDrilldown  EvidenceKind = "drilldown"  // which label values carry the change
	KindSuspects   EvidenceKind = "suspects"   // series of the same identity that changed
	KindNeighbors  EvidenceKind = "neighbors"  // targets, restarts, versions, replicas
	KindAlerts     EvidenceKind = "alerts"     // other alerts that fire
	KindHistory    EvidenceKind = "history"    // past incidents of ours
	KindRunbook    EvidenceKind = "runbook"    // the runbook's text
	KindComparison EvidenceKind = "comparison" // looked up to refute a draft, whatever it says
	KindCheck      EvidenceKind = "check"      // the answer to a query by which the model proposed to refute itself
)

// Source names the kind of server that a query is for.
type Source string

// SourcePrometheus is Prometheus and what speaks its API.
const SourcePrometheus Source = "prometheus"

// Evidence is one numbered item: something that was looked up, and how anyone can look it up again.
type Evidence struct {
	ID      string         `json:"id"` // E1, E2 …
	Kind    EvidenceKind   `json:"kind"`
	Title   string         `json:"title"`
	Summary string         `json:"summary"`           // one line of meaning, in the report's language
	Query   string         `json:"query,omitempty"`   // the query that anyone can rerun
	Source  Source         `json:"source,omitempty"`  // where Query can be run; "" for an item without one
	Server  string         `json:"server,omitempty"`  // which of several servers was asked; "" where there is one
	Start   time.Time      `json:"start,omitzero"`    // the range that was looked at
	End     time.Time      `json:"end,omitzero"`      //
	At      time.Time      `json:"at,omitzero"`       // when it was looked up: Summary, Ranking, Table and Chart are of that look
	Ranking []RankedSeries `json:"ranking,omitempty"` // most telling first
	Table   *Table         `json:"table,omitempty"`   // a small table for the reader
	Lines   []string       `json:"lines,omitempty"`   // excerpts of text, such as log lines, oldest first
	Chart   *Chart         `json:"chart,omitempty"`   // series to draw
	Figures *Figures       `json:"figures,omitempty"` // a signal's numbers
	Link    string         `json:"link,omitempty"`    // opens the query in Prometheus over the range
	Failed  bool           `json:"failed,omitempty"`  // it could not be looked up; Summary says why
	Nothing bool           `json:"nothing,omitempty"` // it was looked up, and there is nothing to tell, as Summary says
	// Partial is why the answers that the item is made from may lack data, as the server said it: what it does not show may exist.
	Partial []string `json:"partial,omitempty"`
	Earlier bool     `json:"earlier,omitempty"` // the verdict cites it, and the newest look does not have it
	// AsAnalyzed is what the item was when the verdict that cites it was made, without its chart; nil where it is that still.
	AsAnalyzed *Evidence `json:"as_analyzed,omitempty"`
}

// Figures are the numbers of a signal as of its look, for the series of the alert that Anchor names.
type Figures struct {
	Anchor    string    `json:"anchor"`              // fingerprint of the alert that they are about
	Condition string    `json:"condition,omitempty"` // ">", "<" …: how the value is compared; "" where nothing is
	Rises     bool      `json:"rises"`               // the alert fires for high values, or else for low ones
	Value     *Figure   `json:"value,omitempty"`     // the last one; of an alert that has ended, the last one while it fired
	Fired     *Figure   `json:"fired,omitempty"`     // when the alert fired
	Threshold *Figure   `json:"threshold,omitempty"` // the last one, where it moves
	Usual     *Figure   `json:"usual,omitempty"`     // the median before the onset
	Peak      *Figure   `json:"peak,omitempty"`      // furthest in the alert's direction since the onset, over all looks
	PeakAt    time.Time `json:"peak_at,omitzero"`
	// Since is when the condition began to be met without a break until the alert fired, Met how long it was met since then in all,
	// Until the last time that it was seen met; zero where that can't be told.
	Since time.Time     `json:"since,omitzero"`
	Until time.Time     `json:"until,omitzero"`
	Met   time.Duration `json:"met,omitempty"` // nanoseconds
	// Broken says that it was not met all the time between Since and Until, Over that it has not been seen met since Until.
	Broken bool `json:"broken,omitempty"`
	Over   bool `json:"over,omitempty"`
}

// finite returns the figures without those that are no numbers, which JSON has none for.
func (f *Figures) finite() *Figures {
	if f == nil {
		return nil
	}
	out := *f
	for _, figure := range []**Figure{&out.Value, &out.Fired, &out.Threshold, &out.Usual, &out.Peak} {
		if *figure != nil && (math.IsNaN((*figure).Value) || math.IsInf((*figure).Value, 0)) {
			*figure = nil
		}
	}
	return &out
}

// Figure is a number, and how it is told: rounded, with its unit.
type Figure struct {
	Value float64 `json:"value"`
	Text  string  `json:"text"`
}

// RankedSeries is one entry of a ranking.
type RankedSeries struct {
	Labels    map[string]string `json:"labels"`
	Score     float64           `json:"score"`     // robust deviations from the past, ≥ 0
	Direction string            `json:"direction"` // up, down, or flat where before and after look the same
	Onset     time.Time         `json:"onset,omitzero"`
	Share     float64           `json:"share,omitempty"`  // contribution to the change, 0 to 1, where it is known
	Before    float64           `json:"before,omitempty"` // typical value before the onset
	After     float64           `json:"after,omitempty"`  // typical value after it
	// Lead is the place, from 1, of the entry that speaks for the same target; 0 where this one does.
	Lead int `json:"lead,omitempty"`
	// Confidence is high where so much is hardly ever seen on healthy series, low where it may be chance; "" where
	// nobody judged it.
	Confidence string `json:"confidence,omitempty"`
}

// Table is a small table: every row has as many cells as there are columns.
type Table struct {
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
}

// Chart is what a chart shows: series over the evidence's range, a threshold, and the span in which the alert fired.
type Chart struct {
	Unit      string     `json:"unit,omitempty"` // "%" (values are ratios), "s", "bytes", "" for a plain number
	Series    []Series   `json:"series"`
	Band      *Band      `json:"band,omitempty"` // what was expected of the first series
	Threshold *float64   `json:"threshold,omitempty"`
	Firing    *TimeRange `json:"firing,omitempty"`
}

// TimeRange is a span of time; a zero End means that it has not ended.
type TimeRange struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end,omitzero"`
}

// Series is one line of a chart. A gap is a point with Value NaN, or simply no points: see Step.
type Series struct {
	Name   string        `json:"name"`
	Step   time.Duration `json:"step,omitempty"` // points further apart than 1.5 steps are not connected
	Points []Point       `json:"points"`
}

// Band is a range of values over time, as two lines with the same times. An infinite bound is none on that side; NaN is one
// that is unknown.
type Band struct {
	Name  string        `json:"name"`
	Step  time.Duration `json:"step,omitempty"` // as in Series
	Lower []Point       `json:"lower"`
	Upper []Point       `json:"upper"`
}

// Point is a value at a time. In JSON it is [unix seconds, value], as in Prometheus' API; NaN and infinities, which
// JSON has no numbers for, are strings there, again as in Prometheus' API.
type Point struct {
	At    time.Time
	Value float64
}

// LastEvidenceNumber returns the highest number that an id of the evidence has; 0 for none.
func LastEvidenceNumber(evidence []Evidence) int {
	last := 0
	for _, e := range evidence {
		if n, err := strconv.Atoi(strings.TrimPrefix(e.ID, "E")); err == nil {
			last = max(last, n)
		}
	}
	return last
}

// NumberEvidence gives items the ids that follow a number: E(after+1) and so on.
func NumberEvidence(items []Evidence, after int) {
	for i := range items {
		items[i].ID = "E" + strconv.Itoa(after+1+i)
	}
}

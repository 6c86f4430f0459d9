package layout

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// State is the part of an incident that repeats and work on its file change. It is stored apart from the rest: most
// notifications are repeats, and one of a large group need not write all of it to say that nothing has changed.
type State struct {
	LastHeardAt time.Time `json:"last_heard_at"`
	ExternalURL string    `json:"external_url,omitempty"`
	Repeats     int       `json:"repeats"`
	LatePeers   int       `json:"late_peers"`
	// Event is the last of the timeline, in which repeats are counted; none without a kind.
	Event incident.Event `json:"event"`
	// File is nil in what older releases wrote: they kept it, and what is due, with the rest.
	File *FileState   `json:"file,omitempty"`
	Due  incident.Due `json:"due,omitempty"`
}

// FileState is the state of the report on disk.
type FileState struct {
	Revision int64  `json:"revision"`
	Failures int    `json:"failures,omitempty"`
	Error    string `json:"error,omitempty"`
}

// Split returns the incident without its repeat state, and that.
func Split(inc *incident.Incident) (*incident.Incident, State) {
	rest := *inc
	state := State{
		LastHeardAt: inc.LastHeardAt, ExternalURL: inc.ExternalURL, Repeats: inc.Repeats, LatePeers: inc.LatePeers,
		File: &FileState{inc.FileRevision, inc.FileFailures, inc.FileError}, Due: inc.Due,
	}
	if n := len(inc.Timeline); n > 0 {
		state.Event = inc.Timeline[n-1]
		rest.Timeline = inc.Timeline[: n-1 : n-1]
	}
	rest.LastHeardAt, rest.ExternalURL, rest.Repeats, rest.LatePeers = time.Time{}, "", 0, 0
	rest.FileRevision, rest.FileFailures, rest.FileError, rest.Due = 0, 0, "", nil
	return &rest, state
}

// Join undoes Split.
func (s State) Join(inc *incident.Incident) {
	inc.LastHeardAt, inc.ExternalURL, inc.Repeats, inc.LatePeers = s.LastHeardAt, s.ExternalURL, s.Repeats, s.LatePeers
	if s.Event.Kind != "" {
		inc.Timeline = append(inc.Timeline, s.Event)
	}
	if s.File != nil {
		inc.FileRevision, inc.FileFailures, inc.FileError, inc.Due = s.File.Revision, s.File.Failures, s.File.Error, s.Due
	}
	if inc.Due == nil {
		inc.Due = incident.Due{}
	}
}

// SameRest reports whether two states of an incident differ in no more than the repeat state. It looks at every field rather
// than trusting an outcome, so that it stays right whatever folding learns to do.
func SameRest(a, b *incident.Incident) bool {
	if !SameSlice(a.Alerts, b.Alerts) {
		return false
	}
	x, _ := Split(a)
	y, _ := Split(b)
	if !slices.Equal(x.Timeline, y.Timeline) {
		return false
	}
	x.Timeline, y.Timeline, x.Alerts, y.Alerts = nil, nil, nil, nil // compared, and faster so
	if SameSlice(x.Related, y.Related) && SameSlice(x.Feedback, y.Feedback) {
		x.Related, y.Related, x.Feedback, y.Feedback = nil, nil, nil, nil
	}
	return reflect.DeepEqual(x, y)
}

// SameSlice reports whether two slices are the same memory, as those are that are replaced and never changed in place.
func SameSlice[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// Stored is an incident as it is read; Chunks are the JSON of the alerts that lie apart, with commas between.
type Stored struct {
	Seq        int64
	Doc, State []byte
	Version    int64
	Chunks     []byte
}

// Fields are where the columns go: seq, document, repeat state, version, chunks.
func (s *Stored) Fields() []any { return []any{&s.Seq, &s.Doc, &s.State, &s.Version, &s.Chunks} }

// Size is about what the incident weighs in memory.
func (s *Stored) Size() int { return len(s.Doc) + len(s.State) + len(s.Chunks) }

// Decode makes the incident.
func (s *Stored) Decode() (*incident.Incident, error) {
	inc := &incident.Incident{}
	if err := json.Unmarshal(s.Doc, inc); err != nil {
		return nil, fmt.Errorf("reading the JSON of an incident: %w", err)
	}
	var state State
	if err := json.Unmarshal(s.State, &state); err != nil {
		return nil, fmt.Errorf("reading the repeat state of incident %s: %w", inc.ID, err)
	}
	state.Join(inc)
	if len(s.Chunks) == 0 {
		return inc, nil
	}
	if err := decodeChunks(s.Chunks, inc); err != nil {
		return nil, fmt.Errorf("reading the alerts of incident %s: %w", inc.ID, err)
	}
	return inc, nil
}

// DecodeAll makes the incidents of rows.
func DecodeAll(rows []Stored) ([]*incident.Incident, error) {
	list := make([]*incident.Incident, len(rows))
	var err error
	for i, row := range rows {
		if list[i], err = row.Decode(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

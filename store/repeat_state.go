package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// repeatState is the part of an incident that repeats and work on its file change. It is stored apart from the rest: most
// notifications are repeats, and one of a large group need not write all of it to say that nothing has changed.
type repeatState struct {
	LastHeardAt time.Time `json:"last_heard_at"`
	ExternalURL string    `json:"external_url,omitempty"`
	Repeats     int       `json:"repeats"`
	LatePeers   int       `json:"late_peers"`
	// Event is the last of the timeline, in which repeats are counted; none without a kind.
	Event incident.Event `json:"event"`
	// File is nil in what older releases wrote: they kept it, and what is due, with the rest.
	File *fileState   `json:"file,omitempty"`
	Due  incident.Due `json:"due,omitempty"`
}

// fileState is the state of the report on disk.
type fileState struct {
	Revision int64  `json:"revision"`
	Failures int    `json:"failures,omitempty"`
	Error    string `json:"error,omitempty"`
}

// split returns the incident without its repeat state, and that.
func split(inc *incident.Incident) (*incident.Incident, repeatState) {
	rest := *inc
	state := repeatState{
		LastHeardAt: inc.LastHeardAt, ExternalURL: inc.ExternalURL, Repeats: inc.Repeats, LatePeers: inc.LatePeers,
		File: &fileState{inc.FileRevision, inc.FileFailures, inc.FileError}, Due: inc.Due,
	}
	if n := len(inc.Timeline); n > 0 {
		state.Event = inc.Timeline[n-1]
		rest.Timeline = inc.Timeline[: n-1 : n-1]
	}
	rest.LastHeardAt, rest.ExternalURL, rest.Repeats, rest.LatePeers = time.Time{}, "", 0, 0
	rest.FileRevision, rest.FileFailures, rest.FileError, rest.Due = 0, 0, "", nil
	return &rest, state
}

// join undoes split.
func (s repeatState) join(inc *incident.Incident) {
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

// sameRest reports whether two states of an incident differ in no more than the repeat state. It looks at every field rather
// than trusting an outcome, so that it stays right whatever folding learns to do.
func sameRest(a, b *incident.Incident) bool {
	if !sameSlice(a.Alerts, b.Alerts) {
		return false
	}
	x, _ := split(a)
	y, _ := split(b)
	if !slices.Equal(x.Timeline, y.Timeline) {
		return false
	}
	x.Timeline, y.Timeline, x.Alerts, y.Alerts = nil, nil, nil, nil // compared, and faster so
	if sameSlice(x.Related, y.Related) && sameSlice(x.Feedback, y.Feedback) {
		x.Related, y.Related, x.Feedback, y.Feedback = nil, nil, nil, nil
	}
	return reflect.DeepEqual(x, y)
}

// sameSlice reports whether two slices are the same memory, as those are that are replaced and never changed in place.
func sameSlice[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// stored is an incident as it is read; chunks are the JSON of the alerts that lie apart, with commas between.
type stored struct {
	seq, version       int64
	doc, state, chunks []byte
}

func (s *stored) fields() []any { return []any{&s.seq, &s.doc, &s.state, &s.version, &s.chunks} }

// size is about what the incident weighs in memory.
func (s *stored) size() int { return len(s.doc) + len(s.state) + len(s.chunks) }

func (s *stored) decode() (*incident.Incident, error) {
	inc := &incident.Incident{}
	if err := json.Unmarshal(s.doc, inc); err != nil {
		return nil, fmt.Errorf("reading the JSON of an incident: %w", err)
	}
	var state repeatState
	if err := json.Unmarshal(s.state, &state); err != nil {
		return nil, fmt.Errorf("reading the repeat state of incident %s: %w", inc.ID, err)
	}
	state.join(inc)
	if len(s.chunks) == 0 {
		return inc, nil
	}
	if err := decodeChunks(s.chunks, inc); err != nil {
		return nil, fmt.Errorf("reading the alerts of incident %s: %w", inc.ID, err)
	}
	return inc, nil
}

func decodeAll(rows []stored) ([]*incident.Incident, error) {
	list := make([]*incident.Incident, len(rows))
	var err error
	for i, row := range rows {
		if list[i], err = row.decode(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

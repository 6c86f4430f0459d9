package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// heard is the part of an incident that every notification changes, a repeat too. It is stored apart from the rest: most
// notifications are repeats, and one of a group of 500 alerts need not write 300 KB to say that nothing has changed.
type heard struct {
	LastHeardAt time.Time `json:"last_heard_at"`
	ExternalURL string    `json:"external_url,omitempty"`
	Repeats     int       `json:"repeats"`
	LatePeers   int       `json:"late_peers"`
	// Event is the last of the timeline, in which repeats are counted; none without a kind.
	Event incident.Event `json:"event"`
}

// split returns the incident without what is heard, and that.
func split(inc *incident.Incident) (*incident.Incident, heard) {
	rest := *inc
	h := heard{LastHeardAt: inc.LastHeardAt, ExternalURL: inc.ExternalURL, Repeats: inc.Repeats, LatePeers: inc.LatePeers}
	if n := len(inc.Timeline); n > 0 {
		h.Event = inc.Timeline[n-1]
		rest.Timeline = inc.Timeline[: n-1 : n-1]
	}
	rest.LastHeardAt, rest.ExternalURL, rest.Repeats, rest.LatePeers = time.Time{}, "", 0, 0
	return &rest, h
}

// join undoes split.
func (h heard) join(inc *incident.Incident) {
	inc.LastHeardAt, inc.ExternalURL, inc.Repeats, inc.LatePeers = h.LastHeardAt, h.ExternalURL, h.Repeats, h.LatePeers
	if h.Event.Kind != "" {
		inc.Timeline = append(inc.Timeline, h.Event)
	}
}

// sameRest reports whether two incidents differ in no more than what is heard. It looks at every field rather than
// trusting an outcome, so that it stays right whatever folding learns to do.
func sameRest(a, b *incident.Incident) bool {
	x, _ := split(a)
	y, _ := split(b)
	if !slices.Equal(x.Timeline, y.Timeline) {
		return false
	}
	x.Timeline, y.Timeline = nil, nil // compared, and faster so
	if sameSlice(x.Related, y.Related) && sameSlice(x.Feedback, y.Feedback) {
		x.Related, y.Related, x.Feedback, y.Feedback = nil, nil, nil, nil
	}
	return reflect.DeepEqual(x, y)
}

// sameSlice reports whether two slices are the same memory, as those are that are replaced and never changed in place.
func sameSlice[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// stored is an incident as it is read.
type stored struct{ doc, heard []byte }

func (s stored) decode() (*incident.Incident, error) {
	inc := &incident.Incident{}
	if err := json.Unmarshal(s.doc, inc); err != nil {
		return nil, fmt.Errorf("reading the JSON of an incident: %w", err)
	}
	var h heard
	if err := json.Unmarshal(s.heard, &h); err != nil {
		return nil, fmt.Errorf("reading the JSON of what was heard of incident %s: %w", inc.ID, err)
	}
	h.join(inc)
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

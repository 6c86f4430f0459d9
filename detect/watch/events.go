package watch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/alertscribe/alertscribe/detect"
)

// EventVersion is the version of the form of events. A form to which fields were added keeps it.
const EventVersion = 1

// The kinds of events, a closed set.
const (
	EventOpened   = "opened"   // an alert fires
	EventChanged  = "changed"  // it is twice as unusual, or as far beyond its threshold, as when it was last told of
	EventResolved = "resolved" // it fires no more
)

// Event is what is published of an anomaly. Numbers that are not known, and bounds that do not exist, are missing.
type Event struct {
	Version     int               `json:"version"`
	ID          string            `json:"id"` // ANOMALY-EVENT-MILLISECONDS, the same whenever this event is sent
	Event       string            `json:"event"`
	Anomaly     string            `json:"anomaly"` // the same in all events of one anomaly
	Source      string            `json:"source"`
	Rule        string            `json:"rule"`   // GROUP/ALERT
	Labels      map[string]string `json:"labels"` // of the alert
	Annotations map[string]string `json:"annotations"`
	At          time.Time         `json:"at"`                   // of the point, or the clock, that decided it
	StartedAt   time.Time         `json:"started_at"`           // the first anomalous point
	ResolvedAt  time.Time         `json:"resolved_at,omitzero"` // of "resolved"
	Value       *float64          `json:"value,omitempty"`
	Expected    *float64          `json:"expected,omitempty"`
	Lower       *float64          `json:"lower,omitempty"`
	Upper       *float64          `json:"upper,omitempty"`
}

// note keeps an event of a series whose alert has changed. Its rule's lock is held.
func (s *Stream) note(x *followed, before detect.State, at time.Time) {
	now := x.alert.State
	kind := ""
	switch size := x.rule.size(x.series); {
	case now == detect.Firing && before != detect.Firing:
		kind, x.origin.score = EventOpened, size
	case now != detect.Firing && before == detect.Firing:
		kind = EventResolved
		if now := s.w.opts.Now(); now.Sub(at) <= historyAfter {
			x.origin.resolved = now
		}
	case now == detect.Firing && size >= 2*x.origin.score && size > 0:
		kind, x.origin.score = EventChanged, size
	}
	if kind == "" || s.replaying || !s.publish {
		return
	}
	e := s.event(x, kind, at)
	body, err := json.Marshal(e)
	if err != nil { // strings, times and finite numbers
		s.log.Error("Event can't be encoded, it is left out", "err", err)
		return
	}
	s.events = append(s.events, detect.Event{ID: e.ID, Body: body})
}

func (s *Stream) event(x *followed, kind string, at time.Time) *Event {
	a := x.rule.alert(x.series, nil, at)
	e := &Event{
		Version: EventVersion, Event: kind, Source: s.part.Source, Rule: x.rule.Key(), Labels: a.Labels, Annotations: a.Annotations,
		At: at.UTC(), StartedAt: x.alert.ActiveAt.UTC(),
		Value: known(x.now.Value), Expected: known(x.peak.Expected), Lower: known(x.peak.Lower), Upper: known(x.peak.Upper),
	}
	if kind == EventResolved {
		e.ResolvedAt = x.alert.ResolvedAt.UTC()
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%d", e.Source, e.Rule, x.id, x.alert.ActiveAt.UnixMilli()))
	e.Anomaly = hex.EncodeToString(sum[:16])
	e.ID = fmt.Sprintf("%s-%s-%d", e.Anomaly, kind, at.UnixMilli())
	return e
}

func known(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

// size tells how large the anomaly of a series is: its score, or how far beyond the threshold it has been.
func (w *watched) size(s *series) float64 {
	if t := w.points.threshold; t != nil {
		return math.Abs(s.peak.Value - t.limit)
	}
	return s.peak.Score
}

package layout

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
)

// Bounds of where alerts lie.
const (
	AlertsInDoc = 100  // alerts that lie within the document of their incident; more lie apart, in chunks
	ChunkAlerts = 200  // of a chunk
	LargeGroup  = 1000 // alerts from which on an incident is worked on outside of the writer
)

// chunk is a part of the alerts of a large group. An alert stays in its chunk as long as it is kept.
type chunk struct {
	Number int              `json:"chunk"`
	Alerts []incident.Alert `json:"alerts"`
}

// ChunkWrite is a chunk to be written; without JSON it is to be deleted.
type ChunkWrite struct {
	Number int
	Doc    []byte
}

// Apart reports whether the alerts of an incident lie apart from its document.
func Apart(inc *incident.Incident) bool { return inc != nil && len(inc.Alerts) > AlertsInDoc }

// decodeChunks reads the alerts that lie apart into an incident.
func decodeChunks(joined []byte, inc *incident.Incident) error {
	var chunks []chunk
	if err := json.Unmarshal(slices.Concat([]byte("["), joined, []byte("]")), &chunks); err != nil {
		return err
	}
	n := 0
	for _, c := range chunks {
		n += len(c.Alerts)
	}
	inc.Alerts = make([]incident.Alert, 0, n)
	for _, c := range chunks {
		for i := range c.Alerts {
			c.Alerts[i].Chunk = c.Number
		}
		inc.Alerts = append(inc.Alerts, c.Alerts...)
	}
	slices.SortFunc(inc.Alerts, func(a, b incident.Alert) int { return strings.Compare(a.Fingerprint, b.Fingerprint) })
	return nil
}

// EncodeChunks returns the chunks that differ between two states of an incident, and numbers the new alerts of the second: its
// list is not shared with anybody yet, or else it is that of the first.
func EncodeChunks(was, inc *incident.Incident) ([]ChunkWrite, error) {
	if was != nil && SameSlice(was.Alerts, inc.Alerts) {
		return nil, nil
	}
	var old []incident.Alert
	if Apart(was) {
		old = was.Alerts
	}
	dirty := map[int][]incident.Alert{} // by the number of the chunk
	if Apart(inc) {
		assign(old, inc.Alerts, dirty)
		for i := range inc.Alerts {
			if a := &inc.Alerts[i]; dirty[a.Chunk] != nil {
				dirty[a.Chunk] = append(dirty[a.Chunk], *a)
			}
		}
	} else {
		for i := range old {
			dirty[old[i].Chunk] = []incident.Alert{}
		}
	}
	writes := make([]ChunkWrite, 0, len(dirty))
	for number, alerts := range dirty {
		w := ChunkWrite{Number: number}
		if len(alerts) > 0 {
			var err error
			if w.Doc, err = json.Marshal(chunk{number, alerts}); err != nil {
				return nil, err
			}
		}
		writes = append(writes, w)
	}
	return writes, nil
}

// assign gives each new alert its chunk and enters the chunks that have changed. Both lists are sorted.
func assign(old, alerts []incident.Alert, dirty map[int][]incident.Alert) {
	filled, last := map[int]int{}, 0
	for i := range old {
		filled[old[i].Chunk]++
		last = max(last, old[i].Chunk)
	}
	touch := func(number int) {
		if dirty[number] == nil {
			dirty[number] = []incident.Alert{}
		}
	}
	last = max(last, 1)
	i := 0
	for j := range alerts {
		a := &alerts[j]
		for ; i < len(old) && old[i].Fingerprint < a.Fingerprint; i++ {
			touch(old[i].Chunk) // it is gone
		}
		if i < len(old) && old[i].Fingerprint == a.Fingerprint {
			if a.Chunk = old[i].Chunk; !sameAlert(&old[i], a) {
				touch(a.Chunk)
			}
			i++
			continue
		}
		if filled[last] >= ChunkAlerts {
			last++
		}
		filled[last]++
		a.Chunk = last
		touch(last)
	}
	for ; i < len(old); i++ {
		touch(old[i].Chunk)
	}
}

// sameAlert reports whether two states of an alert are stored alike. Labels do not change.
func sameAlert(a, b *incident.Alert) bool {
	return a.Status == b.Status && a.StartsAt.Equal(b.StartsAt) && a.EndsAt.Equal(b.EndsAt) && a.SeenAt.Equal(b.SeenAt) &&
		a.ResolvedAt.Equal(b.ResolvedAt) && a.ResolvedBy == b.ResolvedBy && a.Left == b.Left &&
		a.GeneratorURL == b.GeneratorURL && maps.Equal(a.Annotations, b.Annotations)
}

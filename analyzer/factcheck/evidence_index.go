package factcheck

import (
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// evidenceIndex is what a verdict is checked against.
type evidenceIndex struct {
	items     map[string]*incident.Evidence // by id
	notShown  []string                      // ids that there was no room for
	facts     map[string]*facts             // by id
	alerts    *facts                        // of the alerts, which every cause may quote
	all       *facts                        // of the alerts and of all evidence
	anchors   []time.Time                   // times of the incident itself
	names     *nameIndex
	strangers *provenance
}

func newEvidenceIndex(in Input) *evidenceIndex {
	x := &evidenceIndex{
		items: map[string]*incident.Evidence{}, facts: map[string]*facts{}, notShown: in.Missing,
		alerts: alertFacts(in.Incident, in.Alerts), all: new(facts),
		names: newNameIndex(in.Incident, in.Evidence), strangers: newProvenance(in),
	}
	for _, t := range []time.Time{in.Incident.StartedAt, in.Incident.OpenedAt, in.Incident.ResolvedAt} {
		if !t.IsZero() {
			x.anchors = append(x.anchors, t)
		}
	}
	x.all.join(x.alerts)
	for i := range in.Evidence {
		e := &in.Evidence[i]
		x.items[e.ID] = e
		x.facts[e.ID] = evidenceFacts(e)
		x.all.join(x.facts[e.ID])
	}
	return x
}

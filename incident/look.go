package incident

import (
	"slices"
	"time"
)

// Look is one collection of evidence.
type Look struct {
	At time.Time
	// Kinds are those that were looked up, whether or not there was something; nil for all.
	Kinds []EvidenceKind
	// Items are what was found, in the order of their kinds; their ids are given when they are seen.
	Items []Evidence
}

// RefreshedKinds are looked up again while an incident fires, in the order of their items. What made an alert fire, what
// happened before and what its runbook says does not change by that.
func RefreshedKinds() []EvidenceKind {
	return []EvidenceKind{KindAlert, KindSignal, KindBand, KindDrilldown, KindNeighbors, KindAlerts}
}

// Findings are what was found out about an incident: kept beside it, since folding never looks at them.
type Findings struct {
	// Evidence is the newest look, and behind it what the verdict cites beside that.
	Evidence []Evidence `json:"evidence"`
	First    []Evidence `json:"first,omitempty"`    // the look at opening, without its charts
	Analyzed []Evidence `json:"analyzed,omitempty"` // what the model was shown for the verdict, without the charts
	// Memory are earlier incidents of the same kind, the weightiest first: hypotheses, never evidence.
	Memory  []PastIncident `json:"memory,omitempty"`
	Verdict *Verdict       `json:"verdict"` // nil until the model has answered
}

// See takes a look in. An item keeps its id over looks by what it is about, and an id never comes to mean something else.
// What could not be looked up this time, or is not in partial answers, stays as it was last seen, with that time. What the verdict cites and the look does not
// have stays behind it, as earlier; all else goes. A look that is older than what is there changes nothing.
func (f *Findings) See(look Look) {
	if slices.ContainsFunc(f.Evidence, func(e Evidence) bool { return e.At.After(look.At) }) {
		return
	}
	items := slices.Clone(look.Items)
	for i := range items {
		items[i].At = look.At
		items[i].Figures = items[i].Figures.finite()
	}
	items = f.identify(items)
	if f.Evidence == nil {
		f.First = withoutCharts(items)
	}
	var kept, earlier []Evidence
	for _, old := range f.Evidence {
		again := slices.IndexFunc(items, func(e Evidence) bool { return e.ID == old.ID }) >= 0
		lacking := slices.ContainsFunc(items, func(e Evidence) bool { return e.Kind == old.Kind && (e.Failed || len(e.Partial) > 0) })
		switch {
		case again:
		case !look.covers(old.Kind), lacking && !old.Failed && !old.Earlier:
			kept = append(kept, old)
		case f.Verdict != nil && f.Verdict.restsOn(old.ID):
			old.Earlier = true
			earlier = append(earlier, old)
		}
	}
	items = slices.DeleteFunc(items, func(e Evidence) bool { // what is there from before tells more
		return e.Failed && slices.ContainsFunc(kept, func(k Evidence) bool { return k.Kind == e.Kind && !k.Failed })
	})
	items = append(items, kept...)
	slices.SortStableFunc(items, func(a, b Evidence) int { return rankOfKind(a) - rankOfKind(b) })
	f.Evidence = append(items, earlier...)
	f.compare()
}

// covers reports whether a kind was looked up.
func (l Look) covers(kind EvidenceKind) bool { return l.Kinds == nil || slices.Contains(l.Kinds, kind) }

// identify gives items the ids of those in the findings that are about the same, and new ones to the others.
func (f *Findings) identify(items []Evidence) []Evidence {
	taken := map[string]bool{}
	for _, alike := range []func(a, b Evidence) bool{sameQuestion, sameQuery, sameSignal, sameKind} {
		for i := range items {
			if items[i].ID != "" {
				continue
			}
			for _, old := range f.Evidence {
				if !taken[old.ID] && old.Failed == items[i].Failed && alike(old, items[i]) {
					items[i].ID, taken[old.ID] = old.ID, true
					break
				}
			}
		}
	}
	last := max(LastEvidenceNumber(f.Evidence), LastEvidenceNumber(f.Analyzed))
	for i := range items {
		if items[i].ID == "" {
			last++
			NumberEvidence(items[i:i+1], last-1)
		}
	}
	return items
}

// What two items can have in common, from the surest on. A kind alone identifies those of which a look has one.
func sameQuestion(a, b Evidence) bool {
	return a.Kind == b.Kind && a.Query == b.Query && a.Title == b.Title
}

func sameQuery(a, b Evidence) bool {
	return a.Kind == b.Kind && a.Query != "" && a.Query == b.Query && sameAnchor(a, b)
}

func sameKind(a, b Evidence) bool { return a.Kind == b.Kind && soleKind(a.Kind) }

func sameSignal(a, b Evidence) bool {
	return a.Kind == KindSignal && b.Kind == KindSignal && a.Figures != nil && b.Figures != nil && a.Figures.Anchor == b.Figures.Anchor
}

// sameAnchor reports whether two items are about the same alert, as far as they say.
func sameAnchor(a, b Evidence) bool {
	return a.Figures == nil || b.Figures == nil || a.Figures.Anchor == b.Figures.Anchor
}

// soleKind reports whether a look has one item of a kind at most.
func soleKind(kind EvidenceKind) bool {
	switch kind {
	case KindAlert, KindSuspects, KindAlerts, KindHistory, KindRunbook:
		return true
	case KindSignal, KindBand, KindDrilldown, KindNeighbors, KindComparison, KindCheck:
	}
	return false
}

// kindOrder is the order in which a report tells of its evidence.
var kindOrder = []EvidenceKind{
	KindAlert, KindSignal, KindBand, KindDrilldown, KindSuspects, KindNeighbors, KindAlerts, KindHistory, KindRunbook,
}

func rankOfKind(e Evidence) int {
	if at := slices.Index(kindOrder, e.Kind); at >= 0 {
		return at
	}
	return len(kindOrder)
}

// compare puts beside each item that the verdict cites what it was when the verdict was made, where that is not what it is.
func (f *Findings) compare() {
	for i := range f.Evidence {
		e := &f.Evidence[i]
		e.AsAnalyzed = nil
		at := slices.IndexFunc(f.Analyzed, func(a Evidence) bool { return a.ID == e.ID })
		if at >= 0 && f.Verdict != nil && f.Verdict.restsOn(e.ID) && f.Analyzed[at].Summary != e.Summary {
			was := f.Analyzed[at]
			e.AsAnalyzed = &was
		}
	}
}

// Conclude stores a verdict over evidence, and what was looked up beside that to verify it. What was seen while the model
// was thinking stays the newest look; what the verdict cites beside it follows.
func (f *Findings) Conclude(v *Verdict, over, added []Evidence) {
	shown := slices.Concat(over, added)
	newest := slices.DeleteFunc(slices.Clone(f.Evidence), func(e Evidence) bool { // which a former verdict alone has cited
		return (e.Earlier || rankOfKind(e) == len(kindOrder)) && !v.restsOn(e.ID)
	})
	last := max(LastEvidenceNumber(newest), LastEvidenceNumber(shown))
	for i, e := range newest { // seen since, and numbered as what was looked up meanwhile
		if has(added, e.ID) && !has(over, e.ID) {
			last++
			NumberEvidence(newest[i:i+1], last-1)
		}
	}
	for _, e := range shown {
		if !has(newest, e.ID) && v.restsOn(e.ID) {
			e.Earlier = !has(added, e.ID)
			newest = append(newest, e)
		}
	}
	f.Evidence, f.Analyzed, f.Verdict = newest, withoutCharts(shown), v
	f.compare()
}

func has(items []Evidence, id string) bool {
	return slices.ContainsFunc(items, func(e Evidence) bool { return e.ID == id })
}

// withoutCharts returns items without what takes most of the room, and is never compared. The unit stays: the prompt has it, and
// a verification repeats the draft's prompt to the byte.
func withoutCharts(items []Evidence) []Evidence {
	out := slices.Clone(items)
	for i := range out {
		unit := ""
		if out[i].Chart != nil {
			unit = out[i].Chart.Unit
		}
		out[i].Chart, out[i].AsAnalyzed = nil, nil
		if unit != "" {
			out[i].Chart = &Chart{Unit: unit}
		}
	}
	return out
}

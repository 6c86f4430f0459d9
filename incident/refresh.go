package incident

import "time"

// minRefreshGap keeps looks apart where one notification after the other changes an incident.
const minRefreshGap = 10 * time.Second

// wantRefresh makes another look due, unless the last one was a moment ago.
func (inc *Incident) wantRefresh(now time.Time) {
	at := now
	if next := inc.LookedAt.Add(minRefreshGap); next.After(at) {
		at = next
	}
	if due, there := inc.Due[WorkRefresh]; !there || at.Before(due) {
		inc.schedule(WorkRefresh, at)
	}
}

// Refreshed records another look at the incident as claimed. changed says that it shows another picture than the verdict was
// made from: that calls for another analysis.
func (inc *Incident) Refreshed(claimed *Incident, changed bool, rules *Policy, now time.Time) {
	inc.looked(claimed, rules, now)
	if a := inc.Analysis; !changed || inc.Status != Firing || a.State == Pending || a.Later || rules.skips(inc) {
		return
	}
	inc.Generation++
	inc.addEvent(Event{At: now, Kind: EventChanged})
	inc.wantAnalysis(rules, inc.Analysis.next(now), now)
}

// looked records a look at the incident as claimed, and when the next one is due: by the timetable while it fires, and soon
// where it has changed meanwhile.
func (inc *Incident) looked(claimed *Incident, rules *Policy, now time.Time) {
	inc.LookedAt = now
	delete(inc.Due, WorkRefresh)
	switch {
	case inc.Generation != claimed.Generation:
		inc.wantRefresh(now)
	case inc.Status == Firing:
		if next := rules.nextRefresh(inc.ChangedAt, now); !next.IsZero() {
			inc.schedule(WorkRefresh, next)
		}
	}
	inc.touch(now)
}

// nextRefresh returns when an incident whose last alert began to fire at a time is looked at again: at the times of the
// timetable after that, then every last one of them. Zero: never.
func (r *Policy) nextRefresh(since, now time.Time) time.Time {
	soonest := now.Add(minRefreshGap)
	for _, after := range r.Refresh {
		if at := since.Add(after); at.After(soonest) {
			return at
		}
	}
	if len(r.Refresh) == 0 {
		return time.Time{}
	}
	every := r.Refresh[len(r.Refresh)-1]
	return since.Add((soonest.Sub(since)/every + 1) * every)
}

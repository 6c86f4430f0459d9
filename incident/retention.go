package incident

import "time"

// Retention says for how long incidents are kept after they were last heard of; 0 is for good. One that fires or that has work
// left is kept.
type Retention struct {
	Incidents time.Duration
	Critical  time.Duration // of severity critical and what ranks above it
}

// Of returns for how long an incident of a severity is kept.
func (r Retention) Of(severity string, p *Policy) time.Duration {
	if p.Rank(severity) <= p.Rank("critical") {
		return r.Critical
	}
	return r.Incidents
}

// Shortest returns the shorter of both; 0 where nothing is ever too old.
func (r Retention) Shortest() time.Duration {
	switch {
	case r.Incidents == 0:
		return r.Critical
	case r.Critical == 0:
		return r.Incidents
	}
	return min(r.Incidents, r.Critical)
}

// Forgotten is an incident that was removed, whose report is to be removed, too.
type Forgotten struct {
	Seq        int64 // grows
	ID         string
	ReportPath string
}

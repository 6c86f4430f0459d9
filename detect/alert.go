package detect

import "time"

// State is the state of an alert, as Prometheus has it.
type State string

// The states of an alert.
const (
	Inactive State = "inactive"
	Pending  State = "pending"
	Firing   State = "firing"
)

// Alert turns decisions into an alert, by the rules of Prometheus: it fires when every evaluation for the time For was
// anomalous, and resolves when none has been for KeepFiringFor. The zero value is inactive. Its exported fields are its
// state, to be stored with the series.
type Alert struct {
	State       State     // empty is Inactive
	ActiveAt    time.Time // since when it is pending or firing
	FiredAt     time.Time // since when it fires
	AnomalousAt time.Time // the latest anomalous evaluation
	ResolvedAt  time.Time // when it last stopped firing; zero if it never did
}

// Step takes the decision at a time and reports whether the alert started to fire, or resolved. Prometheus takes an
// evaluation without a sample as not anomalous.
func (a *Alert) Step(at time.Time, anomalous bool, hold, keepFiring time.Duration) (fired, resolved bool) {
	if a.State == "" {
		a.State = Inactive
	}
	if !anomalous {
		switch {
		case a.State == Firing && at.Sub(a.AnomalousAt) < keepFiring:
			return false, false
		case a.State == Firing:
			resolved, a.ResolvedAt = true, at
		}
		a.State = Inactive
		return false, resolved
	}
	a.AnomalousAt = at
	if a.State == Inactive {
		a.State, a.ActiveAt = Pending, at
	}
	if a.State == Pending && at.Sub(a.ActiveAt) >= hold {
		a.State, a.FiredAt = Firing, at
		return true, false
	}
	return false, false
}

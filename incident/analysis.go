package incident

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// State of an incident's analysis.
type State string

// The states, as they stand in reports and in the API.
const (
	// Pending: an attempt is running or scheduled.
	Pending State = "pending"
	// Complete: there is a verdict, or labeled prose.
	Complete State = "complete"
	// EvidenceOnly: no attempt is scheduled until something changes; the reason says what.
	EvidenceOnly State = "evidence_only"
)

// Reason says why an analysis is evidence only.
type Reason string

// The reasons, as they stand in reports and in the API.
const (
	NoKey          Reason = "no_key"
	Authentication Reason = "authentication"
	Forbidden      Reason = "forbidden"
	Balance        Reason = "balance"
	Budget         Reason = "budget"
	Skipped        Reason = "skipped"
	GaveUp         Reason = "gave_up"
	OverAtOnce     Reason = "over_at_once" // it was resolved before an analysis began
)

// Analysis is where the analysis of an incident stands.
type Analysis struct {
	State  State  `json:"state"`
	Reason Reason `json:"reason,omitempty"`
	// Detail says in one line what went wrong last, in words for the person on call; it never holds a secret.
	Detail   string `json:"detail,omitempty"`
	Attempts int    `json:"attempts,omitempty"` // failed in a row
	// Final says that asking again about the same would bring the same, and cost the same: a new attempt waits for the incident to change.
	Final bool `json:"final,omitempty"`
	// Covered are the alert names that a stored verdict has seen, Asked those that the last call for one was about.
	Covered []string `json:"covered,omitempty"`
	Asked   []string `json:"asked,omitempty"`
	// AskedSeverity is the highest severity, AskedFiring the largest number of firing alerts, that an analysis was asked for.
	AskedSeverity string `json:"asked_severity,omitempty"`
	AskedFiring   int    `json:"asked_firing,omitempty"`
	// Wanted is the generation that last called for evidence and an analysis, Evidence the one that the stored
	// evidence was collected for, Drafted the one that the last draft was made for, where it was to be verified, Settled
	// the one up to which nothing is to be verified any more.
	Wanted   int64 `json:"wanted"`
	Evidence int64 `json:"evidence"`
	Drafted  int64 `json:"drafted,omitempty"`
	Settled  int64 `json:"settled,omitempty"`
	// WantedAt is when the generation Wanted called for an analysis. Later says that it has to wait, for the evidence that
	// is due then: too little time has passed since the one before.
	WantedAt time.Time `json:"wanted_at,omitzero"`
	Later    bool      `json:"later,omitempty"`
	// Answers are when the model answered with a new verdict within the last day, oldest first.
	Answers []time.Time `json:"answers,omitempty"`
}

// WaitsFor returns the reason whose end makes the analysis due again; "" when it waits for the incident to change.
func (a Analysis) WaitsFor() Reason {
	if a.Final {
		return ""
	}
	return a.Reason
}

// Verifying reports whether the stored verdict is a draft whose verification is due or under way.
func (a Analysis) Verifying() bool { return a.State == Pending && a.Drafted > a.Settled }

// begin makes an analysis pending.
func (a *Analysis) begin() {
	a.State, a.Reason, a.Detail, a.Attempts, a.Final, a.Later = Pending, "", "", 0, false, false
	a.Settled = max(a.Settled, a.Drafted)
}

// How often an incident is analyzed again by itself.
const (
	againAfter  = 10 * time.Minute
	againPerDay = 3 // besides the first analysis
)

// answered records that the model has answered with a new verdict.
func (a *Analysis) answered(now time.Time) {
	a.Answers = append(slices.DeleteFunc(slices.Clone(a.Answers), func(t time.Time) bool {
		return now.Sub(t) >= 24*time.Hour
	}), now)
}

// next returns when another analysis may begin: at once where there was none.
func (a *Analysis) next(now time.Time) time.Time {
	n := len(a.Answers)
	if n == 0 {
		return now
	}
	at := a.Answers[n-1].Add(againAfter)
	if n > againPerDay {
		if renews := a.Answers[n-1-againPerDay].Add(24 * time.Hour); renews.After(at) {
			at = renews
		}
	}
	if at.Before(now) {
		return now
	}
	return at
}

// FailureKind classes what can go wrong with a model call. The set is closed: it labels a metric.
type FailureKind string

// The kinds of failure, and what an incident does about each.
const (
	FailNoKey          FailureKind = "no_key"         // evidence only until a key appears
	FailAuthentication FailureKind = "authentication" // 401: evidence only until a probe succeeds
	FailForbidden      FailureKind = "forbidden"      // 403: evidence only until a probe succeeds
	FailBalance        FailureKind = "balance"        // arrears, a quota that is used up: evidence only until a probe succeeds
	FailBudget         FailureKind = "budget"         // our own cap: evidence only until it renews
	FailRequest        FailureKind = "bad_request"    // 400, 422 and other 4xx: given up until a probe succeeds
	FailPolicy         FailureKind = "policy"         // the provider's moderation: given up until the incident changes
	FailRateLimit      FailureKind = "rate_limit"     // 429: retried
	FailOverload       FailureKind = "overload"       // 5xx: retried
	FailTimeout        FailureKind = "timeout"        // no whole answer in time: retried
	FailUnavailable    FailureKind = "unavailable"    // no connection: retried
	FailBadAnswer      FailureKind = "bad_answer"     // paid and not readable, asked for again: given up until the incident changes
	FailThinking       FailureKind = "thinking"       // all tokens went into thinking: given up until the incident changes
	FailInternal       FailureKind = "internal"       // a fault of ours: retried
)

// FailureKinds lists all kinds, for metrics that start at zero.
func FailureKinds() []FailureKind {
	return []FailureKind{
		FailNoKey, FailAuthentication, FailForbidden, FailBalance, FailBudget, FailRequest, FailPolicy, FailRateLimit, FailOverload,
		FailTimeout, FailUnavailable, FailBadAnswer, FailThinking, FailInternal,
	}
}

// reason returns why no further attempt is scheduled, or "" where the failure is retried.
func (k FailureKind) reason() Reason {
	switch k {
	case FailNoKey:
		return NoKey
	case FailAuthentication:
		return Authentication
	case FailBalance:
		return Balance
	case FailBudget:
		return Budget
	case FailForbidden:
		return Forbidden
	case FailRequest, FailPolicy, FailBadAnswer, FailThinking:
		return GaveUp
	case FailRateLimit, FailOverload, FailTimeout, FailUnavailable, FailInternal:
	}
	return ""
}

// final reports whether asking again about the same would bring the same.
func (k FailureKind) final() bool { return k == FailPolicy || k == FailBadAnswer || k == FailThinking }

// Failure is an attempt at an analysis that brought no verdict.
type Failure struct {
	Kind       FailureKind
	RetryAfter time.Duration // as the server asked; 0 when it did not
	Spend      Spend         // what the attempt used all the same
	Err        error         // in words for the person on call, without secrets
}

// Error implements error.
func (f *Failure) Error() string { return fmt.Sprintf("%s: %v", f.Kind, f.Err) }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// AsFailure returns the Failure in err, or err as an internal failure.
func AsFailure(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	return &Failure{Kind: FailInternal, Err: err}
}

// wantAnalysis calls for evidence and, unless all that fires is to be skipped, for an analysis of it: at once, or when enough
// time has passed since the one before. Meanwhile the verdict that is there stands.
func (inc *Incident) wantAnalysis(rules *Policy, at, now time.Time) {
	a := &inc.Analysis
	a.Wanted, a.WantedAt = inc.Generation, now
	a.Asked = inc.Names()
	a.AskedFiring = max(a.AskedFiring, inc.FiringCount())
	if was := a.AskedSeverity; was == "" || rules.Rank(inc.Severity) < rules.Rank(was) {
		a.AskedSeverity = inc.Severity
	}
	inc.schedule(WorkEvidence, at)
	switch {
	case rules.skips(inc):
		a.State, a.Reason, a.Later = EvidenceOnly, Skipped, false
	case at.After(now):
		a.Later = true
		inc.wantRefresh(now)
	case a.State == Pending: // its draft, if there is one, is verified first
		a.Attempts, a.Detail = 0, ""
	default:
		a.begin()
	}
}

// AnalyzeAgain calls for another analysis because a person asks for one: at once, whatever came before; the budget holds.
func (inc *Incident) AnalyzeAgain(rules *Policy, now time.Time) {
	inc.Generation++
	inc.wantAnalysis(rules, now, now)
	if inc.Analysis.State != Pending {
		inc.Analysis.begin() // also what the setting skips: somebody wants to know
	}
	inc.addEvent(Event{At: now, Kind: EventAsked})
	inc.touch(now)
}

// EvidenceCollected records that evidence for the incident as claimed was stored. The analysis becomes due once the
// evidence is as new as what called for it; a retry that was already scheduled keeps its time, and the first one waits a
// moment for what resolves at once.
func (inc *Incident) EvidenceCollected(claimed *Incident, rules *Policy, now time.Time) {
	a := &inc.Analysis
	a.Evidence = claimed.Analysis.Wanted
	if a.Evidence >= a.Wanted {
		delete(inc.Due, WorkEvidence)
		if a.Later && a.State != Pending { // else its draft is verified first
			a.begin()
		}
		a.Later = false
		if at := inc.earliestAnalysis(rules, now); a.State == Pending && inc.Due[WorkAnalysis].Before(at) {
			inc.schedule(WorkAnalysis, at)
		}
	}
	inc.looked(claimed, rules, now)
}

// earliestAnalysis returns when an analysis may be asked for.
func (inc *Incident) earliestAnalysis(rules *Policy, now time.Time) time.Time {
	settled := inc.OpenedAt.Add(rules.Settle)
	if len(inc.Analysis.Answers) == 0 && settled.After(now) && inc.Status == Firing {
		return settled
	}
	return now
}

// Drafted records that a verdict over the incident as claimed was stored that is still to be verified, and what it cost
// so far. Its verification is due at once, behind the drafts that others of this severity wait for.
func (inc *Incident) Drafted(claimed *Incident, spend Spend, now time.Time) {
	a := &inc.Analysis
	inc.Spend = inc.Spend.Add(spend)
	a.Drafted = claimed.Analysis.Wanted
	a.Attempts, a.Detail = 0, ""
	a.answered(now)
	delete(inc.Due, WorkAnalysis)
	if a.State == Pending {
		inc.schedule(WorkAnalysis, now)
	}
	inc.addEvent(Event{At: now, Kind: EventDrafted})
	inc.touch(now)
}

// Analyzed records that a verdict over the incident as claimed was stored, and what it cost. What has called for another
// analysis meanwhile is looked at when enough time has passed.
func (inc *Incident) Analyzed(claimed *Incident, spend Spend, now time.Time) {
	a := &inc.Analysis
	for _, alert := range claimed.Alerts {
		a.Covered = append(a.Covered, alert.Name())
	}
	slices.Sort(a.Covered)
	a.Covered = slices.Compact(a.Covered)
	inc.Spend = inc.Spend.Add(spend)
	a.Attempts, a.Detail = 0, ""
	over := claimed.Analysis.Wanted
	if claimed.Analysis.Verifying() {
		over = claimed.Analysis.Drafted
	} else {
		a.answered(now)
	}
	a.Settled = over
	delete(inc.Due, WorkAnalysis)
	if a.State == Pending {
		a.State, a.Reason = Complete, ""
		if a.Wanted > over {
			a.Later = true
			inc.schedule(WorkEvidence, a.next(now))
		}
	}
	inc.addEvent(Event{At: now, Kind: EventAnalyzed})
	inc.touch(now)
}

// AnalysisFailed records an attempt that brought no verdict: another one is scheduled, or the incident is evidence
// only for the failure's reason. A verdict that an earlier analysis brought stays.
func (inc *Incident) AnalysisFailed(failure *Failure, rules *Policy, now time.Time) {
	a := &inc.Analysis
	was := *a
	inc.Spend = inc.Spend.Add(failure.Spend)
	a.Attempts++
	a.Detail = failure.Err.Error()
	delete(inc.Due, WorkAnalysis)
	if a.Final = failure.Kind.final(); a.Final {
		a.answered(now) // which was paid for
	}
	if reason := failure.Kind.reason(); reason != "" {
		a.State, a.Reason = EvidenceOnly, reason
	} else if next := now.Add(max(RetryDelay(a.Attempts), failure.RetryAfter)); next.Sub(inc.wantedAt()) > rules.AnalysisMaxAge {
		a.State, a.Reason = EvidenceOnly, GaveUp
	} else {
		a.State, a.Reason = Pending, ""
		inc.schedule(WorkAnalysis, next)
	}
	if a.State != was.State || a.Reason != was.Reason || a.Detail != was.Detail {
		inc.touch(now)
	}
}

// wantedAt returns when the analysis was called for.
func (inc *Incident) wantedAt() time.Time {
	if inc.Analysis.WantedAt.IsZero() { // of an older version
		return inc.OpenedAt
	}
	return inc.Analysis.WantedAt
}

// RequeueAnalysis makes the analysis of a firing, evidence-only incident due again when one of the reasons was what it waited
// for, and reports whether it did.
func (inc *Incident) RequeueAnalysis(rules *Policy, now time.Time, reasons ...Reason) bool {
	a := &inc.Analysis
	if inc.Status != Firing || a.State != EvidenceOnly || a.Final || !slices.Contains(reasons, a.Reason) ||
		now.Sub(inc.OpenedAt) > rules.AnalysisMaxAge {
		return false
	}
	a.begin()
	if a.Evidence >= a.Wanted {
		inc.schedule(WorkAnalysis, now)
	}
	inc.touch(now)
	return true
}

const (
	firstRetry = time.Second
	maxRetry   = 5 * time.Minute
)

// RetryDelay returns how long to wait after the nth failure in a row (n ≥ 1): 1 s, doubled each time up to 5 min, with
// up to a quarter taken off at random so that incidents that failed together do not come back together.
func RetryDelay(n int) time.Duration {
	d := maxRetry
	if n < 10 { // 1 s << 9 is beyond the maximum
		d = min(firstRetry<<(n-1), maxRetry)
	}
	return d - rand.N(d/4+1)
}

package incident

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var t0 = time.Date(2026, 11, 20, 8, 30, 5, 0, time.UTC)

const (
	am1 = "http://am-1:9093"
	am2 = "http://am-2:9093"
)

// step is one notification and what is expected after it.
type step struct {
	after     time.Duration // since the step before
	from      string        // externalURL; am1 when empty
	firing    []string      // names of alerts
	resolved  []string
	startsAt  time.Duration // since t0
	noDates   bool
	truncated uint64
	reason    string

	outcome    Outcome
	status     Status
	generation int64
	fires      []string // names of alerts that fire afterwards
	newOne     bool     // another incident than after the step before
	none       bool     // belongs to no incident
	wanted     int64    // generation that last called for an analysis; 0: not looked at
}

func (s step) notification(at time.Time) *Notification {
	n := &Notification{
		Receiver: "alertscribe", GroupKey: `{}:{team="login"}`, ExternalURL: s.from, Reason: s.reason,
		GroupLabels: map[string]string{"team": "login"}, Truncated: s.truncated, ReceivedAt: at,
	}
	if n.ExternalURL == "" {
		n.ExternalURL = am1
	}
	add := func(names []string, status Status) {
		for _, name := range names {
			a := Alert{Status: status, Labels: map[string]string{"alertname": name, "severity": "critical"}}
			if !s.noDates {
				a.StartsAt = t0.Add(s.startsAt)
			}
			if status == Resolved && !s.noDates {
				a.EndsAt = at.Add(-time.Second)
			}
			n.Alerts = append(n.Alerts, a)
		}
	}
	add(s.firing, Firing)
	add(s.resolved, Resolved)
	return n
}

// fold folds a notification as the store does.
func fold(p *Policy, inc *Incident, n *Notification) (*Incident, Outcome) {
	n.Normalize()
	return p.Fold(inc, n)
}

func TestFold(t *testing.T) {
	a, ab := []string{"A"}, []string{"A", "B"}
	opened := step{firing: a, outcome: OutcomeOpened, status: Firing, generation: 1, fires: a, newOne: true, wanted: 1}
	resolvedA := step{after: time.Minute, resolved: a, outcome: OutcomeResolved, status: Resolved, generation: 2, wanted: 1}
	tests := map[string][]step{
		"repeat": {
			opened,
			{after: time.Hour, firing: a, outcome: OutcomeRepeat, status: Firing, generation: 1, fires: a, wanted: 1},
		},
		"pair of Alertmanagers": {
			opened,
			{after: 15 * time.Second, from: am2, firing: a, outcome: OutcomeRepeat, status: Firing, generation: 1, fires: a},
			resolvedA,
			{
				after: 15 * time.Second, from: am2, resolved: a,
				outcome: OutcomeRepeat, status: Resolved, generation: 2,
			},
		},
		"late peer": {
			opened, resolvedA,
			{after: 15 * time.Second, from: am2, firing: a, outcome: OutcomeLatePeer, status: Resolved, generation: 2},
		},
		"a late peer is late for five minutes only": {
			opened, resolvedA,
			{
				after: 5*time.Minute + time.Second, from: am2, firing: a,
				outcome: OutcomeReopened, status: Firing, generation: 3, fires: a,
			},
		},
		"re-fire under the old startsAt": {
			opened, resolvedA,
			{
				after: 15 * time.Second, firing: a,
				outcome: OutcomeReopened, status: Firing, generation: 3, fires: a, wanted: 1,
			},
		},
		"{A} {A,B} {A}": {
			opened,
			{
				after: time.Minute, firing: ab,
				outcome: OutcomeUpdated, status: Firing, generation: 2, fires: ab, wanted: 2,
			},
			{after: time.Minute, firing: a, outcome: OutcomeUpdated, status: Firing, generation: 3, fires: a, wanted: 2},
			{
				after: time.Minute, firing: ab,
				outcome: OutcomeUpdated, status: Firing, generation: 4, fires: ab, wanted: 2,
			},
		},
		"an alert that left comes back from the other Alertmanager": {
			opened,
			{after: time.Minute, firing: ab, outcome: OutcomeUpdated, status: Firing, generation: 2, fires: ab},
			{after: time.Second, from: am2, firing: a, outcome: OutcomeUpdated, status: Firing, generation: 3, fires: a},
			{after: time.Second, firing: ab, outcome: OutcomeUpdated, status: Firing, generation: 4, fires: ab},
		},
		"truncated bodies only add and change": {
			{
				firing: a, truncated: 2,
				outcome: OutcomeOpened, status: Firing, generation: 1, fires: a, newOne: true,
			},
			{
				after: time.Minute, firing: []string{"B"}, truncated: 2,
				outcome: OutcomeUpdated, status: Firing, generation: 2, fires: ab,
			},
			{
				after: time.Minute, firing: []string{"B"}, truncated: 1,
				outcome: OutcomeUpdated, status: Firing, generation: 3, fires: ab,
			},
			{
				after: time.Minute, resolved: []string{"B"}, truncated: 1,
				outcome: OutcomeUpdated, status: Firing, generation: 4, fires: a,
			},
			{
				after: time.Minute, firing: []string{"B"}, startsAt: time.Hour,
				outcome: OutcomeUpdated, status: Firing, generation: 5, fires: []string{"B"},
			},
		},
		"truncated says resolved": {
			{firing: a, truncated: 2, outcome: OutcomeOpened, status: Firing, generation: 1, fires: a, newOne: true},
			{
				after: time.Minute, resolved: a, truncated: 2, reason: "some alerts resolved",
				outcome: OutcomeUpdated, status: Firing, generation: 2,
			},
		},
		"truncated, and the end of the hidden ones is told with what has ended already": {
			{firing: a, truncated: 2, outcome: OutcomeOpened, status: Firing, generation: 1, fires: a, newOne: true},
			{
				after: time.Minute, resolved: a, truncated: 2, reason: "some alerts resolved",
				outcome: OutcomeUpdated, status: Firing, generation: 2,
			},
			{
				after: time.Minute, resolved: a, truncated: 2, reason: "some alerts resolved",
				outcome: OutcomeRepeat, status: Firing, generation: 2,
			},
			{
				after: time.Minute, resolved: a, truncated: 2, reason: "all alerts resolved",
				outcome: OutcomeResolved, status: Resolved, generation: 3,
			},
		},
		"truncated, and then whole with what has ended already": {
			{firing: a, truncated: 2, outcome: OutcomeOpened, status: Firing, generation: 1, fires: a, newOne: true},
			{after: time.Minute, resolved: a, truncated: 2, outcome: OutcomeUpdated, status: Firing, generation: 2},
			{after: time.Minute, resolved: a, outcome: OutcomeResolved, status: Resolved, generation: 3},
			{after: time.Minute, resolved: a, outcome: OutcomeRepeat, status: Resolved, generation: 3},
		},
		"truncated and final": {
			{
				firing: ab, truncated: 2,
				outcome: OutcomeOpened, status: Firing, generation: 1, fires: ab, newOne: true,
			},
			{
				after: time.Minute, resolved: a, truncated: 3, reason: "all alerts resolved",
				outcome: OutcomeResolved, status: Resolved, generation: 2,
			},
		},
		"flap": {
			opened, resolvedA,
			{
				after: 29 * time.Minute, firing: a, startsAt: 30 * time.Minute,
				outcome: OutcomeReopened, status: Firing, generation: 3, fires: a,
			},
		},
		"fires again too late": {
			opened, resolvedA,
			{
				after: 31 * time.Minute, firing: a, startsAt: 32 * time.Minute,
				outcome: OutcomeOpened, status: Firing, generation: 1, fires: a, newOne: true,
			},
		},
		"fires again after a long life": {
			opened,
			{after: 25 * time.Hour, resolved: a, outcome: OutcomeResolved, status: Resolved, generation: 2},
			{
				after: time.Minute, firing: a, startsAt: 25 * time.Hour,
				outcome: OutcomeOpened, status: Firing, generation: 1, fires: a, newOne: true,
			},
		},
		"resolved without an incident": {
			{resolved: a, outcome: OutcomeIgnored, none: true},
		},
		"the end of something that never began": {
			opened, resolvedA,
			{after: time.Hour, resolved: []string{"B"}, outcome: OutcomeIgnored, none: true},
		},
		"a new alert under a resolved name": {
			opened,
			{
				after: time.Minute, firing: a, startsAt: time.Minute,
				outcome: OutcomeUpdated, status: Firing, generation: 2, fires: a, wanted: 1,
			},
		},
		"no dates": {
			{firing: a, noDates: true, outcome: OutcomeOpened, status: Firing, generation: 1, fires: a, newOne: true},
			{after: time.Minute, firing: a, noDates: true, outcome: OutcomeRepeat, status: Firing, generation: 1, fires: a},
			{
				after: time.Minute, resolved: a, noDates: true,
				outcome: OutcomeResolved, status: Resolved, generation: 2,
			},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) { runSteps(t, steps) })
	}
}

func runSteps(t *testing.T, steps []step) {
	t.Helper()
	rules := DefaultPolicy()
	var current *Incident
	at := t0
	for i, s := range steps {
		at = at.Add(s.after)
		before := asJSON(t, current)
		next, outcome := fold(rules, current, s.notification(at))
		require.Equal(t, s.outcome, outcome, "step %d", i)
		require.Equal(t, before, asJSON(t, current), "step %d: the incident that was passed in has changed", i)
		if s.none {
			require.Nil(t, next, "step %d", i)
			continue
		}
		require.NotNil(t, next, "step %d", i)
		if !s.newOne {
			require.Equal(t, current.ID, next.ID, "step %d", i)
		} else if current != nil {
			require.NotEqual(t, current.ID, next.ID, "step %d", i)
			require.Equal(t, current.ID, next.Predecessor, "step %d", i)
		}
		var fires []string
		for _, a := range next.Firing() {
			fires = append(fires, a.Name())
		}
		require.ElementsMatch(t, s.fires, fires, "step %d", i)
		require.Equal(t, s.status, next.Status, "step %d", i)
		require.Equal(t, s.generation, next.Generation, "step %d", i)
		if s.wanted != 0 {
			require.Equal(t, s.wanted, next.Analysis.Wanted, "step %d", i)
		}
		require.Equal(t, at, next.LastHeardAt, "step %d", i)
		current = next
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

func TestFoldRepeatMakesNothingDue(t *testing.T) {
	rules := DefaultPolicy()
	inc, _ := fold(rules, nil, step{firing: []string{"A"}}.notification(t0))
	settled := inc.Clone()
	settled.FileWritten(inc)
	settled.Due = Due{}
	n := step{firing: []string{"A"}}.notification(t0.Add(time.Minute))
	n.Alerts[0].Annotations = map[string]string{"summary": "22 % of the logins fail"}
	next, outcome := fold(rules, settled, n)
	require.Equal(t, OutcomeRepeat, outcome)
	assert.Equal(t, Due{}, next.Due)
	assert.Equal(t, settled.Revision, next.Revision)
	assert.Equal(t, 1, next.Repeats)
	assert.Equal(t, "22 % of the logins fail", next.Alerts[0].Annotations["summary"], "newest annotations")
}

func TestFoldStaleIsContinued(t *testing.T) {
	rules := DefaultPolicy()
	inc, _ := fold(rules, nil, step{firing: []string{"A"}}.notification(t0))
	inc.MarkStale(t0.Add(25 * time.Hour))
	require.Equal(t, Stale, inc.Status)
	assert.True(t, inc.Due[WorkAnalysis].IsZero() && inc.Due[WorkEvidence].IsZero())
	assert.False(t, inc.Due[WorkFile].IsZero(), "the file must say it")

	again, outcome := fold(rules, inc, step{firing: []string{"A"}}.notification(t0.Add(48*time.Hour)))
	assert.Equal(t, OutcomeUpdated, outcome)
	assert.Equal(t, inc.ID, again.ID)
	assert.Equal(t, Firing, again.Status)

	over, outcome := fold(rules, inc, step{resolved: []string{"A"}}.notification(t0.Add(48*time.Hour)))
	assert.Equal(t, OutcomeResolved, outcome)
	assert.Equal(t, Resolved, over.Status)
}

func TestFoldRemovesEchoes(t *testing.T) {
	rules := DefaultPolicy()
	n := step{firing: []string{"A", "AlertscribeReport"}}.notification(t0)
	n.Alerts[1].Labels[SelfAlertLabel] = "true"
	inc, _ := fold(rules, nil, n)
	require.Len(t, inc.Alerts, 1)

	n = step{firing: []string{"AlertscribeReport"}}.notification(t0)
	n.Alerts[0].Labels[SelfAlertLabel] = "true"
	none, outcome := fold(rules, nil, n)
	assert.Nil(t, none)
	assert.Equal(t, OutcomeOwnReport, outcome)
	none, outcome = fold(rules, inc, n)
	assert.Nil(t, none, "an echo must not make the group's alerts leave")
	assert.Equal(t, OutcomeOwnReport, outcome)
}

func TestResolvedAt(t *testing.T) {
	rules := DefaultPolicy()
	open, _ := fold(rules, nil, step{firing: []string{"A"}}.notification(t0))
	at := t0.Add(10 * time.Minute)
	tests := map[string]struct {
		endsAt, want time.Time
	}{
		"as sent":              {at.Add(-3 * time.Minute), at.Add(-3 * time.Minute)},
		"none":                 {time.Time{}, at},
		"before the start":     {t0.Add(-time.Hour), at},
		"later than its mail":  {at.Add(time.Hour), at},
		"equal to its arrival": {at, at},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			n := step{resolved: []string{"A"}}.notification(at)
			n.Alerts[0].EndsAt = tc.endsAt
			inc, _ := fold(rules, open, n)
			assert.Equal(t, tc.want, inc.ResolvedAt)
			assert.Equal(t, at, inc.ClosedAt)
		})
	}
}

func TestSeverity(t *testing.T) {
	rules := DefaultPolicy()
	tests := map[string]struct {
		labels []string
		want   string
	}{
		"the highest":           {[]string{"info", "critical", "warning"}, "critical"},
		"page is above error":   {[]string{"error", "page"}, "page"},
		"unknown is a warning":  {[]string{"sev9", "info"}, "warning"},
		"missing is a warning":  {[]string{""}, "warning"},
		"capitals do not count": {[]string{"Critical"}, "critical"},
		"only info":             {[]string{"info"}, "info"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			n := step{}.notification(t0)
			for i, s := range tc.labels {
				n.Alerts = append(n.Alerts, Alert{Status: Firing, Labels: map[string]string{"alertname": "A", "i": string(rune('a' + i)), "severity": s}})
			}
			inc, _ := fold(rules, nil, n)
			assert.Equal(t, tc.want, inc.Severity)
		})
	}
}

func TestSkip(t *testing.T) {
	rules := DefaultPolicy()
	inc, _ := fold(rules, nil, step{firing: []string{"Watchdog"}}.notification(t0))
	assert.Equal(t, EvidenceOnly, inc.Analysis.State)
	assert.Equal(t, Skipped, inc.Analysis.Reason)
	assert.False(t, inc.Due[WorkEvidence].IsZero(), "it gets an evidence report")

	inc, _ = fold(rules, inc, step{firing: []string{"Watchdog", "A"}}.notification(t0.Add(time.Minute)))
	assert.Equal(t, Pending, inc.Analysis.State, "something real has joined")
}

func TestTimelineIsBounded(t *testing.T) {
	rules := DefaultPolicy()
	inc, _ := fold(rules, nil, step{firing: []string{"A"}}.notification(t0))
	for i := range 500 {
		names := []string{"A"}
		if i%2 == 0 {
			names = append(names, "B")
		}
		inc, _ = fold(rules, inc, step{firing: names}.notification(t0.Add(time.Duration(i)*time.Second)))
	}
	assert.Len(t, inc.Timeline, maxEvents)
	assert.Equal(t, EventOpened, inc.Timeline[0].Kind)
	assert.Equal(t, t0.Add(499*time.Second), inc.Timeline[maxEvents-1].At)
}

// FuzzFold plays any sequence of notifications of one group and checks what must hold after each: the same body again
// changes nothing, what fires is in an open incident, and an incident that something is due on says so in its state.
func FuzzFold(f *testing.F) {
	f.Add([]byte{0x01, 0x03, 0x01, 0x10, 0x81})
	f.Add([]byte{0x07, 0x47, 0x70, 0x01, 0xff})
	f.Fuzz(func(t *testing.T, script []byte) {
		rules := DefaultPolicy()
		var current *Incident
		at := t0
		for i, b := range script[:min(len(script), 64)] {
			at = at.Add(time.Duration(b>>6) * 11 * time.Minute)
			s := step{truncated: uint64(b>>5) & 1, startsAt: time.Duration(b>>6) * time.Hour}
			if b&0x10 != 0 {
				s.from = am2
			}
			for bit, name := range []string{"A", "B"} {
				switch b >> (2 * bit) & 3 {
				case 1, 3:
					s.firing = append(s.firing, name)
				case 2:
					s.resolved = append(s.resolved, name)
				}
			}
			next, outcome := fold(rules, current, s.notification(at))
			if next == nil {
				require.Equal(t, OutcomeIgnored, outcome)
				continue
			}
			again, _ := fold(rules, next, s.notification(at))
			require.NotNil(t, again, "notification %d", i)
			require.Equal(t, next.ID, again.ID, "notification %d", i)
			require.Equal(t, next.Generation, again.Generation, "notification %d", i)
			require.Equal(t, next.Due, again.Due, "notification %d", i)
			if len(next.Firing()) > 0 {
				require.Equal(t, Firing, next.Status)
			}
			require.Equal(t, next.Status == Resolved, !next.ResolvedAt.IsZero())
			if next.Analysis.State == Pending {
				require.False(t, next.Due[WorkEvidence].IsZero() && next.Due[WorkAnalysis].IsZero(), "pending, and nothing is due")
			}
			current = next
		}
	})
}

// crowd is a notification of n alerts of a group, numbered from first on.
func crowd(at time.Time, first, n int, status Status) *Notification {
	sent := &Notification{Receiver: "r", GroupKey: "g", GroupLabels: map[string]string{"alertname": "A"}, ReceivedAt: at}
	for i := first; i < first+n; i++ {
		sent.Alerts = append(sent.Alerts, Alert{Status: status, StartsAt: t0, Labels: map[string]string{"alertname": "A", "i": fmt.Sprint(i)}})
	}
	return sent
}

func TestEndedAlertsAreBounded(t *testing.T) {
	rules := DefaultPolicy()
	inc, _ := fold(rules, nil, crowd(t0, 0, 3*MaxEnded, Firing))
	assert.Len(t, inc.Alerts, 3*MaxEnded, "all that fire are kept")
	was := inc
	inc, _ = fold(rules, inc, crowd(t0.Add(time.Minute), MaxEnded, 2*MaxEnded, Firing))
	assert.Len(t, inc.Alerts, 3*MaxEnded)
	assert.Zero(t, inc.EndedAlerts)
	inc, outcome := fold(rules, inc, crowd(t0.Add(2*time.Minute), MaxEnded, 2*MaxEnded, Resolved))
	assert.Equal(t, OutcomeResolved, outcome)
	assert.Len(t, inc.Alerts, MaxEnded)
	assert.Equal(t, 2*MaxEnded, inc.EndedAlerts)
	assert.Equal(t, 3*MaxEnded, inc.TotalAlerts())
	for _, a := range inc.Alerts {
		assert.Equal(t, t0.Add(2*time.Minute), a.ResolvedAt, "the newest are kept")
	}
	again, outcome := fold(rules, inc, crowd(t0.Add(3*time.Minute), MaxEnded, 2*MaxEnded, Resolved))
	assert.Equal(t, OutcomeRepeat, outcome, "what is not kept is nothing new")
	assert.Same(t, &inc.Alerts[0], &again.Alerts[0])
	assert.Len(t, was.Alerts, 3*MaxEnded)
	for _, a := range was.Alerts {
		require.Equal(t, Firing, a.Status, "what was folded is as it was")
	}
	again, outcome = fold(rules, inc, crowd(t0.Add(3*time.Minute), 0, 1, Firing))
	assert.Equal(t, OutcomeReopened, outcome)
	assert.Equal(t, 1, again.FiringCount())
}

// TestRepeatCopiesNoAlerts: the store tells by it that it need not write them.
func TestRepeatCopiesNoAlerts(t *testing.T) {
	inc, _ := fold(DefaultPolicy(), nil, crowd(t0, 0, 10, Firing))
	next, _ := fold(DefaultPolicy(), inc, crowd(t0, 0, 10, Firing))
	assert.Same(t, &inc.Alerts[0], &next.Alerts[0])
	n := crowd(t0, 0, 10, Firing)
	n.Normalize()
	n.Alerts[7].Annotations = map[string]string{"value": "2"}
	next, outcome := fold(DefaultPolicy(), inc, n)
	assert.Equal(t, OutcomeRepeat, outcome)
	assert.NotSame(t, &inc.Alerts[0], &next.Alerts[0])
	assert.Equal(t, map[string]string{"value": "2"}, next.Alerts[7].Annotations)
	assert.Empty(t, inc.Alerts[7].Annotations)
}

// BenchmarkFold lets 40,000 alerts join a group of 40,000.
func BenchmarkFold(b *testing.B) {
	const alerts = 40_000
	inc, _ := fold(DefaultPolicy(), nil, crowd(t0, 0, alerts, Firing))
	n := crowd(t0, alerts, alerts, Firing)
	n.Truncated = 1 // so that the others stay
	n.Normalize()
	b.ReportAllocs()
	for b.Loop() {
		next, _ := DefaultPolicy().Fold(inc, n)
		require.Len(b, next.Alerts, 2*alerts)
	}
}

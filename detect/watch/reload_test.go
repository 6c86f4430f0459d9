package watch

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const otherRule = "  - alert: Other\n    expr: queue * 2\n    anomaly: {history: 5d}\n"

// firingWatcher has evaluated the drop of queue "a", which fires.
func firingWatcher(t *testing.T, rules string, state *memory) *running {
	t.Helper()
	w := start(t, client(t), ruleFile(rules), state)
	w.evaluateTo(drops.Add(-2*time.Minute), drops.Add(10*time.Minute))
	return w
}

// reloaded returns a Watcher of other rules that goes on from one, at its time.
func reloaded(t *testing.T, former *running, rules string) *running {
	t.Helper()
	next := start(t, client(t), ruleFile(rules), former.state)
	next.at = former.at
	next.GoOnFrom(t.Context(), former.Watcher)
	return next
}

// TestReloadGoesOn: a rule that is read again unchanged, or changed in what its series do not depend on, keeps its alert and what was
// learned, and reads no history.
func TestReloadGoesOn(t *testing.T) {
	for name, rules := range map[string]string{
		"unchanged":   queueRule,
		"beside more": queueRule + otherRule,
		"annotation":  strings.Replace(queueRule, "}} has {{", "}} now has {{", 1),
		"rate":        strings.Replace(queueRule, "{history: 5d}", "{history: 5d, false_alarms: 1 per 7d}", 1),
	} {
		t.Run(name, func(t *testing.T) {
			former := firingWatcher(t, queueRule, nil)
			before := former.rules["g/QueueUnusual"]
			began := firing(former.told.of("g/QueueUnusual"))["a"].StartsAt
			require.False(t, began.IsZero())
			next := reloaded(t, former, rules)
			assert.Empty(t, next.told.of("g/QueueUnusual"), "nothing has resolved")
			r := next.rules["g/QueueUnusual"]
			assert.Equal(t, before.evaluated, r.evaluated)
			require.Len(t, r.series, 3)
			next.evaluateTo(former.at.Add(time.Minute), former.at.Add(2*time.Minute))
			assert.Equal(t, began, firing(next.told.of("g/QueueUnusual"))["a"].StartsAt, "the alert goes on")
			assert.Zero(t, next.Status()[0].Series[learning])
		})
	}
}

// TestReloadResolves: alerts that no rule sends anymore are told of as resolved, by the labels that they had.
func TestReloadResolves(t *testing.T) {
	for name, tc := range map[string]struct {
		rules string
		fires bool // an alert of the same rule with other labels
	}{
		"removed":      {rules: otherRule},
		"renamed":      {rules: strings.Replace(queueRule, "QueueUnusual", "QueueOdd", 1)},
		"other labels": {rules: strings.Replace(queueRule, "severity: warning", "severity: warning, team: shop", 1), fires: true},
	} {
		t.Run(name, func(t *testing.T) {
			former := firingWatcher(t, queueRule, nil)
			labels := firing(former.told.of("g/QueueUnusual"))["a"].Labels
			next := reloaded(t, former, tc.rules)
			told := next.told.of("g/QueueUnusual")
			require.Len(t, told, 1)
			assert.False(t, told[0].Firing())
			assert.Equal(t, labels, told[0].Labels)
			assert.Equal(t, former.at, told[0].EndsAt)
			next.evaluateTo(former.at.Add(time.Minute), former.at.Add(time.Minute))
			if tc.fires {
				a := firing(next.told.of("g/QueueUnusual"))["a"]
				assert.Equal(t, "shop", a.Labels["team"])
			}
		})
	}
	former := firingWatcher(t, queueRule, nil)
	former.Retire(t.Context())
	require.Len(t, former.told.of("g/QueueUnusual"), 1)
	assert.False(t, former.told.of("g/QueueUnusual")[0].Firing(), "the last rule is gone")
}

// TestReloadAsksElse: where the expression or the method is another, nothing of what was learned of the former one is judged by; also
// after a restart.
func TestReloadAsksElse(t *testing.T) {
	scaled := strings.Replace(queueRule, "expr: queue", "expr: queue * 1000", 1)
	seasonal := strings.Replace(queueRule, "{history: 5d}", "{history: 5d, method: seasonal}", 1)
	check := func(t *testing.T, next *running, factor float64) {
		t.Helper()
		next.evaluateTo(next.at.Add(time.Minute), next.at.Add(time.Minute))
		for _, s := range next.rules["g/QueueUnusual"].series {
			if s.labels["queue"] == "c" {
				assert.InDelta(t, 1, s.now.Expected/(100*factor), .4)
				assert.False(t, s.now.Anomalous)
				assert.False(t, s.relearn)
			}
		}
		assert.Zero(t, next.Status()[0].Series[learning], "its history was read")
	}
	t.Run("expression", func(t *testing.T) { check(t, reloaded(t, firingWatcher(t, queueRule, nil), scaled), 1000) })
	t.Run("method", func(t *testing.T) { check(t, reloaded(t, firingWatcher(t, queueRule, nil), seasonal), 1) })
	t.Run("restart", func(t *testing.T) {
		state := &memory{}
		former := firingWatcher(t, queueRule, state)
		next := start(t, client(t), ruleFile(scaled), state)
		next.resumeAt(former.at)
		check(t, next, 1000)
	})
}

// TestPrune: what was saved of rules that no file names is deleted a day later, and nothing else is.
func TestPrune(t *testing.T) {
	state := &memory{}
	former := firingWatcher(t, queueRule+otherRule, state)
	require.Len(t, state.rows, 2)
	next := start(t, client(t), ruleFile(queueRule), state)
	for _, tc := range []struct {
		after time.Duration
		left  int
	}{{0, 2}, {23 * time.Hour, 2}, {25 * time.Hour, 1}} {
		next.at = former.at.Add(tc.after)
		next.prune(t.Context())
		assert.Len(t, state.rows, tc.left, "%v later", tc.after)
	}
	assert.NotEmpty(t, state.rows["g/QueueUnusual"], "a rule that is named keeps all, however old")
	state.rows["g/Broken"] = map[string][]byte{"1": {1, 2, 3}}
	next.prune(t.Context())
	assert.Empty(t, state.rows["g/Broken"], "what is unreadable is of no use")

	state.fail = assert.AnError
	next.prune(t.Context())
	none := start(t, client(t), ruleFile(queueRule), nil)
	none.prune(t.Context())
}

// TestReloadKeepsFeedback: a series that feedback has made quieter stays so.
func TestReloadKeepsFeedback(t *testing.T) {
	former := firingWatcher(t, queueRule, nil)
	former.opts.Logger = slog.New(slog.DiscardHandler)
	labels := firing(former.told.of("g/QueueUnusual"))["a"].Labels
	require.True(t, former.Quieten(labels, "one"))
	next := reloaded(t, former, strings.Replace(queueRule, "{history: 5d}", "{history: 5d, false_alarms: 1 per 7d}", 1))
	require.Len(t, next.Status()[0].Quiet, 1)
	assert.Equal(t, "1/2", next.Status()[0].Quiet[0].Rate)
	assert.False(t, next.Quieten(labels, "one"), "it counts once")
}

// TestSlotIsTheSameWheneverItIsAsked: else what was evaluated for it is evaluated once more, and an alert resolves.
func TestSlotIsTheSameWheneverItIsAsked(t *testing.T) {
	g := &Group{Name: "shop", Interval: time.Hour}
	first := g.slot(time.Now())
	for range 1000 {
		again := g.slot(time.Now())
		require.False(t, again.After(first) || first.After(again))
	}
}

package notify_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify"
	"github.com/alertscribe/alertscribe/notify/channel"
)

func TestDefaultEvents(t *testing.T) {
	e := newEnv(t)
	s := &sender{edits: true}
	n, _ := e.run(nil, notify.Channel{Name: "oncall", Sender: s})
	id := e.fire("Load", "critical")
	e.quiet()
	assert.Empty(t, s.events(), "the analysis is waited for")
	e.analyze(id)
	e.eventually(func() bool { return len(s.events()) == 1 }, "analyzed")
	d := s.deliveries()[0]
	m := d.Message
	assert.Equal(t, channel.Analyzed, m.Event)
	assert.Equal(t, id, m.Incident)
	assert.True(t, strings.HasPrefix(m.ID, id+"-analyzed-"))
	assert.Equal(t, []string{"Orders fail.", "The disk is full.", "high", "Extend it."}, []string{m.Summary, m.Cause, m.Likelihood, m.Action})
	assert.Equal(t, channel.ForeignText, m.ActionMark)
	assert.Equal(t, map[string]string{"namespace": "shop", "pod": "a"}, m.Labels)
	assert.Equal(t, "https://scribe.example.com/reports/"+id, m.ReportURL)
	assert.InDelta(t, .5, m.Cost, 0)
	assert.Empty(t, d.Thread)

	e.fire("Load", "critical") // a repeat
	e.post("Load", alert("Load", "a", "critical", incident.Firing), alert("Load", "b", "critical", incident.Firing))
	e.quiet()
	assert.Len(t, s.events(), 1, "changes are not asked for")

	e.post("Load", alert("Load", "a", "critical", incident.Resolved), alert("Load", "b", "critical", incident.Resolved))
	e.eventually(func() bool { return len(s.events()) == 2 }, "resolved")
	d = s.deliveries()[1]
	assert.Equal(t, channel.Resolved, d.Message.Event)
	assert.Equal(t, incident.Resolved, d.Message.Status)
	assert.Equal(t, "thread of "+id, d.Thread, "the same message")
	assert.Equal(t, map[string]string{"oncall": "ok"}, n.Health())
	inc, _, err := e.store.Incident(t.Context(), id)
	require.NoError(t, err)
	e.eventually(func() bool {
		rows, err := e.store.Deliveries(t.Context(), id)
		return err == nil && rows[0].ID == d.Message.ID && rows[0].Revision == inc.Revision
	}, "the revision that was told is stored")
}

// TestNoSecretsLeave: what alerts say is redacted before it is sent.
func TestNoSecretsLeave(t *testing.T) {
	e := newEnv(t)
	s := &sender{}
	e.run(nil, notify.Channel{Name: "oncall", Sender: s, Events: events(channel.Opened)})
	a := alert("Load", "a", "critical", incident.Firing)
	a.Labels["password"] = "hunter3secret"
	e.post("Load", a)
	e.eventually(func() bool { return len(s.events()) == 1 }, "opened")
	m := s.deliveries()[0].Message
	assert.NotContains(t, fmt.Sprint(*m), "hunter2secret")
	assert.NotContains(t, fmt.Sprint(*m), "hunter3secret")
	assert.Contains(t, m.Summary, "Load is not well")
}

// TestEvents goes through what can happen to an incident.
func TestEvents(t *testing.T) {
	all := channel.Events()
	for name, tt := range map[string]struct {
		events   []channel.Event
		patience time.Duration
		do       func(e *env)
		want     []string
	}{
		"all events": {all, 0, func(e *env) {
			id := e.fire("X", "critical")
			e.wait(1)
			e.analyze(id)
			e.wait(2)
			e.resolve("X")
		}, []string{"opened", "analyzed", "resolved"}},
		"no key": {nil, 0, func(e *env) {
			e.fail(e.fire("X", "critical"), incident.FailNoKey)
			e.wait(1)
			e.resolve("X")
		}, []string{"analyzed", "resolved"}},
		"analysis.skip": {nil, 0, func(e *env) {
			e.post("Watchdog", incident.Alert{Labels: map[string]string{"alertname": "Watchdog"}, Status: incident.Firing})
			e.post("Watchdog", incident.Alert{Labels: map[string]string{"alertname": "Watchdog"}, Status: incident.Resolved})
		}, nil},
		"an analysis that takes too long": {nil, 50 * time.Millisecond, func(e *env) { e.analyze2(e.fire("X", "critical")) }, []string{"analyzed", "analyzed"}},
		"resolved before it is analyzed": {nil, 0, func(e *env) {
			id := e.fire("X", "critical")
			e.resolve("X")
			e.quiet()
			e.analyze(id)
		}, []string{"resolved"}},
		"opened, resolved, then analyzed": {all, 0, func(e *env) {
			id := e.fire("X", "critical")
			e.wait(1)
			e.resolve("X")
			e.wait(2)
			e.analyze(id)
		}, []string{"opened", "resolved", "analyzed"}},
		"fires again": {nil, 0, func(e *env) {
			e.analyze(e.fire("X", "critical"))
			e.wait(1)
			e.resolve("X")
			e.wait(2)
			e.fire("X", "critical")
			e.wait(3)
			e.resolve("X")
		}, []string{"analyzed", "resolved", "changed", "resolved"}},
		"only the end": {events(channel.Resolved), 0, func(e *env) {
			e.analyze(e.fire("X", "critical"))
			e.quiet()
			e.resolve("X")
		}, []string{"resolved"}},
		"only the beginning": {events(channel.Opened), 0, func(e *env) {
			e.analyze(e.fire("X", "critical"))
			e.wait(1)
			e.resolve("X")
		}, []string{"opened"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			s := &sender{}
			e.sender = s
			e.run(func(o *notify.Options) { o.Patience = tt.patience }, notify.Channel{Name: "oncall", Sender: s, Events: tt.events})
			tt.do(e)
			e.eventually(func() bool { return len(s.events()) >= len(tt.want) }, "all events")
			e.quiet()
			assert.Equal(t, tt.want, s.events(), e.logs)
			ids := map[string]bool{}
			for _, d := range s.deliveries() {
				assert.False(t, ids[d.Message.ID], "each message has an id of its own")
				ids[d.Message.ID] = true
			}
		})
	}
}

// TestChangesAreGathered: a group that grows is one message after a minute.
func TestChangesAreGathered(t *testing.T) {
	e := newEnv(t)
	s := &sender{}
	late := &clock{}
	e.run(func(o *notify.Options) { o.Now = late.Now },
		notify.Channel{Name: "oncall", Sender: s, Events: events(channel.Opened, channel.Changed)})
	e.fire("X", "critical")
	e.eventually(func() bool { return len(s.events()) == 1 }, "opened")
	e.post("X", alert("X", "a", "critical", incident.Firing), alert("X", "b", "critical", incident.Firing))
	e.quiet()
	assert.Equal(t, []string{"opened"}, s.events())
	e.post("X", alert("X", "a", "critical", incident.Firing), alert("X", "b", "critical", incident.Firing), alert("X", "c", "critical", incident.Firing))
	late.advance(time.Minute)
	e.fire("Y", "critical") // wakes the queue, whose timer runs with the real clock
	e.eventually(func() bool { return len(s.events()) == 3 }, "one message for both changes")
	assert.Equal(t, 3, s.deliveries()[1].Message.Firing+s.deliveries()[2].Message.Firing-1)
}

func TestFilters(t *testing.T) {
	e := newEnv(t)
	severe, shop, other := &sender{}, &sender{}, &sender{}
	match := func(text string) labels.Matchers {
		m, err := labels.ParseMatchers(text)
		require.NoError(t, err)
		return m
	}
	opened := events(channel.Opened)
	e.run(nil,
		notify.Channel{Name: "severe", Sender: severe, Events: opened, MinSeverity: "error"},
		notify.Channel{Name: "shop", Sender: shop, Events: opened, Match: match(`namespace="shop", pod=~"a|b"`)},
		notify.Channel{Name: "other", Sender: other, Events: opened, Match: match(`namespace="bank"`)},
	)
	e.fire("Mild", "warning")
	e.fire("Bad", "page")
	e.eventually(func() bool { return len(shop.events()) == 2 && len(severe.events()) == 1 }, "who is told")
	e.quiet()
	assert.Equal(t, "HighBad", severe.deliveries()[0].Message.Alertname)
	assert.Empty(t, other.events())
}

// TestNewChannelIsNotToldOfOldIncidents, else a first configuration would bring a flood.
func TestNewChannelIsNotToldOfOldIncidents(t *testing.T) {
	e := newEnv(t)
	old := e.fire("Old", "critical")
	e.analyze(old)
	s := &sender{}
	e.run(nil, notify.Channel{Name: "oncall", Sender: s})
	e.resolve("Old")
	e.analyze(e.fire("New", "critical"))
	e.eventually(func() bool { return len(s.events()) == 1 }, "the new one")
	e.quiet()
	assert.Equal(t, "HighNew", s.deliveries()[0].Message.Alertname)
	assert.Len(t, s.events(), 1)
}

func TestRetry(t *testing.T) {
	e := newEnv(t)
	late := &clock{}
	s := &sender{fails: []error{&channel.Failure{Kind: channel.Retry, After: 10 * time.Minute, Err: errors.New("overloaded")}}}
	e.run(func(o *notify.Options) { o.Now = late.Now }, notify.Channel{Name: "oncall", Sender: s, Events: events(channel.Opened)})
	id := e.fire("X", "critical")
	e.eventually(func() bool { return e.failed(id) }, "the failure of the first attempt is stored")
	assert.Equal(t, 1, s.attempts())
	late.advance(11 * time.Minute)
	e.fire("Y", "info") // wakes the queue, whose timer runs with the real clock
	e.eventually(func() bool { return len(s.events()) == 2 }, "the second succeeds")
	e.eventually(func() bool {
		rows, err := e.store.Deliveries(t.Context(), id)
		return err == nil && rows[0].Attempts == 0 && rows[0].Error == ""
	}, "the failure is over")
}

// TestContentIsSentSmaller, once; then it is given up, and what happens next is tried.
func TestContentIsSentSmaller(t *testing.T) {
	e := newEnv(t)
	s := &sender{fails: []error{errContent, nil, errContent, errContent}}
	n, _ := e.run(nil, notify.Channel{Name: "oncall", Sender: s, Events: channel.Events()})
	id := e.fire("X", "critical")
	e.eventually(func() bool { return len(s.events()) == 1 }, "smaller")
	assert.True(t, s.deliveries()[0].Small)
	e.analyze(id)
	e.eventually(func() bool { return strings.Contains(e.logs.String(), "Message given up") }, "both sizes refused")
	assert.Equal(t, 4, s.attempts())
	e.resolve("X")
	e.eventually(func() bool { return len(s.events()) == 2 }, "the next")
	assert.False(t, s.deliveries()[1].Small)
	assert.Equal(t, "ok", n.Health()["oncall"], "content is no fault of the channel")
}

// TestRestart: what was not told before the end is told after it, what was told is not, and a failure goes on.
func TestRestart(t *testing.T) {
	e := newEnv(t)
	s := &sender{}
	_, stop := e.run(nil, notify.Channel{Name: "oncall", Sender: s})
	told := e.fire("Told", "critical")
	e.analyze(told)
	e.eventually(func() bool { return len(s.events()) == 1 }, "the first")
	s.setDown(errLater)
	failing := e.fire("Failing", "critical")
	e.analyze(failing)
	e.eventually(func() bool { return s.attempts() > 1 }, "an attempt")
	stop()
	while := e.fire("While", "critical") // the notifier is away
	e.analyze(while)
	e.resolve("Told")
	require.NoError(t, e.store.Close())

	e.open()
	s.setDown(nil)
	e.run(nil, notify.Channel{Name: "oncall", Sender: s})
	e.eventually(func() bool { return len(s.events()) == 4 }, "the rest")
	e.quiet()
	got := map[string]int{}
	for _, d := range s.deliveries() {
		got[d.Message.Incident+" "+string(d.Message.Event)]++
	}
	assert.Equal(t, map[string]int{told + " analyzed": 1, told + " resolved": 1, failing + " analyzed": 1, while + " analyzed": 1}, got)
}

// TestDeathBeforeTheCommit: the channel has the message, and we die before that is stored. It is sent again, with the same id, and
// once more for the last time.
func TestDeathBeforeTheCommit(t *testing.T) {
	e := newEnv(t)
	s := &sender{}
	s.taken = func() { _ = e.store.Close() }
	_, stop := e.run(nil, notify.Channel{Name: "oncall", Sender: s})
	e.analyze(e.fire("X", "critical"))
	e.eventually(func() bool { return strings.Contains(e.logs.String(), "Storing a delivery failed") }, "not stored")
	stop()
	for range 2 {
		s.taken = nil
		e.open()
		_, stop = e.run(nil, notify.Channel{Name: "oncall", Sender: s})
		e.eventually(func() bool { return len(s.events()) == 2 }, "again")
		e.quiet()
		stop()
		require.NoError(t, e.store.Close())
	}
	got := s.deliveries()
	require.Len(t, got, 2)
	assert.Equal(t, got[0].Message.ID, got[1].Message.ID)
}

// TestOldIncidentIsEntered, so that its end is found at a start even if nothing was told of it and we died when it came.
func TestOldIncidentIsEntered(t *testing.T) {
	e := newEnv(t)
	late, s := &clock{}, &sender{}
	_, stop := e.run(func(o *notify.Options) { o.Now = late.Now }, notify.Channel{Name: "oncall", Sender: s, Events: events(channel.Resolved)})
	id := e.fire("X", "critical")
	e.quiet()
	rows, err := e.store.Deliveries(t.Context(), id)
	require.NoError(t, err)
	assert.Empty(t, rows, "nothing is written while there is nothing to tell")
	late.advance(3 * 24 * time.Hour)
	e.fire("X", "critical")
	e.eventually(func() bool {
		rows, err := e.store.Deliveries(t.Context(), id)
		return err == nil && len(rows) == 1 && rows[0].Open
	}, "entered")
	stop()
	e.analyze(id)
	e.resolve("X")
	_, _ = e.run(func(o *notify.Options) { o.Now = late.Now }, notify.Channel{Name: "oncall", Sender: s, Events: events(channel.Resolved)})
	e.eventually(func() bool { return len(s.events()) == 1 }, "the end")
}

// TestExpiry: a message is not tried for ever.
func TestExpiry(t *testing.T) {
	e := newEnv(t)
	late := &clock{}
	s := &sender{down: errLater}
	e.run(func(o *notify.Options) { o.Now, o.Expiry = late.Now, time.Hour }, notify.Channel{Name: "oncall", Sender: s, Events: events(channel.Opened, channel.Resolved)})
	id := e.fire("X", "critical")
	e.eventually(func() bool { return e.failed(id) }, "an attempt, whose time is stored")
	late.advance(2 * time.Hour)
	e.eventually(func() bool { return strings.Contains(e.logs.String(), "Message given up") }, "given up")
	s.setDown(nil)
	late.advance(time.Hour)
	e.resolve("X")
	e.eventually(func() bool { return len(s.events()) == 1 }, "the end")
	assert.Equal(t, []string{"resolved"}, s.events())
}

func TestMetrics(t *testing.T) {
	e := newEnv(t)
	registry := prometheus.NewRegistry()
	a, b := &sender{down: errConfig}, &sender{}
	e.run(func(o *notify.Options) { o.Registerer = registry }, notify.Channel{Name: "a", Sender: a, Events: events(channel.Opened)},
		notify.Channel{Name: "b", Sender: b, Events: events(channel.Opened)})
	e.fire("X", "critical")
	e.eventually(func() bool { return len(b.events()) == 1 && a.attempts() == 1 }, "both")
	value := func(name, channel, outcome string) float64 {
		families, err := registry.Gather()
		require.NoError(t, err)
		for _, f := range families {
			for _, m := range f.GetMetric() {
				labels := map[string]string{}
				for _, l := range m.GetLabel() {
					labels[l.GetName()] = l.GetValue()
				}
				if f.GetName() == name && labels["channel"] == channel && labels["outcome"] == outcome {
					return m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
		t.Fatalf("no %s of %s", name, channel)
		return 0
	}
	e.eventually(func() bool { return value("alertscribe_channel_messages_total", "b", "delivered") == 1 }, "delivered")
	e.eventually(func() bool { return value("alertscribe_channel_messages_total", "a", "config") == 1 }, "failed")
	e.eventually(func() bool { return value("alertscribe_channel_up", "a", "") == 0 }, "which is seen")
	assert.InDelta(t, 0, value("alertscribe_channel_messages_total", "a", "delivered"), 0)
	assert.InDelta(t, 0, value("alertscribe_channel_up", "a", ""), 0)
	assert.InDelta(t, 1, value("alertscribe_channel_up", "b", ""), 0)
}

// TestPanicCostsOneLook: a fault of ours in one message is no fault of the others.
func TestPanicCostsOneLook(t *testing.T) {
	e := newEnv(t)
	s := &sender{}
	e.run(nil, notify.Channel{Name: "panics", Sender: panicking{}, Events: events(channel.Opened)}, notify.Channel{Name: "b", Sender: s, Events: events(channel.Opened)})
	e.fire("X", "critical")
	e.fire("Y", "critical")
	e.eventually(func() bool { return len(s.events()) == 2 }, "b")
	e.eventually(func() bool { return strings.Count(e.logs.String(), "Panic in a channel") >= 2 }, "both tried")
}

package notify_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify"
	"github.com/alertscribe/alertscribe/notify/channel"
)

func TestFallback(t *testing.T) {
	priority := func(o *notify.Options) { o.Priority = [][]string{{"a", "b"}, {"c"}} }
	t.Run("wrong configuration", func(t *testing.T) {
		t.Parallel()
		e := newEnv(t)
		a, b, c := &sender{down: errConfig}, &sender{}, &sender{}
		n, _ := e.run(priority, notify.Channel{Name: "a", Sender: a}, notify.Channel{Name: "b", Sender: b}, notify.Channel{Name: "c", Sender: c})
		e.analyze(e.fire("X", "critical"))
		e.eventually(func() bool { return len(b.events()) == 1 && len(c.events()) == 1 }, "b in the place of a, and c beside it")
		assert.Equal(t, "failing: token revoked", n.Health()["a"])
		e.analyze(e.fire("Y", "critical"))
		e.eventually(func() bool { return len(b.events()) == 2 && len(c.events()) == 2 }, "b again")
		assert.Equal(t, 1, a.attempts(), "a is left alone")
		e.resolve("X")
		e.resolve("Y")
		e.eventually(func() bool { return len(b.events()) == 4 && len(c.events()) == 4 }, "b knows of it, so b hears of the end")
		e.quiet()
		assert.Equal(t, []string{"analyzed", "analyzed", "resolved", "resolved"}, b.events())
	})
	t.Run("no answer", func(t *testing.T) {
		t.Parallel()
		e := newEnv(t)
		a, b := &sender{down: errLater}, &sender{}
		e.run(func(o *notify.Options) { o.Priority = [][]string{{"a", "b"}} }, notify.Channel{Name: "a", Sender: a}, notify.Channel{Name: "b", Sender: b})
		e.analyze(e.fire("X", "critical"))
		e.eventually(func() bool { return len(b.events()) == 1 }, "after a few attempts")
		assert.Equal(t, 3, a.attempts())
	})
	t.Run("a long wait", func(t *testing.T) {
		t.Parallel()
		e := newEnv(t)
		a, b := &sender{down: &channel.Failure{Kind: channel.Retry, After: time.Minute, Err: errors.New("slow down")}}, &sender{}
		e.run(func(o *notify.Options) { o.Priority = [][]string{{"a", "b"}} }, notify.Channel{Name: "a", Sender: a}, notify.Channel{Name: "b", Sender: b})
		e.analyze(e.fire("X", "critical"))
		e.eventually(func() bool { return len(b.events()) == 1 }, "at once")
		assert.Equal(t, 1, a.attempts())
	})
	t.Run("content", func(t *testing.T) {
		t.Parallel()
		e := newEnv(t)
		a, b := &sender{down: errContent}, &sender{}
		e.run(func(o *notify.Options) { o.Priority = [][]string{{"a", "b"}} }, notify.Channel{Name: "a", Sender: a}, notify.Channel{Name: "b", Sender: b})
		e.analyze(e.fire("X", "critical"))
		e.eventually(func() bool { return len(b.events()) == 1 }, "b takes what a refuses")
	})
}

// TestWhoWasToldIsToldOfTheEnd: b stood in for a, which is well again when it ends.
func TestWhoWasToldIsToldOfTheEnd(t *testing.T) {
	e := newEnv(t)
	a, b := &sender{}, &closing{}
	a.setDown(&channel.Failure{Kind: channel.Retry, After: 31 * time.Second, Err: errors.New("slow down")})
	late := &clock{}
	e.run(func(o *notify.Options) { o.Priority, o.Now = [][]string{{"a", "b"}}, late.Now }, notify.Channel{Name: "a", Sender: a},
		notify.Channel{Name: "b", Sender: b, Events: events(channel.Analyzed)})
	e.analyze(e.fire("X", "critical"))
	e.eventually(func() bool { return len(b.events()) == 1 }, "b")
	a.setDown(nil)
	e.quiet() // else b, which is at it, tells the end as well
	late.advance(2 * time.Minute)
	e.resolve("X")
	e.eventually(func() bool { return len(a.events()) == 1 && len(b.events()) == 2 }, "both")
	assert.Equal(t, []string{"resolved"}, a.events())
	assert.Equal(t, []string{"analyzed", "resolved"}, b.events(), "although it did not ask for it: what it has open would stay open")
}

// TestDeadChannelHoldsUpNobody: one channel hangs, the others are told at once.
func TestDeadChannelHoldsUpNobody(t *testing.T) {
	e := newEnv(t)
	dead, well := &sender{hold: make(chan struct{})}, &sender{}
	defer close(dead.hold)
	e.run(nil, notify.Channel{Name: "dead", Sender: dead, Events: events(channel.Opened)}, notify.Channel{Name: "well", Sender: well, Events: events(channel.Opened)})
	for i := range 20 {
		e.fire(fmt.Sprint(i), "critical")
	}
	e.eventually(func() bool { return len(well.events()) == 20 }, "all of them")
	assert.Empty(t, dead.events())
}

func TestMostSevereFirst(t *testing.T) {
	e := newEnv(t)
	s := &sender{hold: make(chan struct{})}
	e.run(nil, notify.Channel{Name: "oncall", Sender: s, Events: events(channel.Opened)})
	e.fire("First", "info")
	e.eventually(func() bool { return s.beginnings() == 1 }, "the first one is on its way")
	for _, severity := range []string{"info", "warning", "critical"} {
		e.fire(severity, severity)
	}
	time.Sleep(2 * time.Second) // until all are queued, which nobody sees
	close(s.hold)
	e.eventually(func() bool { return len(s.events()) == 4 }, "all")
	var order []string
	for _, d := range s.deliveries() {
		order = append(order, d.Message.Alertname)
	}
	assert.Equal(t, []string{"HighFirst", "Highcritical", "Highwarning", "Highinfo"}, order)
}

func TestPriorityIsChecked(t *testing.T) {
	for name, tt := range map[string]struct {
		priority [][]string
		want     string
	}{
		"unknown":  {[][]string{{"a", "b"}, {"x"}}, `"x" is no channel; there are a, b`},
		"twice":    {[][]string{{"a", "b"}, {"a"}}, `"a" is listed twice`},
		"left out": {[][]string{{"a"}}, `"b" is in no list`},
		"empty":    {[][]string{{"a", "b"}, {}}, "list 2 is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, errors.Join(notify.CheckPriority([]string{"a", "b"}, tt.priority)...), tt.want)
		})
	}
	assert.Len(t, notify.CheckPriority([]string{"a", "b", "b"}, [][]string{{"a"}}), 1, "one fault is said once")
	assert.Empty(t, notify.CheckPriority([]string{"a", "b"}, nil))
	assert.Empty(t, notify.CheckPriority([]string{"a", "b"}, [][]string{{"b"}, {"a"}}))
}

// TestRefusedContentIsNotTriedAgain while another channel of the list is down.
func TestRefusedContentIsNotTriedAgain(t *testing.T) {
	e := newEnv(t)
	a, b := &sender{down: errContent}, &sender{down: errConfig}
	late := &clock{}
	n, _ := e.run(func(o *notify.Options) { o.Priority, o.Now = [][]string{{"a", "b"}}, late.Now }, notify.Channel{Name: "a", Sender: a}, notify.Channel{Name: "b", Sender: b})
	e.analyze(e.fire("X", "critical"))
	e.eventually(func() bool {
		return a.attempts() == 2 && b.attempts() == 1 && n.Health()["b"] == "failing: token revoked"
	}, "both fail, which is known before the clock moves")
	b.setDown(nil)
	late.advance(time.Minute)
	e.fire("Y", "info") // wakes the queue, whose timer runs with the real clock
	e.eventually(func() bool { return len(b.events()) == 1 }, "b")
	assert.Equal(t, 2, a.attempts())
}

// TestStale: nobody knows whether it still fires, so what a service has open is closed, and opened when it is heard of again.
func TestStale(t *testing.T) {
	e := newEnv(t)
	s, other, late := &closing{}, &sender{}, &clock{}
	e.run(func(o *notify.Options) { o.Now = late.Now }, notify.Channel{Name: "a", Sender: s}, notify.Channel{Name: "b", Sender: other})
	id := e.fire("X", "critical")
	e.analyze(id)
	e.eventually(func() bool { return len(s.events()) == 1 && len(other.events()) == 1 }, "analyzed")
	late.advance(2 * time.Minute) // changes wait for a minute
	require.NoError(t, e.store.Update(t.Context(), id, func(inc *incident.Incident) bool {
		inc.MarkStale(time.Now())
		return true
	}))
	e.eventually(func() bool { return len(s.events()) == 2 }, "stale")
	assert.Equal(t, incident.Stale, s.deliveries()[1].Message.Status)
	e.fire("X", "critical")
	e.eventually(func() bool { return len(s.events()) == 3 }, "fires after all")
	e.quiet()
	assert.Equal(t, []string{"analyzed", "changed", "changed"}, s.events())
	assert.Equal(t, incident.Firing, s.deliveries()[2].Message.Status)
	assert.Equal(t, []string{"analyzed"}, other.events(), "it was told nothing that is true no longer")
}

// TestEndIsGivenUp: an end that nobody takes is not tried for ever, neither by the first of a list nor by who stood in.
func TestEndIsGivenUp(t *testing.T) {
	e := newEnv(t)
	a, b := &sender{down: errContent}, &sender{}
	_, stop := e.run(func(o *notify.Options) { o.Priority = [][]string{{"a", "b"}} }, notify.Channel{Name: "a", Sender: a}, notify.Channel{Name: "b", Sender: b})
	e.analyze(e.fire("X", "critical"))
	e.eventually(func() bool { return len(b.events()) == 1 }, "b stands in")
	b.setDown(errContent)
	e.resolve("X")
	e.eventually(func() bool { return strings.Contains(e.logs.String(), "Message given up") }, "given up")
	e.quiet()
	tries := a.attempts() + b.attempts()
	e.fire("Y", "info") // another look
	e.quiet()
	assert.Equal(t, tries, a.attempts()+b.attempts())
	assert.LessOrEqual(t, strings.Count(e.logs.String(), "Message given up"), 2, "one for each channel")
	stop()

	alone := &sender{down: errContent}
	e.run(nil, notify.Channel{Name: "alone", Sender: alone, Events: events(channel.Resolved)})
	e.analyze(e.fire("Z", "critical"))
	e.resolve("Z")
	e.eventually(func() bool { return alone.attempts() == 2 }, "both sizes")
	e.quiet()
	assert.Equal(t, 2, alone.attempts())
}

package ingest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect"
	"github.com/alertscribe/alertscribe/detect/watch"
)

// fakeBroker notes what it is told.
type fakeBroker struct {
	caught  bool
	refuses bool // takes no dead letters
	told    []int64
	letters []string
}

func (b *fakeBroker) putAside(_ context.Context, letters []letter) {
	for i := range letters {
		letters[i].sent = !b.refuses
		b.letters = append(b.letters, letters[i].reason)
	}
}

func (b *fakeBroker) done(_ int32, last *message) { b.told = append(b.told, last.position) }

func (b *fakeBroker) caughtUp(int32, int64) bool { return b.caught }

// pumpEnv is a pump that the test turns itself, with a clock of its own.
type pumpEnv struct {
	*pump

	fake *fakeBroker
	now  time.Time
	told *told
}

func newPump(t *testing.T, parts storage) *pumpEnv {
	t.Helper()
	e := &pumpEnv{fake: &fakeBroker{}, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), told: &told{alerts: map[string][]watch.Alert{}}}
	groups, err := watch.Parse("rules.yml", []byte(testRules))
	require.NoError(t, err)
	w, err := watch.New(watch.Options{Groups: groups, Parts: parts, Notifier: e.told, Now: func() time.Time { return e.now }})
	require.NoError(t, err)
	part := detect.Part{Source: "orders"}
	stream, err := w.OpenStream(t.Context(), part, false)
	require.NoError(t, err)
	r := &reader{source: &Source{Name: "orders"}, metrics: newMetrics(nil, nil), log: testLog(t), queued: newGauge(MaxQueued), pumps: map[int32]*pump{}}
	e.pump = &pump{r: r, part: part, stream: stream, broker: e.fake, track: true, position: -1, wake: make(chan struct{}, 1)}
	return e
}

// turn gives the pump messages and has it take them.
func (e *pumpEnv) turn(ctx context.Context, messages []message) error {
	e.add(messages)
	batch, _ := e.next()
	return e.take(ctx, batch)
}

func (e *pumpEnv) message(position int64, v float64) message {
	return message{position: position, body: fmt.Appendf(nil, `{"name":"order_failure_rate","value":%g,"timestamp":%d}`, v, e.now.UnixMilli())}
}

// TestTickWaitsForTheQueue: an alert does not resolve because its points wait in the queue.
func TestTickWaitsForTheQueue(t *testing.T) {
	e := newPump(t, openStore(t, tempDB(t)))
	for i := range 4 {
		e.now = e.now.Add(time.Second)
		require.NoError(t, e.turn(t.Context(), []message{e.message(int64(i), 9)}))
	}
	assert.Equal(t, 1, e.told.firing("shop/Failing"))
	e.now = e.now.Add(time.Hour)
	require.NoError(t, e.tick(t.Context()))
	assert.Equal(t, 1, e.told.firing("shop/Failing"), "more is in the broker")
	e.fake.caught = true
	e.add([]message{e.message(9, 9)})
	require.NoError(t, e.tick(t.Context()))
	assert.Equal(t, 1, e.told.firing("shop/Failing"), "more is here")
	batch, _ := e.next()
	e.took(len(batch), 9)
	require.NoError(t, e.tick(t.Context()))
	assert.Zero(t, e.told.firing("shop/Failing"))
}

// TestBrokerIsToldAfterward: of what is not stored the broker is told nothing.
func TestBrokerIsToldAfterward(t *testing.T) {
	parts := &stalled{Store: openStore(t, tempDB(t))}
	e := newPump(t, parts)
	parts.on.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, e.turn(ctx, []message{e.message(1, 1)}), context.DeadlineExceeded)
	assert.Empty(t, e.fake.told)
	assert.Empty(t, e.fake.letters, "a store that fails makes no dead letters")
	parts.on.Store(false)
	e = newPump(t, parts)
	require.NoError(t, e.turn(t.Context(), []message{e.message(1, 1), e.message(2, 1)}))
	assert.Equal(t, []int64{2}, e.fake.told)
	position, idle := e.stored()
	assert.EqualValues(t, 2, position)
	assert.True(t, idle)
}

// TestTakenAgain: what was taken is not taken again, where positions tell.
func TestTakenAgain(t *testing.T) {
	e := newPump(t, openStore(t, tempDB(t)))
	require.NoError(t, e.turn(t.Context(), []message{e.message(7, 1)}))
	e.add([]message{e.message(6, 1), e.message(7, 1), e.message(8, 1)})
	batch, closing := e.next()
	assert.False(t, closing)
	require.Len(t, batch, 1)
	assert.EqualValues(t, 8, batch[0].position)
}

// TestBatchesAreBounded by messages and by bytes; one message is always taken.
func TestBatchesAreBounded(t *testing.T) {
	e := newPump(t, openStore(t, tempDB(t)))
	messages := make([]message, batchMessages+10)
	for i := range messages {
		messages[i] = message{position: int64(i + 1), body: []byte("x")}
	}
	e.add(messages)
	batch, _ := e.next()
	assert.Len(t, batch, batchMessages)
	e.took(len(batch), 0)
	batch, _ = e.next()
	assert.Len(t, batch, 10)
	e.took(len(batch), 0)
	e.add([]message{{position: 1 << 20, body: make([]byte, batchBytes+1)}, {position: 1<<20 + 1, body: []byte("x")}})
	batch, _ = e.next()
	assert.Len(t, batch, 1)
	e.took(1, 0)
	e.took(1, 0)
	now, _ := e.r.queued.value()
	assert.Zero(t, now)
}

// TestTally: much is said from time to time, all of it together.
func TestTally(t *testing.T) {
	x, at := &tally{}, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i, tc := range []struct {
		after time.Duration
		n     int
		say   bool
	}{{0, 1, true}, {time.Second, 0, false}, {tellEvery - 2*time.Second, 0, false}, {time.Second, 3, true}, {time.Hour, 1, true}} {
		at = at.Add(tc.after)
		n, say := x.say(1, at)
		assert.Equal(t, tc.n, n, i)
		assert.Equal(t, tc.say, say, i)
	}
}

// TestDeadLettersThatAreRefused are counted, and the broker is told that they are done.
func TestDeadLettersThatAreRefused(t *testing.T) {
	e := newPump(t, openStore(t, tempDB(t)))
	e.fake.refuses = true
	require.NoError(t, e.turn(t.Context(), []message{{position: 1, body: []byte("poison")}, e.message(2, 1), {position: 3, body: []byte("poison")}}))
	assert.Equal(t, []int64{3}, e.fake.told)
	assert.Len(t, e.fake.letters, 2)
	_, known := e.stream.Position()
	assert.True(t, known)
}

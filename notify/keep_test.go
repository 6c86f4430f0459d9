package notify_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/notify"
	"github.com/alertscribe/alertscribe/notify/channel"
)

// keeper is a sender that has to be told again.
type keeper struct {
	sender

	keepMu sync.Mutex
	kept   [][]string // the threads of each time
	done   bool       // nothing has to be told any longer
	err    error
}

func (*keeper) Closes() {}

func (*keeper) KeepEvery() time.Duration { return 20 * time.Millisecond }

func (k *keeper) Keep(_ context.Context, threads []string) (done []int, err error) {
	k.keepMu.Lock()
	defer k.keepMu.Unlock()
	k.kept = append(k.kept, threads)
	if k.done {
		for i := range threads {
			done = append(done, i)
		}
	}
	return done, k.err
}

func (k *keeper) times() int {
	k.keepMu.Lock()
	defer k.keepMu.Unlock()
	return len(k.kept)
}

func (k *keeper) set(done bool, err error) {
	k.keepMu.Lock()
	defer k.keepMu.Unlock()
	k.done, k.err = done, err
}

// TestKeeping: what still holds is told again and again, after a restart too, until the channel needs it no longer.
func TestKeeping(t *testing.T) {
	e := newEnv(t)
	k := &keeper{}
	k.edits = true
	n, stop := e.run(nil, notify.Channel{Name: "am", Sender: k})
	id := e.fire("X", "critical")
	e.analyze(id)
	e.eventually(func() bool { return len(k.events()) == 1 && k.times() >= 3 }, "again and again")
	k.keepMu.Lock()
	assert.Equal(t, []string{"thread of " + id}, k.kept[0])
	k.keepMu.Unlock()
	k.set(false, errLater)
	e.eventually(func() bool { return n.Health()["am"] == "failing: overloaded" }, "seen on /health")
	k.set(false, nil)
	e.eventually(func() bool { return n.Health()["am"] == "ok" }, "and over")
	stop()
	before := k.times()
	_, stop = e.run(nil, notify.Channel{Name: "am", Sender: k})
	e.eventually(func() bool { return k.times() > before }, "after a restart")
	e.resolve("X")
	e.eventually(func() bool { return len(k.events()) == 2 }, "the end")
	assert.Equal(t, channel.Resolved, k.deliveries()[1].Message.Event)
	k.set(true, nil)
	e.eventually(func() bool {
		kept, err := e.store.KeptDeliveries(t.Context(), "am")
		return err == nil && len(kept) == 0
	}, "needed no longer")
	stop()
	rows, err := e.store.Deliveries(t.Context(), id)
	require.NoError(t, err)
	assert.NotEmpty(t, rows[0].Told["resolved"], "what was told is still known")
}

package notify_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/notify"
	"github.com/alertscribe/alertscribe/notify/channel"
)

// turns gives the duty to a copy for a turn.
type turns chan func() (end <-chan struct{})

// lead is a copy's part of Lead: it does the duty when it is its turn, and stops when that ends.
func (t turns) lead(ctx context.Context, _ string, do func(ctx context.Context)) {
	for {
		select {
		case <-ctx.Done():
			return
		case turn := <-t:
			doing, cancel := context.WithCancel(ctx)
			end := turn()
			go func() {
				<-end
				cancel()
			}()
			do(doing)
			cancel()
		}
	}
}

// begin gives a copy a turn, and returns what ends it.
func (t turns) begin() (end func()) {
	over, begun := make(chan struct{}), make(chan struct{})
	t <- func() <-chan struct{} {
		close(begun)
		return over
	}
	<-begun
	return func() { close(over) }
}

// TestOneCopyServesAChannel: of two copies the one tells whose turn it is; the next one tells what has not been told, and nothing
// twice.
func TestOneCopyServesAChannel(t *testing.T) {
	e := newEnv(t)
	senders, duty := []*sender{{}, {}}, []turns{make(turns), make(turns)}
	for i, s := range senders {
		e.run(func(o *notify.Options) { o.Lead = duty[i].lead }, notify.Channel{Name: "oncall", Sender: s, Events: []channel.Event{channel.Opened}})
	}
	told := func(first, second int) {
		t.Helper()
		e.eventually(func() bool { return len(senders[0].events()) == first && len(senders[1].events()) == second }, "messages")
	}
	e.fire("before", "warning")
	time.Sleep(200 * time.Millisecond) // for what should not come
	assert.Empty(t, append(senders[0].events(), senders[1].events()...), "nobody has the duty")
	end := duty[0].begin()
	told(1, 0)
	e.fire("while", "warning")
	told(2, 0)
	end()
	end = duty[1].begin()
	defer func() { end() }()
	e.fire("after", "warning")
	told(2, 1)
	end()
	end = duty[0].begin()
	e.fire("again", "warning")
	told(3, 1)
}

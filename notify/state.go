package notify

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify/channel"
)

// How a channel that fails is left alone: others of its list take over at once where only a person can mend it, and after a few
// failures in a row, or a long wait that it asked for, where time may.
const (
	failuresDown = 3
	waitDown     = 30 * time.Second
	minDown      = 30 * time.Second
	maxDown      = 5 * time.Minute
)

// state is a channel and how it is.
type state struct {
	Channel

	pace    *rate.Limiter
	metrics *metrics

	mu       sync.Mutex
	failures int       // in a row
	down     int       // how often in a row it was found down
	until    time.Time // not to be tried before
	isDown   bool
	reason   string
}

func newState(c Channel, m *metrics) *state {
	every, burst := c.Sender.Pace()
	s := &state{Channel: c, pace: rate.NewLimiter(rate.Every(every), burst), metrics: m}
	m.enter(c.Name)
	return s
}

// wait waits for the channel's turn; false when ctx ended.
func (s *state) wait(ctx context.Context) bool { return s.pace.Wait(ctx) == nil }

// free returns from when on the channel can be tried, and whether it is down.
func (s *state) free() (from time.Time, down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.until, s.isDown
}

func (s *state) succeeded(now time.Time, r channel.Receipt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures, s.down, s.isDown, s.reason, s.until = 0, 0, false, r.Warning, now.Add(r.Wait)
	s.metrics.up.WithLabelValues(s.Name).Set(1)
}

// failed returns whether others of the list shall take over.
func (s *state) failed(now time.Time, f *channel.Failure) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Kind == channel.BadContent { // of that message alone
		return true
	}
	s.failures++
	s.reason = f.Error()
	pause := max(f.After, incident.RetryDelay(s.failures))
	if f.Kind == channel.BadConfig || s.failures >= failuresDown || f.After >= waitDown {
		s.isDown = true
		s.down++
		pause = max(f.After, min(minDown<<min(s.down-1, 10), maxDown))
		s.metrics.up.WithLabelValues(s.Name).Set(0)
	}
	s.until = now.Add(pause)
	return s.isDown
}

func (s *state) health() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.isDown:
		return "failing: " + s.reason
	case s.reason != "" && s.failures > 0:
		return "retrying: " + s.reason
	case s.reason != "":
		return "ok, but " + s.reason
	}
	return "ok"
}

package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alertscribe/alertscribe/detect"
	"github.com/alertscribe/alertscribe/detect/watch"
)

type (
	// Streams opens the parts of sources; a watch.Watcher does.
	Streams interface {
		OpenStream(ctx context.Context, p detect.Part, events bool) (*watch.Stream, error)
	}
	// Outbox holds events until they are published; the store does.
	Outbox interface {
		// Events returns the oldest events of a part.
		Events(ctx context.Context, p detect.Part) ([]detect.Event, error)
		// DeleteEvents forgets those up to one.
		DeleteEvents(ctx context.Context, p detect.Part, upTo int64) error
	}
)

// Options of an Ingester. All but Logger and Registerer are required; Outbox is by sources that publish.
type Options struct {
	Sources    []Source // valid ones, see Source.Validate
	Streams    Streams
	Outbox     Outbox
	Logger     *slog.Logger // default: discards
	Registerer prometheus.Registerer
}

// Ingester reads sources.
type Ingester struct {
	opts    Options
	metrics *metrics
	readers []*reader
}

// reader reads one source.
type reader struct {
	source  *Source
	streams Streams
	outbox  Outbox
	metrics *metrics
	log     *slog.Logger
	queued  *gauge // bytes that wait to be taken
	room    room   // for metrics that are remembered
	dropped tally  // messages that can't be read
	unsent  tally  // dead letters that were not taken
	harmed  tally  // partitions that can't be read on
	topic   topic  // of Kafka, as it was when it was last seen
	publish publisher

	mu    sync.Mutex
	pumps map[int32]*pump // by part
}

// session reads a source until ctx ends, or it has to begin anew.
type session func(ctx context.Context) error

// New returns an Ingester that does nothing yet.
func New(o Options) (*Ingester, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	in := &Ingester{opts: o}
	in.metrics = newMetrics(o.Registerer, in)
	for i := range o.Sources {
		s := &o.Sources[i]
		r := &reader{
			source: s, streams: o.Streams, outbox: o.Outbox, metrics: in.metrics, log: o.Logger.With("source", s.Name),
			queued: newGauge(MaxQueued), pumps: map[int32]*pump{},
		}
		var err error
		if r.publish, err = newPublisher(s); err != nil {
			return nil, fmt.Errorf("source %s: %w", s.Name, err)
		}
		if r.publish != nil && o.Outbox == nil {
			return nil, fmt.Errorf("source %s: publishing needs a store of events", s.Name)
		}
		in.metrics.of(s.Name)
		in.readers = append(in.readers, r)
	}
	return in, nil
}

const firstReconnect, maxReconnect = 500 * time.Millisecond, 15 * time.Second

// Run reads all sources until ctx ends.
func (in *Ingester) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, r := range in.readers {
		all.Go(func() { r.run(ctx) })
	}
	all.Wait()
}

// run reads a source, again and again: what ends a session is not known to last.
func (r *reader) run(ctx context.Context) {
	var read session = r.kafka
	if r.source.RabbitMQ != nil {
		read = r.rabbitMQ
	}
	if r.publish != nil {
		defer r.publish.close()
	}
	failing := ""
	wait := firstReconnect
	for ctx.Err() == nil {
		begun := time.Now()
		err := read(ctx)
		r.metrics.connected.WithLabelValues(r.source.Name).Set(0)
		if ctx.Err() != nil {
			return
		}
		if time.Since(begun) > time.Minute {
			failing, wait = "", firstReconnect
		}
		news := err != nil && err.Error() != failing
		switch {
		case errors.Is(err, detect.ErrMoved):
			r.log.Info("Part of the source was taken over by another copy, reading begins anew")
		case errors.Is(err, errOccupied):
			if news {
				r.log.Info("Queue is read by another copy, this one waits", "queue", r.source.RabbitMQ.Queue)
			}
		case err != nil:
			if f := r.failed(err); news {
				r.log.Warn("Source not read, it is tried again", "kind", f.kind, "err", f)
			}
		}
		if news {
			failing = err.Error()
		}
		if !sleep(ctx, wait) {
			return
		}
		wait = min(2*wait, maxReconnect)
	}
}

// failed counts why the source is not read, and explains it.
func (r *reader) failed(err error) *fault {
	f := explain(err)
	r.metrics.faults.WithLabelValues(r.source.Name, f.kind).Inc()
	r.metrics.connected.WithLabelValues(r.source.Name).Set(0)
	return f
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// pump returns what takes the messages of a part, nil for none.
func (r *reader) pump(part int32) *pump {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pumps[part]
}

// eachPump calls f with each part that is read.
func (r *reader) eachPump(f func(*pump)) {
	r.mu.Lock()
	pumps := make([]*pump, 0, len(r.pumps))
	for _, p := range r.pumps {
		pumps = append(pumps, p)
	}
	r.mu.Unlock()
	for _, p := range pumps {
		f(p)
	}
}

// closePumps lets go of parts, all of them for none named. What waits of them is read again by whoever has them next.
func (r *reader) closePumps(parts ...int32) {
	r.mu.Lock()
	var closing []*pump
	if len(parts) == 0 {
		for part := range r.pumps {
			parts = append(parts, part)
		}
	}
	for _, part := range parts {
		if p := r.pumps[part]; p != nil {
			closing = append(closing, p)
			delete(r.pumps, part)
		}
	}
	r.mu.Unlock()
	var all sync.WaitGroup
	for _, p := range closing {
		all.Go(p.close)
	}
	all.Wait()
}

package ingest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/alertscribe/alertscribe/detect"
	"github.com/alertscribe/alertscribe/detect/watch"
)

const (
	// MaxQueued is how many bytes of messages of a source wait to be taken; reading waits while there are more.
	MaxQueued = 64 << 20
	// batchBytes and batchMessages bound what is taken at once.
	batchBytes, batchMessages = 4 << 20, 20_000
	// tickEvery is how often the clock decides what points do not.
	tickEvery = time.Second
	// closeWithin is how long a transaction may take to end when its part is let go of.
	closeWithin = 5 * time.Second
)

// message is a message of a broker.
type message struct {
	position int64 // Kafka: behind it; RabbitMQ: its delivery tag
	key      []byte
	body     []byte
	route    string // RabbitMQ's routing key
	fault    error  // why its body is not here
	nothing  bool   // it has a place, and no body: the end of a transaction
}

// weight is what a message counts in memory.
func (m *message) weight() int64 { return int64(len(m.body)+len(m.key)) + 100 }

// letter is a message that can't be read.
type letter struct {
	*message

	part   int32
	reason string
	sent   bool
}

// broker is what a pump needs of the session that it belongs to.
type broker interface {
	// putAside sends messages to where dead letters go, within ten seconds or so for all, and notes which were sent.
	putAside(ctx context.Context, letters []letter)
	// done tells the broker of what is stored: up to a message, and the position behind it.
	done(part int32, last *message)
	// caughtUp tells whether nothing is known to wait in the broker behind a position.
	caughtUp(part int32, position int64) bool
}

// pump takes the messages of a part, batch by batch.
type pump struct {
	r      *reader
	part   detect.Part
	stream *watch.Stream
	broker broker
	track  bool // positions are those of the broker
	fail   func(error)
	cancel context.CancelFunc
	ended  chan struct{}
	wake   chan struct{}
	reads  decoder

	mu       sync.Mutex
	waiting  []message
	closing  bool
	position int64 // that is stored; -1 before the first
}

// open takes over a part. fail is told of an error after which the session must begin anew.
func (r *reader) open(ctx, session context.Context, part int32, b broker, track bool, fail func(error)) (*pump, error) {
	id := detect.Part{Source: r.source.Name, Number: part}
	stream, err := r.streams.OpenStream(ctx, id, r.publish != nil)
	if err != nil {
		return nil, &fault{kind: faultStore, err: err}
	}
	running, cancel := context.WithCancel(session)
	p := &pump{
		r: r, part: id, stream: stream, broker: b, track: track, fail: fail, cancel: cancel, ended: make(chan struct{}), wake: make(chan struct{}, 1),
		position: -1, reads: decoder{room: &r.room},
	}
	if at, known := stream.Position(); known {
		p.position = at
	}
	r.mu.Lock()
	r.pumps[part] = p
	r.mu.Unlock()
	go p.run(running)
	return p, nil
}

// add queues messages. Those that were taken already are left out.
func (p *pump) add(messages []message) {
	weight := int64(0)
	p.mu.Lock()
	for i := range messages {
		if m := &messages[i]; !p.closing && (!p.track || m.position > p.position) {
			p.waiting = append(p.waiting, *m)
			weight += m.weight()
		}
	}
	p.r.queued.add(weight)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// stored returns the position that is stored, and whether nothing waits behind it here.
func (p *pump) stored() (position int64, idle bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.position, len(p.waiting) == 0
}

// rewind forgets up to where the part was read: it begins anew.
func (p *pump) rewind() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.position = -1
}

func (p *pump) run(ctx context.Context) {
	defer close(p.ended)
	defer p.stream.Close()
	defer p.reads.forget()
	if p.r.publish != nil {
		var publishing sync.WaitGroup
		while, stop := context.WithCancel(ctx)
		publishing.Go(func() { p.publish(while) })
		defer func() { stop(); publishing.Wait() }()
	}
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		var err error
		batch, closing := p.next()
		switch {
		case closing:
			return
		case len(batch) > 0:
			err = p.take(ctx, batch)
		default:
			select {
			case <-p.wake:
			case <-ticker.C:
				err = p.tick(ctx)
			case <-ctx.Done():
			}
		}
		if err != nil {
			if ctx.Err() == nil {
				p.fail(err)
			}
			return
		}
	}
}

func (p *pump) tick(ctx context.Context) error {
	position, idle := p.stored()
	if idle && p.broker.caughtUp(p.part.Number, position) {
		return p.stream.Tick(ctx)
	}
	p.stream.Tell(ctx)
	return nil
}

// next returns the messages that are taken next; they wait until they were.
func (p *pump) next() (batch []message, closing bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	bytes := 0
	for n := range p.waiting {
		if bytes += len(p.waiting[n].body); n >= batchMessages || n > 0 && bytes > batchBytes {
			return p.waiting[:n:n], p.closing
		}
	}
	return slices.Clip(p.waiting), p.closing
}

// take judges the points of messages. First what can't be read is put aside, then all is stored, then the broker is told.
func (p *pump) take(ctx context.Context, batch []message) error {
	m := p.r.metrics.of(p.part.Source)
	points := make([]watch.Point, 0, len(batch))
	var dead []letter
	taken := 0
	for i := range batch {
		if batch[i].nothing {
			continue
		}
		found, err := []watch.Point(nil), batch[i].fault
		if err == nil {
			found, err = p.reads.decode(batch[i].body)
		}
		points = append(points, found...)
		if err != nil {
			dead = append(dead, letter{message: &batch[i], part: p.part.Number, reason: err.Error()})
		} else {
			taken++
		}
	}
	if err := p.bury(ctx, dead, m); err != nil {
		return err
	}
	m.taken.Add(float64(taken))
	last := batch[len(batch)-1]
	position := int64(0)
	if p.track {
		position = last.position
	}
	outcomes, err := p.stream.Take(ctx, points, position)
	if err != nil {
		return err
	}
	for outcome, n := range outcomes {
		m.points[outcome].Add(float64(n))
	}
	p.took(len(batch), position)
	p.broker.done(p.part.Number, &last)
	return nil
}

// bury puts messages aside that can't be read. What is not taken there is logged and dropped: nothing waits for it.
func (p *pump) bury(ctx context.Context, dead []letter, m *counters) error {
	if len(dead) == 0 {
		return nil
	}
	p.broker.putAside(ctx, dead)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var lost []letter
	for _, l := range dead {
		if l.sent {
			m.deadLettered.Inc()
			continue
		}
		m.dropped.Inc()
		lost = append(lost, l)
	}
	if len(lost) > 0 {
		if n, say := p.r.dropped.say(len(lost), time.Now()); say {
			p.r.log.Error("Messages can't be read, they are dropped", "messages", n, "part", lost[0].part, "position", lost[0].position, "reason", lost[0].reason)
		}
	}
	return nil
}

// notPutAside says, from time to time, that a place for dead letters does not take them.
func (r *reader) notPutAside(ctx context.Context, kind, place string, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	if _, say := r.unsent.say(1, time.Now()); say {
		r.log.Error("Dead letters not taken", kind, place, "err", explain(err))
	}
}

// tally bounds how often something is said that there can be much of.
type tally struct {
	mu   sync.Mutex
	n    int
	said time.Time
}

// tellEvery is how often what there is much of is said.
const tellEvery = 10 * time.Second

// say adds to the tally, and tells whether it is time to say how much there was since the last time.
func (t *tally) say(n int, now time.Time) (all int, say bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n += n
	if now.Sub(t.said) < tellEvery {
		return 0, false
	}
	all, t.n, t.said = t.n, 0, now
	return all, true
}

// took forgets the first messages.
func (p *pump) took(n int, position int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.position = position
	p.forget(n)
}

// forget drops the first messages. The lock is held.
func (p *pump) forget(n int) {
	weight := int64(0)
	for i := range p.waiting[:n] {
		weight += p.waiting[i].weight()
		p.waiting[i] = message{}
	}
	if p.waiting = p.waiting[n:]; len(p.waiting) == 0 {
		p.waiting = nil
	}
	p.r.queued.add(-weight)
}

// close lets go of the part: a transaction that has begun has some time to end.
func (p *pump) close() {
	p.mu.Lock()
	p.closing = true
	p.mu.Unlock()
	timer := time.AfterFunc(closeWithin, p.cancel)
	defer timer.Stop()
	select {
	case p.wake <- struct{}{}:
	default:
	}
	<-p.ended
	p.cancel()
	p.mu.Lock()
	p.forget(len(p.waiting))
	p.mu.Unlock()
}

// gauge counts bytes, and lets wait for there to be less.
type gauge struct {
	limit int64

	mu   sync.Mutex
	now  int64
	most int64
	less chan struct{} // closed when there is
}

func newGauge(limit int64) *gauge { return &gauge{limit: limit, less: make(chan struct{})} }

func (g *gauge) add(n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now += n
	g.most = max(g.most, g.now)
	if n < 0 && g.now < g.limit {
		close(g.less)
		g.less = make(chan struct{})
	}
}

// wait returns when less than the limit is there.
func (g *gauge) wait(ctx context.Context) error {
	for {
		g.mu.Lock()
		now, less := g.now, g.less
		g.mu.Unlock()
		if now < g.limit {
			return nil
		}
		select {
		case <-less:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (g *gauge) value() (now, most int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now, g.most
}

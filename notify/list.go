package notify

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify/channel"
)

// list is channels that replace each other, the first one first. It sends one message at a time.
type list struct {
	n        *Notifier
	channels []*state
	queue    *queue
	saving   sync.Mutex // a row is not written from two sides
	leading  atomic.Bool
}

// serve tells the channels until ctx ends.
func (l *list) serve(ctx context.Context) {
	var wg sync.WaitGroup
	for _, c := range l.channels {
		if keeper, ok := c.Sender.(channel.Keeper); ok {
			wg.Go(func() { l.n.keep(ctx, c, keeper) })
		}
	}
	l.run(ctx)
	wg.Wait()
}

// lead serves the channels while no other copy does. What they have to be told by now is looked for: changes were passed over.
func (l *list) lead(ctx context.Context) {
	l.leading.Store(true)
	defer l.leading.Store(false)
	l.n.lookFor(ctx, l)
	l.serve(ctx)
	l.queue.clear()
}

// names returns the names of the channels.
func (l *list) names() string {
	var all []string
	for _, c := range l.channels {
		all = append(all, c.Name)
	}
	return strings.Join(all, ", ")
}

// run looks at incidents until ctx ends.
func (l *list) run(ctx context.Context) {
	for {
		it, ok := l.queue.take(ctx, l.n.opts.Now)
		if !ok {
			return
		}
		if !l.yield(ctx) {
			return
		}
		next, err := l.guarded(ctx, it)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			l.n.opts.Logger.Error("Incident could not be looked at for the channels, next try in 5s", "incident", it.id, "err", err)
			next = l.n.opts.Now().Add(5 * time.Second)
		}
		if !next.IsZero() {
			it.at = next
			l.queue.put(it)
		}
		for _, c := range l.channels {
			l.n.metrics.waiting.WithLabelValues(c.Name).Set(float64(l.queue.len()))
		}
	}
}

// guarded is handle whose panics cost this look at this incident alone.
func (l *list) guarded(ctx context.Context, it item) (next time.Time, err error) {
	defer func() {
		if r := recover(); r != nil {
			l.n.opts.Logger.Error("Panic in a channel", "incident", it.id, "panic", r, "stack", string(debug.Stack()))
			next, err = l.n.opts.Now().Add(maxDown), nil
		}
	}()
	return l.handle(ctx, it)
}

// handle tells the channels what they have to be told of an incident. It returns when to look again; zero for when it changes.
func (l *list) handle(ctx context.Context, it item) (next time.Time, err error) {
	inc, err := l.n.opts.Store.Peek(ctx, it.id)
	if errors.Is(err, incident.ErrNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	rows, err := l.rows(ctx, inc)
	if err != nil || len(rows) == 0 {
		return time.Time{}, err
	}
	next, told, err := l.tellFirst(ctx, inc, rows)
	if err != nil || !told {
		return next, err
	}
	return l.tellOthers(ctx, it.id, rows)
}

const (
	// yieldPause is how soon a list looks again whether notifications still come, maxYield how long it gives way to them: facts
	// on disk come first, and a message waits for its analysis anyway.
	yieldPause = 20 * time.Millisecond
	maxYield   = 200 * time.Millisecond
)

// yield gives way to notifications; false when ctx ended.
func (l *list) yield(ctx context.Context) bool {
	for waited := time.Duration(0); waited < maxYield && l.n.opts.Store.Busy(); waited += yieldPause {
		if !sleep(ctx, yieldPause) {
			return false
		}
	}
	return true
}

// enteredAfter is how old an incident is when a channel that was told nothing of it is entered: later than that its end would
// not be found at a start, which lists what is new or fires.
const enteredAfter = time.Hour

// rows returns what the channels that are told of an incident were told of it. Changes count from the opening.
func (l *list) rows(ctx context.Context, inc *incident.Incident) (map[string]incident.Delivery, error) {
	stored, err := l.n.opts.Store.Deliveries(ctx, inc.ID)
	if err != nil {
		return nil, err
	}
	byName := map[string]incident.Delivery{}
	for _, d := range stored {
		byName[d.Channel] = d
	}
	rows := map[string]incident.Delivery{}
	var entered []incident.Delivery
	for _, c := range l.channels {
		d, known := byName[c.Name]
		if !l.n.accepts(&c.Channel, d, inc) {
			continue
		}
		if !known {
			d = incident.Delivery{Incident: inc.ID, Channel: c.Name, Generation: 1}
			if inc.Status != incident.Resolved && l.n.opts.Now().Sub(inc.OpenedAt) > enteredAfter {
				d.Open = true
				entered = append(entered, d)
			}
		}
		rows[c.Name] = d
	}
	if len(entered) == 0 {
		return rows, nil
	}
	return rows, l.n.opts.Store.SaveDeliveries(ctx, entered...)
}

// tellFirst sends what there is to tell to the first channel that takes it.
func (l *list) tellFirst(ctx context.Context, inc *incident.Incident, rows map[string]incident.Delivery) (next time.Time, told bool, err error) {
	now := l.n.opts.Now()
	due, quiet, refused := false, true, true
	for _, c := range l.channels {
		d, follows := rows[c.Name]
		if !follows {
			continue
		}
		p := l.n.plan(&c.Channel, pastOf(rows), inc)
		if p.event == "" || p.at.After(now) {
			next = sooner(next, p.at)
			continue
		}
		due = true
		if d.Refused == messageID(inc.ID, p) {
			quiet = false
			continue
		}
		from, down := c.free()
		if from.After(now) {
			next = sooner(next, from)
			if !down { // a moment, and no reason for another one to take over
				return next, false, nil
			}
			refused = false
			continue
		}
		quiet = false
		outcome, err := l.send(ctx, c, d.Incident, rows, false)
		switch {
		case err != nil || outcome == nil:
			return time.Time{}, err == nil, err
		case outcome.Kind == channel.BadContent:
			continue
		}
		refused = false
		from, down = c.free()
		next = sooner(next, from)
		if !down {
			return next, false, nil
		}
	}
	switch {
	case !due:
		return next, true, l.settle(ctx, inc, rows, next)
	case refused && !quiet:
		return time.Time{}, true, l.giveUp(ctx, inc, rows, "every channel refuses its content")
	case l.expired(rows):
		return time.Time{}, true, l.giveUp(ctx, inc, rows, "it was tried for too long")
	}
	return next, false, nil
}

// tellOthers tells the channels that once took over how the incident ended: nobody shall wait for it.
func (l *list) tellOthers(ctx context.Context, id string, rows map[string]incident.Delivery) (next time.Time, err error) {
	inc, err := l.n.opts.Store.Peek(ctx, id)
	if err != nil || inc.Status != incident.Resolved {
		return l.again(inc, rows), err
	}
	for _, c := range l.channels {
		d, follows := rows[c.Name]
		p := l.n.plan(&c.Channel, ownPast(d), inc)
		if !follows || d.At.IsZero() || p.event != channel.Resolved {
			continue
		}
		if from, _ := c.free(); from.After(l.n.opts.Now()) {
			next = sooner(next, from)
			continue
		}
		outcome, err := l.send(ctx, c, id, rows, true)
		if err != nil {
			return time.Time{}, err
		}
		switch {
		case outcome == nil:
		case outcome.Kind == channel.BadContent || l.expired(map[string]incident.Delivery{c.Name: rows[c.Name]}):
			if rows[c.Name], err = l.giveUpOne(ctx, c, rows[c.Name], p, inc, "it refuses the end, or was tried for too long"); err != nil {
				return time.Time{}, err
			}
		default:
			from, _ := c.free()
			next = sooner(next, from)
		}
	}
	return sooner(next, l.again(inc, rows)), nil
}

// again returns when there is something to tell by the passing of time alone.
func (l *list) again(inc *incident.Incident, rows map[string]incident.Delivery) (next time.Time) {
	if inc == nil {
		return time.Time{}
	}
	for _, c := range l.channels {
		if _, follows := rows[c.Name]; follows {
			p := l.n.plan(&c.Channel, pastOf(rows), inc)
			if p.event != "" && p.at.IsZero() {
				p.at = l.n.opts.Now()
			}
			next = sooner(next, p.at)
		}
	}
	return next
}

// sooner returns the earlier of two times, of which the zero one is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// send sends a channel what it has to be told of an incident as it is by then, and records what became of it. outcome is nil
// for a message that was delivered, or that nobody has to be told any longer.
func (l *list) send(ctx context.Context, c *state, id string, rows map[string]incident.Delivery, own bool) (outcome *channel.Failure, err error) {
	if !c.wait(ctx) {
		return nil, ctx.Err()
	}
	inc, found, err := l.n.opts.Store.Incident(ctx, id)
	if err != nil {
		return nil, err
	}
	d := rows[c.Name]
	was := pastOf(rows)
	if own {
		was = ownPast(d)
	}
	p := l.n.plan(&c.Channel, was, inc)
	if p.event == "" {
		return nil, nil
	}
	m := l.n.message(&c.Channel, p, inc, found)
	delivery := channel.Delivery{Message: m, Thread: d.Thread}
	if d.Told[string(channel.Resolved)] != "" && inc.Status != incident.Resolved {
		delivery.Thread = "" // an edit of what is over would not be noticed
	}
	receipt, err := l.attempt(ctx, c, delivery)
	now := l.n.opts.Now()
	if err != nil {
		f := channel.AsFailure(err)
		l.n.metrics.messages.WithLabelValues(c.Name, string(f.Kind)).Inc()
		c.failed(now, f)
		l.n.opts.Logger.Warn("Message not delivered", "channel", c.Name, "incident", id, "event", p.event, "kind", f.Kind, "err", f)
		rows[c.Name] = failing(d, m.ID, f, now)
		return f, l.save(ctx, rows[c.Name])
	}
	c.succeeded(now, receipt)
	if receipt.Warning != "" {
		l.n.opts.Logger.Warn("Message delivered in part", "channel", c.Name, "incident", id, "event", p.event, "warning", receipt.Warning)
	}
	l.n.opts.Logger.Debug("Message delivered", "channel", c.Name, "incident", id, "event", p.event, "id", m.ID)
	l.n.metrics.messages.WithLabelValues(c.Name, outcomeDelivered).Inc()
	l.n.metrics.delay.WithLabelValues(c.Name).Observe(max(0, now.Sub(changedAt(inc, p)).Seconds()))
	_, keeper := c.Sender.(channel.Keeper)
	d.Thread, d.Kept, d.ID, d.At, d.Revision = receipt.Thread, keeper, m.ID, now, inc.Revision
	rows[c.Name] = l.n.told(d, p, inc)
	return nil, l.save(ctx, rows[c.Name])
}

// attempt tries a message, and once more with less in it where the service refuses the content. We stop ourselves only
// between messages: one that is on its way has its time.
func (l *list) attempt(ctx context.Context, c *state, d channel.Delivery) (channel.Receipt, error) {
	try := func() (channel.Receipt, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.n.opts.SendTimeout)
		defer cancel()
		r, err := c.Sender.Send(ctx, d)
		if err != nil && ctx.Err() != nil {
			err = &channel.Failure{Kind: channel.Retry, Err: fmt.Errorf("no answer within %v", l.n.opts.SendTimeout)}
		}
		return r, err
	}
	receipt, err := try()
	if err == nil || channel.AsFailure(err).Kind != channel.BadContent {
		return receipt, err
	}
	l.n.metrics.messages.WithLabelValues(c.Name, string(channel.BadContent)).Inc()
	l.n.opts.Logger.Info("Content rejected, sending less of it", "channel", c.Name, "incident", d.Message.Incident, "err", err)
	d.Small = true
	if !c.wait(ctx) {
		return receipt, &channel.Failure{Kind: channel.Retry, Err: ctx.Err()}
	}
	return try()
}

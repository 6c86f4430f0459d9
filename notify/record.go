package notify

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify/channel"
)

// failing records an attempt at a message that was not delivered.
func failing(d incident.Delivery, id string, f *channel.Failure, now time.Time) incident.Delivery {
	if d.Trying != id {
		d.Trying, d.Attempts, d.Failing = id, 0, now
	}
	d.Open = true
	d.Attempts++
	d.Error = f.Error()
	if f.Kind == channel.BadContent {
		d.Refused = id
	}
	return d
}

// told records that a channel was told an event, and with it what it stands for.
func (n *Notifier) told(d incident.Delivery, p plan, inc *incident.Incident) incident.Delivery {
	now := n.occurrences(inc)
	d.Told = maps.Clone(d.Told)
	if d.Told == nil {
		d.Told = map[string]string{}
	}
	if inc.Status != incident.Resolved {
		delete(d.Told, string(channel.Resolved))
	}
	delete(d.Told, toldStale)
	if inc.Status == incident.Stale {
		d.Told[toldStale] = now[channel.Changed]
	}
	for _, e := range []channel.Event{p.event, channel.Opened, channel.Changed} {
		if now[e] != "" {
			d.Told[string(e)] = now[e]
		}
	}
	// A message about the end says what is known of the causes: without a verdict, one may still follow.
	if p.event == channel.Resolved && inc.Analysis.State != incident.Pending && now[channel.Analyzed] != "" {
		d.Told[string(channel.Analyzed)] = now[channel.Analyzed]
	}
	d.Told[string(p.event)] = p.occurrence
	d.Generation = inc.Generation
	d.Open = inc.Status != incident.Resolved || inc.Analysis.State == incident.Pending
	d.Trying, d.Attempts, d.Failing, d.Error = "", 0, time.Time{}, ""
	return d
}

// settle closes deliveries of an incident that is over and of which nothing more has to be told.
func (l *list) settle(ctx context.Context, inc *incident.Incident, rows map[string]incident.Delivery, next time.Time) error {
	if inc.Status != incident.Resolved || !next.IsZero() || inc.Analysis.State == incident.Pending {
		return nil
	}
	for name, d := range rows {
		own := l.n.plan(&l.n.states[name].Channel, ownPast(d), inc)
		if d.Open && (d.At.IsZero() || own.event != channel.Resolved) {
			d.Open = false
			rows[name] = d
			if err := l.save(ctx, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// expired reports whether a message was tried for too long on some channel.
func (l *list) expired(rows map[string]incident.Delivery) bool {
	for _, d := range rows {
		if !d.Failing.IsZero() && l.n.opts.Now().Sub(d.Failing) > l.n.opts.Expiry {
			return true
		}
	}
	return false
}

// giveUp records a message that nobody takes as told: what happens next to the incident is tried again.
func (l *list) giveUp(ctx context.Context, inc *incident.Incident, rows map[string]incident.Delivery, why string) error {
	for _, c := range l.channels {
		d, follows := rows[c.Name]
		p := l.n.plan(&c.Channel, pastOf(rows), inc)
		if !follows || p.event == "" {
			continue
		}
		var err error
		if rows[c.Name], err = l.giveUpOne(ctx, c, d, p, inc, why); err != nil {
			return err
		}
	}
	return nil
}

// giveUpOne records a message that one channel does not take as told.
func (l *list) giveUpOne(ctx context.Context, c *state, d incident.Delivery, p plan, inc *incident.Incident, why string) (incident.Delivery, error) {
	l.n.metrics.messages.WithLabelValues(c.Name, outcomeExpired).Inc()
	l.n.opts.Logger.Error("Message given up", "channel", c.Name, "incident", inc.ID, "event", p.event, "why", why, "err", d.Error)
	given := l.n.told(d, p, inc)
	given.Error, given.At = d.Error, l.n.opts.Now()
	return given, l.save(ctx, given)
}

// save makes a delivery durable. A store that can't be written, because its disk is full, is tried until it can: a message that
// was delivered must not be sent again.
func (l *list) save(ctx context.Context, d incident.Delivery) error {
	for n := 1; ; n++ {
		store, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		l.saving.Lock()
		err := l.n.opts.Store.SaveDeliveries(store, d)
		l.saving.Unlock()
		cancel()
		if err == nil {
			return nil
		}
		l.n.opts.Logger.Error("Storing a delivery failed, retrying", "channel", d.Channel, "incident", d.Incident, "err", err)
		if !sleep(ctx, min(incident.RetryDelay(n), 15*time.Second)) {
			return errors.Join(err, ctx.Err())
		}
	}
}

// changedAt returns when what a message is about happened, about.
func changedAt(inc *incident.Incident, p plan) time.Time {
	switch {
	case p.event == channel.Opened:
		return inc.OpenedAt
	case p.event == channel.Resolved:
		return inc.ClosedAt
	case len(inc.Timeline) > 0:
		return inc.Timeline[len(inc.Timeline)-1].At
	}
	return inc.OpenedAt
}

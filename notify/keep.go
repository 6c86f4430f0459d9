package notify

import (
	"context"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify/channel"
)

// keep tells a channel again and again what still holds, from the start on: an Alertmanager that was away forgets.
func (n *Notifier) keep(ctx context.Context, c *state, keeper channel.Keeper) {
	for {
		if err := n.keepOnce(ctx, c, keeper); err != nil && ctx.Err() == nil {
			f := channel.AsFailure(err)
			c.failed(n.opts.Now(), f)
			n.metrics.messages.WithLabelValues(c.Name, string(f.Kind)).Inc()
			n.opts.Logger.Warn("Alerts of reports not sent again, the next interval tries again", "channel", c.Name, "interval", keeper.KeepEvery(), "err", err)
		}
		if !sleep(ctx, keeper.KeepEvery()) {
			return
		}
	}
}

func (n *Notifier) keepOnce(ctx context.Context, c *state, keeper channel.Keeper) error {
	kept, err := n.opts.Store.KeptDeliveries(ctx, c.Name)
	if err != nil || len(kept) == 0 {
		return err
	}
	threads := make([]string, len(kept))
	for i, d := range kept {
		threads[i] = d.Thread
	}
	send, cancel := context.WithTimeout(ctx, n.opts.SendTimeout)
	defer cancel()
	done, err := keeper.Keep(send, threads)
	if err == nil && len(done) < len(kept) {
		c.succeeded(n.opts.Now(), channel.Receipt{})
	}
	for _, i := range done {
		if err := n.drop(ctx, kept[i]); err != nil {
			return err
		}
	}
	return err
}

// drop ends that a delivery is kept, unless the incident fires again since.
func (n *Notifier) drop(ctx context.Context, d incident.Delivery) error {
	for _, l := range n.lists {
		l.saving.Lock()
		defer l.saving.Unlock()
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	now, err := n.opts.Store.Deliveries(ctx, d.Incident)
	if err != nil {
		return err
	}
	for _, current := range now {
		if current.Channel == d.Channel && current.Thread == d.Thread {
			current.Kept = false
			return n.opts.Store.SaveDeliveries(ctx, current)
		}
	}
	return nil
}

package notify

import (
	"context"
	"fmt"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify/channel"
)

// SendTest sends a message that says that it is a test to a channel, past its filters, and returns what became of it.
func (n *Notifier) SendTest(ctx context.Context, name string) error {
	c, ok := n.states[name]
	if !ok {
		return fmt.Errorf("%q is no channel; there are %s", name, strings.Join(names(n.opts.Channels), ", "))
	}
	id, now := incident.NewID(), n.opts.Now()
	m := &channel.Message{
		ID: id + "-" + string(channel.Test), Event: channel.Test, Incident: id, Alertname: "AlertscribeTest", Severity: "info", Status: incident.Firing,
		Labels: map[string]string{}, Firing: 1, Summary: channel.TestSummary(c.Language), ReportURL: n.opts.Link(""),
		StartedAt: now, Language: c.Language,
	}
	l := &list{n: n}
	receipt, err := l.attempt(ctx, c, channel.Delivery{Message: m})
	if err != nil {
		return err
	}
	_, keeper := c.Sender.(channel.Keeper)
	if closes(&c.Channel) && !keeper { // an Alertmanager ends it by itself
		end := *m
		end.ID, end.Status, end.ResolvedAt = m.ID+"-end", incident.Resolved, now
		_, err = l.attempt(ctx, c, channel.Delivery{Message: &end, Thread: receipt.Thread})
	}
	return err
}

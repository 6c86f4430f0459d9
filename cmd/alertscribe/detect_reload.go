package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// reloadDetection makes what the rules of a new configuration run go on from what ran before, and resolves the alerts of rules
// that are gone. Either may be nil, where there are no rules. It is called when the former one does not run anymore, and before the
// next one does.
func reloadDetection(ctx context.Context, former, next *detection) {
	switch {
	case former == nil:
	case next == nil: // Alertmanager resolves what it does not hear of; incidents that were opened directly are told
		former.Retire(ctx)
	default:
		next.GoOnFrom(ctx, former.Watcher)
	}
}

// resolveLeft resolves incidents that were opened directly and that nobody tells of anymore: their rule is gone, or its alerts go to an
// Alertmanager now.
func (s *setup) resolveLeft(ctx context.Context) {
	told := map[string]bool{}
	if len(s.cfg.alertmanagers()) == 0 {
		for _, g := range s.cfg.Detect.groups {
			for _, r := range g.Rules {
				told[directGroup(r)] = true
			}
		}
	}
	if err := resolveUntold(ctx, s.store, told); err != nil && ctx.Err() == nil {
		s.log.Error("Incidents of removed detection rules not resolved, the next start tries again", "err", err)
	}
}

// resolveUntold resolves the firing incidents of detection whose group is not among those that are told of.
func resolveUntold(ctx context.Context, store interface {
	incidents
	Accept(ctx context.Context, n *incident.Notification) (incident.Receipt, error)
}, told map[string]bool,
) error {
	for after := ""; ; {
		list, next, err := store.Incidents(ctx, incident.Query{Limit: 500, Status: incident.Firing, After: after})
		if err != nil {
			return fmt.Errorf("listing incidents: %w", err)
		}
		for _, inc := range list {
			if inc.Receiver != directReceiver || told[inc.GroupKey] || !strings.HasPrefix(inc.GroupKey, directPrefix) {
				continue
			}
			now := time.Now()
			n := &incident.Notification{Receiver: directReceiver, GroupKey: inc.GroupKey, GroupLabels: inc.GroupLabels, ReceivedAt: now}
			for _, x := range inc.Firing() {
				x.Status, x.EndsAt, x.SeenAt = incident.Resolved, now, now
				n.Alerts = append(n.Alerts, x)
			}
			setBody(n)
			if _, err := store.Accept(ctx, n); err != nil {
				return fmt.Errorf("resolving %s: %w", inc.ID, err)
			}
		}
		if after = next; after == "" {
			return nil
		}
	}
}

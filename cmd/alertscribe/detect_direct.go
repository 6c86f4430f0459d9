package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/incident"
)

// directReceiver is the receiver of incidents that detection opens itself.
const directReceiver = "alertscribe-detection"

// directRepeat is how often a notification is repeated whose alerts go on, as Alertmanager repeats it.
const directRepeat = 4 * time.Hour

// direct opens incidents for alerts where there is no Alertmanager, by the same fold: one for each rule.
type direct struct {
	store interface {
		Accept(ctx context.Context, n *incident.Notification) (incident.Receipt, error)
	}
	log *slog.Logger

	mu   sync.Mutex
	told map[string]directState // by rule
}

// directState is what the store was last told of a rule.
type directState struct {
	at     time.Time
	firing map[string]bool // by fingerprint
}

func newDirect(store interface {
	Accept(ctx context.Context, n *incident.Notification) (incident.Receipt, error)
}, log *slog.Logger,
) *direct {
	return &direct{store: store, log: log, told: map[string]directState{}}
}

// Notify implements watch.Notifier. What could not be stored is told again after the next evaluation.
func (d *direct) Notify(ctx context.Context, rule *watch.Rule, _ time.Duration, alerts []watch.Alert) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	n := notification(rule, alerts, now)
	firing := map[string]bool{}
	for _, a := range n.Alerts {
		firing[a.Fingerprint] = a.Status == incident.Firing
	}
	was, known := d.told[rule.Key()]
	news := !known && len(alerts) > 0 || known && !maps.Equal(was.firing, firing) && changed(was.firing, firing)
	if len(n.Alerts) == 0 || !news && now.Sub(was.at) < directRepeat {
		return
	}
	if _, err := d.store.Accept(ctx, n); err != nil {
		if ctx.Err() == nil {
			d.log.Error("Detected anomaly not stored, it is tried again", "rule", rule.Key(), "err", err)
		}
		return
	}
	d.told[rule.Key()] = directState{now, firing}
}

// changed tells whether an alert fires or has resolved that had not before. One that is told of no more is no news.
func changed(was, is map[string]bool) bool {
	for id, firing := range is {
		before, known := was[id]
		if firing != (known && before) {
			return true
		}
	}
	return false
}

// directPrefix begins the group keys of incidents that detection opens itself.
const directPrefix = "detection/"

// directGroup returns the group key of a rule's incidents.
func directGroup(r *watch.Rule) string { return directPrefix + r.Key() }

// notification returns what Alertmanager would have sent for the alerts of a rule.
func notification(rule *watch.Rule, alerts []watch.Alert, now time.Time) *incident.Notification {
	n := &incident.Notification{
		Receiver: directReceiver, GroupKey: directGroup(rule), GroupLabels: map[string]string{"alertname": rule.Alert}, ReceivedAt: now,
	}
	for _, a := range alerts {
		x := incident.Alert{
			Status: incident.Resolved, Labels: a.Labels, Annotations: a.Annotations, StartsAt: a.StartsAt, EndsAt: a.EndsAt, GeneratorURL: a.GeneratorURL,
			SeenAt: now,
		}
		if a.Firing() {
			x.Status = incident.Firing
		}
		n.Alerts = append(n.Alerts, x)
	}
	setBody(n)
	return n
}

// setBody completes a notification by the body that Alertmanager would have sent.
func setBody(n *incident.Notification) {
	type bodyAlert struct {
		Status       incident.Status   `json:"status"`
		Labels       map[string]string `json:"labels"`
		Annotations  map[string]string `json:"annotations"`
		StartsAt     time.Time         `json:"startsAt"`
		EndsAt       time.Time         `json:"endsAt"`
		GeneratorURL string            `json:"generatorURL"`
		Fingerprint  string            `json:"fingerprint"`
	}
	var listed []bodyAlert
	status := incident.Resolved
	for _, x := range n.Alerts {
		if x.Status == incident.Firing {
			status = incident.Firing
		}
		listed = append(listed, bodyAlert{x.Status, x.Labels, x.Annotations, x.StartsAt, x.EndsAt, x.GeneratorURL, incident.Fingerprint(x.Labels)})
	}
	n.Normalize()
	n.Body, _ = json.Marshal(map[string]any{ // strings and times: it can't fail
		"version": "4", "receiver": n.Receiver, "groupKey": n.GroupKey, "status": status, "groupLabels": n.GroupLabels, "alerts": listed,
	})
}

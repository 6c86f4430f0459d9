package channel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/text"
)

// How Prometheus sends alerts, which Alertmanager expects: firing ones again every minute, with an end that takes four
// minutes of silence; resolved ones again for a while, in case it was not listening.
const (
	alertResend   = time.Minute
	alertLifetime = 4 * time.Minute
	alertEnded    = 5 * time.Minute
)

// AlertName is the name of the alert that stands for a report.
const AlertName = "AlertscribeReport"

// alertRunes bounds each annotation.
const alertRunes = 1000

// Keeper is a channel that has to be told again, all the time, what still holds.
type Keeper interface {
	Channel
	// Keep tells it, by the threads of its last receipts, and returns the indexes of those that need it no longer. The error
	// is one for all.
	Keep(ctx context.Context, threads []string) (done []int, err error)
	// KeepEvery is how often.
	KeepEvery() time.Duration
}

// Alertmanager sends reports as alerts to Alertmanagers, all of which get all, as from Prometheus: an alert that one of them
// did not take is sent again within a minute.
type Alertmanager struct {
	*core

	urls []string
}

// NewAlertmanager returns a channel to Alertmanagers, by the roots of their addresses.
func NewAlertmanager(urls []*url.URL, o Options) *Alertmanager {
	c := &Alertmanager{core: newCore(o)}
	for _, u := range urls {
		if password, ok := u.User.Password(); ok {
			c.secrets = append(c.secrets, password)
		}
		c.urls = append(c.urls, strings.TrimRight(u.String(), "/")+"/api/v2/alerts")
	}
	return c
}

// Pace is generous: what limits an Alertmanager are connections.
func (*Alertmanager) Pace() (time.Duration, int) { return 20 * time.Millisecond, 50 }

// Closes says that an alert is kept firing until its end is told.
func (*Alertmanager) Closes() {}

// KeepEvery implements Keeper.
func (*Alertmanager) KeepEvery() time.Duration { return alertResend }

// alert is one of Alertmanager's API. As a thread it is what has to be sent again.
type alert struct {
	Labels       map[string]string `json:"labels"` // the identity: what changes is an annotation
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt,omitzero"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// Send implements Channel. It is done when one Alertmanager has the alert.
func (c *Alertmanager) Send(ctx context.Context, d Delivery) (Receipt, error) {
	now, m := c.now().UTC(), d.Message
	a := alert{Labels: alertLabels(m, d.Small), Annotations: alertAnnotations(m, d.Small), StartsAt: m.StartedAt.UTC(), GeneratorURL: m.ReportURL}
	var before alert
	alerts := []alert{}
	if d.Thread != "" && json.Unmarshal([]byte(d.Thread), &before) == nil && before.EndsAt.IsZero() {
		a.Labels = maps.Clone(before.Labels) // alerts that join change what all have in common, and that is no other report
		a.StartsAt = before.StartsAt
		if before.Labels["severity"] != m.Severity { // routes go by it: the old alert ends
			a.Labels["severity"], a.StartsAt = m.Severity, now
			before.EndsAt = now
			alerts = append(alerts, before)
		}
	}
	if a.StartsAt.After(now) {
		a.StartsAt = now
	}
	sent := a
	sent.EndsAt = now.Add(alertLifetime)
	if m.over() || m.Status == incident.Stale { // nobody knows whether it still fires
		a.EndsAt, sent.EndsAt = now, now
	}
	if err := c.post(ctx, append(alerts, sent)); err != nil {
		return Receipt{}, err
	}
	thread, err := marshal(a)
	return Receipt{Thread: string(thread)}, err
}

// Keep implements Keeper.
func (c *Alertmanager) Keep(ctx context.Context, threads []string) (done []int, err error) {
	now := c.now().UTC()
	var alerts []alert
	for i, thread := range threads {
		var a alert
		if err := json.Unmarshal([]byte(thread), &a); err != nil {
			done = append(done, i)
			continue
		}
		switch {
		case a.EndsAt.IsZero():
			a.EndsAt = now.Add(alertLifetime)
		case now.Sub(a.EndsAt) > alertEnded:
			done = append(done, i)
			continue
		}
		alerts = append(alerts, a)
	}
	const atOnce = 64 // as Prometheus
	for len(alerts) > 0 {
		n := min(atOnce, len(alerts))
		err = errors.Join(err, c.post(ctx, alerts[:n]))
		alerts = alerts[n:]
	}
	return done, err
}

// post sends alerts to all Alertmanagers at once. What one of them has is delivered: the others get it with the next Keep.
func (c *Alertmanager) post(ctx context.Context, alerts []alert) error {
	errs := make([]error, len(c.urls))
	var wg sync.WaitGroup
	for i, to := range c.urls {
		wg.Go(func() {
			r, err := c.json(ctx, request{url: to}, alerts)
			if err == nil {
				err = c.judge(r)
			}
			errs[i] = err
		})
	}
	wg.Wait()
	var worst error
	for _, err := range errs {
		if err == nil {
			return nil
		}
		if worst == nil || AsFailure(err).Kind == Retry { // that may heal by itself
			worst = err
		}
	}
	return worst
}

// labelName is a name that every Alertmanager takes: those before 0.27 refuse what newer ones and Grafana allow.
var labelName = regexp.MustCompile(`^[a-zA-Z_]\w*$`)

// alertLabels are those of the incident, and what marks the alert as ours: our own webhook drops it. An alert that was refused is
// sent without labels whose names may be why.
func alertLabels(m *Message, small bool) map[string]string {
	labels := map[string]string{}
	maps.Copy(labels, m.Labels)
	maps.DeleteFunc(labels, func(name, _ string) bool { return small && !labelName.MatchString(name) })
	labels["alertname"] = AlertName
	labels[incident.SelfAlertLabel] = "true"
	labels["source_alertname"] = m.Alertname
	labels["severity"] = m.Severity
	for name, value := range labels {
		if value == "" {
			delete(labels, name)
		}
	}
	return labels
}

func alertAnnotations(m *Message, small bool) map[string]string {
	runes := alertRunes
	if small {
		runes = budgets[smallBudget]
	}
	w := wordsOf(m.Language)
	annotations := map[string]string{}
	add := func(name, value string, mark Mark) {
		if value = text.Cut(text.OneLine(value), runes); value == "" {
			return
		}
		if mark != Unmarked {
			value += " " + w.marks[mark]
		}
		annotations[name] = value
	}
	cause := m.Cause
	if word := w.likelihoods[m.Likelihood]; word != "" && cause != "" {
		cause += fmt.Sprintf(w.aside, word)
	}
	add("summary", m.Summary, Unmarked)
	add("cause", cause, m.CauseMark)
	add("action", m.Action, m.ActionMark)
	add("report_url", m.ReportURL, Unmarked)
	add("cost", fmt.Sprintf("%.4f USD", m.Cost), Unmarked)
	return annotations
}

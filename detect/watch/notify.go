package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/common/config"
	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/text"
)

const (
	resendDelay = time.Minute // as in Prometheus: an alert is sent again after this
	sendTimeout = 10 * time.Second
	// maxPosted bounds the alerts of one request, as in Prometheus.
	maxPosted = 256
	// maxQueued bounds the alerts that wait for an Alertmanager that does not answer.
	maxQueued            = 10_000
	firstRetry, maxRetry = 500 * time.Millisecond, 30 * time.Second
)

// Alertmanagers tells each Alertmanager of alerts, as Prometheus does: all of them, again each minute, with an end that is
// four evaluations away, so that an alert that nobody tells of any more resolves.
type Alertmanagers struct {
	peers []*peer
}

// NewAlertmanagers returns the Notifier for servers. The metrics of what is sent are registered with r, nil for none.
func NewAlertmanagers(servers []promapi.Server, log *slog.Logger, r prometheus.Registerer) (*Alertmanagers, error) {
	sent := promauto.With(r).NewCounterVec(prometheus.CounterOpts{
		Name: "alertscribe_detect_notifications_total", Help: "Requests to Alertmanagers by outcome: ok, refused, failed. Failed ones are sent again.",
	}, []string{"alertmanager", "outcome"})
	a := &Alertmanagers{}
	for _, s := range servers {
		if s.URL == nil {
			return nil, errors.New("an Alertmanager without a URL")
		}
		client, err := config.NewClientFromConfig(s.HTTP, "alertmanager", config.WithUserAgent("alertscribe"))
		if err != nil {
			return nil, fmt.Errorf("making the client of an Alertmanager: %w", err)
		}
		u := *s.URL
		u.Path = strings.TrimRight(u.Path, "/") + "/api/v2/alerts"
		u.RawQuery, u.Fragment = "", ""
		p := &peer{
			url: &u, name: s.URL.Redacted(), client: client, log: log.With("alertmanager", s.URL.Redacted()), sent: sent,
			queued: map[model.Fingerprint]posted{}, last: map[model.Fingerprint]lastSent{}, wake: make(chan struct{}, 1),
		}
		for _, o := range []string{sentOK, sentRefused, sentFailed} {
			sent.WithLabelValues(p.name, o)
		}
		a.peers = append(a.peers, p)
	}
	return a, nil
}

// The outcomes of requests.
const (
	sentOK      = "ok"
	sentRefused = "refused"
	sentFailed  = "failed"
)

// Run sends what is queued until ctx ends.
func (a *Alertmanagers) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, p := range a.peers {
		wg.Go(func() { p.run(ctx) })
	}
	wg.Wait()
}

// Notify implements Notifier. It queues what each Alertmanager has not been told for a while.
func (a *Alertmanagers) Notify(_ context.Context, _ *Rule, interval time.Duration, alerts []Alert) {
	now := time.Now()
	ready := make([]posted, len(alerts))
	for i, x := range alerts {
		ready[i] = posted{
			Labels: x.Labels, Annotations: x.Annotations, StartsAt: x.StartsAt, EndsAt: x.EndsAt, GeneratorURL: x.GeneratorURL,
			firing: x.Firing(),
		}
		if x.Firing() {
			ready[i].EndsAt = now.Add(4 * max(interval, resendDelay))
		}
	}
	for _, p := range a.peers {
		p.queue(ready, now)
	}
}

// posted is an alert in the form of Alertmanager's API.
type posted struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`

	firing bool
}

func (p *posted) id() model.Fingerprint { return fingerprint(p.Labels) }

func fingerprint(labels map[string]string) model.Fingerprint {
	set := make(model.LabelSet, len(labels))
	for name, v := range labels {
		set[model.LabelName(name)] = model.LabelValue(v)
	}
	return set.Fingerprint()
}

// lastSent is what an Alertmanager was last told of an alert.
type lastSent struct {
	at     time.Time
	starts time.Time
	firing bool
}

// peer is one Alertmanager.
type peer struct {
	url    *url.URL
	name   string // without a password
	client *http.Client
	log    *slog.Logger
	sent   *prometheus.CounterVec
	wake   chan struct{}

	mu     sync.Mutex
	queued map[model.Fingerprint]posted
	last   map[model.Fingerprint]lastSent
}

// queue takes what is new, and what was told long enough ago.
func (p *peer) queue(alerts []posted, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, l := range p.last {
		if now.Sub(l.at) > time.Hour {
			delete(p.last, id)
		}
	}
	for _, a := range alerts {
		id := a.id()
		l, told := p.last[id]
		if told && l.firing == a.firing && l.starts.Equal(a.StartsAt) && now.Sub(l.at) < resendDelay {
			continue
		}
		if _, waits := p.queued[id]; !waits && len(p.queued) >= maxQueued {
			continue
		}
		p.queued[id] = a
	}
	if len(p.queued) > 0 {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
}

func (p *peer) run(ctx context.Context) {
	retry := firstRetry
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		}
		for batch := p.take(); len(batch) > 0; batch = p.take() {
			err := p.post(ctx, batch)
			if ctx.Err() != nil {
				return
			}
			if err == nil {
				p.told(batch)
				if failing {
					p.log.Info("Alertmanager takes alerts again")
				}
				retry, failing = firstRetry, false
				continue
			}
			if !failing {
				p.log.Warn("Alerts not sent, they are sent again", "alerts", len(batch), "err", err)
			}
			failing = true
			if !sleep(ctx, retry) {
				return
			}
			retry = min(2*retry, maxRetry)
		}
	}
}

// take returns what is to be sent next; it stays queued until it was.
func (p *peer) take() []posted {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []posted
	for _, a := range p.queued {
		if out = append(out, a); len(out) == maxPosted {
			break
		}
	}
	return out
}

// told takes alerts off the queue that have been sent, unless there is something newer about them.
func (p *peer) told(batch []posted) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for _, a := range batch {
		id := a.id()
		if q, ok := p.queued[id]; ok && q.firing == a.firing && q.StartsAt.Equal(a.StartsAt) {
			delete(p.queued, id)
		}
		p.last[id] = lastSent{now, a.StartsAt, a.firing}
	}
}

// post sends alerts. What the Alertmanager refuses is logged and counts as told: the same would be refused again.
func (p *peer) post(ctx context.Context, batch []posted) error {
	body, err := json.Marshal(batch)
	if err != nil {
		return fmt.Errorf("encoding alerts: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.client.Do(req)
	if err != nil {
		p.sent.WithLabelValues(p.name, sentFailed).Inc()
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // the URL can hold a user's name
		}
		return err
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	switch class := resp.StatusCode / 100; {
	case class == 2:
		p.sent.WithLabelValues(p.name, sentOK).Inc()
		return nil
	case class == 4 && !slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusRequestTimeout, http.StatusTooManyRequests}, resp.StatusCode):
		p.sent.WithLabelValues(p.name, sentRefused).Inc()
		p.log.Error("Alertmanager refused alerts, they are not sent again", "alerts", len(batch), "status", resp.StatusCode, "answer", text.Cut(text.OneLine(string(answer)), 300))
		return nil
	}
	p.sent.WithLabelValues(p.name, sentFailed).Inc()
	return fmt.Errorf("HTTP status %d: %s", resp.StatusCode, text.Cut(text.OneLine(string(answer)), 300))
}

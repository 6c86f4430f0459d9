package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alertscribe/alertscribe/promapi"
)

const (
	probeTimeout = 10 * time.Second
	probeEvery   = 30 * time.Second
)

// probe asks one server of the settings whether it is there, and remembers what it said last.
type probe struct {
	name     string // prometheus or alertmanager
	label    string // of the metric: the name, with that of one of several
	title    string // Prometheus or Alertmanager
	variable string // where its URL is set
	without  string // what reports lack while it is down
	client   *promapi.Client
	ask      func(ctx context.Context) error

	mu    sync.Mutex
	asked bool
	err   error // promapi.ErrPartial where it answers without some of its data
}

// reach is how a server answered when it was asked last. They are in the order in which /health shows them for several of one name.
type reach int

const (
	reachReady reach = iota
	reachNotAsked
	reachPartial // it answers without some of its data
	reachFailing
)

// reach returns how the server answered. The lock is held.
func (s *probe) reach() reach {
	switch {
	case !s.asked:
		return reachNotAsked
	case s.err == nil:
		return reachReady
	case errors.Is(s.err, promapi.ErrPartial):
		return reachPartial
	}
	return reachFailing
}

// probes are the servers that evidence comes from. Each is asked at the start and every half minute, so that a wrong URL is found
// before the first alert. It is a Collector of their state.
type probes struct {
	list  []*probe
	every time.Duration
}

// newProbes makes the probes of the servers that are set; nothing is asked yet.
func newProbes(cfg *config, pool promapi.Pool) (*probes, error) {
	am, err := connect(cfg.firstAlertmanager(), "alertmanager")
	if err != nil {
		return nil, err
	}
	p := &probes{every: probeEvery}
	for _, m := range pool {
		one := &probe{
			name: "prometheus", title: "Prometheus", variable: "PROMETHEUS_URL", without: "evidence", client: m.Client,
			ask: func(ctx context.Context) error { return askPrometheus(ctx, m) },
		}
		if m.Name != "" {
			one.label, one.title, one.variable = "prometheus "+m.Name, "Prometheus "+m.Name, "prometheus[].url"
		}
		p.list = append(p.list, one)
	}
	if am != nil {
		p.list = append(p.list, &probe{
			name: "alertmanager", title: "Alertmanager", variable: "ALERTMANAGER_URL", without: "silences and alerts of other Prometheus servers", client: am,
			ask: func(ctx context.Context) error { return askAlertmanager(ctx, am) },
		})
	}
	return p, nil
}

// askPrometheus has a server answer a query that needs all of its stores, and one of several tell its external labels; who has none to
// tell is matched by other means.
func askPrometheus(ctx context.Context, m *promapi.Member) error {
	_, err := promapi.NewQuerier(m.Client, promapi.NewBudget(1, 1), nil).Whole().Instant(ctx, "count(up)", time.Now())
	if (err == nil || errors.Is(err, promapi.ErrPartial)) && m.Name != "" && len(m.Match) == 0 {
		_ = m.Learn(ctx)
	}
	return err
}

func connect(c upstreamConfig, name string) (*promapi.Client, error) {
	server, err := upstream(c, name)
	if err != nil {
		return nil, err
	}
	return promapi.Connect(server, name)
}

// askAlertmanager tells an Alertmanager from a server that answers anything with a page.
func askAlertmanager(ctx context.Context, am *promapi.Client) error {
	body, err := am.Get(ctx, "/api/v2/status", nil)
	if err != nil {
		return err
	}
	var status struct {
		Cluster *struct{} `json:"cluster"`
	}
	if err := json.Unmarshal(body, &status); err != nil || status.Cluster == nil {
		return fmt.Errorf("%w: response is not from Alertmanager, check the path of the URL", promapi.ErrUnavailable)
	}
	return nil
}

func (p *probes) close() {
	for _, s := range p.list {
		s.client.Close()
	}
}

// check asks the server once.
func (s *probe) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	err := s.ask(ctx)
	if err != nil && errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer within %s", probeTimeout)
	}
	return err
}

// run asks all servers until ctx ends, and logs what they answer first and when that changes.
func (p *probes) run(ctx context.Context, log *slog.Logger) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, s := range p.list {
		all.Go(func() {
			ticker := time.NewTicker(p.every)
			defer ticker.Stop()
			for {
				err := s.check(ctx)
				if ctx.Err() != nil {
					return
				}
				s.record(err, log)
				select {
				case <-ctx.Done():
					return
				case <-ticker.C:
				}
			}
		})
	}
}

func (s *probe) record(err error, log *slog.Logger) {
	s.mu.Lock()
	before := s.reach()
	s.asked, s.err = true, err
	now := s.reach()
	s.mu.Unlock()
	switch {
	case now == before:
	case now == reachPartial:
		log.Warn("Server answers in part, reports do not claim that something is absent", "server", s.title, "url", s.client.String(), "err", err)
	case err != nil:
		log.Warn("Server failed to answer, reports lack what it knows", "server", s.title, "lacking", s.without, "check", s.variable,
			"url", s.client.String(), "err", err)
	default:
		log.Info("Server answers", "server", s.title, "url", s.client.String())
	}
}

// status returns the state of a server for /health.
func (p *probes) status(name string) string {
	state, worst := "not configured", reach(-1)
	for _, s := range p.list {
		if s.name != name {
			continue
		}
		of := ""
		if s.label != "" {
			of = s.title + ": "
		}
		s.mu.Lock()
		now, err := s.reach(), s.err
		s.mu.Unlock()
		if now <= worst {
			continue
		}
		switch worst = now; now {
		case reachReady:
			state = "ready"
		case reachNotAsked:
			state = "not asked yet"
		case reachPartial:
			state = "partial: " + of + err.Error()
		case reachFailing:
			state = "failing: " + of + err.Error()
		}
	}
	return state
}

var serverUp = prometheus.NewDesc("alertscribe_server_up",
	"Whether a server of the settings answered when it was asked last: 1 yes, 0 no. One that is not set has no series.", []string{"server"}, nil)

// Describe implements prometheus.Collector.
func (p *probes) Describe(ch chan<- *prometheus.Desc) { ch <- serverUp }

// Collect implements prometheus.Collector.
func (p *probes) Collect(ch chan<- prometheus.Metric) {
	for _, s := range p.list {
		s.mu.Lock()
		now, up := s.reach(), 1.0
		s.mu.Unlock()
		if now == reachFailing {
			up = 0
		}
		if now != reachNotAsked {
			ch <- prometheus.MustNewConstMetric(serverUp, prometheus.GaugeValue, up, cmp.Or(s.label, s.name))
		}
	}
}

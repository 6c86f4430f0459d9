package testbed

import (
	"context"
	"errors"
	"slices"
)

// Options describe a pair of servers.
type Options struct {
	// Dir holds configuration, data and logs of both.
	Dir          string
	Prometheus   PrometheusConfig
	Alertmanager AlertmanagerConfig
}

// Pair is a running Prometheus that alerts through a running Alertmanager.
type Pair struct {
	Prometheus, Alertmanager *Server
	// PromURL and AMURL are the roots of their HTTP interfaces.
	PromURL, AMURL string
}

// Start starts both servers and returns when both are ready. They end with ctx.
func Start(ctx context.Context, bins Binaries, o Options) (*Pair, error) {
	am, err := StartAlertmanager(ctx, bins, o.Dir, o.Alertmanager)
	if err != nil {
		return nil, err
	}
	o.Prometheus.Alertmanagers = append(slices.Clone(o.Prometheus.Alertmanagers), am.Addr)
	prom, err := StartPrometheus(ctx, bins, o.Dir, o.Prometheus)
	if err != nil {
		return nil, errors.Join(err, am.Stop())
	}
	return &Pair{Prometheus: prom, Alertmanager: am, PromURL: prom.URL, AMURL: am.URL}, nil
}

// Stop ends both. It may be called again.
func (p *Pair) Stop() error {
	return errors.Join(p.Prometheus.Stop(), p.Alertmanager.Stop())
}

// Logs returns what both have logged.
func (p *Pair) Logs() string {
	return "== prometheus\n" + p.Prometheus.Logs() + "\n== alertmanager\n" + p.Alertmanager.Logs()
}

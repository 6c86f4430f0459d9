package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alertscribe/alertscribe/detect/ingest"
	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify"
	"github.com/alertscribe/alertscribe/store"
	"github.com/alertscribe/alertscribe/store/postgres"
	"github.com/alertscribe/alertscribe/worker"
)

type (
	// engine is the store: SQLite for one process, PostgreSQL for many copies.
	engine interface {
		worker.Store
		notify.Store
		watch.State
		watch.Parts
		ingest.Outbox
		forgetter
		ledger
		history
		pages
		SetPolicy(p *incident.Policy)
		// Lead does a duty that one copy at a time may do.
		Lead(ctx context.Context, duty string, do func(ctx context.Context))
		Close() error
	}
	// history is what evidence has to know of the past.
	history interface {
		Past(ctx context.Context, alertname string, before time.Time) ([]incident.PastRecord, error)
	}
	// pages is what the handler and the metrics show, and the webhook stores.
	pages interface {
		Accept(ctx context.Context, n *incident.Notification) (incident.Receipt, error)
		Incidents(ctx context.Context, q incident.Query) (list []*incident.Incident, next string, err error)
		List(ctx context.Context, q incident.Query) (incident.List, error)
		Newest(ctx context.Context, q incident.Query) (string, error)
		FindID(ctx context.Context, prefix string) (string, error)
		Ping(ctx context.Context) error
		Queue(ctx context.Context) (incident.Queue, error)
		Costs(ctx context.Context, since time.Time) ([]incident.Costs, error)
		Used(ctx context.Context) (incident.BudgetUsage, error)
	}
)

// onPostgres reports whether the database is a PostgreSQL.
func (c *config) onPostgres() bool {
	url := c.Storage.DatabaseURL.Reveal()
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

// databaseName is the database as people are shown it, without user and password.
func (c *config) databaseName() string {
	if c.onPostgres() {
		return postgres.Name(c.Storage.DatabaseURL.Reveal())
	}
	return c.databasePath()
}

// openEngine opens the database.
func openEngine(ctx context.Context, c *config, log *slog.Logger, registry prometheus.Registerer) (engine, error) {
	log = log.With("component", "store")
	retention := time.Duration(c.Storage.Retention.Notifications)
	if c.onPostgres() {
		s, err := postgres.Open(ctx, postgres.Options{
			URL: c.Storage.DatabaseURL.Reveal(), Policy: c.rules(), Retention: retention, Logger: log, Registerer: registry,
		})
		if err != nil {
			return nil, fmt.Errorf("%w; check storage.database_url (DATABASE_URL)", err)
		}
		return s, nil
	}
	s, err := store.Open(ctx, store.Options{
		Path: c.databasePath(), Policy: c.rules(), Retention: retention, Logger: log, Registerer: registry,
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

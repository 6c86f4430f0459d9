package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/alertscribe/alertscribe/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// connections is how many a copy opens at most, where the URL names no pool_max_conns; the feed of changes has one beside them.
const connections = 12

// sessionSettings bound what a copy that stands still, or is gone without a word, holds up.
var sessionSettings = map[string]string{
	"idle_in_transaction_session_timeout": "10000", // milliseconds
	"statement_timeout":                   "15000",
	"client_connection_check_interval":    "5000",
	"tcp_user_timeout":                    "20000",
	"synchronous_commit":                  "on",
	"client_min_messages":                 "warning", // by which a commit tells that it did not wait for the standby
	"timezone":                            "UTC",
	// Statements are planned when their tables are small, and a plan is kept: it must be good for large ones, too.
	"enable_seqscan": "off",
	"jit":            "off",
}

// Check reports what is wrong with a URL, and never shows its password.
func Check(rawURL string) error {
	_, err := parse(rawURL)
	return err
}

func parse(rawURL string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(rawURL)
	if err == nil {
		return config, nil
	}
	if cause := errors.Unwrap(err); cause != nil { // the rest repeats the URL
		err = cause
	}
	return nil, fmt.Errorf("%w; it looks like postgres://user@host:5432/database", err)
}

// Name returns the database of a URL as logs show it: host and name, no password and no parameters.
func Name(rawURL string) string {
	config, err := parse(rawURL)
	if err != nil {
		return "postgres://"
	}
	c := config.ConnConfig
	host := net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
	if strings.HasPrefix(c.Host, "/") {
		host = c.Host
	}
	u := url.URL{Scheme: "postgres", Host: host, Path: "/" + c.Database}
	return u.String()
}

func (s *Store) config() (*pgxpool.Config, error) {
	config, err := parse(s.opts.URL)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(s.opts.URL, "pool_max_conns") {
		config.MaxConns = connections
	}
	config.MaxConnLifetimeJitter = 5 * time.Minute
	if config.ConnConfig.ConnectTimeout == 0 {
		// Hosts that don't answer must leave time for the last one.
		config.ConnConfig.ConnectTimeout = min(5*time.Second, s.opts.Timeout/time.Duration(1+hosts(config.ConnConfig)))
	}
	config.ConnConfig.ValidateConnect = s.primary.validate
	config.ConnConfig.OnNotice = noticed
	for name, value := range sessionSettings {
		if _, set := config.ConnConfig.RuntimeParams[name]; !set {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	if _, set := config.ConnConfig.RuntimeParams["application_name"]; !set {
		config.ConnConfig.RuntimeParams["application_name"] = "alertscribe"
	}
	return config, nil
}

// hosts returns how many addresses a URL names.
func hosts(c *pgx.ConnConfig) int {
	names := map[string]bool{net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))): true}
	for _, f := range c.Fallbacks { // the same ones without TLS among them
		names[net.JoinHostPort(f.Host, strconv.Itoa(int(f.Port)))] = true
	}
	return len(names)
}

// check makes sure that a commit will be on disk, and that text comes back as it went.
func (s *Store) check(ctx context.Context) error {
	for setting, want := range map[string]struct{ value, hint string }{
		"fsync":           {"on", "turn it on, or what was acknowledged is lost with the machine"},
		"server_encoding": {"UTF8", "create the database with ENCODING 'UTF8' TEMPLATE template0"},
	} {
		var got string
		err := s.pool.QueryRow(ctx, `SELECT current_setting($1)`, setting).Scan(&got)
		if err != nil {
			return connectError(err)
		}
		if got != want.value {
			return fmt.Errorf("%s is %s, want %s: %s", setting, got, want.value, want.hint)
		}
	}
	var synced string
	if err := s.pool.QueryRow(ctx, `SELECT current_setting('synchronous_commit')`).Scan(&synced); err != nil {
		return err
	}
	if synced == "off" {
		return errors.New("synchronous_commit is off: leave it out of the URL, or what was acknowledged is lost with the machine")
	}
	return nil
}

// connectError adds the way out where the user can do something.
func connectError(err error) error {
	if bad, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch bad.Code {
		case "28P01", "28000":
			return fmt.Errorf("%w; check the user and the password of storage.database_url, or storage.database_url_file", err)
		case "3D000":
			return fmt.Errorf("%w; create it: CREATE DATABASE …", err)
		case "53300":
			return fmt.Errorf("%w; raise max_connections, or lower pool_max_conns in the URL", err)
		}
	}
	return err
}

// provider returns what migrates the schema.
func provider(config *pgx.ConnConfig) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	// One copy migrates at a time, the others wait for it.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120), lock.WithUnlockTimeout(1, 60))
	if err != nil {
		return nil, err
	}
	own := config.Copy()
	own.RuntimeParams["statement_timeout"] = "0" // of a large table
	return goose.NewProvider(goose.DialectPostgres, stdlib.OpenDB(*own), files, goose.WithLogger(goose.NopLogger()),
		goose.WithDisableGlobalRegistry(true), goose.WithSessionLocker(locker))
}

// migrate brings the schema up to date, and refuses a database that needs a newer copy than this one.
func migrate(ctx context.Context, config *pgx.ConnConfig, logger *slog.Logger) error {
	p, err := provider(config)
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	defer p.Close()
	sources := p.ListSources()
	highest := sources[len(sources)-1].Version
	if err := compatible(ctx, config, highest); err != nil {
		return err
	}
	done, err := p.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrating the schema: %w", err)
	}
	for _, m := range done {
		logger.Info("Database schema migrated", "version", m.Source.Version, "duration", m.Duration)
	}
	return compatible(ctx, config, highest)
}

// compatible returns an error where the database needs a copy that knows a newer schema than this one does.
func compatible(ctx context.Context, config *pgx.ConnConfig, highest int64) error {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return connectError(err)
	}
	defer conn.Close(ctx)
	var needs int64
	err = conn.QueryRow(ctx, `SELECT needs FROM compatibility`).Scan(&needs)
	if bad, ok := errors.AsType[*pgconn.PgError](err); ok && bad.Code == "42P01" {
		return nil // an empty database
	}
	if err != nil {
		return fmt.Errorf("reading which schema the database needs: %w", err)
	}
	if needs > highest {
		return fmt.Errorf("it needs a release that knows its schema %d, this one knows %d: update this copy", needs, highest)
	}
	return nil
}

// rank ranks severities anew: the setting that orders them may have changed. Copies with other settings have no say until they
// start.
func (s *Store) rank(ctx context.Context) error {
	return retried(func() error { return s.transact(ctx, s.rankAll) })
}

func (s *Store) rankAll(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `SELECT DISTINCT severity, severity_rank FROM incidents`)
	if err != nil {
		return err
	}
	type ranked struct {
		Severity string
		Rank     int
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ranked])
	if err != nil {
		return err
	}
	for _, r := range found {
		now := s.policy.Load().Rank(r.Severity)
		if now == r.Rank {
			continue
		}
		for _, query := range []string{
			`UPDATE work w SET severity_rank = $1 + w.severity_rank / 1000 * 1000 FROM incidents i WHERE i.seq = w.seq AND i.severity = $2`,
			`UPDATE incidents SET severity_rank = $1, list_rank = CASE WHEN status = 'firing' THEN $1 ELSE list_rank END WHERE severity = $2`,
		} {
			if _, err := tx.Exec(ctx, query, now, r.Severity); err != nil {
				return err
			}
		}
	}
	return nil
}

// transact runs a transaction within the timeout. An error means that nothing of it was stored, or that nobody knows.
func (s *Store) transact(ctx context.Context, run func(context.Context, pgx.Tx) error) error {
	ctx, cancel := s.within(ctx)
	defer cancel()
	return s.failed(s.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		if err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return run(ctx, tx) }); err != nil {
			return err
		}
		return replicated(conn.Conn())
	}))
}

func (s *Store) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.opts.Timeout)
}

// exec runs one statement as a transaction and returns how many rows it has changed.
func (s *Store) exec(ctx context.Context, query string, args ...any) (rows int64, err error) {
	ctx, cancel := s.within(ctx)
	defer cancel()
	err = s.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		tag, err := conn.Exec(ctx, query, args...)
		if err != nil {
			return err
		}
		rows = tag.RowsAffected()
		return replicated(conn.Conn())
	})
	return rows, s.failed(err)
}

// failed makes the error of a closed pool that of a closed store, and looks what an error says of the connections.
func (s *Store) failed(err error) error {
	if err == nil {
		return nil
	}
	s.forgetConnections(err)
	select {
	case <-s.closing:
		return errors.Join(store.ErrClosed, err)
	default:
		return err
	}
}

// unreachable is the error of a transaction whose connection is gone, or that took too long: nobody knows what was stored.
type unreachable struct{ error }

func (u unreachable) Unwrap() error { return u.error }

// gone reports whether an error says that there is no server to try anything else on.
func gone(err error) bool {
	if _, ok := errors.AsType[unreachable](err); ok {
		return true
	}
	bad, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	for _, class := range []string{"08", "53", "57", "58", "25", "F0", "XX"} {
		if strings.HasPrefix(bad.Code, class) {
			return true
		}
	}
	return false
}

// again reports whether the same transaction may succeed when it is run once more.
func again(err error) bool {
	bad, ok := errors.AsType[*pgconn.PgError](err)
	return ok && strings.HasPrefix(bad.Code, "40")
}

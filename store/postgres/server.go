package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// primary tells the server that takes writes from those that did: standbys, servers that are set to read-only, and a former primary
// that comes back after a failover and does not know of it yet.
type primary struct {
	log *slog.Logger

	mu   sync.Mutex
	seen host
}

// host is a server as failovers tell it apart: a standby that is promoted begins a new timeline of the same system.
type host struct {
	system   string
	timeline int64
}

const (
	// readOnly is whether a session takes writes; a standby takes none.
	readOnly = `SHOW transaction_read_only`
	// selectServer is run by a server that takes writes alone. Servers that only speak PostgreSQL's protocol may not have it.
	selectServer = `SELECT system_identifier, ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint FROM pg_control_system()`
	// hostKey is where a connection has its server, and canceledKey that a commit did not wait for the standby.
	hostKey, canceledKey = "host", "canceled"
)

// errReadOnly is that of a server that would refuse what is written.
var errReadOnly = errors.New("it takes no writes, because it is a standby or default_transaction_read_only is on: name the primary, or several hosts")

// validate refuses a new connection to a server that must not be written to, so that the next host is tried.
func (p *primary) validate(ctx context.Context, conn *pgconn.PgConn) error {
	row, err := one(ctx, conn, readOnly)
	if err != nil {
		return fmt.Errorf("asking the server whether it takes writes: %w", err)
	}
	if row[0] == "on" {
		return errReadOnly
	}
	row, err = one(ctx, conn, selectServer)
	if err != nil && conn.IsClosed() {
		return fmt.Errorf("asking the server for its timeline: %w", err)
	}
	if err != nil {
		p.log.Debug("Timeline of the server unknown, a former primary that comes back is not told apart", "err", err)
		return nil
	}
	timeline, err := strconv.ParseInt(row[1], 10, 64)
	if err != nil {
		return fmt.Errorf("reading the timeline of the server: %w", err)
	}
	s := host{row[0], timeline}
	conn.CustomData()[hostKey] = s
	return p.see(s)
}

// see remembers a server, and returns an error where one of a later timeline is known.
func (p *primary) see(s host) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.system == p.seen.system && s.timeline < p.seen.timeline {
		return fmt.Errorf("it is a former primary, of timeline %d: timeline %d has begun; stop it, or make it a standby", s.timeline, p.seen.timeline)
	}
	p.seen = s
	return nil
}

// still returns an error where the server of a connection is not the one to write to anymore.
func (p *primary) still(ctx context.Context, conn *pgx.Conn) error {
	var answer string
	if err := conn.QueryRow(ctx, readOnly).Scan(&answer); err != nil {
		return err
	}
	if answer == "on" {
		return errReadOnly
	}
	if s, known := conn.PgConn().CustomData()[hostKey].(host); known {
		return p.see(s)
	}
	return nil
}

// one returns the single row that a query answers, as text.
func one(ctx context.Context, conn *pgconn.PgConn, query string) ([]string, error) {
	result := conn.ExecParams(ctx, query, nil, nil, nil, nil).Read()
	if result.Err != nil {
		return nil, result.Err
	}
	if len(result.Rows) != 1 {
		return nil, fmt.Errorf("%d rows, want one", len(result.Rows))
	}
	row := make([]string, len(result.Rows[0]))
	for i, value := range result.Rows[0] {
		row[i] = string(value)
	}
	return row, nil
}

// noticed remembers that the server has given up waiting for its synchronous standby: the commit succeeds nevertheless, and a
// failover would lose it. The name of the file is the same in all languages.
func noticed(conn *pgconn.PgConn, n *pgconn.Notice) {
	if n.File == "syncrep.c" {
		conn.CustomData()[canceledKey] = n.Message
	}
}

var errUnreplicated = errors.New("committed, and perhaps not on the standby")

// replicated returns an error where a commit on the connection was not replicated as the server is set to.
func replicated(conn *pgx.Conn) error {
	data := conn.PgConn().CustomData()
	message, canceled := data[canceledKey]
	if !canceled {
		return nil
	}
	delete(data, canceledKey)
	return unreachable{fmt.Errorf("%w: %v", errUnreplicated, message)}
}

// forgetConnections drops all connections where an error says that they may lead to a server that is gone, or takes no writes anymore:
// each of them would have to fail first. Connections that are too slow are dropped once in a while, for the server may be busy.
func (s *Store) forgetConnections(err error) {
	if bad, ok := errors.AsType[*pgconn.PgError](err); ok && bad.Code == "25006" {
		s.pool.Reset()
		return
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		return
	}
	now, last := time.Now().UnixNano(), s.reset.Load()
	if now-last > s.opts.Timeout.Nanoseconds() && s.reset.CompareAndSwap(last, now) {
		s.pool.Reset()
	}
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/layout"
)

// A transaction of an incident is two round trips: BEGIN, the lock and what is read under it go together, and what is written
// goes together with COMMIT. So it holds its locks hardly longer than the server needs.

// executor runs batches on a connection. After a failed one the transaction is over.
type executor struct {
	ctx  context.Context
	conn *pgxpool.Conn
}

// acquire returns an executor for one transaction; finish gives the connection back, which ends a transaction that was not
// committed.
func (s *Store) acquire(ctx context.Context) (executor, func(), error) {
	ctx, cancel := s.within(ctx)
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		cancel()
		return executor{}, nil, s.failed(fmt.Errorf("connecting to the database: %w", unreachable{err}))
	}
	return executor{ctx, conn}, func() {
		if !conn.Conn().IsClosed() && conn.Conn().PgConn().TxStatus() != 'I' {
			ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			if _, err := conn.Exec(ctx, `ROLLBACK`); err != nil {
				_ = conn.Conn().Close(ctx) // the server ends the transaction then
			}
			stop()
		}
		conn.Release()
		cancel()
	}, nil
}

// run runs statements of which none returns rows, and the last one commits.
func (e executor) run(b *pgx.Batch) error {
	results := e.conn.SendBatch(e.ctx, b)
	for range b.Len() {
		if _, err := results.Exec(); err != nil {
			return errors.Join(err, ignoreSame(results.Close(), err))
		}
	}
	if err := results.Close(); err != nil {
		return err
	}
	return replicated(e.conn.Conn())
}

// ignoreSame returns an error unless it says what another one says.
func ignoreSame(err, other error) error {
	if err == nil || err.Error() == other.Error() {
		return nil
	}
	return err
}

// locked begins a transaction, takes the lock of an incident's group, and reads the incident.
type locked struct {
	executor
	record   *record
	findings layout.Findings
	leased   bool // the claim's lease stood, and is ended
}

// begin begins a transaction that changes an incident, and with a claim ends its lease.
func (s *Store) begin(e executor, id string, claim *incident.Claim) (*locked, error) {
	b := &pgx.Batch{}
	b.Queue(`BEGIN`)
	b.Queue(`SELECT pg_advisory_xact_lock(group_lock) FROM incidents WHERE id = $1`, id)
	if claim != nil {
		b.Queue(endLease, id, string(claim.Work), claim.Token)
	}
	b.Queue(`SELECT group_hash, group_lock FROM incidents WHERE id = $1`, id)
	b.Queue(selectIncident+`i.id = $1`, id)
	results := e.conn.SendBatch(e.ctx, b)
	defer results.Close()
	l := &locked{executor: e}
	for range 2 {
		if _, err := results.Exec(); err != nil {
			return nil, err
		}
	}
	if claim != nil {
		tag, err := results.Exec()
		if err != nil {
			return nil, err
		}
		l.leased = tag.RowsAffected() > 0
	}
	var hash []byte
	var g group
	if err := results.QueryRow().Scan(&hash, &g.lock); errors.Is(err, pgx.ErrNoRows) {
		return nil, incident.ErrNotFound
	} else if err != nil {
		return nil, fmt.Errorf("reading incident %s: %w", id, err)
	}
	copy(g.hash[:], hash)
	var row layout.Stored
	f := &l.findings
	err := results.QueryRow().Scan(append(row.Fields(), &f.Evidence, &f.Verdict, &f.Memory, &f.Looks)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, incident.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("reading incident %s: %w", id, err)
	}
	if err := results.Close(); err != nil {
		return nil, err
	}
	if l.record, err = newRecord(&row); err != nil {
		return nil, err
	}
	l.record.group = g
	return l, nil
}

// retried runs a transaction again where it was only in the way of another one.
func retried(run func() error) error {
	err := run()
	for n := 0; n < 3 && err != nil && again(err); n++ {
		err = run()
	}
	return err
}

// guard runs a function of the caller. A panic in it is its own failure.
func (s *Store) guard(what string, f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.opts.Logger.Error("Panic in transaction", "while", what, "panic", r)
			err = fmt.Errorf("panic while %s: %v", what, r)
		}
	}()
	f()
	return nil
}

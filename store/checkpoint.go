package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// SQLite's own checkpoints run within a commit, every 1000 pages: those that wait for that commit wait for the disk twice.
// So they are run beside the writer, by a connection of their own.
const (
	checkpointEvery = 200 * time.Millisecond // while something is committed
	// walPages is the size of the write-ahead log, 32 MiB, at which the writer waits for a checkpoint: under constant load one
	// beside it never quite catches up, and the log would grow for ever.
	walPages = 8192
)

// openCheckpointer opens the connection that checkpoints.
func openCheckpointer(ctx context.Context, path string) (*sql.DB, error) {
	name, err := dsn(path, nil)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening it for checkpoints: %w", err), db.Close())
	}
	return db, nil
}

// checkpoints moves what was committed from the write-ahead log to the database, until the store is closed.
func (s *Store) checkpoints(ctx context.Context) {
	timer := time.NewTimer(0)
	<-timer.C
	for {
		select {
		case <-s.committed:
		case <-s.closing:
			return
		}
		pages, err := checkpoint(ctx, s.checkpointer)
		if err != nil {
			s.opts.Logger.Warn("Checkpoint failed, will retry", "err", err)
		}
		s.walPages.Store(pages)
		timer.Reset(checkpointEvery)
		select {
		case <-timer.C:
		case <-s.closing:
			return
		}
	}
}

// boundLog is called by the writer between transactions.
func (s *Store) boundLog(ctx context.Context) {
	if s.walPages.Load() < walPages {
		return
	}
	s.walPages.Store(0)
	if _, err := checkpoint(ctx, s.db); err != nil {
		s.opts.Logger.Warn("Checkpoint failed, will retry", "err", err)
	}
}

// checkpoint moves all that it can without waiting for anybody, and returns the length of the log.
func checkpoint(ctx context.Context, db *sql.DB) (pages int64, err error) {
	var busy, moved int64
	err = db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &pages, &moved)
	return pages, err
}

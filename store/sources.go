package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/alertscribe/alertscribe/detect"
)

// The statements of sources of points.
const (
	selectSource       = `SELECT seq, position FROM sources WHERE source = ? AND part = ?`
	insertSource       = `INSERT INTO sources (source, part, seq, position) VALUES (?, ?, ?, ?) ON CONFLICT (source, part) DO NOTHING`
	updateSource       = `UPDATE sources SET seq = ?, position = ? WHERE source = ? AND part = ? AND seq = ?`
	selectJournal      = `SELECT seq, entry FROM source_journal WHERE source = ? AND part = ? ORDER BY seq`
	insertJournal      = `INSERT INTO source_journal (source, part, seq, entry) VALUES (?, ?, ?, ?)`
	truncateJournal    = `DELETE FROM source_journal WHERE source = ? AND part = ? AND seq < ?`
	selectSourceSeries = `SELECT rule, series, state FROM source_series WHERE source = ? AND part = ?`
	upsertSourceSeries = `INSERT INTO source_series (source, part, rule, series, state) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (source, part, rule, series) DO UPDATE SET state = excluded.state`
	deleteSourceSeries = `DELETE FROM source_series WHERE source = ? AND part = ? AND rule = ? AND series = ?`
	insertSourceEvent  = `INSERT INTO source_events (source, part, id, body) VALUES (?, ?, ?, ?)`
	selectSourceEvents = `SELECT seq, id, body FROM source_events WHERE source = ? AND part = ? ORDER BY seq LIMIT 100`
	deleteSourceEvents = `DELETE FROM source_events WHERE source = ? AND part = ? AND seq <= ?`
)

// LoadPart returns how far a part of a source was taken: the newest entry of its journal and where reading goes on. A seq of 0
// says that nothing was stored of it.
func (s *Store) LoadPart(ctx context.Context, p detect.Part) (seq, position int64, err error) {
	err = s.readDB.QueryRowContext(ctx, selectSource, p.Source, p.Number).Scan(&seq, &position)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, 0, fmt.Errorf("reading how far source %s was read: %w", p.Source, err)
	}
	return seq, position, nil
}

// EachSeries calls f with what was saved of each series of a part; it ends with the first error of f.
func (s *Store) EachSeries(ctx context.Context, p detect.Part, f func(detect.SavedSeries) error) error {
	rows, err := s.readDB.QueryContext(ctx, selectSourceSeries, p.Source, p.Number)
	if err != nil {
		return fmt.Errorf("reading the series of source %s: %w", p.Source, err)
	}
	return eachRow(rows, func() error {
		var x detect.SavedSeries
		if err := rows.Scan(&x.Rule, &x.Series, &x.State); err != nil {
			return fmt.Errorf("reading the series of source %s: %w", p.Source, err)
		}
		return f(x)
	})
}

// EachEntry calls f with each entry of the journal of a part, the oldest first; it ends with the first error of f.
func (s *Store) EachEntry(ctx context.Context, p detect.Part, f func(seq int64, entry []byte) error) error {
	rows, err := s.readDB.QueryContext(ctx, selectJournal, p.Source, p.Number)
	if err != nil {
		return fmt.Errorf("reading the journal of source %s: %w", p.Source, err)
	}
	return eachRow(rows, func() error {
		var seq int64
		var entry []byte
		if err := rows.Scan(&seq, &entry); err != nil {
			return fmt.Errorf("reading the journal of source %s: %w", p.Source, err)
		}
		return f(seq, entry)
	})
}

func eachRow(rows *sql.Rows, f func() error) error {
	defer rows.Close()
	for rows.Next() {
		if err := f(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// SavePart stores what was taken of a part: all of it or, with an error, nothing. The error is detect.ErrMoved where Commit.Seq does
// not follow what is stored.
func (s *Store) SavePart(ctx context.Context, p detect.Part, c detect.Commit) error {
	return s.do(ctx, func(ctx context.Context, b *batch) error {
		query, args := updateSource, []any{c.Seq, c.Position, p.Source, p.Number, c.Seq - 1}
		if c.Seq == 1 {
			query, args = insertSource, []any{p.Source, p.Number, c.Seq, c.Position}
		}
		changed, err := b.execCount(ctx, query, args...)
		if err == nil && changed == 0 {
			return refusal{detect.ErrMoved}
		}
		if err == nil && len(c.Entry) > 0 {
			err = b.exec(ctx, insertJournal, p.Source, p.Number, c.Seq, c.Entry)
		}
		if err == nil && c.Keep > 1 {
			err = b.exec(ctx, truncateJournal, p.Source, p.Number, c.Keep)
		}
		if err == nil {
			err = b.savePartRows(ctx, p, c)
		}
		if err != nil {
			return fmt.Errorf("saving points of source %s: %w", p.Source, err)
		}
		return nil
	})
}

func (b *batch) savePartRows(ctx context.Context, p detect.Part, c detect.Commit) error {
	for _, x := range c.Series {
		query, args := upsertSourceSeries, []any{p.Source, p.Number, x.Rule, x.Series, x.State}
		if x.State == nil {
			query, args = deleteSourceSeries, []any{p.Source, p.Number, x.Rule, x.Series}
		}
		if err := b.exec(ctx, query, args...); err != nil {
			return err
		}
	}
	for _, e := range c.Events {
		if err := b.exec(ctx, insertSourceEvent, p.Source, p.Number, e.ID, e.Body); err != nil {
			return err
		}
	}
	return nil
}

// Events returns the oldest events of a part that are to be published, a hundred at most.
func (s *Store) Events(ctx context.Context, p detect.Part) ([]detect.Event, error) {
	rows, err := s.readDB.QueryContext(ctx, selectSourceEvents, p.Source, p.Number)
	if err != nil {
		return nil, fmt.Errorf("reading the events of source %s: %w", p.Source, err)
	}
	found, err := scanAll(rows, func(e *detect.Event) []any { return []any{&e.Seq, &e.ID, &e.Body} })
	if err != nil {
		return nil, fmt.Errorf("reading the events of source %s: %w", p.Source, err)
	}
	return found, nil
}

// DeleteEvents forgets the events of a part up to one, which were published.
func (s *Store) DeleteEvents(ctx context.Context, p detect.Part, upTo int64) error {
	return s.do(ctx, func(ctx context.Context, b *batch) error {
		if err := b.exec(ctx, deleteSourceEvents, p.Source, p.Number, upTo); err != nil {
			return fmt.Errorf("deleting published events of source %s: %w", p.Source, err)
		}
		return nil
	})
}

package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/alertscribe/alertscribe/detect"
)

// LoadPart returns how far a part of a source was taken: the newest entry of its journal and where reading goes on. A seq of 0
// says that nothing was stored of it.
func (s *Store) LoadPart(ctx context.Context, p detect.Part) (seq, position int64, err error) {
	ctx, cancel := s.within(ctx)
	defer cancel()
	err = s.pool.QueryRow(ctx, `SELECT seq, position FROM sources WHERE source = $1 AND part = $2`, column(p.Source), p.Number).Scan(&seq, &position)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return 0, 0, s.failed(fmt.Errorf("reading how far source %s was read: %w", p.Source, err))
	}
	return seq, position, nil
}

// EachSeries calls f with what was saved of each series of a part; it ends with the first error of f.
func (s *Store) EachSeries(ctx context.Context, p detect.Part, f func(detect.SavedSeries) error) error {
	return s.eachRow(ctx, "reading the series of source "+p.Source, `SELECT rule, series, state FROM source_series WHERE source = $1 AND part = $2`, p,
		func(rows pgx.Rows) error {
			var x detect.SavedSeries
			if err := rows.Scan(&x.Rule, &x.Series, &x.State); err != nil {
				return err
			}
			return f(x)
		})
}

// EachEntry calls f with each entry of the journal of a part, the oldest first; it ends with the first error of f.
func (s *Store) EachEntry(ctx context.Context, p detect.Part, f func(seq int64, entry []byte) error) error {
	return s.eachRow(ctx, "reading the journal of source "+p.Source, `SELECT seq, entry FROM source_journal WHERE source = $1 AND part = $2 ORDER BY seq`, p,
		func(rows pgx.Rows) error {
			var seq int64
			var entry []byte
			if err := rows.Scan(&seq, &entry); err != nil {
				return err
			}
			return f(seq, entry)
		})
}

// eachRow calls f with each row about a part. It has no bound in time but that of ctx: a part can be large.
func (s *Store) eachRow(ctx context.Context, what, query string, p detect.Part, f func(pgx.Rows) error) error {
	rows, err := s.pool.Query(ctx, query, column(p.Source), p.Number)
	if err != nil {
		return s.failed(fmt.Errorf("%s: %w", what, err))
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	if err := rows.Err(); err != nil {
		return s.failed(fmt.Errorf("%s: %w", what, err))
	}
	return nil
}

// SavePart stores what was taken of a part: all of it or, with an error, nothing. The error is detect.ErrMoved where Commit.Seq does
// not follow what is stored.
func (s *Store) SavePart(ctx context.Context, p detect.Part, c detect.Commit) error {
	source := column(p.Source)
	err := retried(func() error {
		return s.transact(ctx, func(ctx context.Context, tx pgx.Tx) error {
			query := `UPDATE sources SET seq = $3, position = $4 WHERE source = $1 AND part = $2 AND seq = $3 - 1`
			if c.Seq == 1 {
				query = `INSERT INTO sources (source, part, seq, position) VALUES ($1, $2, $3, $4) ON CONFLICT (source, part) DO NOTHING`
			}
			tag, err := tx.Exec(ctx, query, source, p.Number, c.Seq, c.Position)
			if err != nil {
				return err
			}
			if tag.RowsAffected() == 0 {
				return detect.ErrMoved
			}
			b := &pgx.Batch{}
			if len(c.Entry) > 0 {
				b.Queue(`INSERT INTO source_journal (source, part, seq, entry) VALUES ($1, $2, $3, $4)`, source, p.Number, c.Seq, c.Entry)
			}
			if c.Keep > 1 {
				b.Queue(`DELETE FROM source_journal WHERE source = $1 AND part = $2 AND seq < $3`, source, p.Number, c.Keep)
			}
			for _, x := range c.Series {
				if x.State == nil {
					b.Queue(`DELETE FROM source_series WHERE source = $1 AND part = $2 AND rule = $3 AND series = $4`, source, p.Number, column(x.Rule), column(x.Series))
				} else {
					b.Queue(`INSERT INTO source_series (source, part, rule, series, state) VALUES ($1, $2, $3, $4, $5)
						ON CONFLICT (source, part, rule, series) DO UPDATE SET state = excluded.state`, source, p.Number, column(x.Rule), column(x.Series), x.State)
				}
			}
			for _, e := range c.Events {
				body := e.Body
				if body == nil {
					body = []byte{}
				}
				b.Queue(`INSERT INTO source_events (source, part, id, body) VALUES ($1, $2, $3, $4)`, source, p.Number, column(e.ID), body)
			}
			return tx.SendBatch(ctx, b).Close()
		})
	})
	if err != nil {
		return fmt.Errorf("saving points of source %s: %w", p.Source, err)
	}
	return nil
}

// Events returns the oldest events of a part that are to be published, a hundred at most.
func (s *Store) Events(ctx context.Context, p detect.Part) ([]detect.Event, error) {
	return collect[detect.Event](ctx, s, "reading the events of source "+p.Source,
		`SELECT seq, id, body FROM source_events WHERE source = $1 AND part = $2 ORDER BY seq LIMIT 100`, column(p.Source), p.Number)
}

// DeleteEvents forgets the events of a part up to one, which were published.
func (s *Store) DeleteEvents(ctx context.Context, p detect.Part, upTo int64) error {
	if _, err := s.exec(ctx, `DELETE FROM source_events WHERE source = $1 AND part = $2 AND seq <= $3`, column(p.Source), p.Number, upTo); err != nil {
		return fmt.Errorf("deleting published events of source %s: %w", p.Source, err)
	}
	return nil
}

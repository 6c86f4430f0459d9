package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// The statements about channels and deliveries. They are run where a message is sent, which takes longer than preparing them.
const (
	insertChannel  = `INSERT INTO channels (name, since) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`
	selectChannels = `SELECT name, since FROM channels`
	upsertDelivery = `INSERT INTO deliveries (seq, channel, open, kept, doc)
		SELECT seq, ?, ?, ?, ? FROM incidents WHERE id = ?
		ON CONFLICT (seq, channel) DO UPDATE SET open = excluded.open, kept = excluded.kept, doc = excluded.doc`
	deliveryColumns  = `SELECT i.id, d.channel, d.open, d.kept, d.doc FROM deliveries d JOIN incidents i ON i.seq = d.seq WHERE `
	selectDeliveries = deliveryColumns + `i.id = ?`
	selectKept       = deliveryColumns + `d.channel = ? AND d.kept = 1`
	// selectToTell lists the incidents that somebody may have to be told of, the newest last.
	selectToTell = `SELECT id FROM incidents WHERE seq IN (
		SELECT seq FROM incidents WHERE firing = 1
		UNION SELECT seq FROM incidents WHERE firing = 0 AND opened_at > ?
		UNION SELECT seq FROM deliveries WHERE open = 1) ORDER BY seq`
)

// Peek returns an incident without its findings, as it was committed last; [incident.ErrNotFound] when there is none. It may
// be shared: nobody may change it.
func (s *Store) Peek(ctx context.Context, id string) (*incident.Incident, error) {
	r, err := s.peek(ctx, id)
	if err != nil {
		return nil, err
	}
	return r.inc, nil
}

// EnterChannels enters the channels that are not known yet, as of now, and returns since when each is.
func (s *Store) EnterChannels(ctx context.Context, names []string) (map[string]time.Time, error) {
	err := s.do(ctx, func(ctx context.Context, b *batch) error {
		for _, name := range names {
			if _, err := b.tx.ExecContext(ctx, insertChannel, name, micros(s.opts.Now())); err != nil {
				return fmt.Errorf("entering channel %s: %w", name, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	type row struct {
		name  string
		since int64
	}
	rows, err := s.readDB.QueryContext(ctx, selectChannels)
	if err != nil {
		return nil, fmt.Errorf("listing channels: %w", err)
	}
	found, err := scanAll(rows, func(r *row) []any { return []any{&r.name, &r.since} })
	if err != nil {
		return nil, fmt.Errorf("listing channels: %w", err)
	}
	since := make(map[string]time.Time, len(found))
	for _, r := range found {
		since[r.name] = fromMicros(r.since)
	}
	return since, nil
}

// SaveDeliveries makes deliveries durable before it returns nil.
func (s *Store) SaveDeliveries(ctx context.Context, deliveries ...incident.Delivery) error {
	docs := make([]string, len(deliveries))
	for i, d := range deliveries {
		doc, err := json.Marshal(d)
		if err != nil {
			return fmt.Errorf("encoding a delivery: %w", err)
		}
		docs[i] = string(doc)
	}
	return s.do(ctx, func(ctx context.Context, b *batch) error {
		if err := b.flush(ctx); err != nil { // the incident may have been opened in this batch
			return err
		}
		for i, d := range deliveries {
			if _, err := b.tx.ExecContext(ctx, upsertDelivery, d.Channel, d.Open, d.Kept, docs[i], d.Incident); err != nil {
				return fmt.Errorf("storing what %s was told of incident %s: %w", d.Channel, d.Incident, err)
			}
		}
		return nil
	})
}

// Deliveries returns what channels were told of an incident.
func (s *Store) Deliveries(ctx context.Context, id string) ([]incident.Delivery, error) {
	return s.deliveries(ctx, selectDeliveries, id)
}

// KeptDeliveries returns what a channel has to be told again.
func (s *Store) KeptDeliveries(ctx context.Context, channel string) ([]incident.Delivery, error) {
	return s.deliveries(ctx, selectKept, channel)
}

func (s *Store) deliveries(ctx context.Context, query string, arg any) ([]incident.Delivery, error) {
	type row struct {
		incident.Delivery
		doc []byte
	}
	rows, err := s.readDB.QueryContext(ctx, query, arg)
	if err != nil {
		return nil, fmt.Errorf("listing deliveries: %w", err)
	}
	found, err := scanAll(rows, func(r *row) []any { return []any{&r.Incident, &r.Channel, &r.Open, &r.Kept, &r.doc} })
	if err != nil {
		return nil, fmt.Errorf("listing deliveries: %w", err)
	}
	list := make([]incident.Delivery, len(found))
	for i, r := range found {
		if err := json.Unmarshal(r.doc, &r.Delivery); err != nil {
			return nil, fmt.Errorf("reading a delivery of incident %s: %w", r.Incident, err)
		}
		list[i] = r.Delivery
	}
	return list, nil
}

// ToTell returns the ids of the incidents that channels may have to be told of: those that fire, those that opened after a
// time, and those with an open delivery.
func (s *Store) ToTell(ctx context.Context, since time.Time) ([]string, error) {
	rows, err := s.readDB.QueryContext(ctx, selectToTell, micros(since))
	if err != nil {
		return nil, fmt.Errorf("listing incidents to tell: %w", err)
	}
	ids, err := scanAll(rows, func(id *string) []any { return []any{id} })
	if err != nil {
		return nil, fmt.Errorf("listing incidents to tell: %w", err)
	}
	return ids, nil
}

package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/alertscribe/alertscribe/incident"
)

// EnterChannels enters the channels that are not known yet, as of now, and returns since when each is.
func (s *Store) EnterChannels(ctx context.Context, names []string) (map[string]time.Time, error) {
	clean := make([]string, len(names))
	for i, name := range names {
		clean[i] = column(name)
	}
	_, err := s.exec(ctx, `INSERT INTO channels (name, since) SELECT name, `+at(2)+` FROM unnest($1::text[]) AS names (name) ORDER BY name
		ON CONFLICT (name) DO NOTHING`, clean, s.clock())
	if err != nil {
		return nil, fmt.Errorf("entering channels: %w", err)
	}
	type row struct {
		Name  string
		Since int64
	}
	found, err := collect[row](ctx, s, "listing channels", `SELECT name, since FROM channels`)
	if err != nil {
		return nil, err
	}
	since := make(map[string]time.Time, len(found))
	for _, r := range found {
		since[r.Name] = fromMicros(r.Since)
	}
	return since, nil
}

// SaveDeliveries makes deliveries durable before it returns nil. Under the context of a lost [Store.Lead] it refuses.
func (s *Store) SaveDeliveries(ctx context.Context, deliveries ...incident.Delivery) error {
	b := &pgx.Batch{}
	for _, d := range deliveries {
		doc, err := json.Marshal(d)
		if err != nil {
			return fmt.Errorf("encoding a delivery: %w", err)
		}
		b.Queue(`INSERT INTO deliveries (seq, channel, open, kept, doc) SELECT seq, $1, $2, $3, $4 FROM incidents WHERE id = $5
			ON CONFLICT (seq, channel) DO UPDATE SET open = excluded.open, kept = excluded.kept, doc = excluded.doc`,
			column(d.Channel), d.Open, d.Kept, string(doc), valid(d.Incident))
	}
	err := retried(func() error {
		return s.transact(ctx, func(ctx context.Context, tx pgx.Tx) error {
			if err := stillLeads(ctx, tx); err != nil {
				return err
			}
			return tx.SendBatch(ctx, b).Close()
		})
	})
	if err != nil {
		return fmt.Errorf("storing what channels were told: %w", err)
	}
	return nil
}

// Deliveries returns what channels were told of an incident.
func (s *Store) Deliveries(ctx context.Context, id string) ([]incident.Delivery, error) {
	return s.deliveries(ctx, `i.id = $1`, valid(id))
}

// KeptDeliveries returns what a channel has to be told again.
func (s *Store) KeptDeliveries(ctx context.Context, channel string) ([]incident.Delivery, error) {
	return s.deliveries(ctx, `d.channel = $1 AND d.kept`, column(channel))
}

func (s *Store) deliveries(ctx context.Context, condition string, arg any) ([]incident.Delivery, error) {
	type row struct {
		Incident, Channel string
		Open, Kept        bool
		Doc               []byte
	}
	found, err := collect[row](ctx, s, "listing deliveries",
		`SELECT i.id, d.channel, d.open, d.kept, d.doc FROM deliveries d JOIN incidents i ON i.seq = d.seq WHERE `+condition, arg)
	if err != nil {
		return nil, err
	}
	list := make([]incident.Delivery, len(found))
	for i, r := range found {
		list[i] = incident.Delivery{Incident: r.Incident, Channel: r.Channel, Open: r.Open, Kept: r.Kept}
		if err := json.Unmarshal(r.Doc, &list[i]); err != nil {
			return nil, fmt.Errorf("reading a delivery of incident %s: %w", r.Incident, err)
		}
	}
	return list, nil
}

// ToTell returns the ids of the incidents that channels may have to be told of: those that fire, those that opened after a
// time, and those with an open delivery.
func (s *Store) ToTell(ctx context.Context, since time.Time) ([]string, error) {
	type row struct {
		ID  string
		Seq int64
	}
	found, err := collect[row](ctx, s, "listing incidents to tell", `SELECT id, seq FROM incidents WHERE status = 'firing'
		UNION SELECT id, seq FROM incidents WHERE opened_at > $1
		UNION SELECT id, seq FROM incidents WHERE seq IN (SELECT seq FROM deliveries WHERE open) ORDER BY seq`, micros(since))
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(found))
	for i, r := range found {
		ids[i] = r.ID
	}
	return ids, nil
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store"
	"github.com/alertscribe/alertscribe/store/feed"
	"github.com/alertscribe/alertscribe/store/layout"
)

// Options of a Store.
type Options struct {
	URL        string                // postgres://user:password@host/database, required
	Policy     *incident.Policy      // for folding and for the order of severities; default incident.DefaultPolicy
	Lease      time.Duration         // how long a claim lasts without being renewed; default 30 s
	Retention  time.Duration         // how long notifications are kept; default 30 days
	Timeout    time.Duration         // of a transaction; default 10 s
	Logger     *slog.Logger          // default: discards
	Registerer prometheus.Registerer // default: none
	Now        func() time.Time      // default the clock of the database, and for what is received that of the machine
}

// dutyLease is how long a copy has a duty without renewing it.
const dutyLease = 20 * time.Second

func (o *Options) setDefaults() error {
	if o.URL == "" {
		return errors.New("store/postgres: Options.URL is required")
	}
	if o.Policy == nil {
		o.Policy = incident.DefaultPolicy()
	}
	for d, value := range map[*time.Duration]time.Duration{
		&o.Lease: 30 * time.Second, &o.Retention: 30 * 24 * time.Hour, &o.Timeout: 10 * time.Second,
	} {
		if *d <= 0 {
			*d = value
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Store is an open database. Its methods may be called from many goroutines at once, and by many copies on one database.
type Store struct {
	opts    Options
	policy  atomic.Pointer[incident.Policy]
	copy    string // names this copy among those of the database
	pool    *pgxpool.Pool
	listen  *pgx.ConnConfig
	primary *primary
	outage  *outage
	reset   atomic.Int64 // when slow connections were dropped last, in nanoseconds
	metrics *store.Metrics
	due     map[incident.Work]chan struct{}
	ranks   []int32 // that rows of work may have, in order
	feed    *feed.Feed
	recent  *cache

	accepting  atomic.Int64 // notifications that are being accepted
	lastAccept atomic.Int64 // when the last one was, in nanoseconds
	accepts    chan *accepting
	alone      chan struct{} // places of notifications of large groups

	closing chan struct{} // closed to stop what runs beside
	stopped chan struct{} // closed when the last notification is answered
	beside  sync.WaitGroup
	close   func() error
}

// Open connects, brings the schema up to date, and ranks severities anew. The error says what to do where the user can do
// something, and never has the password.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	s := &Store{
		opts: o, copy: incident.NewID()[:8], metrics: store.NewMetrics(o.Registerer), due: map[incident.Work]chan struct{}{}, feed: feed.New(),
		primary: &primary{log: o.Logger}, outage: &outage{log: o.Logger},
		recent:  &cache{records: layout.NewRecent[string, *record](cacheBytes), large: map[[16]byte]bool{}},
		accepts: make(chan *accepting, queueSize), alone: make(chan struct{}, 2), closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	s.policy.Store(o.Policy)
	s.close = sync.OnceValue(s.shut)
	for _, w := range incident.Works() {
		s.due[w] = make(chan struct{}, 1)
	}
	for rank := range len(o.Policy.Severities) + 1 {
		s.ranks = append(s.ranks, int32(rank)) //nolint:gosec // a handful
	}
	for _, rank := range s.ranks {
		s.ranks = append(s.ranks, rank+laterRank)
	}
	if err := s.open(ctx); err != nil {
		if s.pool != nil {
			s.pool.Close()
		}
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	listening := make(chan struct{})
	s.beside.Go(func() { s.follow(running, listening) })
	s.beside.Go(func() { s.clean(running) })
	s.beside.Go(func() {
		<-s.closing
		stop()
	})
	go s.write(context.WithoutCancel(ctx))
	select {
	case <-listening: // so that subscribers miss nothing from now on
	case <-ctx.Done():
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	config, err := s.config()
	if err != nil {
		return err
	}
	s.listen = config.ConnConfig.Copy()
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	if err := s.check(ctx); err != nil {
		return fmt.Errorf("opening the database %s: %w", Name(s.opts.URL), err)
	}
	if err := migrate(ctx, config.ConnConfig, s.opts.Logger); err != nil {
		return fmt.Errorf("opening the database %s: %w", Name(s.opts.URL), err)
	}
	if err := s.rank(ctx); err != nil {
		return fmt.Errorf("opening the database %s: ranking severities: %w", Name(s.opts.URL), err)
	}
	return nil
}

// Close stores what has queued up and closes the connections. It may be called twice.
func (s *Store) Close() error { return s.close() }

func (s *Store) shut() error {
	close(s.closing)
	<-s.stopped
	s.beside.Wait()
	s.feed.Close()
	s.pool.Close()
	return nil
}

// Due returns a channel that wakes after a commit, of any copy, that made such work due or schedules it. It holds one wake-up:
// whoever receives it looks at all that is due.
func (s *Store) Due(work incident.Work) <-chan struct{} { return s.due[work] }

func (s *Store) wake(work incident.Work) {
	due, known := s.due[work]
	if !known {
		return // of a newer copy
	}
	select {
	case due <- struct{}{}:
	default:
	}
}

// Subscribe returns a channel of what is committed from now on by any copy, as [feed.Feed.Subscribe] says.
func (s *Store) Subscribe(ctx context.Context) <-chan incident.Change { return s.feed.Subscribe(ctx) }

// Ping reports whether the database can be written, by writing to it.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.exec(ctx, `UPDATE heartbeat SET beat_at = `+at(1)+` WHERE id = 1`, s.clock())
	return err
}

// at is the SQL of a time: the parameter, or the clock of the database where that is NULL, see clock.
func at(parameter int) string {
	return fmt.Sprintf(`coalesce($%d::bigint, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)`, parameter)
}

// clock returns the parameter of at: nil, or the time of a clock that tests move.
func (s *Store) clock() *int64 {
	if s.opts.Now == nil {
		return nil
	}
	us := micros(s.opts.Now())
	return &us
}

// now is when something was received.
func (s *Store) now() time.Time {
	if s.opts.Now != nil {
		return s.opts.Now()
	}
	return time.Now()
}

// micros returns a time as it is stored, 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

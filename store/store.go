package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/feed"
)

var (
	// ErrBusy says that more notifications are waiting to be stored than the queue holds.
	ErrBusy = errors.New("too many notifications queued")
	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("store is closed")
)

// Options of a Store.
type Options struct {
	Path       string                // the SQLite file, required; its directory is made when it is missing
	Policy     *incident.Policy      // for folding and for the order of severities; default incident.DefaultPolicy
	Lease      time.Duration         // how long a claim lasts without being renewed; default 30 s
	Retention  time.Duration         // how long notifications are kept; default 30 days
	Logger     *slog.Logger          // default: discards
	Registerer prometheus.Registerer // default: none
	Now        func() time.Time      // default time.Now
}

func (o *Options) setDefaults() error {
	if o.Path == "" {
		return errors.New("store: Options.Path is required")
	}
	if o.Policy == nil {
		o.Policy = incident.DefaultPolicy()
	}
	if o.Lease <= 0 {
		o.Lease = 30 * time.Second
	}
	if o.Retention <= 0 {
		o.Retention = 30 * 24 * time.Hour
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return nil
}

// Store is the open database. Its methods may be called from many goroutines at once.
type Store struct {
	opts         Options
	policy       atomic.Pointer[incident.Policy]
	lock         *lock
	db           *sql.DB // one connection: all writing
	readDB       *sql.DB // read-only connections
	checkpointer *sql.DB
	stmts        map[string]*sql.Stmt // of db
	readStmts    map[string]*sql.Stmt // of readDB
	metrics      *Metrics
	due          map[incident.Work]chan struct{}
	recent       *cache
	locks        locks
	lists        lists
	feed         *feed.Feed

	accepting  atomic.Int64 // notifications that are being accepted
	lastAccept atomic.Int64 // when the last one was, in nanoseconds

	accepts   chan *op      // notifications that wait for the writer
	results   chan *op      // all other operations that do
	committed chan struct{} // something was
	walPages  atomic.Int64  // the length of the write-ahead log at the last checkpoint
	closing   chan struct{} // closed to stop the writer
	stopped   chan struct{} // closed when it has
	close     func() error
	cleaner   sync.WaitGroup

	// What follows belongs to the writer.
	scopes map[string]*nearby
	ranks  ranks
}

// Open opens the database and makes it ready: it is locked against other processes, brought to the present schema, and
// freed of the leases of a process that died. The error says what to do where the user can do something.
func Open(ctx context.Context, opts Options) (*Store, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, err
	}
	s := &Store{
		opts: opts, metrics: NewMetrics(opts.Registerer), due: map[incident.Work]chan struct{}{}, recent: newCache(),
		locks: locks{seed: maphash.MakeSeed()}, feed: feed.New(), scopes: map[string]*nearby{}, ranks: ranks{},
		accepts: make(chan *op, queueSize), results: make(chan *op, queueSize),
		committed: make(chan struct{}, 1), closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	s.policy.Store(opts.Policy)
	s.close = sync.OnceValue(s.shut)
	for _, w := range incident.Works() {
		s.due[w] = make(chan struct{}, 1)
	}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the database %s: %w", opts.Path, damaged(err)), s.release())
	}
	go s.write(context.WithoutCancel(ctx))
	s.cleaner.Go(s.clean)
	s.cleaner.Go(func() { s.backfillSearch(context.WithoutCancel(ctx)) })
	s.cleaner.Go(func() { s.checkpoints(context.WithoutCancel(ctx)) })
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	var err error
	if s.lock, err = lockDatabase(ctx, s.opts.Path); err != nil {
		return err
	}
	if s.db, err = openWriter(ctx, s.opts.Path); err != nil {
		return err
	}
	if err := migrate(ctx, s.db, s.opts.Logger); err != nil {
		return err
	}
	if err := s.recover(ctx); err != nil {
		return err
	}
	if s.stmts, err = prepare(ctx, s.db, writerQueries); err != nil {
		return err
	}
	if s.readDB, err = openReader(ctx, s.opts.Path); err != nil {
		return err
	}
	if s.readStmts, err = prepare(ctx, s.readDB, readerQueries); err != nil {
		return err
	}
	if err := s.loadLists(ctx); err != nil {
		return err
	}
	s.checkpointer, err = openCheckpointer(ctx, s.opts.Path)
	return err
}

// SetPolicy has notifications folded by other rules from now on. The order of severities stays that of Open, by which rows
// are sorted.
func (s *Store) SetPolicy(p *incident.Policy) {
	next := *p
	next.Severities = s.opts.Policy.Severities
	s.policy.Store(&next)
}

// Close stores what has queued up and closes the database. It may be called twice.
func (s *Store) Close() error { return s.close() }

func (s *Store) shut() error {
	close(s.closing)
	<-s.stopped
	s.cleaner.Wait()
	s.feed.Close()
	return s.release()
}

// release gives back what open has got hold of.
func (s *Store) release() error {
	var errs []error
	for _, stmts := range []map[string]*sql.Stmt{s.stmts, s.readStmts} {
		for _, stmt := range stmts {
			errs = append(errs, stmt.Close())
		}
	}
	for _, db := range []*sql.DB{s.readDB, s.checkpointer, s.db} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.lock != nil {
		errs = append(errs, s.lock.release())
	}
	return errors.Join(errs...)
}

// Due returns a channel that wakes after a commit that made such work due or schedules it. It holds one wake-up:
// whoever receives it looks at all that is due.
func (s *Store) Due(work incident.Work) <-chan struct{} { return s.due[work] }

func (s *Store) wake(work incident.Work) {
	select {
	case s.due[work] <- struct{}{}:
	default:
	}
}

// Ping reports whether the database can be written, by writing to it.
func (s *Store) Ping(ctx context.Context) error {
	return s.do(ctx, func(ctx context.Context, b *batch) error {
		return b.exec(ctx, updateHeartbeat, micros(s.opts.Now()))
	})
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

// Subscribe returns a channel of what is committed from now on, as [feed.Feed.Subscribe] says.
func (s *Store) Subscribe(ctx context.Context) <-chan incident.Change { return s.feed.Subscribe(ctx) }

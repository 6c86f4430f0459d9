package postgres

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/alertscribe/alertscribe/store"
)

// trouble is the error of notifications that were not stored for a reason that lasts until somebody, or a failover, ends it.
type trouble struct {
	error

	reason string // for whoever has sent them: short, with nothing of the server's own words
	remedy string // for whoever runs the database
}

func (t *trouble) Unwrap() error { return t.error }

// Reason says in a few words why notifications are not stored. It may be shown to strangers.
func (t *trouble) Reason() string { return t.reason }

// A troubleKind is told by the beginnings of SQLSTATEs.
type troubleKind struct{ codes, reason, remedy string }

var (
	full        = troubleKind{"53100", "the disk of the database is full", "make room on it, and start the server if it has ended; all goes on by itself then"}
	exhausted   = troubleKind{"53300", "the database has no connection left", "raise max_connections, or lower pool_max_conns in the URL"}
	short       = troubleKind{"53", "the database is short of memory or room", "see its log"}
	readOnlyNow = troubleKind{"25006", "the database takes no writes", "make it the primary, or name all servers in the URL"}
	slow        = troubleKind{"57014 25P03", "the database does not answer in time", "see its log, and whether its standby follows; all goes on by itself when it answers"}
	broken      = troubleKind{"58 F0 XX", "the database fails", "see its log"}
	away        = troubleKind{"08 57", "the database can't be reached", "start it, or name all servers in the URL; all goes on by itself when it is back"}
	unconfirmed = troubleKind{"", "the standby of the database has not confirmed", "bring it back, or take it out of synchronous_standby_names"}
)

// troubleOf returns an error as trouble where it is of a known kind, and nil where it is not.
func troubleOf(err error) *trouble {
	if errors.Is(err, store.ErrClosed) || errors.Is(err, context.Canceled) {
		return nil
	}
	of := func(k troubleKind) *trouble { return &trouble{err, k.reason, k.remedy} }
	if bad, ok := errors.AsType[*pgconn.PgError](err); ok {
		for _, k := range []troubleKind{full, exhausted, short, readOnlyNow, slow, broken, away} { // the first one that fits
			for code := range strings.FieldsSeq(k.codes) {
				if strings.HasPrefix(bad.Code, code) {
					return of(k)
				}
			}
		}
		return nil
	}
	switch {
	case errors.Is(err, errReadOnly):
		return of(readOnlyNow)
	case errors.Is(err, errUnreplicated):
		return of(unconfirmed)
	case errors.Is(err, context.DeadlineExceeded):
		return of(slow)
	case gone(err):
		return of(away)
	}
	return nil
}

// calmFor is how long nothing must fail until trouble is over: on a full disk some of what is stored still finds a place.
const calmFor = 10 * time.Second

// outage tells of trouble once, and of its end.
type outage struct {
	log *slog.Logger

	mu            sync.Mutex
	told          map[string]bool // reasons; none while there is no trouble
	since, failed time.Time
}

// begins takes an error, and returns what its notifications are answered with.
func (o *outage) begins(err error) error {
	t := troubleOf(err)
	if t == nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failed = time.Now()
	if len(o.told) == 0 {
		o.since, o.told = o.failed, map[string]bool{}
	}
	if !o.told[t.reason] {
		o.told[t.reason] = true
		o.log.Error("Notifications are not stored, they are answered 503 and sent again", "reason", t.reason, "remedy", t.remedy, "err", err)
	}
	return t
}

// stored takes notice that notifications were stored.
func (o *outage) stored() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.told) == 0 || time.Since(o.failed) < calmFor {
		return
	}
	o.log.Info("Notifications are stored again", "duration", o.failed.Sub(o.since).Round(time.Second))
	o.told = nil
}

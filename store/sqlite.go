package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"path/filepath"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite" // the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

//go:embed migrations/*.sql
var migrations embed.FS

// readers is the number of connections that serve pages.
const readers = 4

// pragmas of every connection. They are in its DSN, so that one that is opened anew has them too.
var pragmas = url.Values{"_pragma": {
	"busy_timeout(5000)", "foreign_keys(1)",
	"fullfsync(1)", "checkpoint_fullfsync(1)", // macOS, where fsync alone is not enough
}}

// dsn returns the data source name of a database file with more parameters.
func dsn(path string, more url.Values) (string, error) {
	params := url.Values{}
	for _, values := range []url.Values{pragmas, more} {
		for k, v := range values {
			params[k] = append(params[k], v...)
		}
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: params.Encode()}
	return u.String(), nil
}

// openWriter opens the one connection that writes.
func openWriter(ctx context.Context, path string) (*sql.DB, error) {
	name, err := dsn(path, url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "journal_size_limit(67108864)", "wal_autocheckpoint(0)"},
	})
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := assertPragmas(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// assertPragmas makes sure that a commit will be on disk: a file system that can't do WAL, or a driver that does not
// know a pragma, must not go unnoticed.
func assertPragmas(ctx context.Context, db *sql.DB) error {
	expected := map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000"}
	for pragma, want := range expected {
		var got string
		if err := db.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(&got); err != nil {
			return fmt.Errorf("asking for %s: %w", pragma, err)
		}
		if got != want {
			return fmt.Errorf("%s is %s, want %s: put the database on a local file system", pragma, got, want)
		}
	}
	return nil
}

// openReader opens the read-only connections.
func openReader(ctx context.Context, path string) (*sql.DB, error) {
	name, err := dsn(path, url.Values{"mode": {"ro"}, "_pragma": {"query_only(1)"}})
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(readers)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening it for reading: %w", err), db.Close())
	}
	return db, nil
}

// migrate brings the schema up to date.
func migrate(ctx context.Context, db *sql.DB, logger *slog.Logger) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithLogger(goose.NopLogger()),
		goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	newest, err := newestMigration()
	if err != nil {
		return err
	}
	if has, err := provider.GetDBVersion(ctx); err != nil {
		return fmt.Errorf("reading the version of the schema: %w", err)
	} else if has > newest {
		return fmt.Errorf("the database has schema %d, and this release knows %d; use the release that wrote it, or a newer one", has, newest)
	}
	done, err := provider.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrating the schema: %w", err)
	}
	for _, m := range done {
		logger.Info("Database schema migrated", "version", m.Source.Version, "duration", m.Duration)
	}
	return nil
}

// damaged adds the way out to the error of a file that is no database, or not whole.
func damaged(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return fmt.Errorf("%w; the file is damaged: move it aside, with its -wal file, and restore a backup (alertscribe restore)", err)
		}
	}
	return err
}

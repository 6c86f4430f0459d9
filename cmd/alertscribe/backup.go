package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/alertscribe/alertscribe/store"
)

var errNotSQLite = fmt.Errorf("%w: storage.database_url (DATABASE_URL) is PostgreSQL, which has tools of its own: pg_dump, pg_restore, continuous archiving", errBadInput)

// loadSQLite returns the settings of a service whose database is a file.
func (c *cli) loadSQLite() (*config, error) {
	cfg, err := c.load()
	if err == nil && cfg.onPostgres() {
		err = errNotSQLite
	}
	return cfg, err
}

func (c *cli) backupCommand(cmd *kingpin.CmdClause) func(context.Context) error {
	file := cmd.Arg("file", "File to write, which must not exist.").Required().String()
	return func(ctx context.Context) error { return c.backup(ctx, *file) }
}

// backup copies the database, whether a service runs on it or not.
func (c *cli) backup(ctx context.Context, file string) error {
	cfg, err := c.loadSQLite()
	if err != nil {
		return err
	}
	p := newProgress(c.stderr)
	p.start("Copying " + cfg.databasePath())
	if err := store.Backup(ctx, cfg.databasePath(), file); err != nil {
		p.failed("nothing was written")
		return badFile(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	p.done(fmt.Sprintf("%s, %.1f MB, checked", file, float64(info.Size())/1e6))
	return nil
}

func (c *cli) restoreCommand(cmd *kingpin.CmdClause) func(context.Context) error {
	file := cmd.Arg("file", "File that alertscribe backup has written.").Required().ExistingFile()
	return func(ctx context.Context) error { return c.restore(ctx, *file) }
}

// restore puts a backup where the settings have the database, and has reports that are not on disk written at the next start.
func (c *cli) restore(ctx context.Context, file string) error {
	cfg, err := c.loadSQLite()
	if err != nil {
		return err
	}
	p := newProgress(c.stderr)
	p.start("Checking and copying " + file)
	if err := store.Restore(ctx, file, cfg.databasePath()); err != nil {
		p.failed("nothing was written")
		return badFile(err)
	}
	p.done(cfg.databasePath())
	p.start("Looking for reports that are not on disk")
	missing, err := reportsToWrite(ctx, c, cfg)
	if err != nil {
		p.failed("the database is restored")
		return err
	}
	p.done(fmt.Sprintf("%d will be written at the next start", missing))
	return nil
}

func reportsToWrite(ctx context.Context, c *cli, cfg *config) (n int, err error) {
	s, err := store.Open(ctx, store.Options{
		Path: cfg.databasePath(), Policy: cfg.rules(), Retention: time.Duration(cfg.Storage.Retention.Notifications), Logger: redacted(cfg, c.quietLogger()),
	})
	if err != nil {
		return 0, fmt.Errorf("opening the restored database: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.WriteFilesAgain(ctx, func(reportPath string) bool {
		if !filepath.IsLocal(reportPath) {
			return false
		}
		_, err := os.Stat(filepath.Join(cfg.Reports.Dir, reportPath))
		return errors.Is(err, os.ErrNotExist)
	})
}

// badFile tells what the user can mend.
func badFile(err error) error {
	if errors.Is(err, store.ErrExists) || errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %w", errBadInput, err)
	}
	return err
}

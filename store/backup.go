package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/alertscribe/alertscribe/incident"
)

// ErrExists says that there is something where a backup or a restored database would be put.
var ErrExists = errors.New("there is a file already")

// Backup copies a database to a file, which must not exist, as it is at one moment: a service may run on it meanwhile, and goes on
// accepting. The copy is whole, checked, and for its owner alone, or not there.
func Backup(ctx context.Context, path, file string) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("reading the database: %w", err)
	}
	return copyDatabase(ctx, path, file)
}

// Restore puts a backup where a database is to be, which must not exist, after checking that it is a whole database of a release
// that is not newer than this one. It is migrated when it is opened.
func Restore(ctx context.Context, file, path string) error {
	if err := checkBackup(ctx, file); err != nil {
		return err
	}
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("%s: %w; move it aside", path, ErrExists)
	}
	l, err := lockDatabase(ctx, path) // it makes an empty file, which is replaced
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return errors.Join(err, l.release())
	}
	return errors.Join(copyDatabase(ctx, file, path), l.release())
}

// copyDatabase copies by VACUUM INTO: one read of one moment, and a copy without free pages. The online backup API begins anew
// whenever another process writes, which under load is never done.
func copyDatabase(ctx context.Context, from, to string) (err error) {
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return fmt.Errorf("making the copy: %w", err)
		}
		return fmt.Errorf("%s: %w", to, ErrExists)
	}
	temp, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+".tmp-*") // 0600
	if err != nil {
		return fmt.Errorf("making the copy: %w", err)
	}
	defer func() { _ = os.Remove(temp.Name()) }() // without effect after the rename
	if err := temp.Close(); err != nil {
		return fmt.Errorf("making the copy: %w", err)
	}
	name, err := dsn(from, url.Values{"mode": {"rw"}}) // in a read-only connection the copy would be read-only, too
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, `VACUUM INTO ?`, temp.Name()); err != nil {
		return fmt.Errorf("copying the database: %w", err)
	}
	if err := checkBackup(ctx, temp.Name()); err != nil {
		return err
	}
	if err := syncFile(temp.Name()); err != nil {
		return fmt.Errorf("writing the copy: %w", err)
	}
	if err := os.Link(temp.Name(), to); err != nil { // not a rename, which would replace what has come meanwhile
		return fmt.Errorf("writing the copy: %w", err)
	}
	return syncDir(filepath.Dir(to))
}

func syncFile(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// checkBackup returns an error where a file is no whole database of ours, or one of a newer release.
func checkBackup(ctx context.Context, file string) (err error) {
	name, err := dsn(file, url.Values{"mode": {"ro"}, "immutable": {"1"}})
	if err != nil {
		return err
	}
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("reading the backup: %w", err)
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var version int64
	if err := db.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version WHERE is_applied`).Scan(&version); err != nil {
		return fmt.Errorf("%s is no database of alertscribe: %w", file, err)
	}
	newest, err := newestMigration()
	if err != nil {
		return err
	}
	if version > newest {
		return fmt.Errorf("%s has schema %d, and this release knows %d; use the release that made it, or a newer one", file, version, newest)
	}
	var state string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&state); err != nil || state != "ok" {
		return errors.Join(fmt.Errorf("%s is damaged: %s", file, state), err)
	}
	return nil
}

// newestMigration returns the version of the newest schema that this release knows.
func newestMigration() (version int64, err error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		var v int64
		if _, err := fmt.Sscanf(filepath.Base(name), "%d_", &v); err != nil {
			return 0, fmt.Errorf("reading the name of migration %s: %w", name, err)
		}
		version = max(version, v)
	}
	return version, nil
}

// WriteFilesAgain makes the files of all incidents due that are missing by the answer of a function, and returns how many they
// are: after a restore, reports may not be there.
func (s *Store) WriteFilesAgain(ctx context.Context, missing func(reportPath string) bool) (int, error) {
	n := 0
	for after := ""; ; {
		list, next, err := s.Incidents(ctx, incident.Query{Limit: maxPage, After: after})
		if err != nil {
			return n, err
		}
		for _, inc := range list {
			if !missing(inc.ReportPath) {
				continue
			}
			err := s.Update(ctx, inc.ID, func(inc *incident.Incident) bool {
				inc.FileRevision = 0
				inc.Due[incident.WorkFile] = s.opts.Now()
				return true
			})
			if err != nil {
				return n, err
			}
			n++
		}
		if after = next; after == "" {
			return n, nil
		}
	}
}

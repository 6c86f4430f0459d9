package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// lock keeps other processes away from a database. The kernel frees it when its holder dies. The lock is on a file of
// its own beside the database, which holds the process's number and is never removed: it could be another's by then.
type lock struct{ file *os.File }

// lockDatabase makes the directory and the file of a database, for their owner alone, and locks it.
func lockDatabase(ctx context.Context, path string) (*lock, error) {
	if err := checkFile(path); err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating the data directory: %w; set DATABASE_URL to a path that this user can write", err)
	}
	file, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock file: %w", err)
	}
	l := &lock{file}
	if err := l.take(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	err = checkTables(ctx, path)
	if err == nil {
		err = makePrivate(path)
	}
	if err != nil {
		return nil, errors.Join(err, l.release())
	}
	return l, nil
}

func (l *lock) take() error {
	held, err := flock(l.file)
	if held {
		holder := make([]byte, 20)
		n, _ := l.file.ReadAt(holder, 0)
		return fmt.Errorf("in use by process %s; stop it first, or set DATABASE_URL to another path",
			strings.TrimSpace(string(holder[:n])))
	}
	if err != nil {
		return fmt.Errorf("locking %s: %w", l.file.Name(), err)
	}
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("writing the lock file: %w", err)
	}
	if _, err := l.file.WriteAt(fmt.Appendln(nil, os.Getpid()), 0); err != nil {
		return fmt.Errorf("writing the lock file: %w", err)
	}
	return nil
}

func (l *lock) release() error { return l.file.Close() }

// makePrivate makes the database's file when it is missing, so that neither it nor the files that SQLite puts beside
// it (which take its mode) are ever open to others, and syncs the directories that name it.
func makePrivate(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		if err := os.Chmod(path+suffix, 0o600); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	dir := filepath.Dir(path)
	return errors.Join(syncDir(dir), syncDir(filepath.Dir(dir)))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, os.ErrPermission) {
		return nil // a parent that we may not read, which we can't have changed either
	}
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

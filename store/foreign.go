package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
)

const sqliteHeader = "SQLite format 3\x00"

// errForeign is what a DATABASE_URL leads to that names something else's file. Such a file keeps its content and its mode.
var errForeign = errors.New("left as it is; set DATABASE_URL to another path")

// checkFile refuses what can't be a database, before anything is made beside it. A file that is missing or empty can be one.
func checkFile(path string) (err error) {
	info, err := os.Stat(path)
	switch {
	case err != nil && errors.Is(err, os.ErrNotExist), err == nil && info.Mode().IsRegular() && info.Size() == 0:
		return nil
	case err != nil:
		return fmt.Errorf("%w; set DATABASE_URL to a path that this user can write", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("it is no regular file and is %w", errForeign)
	}
	if _, err := os.Stat(path + "-journal"); err == nil {
		return nil // SQLite died while it wrote the header, and mends it
	}
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%w; set DATABASE_URL to a file of this user", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	header := make([]byte, len(sqliteHeader))
	if _, err := io.ReadFull(file, header); err != nil || string(header) != sqliteHeader {
		return fmt.Errorf("it is no SQLite database and is %w; if it was one, the file is damaged: "+
			"move it aside, with its -wal file, and restore a backup (alertscribe restore)", errForeign)
	}
	return nil
}

// checkTables refuses the database of another program, which would get our tables beside its own. It only reads, so
// that the journal of the other one stays as it is.
func checkTables(ctx context.Context, path string) (err error) {
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		return nil // a new one
	}
	name, err := dsn(path, url.Values{"mode": {"ro"}})
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var ours, others int
	err = db.QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE name IN ('incidents', 'goose_db_version')),
		count(*) FILTER (WHERE name <> 'goose_db_version') FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`).Scan(&ours, &others)
	switch {
	case err != nil:
		return fmt.Errorf("reading its tables: %w", err)
	case others > 0 && ours < 2:
		return fmt.Errorf("it is the database of another program and is %w", errForeign)
	}
	return nil
}

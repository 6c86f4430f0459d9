package storetest_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/alertscribe/alertscribe/store"
	"github.com/alertscribe/alertscribe/store/storetest"
)

// file is a database of an engine: here SQLite.
type file string

func (f file) Open(o storetest.Options) (storetest.Store, error) {
	return store.Open(context.Background(), store.Options{Path: string(f), Policy: o.Policy, Lease: o.Lease, Retention: o.Retention, Now: o.Now})
}

func Example() {
	engine := &storetest.Engine{
		New: func(tb testing.TB) storetest.Database { return file(filepath.Join(tb.TempDir(), "alertscribe.db")) },
		Log: func(testing.TB, storetest.Database) []storetest.Logged { return nil }, // read what is stored
	}
	_ = func(t *testing.T) { engine.Run(t) } // in a test of the engine
}

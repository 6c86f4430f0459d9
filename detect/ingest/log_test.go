package ingest

import (
	"log/slog"
	"testing"
)

// testLog shows what is logged in a test that fails.
func testLog(t testing.TB) *slog.Logger {
	t.Helper()
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
}

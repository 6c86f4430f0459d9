package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func TestRecoversWhenItCanWriteAgain(t *testing.T) {
	for name, pragma := range map[string][2]string{
		"full":      {"PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1000000"}, // SQLite takes the present size
		"read-only": {"PRAGMA query_only = 1", "PRAGMA query_only = 0"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			id := accept(t, s, firing("x", at)).IncidentID
			_, err := s.db.ExecContext(t.Context(), pragma[0])
			require.NoError(t, err)
			failed, stored := 0, 1
			for i := range 20 {
				n := firing("x", at)
				n.Body = make([]byte, 20_000)
				if _, err := s.Accept(t.Context(), n); err != nil {
					failed++
				} else {
					stored++
				}
				_, err := s.Accept(t.Context(), firing(fmt.Sprint(i), at))
				if err != nil {
					failed++
				} else {
					stored++
				}
			}
			assert.Greater(t, failed, 30)
			assert.Equal(t, stored, count(t, s, `SELECT count(*) FROM notifications`))
			_, err = s.db.ExecContext(t.Context(), pragma[1])
			require.NoError(t, err)
			require.NoError(t, s.Ping(t.Context()))
			assert.Equal(t, incident.OutcomeRepeat, accept(t, s, firing("x", at)).Outcome)
			assert.Equal(t, stored+1, count(t, s, `SELECT count(*) FROM notifications`))
			inc, _ := get(t, s, id)
			assert.Equal(t, count(t, s, `SELECT count(*) FROM notifications WHERE incident_id = ?`, id), 1+inc.Repeats)
		})
	}
}

// TestFullDisk lets the kernel refuse writes in a process of its own, by a limit to the size of its files.
func TestFullDisk(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], t.TempDir()+"/alertscribe.db")
	cmd.Env = append(os.Environ(), child+"=full")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

func acceptOnFullDisk(path string) error {
	signal.Ignore(syscall.SIGXFSZ)
	ctx := context.Background()
	s, err := Open(ctx, Options{Path: path})
	if err != nil {
		return err
	}
	defer s.Close()
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		return err
	}
	acknowledged := 0
	for round := range 3 {
		limit := was
		limit.Cur = uint64(round+1) * 400_000
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			return err
		}
		failed := 0
		for i := range 400 {
			n := firing(fmt.Sprint(i%50), at)
			n.Body = make([]byte, 4000)
			if _, err := s.Accept(ctx, n); err != nil {
				failed++
			} else {
				acknowledged++
			}
		}
		if failed == 0 {
			return fmt.Errorf("round %d: nothing was refused", round)
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
			return err
		}
		if err := s.Ping(ctx); err != nil {
			return fmt.Errorf("round %d: not recovered: %w", round, err)
		}
	}
	var stored int
	if err := s.readDB.QueryRowContext(ctx, `SELECT count(*) FROM notifications`).Scan(&stored); err != nil {
		return err
	}
	if stored != acknowledged || acknowledged == 0 {
		return errors.New(fmt.Sprint(stored, " stored, ", acknowledged, " acknowledged"))
	}
	return nil
}

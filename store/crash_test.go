package store

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

var crashes = flag.Int("crashes", 10, "how often TestKill kills a process under load")

// acceptUntilKilled stores notifications from many goroutines, claims and finishes work beside them, and prints the
// body of every notification that was acknowledged.
func acceptUntilKilled(path string) error {
	ctx := context.Background()
	s, err := Open(ctx, Options{Path: path})
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	for c := range 16 {
		wg.Go(func() {
			for i := 0; ; i++ {
				n := firing(fmt.Sprint(rand.IntN(100)), time.Now())
				n.Body = fmt.Appendf(nil, "%d-%d-%d", os.Getpid(), c, i)
				if _, err := s.Accept(ctx, n); err == nil {
					fmt.Printf("%d-%d-%d\n", os.Getpid(), c, i)
				}
			}
		})
	}
	for _, work := range incident.Works() {
		wg.Go(func() {
			for {
				claims, err := s.Claim(ctx, work, 4)
				if err != nil || len(claims) == 0 {
					<-s.Due(work)
				}
				for _, c := range claims {
					_ = s.Finish(ctx, c, func(inc *incident.Incident, f *incident.Findings) {
						f.Evidence = []incident.Evidence{{ID: "E1"}}
						inc.FileWritten(c.Incident)
					})
				}
			}
		})
	}
	wg.Wait()
	return nil
}

// TestKill kills a process under load at random points, again and again on the same database: what was acknowledged is
// there, and every notification counts in its incident, once.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alertscribe.db")
	acknowledged := map[string]bool{}
	for range *crashes {
		for _, body := range runUntilKilled(t, path) {
			acknowledged[body] = true
		}
		s, err := Open(t.Context(), Options{Path: path})
		require.NoError(t, err)
		rows, err := s.readDB.QueryContext(t.Context(), `SELECT body FROM notifications`)
		require.NoError(t, err)
		bodies, err := scanAll(rows, func(b *string) []any { return []any{b} })
		require.NoError(t, err)
		stored := map[string]int{}
		for _, body := range bodies {
			stored[body]++
			require.Equal(t, 1, stored[body])
		}
		lost := 0
		for body := range acknowledged {
			if stored[body] == 0 {
				lost++
			}
		}
		assert.Zero(t, lost, "acknowledged and lost")
		assert.Zero(t, count(t, s, `SELECT count(*) FROM incidents i WHERE
			(SELECT count(*) FROM notifications n WHERE n.incident_id = i.id) <>
			(SELECT 1 + (h.doc ->> 'repeats') FROM repeat_state h WHERE h.seq = i.seq)`), "every one counts once")
		assert.Zero(t, count(t, s, `SELECT count(*) FROM work WHERE lease_token <> ''`), "leases of the dead")
		var ok string
		require.NoError(t, s.readDB.QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&ok))
		assert.Equal(t, "ok", ok)
		require.NoError(t, s.Close())
	}
	t.Logf("%d notifications acknowledged in %d rounds", len(acknowledged), *crashes)
	assert.NotEmpty(t, acknowledged)
}

// runUntilKilled returns the bodies that a process has acknowledged before it was killed.
func runUntilKilled(t *testing.T, path string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], path)
	cmd.Env = append(os.Environ(), child+"=accept")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var bodies []string
	var timer *time.Timer
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		if err != nil { // a last line that was cut off is not taken
			break
		}
		if timer == nil {
			timer = time.AfterFunc(time.Duration(rand.IntN(200))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		}
		bodies = append(bodies, strings.TrimSpace(line))
	}
	require.Error(t, cmd.Wait(), "it runs until it is killed")
	return bodies
}

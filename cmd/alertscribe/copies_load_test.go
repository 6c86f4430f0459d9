package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// senders post notifications to copies all the time, as Alertmanager does: what is refused is sent again, to the next copy.
type senders struct {
	t        *testing.T
	bulk     func() string // what is added to each notification; nil for nothing
	mu       sync.Mutex
	accepted map[string]bool // markers
	refused  map[string]int  // 503, by the reason that was answered
	stop     func()
}

// groupsOfLoad is how many groups senders send of.
const groupsOfLoad = 20

func startSenders(t *testing.T, copies []*process, clients int, bulk func() string) *senders {
	t.Helper()
	s := &senders{t: t, bulk: bulk, accepted: map[string]bool{}, refused: map[string]int{}}
	ctx, cancel := context.WithCancel(t.Context())
	// Longer than any wait of ours: every notification is answered.
	client := &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				s.send(client, copies, fmt.Sprintf("c%d-%d.", c, i), c+i)
			}
		})
	}
	s.stop = sync.OnceFunc(func() { cancel(); wg.Wait(); client.CloseIdleConnections() })
	t.Cleanup(s.stop)
	return s
}

// send posts one notification until a copy accepts it. It ends with the test, not with the load: what was refused is sent again.
func (s *senders) send(client *http.Client, copies []*process, marker string, n int) {
	extra := ""
	if s.bulk != nil {
		extra = s.bulk()
	}
	body := []byte(strings.Replace(string(oneAlert(fmt.Sprint("Group", n%groupsOfLoad), incident.Firing)), `"version":"4"`,
		fmt.Sprintf(`"version":"4","marker":%q,"extra":%q`, marker, extra), 1))
	for s.t.Context().Err() == nil {
		n++
		a, err := post(s.t.Context(), client, copies[n%len(copies)].url+"/alert", body)
		if s.t.Context().Err() != nil {
			return
		}
		if err != nil {
			assert.Fail(s.t, "a notification is not answered", err.Error())
			return
		}
		s.mu.Lock()
		switch a.code {
		case http.StatusAccepted:
			s.accepted[marker] = true
			s.mu.Unlock()
			return
		case http.StatusServiceUnavailable:
			s.refused[a.Reason]++
		default:
			assert.Fail(s.t, "neither accepted nor 503", "%d %s", a.code, a.raw)
		}
		s.mu.Unlock()
		time.Sleep(50 * time.Millisecond) // Alertmanager would wait longer
	}
}

// counts returns how many notifications were accepted, and how many answers were 503.
func (s *senders) counts() (accepted, refused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.refused {
		refused += n
	}
	return len(s.accepted), refused
}

// moreAccepted waits until so many more are accepted.
func (s *senders) moreAccepted(n int) {
	s.t.Helper()
	before, _ := s.counts()
	require.Eventually(s.t, func() bool { now, _ := s.counts(); return now >= before+n }, 2*time.Minute, 10*time.Millisecond, "accepted by itself")
}

// moreRefused waits until so many more answers were 503.
func (s *senders) moreRefused(n int) {
	s.t.Helper()
	_, before := s.counts()
	require.Eventually(s.t, func() bool { _, now := s.counts(); return now >= before+n }, 2*time.Minute, 10*time.Millisecond, "nothing is refused")
}

// assertStored ends the load and compares what was accepted with what is in the database of a URL.
func (s *senders) assertStored(url string) {
	s.t.Helper()
	s.stop()
	db := openDatabase(s.t, url, "")
	rows, err := db.QueryContext(s.t.Context(), `SELECT substring(convert_from(body, 'UTF8') FROM '"marker":"([^"]+)"') FROM notifications`)
	require.NoError(s.t, err)
	defer rows.Close()
	stored := map[string]bool{}
	for rows.Next() {
		var marker string
		require.NoError(s.t, rows.Scan(&marker))
		stored[marker] = true
	}
	require.NoError(s.t, rows.Err())
	lost := 0
	for marker := range s.accepted {
		if !stored[marker] {
			lost++
		}
	}
	assert.Zero(s.t, lost, "accepted and lost")
	assert.Equal(s.t, groupsOfLoad, ask(s.t, db, `SELECT count(*) FROM incidents`), "one incident for each group")
	assert.Zero(s.t, ask(s.t, db, `SELECT count(*) FROM incidents i JOIN repeat_state r USING (seq)
		WHERE (SELECT count(*) FROM notifications n WHERE n.incident_id = i.id) <> 1 + coalesce((r.doc::json ->> 'repeats')::int, 0)`), "each counts once")
	require.Eventually(s.t, func() bool { return ask(s.t, db, `SELECT count(*) FROM work WHERE kind = 'file'`) == 0 },
		2*time.Minute, 100*time.Millisecond, "the workers go on, too")
	accepted, refused := s.counts()
	s.t.Logf("%d accepted, %d stored, %d answers 503: %v", accepted, len(stored), refused, s.refused)
}

// logLines returns the lines of a process' log that contain a text.
func (p *process) logLines(containing string) (lines []string) {
	p.t.Helper()
	text, err := os.ReadFile(p.log.Name())
	require.NoError(p.t, err)
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, containing) {
			lines = append(lines, line)
		}
	}
	return lines
}

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify/notifytest"
)

var notifyRounds = flag.Int("notify.rounds", 5, "how often TestKilledNotifier kills the service")

// TestKilledNotifier kills the service at random instants while it tells a webhook. Nothing is lost, and what is told twice has
// the same id and died between the answer and our commit: it is the last message before a kill.
func TestKilledNotifier(t *testing.T) {
	hook := notifytest.Webhook()
	t.Cleanup(hook.Close)
	dir, address := t.TempDir(), freeAddress(t)
	config := filepath.Join(dir, "config.yml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil,
		"notify: {channels: [{name: hook, events: [opened, analyzed, resolved], webhook: {url: %q, secret: %q}}]}\n", hook.URL, notifytest.WebhookSecret), 0o600))
	withConfig := func(cmd *exec.Cmd) { cmd.Args = append(cmd.Args, "--config.file="+config) }

	fired, resolved := map[string]string{}, map[string]bool{} // ids by name, and ids
	last := map[string]bool{}                                 // the last message before each kill
	for round := range *notifyRounds {
		p := startProcess(t, dir, address, withConfig)
		stop := time.Now().Add(time.Duration(30+rand.IntN(400)) * time.Millisecond)
		for i := 0; time.Now().Before(stop); i++ {
			name := fmt.Sprintf("Round%dAlert%d", round, i)
			if a, err := post(t.Context(), http.DefaultClient, p.url+"/alert", oneAlert(name, incident.Firing)); err == nil && a.Incident != nil {
				fired[name] = *a.Incident
			}
			if i%3 == 2 {
				name = fmt.Sprintf("Round%dAlert%d", round, i-2)
				if a, err := post(t.Context(), http.DefaultClient, p.url+"/alert", oneAlert(name, incident.Resolved)); err == nil && a.Incident != nil {
					resolved[*a.Incident] = true
				}
			}
			time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond) // so that kills find it at different work
		}
		p.kill()
		hook.Disconnect() // what it has sent may still be on its way
		if got := hook.Accepted(); len(got) > 0 {
			last[got[len(got)-1].ID] = true
		}
	}
	require.NotEmpty(t, fired)

	p := startProcess(t, dir, address, withConfig)
	missing := func() (n int) {
		told := map[string]bool{}
		for _, m := range hook.Accepted() {
			told[payloadOf(t, m).Incident+" "+payloadOf(t, m).Event] = true
		}
		for _, id := range fired {
			if resolved[id] && !told[id+" resolved"] || !resolved[id] && !told[id+" analyzed"] {
				n++
			}
		}
		return n
	}
	assert.Eventually(t, func() bool { return missing() == 0 }, 3*time.Minute, 100*time.Millisecond)
	time.Sleep(time.Second) // for what should not come
	again, ids := 0, map[string]map[string]bool{}
	for _, m := range hook.Accepted() {
		o := payloadOf(t, m)
		key := o.Incident + " " + o.Event
		if ids[key] == nil {
			ids[key] = map[string]bool{}
		}
		ids[key][m.ID] = true
		if m.Edits != "" {
			again++
			assert.True(t, last[m.ID], "%s is sent again and was not the last message before a kill", m.ID)
		}
	}
	for key, of := range ids {
		assert.Len(t, of, 1, "%s is told under several ids", key)
	}
	t.Logf("%d kills, %d incidents, %d resolved, %d messages: lost %d, sent again %d, each with its id", *notifyRounds, len(fired), len(resolved),
		len(hook.Accepted())-again, missing(), again)
	p.assertHealthy()
}

// told is what a webhook was told.
type told struct {
	ID, Event, Incident, Alertname, Status, Summary, Cause, Action, Language string

	ReportURL  string `json:"report_url"`
	ResolvedAt *time.Time
}

func payloadOf(t testing.TB, m notifytest.Accepted) told {
	t.Helper()
	var o told
	require.NoError(t, json.Unmarshal(m.Body, &o))
	return o
}

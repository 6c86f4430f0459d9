package main

import (
	"context"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"net/http"
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

var detectKillRounds = flag.Int("detect.kill.rounds", 3, "how often TestDetectionKilled kills the service")

// alertsSeen is what an Alertmanager had at any time, by the label zone.
type alertsSeen struct {
	mu     sync.Mutex
	starts map[string]map[string]bool // every startsAt, with the fingerprint
	gone   map[string]bool            // was there before, and is not now
	stop   func()                     // ends the following
}

// followAlerts asks an Alertmanager for its alerts all the time, until stop or the end of the test.
func followAlerts(t *testing.T, root string) *alertsSeen {
	ctx, cancel := context.WithCancel(t.Context())
	a := &alertsSeen{starts: map[string]map[string]bool{}, gone: map[string]bool{}}
	var following sync.WaitGroup
	following.Go(func() { a.follow(ctx, root) })
	a.stop = func() { cancel(); following.Wait() }
	t.Cleanup(a.stop)
	return a
}

// assertUnbroken: each alert kept its start and its fingerprint, and was never resolved, and a copy has one incident of them that fires
// since. The following has ended.
func (a *alertsSeen) assertUnbroken(t *testing.T, p *process) {
	t.Helper()
	for zone, starts := range a.starts {
		assert.Len(t, starts, 1, "%s was started anew, or has another fingerprint", zone)
		assert.False(t, a.gone[zone], "%s was resolved", zone)
	}
	var list struct{ Incidents []incident.Incident }
	require.Eventually(t, func() bool { // a notification that met a copy that was killed is sent again
		_, text := get(t, p.url+"/api/v1/incidents")
		return json.Unmarshal([]byte(text), &list) == nil && len(list.Incidents) > 0
	}, soon, 50*time.Millisecond)
	require.Len(t, list.Incidents, 1, "of the alert name")
	assert.Equal(t, incident.Firing, list.Incidents[0].Status)
	assert.Zero(t, list.Incidents[0].Flaps)
}

// evaluates reports whether a process evaluates the rules of the shop.
func (p *process) evaluates() bool {
	_, text := p.page("/metrics")
	return strings.Contains(text, `alertscribe_detect_last_success_timestamp_seconds{group="shop"}`)
}

// follow asks an Alertmanager for its alerts until ctx ends.
func (a *alertsSeen) follow(ctx context.Context, root string) {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if alerts, err := alertsOf(ctx, root); err == nil {
			a.look(alerts)
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

type amAlert struct {
	Labels                map[string]string
	StartsAt, Fingerprint string
}

func alertsOf(ctx context.Context, root string) (alerts []amAlert, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, root+"/api/v2/alerts", http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return alerts, json.NewDecoder(resp.Body).Decode(&alerts)
}

func (a *alertsSeen) look(alerts []amAlert) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := map[string]bool{}
	for _, x := range alerts {
		zone := x.Labels["zone"]
		if a.starts[zone] == nil {
			a.starts[zone] = map[string]bool{}
		}
		a.starts[zone][x.StartsAt+" "+x.Fingerprint] = true
		now[zone] = true
	}
	for zone := range a.starts {
		a.gone[zone] = a.gone[zone] || !now[zone]
	}
}

func (a *alertsSeen) has(zone string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.starts[zone]) > 0
}

// withZones writes rules into a directory that watch two queues, as the zones all and late, and makes a process run them.
func withZones(t *testing.T, dir string) func(*exec.Cmd) {
	t.Helper()
	rules := strings.Replace(detectRules, "expr: shop_queue_length", `expr: 'label_replace(shop_queue_length, "zone", "all", "", "") or label_replace(shop_queue_length_late, "zone", "late", "", "")'`, 1)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(rules), 0o600))
	config := filepath.Join(dir, "config.yml")
	require.NoError(t, os.WriteFile(config, []byte("detect: {rule_files: [rules.yml]}\n"), 0o600))
	return func(cmd *exec.Cmd) { cmd.Args = append(cmd.Args, "--config.file="+config) }
}

// TestDetectionKilled kills the service at random instants. An alert that fires goes on with the start that it has, one that
// is about to fire does, and nothing is told to be over that is not.
func TestDetectionKilled(t *testing.T) {
	dir, address := t.TempDir(), freeAddress(t)
	q, pair := detectionPair(t, "http://"+address+"/alert")
	withConfig := withZones(t, dir)
	env := []string{"PROMETHEUS_URL=" + pair.PromURL, "ALERTMANAGER_URL=" + pair.AMURL}

	p := startProcess(t, dir, address, withConfig, env...)
	require.Eventually(t, p.evaluates, soon, 50*time.Millisecond)
	seen := followAlerts(t, pair.AMURL)

	q.length.Store(5)
	require.Eventually(t, func() bool { return seen.has("all") }, soon, 20*time.Millisecond)
	for round := range *detectKillRounds {
		if round == 1 {
			q.late.Store(5)
			time.Sleep(time.Duration(rand.IntN(3000)) * time.Millisecond) // before it fires
		}
		p.kill()
		p = startProcess(t, dir, address, withConfig, env...)
		time.Sleep(time.Duration(rand.IntN(2000)) * time.Millisecond) // the instant is the point
	}
	require.Eventually(t, func() bool { return seen.has("late") }, soon, 20*time.Millisecond, "an alert was lost")
	require.Eventually(t, p.evaluates, soon, 50*time.Millisecond)
	time.Sleep(3 * time.Second) // evaluations that would resolve it
	seen.stop()
	t.Logf("%d kills, alerts %v", *detectKillRounds, seen.starts)
	seen.assertUnbroken(t, p)

	q.length.Store(100)
	q.late.Store(100)
	require.Eventually(t, func() bool {
		alerts, err := alertsOf(t.Context(), pair.AMURL)
		return err == nil && len(alerts) == 0
	}, time.Minute, 100*time.Millisecond, "and it ends")
}

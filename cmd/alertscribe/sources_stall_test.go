package main

import (
	"database/sql"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect/ingest"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

var detectStall = flag.Duration("detect.stall", 3*time.Second, "for how long TestSourcesStall keeps the store from writing; 60s is the full length")

const (
	stallBodies   = 270 // messages for each second of the stall, so that in 60 s twice as much comes as may wait
	stallPoints   = 100 // of a message, of some 10 KB
	stallMemoryMB = 192 + memoryPerSource>>20 + 2*500*memoryPerSeries>>20
)

const stallRules = `groups:
- name: shop
  rules:
  - {alert: Failing, source: orders, expr: order_failure_rate > 5}
  - {alert: Odd, source: orders, expr: order_failure_rate, anomaly: {}}
`

// TestSourcesStall: while another process holds the lock of the database, messages wait in the broker and not in memory; then the lag
// goes, and each point counts once. The full length:
//
//	go test ./cmd/alertscribe -run TestSourcesStall -detect.stall 60s -v
func TestSourcesStall(t *testing.T) {
	for name, start := range map[string]func(*testing.T) *broker{"Kafka": kfakeBroker, "RabbitMQ": rabbitBroker} {
		t.Run(name, func(t *testing.T) { stallSource(t, start(t)) })
	}
}

func stallSource(t *testing.T, b *broker) {
	dir, address := t.TempDir(), freeAddress(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(stallRules), 0o600))
	config := filepath.Join(dir, "config.yml")
	require.NoError(t, os.WriteFile(config, []byte("detect: {rule_files: [rules.yml], sources: [{name: orders, "+b.settings+"}]}\n"), 0o600))
	p := startProcess(t, dir, address, func(cmd *exec.Cmd) { cmd.Args = append(cmd.Args, "--config.file="+config) })
	metric := func(name string) float64 {
		_, page := get(t, p.url+"/metrics")
		_, rest, _ := strings.Cut(page, "\n"+name+`{source="orders"} `)
		text, _, _ := strings.Cut(rest, "\n")
		v, err := strconv.ParseFloat(text, 64)
		require.NoError(t, err)
		return v
	}
	before := statusMB(t, p.cmd.Process.Pid, "VmRSS:")

	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "data", "alertscribe.db")+"?_txlock=immediate&_pragma=busy_timeout(30000)")
	require.NoError(t, err)
	defer db.Close()
	lock, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	ended := time.Now().Add(*detectStall)
	messages := int(detectStall.Seconds() * stallBodies)
	begin := time.Now().Add(-55 * time.Minute)
	for i := 0; i < messages; i += 500 {
		var lines []string
		for k := i; k < min(i+500, messages); k++ {
			lines = append(lines, "k|"+stallMessage(begin.Add(time.Duration(k)*100*time.Millisecond)))
		}
		b.send(lines)
	}
	most := 0.
	for time.Now().Before(ended) {
		most = max(most, metric("alertscribe_detect_source_queued_bytes"))
		time.Sleep(200 * time.Millisecond) // the length of the stall is the point
	}
	lag := 0.
	require.Eventually(t, func() bool { lag = metric("alertscribe_detect_source_lag"); return lag > 0 }, soon, 50*time.Millisecond, "it is asked for from time to time")
	assert.Less(t, most, float64(ingest.MaxQueued+16<<20), "the bound, and one answer of the broker, unpacked")
	learned, _ := pointsOf(t, p)
	assert.Less(t, learned, messages*stallPoints, "it was stalled")
	require.NoError(t, lock.Rollback())

	back := time.Now()
	require.Eventually(t, func() bool {
		n, _ := pointsOf(t, p)
		return n == messages*stallPoints && metric("alertscribe_detect_source_lag") == 0
	},
		5*time.Minute, 100*time.Millisecond, "the lag goes")
	took := time.Since(back)
	time.Sleep(time.Second) // what would count twice
	learned, _ = pointsOf(t, p)
	assert.Equal(t, messages*stallPoints, learned)
	_, page := get(t, p.url+"/metrics")
	assert.Contains(t, page, "\nalertscribe_detect_messages_total{outcome=\"dead_lettered\",source=\"orders\"} 0\n")
	peak := statusMB(t, p.cmd.Process.Pid, "VmHWM:")
	if !testbedtest.Race {
		assert.Less(t, peak, float64(stallMemoryMB))
	}
	t.Logf("stalled for %s: %d messages (%.0f MB) came, %.0f waited in the broker, %.1f MB here; resident %.0f MB before, %.0f MB at most (bound %d MB); caught up after %s, %.0f points/s",
		*detectStall, messages, float64(messages*len(stallMessage(begin)))/1e6, lag, most/1e6, before, peak, stallMemoryMB, took.Round(100*time.Millisecond), float64(messages*stallPoints)/took.Seconds())
}

// stallMessage returns a message with a point of each of a hundred series.
func stallMessage(at time.Time) string {
	var text strings.Builder
	for i := range stallPoints {
		fmt.Fprintf(&text, `,{"name":"order_failure_rate","value":%d.25,"timestamp":%d,"labels":{"shop":"s%d","region":"eu"}}`, i%5, at.UnixMilli(), i)
	}
	return `{"metrics":[` + text.String()[1:] + "]}"
}

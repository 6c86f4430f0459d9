package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/incident"
)

// stormBody is the step-th notification of a group: repeats, alerts that join and leave, a higher severity, the end.
func stormBody(group, step int) []byte {
	type alert struct {
		Status      string            `json:"status"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
		StartsAt    string            `json:"startsAt"`
	}
	name := fmt.Sprintf("Storm%d", group%50)
	severity := []string{"info", "warning", "warning", "critical"}[group%4]
	if step > 6 {
		severity = "critical"
	}
	firing := 1
	switch {
	case step >= 3 && step < 6:
		firing = 2
	case step == 9 && group%3 == 0:
		firing = 0
	}
	var alerts []alert
	for i := range max(firing, 1) {
		status := "firing"
		if firing == 0 {
			status = "resolved"
		}
		labels := map[string]string{
			"alertname": name, "severity": severity, "namespace": "shop", "group": strconv.Itoa(group), "instance": fmt.Sprintf("web-%d:9090", i),
		}
		summary := fmt.Sprintf("%s is not well on group %d. %s", name, group, strings.Repeat("More is said here. ", 40))
		alerts = append(alerts, alert{status, labels, map[string]string{"summary": summary}, "2026-11-20T08:30:00Z"})
	}
	b, err := json.Marshal(map[string]any{
		"version": "4", "receiver": "alertscribe", "status": "firing", "groupKey": fmt.Sprintf("{}:{group=\"%d\"}", group),
		"groupLabels": map[string]string{"alertname": name, "group": strconv.Itoa(group)}, "externalURL": "http://alertmanager:9093", "alerts": alerts,
	})
	if err != nil {
		panic(err)
	}
	return b
}

// BenchmarkStorm sends 10,000 notifications of 1,000 groups of one namespace within a minute to the program as a user gets
// it, with default settings and a model that takes two seconds, and tells how many model calls that cost, what is in the
// database and on disk in the end, and how much memory it took at most.
func BenchmarkStorm(b *testing.B) {
	const groups, steps, clients, length = 1000, 10, 16, time.Minute
	exe := programToMeasure(b)
	for b.Loop() {
		m := newModel(b)
		m.Always(modeltest.After(2*time.Second, modeltest.Verdict()))
		dir := b.TempDir()
		p := startProcess(b, dir, freeAddress(b), func(cmd *exec.Cmd) { cmd.Path, cmd.Args = exe, []string{exe} },
			"LLM_BASE_URL="+m.URL, "DEEPSEEK_API_KEY=sk-of-the-stand-in")
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
		var next, refused atomic.Int64
		begun := time.Now()
		var wg sync.WaitGroup
		for range clients {
			wg.Go(func() {
				for {
					i := int(next.Add(1)) - 1
					if i >= groups*steps {
						return
					}
					time.Sleep(time.Until(begun.Add(length * time.Duration(i) / (groups * steps))))
					for {
						a, err := post(context.Background(), client, p.url+"/alert", stormBody(i%groups, i/groups))
						if err == nil && a.code == http.StatusAccepted {
							break
						}
						refused.Add(1) // Alertmanager would send it again
						time.Sleep(100 * time.Millisecond)
					}
				}
			})
		}
		wg.Wait()
		sent := time.Since(begun)
		settled(b, p)
		client.CloseIdleConnections()
		b.ReportMetric(sent.Seconds(), "sending-s")
		b.ReportMetric(time.Since(begun).Seconds(), "settled-s")
		b.ReportMetric(float64(refused.Load()), "refused")
		b.ReportMetric(float64(len(m.Requests())), "model-calls")
		b.ReportMetric(peakMB(b, p.cmd.Process.Pid), "peak-RSS-MB")
		p.kill()
		stored, reports := count(b, dir)
		assert.Equal(b, groups, reports, "one report for each group")
		b.ReportMetric(float64(groups*steps-stored), "lost")
		b.ReportMetric(float64(reports), "reports")
	}
}

// settled waits until nothing is due any more: what could not be analysed waits for the budget.
func settled(b *testing.B, p *process) {
	require.Eventually(b, func() bool {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, p.url+"/health", http.NoBody)
		if err != nil {
			return false
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		var health struct {
			Services struct {
				Queue incident.Queue `json:"queue"`
			} `json:"services"`
		}
		if json.NewDecoder(resp.Body).Decode(&health) != nil {
			return false
		}
		q := health.Services.Queue
		return q.Oldest.IsZero() && len(q.Due) > 0
	}, 5*time.Minute, 500*time.Millisecond)
}

// count returns the notifications in the database, and the incidents that have one report on disk.
func count(b *testing.B, dir string) (stored, reports int) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "data", "alertscribe.db")+"?mode=ro")
	require.NoError(b, err)
	defer db.Close()
	require.NoError(b, db.QueryRowContext(b.Context(), "SELECT count(*) FROM notifications").Scan(&stored))
	for _, paths := range reportsOnDisk(b, filepath.Join(dir, "reports")) {
		if len(paths) == 1 {
			reports++
		}
	}
	return stored, reports
}

// peakMB returns the most memory that the process was ever resident with.
func peakMB(b *testing.B, pid int) float64 { return statusMB(b, pid, "VmHWM:") }

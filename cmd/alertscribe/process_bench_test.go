package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer/modeltest"
)

// The benchmarks of the whole program measure a binary: the one that a user gets from this tree, or any other, so that two
// versions can be compared in one run on one machine.
var programPath = flag.String("alertscribe.binary", "", "the alertscribe that benchmarks of the whole program measure; default: built from this tree")

// baselineEnv names a second binary. It is measured right before the first one, as sub-benchmarks binary=baseline and
// binary=now, which benchstat -col /binary puts side by side.
const baselineEnv = "ALERTSCRIBE_BASELINE"

// eachBinary runs a benchmark for each program that is to be measured.
func eachBinary(b *testing.B, measure func(b *testing.B, exe string)) {
	b.Helper()
	now := programToMeasure(b)
	baseline := os.Getenv(baselineEnv)
	if baseline == "" {
		measure(b, now)
		return
	}
	b.Run("binary=baseline", func(b *testing.B) { measure(b, baseline) })
	b.Run("binary=now", func(b *testing.B) { measure(b, now) })
}

// programToMeasure returns the path of the binary that is asked for, or builds the program as a user gets it.
func programToMeasure(tb testing.TB) string {
	tb.Helper()
	if *programPath != "" {
		exe, err := filepath.Abs(*programPath) // it runs in a directory of its own
		require.NoError(tb, err)
		return exe
	}
	exe := filepath.Join(tb.TempDir(), "alertscribe")
	build := exec.CommandContext(tb.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", exe, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(tb, err, string(out))
	return exe
}

// program is a running alertscribe, as a user gets it, that benchmarks talk to: one process, or many copies.
type program struct {
	*process // the first one

	copies   []*process
	postgres string // the URL of its database; "" for SQLite
	client   *http.Client
	turn     atomic.Int64 // of the copies, as a load balancer takes them
}

func (p *program) kill() {
	for _, c := range p.copies {
		c.kill()
	}
}

// A programSetup says how a program is started.
type programSetup struct {
	clients    int    // connections that are kept
	settings   string // lines of the configuration file
	newer      string // more of them, for a program that knows them: an older one refuses a key that it does not know
	model      string // URL; "" for none
	prometheus string // URL; "" for none
	postgres   string // URL of the database; "" for SQLite
	copies     int    // processes; 0 is 1
}

// start starts a program in a directory of its own, with the cap on model calls lifted: what is measured shall not wait
// for an hour to pass.
func (s programSetup) start(tb testing.TB, exe string) *program {
	tb.Helper()
	exe, err := filepath.Abs(exe)
	require.NoError(tb, err)
	p := &program{
		postgres: s.postgres,
		client:   &http.Client{Timeout: 90 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: max(1, s.clients)}},
	}
	for range max(1, s.copies) {
		p.copies = append(p.copies, s.startOne(tb, exe))
	}
	p.process = p.copies[0]
	tb.Cleanup(p.client.CloseIdleConnections)
	return p
}

func (s programSetup) startOne(tb testing.TB, exe string) *process {
	tb.Helper()
	dir := tb.TempDir()
	file := filepath.Join(dir, "config.yml")
	settings := "budget: {calls_per_hour: 0}\n" + s.settings
	require.NoError(tb, os.WriteFile(file, []byte(settings+s.newer), 0o600))
	if s.newer != "" {
		check := exec.CommandContext(tb.Context(), exe, "check-config", "--config.file="+file)
		check.Dir = dir
		if check.Run() != nil {
			require.NoError(tb, os.WriteFile(file, []byte(settings), 0o600))
		}
	}
	var env []string
	if s.model != "" {
		env = append(env, "LLM_BASE_URL="+s.model, "DEEPSEEK_API_KEY=sk-of-the-stand-in")
	}
	if s.prometheus != "" {
		env = append(env, "PROMETHEUS_URL="+s.prometheus)
	}
	if s.postgres != "" {
		env = append(env, "DATABASE_URL="+s.postgres)
	}
	return startProcess(tb, dir, freeAddress(tb), func(cmd *exec.Cmd) {
		cmd.Path, cmd.Args = exe, []string{exe, "--config.file=" + file}
	}, env...)
}

// notify posts a body, once. The code is 0 when there was no answer.
func (p *program) notify(body []byte) (code int, took time.Duration, id string) {
	begun := time.Now()
	one := p.copies[int(p.turn.Add(1))%len(p.copies)]
	a, err := post(context.Background(), p.client, one.url+"/alert", body)
	took = time.Since(begun)
	if err != nil && a.code == 0 {
		return 0, took, ""
	}
	if a.Incident != nil {
		id = *a.Incident
	}
	return a.code, took, id
}

// database opens the program's database for reading. It may be running.
func (p *program) database(tb testing.TB) *sql.DB {
	tb.Helper()
	return openDatabase(tb, p.postgres, p.dir)
}

// The counts that tell how far a program has come.
const (
	countNotifications = "SELECT count(*) FROM notifications"
	countEvidence      = "SELECT count(*) FROM findings"
	countAnalyzed      = "SELECT count(*) FROM incidents WHERE analysis_state = 'complete'"
)

func ask(tb testing.TB, db *sql.DB, query string) int {
	tb.Helper()
	n := 0
	require.NoError(tb, db.QueryRowContext(tb.Context(), query).Scan(&n))
	return n
}

// reportFiles returns the names of the reports on disk: the facts of an incident are there when its file is.
func (p *program) reportFiles(tb testing.TB) []string {
	tb.Helper()
	var files []string
	for _, c := range p.copies {
		found, err := filepath.Glob(filepath.Join(c.dir, "reports", "*", "*.md"))
		require.NoError(tb, err)
		files = append(files, found...)
	}
	return files
}

// answeringModel is a model that answers each request after a while with the same plausible verdict. It costs next to
// nothing, since it shares the machine with what is measured: unlike modeltest's, it neither reads nor keeps what it is sent.
func answeringModel(tb testing.TB, after time.Duration) string {
	tb.Helper()
	question := "E1 the alert itself"
	verdict := modeltest.PlausibleVerdict(modeltest.Request{Messages: []modeltest.Message{{Role: "user", Content: &question}}})
	answer, err := json.Marshal(map[string]any{
		"id": "chatcmpl-bench", "object": "chat.completion", "created": 1, "model": "deepseek-flash",
		"choices": []any{map[string]any{"index": 0, "finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": verdict}}},
		"usage":   map[string]any{"prompt_tokens": 4000, "completion_tokens": 200, "total_tokens": 4200, "prompt_cache_hit_tokens": 1000, "prompt_cache_miss_tokens": 3000},
	})
	require.NoError(tb, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/models") {
			_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"deepseek-flash","object":"model","owned_by":"deepseek"}]}`)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(after)
		_, _ = w.Write(answer)
	}))
	tb.Cleanup(server.Close)
	return server.URL
}

// modelTakes is how long the stand-in thinks.
const modelTakes = 50 * time.Millisecond

// groupBody is the body of a group as Kubernetes' rules make them in a storm: one alert of 2 KB, half of all groups of one
// name (each pod a group of its own), the others of forty names, spread over twelve namespaces.
func groupBody(kind string, i int, expr string) []byte {
	name, severity := kind+"PodCrashLooping", "warning"
	if i%2 == 1 {
		name = fmt.Sprintf("%sAlert%d", kind, i/2%40)
		severity = []string{"critical", "warning", "info"}[i/2%3]
	}
	labels := map[string]string{
		"alertname": name, "severity": severity, "namespace": fmt.Sprintf("team-%d", i%12), "pod": fmt.Sprintf("web-%06d", i),
		"container": "web", "job": "kube-state-metrics", "cluster": "eu-1", "zone": fmt.Sprintf("z%d", i%3),
	}
	alert := map[string]any{
		"status": "firing", "labels": labels, "startsAt": time.Now().Add(-2 * time.Minute).UTC().Format(time.RFC3339Nano), "endsAt": "0001-01-01T00:00:00Z",
		"generatorURL": "http://prometheus:9090/graph?g0.expr=" + expr + "&g0.tab=1",
		"annotations": map[string]string{
			"summary":     "Pod is crash looping.",
			"description": fmt.Sprintf("Pod web-%06d is in waiting state. ", i) + strings.Repeat("More is said here. ", 60),
			"runbook_url": "https://runbooks.example/" + name,
		},
	}
	return message(fmt.Sprintf("{}/{kind=%q}:{pod=\"web-%06d\"}", kind, i), map[string]string{"alertname": name, "pod": labels["pod"]}, alert)
}

// message is a notification of a group.
func message(groupKey string, groupLabels map[string]string, alerts ...map[string]any) []byte {
	body, err := json.Marshal(map[string]any{
		"version": "4", "receiver": "alertscribe", "status": "firing", "groupKey": groupKey, "groupLabels": groupLabels,
		"externalURL": "http://alertmanager:9093", "truncatedAlerts": 0, "alerts": alerts,
	})
	if err != nil {
		panic(err)
	}
	return body
}

// reportLatencies sorts what requests took and reports it.
func reportLatencies(b *testing.B, took []time.Duration, prefix string) {
	b.Helper()
	slices.Sort(took)
	at := func(percent int) float64 {
		if len(took) == 0 {
			return 0
		}
		return float64(took[min(len(took)-1, len(took)*percent/100)].Microseconds()) / 1000
	}
	b.ReportMetric(at(50), prefix+"p50-ms")
	b.ReportMetric(at(99), prefix+"p99-ms")
	b.ReportMetric(at(100), prefix+"max-ms")
}

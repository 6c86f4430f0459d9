package testbed_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// exporter serves one gauge, broken, and answers whether it does is up to the test.
func exporter(t *testing.T) (addr string, broken *atomic.Int64) {
	t.Helper()
	broken = new(atomic.Int64)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "broken %d\n", broken.Load())
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://"), broken
}

// webhook passes on the statuses that it is notified of, and the first notification's authorization header.
func webhook(t *testing.T) (addr string, got <-chan [2]string) {
	t.Helper()
	ch := make(chan [2]string, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body struct{ Status string }
		if assert.NoError(t, json.NewDecoder(r.Body).Decode(&body)) {
			ch <- [2]string{body.Status, r.Header.Get("Authorization")}
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL, ch
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func next(t *testing.T, ch <-chan [2]string) [2]string {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(60 * time.Second):
		require.FailNow(t, "no notification")
		return [2]string{}
	}
}

func TestPairFiresAndResolves(t *testing.T) {
	target, broken := exporter(t)
	hook, got := webhook(t)
	pair := testbedtest.Start(t, testbed.Options{
		Prometheus: testbed.PrometheusConfig{
			Targets: []string{target},
			Rules:   "groups: [{name: app, rules: [{alert: Broken, expr: broken == 1}]}]",
		},
		Alertmanager: testbed.AlertmanagerConfig{
			WebhookURL: hook,
			HTTPConfig: map[string]any{"authorization": map[string]any{"credentials": "token"}},
		},
	})
	broken.Store(1)
	assert.Equal(t, [2]string{"firing", "Bearer token"}, next(t, got))
	broken.Store(0)
	assert.Equal(t, [2]string{"resolved", "Bearer token"}, next(t, got))
	assert.Contains(t, pair.Logs(), "Server is ready")
	require.NoError(t, pair.Stop())
	require.NoError(t, pair.Stop(), "stopping twice")
	status, _ := get(t, pair.PromURL)
	assert.Zero(t, status)
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	bins := testbedtest.Require(t)
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, err = testbed.StartPrometheus(t.Context(), bins, t.TempDir(), testbed.PrometheusConfig{Rules: "groups: [{name: x, rules: [{alert: A, expr: '1 +'}]}]"})
	require.ErrorContains(t, err, "parse error")
	_, err = testbed.StartAlertmanager(t.Context(), bins, t.TempDir(), testbed.AlertmanagerConfig{WebhookURL: "nowhere"})
	require.ErrorContains(t, err, "unsupported scheme")
	_, err = testbed.StartPrometheus(t.Context(), bins, t.TempDir(), testbed.PrometheusConfig{Listen: taken.Addr().String()})
	require.ErrorContains(t, err, "the port is taken")
	_, err = testbed.StartPrometheus(t.Context(), testbed.Binaries{}, t.TempDir(), testbed.PrometheusConfig{})
	require.ErrorContains(t, err, "path is not known")
	_, err = testbed.Start(t.Context(), bins, testbed.Options{Dir: t.TempDir(), Alertmanager: testbed.AlertmanagerConfig{WebhookURL: "http://127.0.0.1:1"}, Prometheus: testbed.PrometheusConfig{Flags: []string{"--nonsense"}}})
	require.ErrorContains(t, err, "unknown long flag")
}

func TestContextEndsServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, err := testbed.StartAlertmanager(ctx, testbedtest.Require(t), t.TempDir(), testbed.AlertmanagerConfig{WebhookURL: "http://127.0.0.1:1"})
	require.NoError(t, err)
	cancel()
	<-s.Done()
	assert.Contains(t, s.Logs(), "SIGTERM", "it was asked, not killed")
}

func TestKilledServerComesBackAtTheSameAddress(t *testing.T) {
	bins, dir := testbedtest.Require(t, testbed.Prometheus), t.TempDir()
	s, err := testbed.StartPrometheus(t.Context(), bins, dir, testbed.PrometheusConfig{})
	require.NoError(t, err)
	require.NoError(t, s.Kill())
	again, err := testbed.StartPrometheus(t.Context(), bins, dir, testbed.PrometheusConfig{Listen: s.Addr})
	require.NoError(t, err)
	assert.Equal(t, s.URL, again.URL)
	require.NoError(t, again.Stop())
}

func TestServersDieWithTheirParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends children with their parent")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), roleEnv+"="+t.TempDir())
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(stdout)
	require.True(t, lines.Scan())
	server := lines.Text()
	status, _ := get(t, server+"/-/ready")
	assert.Equal(t, http.StatusOK, status)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	assert.Eventually(t, func() bool { status, _ := get(t, server+"/-/ready"); return status == 0 }, time.Minute, 50*time.Millisecond)
}

func TestBackfill(t *testing.T) {
	data := t.TempDir()
	var text strings.Builder
	text.WriteString("# TYPE temperature gauge\n")
	start := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	for i := range 100 {
		fmt.Fprintf(&text, "temperature{room=\"1\"} %d %d\n", i, start.Unix()+int64(i)*15)
	}
	text.WriteString("# EOF\n")
	bins := testbedtest.Require(t, testbed.Promtool)
	require.NoError(t, testbed.Backfill(t.Context(), bins, strings.NewReader(text.String()), data))
	s := testbedtest.StartPrometheus(t, testbed.PrometheusConfig{DataDir: data})
	query := url.Values{"query": {"max_over_time(temperature[10m])"}, "time": {start.Add(20 * time.Minute).Format(time.RFC3339)}}
	status, body := get(t, s.URL+"/api/v1/query?"+query.Encode())
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, body, `"80"`)

	err := testbed.Backfill(t.Context(), bins, strings.NewReader("nonsense"), data)
	require.Error(t, err)
	require.Error(t, testbed.Backfill(t.Context(), bins, io.MultiReader(errReader{}), data))
	require.ErrorContains(t, testbed.Backfill(t.Context(), testbed.Binaries{}, nil, data), "promtool")
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("broken disk") }

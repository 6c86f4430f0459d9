package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/redact"
)

// runMainEnv makes the test binary behave as alertscribe, so that tests can kill it, limit it and run it as somebody.
const runMainEnv = "ALERTSCRIBE_TEST_RUN_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(runMainEnv) != "" {
		signal.Ignore(syscall.SIGXFSZ) // a file size limit stands for a full disk: writes shall fail, not kill
		os.Exit(run())
	}
	if filepath.Base(os.Args[0]) != "alertscribe" { // as which testscript runs this binary, with our own flags
		waitTogether()
	}
	testscript.Main(m, map[string]func(){"alertscribe": func() { os.Exit(run()) }})
}

// waitTogether lets parallel tests be more than two processors: they wait by the clock, for scrapes, rules and Alertmanager. What works is
// not among them, since it would make them late.
func waitTogether() {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", "4") // it exists
	}
}

// service is an alertscribe within the test's process.
type service struct {
	t    testing.TB
	app  *app
	cfg  *config
	url  string
	stop func() error // may be called twice; then logs is complete
	logs *shared
}

// startService starts a service with all defaults, in a directory of its own, after change has had its say.
func startService(t testing.TB, change func(*config)) *service {
	t.Helper()
	return startIn(t, t.TempDir(), appOptions{}, change)
}

// startIn is startService for a directory, where a service may have run before, and options.
func startIn(t testing.TB, dir string, o appOptions, change func(*config)) *service {
	t.Helper()
	cfg := configIn(t, dir, change)
	o.softStop = time.Second
	var logs shared
	a, err := newApp(t.Context(), cfg, o, promslog.New(&promslog.Config{Writer: &logs}))
	require.NoError(t, err)
	a.start(t.Context())
	s := &service{t: t, app: a, cfg: cfg, logs: &logs, url: "http://" + a.listener.Addr().String() + o.routePrefix}
	s.stop = sync.OnceValue(func() error { return a.stop(context.WithoutCancel(t.Context())) })
	t.Cleanup(func() {
		require.NoError(t, s.stop())
		if t.Failed() {
			t.Logf("log of the service:\n%s", tail(logs.String(), 8<<10))
		}
	})
	return s
}

func configIn(t testing.TB, dir string, change func(*config)) *config {
	t.Helper()
	cfg, err := loadConfig("", func(string) string { return "" }, "127.0.0.1:0")
	require.NoError(t, err)
	cfg.Reports.Dir = filepath.Join(dir, "reports")
	cfg.Storage.DatabaseURL = redact.Secret(sqliteScheme + filepath.Join(dir, "data", "alertscribe.db"))
	cfg.Analysis.Settle = 0 // what resolves at once has tests of its own
	if change != nil {
		change(cfg)
	}
	return cfg
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// withModel points a service at a stand-in model.
func withModel(m *modeltest.Server) func(*config) {
	return func(c *config) {
		c.LLM.BaseURL, c.LLM.Key = m.URL, "sk-test-key-of-the-stand-in"
		c.LLM.Timeout = 0
		if err := c.LLM.Timeout.Set("5s"); err != nil {
			panic(err)
		}
	}
}

func newModel(t testing.TB) *modeltest.Server {
	t.Helper()
	m, err := modeltest.New()
	require.NoError(t, err)
	t.Cleanup(m.Close)
	return m
}

// accepted is the answer to a notification.
type accepted struct {
	code   int
	raw    string
	Status string `json:"status"`
	// Incident is nil when the notification belongs to none.
	Incident      *string `json:"incident"`
	ReportURL     string  `json:"report_url"`
	Analysis      string  `json:"analysis"`
	AnalysisState string  `json:"analysis_state"`
	ReportPath    string  `json:"report_path"`
	Reason        string  `json:"reason"`
}

func post(ctx context.Context, client *http.Client, url string, body []byte) (accepted, error) {
	var a accepted
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return a, err
	}
	a.code, a.raw = resp.StatusCode, string(raw)
	return a, json.Unmarshal(raw, &a)
}

func (s *service) post(path string, body []byte) accepted {
	s.t.Helper()
	a, err := post(s.t.Context(), http.DefaultClient, s.url+path, body)
	require.NoError(s.t, err, a.raw)
	return a
}

// open posts a firing alert of that name and returns its incident's id.
func (s *service) open(name string) string {
	s.t.Helper()
	a := s.post("/alert", oneAlert(name, incident.Firing))
	require.Equal(s.t, http.StatusAccepted, a.code, a.raw)
	require.NotNil(s.t, a.Incident)
	return *a.Incident
}

// incident returns an incident as the store has it.
func (s *service) incident(id string) (*incident.Incident, incident.Findings) {
	s.t.Helper()
	inc, found, err := s.app.store.Incident(s.t.Context(), id)
	require.NoError(s.t, err)
	return inc, found
}

// await polls until ok, for at most within.
func (s *service) await(id string, within time.Duration, what string, ok func(*incident.Incident) bool) *incident.Incident {
	s.t.Helper()
	var inc *incident.Incident
	require.Eventually(s.t, func() bool {
		inc, _ = s.incident(id)
		return ok(inc)
	}, within, 10*time.Millisecond, what)
	return inc
}

func (s *service) report(inc *incident.Incident) string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.cfg.Reports.Dir, filepath.FromSlash(inc.ReportPath)))
	if errors.Is(err, os.ErrNotExist) { // not yet
		return ""
	}
	require.NoError(s.t, err)
	return string(b)
}

func onDisk(inc *incident.Incident) bool { return inc.FileRevision > 0 }

// current says that the file shows all that is known.
func current(inc *incident.Incident) bool { return inc.FileRevision == inc.Revision }

// oneAlert is a body as Alertmanager sends it, for a group of one alert.
func oneAlert(name string, status incident.Status) []byte {
	ends := "0001-01-01T00:00:00Z"
	if status == incident.Resolved {
		ends = "2026-11-20T08:40:00Z"
	}
	return fmt.Appendf(nil, `{"receiver":"alertscribe","status":%[2]q,"alerts":[{"status":%[2]q,"labels":{"alertname":%[1]q,
		"instance":"web-1:9100","job":"node","severity":"critical"},"annotations":{"summary":"%[1]s is not well"},
		"startsAt":"2026-11-20T08:30:00Z","endsAt":%[3]q,"generatorURL":"http://prometheus:9090/graph?g0.expr=up+%%3D%%3D+0",
		"fingerprint":"0"}],"groupLabels":{"alertname":%[1]q},"commonLabels":{"alertname":%[1]q},"commonAnnotations":{},
		"externalURL":"http://alertmanager:9093","version":"4","groupKey":"{}:{alertname=\"%[1]s\"}","truncatedAlerts":0}`,
		name, status, ends)
}

// reportsOnDisk returns the paths of all reports by the id in their front matter.
func reportsOnDisk(t testing.TB, dir string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".md") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, rest, ok := strings.Cut(string(b), "\nid: ")
		if !ok {
			return fmt.Errorf("%s has no id", path)
		}
		id, _, _ := strings.Cut(rest, "\n")
		id = strings.Trim(id, `"`)
		found[id] = append(found[id], path)
		return nil
	}))
	return found
}

package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// reloadable starts a service whose configuration is a file, and returns what writes it anew.
func reloadable(t *testing.T, o appOptions, text string) (s *service, rewrite func(string)) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "alertscribe.yml")
	rewrite = func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	rewrite(text)
	read := func(address string) (*config, error) {
		vars := map[string]string{"REPORT_DIR": filepath.Join(dir, "reports"), "DATABASE_URL": sqliteScheme + filepath.Join(dir, "a.db")}
		return loadConfig(file, func(name string) string { return vars[name] }, address)
	}
	o.configFile = file
	o.load = func() (*config, error) { return read("") }
	s = startIn(t, dir, o, func(c *config) {
		cfg, err := read("127.0.0.1:0")
		require.NoError(t, err)
		*c = *cfg
	})
	return s, rewrite
}

func (s *service) reload() (status int, answer string) {
	s.t.Helper()
	resp, err := http.Post(s.url+"/-/reload", "", nil) //nolint:noctx // a test's
	require.NoError(s.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp.StatusCode, string(b)
}

// reports waits until so many reports are on disk.
func (s *service) reports(n int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		files, err := filepath.Glob(filepath.Join(s.cfg.Reports.Dir, "*", "*.md"))
		require.NoError(s.t, err)
		return len(files) == n
	}, soon, 20*time.Millisecond, "not %d reports", n)
}

func (s *service) metrics() string {
	s.t.Helper()
	resp, err := http.Get(s.url + "/metrics") //nolint:noctx // a test's
	require.NoError(s.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return string(b)
}

// TestReload: a new configuration is taken over while the service runs; one with faults changes nothing and names all of them.
func TestReload(t *testing.T) {
	m := newModel(t)
	const still = "analysis: {settle: 0s}\n"
	s, rewrite := reloadable(t, appOptions{enableLifecycle: true}, still)
	s.open("DiskFull")
	s.reports(1)

	rewrite("analysis: {settle: 0s, workers: -1}\nreports: {language: fr}\n")
	status, answer := s.reload()
	assert.Equal(t, http.StatusInternalServerError, status)
	assert.Contains(t, answer, "former one stays")
	assert.Contains(t, answer, "reports")
	assert.Contains(t, s.metrics(), "alertscribe_config_last_reload_successful 0\n")

	key := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(key, []byte("sk-of-the-stand-in"), 0o600))
	rewrite(still + fmt.Sprintf("llm: {base_url: '%s', api_key_file: '%s'}\n", m.URL, key) +
		"web: {listen_address: ':1'}\n")
	status, answer = s.reload()
	require.Equal(t, http.StatusOK, status, answer)
	assert.Contains(t, s.metrics(), "alertscribe_config_last_reload_successful 1\n")
	assert.Contains(t, s.logs.String(), "key=web.listen_address")
	s.await(s.open("DiskFuller"), soon, "the model is not asked", func(inc *incident.Incident) bool { return inc.Analysis.State == incident.Complete })
}

// TestReloadIsGuarded: by the flag, the method, and against pages of other sites.
func TestReloadIsGuarded(t *testing.T) {
	for name, tc := range map[string]struct {
		enabled      bool
		method, site string
		status       int
	}{
		"not enabled":      {false, http.MethodPost, "", http.StatusForbidden},
		"as Prometheus":    {true, http.MethodPut, "", http.StatusOK},
		"a link":           {true, http.MethodGet, "", http.StatusMethodNotAllowed},
		"another page":     {true, http.MethodPost, "cross-site", http.StatusForbidden},
		"not enabled, GET": {false, http.MethodGet, "", http.StatusMethodNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := reloadable(t, appOptions{enableLifecycle: tc.enabled, routePrefix: "/as"}, "")
			before := s.app.setup
			req, err := http.NewRequestWithContext(t.Context(), tc.method, s.url+"/-/reload", nil)
			require.NoError(t, err)
			if tc.site != "" {
				req.Header.Set("Sec-Fetch-Site", tc.site)
			}
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			assert.Equal(t, tc.status, resp.StatusCode)
			assert.Equal(t, tc.status == http.StatusOK, s.app.setup != before)
		})
	}
}

// TestReloadNeedsTheToken: where the webhook has one.
func TestReloadNeedsTheToken(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("t0ken"), 0o600))
	s, _ := reloadable(t, appOptions{enableLifecycle: true}, "web: {webhook_token_file: '"+token+"'}\n")
	for authorization, want := range map[string]int{
		"": http.StatusUnauthorized, "Bearer other": http.StatusUnauthorized, "Bearer ": http.StatusUnauthorized, "Bearer t0ken": http.StatusOK,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/-/reload", nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", authorization)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, want, resp.StatusCode, authorization)
	}
}

// TestReloadUnderLoad: while the configuration is read again and again no request fails, each incident has its report, and a
// channel is told of each once.
func TestReloadUnderLoad(t *testing.T) {
	var mu sync.Mutex
	told := map[string]int{}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		told[r.Header.Get("Idempotency-Key")]++
	}))
	defer receiver.Close()
	settings := "analysis: {settle: 0s}\nnotify: {channels: [{name: team, events: [opened], webhook: {url: '" + receiver.URL + "'}}]}\n"
	s, rewrite := reloadable(t, appOptions{enableLifecycle: true}, settings)

	const clients, each, least = 4, 25, 3
	var failed, posts, reloaded atomic.Int64
	var posting sync.WaitGroup
	for c := range clients {
		posting.Go(func() {
			for i := 0; i < each || reloaded.Load() < least; i++ { // however long a reload takes
				posts.Add(1)
				a, err := post(t.Context(), http.DefaultClient, s.url+"/alert", oneAlert(fmt.Sprintf("A%d-%d", c, i), incident.Firing))
				if err != nil || a.code != http.StatusAccepted || a.Incident == nil {
					failed.Add(1)
				}
			}
		})
	}
	posted := make(chan struct{})
	go func() { posting.Wait(); close(posted) }()
	for done := false; !done; reloaded.Add(1) {
		rewrite(settings + fmt.Sprintf("reports: {time_zone: %s}\n", []string{"UTC", "Asia/Shanghai"}[reloaded.Load()%2]))
		status, answer := s.reload()
		require.Equal(t, http.StatusOK, status, answer)
		select {
		case <-posted:
			done = true
		default:
		}
	}
	assert.Zero(t, failed.Load())
	sent := int(posts.Load())
	s.reports(sent)
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(told) >= sent
	}, time.Minute, 50*time.Millisecond, "the channel is not told: %v", func() int { mu.Lock(); defer mu.Unlock(); return len(told) })
	mu.Lock()
	defer mu.Unlock()
	assert.Len(t, told, sent)
	messages := 0
	for _, n := range told {
		messages += n
	}
	assert.LessOrEqual(t, messages, sent+int(reloaded.Load()), "only what a reload has cut short is sent again")
}

// TestReloadAfterStop: a request that comes too late says so.
func TestReloadAfterStop(t *testing.T) {
	s, _ := reloadable(t, appOptions{enableLifecycle: true}, "")
	s.app.stopWork()
	assert.ErrorIs(t, s.app.reload(t.Context()), errStopped)
}

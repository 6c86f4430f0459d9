package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/redact"
)

// do sends a request; header holds names and values in turn.
func do(t *testing.T, client *http.Client, method, url string, body []byte, header ...string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(b)
}

func get(t *testing.T, url string) (status int, text string) {
	t.Helper()
	return do(t, http.DefaultClient, http.MethodGet, url, nil)
}

func TestTakenPort(t *testing.T) {
	first := startService(t, nil)
	dir := t.TempDir()
	cfg := configIn(t, dir, func(c *config) { c.Web.ListenAddress = first.app.listener.Addr().String() })
	_, err := newApp(t.Context(), cfg, appOptions{}, promslog.NewNopLogger())
	require.ErrorContains(t, err, "address already in use")
	require.ErrorContains(t, err, "set --web.listen-address or LISTEN_ADDRESS")
	assert.NoDirExists(t, filepath.Join(dir, "data"), "nothing was made")
}

func TestSecondServiceIsRefused(t *testing.T) {
	dir := t.TempDir()
	first := startIn(t, dir, appOptions{}, nil)
	cfg := configIn(t, dir, func(c *config) { c.Web.ListenAddress = freeAddress(t) })
	_, err := newApp(t.Context(), cfg, appOptions{}, promslog.NewNopLogger())
	require.ErrorContains(t, err, fmt.Sprintf("in use by process %d", os.Getpid()))
	require.ErrorContains(t, err, cfg.databasePath())
	require.ErrorContains(t, err, "DATABASE_URL")
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", cfg.Web.ListenAddress)
	require.NoError(t, err, "its port is free again")
	require.NoError(t, l.Close())
	first.open("StillWell")

	require.NoError(t, first.stop())
	startIn(t, dir, appOptions{}, nil).open("Successor")
}

func TestUnusableDirectories(t *testing.T) {
	occupied := file(t, "occupied", "")
	for name, tc := range map[string]struct {
		change func(*config)
		want   string
	}{
		"reports": {func(c *config) { c.Reports.Dir = filepath.Join(occupied, "reports") }, "REPORT_DIR"},
		"database": {func(c *config) {
			c.Storage.DatabaseURL = redact.Secret(sqliteScheme + filepath.Join(occupied, "data", "a.db"))
		}, "opening the database"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newApp(t.Context(), configIn(t, t.TempDir(), tc.change), appOptions{}, promslog.NewNopLogger())
			require.ErrorContains(t, err, tc.want)
			assert.Equal(t, 1, strings.Count(err.Error(), tc.want), "said twice: %v", err)
			assert.Regexp(t, `set (REPORT_DIR|DATABASE_URL) to a (directory|path)`, err.Error(), "no way out")
		})
	}
}

// TestGracefulStop: somebody waits for an analysis that hangs. The stop does not wait for the model, who waits is told that
// the notification is accepted, and after the next start everything is done that was accepted.
func TestGracefulStop(t *testing.T) {
	m := newModel(t)
	m.Always(modeltest.Hang())
	dir := t.TempDir()
	s := startIn(t, dir, appOptions{}, func(c *config) {
		withModel(m)(c)
		require.NoError(t, c.LLM.Timeout.Set("1h")) // what is cut off is cut off by the stop
	})
	waited := make(chan error, 1)
	go func() {
		a, err := post(context.Background(), http.DefaultClient, s.url+"/alert?wait=10m", oneAlert("Waiting", incident.Firing))
		if err == nil && a.code != http.StatusAccepted {
			err = fmt.Errorf("answered %d: %s", a.code, a.raw)
		}
		waited <- err
	}()
	require.Eventually(t, func() bool { return len(m.Requests()) == 1 }, soon, 10*time.Millisecond)
	var ids []string
	for i := range 20 {
		ids = append(ids, s.open(fmt.Sprintf("Other%d", i)))
	}
	begun := time.Now()
	require.NoError(t, s.stop())
	assert.Less(t, time.Since(begun), soon, "the model would take an hour")
	require.NoError(t, <-waited)

	m.Always(modeltest.Verdict())
	s = startIn(t, dir, appOptions{}, withModel(m))
	list, _, err := s.app.store.Incidents(t.Context(), incident.Query{Limit: 100})
	require.NoError(t, err)
	require.Len(t, list, len(ids)+1)
	for _, inc := range list {
		assert.Zero(t, inc.Analysis.Attempts, "being stopped is no failed attempt")
		s.await(inc.ID, soon, "done after the next start", func(inc *incident.Incident) bool {
			return inc.Analysis.State == incident.Complete && current(inc)
		})
	}
}

// TestWait: whoever waits gets the report.
func TestWait(t *testing.T) {
	m := newModel(t)
	s := startService(t, withModel(m))
	a := s.post("/alert?wait=30s", oneAlert("Waiting", incident.Firing))
	assert.Equal(t, http.StatusOK, a.code, a.raw)
	assert.Equal(t, "success", a.Status)
	assert.Equal(t, "complete", a.AnalysisState)
	b, err := os.ReadFile(a.ReportPath)
	require.NoError(t, err, "as REPORT_DIR was given")
	assert.Contains(t, string(b), "analysis: complete")
	assert.Contains(t, a.Analysis, "# Waiting")
}

// certificate writes a self-signed certificate for 127.0.0.1 and its key, and returns a pool that trusts it.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cert.pem"), cert, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(cert))
	return pool
}

func TestTLSAndBasicAuth(t *testing.T) {
	dir := t.TempDir()
	pool := certificate(t, dir)
	web := filepath.Join(dir, "web.yml")
	require.NoError(t, os.WriteFile(web, []byte("tls_server_config: {cert_file: cert.pem, key_file: key.pem}\nbasic_auth_users:\n  us: "+bcryptOfTest+"\n"), 0o600))
	s := startIn(t, dir, appOptions{webConfigFile: web}, nil)
	url := "https://" + s.app.listener.Addr().String()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	t.Cleanup(client.CloseIdleConnections)

	for _, page := range []string{"/", "/reports", "/metrics", "/health", "/api/v1/incidents"} {
		code, text := do(t, client, http.MethodGet, url+page, nil)
		assert.Equal(t, http.StatusUnauthorized, code, page)
		assert.NotContains(t, text, "alertscribe_")
	}
	body := oneAlert("Guarded", incident.Firing)
	code, _ := do(t, client, http.MethodPost, url+"/alert", body)
	assert.Equal(t, http.StatusUnauthorized, code, "the webhook, too")
	list, _, err := s.app.store.Incidents(t.Context(), incident.Query{Limit: 1})
	require.NoError(t, err)
	assert.Empty(t, list)

	basic := func(method, path string, body []byte, password string) int {
		req, err := http.NewRequestWithContext(t.Context(), method, url+path, bytes.NewReader(body))
		require.NoError(t, err)
		req.SetBasicAuth("us", password)
		resp, err := client.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	assert.Equal(t, http.StatusUnauthorized, basic(http.MethodPost, "/alert", body, "wrong"))
	assert.Equal(t, http.StatusAccepted, basic(http.MethodPost, "/alert", body, "correct horse"))
	assert.Equal(t, http.StatusOK, basic(http.MethodGet, "/reports", nil, "correct horse"))

	code, text := get(t, strings.Replace(url, "https:", "http:", 1)+"/-/healthy")
	assert.Equal(t, http.StatusBadRequest, code, "nothing is said in the clear")
	assert.Contains(t, text, "HTTPS")
}

func TestWebhookToken(t *testing.T) {
	s := startService(t, func(c *config) { c.Web.WebhookToken = "t0ken" })
	body := oneAlert("Guarded", incident.Firing)
	for name, header := range map[string][]string{
		"none": nil, "wrong": {"Authorization", "Bearer t0ke"}, "longer": {"Authorization", "Bearer t0ken2"},
		"another scheme": {"Authorization", "Basic t0ken"}, "empty": {"Authorization", "Bearer "},
	} {
		t.Run(name, func(t *testing.T) {
			code, text := do(t, http.DefaultClient, http.MethodPost, s.url+"/alert", body, header...)
			assert.Equal(t, http.StatusUnauthorized, code)
			assert.NotContains(t, text, "t0ken")
		})
	}
	list, _, err := s.app.store.Incidents(t.Context(), incident.Query{Limit: 1})
	require.NoError(t, err)
	assert.Empty(t, list, "nothing was stored")
	code, text := do(t, http.DefaultClient, http.MethodPost, s.url+"/alert", body, "Authorization", "Bearer t0ken")
	assert.Equal(t, http.StatusAccepted, code, text)
	code, _ = get(t, s.url+"/reports")
	assert.Equal(t, http.StatusOK, code, "the token is the webhook's alone")
}

// TestForeignHostsInService: with an external URL or names in the settings, a name that leads here is not enough.
func TestForeignHostsInService(t *testing.T) {
	for name, tc := range map[string]struct {
		external string
		hosts    []string
		foreign  int // the answer to another name
	}{
		"no name is known": {"", nil, http.StatusOK},
		"an external URL":  {"https://alerts.example.com/ops", nil, http.StatusMisdirectedRequest},
		"the settings":     {"", []string{"alerts.example.com"}, http.StatusMisdirectedRequest},
		"both":             {"https://people.example.com/ops", []string{"alerts.example.com"}, http.StatusMisdirectedRequest},
	} {
		t.Run(name, func(t *testing.T) {
			s := startIn(t, t.TempDir(), appOptions{externalURL: tc.external}, func(c *config) { c.Web.Hosts = tc.hosts })
			ask := func(host, path string) (int, string) {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, http.NoBody)
				require.NoError(t, err)
				req.Host = host
				resp, err := http.DefaultClient.Do(req)
				require.NoError(t, err)
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				return resp.StatusCode, string(body)
			}
			for _, host := range []string{"alerts.example.com", "127.0.0.1:5008", "alertscribe:5008"} {
				code, _ := ask(host, "/reports")
				assert.Equal(t, http.StatusOK, code, host)
			}
			code, body := ask("rebound.example.org", "/api/v1/incidents")
			assert.Equal(t, tc.foreign, code, body)
			if code != http.StatusOK {
				assert.Contains(t, body, "web.hosts")
			}
			code, _ = ask("rebound.example.org", "/metrics")
			assert.Equal(t, http.StatusOK, code, "a scrape by any name")
			code, _ = ask("rebound.example.org", "/metrics/anomalies")
			assert.NotEqual(t, http.StatusOK, code)
			s.open("StillAccepted")
		})
	}
}

func TestExternalURLInService(t *testing.T) {
	const external = "https://example.com/ops/alertscribe"
	tests := map[string]struct{ routePrefix, other string }{
		"routes under its path":  {"/ops/alertscribe", ""},
		"a proxy that strips it": {"", "/ops/alertscribe"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := startIn(t, t.TempDir(), appOptions{externalURL: external, routePrefix: tc.routePrefix}, nil)
			a := s.post("/alert", oneAlert("Linked", incident.Firing))
			require.Equal(t, http.StatusAccepted, a.code, a.raw)
			assert.Equal(t, "/ops/alertscribe/reports/"+*a.Incident, a.ReportURL)
			inc := s.await(*a.Incident, soon, "done", func(inc *incident.Incident) bool {
				return inc.Analysis.State != incident.Pending && current(inc)
			})
			assert.Contains(t, s.report(inc), external+"/reports/"+inc.ID)

			for _, page := range []string{"/", "/reports", "/reports/" + inc.ID} {
				code, text := get(t, s.url+page)
				require.Equal(t, http.StatusOK, code, page)
				for _, link := range regexp.MustCompile(`(?:href|src)="(/[^"]*)"`).FindAllStringSubmatch(text, -1) {
					assert.True(t, strings.HasPrefix(link[1], "/ops/alertscribe/"), "%s links to %s", page, link[1])
					code, _ := get(t, s.url+strings.TrimPrefix(link[1], "/ops/alertscribe"))
					assert.Equal(t, http.StatusOK, code, link[1])
				}
			}
			root := strings.TrimSuffix(s.url, tc.routePrefix)
			for _, path := range []string{"/alert", "/metrics", "/reports"} {
				code, _ := get(t, root+tc.other+path)
				assert.Equal(t, http.StatusNotFound, code, "not outside of the prefix")
			}
		})
	}
}

// TestNoRedirect: Alertmanager follows a redirect with a GET, whose 200 it takes for delivered.
func TestNoRedirect(t *testing.T) {
	s := startIn(t, t.TempDir(), appOptions{routePrefix: "/p"}, nil)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	root := strings.TrimSuffix(s.url, "/p")
	for _, path := range []string{"/p/alert", "/p/alert/", "/p//alert", "/alert", "//p/alert", "/p/./alert", "/p", "/p/", "/", "/p/reports", "/p/reports/", "/p/ALERT"} {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			code, _ := do(t, client, method, root+path, oneAlert("A", incident.Firing))
			assert.False(t, code >= 300 && code < 400, "%s %s: %d", method, path, code)
		}
	}
}

// TestDocumentedMetrics: every metric of docs/operations.md is there from the start, with the labels and values that
// the page names.
func TestDocumentedMetrics(t *testing.T) {
	b, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	documented := regexp.MustCompile("`(alertscribe_[a-z_]+)(?:\\{([a-z_,]+)\\})?`").FindAllStringSubmatch(string(b), -1)
	require.Greater(t, len(documented), 8)
	s := startService(t, nil)
	code, text := get(t, s.url+"/metrics")
	require.Equal(t, http.StatusOK, code)
	for _, m := range documented {
		name, names := m[1], m[2]
		require.Regexp(t, `(?m)^# HELP `+name+` .+`, text)
		series := regexp.MustCompile(`(?m)^`+name+`(?:_count)?(?:\{(.*)\})? `).FindAllStringSubmatch(text, -1)
		require.NotEmpty(t, series, "%s has no series", name)
		for label := range strings.SplitSeq(names, ",") {
			if label != "" {
				assert.Contains(t, series[0][1], label+`="`, name)
			}
		}
	}
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 || !strings.Contains(cells[1], "{") {
			continue
		}
		name, _, _ := strings.Cut(strings.Trim(strings.TrimSpace(cells[1]), "`"), "{")
		for value := range strings.FieldsFuncSeq(cells[2], func(r rune) bool { return r == ',' || r == ';' || r == ' ' }) {
			if regexp.MustCompile(`^[a-z_]+$`).MatchString(value) {
				assert.Regexp(t, `(?m)^`+name+`\{.*="`+value+`"`, text)
			}
		}
	}
	documentedValues(t, string(b), text)
}

// documentedValues: the page names what /metrics has from the start, and in its table all values of labels.
func documentedValues(t *testing.T, page, metrics string) {
	t.Helper()
	detection := readFile(t, "../../docs/detection.md")
	rows := map[string]string{}
	for line := range strings.Lines(page) {
		for _, m := range regexp.MustCompile("`(alertscribe_[a-z_]+)").FindAllStringSubmatch(line, -1) {
			rows[m[1]] += line
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (alertscribe_[a-z_]+) `).FindAllStringSubmatch(metrics, -1) {
		assert.Contains(t, page+detection, m[1], "docs/operations.md, or docs/detection.md")
	}
	series, label := regexp.MustCompile(`(?m)^(alertscribe_[a-z_]+)\{(.*)\} `), regexp.MustCompile(`(\w+)="([a-z_]*)"`)
	for _, m := range series.FindAllStringSubmatch(metrics, -1) {
		row, ok := rows[m[1]]
		if !ok || strings.HasSuffix(m[1], "build_info") || strings.HasSuffix(m[1], "_evidence_failed_total") { // kinds are on a page of their own
			continue
		}
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			assert.Regexp(t, `\b`+l[2]+`\b`, row, "%s{%s=%q} in docs/operations.md", m[1], l[1], l[2])
		}
	}
}

// TestKilledAnalysisGoesOn: work that was running when the process was killed goes on within ten seconds of the start,
// not when its lease would have run out.
func TestKilledAnalysisGoesOn(t *testing.T) {
	m := newModel(t)
	m.Always(modeltest.Hang())
	dir, address := t.TempDir(), freeAddress(t)
	env := []string{"LLM_BASE_URL=" + m.URL, "DEEPSEEK_API_KEY=sk-of-the-stand-in"}
	p := startProcess(t, dir, address, nil, env...)
	a, err := post(t.Context(), http.DefaultClient, p.url+"/alert", oneAlert("Running", incident.Firing))
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, a.code, a.raw)
	require.Eventually(t, func() bool { return len(m.Requests()) == 1 }, soon, 10*time.Millisecond)
	p.kill()

	m.Always(modeltest.Verdict())
	p = startProcess(t, dir, address, nil, env...)
	require.Eventually(t, func() bool {
		_, report := get(t, p.url+"/reports/"+*a.Incident+".md")
		return strings.Contains(report, "\nanalysis: complete\n")
	}, beforeLease, 50*time.Millisecond)
}

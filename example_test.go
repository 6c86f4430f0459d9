package alertscribe_test

import (
	"bytes"
	"context"
	"encoding/json"
	flags "flag"
	"image"
	_ "image/png"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer"
	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/handler"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/redact"
	"github.com/alertscribe/alertscribe/report"
	"github.com/alertscribe/alertscribe/store"
)

var (
	update     = flags.Bool("update", false, "rewrite docs/example/report.md and its charts")
	screenshot = flags.Bool("screenshot", false, "make docs/example/report.png anew with a headless Chromium")
)

const (
	exampleDir      = "docs/example"
	exampleScenario = "testdata/quality/login-attack" // evidence of a real Prometheus, and answers written by hand
	exampleID       = "qzr7m2x4w6k3ta5bn2yd7fhvce"
	exampleLabel    = "> An example: the evidence was recorded from a real Prometheus, the model's two answers were written by hand, and tokens and cost " +
		"are estimated. Made by `go test . -run TestExample -update`.\n\n"
)

// exampleTime is when the notification arrives, as in the scenario.
var exampleTime = time.Date(2026, 11, 20, 8, 30, 12, 0, time.UTC)

// TestExample makes the example report that the documents show, the way the service makes one: the notification is accepted, the
// recorded evidence stored, the recorded answers go through the real analyzer with its checks, and the result is written as a file.
func TestExample(t *testing.T) {
	inc, found, db := exampleIncident(t)
	dir := filepath.Join(t.TempDir(), "reports")
	now := exampleTime.Add(40 * time.Second)
	w, err := report.New(report.Options{
		Dir: dir, Version: "1.0.0", Now: func() time.Time { return now },
		Servers: report.Servers{Others: []string{"http://prometheus.example:9090", "http://alertmanager.example:9093"}}, // as the settings have them
	})
	require.NoError(t, err)
	require.NoError(t, w.Write(t.Context(), inc, found))
	made := exampleFiles(t, filepath.Join(dir, filepath.Dir(inc.ReportPath)))
	if *update {
		require.NoError(t, os.RemoveAll(filepath.Join(exampleDir, "report")))
		require.NoError(t, os.MkdirAll(filepath.Join(exampleDir, "report"), 0o755))
		for name, b := range made {
			require.NoError(t, os.WriteFile(filepath.Join(exampleDir, name), b, 0o644))
		}
	}
	if *screenshot {
		takeScreenshot(t, w, inc, found, db, now)
	}
	there := exampleFiles(t, exampleDir)
	for name, b := range made {
		assert.Equal(t, string(b), string(there[name]), "%s: run go test . -run TestExample -update", name)
	}
	assert.Len(t, there, len(made))

	text := string(there["report.md"])
	for _, shown := range []string{"**FIRING** · critical", "analysis: complete", "Likely cause", "Verified: ", "(report/E2.svg)", "(report/E3.svg)"} {
		assert.Contains(t, text, shown)
	}
	assert.NotContains(t, text, "⚠", "nothing in it is marked or failed")
	png, err := os.Open(filepath.Join(exampleDir, "report.png"))
	require.NoError(t, err)
	defer png.Close()
	size, _, err := image.DecodeConfig(png)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, size.Width, 1000)
	info, err := png.Stat()
	require.NoError(t, err)
	assert.LessOrEqual(t, info.Size(), int64(200<<10), "the README loads it")
}

// exampleFiles returns the report of a directory and its charts under the names of the example.
func exampleFiles(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "real" { // reports of make real
			return fs.SkipDir
		}
		if err != nil || d.IsDir() || filepath.Ext(path) == ".png" {
			return err
		}
		b, err := os.ReadFile(path)
		if filepath.Ext(path) == ".svg" {
			files["report/"+filepath.Base(path)] = b
			return err
		}
		base := strings.TrimSuffix(filepath.Base(path), ".md")
		b = bytes.ReplaceAll(b, []byte("("+base+"/"), []byte("(report/"))
		if !bytes.Contains(b, []byte(exampleLabel)) {
			b = bytes.Replace(b, []byte("\n---\n\n"), []byte("\n---\n\n"+exampleLabel), 1)
		}
		files["report.md"] = b
		return err
	}))
	return files
}

// exampleIncident takes the example's scenario from its notification to a verified verdict.
func exampleIncident(t *testing.T) (*incident.Incident, incident.Findings, *store.Store) {
	t.Helper()
	inc, db := accepted(t, filepath.Join(exampleScenario, "payload.json"), exampleTime)
	inc.ReportPath = strings.Replace(inc.ReportPath, inc.ID[:8], exampleID[:8], 1)
	inc.ID = exampleID // it is random otherwise
	found := scenario{exampleScenario, exampleTime, "en"}.verified(t, inc)
	return inc, found, db
}

// accepted posts a notification and returns its incident as it is stored.
func accepted(t *testing.T, file string, at time.Time) (*incident.Incident, *store.Store) {
	t.Helper()
	ctx := t.Context()
	db, err := store.Open(ctx, store.Options{Path: filepath.Join(t.TempDir(), "example.db"), Now: func() time.Time { return at }})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	body, err := os.ReadFile(file)
	require.NoError(t, err)
	rec := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/alert", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	reports, err := report.New(report.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	web, err := handler.New(handler.Options{
		Store: db, Report: reports, Directory: reports, Analyzer: ready{}, Now: func() time.Time { return at },
	})
	require.NoError(t, err)
	web.ServeHTTP(rec, r)
	require.Equal(t, http.StatusAccepted, rec.Code, rec.Body.String())
	list, _, err := db.Incidents(ctx, incident.Query{Limit: 1})
	require.NoError(t, err)
	require.Len(t, list, 1)
	return list[0], db
}

// scenario is a folder of the quality suite, the time at which its notification arrives, and its language.
type scenario struct {
	dir      string
	at       time.Time
	language incident.Language
}

// collected stores the recorded evidence.
func (s scenario) collected(t *testing.T, inc *incident.Incident) (found incident.Findings) {
	t.Helper()
	s.read(t, "evidence.json", &found.Evidence)
	inc.EvidenceCollected(inc.Clone(), incident.DefaultPolicy(), s.at.Add(time.Second))
	return found
}

// verified has the analyzer read the recorded answers.
func (s scenario) verified(t *testing.T, inc *incident.Incident) incident.Findings {
	t.Helper()
	ctx, found, model := t.Context(), s.collected(t, inc), s.model(t)
	var err error
	found.Verdict, err = model.Draft(ctx, inc, found)
	require.NoError(t, err)
	inc.Drafted(inc.Clone(), found.Verdict.Spend, s.at.Add(11*time.Second))
	final, looked, err := model.Verify(ctx, inc, found)
	require.NoError(t, err)
	require.Empty(t, final.Verification.Reason, final.Verification.Detail)
	spent := final.Spend
	inc.Analyzed(inc.Clone(), incident.Spend{
		Calls: spent.Calls - inc.Spend.Calls, Prompt: spent.Prompt - inc.Spend.Prompt, Cached: spent.Cached - inc.Spend.Cached,
		Completion: spent.Completion - inc.Spend.Completion, Cost: spent.Cost - inc.Spend.Cost,
	}, s.at.Add(24*time.Second))
	final.Model, final.At = "example, written by hand", s.at.Add(24*time.Second)
	found.Evidence, found.Verdict = append(found.Evidence, looked...), final
	return found
}

// model is an analyzer that is answered with the recorded answers.
func (s scenario) model(t *testing.T) *analyzer.Analyzer {
	t.Helper()
	srv, err := modeltest.New()
	require.NoError(t, err)
	t.Cleanup(srv.Close)
	var recorded struct {
		Model   string
		Answers []string
	}
	s.read(t, "answers.json", &recorded)
	for _, answer := range recorded.Answers {
		srv.Next(modeltest.Content(answer))
	}
	a, err := analyzer.New(analyzer.Options{
		BaseURL: srv.URL, Model: recorded.Model, Key: redact.Secret("sk-example"), Ledger: analyzer.NewMemoryLedger(func() time.Time { return s.at }),
		Language: s.language, Verify: true, Refuter: recordedCounterEvidence{t, s}, Now: func() time.Time { return s.at },
	})
	require.NoError(t, err)
	return a
}

type recordedCounterEvidence struct {
	t *testing.T
	s scenario
}

// CounterEvidence returns what was looked up against the draft when the scenario was recorded.
func (r recordedCounterEvidence) CounterEvidence(context.Context, *incident.Incident, []incident.Check) (comparisons, answers []incident.Evidence) {
	var recorded struct{ Comparisons, Answers []incident.Evidence }
	r.s.read(r.t, "counter_evidence.json", &recorded)
	return recorded.Comparisons, recorded.Answers
}

func (s scenario) read(t *testing.T, file string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, file))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, into))
}

type ready struct{}

func (ready) Status() string { return "ready" }

func (ready) Answers() (read, unreadable int64) { return 0, 0 }

// shownStore shows one incident, whatever its database holds.
type shownStore struct {
	*store.Store
	inc   *incident.Incident
	found incident.Findings
}

// Incident returns the incident of the example.
func (s shownStore) Incident(context.Context, string) (*incident.Incident, incident.Findings, error) {
	return s.inc, s.found, nil
}

// takeScreenshot shows the page that the service serves to a headless browser.
func takeScreenshot(t *testing.T, w *report.Writer, inc *incident.Incident, found incident.Findings, db *store.Store, now time.Time) {
	t.Helper()
	browser, err := exec.LookPath("chromium")
	require.NoError(t, err, "-screenshot needs Chromium (Debian: apt install chromium)")
	web, err := handler.New(handler.Options{
		Store: shownStore{db, inc, found}, Report: w, Directory: w, Analyzer: ready{}, Version: "1.0.0", Now: func() time.Time { return now },
	})
	require.NoError(t, err)
	srv := httptest.NewServer(web)
	defer srv.Close()
	file, err := filepath.Abs(filepath.Join(exampleDir, "report.png"))
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--user-data-dir="+t.TempDir(),
		"--window-size=1100,770", "--screenshot="+file, srv.URL+"/reports/"+inc.ID).CombinedOutput()
	require.NoError(t, err, string(out))
}

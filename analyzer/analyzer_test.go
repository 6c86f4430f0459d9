package analyzer

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/incident"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testKey = "sk-0123456789abcdef0123456789abcdef"

var day = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) // a Friday, outside the peak hours

// clock is a time that tests set.
type clock struct{ t time.Time }

func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

type bench struct {
	*Analyzer
	srv   *modeltest.Server
	clock *clock
	reg   *prometheus.Registry
}

// newBench returns an analyzer in front of a fake model.
func newBench(t *testing.T, change ...func(*Options)) *bench {
	t.Helper()
	srv, err := modeltest.New()
	require.NoError(t, err)
	t.Cleanup(srv.Close)
	transport := newTransport(t)
	b := &bench{srv: srv, clock: &clock{day}, reg: prometheus.NewRegistry()}
	opts := Options{
		BaseURL: srv.URL, Key: testKey, Version: "1.2.3", Ledger: NewMemoryLedger(b.clock.now), Now: b.clock.now,
		Registerer: b.reg, Transport: transport, Timeout: time.Minute,
	}
	for _, c := range change {
		c(&opts)
	}
	b.Analyzer, err = New(opts)
	require.NoError(t, err)
	return b
}

// ask drafts a verdict on the incident and returns the failure, which every error must be.
func (b *bench) ask(t *testing.T, id string) (*incident.Verdict, *incident.Failure) {
	t.Helper()
	inc := testIncident()
	inc.ID = id
	verdict, err := b.Draft(t.Context(), inc, incident.Findings{Evidence: testEvidence()})
	if err == nil {
		return verdict, nil
	}
	require.Nil(t, verdict)
	var failure *incident.Failure
	require.ErrorAs(t, err, &failure)
	assert.NotContains(t, failure.Error(), testKey)
	assert.NotContains(t, failure.Error(), "\n")
	assert.LessOrEqual(t, len([]rune(failure.Err.Error())), maxDetail)
	return nil, failure
}

func testIncident() *incident.Incident {
	labels := map[string]string{"alertname": "HighLoginFailureRate", "severity": "critical", "ip_region": "shenzhen"}
	return &incident.Incident{
		ID: "aaaaaaaaaaaaaaaaaaaaaaaaaa", Receiver: "alertscribe", Alertname: "HighLoginFailureRate", Severity: "critical",
		GroupLabels: map[string]string{"alertname": "HighLoginFailureRate"}, Status: incident.Firing, Generation: 7,
		OpenedAt: day, StartedAt: day.Add(-time.Minute),
		Alerts: []incident.Alert{{
			Fingerprint: "1", Status: incident.Firing, Labels: labels, StartsAt: day.Add(-time.Minute),
			Annotations: map[string]string{"summary": "Login failures above 20 %"},
		}},
	}
}

func testEvidence() []incident.Evidence {
	return []incident.Evidence{
		{
			ID: "E1", Kind: incident.KindSignal, Title: "The alert's expression", Summary: "0.05 before, 0.62 at its peak.",
			Query: `sum(rate(user_login_total{login_status="failed"}[5m]))`, Start: day.Add(-time.Hour), End: day,
		},
		{
			ID: "E2", Kind: incident.KindDrilldown, Title: "By ip_region", Summary: "shenzhen carries the change.",
			Ranking: []incident.RankedSeries{{
				Labels: map[string]string{"ip_region": "shenzhen"}, Score: 12.34567, Direction: "up", Share: .853,
				Before: .05, After: .62, Onset: day.Add(-2 * time.Minute),
			}},
			Table: &incident.Table{Columns: []string{"region", "failures"}, Rows: [][]string{{"shenzhen", "620"}, {"beijing", "12"}}},
		},
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

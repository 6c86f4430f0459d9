package quality

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/evidence"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// serve starts a real Prometheus that holds the scenario's world, and returns a collector that asks it at the
// scenario's time.
func (s *scenario) serve(t *testing.T) *evidence.Collector {
	t.Helper()
	var text strings.Builder
	require.NoError(t, s.World.openMetrics(&text, s.Now.Time))
	rules, err := s.rules()
	require.NoError(t, err)
	dir := t.TempDir()
	bins := testbedtest.Require(t, testbed.Prometheus, testbed.Promtool)
	if strings.TrimSpace(text.String()) != "# EOF" { // promtool refuses to write nothing
		require.NoError(t, testbed.Backfill(t.Context(), bins, strings.NewReader(text.String()), dir))
	}
	server := testbedtest.StartPrometheus(t, testbed.PrometheusConfig{DataDir: dir, Rules: rules, Interval: time.Hour})
	at, err := url.Parse(server.URL)
	require.NoError(t, err)
	public, err := url.Parse("http://prometheus.example:9090") // the port is another one each time
	require.NoError(t, err)
	c, err := evidence.New(evidence.Options{
		Prometheus: promapi.Server{URL: at, PublicURL: public, HTTP: config.DefaultHTTPClientConfig},
		Language:   s.Language, Now: func() time.Time { return s.Now.Time },
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// recordEvidence collects the evidence anew and writes it down.
func (s *scenario) recordEvidence(t *testing.T, c *evidence.Collector) {
	t.Helper()
	var f incident.Findings
	f.See(c.Collect(t.Context(), s.incident(t), nil)) // which gives the ids
	s.evidence = f.Evidence
	text, err := evidenceLines(s.evidence)
	require.NoError(t, err)
	writeJSON(t, s.path("evidence.json"), text)
}

// recordCounterEvidence looks up the counter-evidence to a draft with these checks and writes it down.
func (s *scenario) recordCounterEvidence(t *testing.T, r refuter, checks []incident.Check) {
	t.Helper()
	memo := &remembering{refuter: r}
	memo.CounterEvidence(t.Context(), s.incident(t), checks)
	s.counterEvidence = memo.counterEvidence
	s.counterEvidence.save(t, s.dir)
}

func (r counterEvidence) save(t *testing.T, dir string) {
	t.Helper()
	checks, err := json.Marshal(r.Checks)
	require.NoError(t, err)
	comparisons, err := evidenceLines(r.Comparisons)
	require.NoError(t, err)
	answers, err := evidenceLines(r.Answers)
	require.NoError(t, err)
	writeJSON(t, filepath.Join(dir, "counter_evidence.json"), []byte(`{"checks": `+string(checks)+`, "comparisons": `+string(comparisons)+`, "answers": `+string(answers)+`}`))
}

func writeJSON(t *testing.T, file string, text []byte) {
	t.Helper()
	require.True(t, json.Valid(text), file)
	require.NoError(t, os.WriteFile(file, append(text, '\n'), 0o644))
}

// refuter is what the analyzer asks for counter-evidence.
type refuter interface {
	CounterEvidence(ctx context.Context, inc *incident.Incident, checks []incident.Check) (comparisons, answers []incident.Evidence)
}

// remembering is a refuter that keeps what another one has found.
type remembering struct {
	refuter
	counterEvidence
}

// CounterEvidence implements refuter.
func (r *remembering) CounterEvidence(ctx context.Context, inc *incident.Incident, checks []incident.Check) (comparisons, answers []incident.Evidence) {
	comparisons, answers = r.refuter.CounterEvidence(ctx, inc, checks)
	r.counterEvidence = counterEvidence{queries(checks), slices.Clone(comparisons), slices.Clone(answers)} // ids are given in place
	return comparisons, answers
}

// replayed is a refuter that finds what was found when the scenario was recorded.
type replayed struct {
	t *testing.T
	s *scenario
}

// CounterEvidence implements refuter.
func (r replayed) CounterEvidence(_ context.Context, _ *incident.Incident, checks []incident.Check) (comparisons, answers []incident.Evidence) {
	assert.Equal(r.t, r.s.counterEvidence.Checks, queries(checks), "the draft checks something else than was recorded: record it again with -record.evidence")
	return slices.Clone(r.s.counterEvidence.Comparisons), slices.Clone(r.s.counterEvidence.Answers)
}

func queries(checks []incident.Check) []string {
	out := []string{}
	for _, c := range checks {
		out = append(out, c.PromQL)
	}
	return out
}

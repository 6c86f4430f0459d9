package evidence

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/evidence/rcaeval"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/testbed"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

var rcaDir = flag.String("rca.dir", os.Getenv("RCA_DIR"), "recorded cases SERVICE-FAULT/{normal,anomalous}.csv to evaluate the suspects on")

// caseServer is cases in a real Prometheus, each in a namespace of its own.
type caseServer struct {
	url    string
	cases  map[string]*rcaeval.Case
	starts map[string]time.Time
	step   time.Duration
}

func serveCases(t *testing.T, prefix string, step time.Duration, list []*rcaeval.Case) *caseServer {
	t.Helper()
	s := &caseServer{cases: map[string]*rcaeval.Case{}, starts: map[string]time.Time{}, step: step}
	for i, c := range list {
		namespace := fmt.Sprintf("case-%d", i)
		s.cases[namespace] = c
		s.starts[namespace] = time.Now().Add(-time.Hour - time.Duration(c.Rows())*step).Truncate(time.Minute)
	}
	var data strings.Builder
	require.NoError(t, rcaeval.WriteOpenMetrics(&data, prefix, step, s.starts, s.cases))
	dir := t.TempDir()
	bins := testbedtest.Require(t, testbed.Prometheus, testbed.Promtool)
	require.NoError(t, testbed.Backfill(t.Context(), bins, strings.NewReader(data.String()), dir))
	s.url = testbedtest.StartPrometheus(t, testbed.PrometheusConfig{DataDir: dir}).URL
	return s
}

func (s *caseServer) onset(namespace string) time.Time {
	return s.starts[namespace].Add(time.Duration(s.cases[namespace].Onset) * s.step)
}

func (s *caseServer) end(namespace string) time.Time {
	return s.starts[namespace].Add(time.Duration(s.cases[namespace].Rows()) * s.step)
}

// suspects runs the real Collector for an alert in a namespace, and returns the item.
func (s *caseServer) suspects(t *testing.T, namespace string, fired, now time.Time) incident.Evidence {
	t.Helper()
	if end := s.end(namespace); now.After(end) {
		now = end
	}
	labels := map[string]string{"alertname": "SlowShop", "namespace": namespace, "severity": "critical"}
	inc := &incident.Incident{
		ID: namespace, Alertname: "SlowShop", Status: incident.Firing, Severity: "critical", OpenedAt: fired, StartedAt: fired,
		Alerts: []incident.Alert{{Fingerprint: incident.Fingerprint(labels), Status: incident.Firing, Labels: labels, StartsAt: fired, SeenAt: fired}},
	}
	c := collectorAt(t, s.url, now)
	defer c.Close() // hundreds of them would use up the server's connections
	for _, e := range c.Collect(t.Context(), inc, nil).Items {
		if e.Kind == incident.KindSuspects {
			require.False(t, e.Failed, e.Summary)
			return e
		}
	}
	require.Fail(t, "no suspects")
	return incident.Evidence{}
}

func services(e incident.Evidence) []string {
	var out []string
	for _, r := range e.Ranking {
		out = append(out, r.Labels["service"])
	}
	return out
}

// lookCase is one way to come upon the incidents of a server.
type lookCase struct {
	name  string
	late  time.Duration // of the alert, after the fault
	after time.Duration // of the look, after the alert
}

// run ranks all cases of a server and returns their tally.
func (s *caseServer) run(t *testing.T, trial lookCase) *rcaeval.Tally {
	t.Helper()
	tally := &rcaeval.Tally{}
	for namespace, c := range s.cases {
		fired := s.onset(namespace).Add(trial.late)
		tally.Add(c.Fault, c.Place(services(s.suspects(t, namespace, fired, fired.Add(trial.after)))))
	}
	return tally
}

const allRecorded = 24 * time.Hour // all that was recorded

// TestRecordedFaults prints how well the suspects name the service at fault in recorded systems, beside what was
// published for the same data: go test ./evidence -run TestRecordedFaults -v -rca.dir=DIR.
func TestRecordedFaults(t *testing.T) {
	if *rcaDir == "" {
		t.Skip("no recorded cases are given: set -rca.dir or RCA_DIR")
	}
	cases, err := rcaeval.Load(*rcaDir)
	require.NoError(t, err)
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "method\tCPU AC@1\tAC@3\tAvg@5\tMEM AC@1\tAC@3\tAvg@5")
	row := func(name string, tally *rcaeval.Tally) {
		cpu, mem := tally.Figures("cpu"), tally.Figures("mem")
		fmt.Fprintf(table, "%s\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\n", name, cpu.AC1, cpu.AC3, cpu.Avg5, mem.AC1, mem.AC3, mem.Avg5)
		assert.GreaterOrEqual(t, cpu.Avg5, .98, name)
		assert.GreaterOrEqual(t, mem.Avg5, .98, name)
	}
	stretched := serveCases(t, "shop_", 15*time.Second, cases)
	for _, trial := range []lookCase{
		{"true onset", 0, allRecorded},
		{"60 s late", time.Minute, allRecorded},
		{"60 rows late", 15 * time.Minute, allRecorded},
		{"30 s early", -30 * time.Second, allRecorded},
		{"looked 2 min after", 0, 2 * time.Minute},
		{"60 s late, looked 1 min after", time.Minute, time.Minute},
	} {
		row("a row per 15 s, "+trial.name, stretched.run(t, trial))
	}
	for every, name := range map[int]string{1: "1 s", 5: "5 s", 15: "15 s"} {
		var thin []*rcaeval.Case
		for _, c := range cases {
			thin = append(thin, c.Every(every))
		}
		scraped := serveCases(t, "shop_", time.Duration(every)*time.Second, thin)
		row("scraped every "+name+", true onset", scraped.run(t, lookCase{"", 0, allRecorded}))
		row("scraped every "+name+", 60 s late", scraped.run(t, lookCase{"", time.Minute, allRecorded}))
	}
	for _, published := range []string{
		"BARO\t\t\t.99\t\t\t.99", "BARO, 60 s late\t\t\t.98\t\t\t.98", "N-Sigma\t\t\t.98\t\t\t.99", "N-Sigma, 60 s late\t\t\t.15\t\t\t.33",
		"CausalRCA\t\t\t.84\t\t\t.84", "CIRCA\t\t\t.70\t\t\t.80", "RCD\t\t\t.63\t\t\t.66", "dummy\t\t\t.36\t\t\t.33",
	} {
		fmt.Fprintln(table, "published: "+published)
	}
	require.NoError(t, table.Flush())
	t.Logf("%d cases\n%s", len(cases), out.String())
}

var rcaSeed = flag.Uint64("rca.seed", 1, "the first of the synthetic systems")

var rcaSystems = flag.Int("rca.systems", 2, "synthetic systems of each kind of fault to evaluate the suspects on, and fivefold healthy ones")

// TestSyntheticFaults does the same for systems made up here, of other services, metrics and faults: drops, crashes
// and restarts among them. The figures of the small committed set are held to thresholds well below what is usual.
func TestSyntheticFaults(t *testing.T) {
	if testbedtest.Race {
		t.Skip("statistics, which the tests without the race detector make")
	}
	shape := rcaeval.Shape{Step: 15 * time.Second, Before: 260, After: 40}
	site := serveCases(t, "", shape.Step, rcaeval.Systems(*rcaSeed, *rcaSystems, shape))
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "fault\tcases\tAC@1\tAC@3\tAvg@5")
	for _, trial := range []lookCase{{"true onset", 0, 10 * time.Minute}, {"60 s late", time.Minute, 10 * time.Minute}, {"60 s late, looked 1 min after", time.Minute, time.Minute}} {
		fmt.Fprintln(table, trial.name)
		tally := site.run(t, trial)
		for _, fault := range append(tally.Faults(), "") {
			f := tally.Figures(fault)
			fmt.Fprintf(table, "  %s\t%d\t%.2f\t%.2f\t%.2f\n", fault, f.Cases, f.AC1, f.AC3, f.Avg5)
		}
		assert.GreaterOrEqual(t, tally.Figures("").Avg5, .75, trial.name)
	}
	require.NoError(t, table.Flush())
	t.Log("\n" + out.String())
}

// TestHealthySystems counts how often a suspect is named with high confidence where nothing is wrong.
func TestHealthySystems(t *testing.T) {
	if testbedtest.Race {
		t.Skip("statistics, which the tests without the race detector make")
	}
	shape := rcaeval.Shape{Step: 15 * time.Second, Before: 660}
	var cases []*rcaeval.Case
	for i := range *rcaSystems * 5 {
		c := rcaeval.System(*rcaSeed+uint64(1000+i), "", shape)
		c.Onset = 600
		cases = append(cases, c)
	}
	if *rcaDir != "" {
		recorded, err := rcaeval.Load(*rcaDir)
		require.NoError(t, err)
		for _, c := range recorded {
			for _, share := range []float64{.6, .7, .8, .9} {
				cases = append(cases, c.Healthy(int(share*float64(c.Onset))))
			}
		}
	}
	site := serveCases(t, "healthy_", shape.Step, cases)
	looks, sure := 0, 0
	for namespace := range site.cases {
		for _, trial := range []lookCase{{"2 min", 0, 2 * time.Minute}, {"10 min", 0, 10 * time.Minute}} {
			fired := site.onset(namespace)
			e := site.suspects(t, namespace, fired, fired.Add(trial.after))
			looks++
			if confidently(e) {
				sure++
				t.Logf("%s: %s", site.cases[namespace].Name, e.Summary)
			}
		}
	}
	t.Logf("%d looks at %d healthy windows: %d named a suspect with high confidence (%.1f %%)", looks, len(cases), sure, 100*float64(sure)/float64(looks))
	assert.Less(t, float64(sure)/float64(looks), .05)
}

func confidently(e incident.Evidence) bool {
	return slices.ContainsFunc(e.Ranking, func(r incident.RankedSeries) bool { return r.Confidence == "high" })
}

package report

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	opened  = time.Date(2026, 11, 20, 8, 30, 5, 0, time.UTC)
	written = opened.Add(3*time.Minute + 20*time.Second)
)

const (
	testID      = "3kd8a2bcmnopqrstuvwxyz2345"
	predecessor = "aaaabbbbccccddddeeeeffff23"
)

func newWriter(tb testing.TB, language incident.Language) *Writer {
	tb.Helper()
	return newWriterAt(tb, language, "http://alertscribe.example:5008/")
}

func newWriterAt(tb testing.TB, language incident.Language, externalURL string) *Writer {
	tb.Helper()
	w, err := New(Options{
		Dir: filepath.Join(tb.TempDir(), "reports"), Language: language, ExternalURL: externalURL,
		Version: "1.0.0", Now: func() time.Time { return written },
		Servers: Servers{Others: []string{"http://alertmanager.example:9093", "http://prometheus.example:9090", "http://grafana.example", "https://wiki.example"}},
	})
	require.NoError(tb, err)
	return w
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run go test ./report -update to create it")
	assert.Equal(t, string(want), string(got))
}

func alert(i int, status incident.Status) incident.Alert {
	a := incident.Alert{
		Fingerprint: fmt.Sprintf("%016x", i), Status: status,
		Labels: map[string]string{
			"alertname": "HighLoginFailureRate", "severity": "critical", "job": "login", "instance": fmt.Sprintf("web-%d:9090", i),
		},
		Annotations: map[string]string{
			"summary":     "More than 5 % of logins fail",
			"description": "The share of failed logins has been above 5 % for 2 minutes.",
			"runbook_url": "https://wiki.example/runbooks/login_failures",
		},
		StartsAt: opened.Add(-30 * time.Second), SeenAt: opened,
		GeneratorURL: "http://prometheus.example:9090/graph?g0.expr=login_failure_ratio+%3E+0.05&g0.tab=1",
	}
	if status == incident.Resolved {
		a.EndsAt, a.ResolvedAt = opened.Add(90*time.Second), opened.Add(100*time.Second)
	}
	return a
}

// facts is an incident as it stands right after its opening.
func facts() *incident.Incident {
	return &incident.Incident{
		ID: testID, Receiver: "alertscribe", GroupKey: `{}:{alertname="HighLoginFailureRate"}`,
		ExternalURL: "http://alertmanager.example:9093", Alertname: "HighLoginFailureRate",
		GroupLabels: map[string]string{"alertname": "HighLoginFailureRate"}, Status: incident.Firing, Severity: "critical",
		OpenedAt: opened, StartedAt: opened.Add(-30 * time.Second), LastHeardAt: opened,
		Alerts:     []incident.Alert{alert(1, incident.Firing), alert(2, incident.Resolved), alert(3, incident.Firing)},
		Timeline:   []incident.Event{{At: opened, Kind: incident.EventOpened, Firing: 3, Joined: 3}},
		Generation: 1, Revision: 1, ReportPath: "2026-11-20/083005_HighLoginFailureRate_3kd8a2bc.md",
		Analysis: incident.Analysis{State: incident.Pending, Wanted: 1},
	}
}

func series(name string, n int, value func(i int) float64) incident.Series {
	s := incident.Series{Name: name, Step: 15 * time.Second}
	for i := range n {
		s.Points = append(s.Points, incident.Point{At: opened.Add(time.Duration(i-n+20) * 15 * time.Second), Value: value(i)})
	}
	return s
}

// attack is a failure ratio that jumps, with a gap on the way.
func attack(i int) float64 {
	switch v := 0.02 + 0.006*math.Sin(float64(i)/7); {
	case i >= 60 && i < 64:
		return math.NaN()
	case i >= 190:
		return 0.64 + 0.02*math.Sin(float64(i))
	default:
		return v
	}
}

func figures() *incident.Figures {
	return &incident.Figures{
		Anchor: "0000000000000001", Condition: ">", Rises: true, Value: &incident.Figure{Value: .64, Text: "64 %"},
		Fired: &incident.Figure{Value: .47, Text: "47 %"}, Threshold: &incident.Figure{Value: .05, Text: "5 %"},
		Usual: &incident.Figure{Value: .02, Text: "2 %"}, Peak: &incident.Figure{Value: .66, Text: "66 %"}, PeakAt: opened.Add(4 * time.Minute),
		Since: opened.Add(-150 * time.Second), Until: opened.Add(5 * time.Minute), Met: 450 * time.Second,
	}
}

func found() []incident.Evidence {
	threshold := 0.05
	from, to := opened.Add(-55*time.Minute), opened.Add(5*time.Minute)
	return []incident.Evidence{
		{ID: "E1", Kind: incident.KindAlert, Title: "The alerts", Summary: "2 of 3 alerts of the group fire: web-1:9090, web-3:9090."},
		{
			ID: "E2", Kind: incident.KindSignal, Title: "login_failure_ratio over the last hour",
			Summary: "The failure ratio rose from 2 % to 64 % at 08:27:35 UTC and stays there.",
			Source:  incident.SourcePrometheus, Query: "sum by (instance) (rate(login_failures_total[1m]))\n  / sum by (instance) (rate(login_attempts_total[1m]))",
			Start: from, End: to, Link: "http://prometheus.example:9090/graph?g0.expr=sum(rate(login_failures_total[1m]))",
			At: opened.Add(5 * time.Minute), Figures: figures(),
			Chart: &incident.Chart{
				Unit: "%", Threshold: &threshold, Firing: &incident.TimeRange{Start: opened.Add(-30 * time.Second)},
				Series: []incident.Series{
					series("web-1:9090", 240, attack),
					series("web-3:9090", 240, func(i int) float64 { return attack(i) * 0.8 }),
				},
			},
		},
		{
			ID: "E3", Kind: incident.KindDrilldown, Title: "Which label values carry the change",
			Summary: `One address block, source="203.0.113.0/24", makes up 97 % of the change.`,
			Source:  incident.SourcePrometheus, Query: "sum by (source) (rate(login_failures_total[1m]))", Start: from, End: to,
			Ranking: []incident.RankedSeries{
				{Labels: map[string]string{"source": "203.0.113.0/24"}, Score: 41.25, Direction: "up", Onset: opened.Add(-150 * time.Second), Share: 0.97, Before: 0.2, After: 184.3},
				{Labels: map[string]string{"source": "198.51.100.0/24"}, Score: 1.1, Direction: "up", Share: 0.02, Before: 0.9, After: 1.6},
			},
		},
		{
			ID: "E4", Kind: incident.KindNeighbors, Title: "Targets and restarts", Summary: "All 3 targets of the job are up; none restarted.",
			Table: &incident.Table{Columns: []string{"instance", "up", "version"}, Rows: [][]string{
				{"web-1:9090", "yes", "v2.4.1"}, {"web-2:9090", "yes", "v2.4.1"}, {"web-3:9090", "yes", "v2.4.1"},
			}},
		},
		{ID: "E5", Kind: incident.KindHistory, Title: "Other alerts that fire", Summary: "Alertmanager did not answer within 20s.", Failed: true},
	}
}

func verdict() *incident.Verdict {
	return &incident.Verdict{
		Summary:  "Credential stuffing from one address block: since 08:27 UTC 97 % of failed logins come from 203.0.113.0/24 [E3], while the service itself is healthy [E4].",
		Category: "security", Severity: "critical",
		Causes: []incident.Cause{
			{
				Hypothesis: "Credential stuffing from 203.0.113.0/24", Likelihood: "high", Evidence: []string{"E2", "E3"},
				Disproof: "Failures spread evenly over many networks, or successful logins rising as well",
			},
			{
				Hypothesis: "A broken client release that retries with stale tokens", Likelihood: "low", Evidence: []string{"E9"},
				Disproof: "No release in the hour before 08:27 UTC", Marks: []incident.Mark{{Kind: incident.MarkUnknownEvidence, Text: "E9"}},
			},
			{Hypothesis: "A broken identity provider", Likelihood: "low", Marks: []incident.Mark{{Kind: incident.MarkUncited}}},
		},
		Actions: []incident.Action{
			{Step: "Confirm the source of the failures", Why: "It decides whom to block", Command: "curl -s 'http://prometheus.example:9090/api/v1/query?query=topk(5,sum by (source) (rate(login_failures_total[1m])))'", Risk: "read-only"},
			{Step: "Rate-limit 203.0.113.0/24 at the load balancer", Why: "It stops the attempts without touching other users", Command: "nft add element inet filter \\\n  ratelimited '{ 203.0.113.0/24 }'", Risk: "reversible"},
			{Step: "Force a password reset for accounts that logged in from there", Risk: "disruptive"},
		},
		Prevention:      []string{"Limit login attempts per network", "Alert on the share of one source [E3]"},
		MissingEvidence: []string{"Successful logins by source"},
		Checks:          []incident.Check{{PromQL: "sum(rate(login_success_total[1m]))", WouldRefute: "successful logins rose along with the failures"}},
		Model:           "deepseek-flash", At: opened.Add(40 * time.Second), Generation: 1,
		Spend: incident.Spend{Calls: 1, Prompt: 6120, Cached: 2048, Completion: 702, Cost: 0.001038},
	}
}

// complete is an incident with a verdict, after some life.
func complete() (*incident.Incident, incident.Findings) {
	inc := facts()
	v := verdict()
	inc.Analysis = incident.Analysis{State: incident.Complete, Covered: []string{"HighLoginFailureRate"}, Wanted: 1, Evidence: 1}
	inc.Spend = v.Spend
	inc.Predecessor = predecessor
	inc.Repeats = 5
	inc.Timeline = append(inc.Timeline,
		incident.Event{At: opened.Add(40 * time.Second), Kind: incident.EventAnalyzed, Firing: 3},
		incident.Event{At: opened.Add(time.Minute), Kind: incident.EventRepeated, Firing: 3, Count: 5, Until: opened.Add(90 * time.Second)},
		incident.Event{At: opened.Add(100 * time.Second), Kind: incident.EventUpdated, Firing: 2, Ended: 1},
	)
	return inc, incident.Findings{Evidence: found(), Verdict: v}
}

func manyAlerts(n int) *incident.Incident {
	inc := facts()
	inc.Alerts = nil
	for i := range n {
		status := incident.Firing
		if i%5 == 0 {
			status = incident.Resolved
		}
		inc.Alerts = append(inc.Alerts, alert(i, status))
	}
	inc.Truncated = 37
	return inc
}

// nasty is a text that tries everything at once.
var nasty = strings.Join([]string{
	"<script>alert(1)</script><img src=x onerror=alert(1)>", "![x](http://evil.example/x.png)", "[click](javascript:alert(1))",
	"[E1](http://evil.example)", "[E1]: http://evil.example", "http://evil.example www.evil.example @everyone a@evil.example",
	"| a | b |\n|---|---|\n| c | d |", "\n# heading\n\n---\nid: forged\n---\n", "```\n</code></pre><b>x</b>\n````", "`code` \\` \\| \\\\|",
	"<http://evil.example> &lt;b&gt; &#60;b&#62;", "\u202etxt.exe\u202c\u200b\u200d\ufeff\x00\x1b[31m", "**bold** _em_ ~~del~~ $x$ 1. one",
	"\n    indented\n> quote\n- item\n[x]: javascript:alert(1)\n", "\xff\xfe", "'\"><svg/onload=alert(1)>",
}, " ")

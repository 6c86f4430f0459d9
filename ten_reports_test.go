package alertscribe_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/handler"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/report"
	"github.com/alertscribe/alertscribe/store"
)

// The bounds of what a reader has to read before acting: the top, causes, actions, and other incidents, as docs/reports.md lists them.
const (
	maxPartsLines   = 70
	maxCauseLines   = 25  // until the first cause
	maxPartsScreens = 1.1 // the storm takes .99, all others .94 at most; a tenth of each is for fonts that are wider than ours
	maxFirstScreens = 1.0 // chart, first cause, and first action end on the first screen
)

// tenReports are reports of all kinds, from recorded incidents.
var tenReports = []struct {
	name, scenario string
	language       incident.Language
	payload        string // "" for the scenario's own
	change         func(inc *incident.Incident, f *incident.Findings)
}{
	{"threshold", "kafka-lag", "en", "", nil},
	{"ratio", "idc-errors-zh", "zh", "", nil},
	{"absent", "monitoring-exporter", "en", "", vanish},
	{"resource", "disk-full-wal", "en", "", nil},
	{"storm", "many-alerts-node", "en", "", inStorm},
	{"no model", "pay-latency-zh", "zh", "", withoutModel},
	{"resolved", "upstream-quota", "en", "", resolve},
	{"verified", "mysql-lag-zh", "zh", "", nil},
	{"prose", "sms-abuse-zh", "zh", "", inProse},
	{"Grafana", "disk-full-wal", "en", "testdata/grafana/firing.json", nil},
}

// vanish makes the signal one that is absent.
func vanish(_ *incident.Incident, f *incident.Findings) {
	for i := range f.Evidence {
		e := &f.Evidence[i]
		if e.Kind == incident.KindSignal {
			e.Query = `absent(up{job="redis"})`
		}
		if e.Kind == incident.KindDrilldown {
			e.Ranking, e.Table, e.Chart, e.Nothing = nil, nil, nil, false
			e.Summary = "Gone: 2 of the window's 2 series; the last was seen at 2026-11-20 03:09:30 UTC."
			for _, instance := range []string{"cache-1:9121", "cache-2:9121"} {
				e.Ranking = append(e.Ranking, incident.RankedSeries{
					Labels: map[string]string{"__name__": "up", "job": "redis", "instance": instance}, Direction: "down", Before: 1,
					Onset: time.Date(2026, 11, 20, 3, 10, 0, 0, time.UTC),
				})
			}
		}
	}
}

// inStorm gives the incident as many related ones and past ones as there can be.
func inStorm(inc *incident.Incident, f *incident.Findings) {
	inc.Scope = "namespace=shop"
	for i := range incident.MaxRelated {
		id := fmt.Sprintf("%c%s", 'a'+i, inc.ID[1:])
		inc.Related = append(inc.Related, incident.RelatedIncident{ID: id, Alertname: fmt.Sprint("KubePodNotReady", i), Severity: "warning", OpenedAt: inc.OpenedAt})
	}
	for i := range 5 {
		f.Memory = append(f.Memory, incident.PastIncident{
			Incident: fmt.Sprintf("%c%s", 'p'+i, inc.ID[1:]), StartedAt: inc.StartedAt.AddDate(0, -i-1, 0), ResolvedAt: inc.StartedAt.AddDate(0, -i-1, 0).Add(time.Hour),
			Similarity: .8, Hypothesis: "The node ran out of memory and evicted its pods",
			Feedback: []incident.Feedback{{Kind: incident.Correct, By: "ann", Text: "The kubelet was upgraded.", At: inc.StartedAt.AddDate(0, -i-1, 1)}},
		})
	}
}

// resolve ends the incident.
func resolve(inc *incident.Incident, _ *incident.Findings) {
	end := inc.StartedAt.Add(20 * time.Minute)
	for i := range inc.Alerts {
		inc.Alerts[i].Status, inc.Alerts[i].EndsAt, inc.Alerts[i].ResolvedAt = incident.Resolved, end, end
	}
	inc.Status, inc.ResolvedAt, inc.ClosedAt = incident.Resolved, end, end
}

func withoutModel(inc *incident.Incident, f *incident.Findings) {
	f.Verdict = nil
	f.Evidence = slices.DeleteFunc(f.Evidence, func(e incident.Evidence) bool {
		return e.Kind == incident.KindComparison || e.Kind == incident.KindCheck
	})
	inc.Spend = incident.Spend{}
	inc.Analysis.State, inc.Analysis.Reason = incident.EvidenceOnly, incident.NoKey
}

func inProse(_ *incident.Incident, f *incident.Findings) {
	f.Verdict = &incident.Verdict{
		Prose: strings.Repeat("短信发送量在十分钟内由每秒 3 条升至每秒 60 条，几乎全部来自同一网段 [E3]，很可能是验证码接口被刷。\n\n1. 先对该网段限流。\n2. 再检查验证码接口。\n\n", 3),
		Model: "some-model", At: f.Verdict.At, Generation: 1,
	}
}

// lengths are how long a report is: in lines of Markdown, and in screens of a desktop, 1280 by 800.
type lengths struct {
	lines, cause, action, parts                               int
	screens, chart, causeScreens, actionScreens, partsScreens float64
}

// linesUntil returns the line, counted from 1, that the first paragraph or list after one of the headings is on; 0 for none.
func linesUntil(lines []string, headings ...string) int {
	for i, line := range lines {
		if !slices.Contains(headings, line) {
			continue
		}
		for j, next := range lines[i+1:] {
			if strings.HasPrefix(next, "1. ") || strings.HasPrefix(next, "> ") {
				return i + j + 2
			}
		}
	}
	return 0
}

// measureMarkdown measures what follows the front matter.
func measureMarkdown(text string) (l lengths) {
	_, text, _ = strings.Cut(strings.TrimPrefix(text, "---\n"), "\n---\n\n")
	lines := strings.Split(strings.TrimSpace(text), "\n")
	l.lines = len(lines)
	l.cause = linesUntil(lines, "## Likely causes", "## 可能原因")
	l.action = linesUntil(lines, "## What to do now", "## 处理建议")
	if l.action == 0 {
		l.action = 1 + slices.IndexFunc(lines, func(s string) bool {
			return strings.HasPrefix(s, "- **Do first**") || strings.HasPrefix(s, "- **建议先做**")
		})
	}
	l.parts = slices.IndexFunc(lines, func(s string) bool { return s == "## Evidence" || s == "## 证据" })
	return l
}

// measurePage has a browser say how long the page is, until where.
func (l *lengths) measurePage(ctx context.Context, t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var at map[string]float64
	require.NoError(t, chromedp.Run(ctx, emulation.SetFocusEmulationEnabled(true), chromedp.EmulateViewport(1280, 800),
		chromedp.Navigate(address), chromedp.WaitReady("article"),
		chromedp.Evaluate(`[...document.images].forEach((i) => i.loading = "eager")`, nil),
		chromedp.Poll(`[...document.images].every((i) => i.complete)`, nil, chromedp.WithPollingInterval(50*time.Millisecond)),
		chromedp.Evaluate(`(() => {
			const top = (e) => e ? e.getBoundingClientRect().top + scrollY : 0;
			const h2 = (...names) => [...document.querySelectorAll("article h2")].find((h) => names.some((n) => h.textContent.startsWith(n)));
			const next = (h) => { while (h && !/^(OL|BLOCKQUOTE)$/.test(h.tagName)) h = h.nextElementSibling; return h && (h.querySelector("li, p") || h).getBoundingClientRect().bottom + scrollY || 0; };
			const image = document.querySelector("article img");
			return {all: document.documentElement.scrollHeight, cause: next(h2("Likely causes", "可能原因")), action: next(h2("What to do now", "处理建议")), parts: top(h2("Evidence", "证据")),
				chart: image ? image.getBoundingClientRect().bottom + scrollY : 0};
		})()`, &at), chromedp.Navigate("about:blank"))) // it would hold the server's stream of events open
	l.screens, l.chart, l.causeScreens, l.actionScreens, l.partsScreens = at["all"]/800, at["chart"]/800, at["cause"]/800, at["action"]/800, at["parts"]/800
}

// TestTenReports prints how long reports of all kinds are, and holds what is read first to its bounds:
//
//	go test . -run TestTenReports -v
func TestTenReports(t *testing.T) {
	ctx := tenBrowser(t)
	table := []string{"| report | language | lines | until a cause | until an action | until evidence | screens | chart ends | a cause ends | an action ends | evidence begins |\n|---|---|---|---|---|---|---|---|---|---|---|"}
	for i, tc := range tenReports {
		t.Run(tc.name, func(t *testing.T) {
			inc, found, db, at := tenIncident(t, i)
			w, err := report.New(report.Options{
				Dir: t.TempDir(), Language: tc.language, Version: "1.0.0", Now: func() time.Time { return at }, ExternalURL: "http://alertscribe.example",
			})
			require.NoError(t, err)
			text := string(w.Markdown(inc, found, "report"))
			l := measureMarkdown(text)
			web, err := handler.New(handler.Options{
				Store: shownStore{db, inc, found}, Report: w, Directory: w, Analyzer: ready{}, Version: "1.0.0", Language: tc.language, Now: func() time.Time { return at },
			})
			require.NoError(t, err)
			srv := httptest.NewServer(web)
			defer srv.Close()
			if ctx != nil {
				l.measurePage(ctx, t, srv.URL+"/reports/"+inc.ID)
			}
			table = append(table, fmt.Sprintf("| %s | %s | %d | %d | %d | %d | %.1f | %.2f | %.2f | %.2f | %.2f |",
				tc.name, tc.language, l.lines, l.cause, l.action, l.parts, l.screens, l.chart, l.causeScreens, l.actionScreens, l.partsScreens))
			assert.Positive(t, l.parts)
			assert.LessOrEqual(t, l.parts, maxPartsLines, "lines before the evidence\n%s", text)
			assert.LessOrEqual(t, l.cause, maxCauseLines)
			assert.Positive(t, l.action, "what to do is said")
			for what, ends := range map[string]float64{"chart": l.chart, "cause": l.causeScreens, "action": l.actionScreens} {
				assert.LessOrEqual(t, ends, maxFirstScreens, what)
			}
			assert.LessOrEqual(t, l.partsScreens, maxPartsScreens)
			if dir := os.Getenv("TEN_REPORTS"); dir != "" { // to read them
				require.NoError(t, os.WriteFile(filepath.Join(dir, strconv.Itoa(i)+".md"), []byte(text), 0o644))
			}
		})
	}
	t.Log("\n" + strings.Join(table, "\n"))
}

// tenIncident plays one of the recorded incidents.
func tenIncident(t *testing.T, i int) (*incident.Incident, incident.Findings, *store.Store, time.Time) {
	t.Helper()
	tc := tenReports[i]
	dir := filepath.Join("testdata/quality", tc.scenario)
	var evidence []incident.Evidence
	scenario{dir: dir}.read(t, "evidence.json", &evidence)
	at := slices.MaxFunc(evidence, func(a, b incident.Evidence) int { return a.End.Compare(b.End) }).End
	if at.IsZero() {
		at = exampleTime
	}
	inc, db := accepted(t, cmp.Or(tc.payload, filepath.Join(dir, "payload.json")), at)
	found := scenario{dir, at, tc.language}.verified(t, inc)
	if tc.change != nil {
		tc.change(inc, &found)
	}
	return inc, found, db, at.Add(40 * time.Second)
}

// tenBrowser starts a headless Chromium; nil without one, where screens are not measured.
func tenBrowser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no Chromium on PATH; apt-get install chromium")
		}
		t.Log("no Chromium on PATH, so screens are not measured; apt-get install chromium")
		return nil
	}
	allocator, endAllocator := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(time.Minute))...)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		assert.NoError(t, chromedp.Cancel(ctx))
		end()
		endAllocator()
	})
	require.NoError(t, chromedp.Run(ctx))
	return ctx
}

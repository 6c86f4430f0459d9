package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/common/promslog"

	"github.com/alertscribe/alertscribe/cmd/loginsim/sim"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/redact"
	"github.com/alertscribe/alertscribe/testbed"
)

// demoRules are the root's alert rules with short windows, so that an attack fires and is over within a minute.
//
//go:embed demo_rules.yml
var demoRules string

// The demo's script. A login every 100 ms makes windows of seconds mean something.
const (
	demoPastStep = 2 * time.Second // between two backfilled scrapes
	demoLogins   = 100 * time.Millisecond
	demoQuiet    = 15 * time.Second // of normal traffic that one can watch; what came before is backfilled
	demoAttack   = 80 * time.Second // a minute of `for`, and some seconds to look at
	demoRate     = "20"             // failed logins a second during the attack
	demoPatient  = 4 * time.Minute
)

// demo shows the whole path with real parts: a simulated login service under attack, a real Prometheus that scrapes
// it, a real Alertmanager that notifies this service, and the report that comes of it. With keep, all goes on until it is
// interrupted.
func (c *cli) demo(ctx context.Context, dir string, keep bool) (err error) {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if dir, err = demoDir(dir); err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "alertscribe demo, in %s\n", dir)
	bins, err := testbed.Find(ctx, c.stdout, testbed.Prometheus, testbed.Promtool, testbed.Alertmanager)
	if err != nil {
		return fmt.Errorf("getting Prometheus and Alertmanager: %w", err)
	}
	d := &demo{cli: c, dir: dir, keep: keep, begun: time.Now()}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer func() { err = errors.Join(err, d.stop(context.WithoutCancel(ctx))) }()
	if err := d.startAll(ctx, cfg, bins); err != nil {
		return err
	}
	if err := d.play(ctx); err != nil || !keep {
		return err
	}
	d.say("all goes on until ctrl-C: %s", d.reportsURL())
	<-ctx.Done()
	return nil
}

func demoDir(dir string) (string, error) {
	if dir == "" {
		return os.MkdirTemp("", "alertscribe-demo-")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("--dir: %w", err)
	}
	return dir, os.MkdirAll(dir, 0o700)
}

// demo is a running demo.
type demo struct {
	*cli
	dir   string
	keep  bool
	begun time.Time
	sim   *sim.Service
	pair  *testbed.Pair
	app   *app
	ended []func(context.Context) error
}

func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.stdout, "%5.1fs  %s\n", time.Since(d.begun).Seconds(), fmt.Sprintf(format, args...))
}

func (d *demo) stop(ctx context.Context) error {
	var errs []error
	for _, end := range slices.Backward(d.ended) {
		errs = append(errs, end(ctx))
	}
	return errors.Join(errs...)
}

// startAll starts simulator, Prometheus, Alertmanager and the service, each on a free port of loopback.
func (d *demo) startAll(ctx context.Context, cfg *config, bins testbed.Binaries) error {
	logFile, err := os.OpenFile(filepath.Join(d.dir, "alertscribe.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	d.ended = append(d.ended, func(context.Context) error { return logFile.Close() })
	log := promslog.New(&promslog.Config{Writer: logFile})
	data := filepath.Join(d.dir, "tsdb")
	if err := d.startSim(ctx, bins, data, log); err != nil {
		return err
	}
	// The service's port must be known to Alertmanager, and Prometheus' to the service: we bind ours first.
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	d.pair, err = testbed.Start(ctx, bins, testbed.Options{
		Dir:        d.dir,
		Prometheus: testbed.PrometheusConfig{Targets: []string{d.sim.MetricsAddr()}, Rules: demoRules, DataDir: data},
		Alertmanager: testbed.AlertmanagerConfig{
			WebhookURL: "http://" + listener.Addr().String() + "/alert", GroupInterval: 2 * time.Second,
		},
	})
	if err != nil {
		return errors.Join(fmt.Errorf("starting Prometheus and Alertmanager: %w", err), listener.Close())
	}
	d.ended = append(d.ended, func(context.Context) error { return d.pair.Stop() })
	cfg.Prometheus.URL = d.pair.PromURL
	cfg.Alertmanager = upstreamConfig{URL: d.pair.AMURL}
	cfg.Reports.Dir = filepath.Join(d.dir, "reports")
	cfg.Storage.DatabaseURL = redact.Secret(sqliteScheme + filepath.Join(d.dir, "data", "alertscribe.db"))
	cfg.Web.WebhookToken = "" // the demo's Alertmanager has none to send
	d.app, err = newApp(ctx, cfg, appOptions{listener: listener, softStop: time.Second}, log)
	if err != nil {
		return fmt.Errorf("starting alertscribe: %w", err)
	}
	d.app.start(ctx)
	d.ended = append(d.ended, d.app.stop)
	d.sayWhere(cfg)
	return nil
}

// startSim starts the simulator, after its past was written for Prometheus.
func (d *demo) startSim(ctx context.Context, bins testbed.Binaries, data string, log *slog.Logger) (err error) {
	d.sim, err = sim.New(sim.Config{MetricsAddr: "127.0.0.1:0", ControlAddr: "127.0.0.1:0", Interval: demoLogins, NoRuntime: true}, log)
	if err != nil {
		return fmt.Errorf("starting the login simulator: %w", err)
	}
	if err := d.backfill(ctx, bins, data); err != nil {
		return err
	}
	simCtx, stopSim := context.WithCancel(ctx)
	simEnded := make(chan error, 1)
	go func() { simEnded <- d.sim.Run(simCtx) }()
	d.ended = append(d.ended, func(context.Context) error {
		stopSim()
		return <-simEnded
	})
	return nil
}

// sayWhere says where everything is.
func (d *demo) sayWhere(cfg *config) {
	if d.keep {
		fmt.Fprintf(d.stdout, "\nOpen %s\n\n", d.reportsURL())
	}
	d.say("alertscribe       %s", d.reportsURL())
	d.say("login service     http://%s/metrics", d.sim.MetricsAddr())
	if d.keep {
		d.say("another attack    curl -X POST 'http://%s/attack?region=beijing&rate=%s'", d.sim.ControlAddr(), demoRate)
	}
	d.say("Prometheus        %s/alerts", d.pair.PromURL)
	d.say("Alertmanager      %s", d.pair.AMURL)
	if cfg.LLM.Key == "" {
		d.say("DEEPSEEK_API_KEY is not set: the report is evidence only")
	}
}

func (d *demo) reportsURL() string { return "http://" + d.app.listener.Addr().String() + "/reports" }

// backfill gives Prometheus a past of normal traffic: the last hour, and this time of yesterday and of a week ago, since evidence
// compares with them.
func (d *demo) backfill(ctx context.Context, bins testbed.Binaries, data string) error {
	d.say("writing an hour of normal logins, and those of yesterday and a week ago, into Prometheus' storage")
	now := time.Now()
	span := func(ago, before, after time.Duration) sim.Span {
		return sim.Span{From: now.Add(-ago - before), To: now.Add(-ago + after)}
	}
	const day = 24 * time.Hour
	var past bytes.Buffer
	err := d.sim.Past(&past, sim.Past{
		Labels: map[string]string{"job": "app", "instance": d.sim.MetricsAddr()}, Step: demoPastStep, // as testbed scrapes
		Spans: []sim.Span{
			span(7*day, time.Hour, 15*time.Minute), span(day, time.Hour, 15*time.Minute), span(0, 70*time.Minute, 0),
		},
	})
	if err == nil {
		err = testbed.Backfill(ctx, bins, &past, data)
	}
	if err != nil {
		return fmt.Errorf("making up the past: %w", err)
	}
	return nil
}

// play runs the attack and tells what happens until the incident was reported and resolved.
func (d *demo) play(ctx context.Context) error {
	d.say("normal logins for %v: 70%% normal users, 10%% failures", demoQuiet)
	if !sleep(ctx, demoQuiet) {
		return ctx.Err()
	}
	query := url.Values{"region": {"shenzhen"}, "user_type": {"admin"}, "duration": {demoAttack.String()}, "rate": {demoRate}}
	if err := d.post(ctx, "http://"+d.sim.ControlAddr()+"/attack?"+query.Encode()); err != nil {
		return fmt.Errorf("starting the attack: %w", err)
	}
	d.say("ATTACK: %s failed admin logins a second from shenzhen, for %v", demoRate, demoAttack)
	ctx, cancel := context.WithTimeout(ctx, demoPatient)
	defer cancel()
	inc, err := d.watch(ctx)
	if err != nil {
		return fmt.Errorf("%w; the logs are in %s", err, d.dir)
	}
	path := filepath.Join(d.app.cfg.Reports.Dir, filepath.FromSlash(inc.ReportPath))
	d.say("reported and resolved. The report:")
	fmt.Fprintln(d.stdout, path)
	return nil
}

func (d *demo) post(ctx context.Context, target string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return err
}

// watch tells of each change of the incidents, until the attack's own one is resolved, analyzed and on disk.
func (d *demo) watch(ctx context.Context) (*incident.Incident, error) {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	told := map[string]string{}
	for {
		list, _, err := d.app.store.Incidents(ctx, incident.Query{Limit: 10})
		if err != nil && ctx.Err() == nil {
			return nil, fmt.Errorf("reading the incidents: %w", err)
		}
		for _, inc := range list {
			d.tell(told, inc)
			if d.finished(inc) {
				return inc, nil
			}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the incident to be reported and resolved: %w", ctx.Err())
		case <-ticker.C:
		}
	}
}

// demoAlert is the alert that the demo waits for.
const demoAlert = "HighLoginFailureRate"

func (d *demo) finished(inc *incident.Incident) bool {
	return inc.Alertname == demoAlert && inc.Status == incident.Resolved && inc.Analysis.State != incident.Pending &&
		len(inc.Due) == 0
}

// tell prints what is new about an incident.
func (d *demo) tell(told map[string]string, inc *incident.Incident) {
	report := "none yet"
	switch {
	case inc.FileRevision == 0:
	case inc.Analysis.Evidence == 0:
		report = "facts"
	case inc.Analysis.Verifying():
		report = "draft"
	case inc.Analysis.State == incident.Complete:
		report = "complete"
	default:
		report = "with evidence"
	}
	line := fmt.Sprintf("%-24s %s, %s; report: %s; analysis: %s", inc.Alertname, inc.Severity, inc.Status, report, inc.Analysis.State)
	if inc.Analysis.Reason != "" {
		line += " (" + string(inc.Analysis.Reason) + ")"
	}
	if told[inc.ID] != line {
		told[inc.ID] = line
		d.say("%s", line)
	}
}

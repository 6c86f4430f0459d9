package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/common/promslog"

	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/redact"
	"github.com/alertscribe/alertscribe/testbed"
)

// driftRules are the detection rules of the demo.
const driftRules = `groups:
- name: shop
  interval: 1s
  rules:
  - alert: OrdersUnusual
    expr: shop_orders_per_second
    for: 5s
    anomaly: {history: 3d, direction: down}
    labels: {severity: warning}
    annotations:
      summary: '{{ $labels.region }}: {{ $value | humanize }} orders a second, expected {{ $lower | humanize }} or more'
`

// The script: one of three regions loses two fifths of its orders within half a minute. Their sum stays within what each day brings,
// so that no threshold on it would notice.
const (
	driftLost    = .4
	driftNoise   = .015 // standard deviation, as a share
	driftPatient = 4 * time.Minute
)

// driftTimes are how long the parts of the script take.
type driftTimes struct {
	quiet, drift time.Duration
	lasts        time.Duration // after the report
}

var demoDrift = driftTimes{quiet: 15 * time.Second, drift: 30 * time.Second, lasts: 20 * time.Second}

var driftRegions = []string{"shenzhen", "shanghai", "beijing"}

// shop is a service whose orders follow the day.
type shop struct {
	server *http.Server
	addr   string
	drifts atomic.Int64 // when it began, in nanoseconds; 0 is not
	length time.Duration
}

// orders are those of a region at a time, without noise.
func orders(region int, at time.Time) float64 {
	return float64(100+20*region) * (1 + .3*math.Sin(2*math.Pi*float64(at.Unix())/86400))
}

func (s *shop) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	now := time.Now()
	fmt.Fprintln(w, "# TYPE shop_orders_per_second gauge")
	for i, name := range driftRegions {
		v := orders(i, now) * (1 + .03*rand.NormFloat64()) //nolint:gosec // a simulation
		if began := s.drifts.Load(); i == 0 && began > 0 {
			v *= 1 - driftLost*min(1, float64(now.UnixNano()-began)/float64(s.length))
		}
		fmt.Fprintf(w, "shop_orders_per_second{region=%q} %.4g\n", name, v)
	}
}

// past returns the last days of the shop in OpenMetrics.
func (s *shop) past(now time.Time) *bytes.Buffer {
	var b bytes.Buffer
	fmt.Fprintln(&b, "# TYPE shop_orders_per_second gauge")
	for i, name := range driftRegions {
		for at := now.Add(-76 * time.Hour); at.Before(now); at = at.Add(2 * time.Minute) {
			fmt.Fprintf(&b, "shop_orders_per_second{instance=%q,job=\"app\",region=%q} %.4g %d\n",
				s.addr, name, orders(i, at)*(1+driftNoise*rand.NormFloat64()), at.Unix()) //nolint:gosec // a simulation
		}
	}
	fmt.Fprintln(&b, "# EOF")
	return &b
}

// driftDemo is a running demo of detection.
type driftDemo struct {
	*cli
	dir   string
	begun time.Time
	times driftTimes
	shop  *shop
	app   *app
	ended []func(context.Context) error
}

// demoDetect shows detection with real parts: a drift that no threshold sees becomes an alert and a report.
func (c *cli) demoDetect(ctx context.Context, dir string, times driftTimes) (err error) {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if dir, err = demoDir(dir); err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "alertscribe demo of detection, in %s\n", dir)
	bins, err := testbed.Find(ctx, c.stdout, testbed.Prometheus, testbed.Promtool, testbed.Alertmanager)
	if err != nil {
		return fmt.Errorf("getting Prometheus and Alertmanager: %w", err)
	}
	d := &driftDemo{cli: c, dir: dir, times: times, begun: time.Now()}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer func() {
		for _, end := range slices.Backward(d.ended) {
			err = errors.Join(err, end(context.WithoutCancel(ctx)))
		}
	}()
	if err := d.start(ctx, cfg, bins); err != nil {
		return err
	}
	return d.play(ctx)
}

func (d *driftDemo) say(format string, args ...any) {
	fmt.Fprintf(d.stdout, "%5.1fs  %s\n", time.Since(d.begun).Seconds(), fmt.Sprintf(format, args...))
}

// start starts the shop, Prometheus with its past, Alertmanager and the service.
func (d *driftDemo) start(ctx context.Context, cfg *config, bins testbed.Binaries) error {
	logFile, err := os.OpenFile(filepath.Join(d.dir, "alertscribe.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	d.ended = append(d.ended, func(context.Context) error { return logFile.Close() })
	if err := d.openShop(ctx); err != nil {
		return err
	}
	tsdb := filepath.Join(d.dir, "tsdb")
	if err := testbed.Backfill(ctx, bins, d.shop.past(time.Now().Truncate(2*time.Minute)), tsdb); err != nil {
		return err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0") // the service's port must be known to Alertmanager
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	pair, err := testbed.Start(ctx, bins, testbed.Options{
		Dir:          d.dir,
		Prometheus:   testbed.PrometheusConfig{Targets: []string{d.shop.addr}, DataDir: tsdb},
		Alertmanager: testbed.AlertmanagerConfig{WebhookURL: "http://" + listener.Addr().String() + "/alert", GroupInterval: 2 * time.Second},
	})
	if err != nil {
		return errors.Join(fmt.Errorf("starting Prometheus and Alertmanager: %w", err), listener.Close())
	}
	d.ended = append(d.ended, func(context.Context) error { return pair.Stop() })
	if cfg.Detect.groups, err = watch.Parse("demo", []byte(driftRules)); err != nil {
		return err
	}
	cfg.Prometheus.URL, cfg.Alertmanager.URL = pair.PromURL, pair.AMURL
	cfg.Detect.Alertmanagers = nil
	cfg.Reports.Dir = filepath.Join(d.dir, "reports")
	cfg.Storage.DatabaseURL = redact.Secret(sqliteScheme + filepath.Join(d.dir, "data", "alertscribe.db"))
	cfg.Web.WebhookToken = "" // the demo's Alertmanager has none to send
	d.app, err = newApp(ctx, cfg, appOptions{listener: listener, softStop: time.Second}, promslog.New(&promslog.Config{Writer: logFile}))
	if err != nil {
		return fmt.Errorf("starting alertscribe: %w", err)
	}
	d.app.start(ctx)
	d.ended = append(d.ended, d.app.stop)
	d.say("shop              http://%s/metrics", d.shop.addr)
	d.say("Prometheus        %s", pair.PromURL)
	d.say("Alertmanager      %s", pair.AMURL)
	d.say("alertscribe       http://%s/reports", d.app.listener.Addr())
	return nil
}

func (d *driftDemo) openShop(ctx context.Context) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	d.shop = &shop{addr: l.Addr().String(), length: d.times.drift}
	d.shop.server = &http.Server{Handler: d.shop, ReadHeaderTimeout: time.Second}
	served := make(chan error, 1)
	go func() { served <- d.shop.server.Serve(l) }()
	d.ended = append(d.ended, func(context.Context) error {
		err := d.shop.server.Close()
		if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
			err = errors.Join(err, serveErr)
		}
		return err
	})
	return nil
}

// play lets the orders drift and tells what happens until it was reported and is over.
func (d *driftDemo) play(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, driftPatient)
	defer cancel()
	d.say("reading three days of history")
	if err := d.until(ctx, func(*incident.Incident) bool { return !d.app.detection.Status()[0].Evaluated.IsZero() }); err != nil {
		return fmt.Errorf("reading the history: %w; the logs are in %s", err, d.dir)
	}
	d.say("watching %d regions, each with a band of its own", d.app.detection.Status()[0].Series["inactive"])
	if !sleep(ctx, d.times.quiet) {
		return ctx.Err()
	}
	d.shop.drifts.Store(time.Now().UnixNano())
	d.say("DRIFT: %s loses %.0f %% of its orders within %v; the sum of all moves less than it does each day", driftRegions[0], 100*driftLost, d.times.drift)
	told := ""
	reported := func(inc *incident.Incident) bool {
		if inc == nil {
			return false
		}
		if line := fmt.Sprintf("%s, %s", inc.Alertname, inc.Status); line != told {
			told = line
			d.say("%s: %s", line, inc.Alerts[0].Annotations[watch.AnnotationSummary])
		}
		return inc.Analysis.State != incident.Pending && inc.Due[incident.WorkEvidence].IsZero() && inc.FileRevision == inc.Revision
	}
	if err := d.until(ctx, reported); err != nil {
		return fmt.Errorf("waiting for the report: %w; the logs are in %s", err, d.dir)
	}
	d.say("reported with evidence")
	if !sleep(ctx, d.times.lasts) {
		return ctx.Err()
	}
	d.shop.drifts.Store(0)
	d.say("the orders are back")
	var last *incident.Incident
	if err := d.until(ctx, func(inc *incident.Incident) bool {
		last = inc
		return reported(inc) && inc.Status == incident.Resolved
	}); err != nil {
		return fmt.Errorf("waiting for the end: %w; the logs are in %s", err, d.dir)
	}
	d.say("resolved. The report:")
	fmt.Fprintln(d.stdout, filepath.Join(d.app.cfg.Reports.Dir, filepath.FromSlash(last.ReportPath)))
	return nil
}

// until looks at the newest incident, nil for none, until ok.
func (d *driftDemo) until(ctx context.Context, ok func(*incident.Incident) bool) error {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		list, _, err := d.app.store.Incidents(ctx, incident.Query{Limit: 1})
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("reading the incidents: %w", err)
		}
		var newest *incident.Incident
		if len(list) > 0 {
			newest = list[0]
		}
		if ok(newest) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

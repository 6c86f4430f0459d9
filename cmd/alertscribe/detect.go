package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/detect/ingest"
	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/text"
)

// detectConfig says which detection rules run, and who is told.
type detectConfig struct {
	RuleFiles         []string         `yaml:"rule_files"`          // patterns, relative to the configuration file
	Alertmanagers     []upstreamConfig `yaml:"alertmanagers"`       // all are told; default: the alertmanager
	MaxExportedSeries int              `yaml:"max_exported_series"` // on /metrics/anomalies; default 2,000
	Sources           []ingest.Source  `yaml:"sources"`             // queues that metrics come from

	groups []*watch.Group
}

// setDirectory makes what the file names relative to its directory.
func (c *detectConfig) setDirectory(dir string) {
	for i, p := range c.RuleFiles {
		if !filepath.IsAbs(p) {
			c.RuleFiles[i] = filepath.Join(dir, p)
		}
	}
	for _, am := range c.Alertmanagers {
		am.HTTPConfig.SetDirectory(dir)
	}
	for i := range c.Sources {
		c.Sources[i].SetDirectory(dir)
	}
}

// prepareDetection reads the rules and says all that is wrong with them.
func (c *config) prepareDetection() []error {
	var errs []error
	groups, err := watch.Load(c.Detect.RuleFiles)
	if err != nil {
		errs = append(errs, err)
	}
	c.Detect.groups = groups
	errs = append(errs, c.Detect.prepareSources()...)
	if c.Detect.needPrometheus() && c.Prometheus.URL == "" {
		errs = append(errs, errors.New("detect.rule_files: rules need a Prometheus; set prometheus.url (PROMETHEUS_URL)"))
	}
	for i, am := range c.Detect.Alertmanagers {
		if _, err := parseURL(am.URL); err != nil {
			errs = append(errs, fmt.Errorf("detect.alertmanagers[%d].url: %w", i, err))
		}
	}
	if n := c.Detect.MaxExportedSeries; n < 0 || n > 100_000 {
		errs = append(errs, fmt.Errorf("detect.max_exported_series: %d is not between 0 and 100000", n))
	}
	return errs
}

// detectionText says what check-config shows of the rules.
func (c *config) detectionText() string {
	rules := 0
	for _, g := range c.Detect.groups {
		rules += len(g.Rules)
	}
	if rules == 0 {
		return "no rules"
	}
	to := "incidents are opened directly: no Alertmanager is set"
	if n := len(c.alertmanagers()); n > 0 {
		to = fmt.Sprintf("alerts go to %d Alertmanager(s)", n)
	}
	if n := len(c.Detect.usedSources()); n > 0 {
		to += fmt.Sprintf("; %d queue(s) are read", n)
	}
	if c.Detect.judged() {
		opinions := "a model gives second opinions"
		if c.LLM.Key == "" {
			opinions = "second opinions are off: there is no API key"
		}
		to += "; " + opinions
	}
	return fmt.Sprintf("%d rules in %d groups; %s", rules, len(c.Detect.groups), to)
}

// memoryPerSeries is what a series takes that is watched, with what a collection of garbage needs beside it.
const memoryPerSeries = 40 << 10

// detectionMemory returns what the rules may need, in bytes.
func (c *config) detectionMemory() (bytes int64) {
	for _, g := range c.Detect.groups {
		for _, r := range g.Rules {
			bytes += int64(r.MaxSeries) * memoryPerSeries
		}
	}
	return bytes + int64(len(c.Detect.usedSources()))*memoryPerSource
}

// warnings returns what is allowed in rules and hardly meant.
func (c *detectConfig) warnings() []string {
	var out []string
	for _, g := range c.groups {
		for _, r := range g.Rules {
			out = append(out, r.Warnings...)
		}
	}
	return append(out, c.sourceWarnings()...)
}

// alertmanagers returns those that alerts are sent to.
func (c *config) alertmanagers() []upstreamConfig {
	if len(c.Detect.Alertmanagers) > 0 {
		return c.Detect.Alertmanagers
	}
	var all []upstreamConfig
	for _, u := range c.alertmanagerURLs() {
		one := c.Alertmanager
		one.URL = u
		all = append(all, one)
	}
	return all
}

// promClient returns the client of Prometheus with the URL that people reach it by.
func (c *config) promClient() (*promapi.Client, error) {
	s, err := upstream(c.Prometheus.upstreamConfig, "prometheus")
	if err != nil {
		return nil, err
	}
	if s, err = withPublicURL(s, c.Prometheus.PublicURL, "prometheus"); err != nil {
		return nil, err
	}
	return promapi.Connect(s, "prometheus")
}

// detection is what runs of the detection rules.
type detection struct {
	*watch.Watcher
	names    []string                    // of the rules' alerts
	sender   func(context.Context)       // nil without an Alertmanager
	read     func(context.Context)       // reads the sources; nil without one
	feedback func(context.Context) error // takes what was said of its incidents
}

// buildDetection makes what runs the rules; nil where there are none.
func (s *setup) buildDetection() error {
	cfg := s.cfg
	if len(cfg.Detect.groups) == 0 {
		return nil
	}
	for _, text := range cfg.Detect.warnings() {
		s.log.Warn("Detection setting is hardly meant so", "warning", text)
	}
	var prom *promapi.Client
	var err error
	if cfg.Detect.needPrometheus() {
		if prom, err = cfg.promClient(); err != nil {
			return err
		}
		s.onStop("closing the connections of detection", func(context.Context) error { prom.Close(); return nil })
	}
	log := s.log.With("component", "detect")
	d := &detection{}
	o := watch.Options{
		Groups: cfg.Detect.groups, Prometheus: prom, State: s.store, Parts: s.store, Lead: s.store.Lead, MaxExported: cfg.Detect.MaxExportedSeries,
		Logger: log, Registerer: s.registry, Notifier: newDirect(s.store, log),
		Judge: s.newSecondOpinion(),
	}
	if peers := cfg.alertmanagers(); len(peers) > 0 {
		servers := make([]promapi.Server, len(peers))
		for i, p := range peers {
			if servers[i], err = upstream(p, fmt.Sprintf("detect.alertmanagers[%d]", i)); err != nil {
				return err
			}
		}
		am, err := watch.NewAlertmanagers(servers, log, s.registry)
		if err != nil {
			return err
		}
		o.Notifier, d.sender = am, am.Run
	}
	if d.Watcher, err = watch.New(o); err != nil {
		return err
	}
	if d.read, err = s.readSources(d.Watcher); err != nil {
		return err
	}
	for _, g := range cfg.Detect.groups {
		for _, r := range g.Rules {
			d.names = append(d.names, r.Alert)
		}
	}
	d.feedback = func(ctx context.Context) error { return takeFeedback(ctx, s.store, d.Watcher, d.names) }
	s.detection = d
	return nil
}

// startDetection begins to evaluate and to tell.
func (s *setup) startDetection(ctx context.Context) {
	s.telling.Go(func() { s.resolveLeft(ctx) })
	d := s.detection
	if d == nil {
		return
	}
	if d.sender != nil {
		s.telling.Go(func() { d.sender(ctx) })
	}
	if d.read != nil {
		s.telling.Go(func() { d.read(ctx) })
	}
	s.telling.Go(func() { d.Run(ctx) })
	s.telling.Go(func() { s.followFeedback(ctx) })
}

// feedbackEvery is how often feedback is looked at that was given when its series was not known, or that was missed.
const feedbackEvery = 10 * time.Minute

// followFeedback takes feedback on the incidents of detection rules when it is given.
func (s *setup) followFeedback(ctx context.Context) {
	changes := s.store.Subscribe(ctx)
	ticker := time.NewTicker(feedbackEvery)
	defer ticker.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			err = s.detection.feedback(ctx)
		case change, open := <-changes:
			switch {
			case !open:
				return
			case change.Missed:
				err = s.detection.feedback(ctx)
			default:
				err = takeFeedbackOf(ctx, s.store, s.detection.Watcher, change.ID)
			}
		}
		if err != nil && ctx.Err() == nil {
			s.log.Warn("Feedback on detection not read, it is looked at again later", "err", err)
		}
	}
}

// incidents reads what detection has to know of incidents.
type incidents interface {
	Incident(ctx context.Context, id string) (*incident.Incident, incident.Findings, error)
	Incidents(ctx context.Context, q incident.Query) (list []*incident.Incident, next string, err error)
}

// takeFeedback looks at the newest incidents of the rules.
func takeFeedback(ctx context.Context, store incidents, w *watch.Watcher, names []string) error {
	for _, name := range names {
		list, _, err := store.Incidents(ctx, incident.Query{Limit: 200, Alertname: name})
		if err != nil {
			return err
		}
		for _, inc := range list {
			quietenBy(inc, w)
		}
	}
	return nil
}

func takeFeedbackOf(ctx context.Context, store incidents, w *watch.Watcher, id string) error {
	inc, _, err := store.Incident(ctx, id)
	if errors.Is(err, incident.ErrNotFound) {
		return nil
	}
	if err == nil {
		quietenBy(inc, w)
	}
	return err
}

// quietenBy lowers the rate of the series of an incident that somebody called no problem.
func quietenBy(inc *incident.Incident, w *watch.Watcher) {
	if !noProblem(inc) {
		return
	}
	for _, alert := range inc.Alerts {
		w.Quieten(alert.Labels, inc.ID)
	}
}

// noProblem tells whether the newest feedback that says anything of it says that the incident was none.
func noProblem(inc *incident.Incident) bool {
	no := false
	for _, f := range inc.Feedback {
		switch f.Kind {
		case incident.Confirm:
			no = false
		case incident.Correct:
			no = saysNoProblem(f.Text)
		}
	}
	return no
}

// saysNoProblem looks for the words that docs/detection.md names.
func saysNoProblem(text string) bool {
	text = strings.ToLower(text)
	for _, words := range []string{"not a problem", "no problem", "false alarm", "false positive", "误报", "不是问题", "没有问题"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// printable returns JSON that a terminal can show: what a server or a label says may hold what it would obey.
func printable(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a value that JSON can't hold is a fault of ours: the answer is a 500
	}
	return append(text.JSON(b), '\n')
}

// noDetection answers for the pages of detection where it is off.
func noDetection(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write(printable(map[string]string{"status": "failed", "reason": "there are no detection rules; set detect.rule_files"}))
}

// detectionRoutes adds the pages of detection to those of the handler.
func (s *setup) detectionRoutes(next http.Handler) http.Handler {
	var metrics http.Handler
	if s.detection != nil {
		metrics = s.detection.Handler()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, ok := strings.CutPrefix(r.URL.Path, s.opts.routePrefix)
		switch {
		case !ok || r.Method != http.MethodGet && r.Method != http.MethodHead:
		case s.detection == nil && (path == "/metrics/anomalies" || path == "/api/v1/detection"):
			noDetection(w)
			return
		case path == "/metrics/anomalies":
			metrics.ServeHTTP(w, r)
			return
		case path == "/api/v1/detection":
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			_, _ = w.Write(printable(map[string]any{"rules": s.detection.Status()})) // the client has gone, or reads it
			return
		}
		next.ServeHTTP(w, r)
	})
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/promslog"

	"github.com/alertscribe/alertscribe/analyzer"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
)

// checkConfig says all that is wrong, or what the settings amount to; online, it also asks the servers that they name.
func (c *cli) checkConfig(ctx context.Context, online bool) error {
	cfg, err := c.load()
	if err == nil {
		if err = cfg.tryParts(); err != nil {
			err = badConfig(err)
		}
	}
	for _, warning := range misspeltInEnvironment() {
		fmt.Fprintln(c.stderr, "WARNING:", warning)
	}
	if err != nil {
		return err
	}
	for _, line := range cfg.summary() {
		fmt.Fprintf(c.stdout, "%-16s%s\n", line[0], line[1])
	}
	for _, text := range cfg.Detect.warnings() {
		fmt.Fprintln(c.stdout, "warning:", text)
	}
	if online {
		if err := c.askServers(ctx, cfg); err != nil {
			return err
		}
	}
	fmt.Fprintln(c.stdout, "SUCCESS: the configuration is valid")
	return nil
}

// summary returns what the settings amount to, as names and texts.
func (c *config) summary() [][2]string {
	set := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return shownURL(s)
	}
	key, token := "not set: reports carry evidence only", "not set: anyone can post"
	if c.LLM.Key != "" {
		key = "set"
	}
	if c.Web.WebhookToken != "" {
		token = "set"
	}
	lines := [][2]string{
		{"listen address", c.Web.ListenAddress},
		{"model", c.LLM.Model + " at " + shownURL(c.LLM.BaseURL)},
		{"price", c.priceText()},
		{"API key", key},
		{"Prometheus", c.prometheusText()},
		{"Alertmanager", set(c.Alertmanager.URL, "not set")},
		{"links", fmt.Sprintf("Prometheus at %s, Alertmanager at %s",
			set(cmp.Or(linkRoot(c.Prometheus.PublicURL), linkRoot(c.Prometheus.URL)), "the address in an alert"),
			set(linkRoot(c.Alertmanager.PublicURL), "the address in a notification"))},
		{"reports", fmt.Sprintf("%s (%s, times in %s)", c.Reports.Dir, c.Reports.Language, c.zone)},
		{"database", databaseText(c)},
		{"webhook token", token},
		{"model calls", capText(c.limits())},
		{"analyses", fmt.Sprintf("%d at once, none later than %v after opening", c.Analysis.Workers, c.Analysis.MaxAge)},
		{"verification", verifyText(c)},
		{"channels", channelNames(c)},
		{"detection", c.detectionText()},
	}
	return lines
}

// databaseText says what check-config shows of the database.
func databaseText(c *config) string {
	if c.onPostgres() {
		return c.databaseName() + " (any number of copies)"
	}
	return sqliteScheme + c.databasePath()
}

// logSettings says that the service is ready, and with what, as check-config does.
func (c *config) logSettings(log *slog.Logger, address string) {
	c.logAccess(log, address)
	for _, warning := range misspeltInEnvironment() {
		log.Warn("Variable has no effect", "why", warning)
	}
	log.Info("Ready for notifications", "address", address, "reports", c.Reports.Dir, "language", c.Reports.Language, "time_zone", c.zone.String(),
		"database", c.databaseName(), "model", c.LLM.Model, "prometheus", c.prometheusText(), "alertmanager", cmp.Or(shownURL(c.Alertmanager.URL), "not set"),
		"verification", verifyText(c))
}

// logAccess says who can come in where that is anybody.
func (c *config) logAccess(log *slog.Logger, address string) {
	if c.Web.WebhookToken != "" || c.Web.guarded {
		return
	}
	if isLoopback(address) {
		log.Info("No webhook token, anyone on this machine can post alerts; set ALERTSCRIBE_WEBHOOK_TOKEN to change that", "address", address)
		return
	}
	log.Warn("Open to the network: anyone who reaches this address can read reports and post alerts; set ALERTSCRIBE_WEBHOOK_TOKEN, "+
		"basic_auth_users in --web.config.file, or --web.listen-address=127.0.0.1:5008", "address", address)
}

// isLoopback reports whether only this machine reaches an address.
func isLoopback(address string) bool {
	a, err := netip.ParseAddrPort(address)
	return err == nil && a.Addr().Unmap().IsLoopback()
}

// shownURL returns a URL without what is secret in it.
func shownURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return redactURL(raw)
	}
	return promapi.Redacted(u)
}

// askServers asks every server of the settings, and the model's endpoint where there is a key, and says what each answers.
func (c *cli) askServers(ctx context.Context, cfg *config) error {
	pool, err := cfg.pool()
	if err != nil {
		return badConfig(err)
	}
	p, err := newProbes(cfg, pool)
	if err != nil {
		return badConfig(err)
	}
	defer p.close()
	asked, failed := 0, 0
	tell := func(name string, err error) {
		asked++
		answer := name + " answers"
		switch {
		case errors.Is(err, promapi.ErrPartial): // which may be over when somebody asks for evidence
			answer = name + " answers in part: " + err.Error()
		case err != nil:
			failed++
			answer = name + " FAILED: " + err.Error()
		}
		fmt.Fprintf(c.stdout, "%-16s%s\n", "online", cfg.redactor.Session().Text(answer))
	}
	for _, s := range p.list {
		tell(s.title, s.check(ctx))
	}
	cfg.askOtherAlertmanagers(ctx, tell)
	cfg.askSources(ctx, tell)
	if cfg.LLM.Key != "" {
		_, model, err := newParts(cfg, pool, nil, analyzer.NewMemoryLedger(time.Now), promslog.NewNopLogger(), nil)
		if err != nil {
			return badConfig(err)
		}
		warning, err := model.CheckModel(ctx)
		if err == nil && warning != "" {
			err = errors.New(warning)
		}
		tell("the model", err)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d servers failed to answer as they should, see above", failed, asked)
	}
	return nil
}

// askOtherAlertmanagers asks those that evidence does not come from, but that are told: the others of a pair, and those of detection.
func (c *config) askOtherAlertmanagers(ctx context.Context, tell func(name string, err error)) {
	others := slices.Clone(c.Detect.Alertmanagers)
	list := c.alertmanagerURLs()
	for _, u := range list[min(1, len(list)):] {
		one := c.Alertmanager
		one.URL = u
		others = append(others, one)
	}
	for _, one := range others {
		am, err := connect(one, "alertmanager")
		if err == nil {
			err = (&probe{ask: func(ctx context.Context) error { return askAlertmanager(ctx, am) }}).check(ctx)
			am.Close()
		}
		tell("Alertmanager at "+shownURL(one.URL), err)
	}
}

// priceText says what a call costs.
func (c *config) priceText() string {
	p, known := c.Budget.Prices[c.LLM.Model]
	if !known {
		return "unknown: costs are not counted; add it to budget.prices"
	}
	text := fmt.Sprintf("%g USD per million tokens in, %g cached, %g out", p.Input, p.Cached, p.Output)
	if p.Peak > 1 {
		text += fmt.Sprintf("; times %g in peak hours", p.Peak)
	}
	return text
}

func capText(l incident.Limits) string {
	var bounds []string
	if l.CallsPerHour > 0 {
		bounds = append(bounds, fmt.Sprintf("at most %d an hour", l.CallsPerHour))
	}
	if l.CostPerHour > 0 {
		bounds = append(bounds, fmt.Sprintf("%g USD an hour", l.CostPerHour))
	}
	if l.CostPerDay > 0 {
		bounds = append(bounds, fmt.Sprintf("%g USD a day", l.CostPerDay))
	}
	if len(bounds) == 0 {
		return "no cap"
	}
	return strings.Join(bounds, ", ")
}

func verifyText(cfg *config) string {
	switch {
	case !cfg.Analysis.Verify:
		return "off"
	case cfg.Prometheus.URL == "":
		return "none: it needs PROMETHEUS_URL"
	}
	return "on: a second call for each verdict"
}

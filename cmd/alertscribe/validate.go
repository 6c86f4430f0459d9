package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"

	"github.com/alertscribe/alertscribe/analyzer"
	"github.com/alertscribe/alertscribe/evidence"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/redact"
	"github.com/alertscribe/alertscribe/store/postgres"
)

// validate returns every fault of the settings, each naming its key and the way out.
func (c *config) validate() []error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	checkURL := func(key, value string) {
		if _, err := parseURL(value); value != "" && err != nil {
			bad(key, "%v", err)
		}
	}
	errs = append(errs, c.validateModelURL()...)
	checkURL("alertmanager.public_url", c.Alertmanager.PublicURL)
	errs = append(errs, c.validatePrometheus()...)
	for _, u := range c.alertmanagerURLs() {
		one := c.Alertmanager
		one.URL = u
		errs = append(errs, validateServer("alertmanager", "ALERTMANAGER_URL", one)...)
	}
	if c.LLM.Model == "" {
		bad("llm.model (LLM_MODEL)", "is empty; the default is deepseek-flash")
	}
	if !slices.Contains([]string{"disabled", "low", "high", "omit"}, c.LLM.Thinking) {
		bad("llm.thinking", "%q is none of disabled, low, high, omit (for endpoints that refuse the field)", c.LLM.Thinking)
	}
	if c.Reports.Language.Validate() != nil {
		bad("reports.language (REPORT_LANGUAGE)", "%q is neither en nor zh", c.Reports.Language)
	}
	if c.Reports.Dir == "" {
		bad("reports.dir (REPORT_DIR)", "is empty")
	}
	if _, port, err := net.SplitHostPort(c.Web.ListenAddress); err != nil || !isPort(port) {
		bad("web.listen_address (LISTEN_ADDRESS, --web.listen-address)", "%q is not HOST:PORT, such as 127.0.0.1:5008 or :5008", c.Web.ListenAddress)
	}
	for i, name := range c.Web.Hosts {
		if name == "" || strings.ContainsAny(name, "/:@* \t") {
			bad(fmt.Sprintf("web.hosts[%d]", i), "%q is not the name of a host, such as alerts.example.com, without scheme and port", name)
		}
	}
	if _, err := loadZone(c.Reports.TimeZone); err != nil {
		bad("reports.time_zone (REPORT_TIME_ZONE)", "%v", err)
	}
	for _, key := range slices.Sorted(maps.Keys(c.LLM.ExtraBody)) {
		if slices.Contains([]string{"model", "messages", "stream"}, key) {
			bad("llm.extra_body", "extra_body must not set %q", key)
		}
	}
	errs = append(errs, c.validateStorage()...)
	errs = append(errs, c.validateNumbers()...)
	errs = append(errs, c.validateBudget()...)
	errs = append(errs, c.validateSeverities()...)
	return append(errs, c.validateRunbooks()...)
}

// validateRunbooks names each fault.
func (c *config) validateRunbooks() []error {
	var errs []error
	for i, allow := range c.Analysis.Runbooks.Allow {
		if err := (evidence.Runbooks{Allow: []string{allow}}).Validate(); err != nil {
			errs = append(errs, fmt.Errorf("analysis.runbooks.allow[%d]: %w", i, err))
		}
	}
	for i, network := range c.Analysis.Runbooks.Networks {
		if err := (evidence.Runbooks{Networks: []string{network}}).Validate(); err != nil {
			errs = append(errs, fmt.Errorf("analysis.runbooks.networks[%d]: %w", i, err))
		}
	}
	return errs
}

// parseURL parses the URL of a server that people or we reach by HTTP. Its error shows no password.
func parseURL(value string) (*url.URL, error) {
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q is not an http:// or https:// URL with a host", redactURL(value))
	}
	if port := u.Port(); port != "" && !isPort(port) {
		return nil, fmt.Errorf("%q has the port %s, which is not between 1 and 65535", redactURL(value), port)
	}
	return u, nil
}

// isPort reports whether a text is the number of a port, 0 for any free one, or the name of one that this machine knows.
func isPort(text string) bool {
	_, err := net.DefaultResolver.LookupPort(context.Background(), "tcp", text)
	return err == nil && text != ""
}

// validateUpstream returns what is wrong with a server that is asked and linked to.
func validateUpstream(section, variable string, c upstreamConfig) []error {
	errs := validateServer(section, variable, c)
	if _, err := parseURL(c.PublicURL); c.PublicURL != "" && err != nil {
		errs = append(errs, fmt.Errorf("%s.public_url: %w", section, err))
	}
	return errs
}

// validateServer returns what is wrong with a server that is asked, and with its http_config.
func validateServer(section, variable string, c upstreamConfig) []error {
	var errs []error
	if c.URL != "" {
		u, err := parseURL(c.URL)
		if err == nil {
			err = promapi.CheckURL(u)
		}
		if err != nil {
			key := section + ".url"
			if variable != "" {
				key += " (" + variable + ")"
			}
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	if _, err := roundTripper(c.HTTPConfig, section); err != nil {
		errs = append(errs, fmt.Errorf("%s.http_config: %w", section, err))
	}
	return errs
}

// validateModelURL returns what is wrong with the model's endpoint, whose path the client goes on with by itself.
func (c *config) validateModelURL() []error {
	const key = "llm.base_url (LLM_BASE_URL)"
	u, err := parseURL(c.LLM.BaseURL)
	if err != nil {
		return []error{fmt.Errorf("%s: %w", key, err)}
	}
	for _, end := range []string{"/chat/completions", "/completions", "/responses", "/models"} {
		if root, ok := strings.CutSuffix(strings.TrimRight(u.Path, "/"), end); ok {
			short := *u
			short.Path, short.RawPath = root, ""
			return []error{fmt.Errorf("%s: %q ends in %s, which is added to it; use %s", key, u.Redacted(), end, short.Redacted())}
		}
	}
	if u.Fragment != "" {
		u.Fragment = ""
		return []error{fmt.Errorf("%s: has a fragment (behind #), which requests don't carry; use %s", key, u.Redacted())}
	}
	return nil
}

// loadZone returns the zone of an IANA name. "Local" is none: a report is read elsewhere.
func loadZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is not the IANA name of a time zone, such as UTC, Asia/Shanghai, or Europe/Berlin", name)
	}
	return zone, nil
}

// prepare makes what the parts share of the settings: matchers, the redactor, the model's transport.
func (c *config) prepare() []error {
	var errs []error
	for i, s := range c.Analysis.Skip {
		m, err := labels.ParseMatchers(s)
		if err != nil {
			errs = append(errs, fmt.Errorf("analysis.skip[%d]: %w; matchers look like %q", i, err, `alertname=~"Watchdog|InfoInhibitor"`))
			continue
		}
		if len(m) == 0 {
			errs = append(errs, fmt.Errorf("analysis.skip[%d]: has no matcher and would skip every alert; matchers look like %q", i, `alertname=~"Watchdog|InfoInhibitor"`))
			continue
		}
		c.skip = append(c.skip, m)
	}
	c.zone, _ = loadZone(c.Reports.TimeZone) // validate says what is wrong
	for i, expr := range c.Redaction.Patterns {
		if _, err := redact.New(append(slices.Repeat([]string{"-"}, i), expr)); err != nil {
			errs = append(errs, fmt.Errorf("redaction.patterns[%d]: %w", i, err))
		}
	}
	var err error
	c.redactor, _ = redact.New(c.Redaction.Patterns) // each was tried
	if c.transport, err = roundTripper(c.LLM.HTTPConfig, "llm"); err != nil {
		errs = append(errs, fmt.Errorf("llm.http_config: %w", err))
	}
	return errs
}

func (c *config) validateStorage() []error {
	key := "storage.database_url (DATABASE_URL)"
	switch {
	case c.onPostgres():
		if err := postgres.Check(c.Storage.DatabaseURL.Reveal()); err != nil {
			return []error{fmt.Errorf("%s: %w", key, err)}
		}
		if c.Storage.Retention.MaxSize > 0 {
			return []error{errors.New("storage.retention.max_size: is for SQLite; the size of a PostgreSQL is bounded by its own means")}
		}
	case !strings.HasPrefix(c.Storage.DatabaseURL.Reveal(), sqliteScheme) || c.databasePath() == "":
		return []error{fmt.Errorf("%s: %q is not sqlite://PATH, such as sqlite://data/alertscribe.db, nor postgres://USER@HOST/DATABASE",
			key, redactURL(c.Storage.DatabaseURL.Reveal()))}
	}
	return nil
}

func (c *config) validateNumbers() []error {
	var errs []error
	for _, d := range []struct {
		key      string
		value    model.Duration
		min, max time.Duration
	}{
		{"llm.timeout", c.LLM.Timeout, time.Second, time.Hour},
		{"analysis.max_age", c.Analysis.MaxAge, time.Minute, year},
		{"analysis.reopen_within", c.Analysis.ReopenWithin, 0, year},
		{"analysis.stale_after", c.Analysis.StaleAfter, time.Minute, year},
		{"analysis.settle", c.Analysis.Settle, 0, time.Hour},
		{"analysis.evidence_timeout", c.Analysis.EvidenceTimeout, time.Second, 10 * time.Minute},
		{"storage.retention.notifications", c.Storage.Retention.Notifications, time.Hour, 100 * year},
		{"storage.retention.incidents", c.Storage.Retention.Incidents, 0, 100 * year},
		{"storage.retention.critical", c.Storage.Retention.Critical, 0, 100 * year},
	} {
		if v := time.Duration(d.value); v < d.min || v > d.max {
			errs = append(errs, fmt.Errorf("%s: %v is not between %v and %v", d.key, d.value, model.Duration(d.min), model.Duration(d.max)))
		}
	}
	for i, d := range c.Analysis.Refresh {
		switch {
		case time.Duration(d) < 10*time.Second || time.Duration(d) > year:
			errs = append(errs, fmt.Errorf("analysis.refresh: %v is not between 10s and %v", d, model.Duration(year)))
		case i > 0 && d <= c.Analysis.Refresh[i-1]:
			errs = append(errs, fmt.Errorf("analysis.refresh: %v stands behind %v; write the times in order, such as [1m, 5m, 15m, 1h, 4h]", d, c.Analysis.Refresh[i-1]))
		}
	}
	for _, n := range []struct {
		key             string
		value, min, max int64
	}{
		{"llm.max_tokens", int64(c.LLM.MaxTokens), 256, 1 << 20},
		{"analysis.workers", int64(c.Analysis.Workers), 1, 256},
		{"analysis.max_prompt_bytes", int64(c.Analysis.MaxPromptBytes), 4 << 10, 4 << 20},
		{"analysis.evidence_queries", int64(c.Analysis.EvidenceQueries), 1, 10_000},
		{"budget.calls_per_hour", int64(c.Budget.CallsPerHour), 0, 1 << 31},
		{"web.max_body_bytes", c.Web.MaxBodyBytes, 1 << 10, 1 << 30},
		{"web.max_alerts", int64(c.Web.MaxAlerts), 1, 1_000_000},
	} {
		if n.value < n.min || n.value > n.max {
			errs = append(errs, fmt.Errorf("%s: %d is not between %d and %d", n.key, n.value, n.min, n.max))
		}
	}
	return errs
}

// validateBudget: money can be bounded only where it is known what a call costs.
func (c *config) validateBudget() []error {
	var errs []error
	prices := analyzer.Prices{Models: c.Budget.Prices, Peak: c.Budget.PeakHours}
	for _, name := range slices.Sorted(maps.Keys(prices.Models)) {
		one := analyzer.Prices{Models: map[string]analyzer.Price{name: prices.Models[name]}}
		if err := one.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("budget.prices.%s: %w", name, err))
		}
	}
	for _, l := range []struct {
		key   string
		value float64
	}{{"budget.cost_per_hour", c.Budget.CostPerHour}, {"budget.cost_per_day", c.Budget.CostPerDay}} {
		switch {
		case !(l.value >= 0 && l.value <= 1e6): // not a number, too
			errs = append(errs, fmt.Errorf("%s: %v is not USD between 0 (no bound) and 1000000", l.key, l.value))
		case l.value > 0 && !prices.Knows(c.LLM.Model):
			errs = append(errs, fmt.Errorf("%s: the price of %q is not known; add it to budget.prices", l.key, c.LLM.Model))
		}
	}
	return errs
}

// validateSeverities: labels are compared in lower case, so that another spelling would never be met.
func (c *config) validateSeverities() []error {
	var errs []error
	for i, s := range c.Analysis.Severities {
		if s == "" || s != strings.ToLower(s) || slices.Contains(c.Analysis.Severities[:i], s) {
			errs = append(errs, fmt.Errorf("analysis.severities[%d]: %q is empty, not in lower case, or there twice", i, s))
		}
	}
	if len(c.Analysis.Severities) == 0 {
		errs = append(errs, errors.New("analysis.severities: is empty; leave it out for critical, page, error, warning, info"))
	}
	return errs
}

// tryParts makes the parts that look further into their settings than validate does: at the files that an http_config
// names, and at what extra_body holds. A service makes them anyway; it is for who only wants to know what is wrong.
func (c *config) tryParts() error {
	pool, err := c.pool()
	if err != nil {
		return err
	}
	_, _, err = newParts(c, pool, nil, analyzer.NewMemoryLedger(time.Now), promslog.NewNopLogger(), nil)
	return err
}

const year = 365 * 24 * time.Hour

// validateWeb checks the file that enables TLS and basic auth. A bearer token for the webhook and basic auth would both
// want the Authorization header of the same request: the pair is refused.
func (c *config) validateWeb(webConfigFile string) error {
	if webConfigFile == "" {
		return nil
	}
	if err := web.Validate(webConfigFile); err != nil {
		return fmt.Errorf("--web.config.file: %w", err)
	}
	b, err := os.ReadFile(webConfigFile)
	if err != nil {
		return fmt.Errorf("--web.config.file: %w", err)
	}
	var parsed struct {
		Users map[string]any `yaml:"basic_auth_users"`
		TLS   struct {
			ClientAuth string `yaml:"client_auth_type"`
		} `yaml:"tls_server_config"`
	}
	if err := yaml.Unmarshal(b, &parsed); err != nil {
		return fmt.Errorf("--web.config.file: %w", err)
	}
	c.Web.guarded = len(parsed.Users) > 0 || parsed.TLS.ClientAuth == "RequireAndVerifyClientCert"
	if len(parsed.Users) > 0 && c.Web.WebhookToken != "" {
		return errors.New("ALERTSCRIBE_WEBHOOK_TOKEN and basic_auth_users of --web.config.file both want the Authorization header: " +
			"with basic auth /alert is guarded already, so give Alertmanager's http_config the basic_auth and unset the token, or remove the users")
	}
	return nil
}

// redactURL hides the password of a URL in an error.
func redactURL(s string) string {
	at := strings.LastIndex(s, "@")
	if at < 0 {
		return s
	}
	if u, err := url.Parse(s); err == nil && u.User != nil {
		return u.Redacted()
	}
	return "…" + s[at:] // no URL, or one whose password is not where it belongs
}

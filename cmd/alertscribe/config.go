package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // images without a file system have no zones

	"github.com/alecthomas/units"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/alertmanager/timeinterval"
	commonconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/alertscribe/alertscribe/analyzer"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/redact"
)

// config is all settings, from the file and from the environment. Every field has a default.
type config struct {
	LLM          llmConfig        `yaml:"llm"`
	Prometheus   prometheusConfig `yaml:"prometheus"`
	Alertmanager upstreamConfig   `yaml:"alertmanager"`
	Analysis     analysisConfig   `yaml:"analysis"`
	Budget       budgetConfig     `yaml:"budget"`
	Redaction    redactionConfig  `yaml:"redaction"`
	Reports      reportsConfig    `yaml:"reports"`
	Storage      storageConfig    `yaml:"storage"`
	Web          webConfig        `yaml:"web"`
	Notify       notifyConfig     `yaml:"notify"`
	Detect       detectConfig     `yaml:"detect"`

	// What is made of them once, by prepare.
	skip      []labels.Matchers // Analysis.Skip
	redactor  *redact.Redactor
	transport http.RoundTripper // to the model
	zone      *time.Location    // Reports.TimeZone
}

type llmConfig struct {
	BaseURL    string                         `yaml:"base_url"`
	Model      string                         `yaml:"model"`
	APIKeyFile string                         `yaml:"api_key_file"`
	Thinking   string                         `yaml:"thinking"` // disabled, low, high
	ExtraBody  map[string]any                 `yaml:"extra_body"`
	Timeout    model.Duration                 `yaml:"timeout"`
	MaxTokens  int                            `yaml:"max_tokens"`
	HTTPConfig *commonconfig.HTTPClientConfig `yaml:"http_config"`

	Key redact.Secret `yaml:"-"` // exported, or fmt would print it: see redact.Secret

	probeAfter time.Duration // how soon an open breaker probes; 0 for the analyzer's default
}

type upstreamConfig struct {
	URL        string                         `yaml:"url"`
	PublicURL  string                         `yaml:"public_url"` // for links; url without its password when empty
	HTTPConfig *commonconfig.HTTPClientConfig `yaml:"http_config"`
}

type analysisConfig struct {
	Skip            []string         `yaml:"skip"`
	Severities      []string         `yaml:"severities"`
	Workers         int              `yaml:"workers"`
	MaxAge          model.Duration   `yaml:"max_age"`
	ReopenWithin    model.Duration   `yaml:"reopen_within"`
	StaleAfter      model.Duration   `yaml:"stale_after"`
	Settle          model.Duration   `yaml:"settle"`  // the first analysis waits for what resolves at once
	Refresh         []model.Duration `yaml:"refresh"` // when a firing incident is looked at again; then every last one
	MaxPromptBytes  int              `yaml:"max_prompt_bytes"`
	Verify          bool             `yaml:"verify"` // hold drafts against what could refute them
	EvidenceTimeout model.Duration   `yaml:"evidence_timeout"`
	EvidenceQueries int              `yaml:"evidence_queries"`
	Runbooks        runbooksConfig   `yaml:"runbooks"`
}

// runbooksConfig says which runbooks may be fetched: none by default.
type runbooksConfig struct {
	Allow    []string `yaml:"allow"`    // URL prefixes
	Networks []string `yaml:"networks"` // that are not public, in CIDR notation, and may be fetched from all the same
}

type budgetConfig struct {
	CallsPerHour int                         `yaml:"calls_per_hour"` // 0: no cap
	CostPerHour  float64                     `yaml:"cost_per_hour"`  // USD; 0: no bound
	CostPerDay   float64                     `yaml:"cost_per_day"`   // USD in any 24 hours; 0: no bound
	Prices       map[string]analyzer.Price   `yaml:"prices"`         // by model, beside and over the defaults
	PeakHours    []timeinterval.TimeInterval `yaml:"peak_hours"`     // Alertmanager's time_intervals
}

type redactionConfig struct {
	Patterns []string `yaml:"patterns"`
}

type reportsConfig struct {
	Dir      string            `yaml:"dir"`
	Language incident.Language `yaml:"language"`
	TimeZone string            `yaml:"time_zone"` // IANA name, of the times in reports and pages
}

type storageConfig struct {
	DatabaseURL     redact.Secret   `yaml:"database_url"`      // sqlite:// and a path, or postgres:// with a password
	DatabaseURLFile string          `yaml:"database_url_file"` // in its place
	Retention       retentionConfig `yaml:"retention"`
}

// retentionConfig says for how long what is kept; 0 is for good.
type retentionConfig struct {
	Incidents     model.Duration `yaml:"incidents"`     // with their reports and charts, after they were last heard of
	Critical      model.Duration `yaml:"critical"`      // the same, of severity critical and above
	Notifications model.Duration `yaml:"notifications"` // the bodies of webhooks
	MaxSize       byteSize       `yaml:"max_size"`      // of the database
}

// byteSize is written as 10GB, as Prometheus' --storage.tsdb.retention.size.
type byteSize int64

// UnmarshalYAML implements yaml.Unmarshaler.
func (b *byteSize) UnmarshalYAML(n *yaml.Node) error {
	if n.Value == "0" {
		*b = 0
		return nil
	}
	size, err := units.ParseBase2Bytes(n.Value)
	if err != nil || size < 0 {
		return fmt.Errorf("%q is no size, such as 512MB or 10GB", n.Value)
	}
	*b = byteSize(size)
	return nil
}

type webConfig struct {
	ListenAddress    string `yaml:"listen_address"`
	MaxBodyBytes     int64  `yaml:"max_body_bytes"`
	MaxAlerts        int    `yaml:"max_alerts"` // of a body
	WebhookTokenFile string `yaml:"webhook_token_file"`
	// Hosts are further names by which people reach the pages; see handler.Hosts.
	Hosts []string `yaml:"hosts"`

	WebhookToken redact.Secret `yaml:"-"`

	guarded bool // by the web configuration: basic authentication or client certificates
}

func defaultConfig() *config {
	rules, prices := incident.DefaultPolicy(), analyzer.DefaultPrices()
	return &config{
		LLM: llmConfig{
			BaseURL: "https://api.deepseek.com", Model: "deepseek-flash", Thinking: "disabled",
			Timeout: model.Duration(2 * time.Minute), MaxTokens: 4096,
		},
		Analysis: analysisConfig{
			Skip: []string{`alertname=~"Watchdog|InfoInhibitor"`}, Severities: rules.Severities, Workers: 4,
			Settle: model.Duration(rules.Settle), Refresh: durations(rules.Refresh),
			MaxAge: model.Duration(rules.AnalysisMaxAge), ReopenWithin: model.Duration(rules.ReopenWithin),
			StaleAfter: model.Duration(rules.StaleAfter), MaxPromptBytes: 24 << 10, Verify: true,
			EvidenceTimeout: model.Duration(20 * time.Second), EvidenceQueries: 60,
		},
		Budget:  budgetConfig{CallsPerHour: 60, Prices: prices.Models, PeakHours: prices.Peak},
		Reports: reportsConfig{Dir: "reports", Language: incident.English, TimeZone: "UTC"},
		Storage: storageConfig{
			DatabaseURL: sqliteScheme + "data/alertscribe.db",
			Retention: retentionConfig{
				Incidents: model.Duration(90 * 24 * time.Hour), Critical: model.Duration(400 * 24 * time.Hour), Notifications: model.Duration(30 * 24 * time.Hour),
			},
		},
		Web:    webConfig{ListenAddress: ":5008", MaxBodyBytes: 4 << 20, MaxAlerts: 10_000},
		Detect: detectConfig{MaxExportedSeries: 2000},
	}
}

func durations(of []time.Duration) []model.Duration {
	out := make([]model.Duration, len(of))
	for i, d := range of {
		out[i] = model.Duration(d)
	}
	return out
}

const sqliteScheme = "sqlite://"

// loadConfig reads the file (none when the name is empty) over the defaults and the environment over both, and reports
// all that is wrong at once, with key, file and line. A listen address from a flag is stronger than all.
func loadConfig(file string, getenv func(string) string, listenAddress string) (*config, error) {
	c := defaultConfig()
	var errs []error
	read := &settingsReader{}
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			errs = append(errs, fmt.Errorf("--config.file: %w", err))
		}
		read = readSettings(file, text, c)
		errs = append(errs, read.faults...)
		c.resolvePaths(filepath.Dir(file), read.lines)
	}
	if _, both := read.lines["storage.database_url"]; both && c.Storage.DatabaseURLFile != "" {
		errs = append(errs, read.locate(errors.New("storage.database_url_file: stands in the place of storage.database_url; set one of them")))
	}
	set := c.readEnv(getenv)
	for _, path := range set {
		delete(read.lines, path) // the fault is not the file's
	}
	several := c.prepareSeveral(slices.Contains(set, "prometheus.url"))
	if listenAddress != "" {
		c.Web.ListenAddress = listenAddress
		delete(read.lines, "web.listen_address")
	}
	for _, err := range slices.Concat(several, c.readSecrets(getenv), c.prepare(), c.prepareNotify(getenv), c.prepareDetection(), c.validate()) {
		errs = append(errs, read.locate(err))
	}
	read.byLine(errs)
	return c, errors.Join(errs...)
}

// resolvePaths makes the paths that stand in the file relative to it, as Prometheus does, so that it does not matter where the
// process was started.
func (c *config) resolvePaths(dir string, inFile map[string]int) {
	c.Notify.dir = dir
	for _, h := range []*commonconfig.HTTPClientConfig{c.LLM.HTTPConfig, c.Prometheus.HTTPConfig, c.Alertmanager.HTTPConfig} {
		h.SetDirectory(dir) // a nil receiver is fine
	}
	for _, s := range c.Prometheus.several {
		s.HTTPConfig.SetDirectory(dir)
	}
	c.Detect.setDirectory(dir)
	for _, p := range []*string{&c.LLM.APIKeyFile, &c.Web.WebhookTokenFile, &c.Storage.DatabaseURLFile} {
		*p = commonconfig.JoinDir(dir, *p)
	}
	if _, ok := inFile["reports.dir"]; ok {
		c.Reports.Dir = commonconfig.JoinDir(dir, c.Reports.Dir)
	}
	if _, ok := inFile["storage.database_url"]; ok && strings.HasPrefix(c.Storage.DatabaseURL.Reveal(), sqliteScheme) {
		c.Storage.DatabaseURL = redact.Secret(sqliteScheme + commonconfig.JoinDir(dir, c.databasePath()))
	}
}

// readEnv takes over what stands in the environment, which is stronger than the file, and returns the keys that it has set.
func (c *config) readEnv(getenv func(string) string) (set []string) {
	for _, v := range []struct {
		name, path string
		field      *string
	}{
		{"LLM_BASE_URL", "llm.base_url", &c.LLM.BaseURL},
		{"LLM_MODEL", "llm.model", &c.LLM.Model},
		{"PROMETHEUS_URL", "prometheus.url", &c.Prometheus.URL},
		{"ALERTMANAGER_URL", "alertmanager.url", &c.Alertmanager.URL},
		{"REPORT_DIR", "reports.dir", &c.Reports.Dir},
		{"REPORT_LANGUAGE", "reports.language", (*string)(&c.Reports.Language)},
		{"REPORT_TIME_ZONE", "reports.time_zone", &c.Reports.TimeZone},
		{"DATABASE_URL", "storage.database_url", (*string)(&c.Storage.DatabaseURL)},
		{"LISTEN_ADDRESS", "web.listen_address", &c.Web.ListenAddress},
	} {
		if value := strings.TrimSpace(getenv(v.name)); value != "" {
			*v.field = value
			set = append(set, v.path)
		}
	}
	return set
}

func (c *config) readSecrets(getenv func(string) string) []error {
	var errs []error
	read := func(key, file string, names ...string) redact.Secret {
		for _, name := range names {
			v := getenv(name)
			if secret := strings.TrimSpace(v); secret != "" {
				return redact.Secret(secret)
			}
			if v != "" { // as in a file: somebody meant to have one
				errs = append(errs, blankVariable(name))
			}
		}
		if file == "" {
			return ""
		}
		b, err := os.ReadFile(file)
		secret := strings.TrimSpace(string(b))
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		case secret == "": // not the same as none: somebody meant to have one
			errs = append(errs, fmt.Errorf("%s: %s is empty", key, file))
		}
		return redact.Secret(secret)
	}
	c.LLM.Key = read("llm.api_key_file", c.LLM.APIKeyFile, "DEEPSEEK_API_KEY", "LLM_API_KEY")
	c.Web.WebhookToken = read("web.webhook_token_file", c.Web.WebhookTokenFile, "ALERTSCRIBE_WEBHOOK_TOKEN")
	if c.Storage.DatabaseURLFile != "" {
		if url := read("storage.database_url_file", c.Storage.DatabaseURLFile, "DATABASE_URL"); url != "" {
			c.Storage.DatabaseURL = url
		}
	}
	return errs
}

// blankVariable says that a variable holds a secret of blanks, or of nothing.
func blankVariable(name string) error {
	return fmt.Errorf("%s: is blank; give it a value, or unset it", name)
}

// rules returns the settings of the incident's rules.
func (c *config) rules() *incident.Policy {
	r := incident.DefaultPolicy()
	r.ReopenWithin = time.Duration(c.Analysis.ReopenWithin)
	r.StaleAfter = time.Duration(c.Analysis.StaleAfter)
	r.AnalysisMaxAge = time.Duration(c.Analysis.MaxAge)
	r.Settle = time.Duration(c.Analysis.Settle)
	r.Refresh = nil
	for _, after := range c.Analysis.Refresh {
		r.Refresh = append(r.Refresh, time.Duration(after))
	}
	r.Severities = c.Analysis.Severities
	r.Skip = c.skip
	return r
}

// limits returns the bounds of model calls.
func (c *config) limits() incident.Limits {
	return incident.Limits{
		CallsPerHour: c.Budget.CallsPerHour, CostPerHour: c.Budget.CostPerHour, CostPerDay: c.Budget.CostPerDay,
	}
}

func (c *config) databasePath() string {
	return strings.TrimPrefix(c.Storage.DatabaseURL.Reveal(), sqliteScheme)
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

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
	LLM          llmConfig       `yaml:"llm"`
	Prometheus   upstreamConfig  `yaml:"prometheus"`
	Alertmanager upstreamConfig  `yaml:"alertmanager"`
	Analysis     analysisConfig  `yaml:"analysis"`
	Budget       budgetConfig    `yaml:"budget"`
	Redaction    redactionConfig `yaml:"redaction"`
	Reports      reportsConfig   `yaml:"reports"`
	Storage      storageConfig   `yaml:"storage"`
	Web          webConfig       `yaml:"web"`
	Detect       detectConfig    `yaml:"detect"`

	// What is made of them once, by prepare.
	skip      []labels.Matchers // Analysis.Skip
	redactor  *redact.Redactor
	transport http.RoundTripper // to the model
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
	Skip            []string       `yaml:"skip"`
	Severities      []string       `yaml:"severities"`
	Workers         int            `yaml:"workers"`
	MaxAge          model.Duration `yaml:"max_age"`
	ReopenWithin    model.Duration `yaml:"reopen_within"`
	StaleAfter      model.Duration `yaml:"stale_after"`
	MaxPromptBytes  int            `yaml:"max_prompt_bytes"`
	Verify          bool           `yaml:"verify"` // hold drafts against what could refute them
	EvidenceTimeout model.Duration `yaml:"evidence_timeout"`
	EvidenceQueries int            `yaml:"evidence_queries"`
	Runbooks        runbooksConfig `yaml:"runbooks"`
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
}

type storageConfig struct {
	DatabaseURL           string         `yaml:"database_url"`
	NotificationRetention model.Duration `yaml:"notification_retention"`
}

type webConfig struct {
	ListenAddress    string `yaml:"listen_address"`
	MaxBodyBytes     int64  `yaml:"max_body_bytes"`
	MaxAlerts        int    `yaml:"max_alerts"` // of a body
	WebhookTokenFile string `yaml:"webhook_token_file"`

	WebhookToken redact.Secret `yaml:"-"`
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
			MaxAge: model.Duration(rules.AnalysisMaxAge), ReopenWithin: model.Duration(rules.ReopenWithin),
			StaleAfter: model.Duration(rules.StaleAfter), MaxPromptBytes: 24 << 10, Verify: true,
			EvidenceTimeout: model.Duration(20 * time.Second), EvidenceQueries: 60,
		},
		Budget:  budgetConfig{CallsPerHour: 60, Prices: prices.Models, PeakHours: prices.Peak},
		Reports: reportsConfig{Dir: "reports", Language: incident.English},
		Storage: storageConfig{
			DatabaseURL: sqliteScheme + "data/alertscribe.db", NotificationRetention: model.Duration(30 * 24 * time.Hour),
		},
		Web:    webConfig{ListenAddress: ":5008", MaxBodyBytes: 4 << 20, MaxAlerts: 10_000},
		Detect: detectConfig{MaxExportedSeries: 2000},
	}
}

const sqliteScheme = "sqlite://"

// loadConfig reads the file (none when the name is empty) over the defaults and the environment over both, and reports
// all that is wrong at once. A listen address from a flag is stronger than all.
func loadConfig(file string, getenv func(string) string, listenAddress string) (*config, error) {
	c := defaultConfig()
	var errs []error
	if file != "" {
		if err := c.readFile(file); err != nil {
			errs = append(errs, err)
		}
	}
	c.readEnv(getenv)
	if listenAddress != "" {
		c.Web.ListenAddress = listenAddress
	}
	errs = append(errs, c.readSecrets(getenv)...)
	errs = append(errs, c.prepare()...)
	errs = append(errs, c.prepareDetection()...)
	errs = append(errs, c.validate()...)
	return c, errors.Join(errs...)
}

func (c *config) readFile(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("--config.file: %w", err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", file, err)
	}
	dir := filepath.Dir(file)
	for _, h := range []*commonconfig.HTTPClientConfig{c.LLM.HTTPConfig, c.Prometheus.HTTPConfig, c.Alertmanager.HTTPConfig} {
		h.SetDirectory(dir) // as in Prometheus: paths are relative to the config file; a nil receiver is fine
	}
	c.Detect.setDirectory(dir)
	for _, p := range []*string{&c.LLM.APIKeyFile, &c.Web.WebhookTokenFile} {
		*p = commonconfig.JoinDir(dir, *p)
	}
	return nil
}

// readEnv takes over what stands in the environment, which is stronger than the file.
func (c *config) readEnv(getenv func(string) string) {
	for name, field := range map[string]*string{
		"LLM_BASE_URL": &c.LLM.BaseURL, "LLM_MODEL": &c.LLM.Model,
		"PROMETHEUS_URL": &c.Prometheus.URL, "ALERTMANAGER_URL": &c.Alertmanager.URL,
		"REPORT_DIR": &c.Reports.Dir, "REPORT_LANGUAGE": (*string)(&c.Reports.Language),
		"DATABASE_URL": &c.Storage.DatabaseURL, "LISTEN_ADDRESS": &c.Web.ListenAddress,
	} {
		if v := strings.TrimSpace(getenv(name)); v != "" {
			*field = v
		}
	}
}

func (c *config) readSecrets(getenv func(string) string) []error {
	var errs []error
	read := func(key, file string, names ...string) redact.Secret {
		for _, name := range names {
			if v := strings.TrimSpace(getenv(name)); v != "" {
				return redact.Secret(v)
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
	return errs
}

// rules returns the settings of the incident's rules.
func (c *config) rules() *incident.Policy {
	r := incident.DefaultPolicy()
	r.ReopenWithin = time.Duration(c.Analysis.ReopenWithin)
	r.StaleAfter = time.Duration(c.Analysis.StaleAfter)
	r.AnalysisMaxAge = time.Duration(c.Analysis.MaxAge)
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
	return strings.TrimPrefix(c.Storage.DatabaseURL, sqliteScheme)
}

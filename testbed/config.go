package testbed

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// PrometheusConfig is what a Prometheus of the test bed does. The zero value scrapes nothing and has no rules.
type PrometheusConfig struct {
	// Listen is the address, host:port; empty takes a free port of 127.0.0.1. Give a former Server.Addr to start again
	// where one has stopped.
	Listen string
	// Targets are host:port pairs, scraped as job "app". Jobs adds further scrape_configs as Prometheus defines them.
	Targets []string
	Jobs    []map[string]any
	// ExternalLabels are those that its alerts get.
	ExternalLabels map[string]string
	// Rules is the text of a rule file.
	Rules string
	// Alertmanagers are host:port pairs that alerts are sent to, beside that of the pair.
	Alertmanagers []string
	// Interval of scrapes and of rules, default 1 s.
	Interval time.Duration
	// DataDir is the storage, default "tsdb" in the server's directory. It may hold blocks: see Backfill.
	DataDir string
	// Flags are added to the command line. The log level must stay at info or below.
	Flags []string
}

// AlertmanagerConfig is what an Alertmanager of the test bed does: it notifies one webhook.
type AlertmanagerConfig struct {
	// Listen is as in PrometheusConfig.
	Listen string
	// WebhookURL is notified; MaxAlerts truncates (0 doesn't); HTTPConfig is the webhook's http_config.
	WebhookURL string
	MaxAlerts  int
	HTTPConfig map[string]any
	// NoResolved leaves out notifications of resolved alerts.
	NoResolved bool
	// GroupBy defaults to alertname.
	GroupBy []string
	// GroupWait defaults to 0, GroupInterval to 1 s, RepeatInterval to 1 h.
	GroupWait, GroupInterval, RepeatInterval time.Duration
	// Flags are added to the command line. The log level must stay at info or below.
	Flags []string
}

// write puts the configuration into dir and returns the command line.
func (c PrometheusConfig) write(dir, addr string) ([]string, error) {
	interval := model.Duration(orElse(c.Interval, time.Second))
	jobs := c.Jobs
	if len(c.Targets) > 0 {
		jobs = append([]map[string]any{{"job_name": "app", "static_configs": targets(c.Targets)}}, jobs...)
	}
	config := map[string]any{
		"global": map[string]any{
			"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval, "external_labels": c.ExternalLabels,
		},
		"scrape_configs": jobs,
		"alerting":       map[string]any{"alertmanagers": []any{map[string]any{"static_configs": targets(c.Alertmanagers)}}},
	}
	if c.Rules != "" {
		rules := filepath.Join(dir, "rules.yml")
		if err := os.WriteFile(rules, []byte(c.Rules), 0o600); err != nil {
			return nil, fmt.Errorf("writing the rules: %w", err)
		}
		config["rule_files"] = []string{rules}
	}
	file, err := writeYAML(dir, "prometheus.yml", config)
	if err != nil {
		return nil, err
	}
	data := c.DataDir
	if data == "" {
		data = filepath.Join(dir, "tsdb")
	}
	return append([]string{
		"--config.file=" + file,
		"--storage.tsdb.path=" + data,
		"--storage.tsdb.retention.time=100y", // recorded data may be old
		"--web.listen-address=" + addr,
		"--web.external-url=http://" + addr,
		"--rules.alert.resend-delay=5s",
	}, c.Flags...), nil
}

// write puts the configuration into dir and returns the command line.
func (c AlertmanagerConfig) write(dir, addr string) ([]string, error) {
	groupBy := c.GroupBy
	if len(groupBy) == 0 {
		groupBy = []string{"alertname"}
	}
	webhook := map[string]any{"url": c.WebhookURL, "send_resolved": !c.NoResolved, "max_alerts": c.MaxAlerts}
	if c.HTTPConfig != nil {
		webhook["http_config"] = c.HTTPConfig
	}
	file, err := writeYAML(dir, "alertmanager.yml", map[string]any{
		"route": map[string]any{
			"receiver": "alertscribe", "group_by": groupBy,
			"group_wait":      model.Duration(c.GroupWait),
			"group_interval":  model.Duration(orElse(c.GroupInterval, time.Second)),
			"repeat_interval": model.Duration(orElse(c.RepeatInterval, time.Hour)),
		},
		"receivers": []any{map[string]any{"name": "alertscribe", "webhook_configs": []any{webhook}}},
	})
	if err != nil {
		return nil, err
	}
	return append([]string{
		"--config.file=" + file,
		"--storage.path=" + filepath.Join(dir, "alertmanager"),
		"--web.listen-address=" + addr,
		"--web.external-url=http://" + addr,
		"--cluster.listen-address=", // no gossip; a later flag of the caller's wins
	}, c.Flags...), nil
}

func targets(addrs []string) []any {
	return []any{map[string]any{"targets": append([]string{}, addrs...)}}
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

func writeYAML(dir, name string, v any) (string, error) {
	text, err := yaml.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encoding %s: %w", name, err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return "", fmt.Errorf("writing %s: %w", name, err)
	}
	return path, nil
}

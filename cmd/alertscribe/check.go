package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
)

// checkConfig says all that is wrong, or what the settings amount to.
func (c *cli) checkConfig(context.Context) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if err := cfg.tryParts(); err != nil {
		return badConfig(err)
	}
	set := func(s string) string {
		if s == "" {
			return "not set"
		}
		return redactURL(s)
	}
	key := "not set: reports carry evidence only"
	if cfg.LLM.Key != "" {
		key = "set"
	}
	token := "not set: anyone can post"
	if cfg.Web.WebhookToken != "" {
		token = "set"
	}
	for _, line := range [][2]string{
		{"listen address", cfg.Web.ListenAddress},
		{"model", cfg.LLM.Model + " at " + redactURL(cfg.LLM.BaseURL)},
		{"API key", key},
		{"Prometheus", set(cfg.Prometheus.URL)},
		{"Alertmanager", set(cfg.Alertmanager.URL)},
		{"reports", fmt.Sprintf("%s (%s)", cfg.Reports.Dir, cfg.Reports.Language)},
		{"database", cfg.Storage.DatabaseURL},
		{"webhook token", token},
		{"model calls", capText(cfg.limits())},
		{"verification", verifyText(cfg)},
		{"detection", cfg.detectionText()},
	} {
		fmt.Fprintf(c.stdout, "%-16s%s\n", line[0], line[1])
	}
	for _, text := range cfg.Detect.warnings() {
		fmt.Fprintln(c.stdout, "warning:", text)
	}
	fmt.Fprintln(c.stdout, "SUCCESS: the configuration is valid")
	return nil
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

package main

import (
	"cmp"
	"fmt"
	"net/url"

	"github.com/alertscribe/alertscribe/handler"
	"github.com/alertscribe/alertscribe/silence"
)

// setSilences lets pages make silences where an Alertmanager is configured.
func setSilences(cfg *config, o *handler.Options) error {
	c := cfg.firstAlertmanager()
	if c.URL == "" {
		return nil
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return fmt.Errorf("alertmanager.url: %w", err)
	}
	transport, err := roundTripper(c.HTTPConfig, "alertmanager")
	if err != nil {
		return fmt.Errorf("alertmanager.http_config: %w", err)
	}
	client, err := silence.New(silence.Options{URL: u, Transport: transport})
	if err != nil {
		return err
	}
	o.Silencer, o.AlertmanagerURL = client, cmp.Or(linkRoot(c.PublicURL), linkRoot(c.URL)) // without passwords
	return nil
}

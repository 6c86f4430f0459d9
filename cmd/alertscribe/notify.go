package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/client_golang/prometheus"
	commonconfig "github.com/prometheus/common/config"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/notify"
	"github.com/alertscribe/alertscribe/notify/channel"
	"github.com/alertscribe/alertscribe/redact"
)

// notifyConfig says who is told what.
type notifyConfig struct {
	Channels []channelConfig `yaml:"channels"`
	Priority [][]string      `yaml:"priority"`

	dir   string           // of the configuration file
	ready []notify.Channel // what is made of them, by prepareNotify
}

// channelConfig is one channel: exactly one service, and what it is told.
type channelConfig struct {
	Name         string            `yaml:"name"`
	Alertmanager bool              `yaml:"alertmanager"` // those of alertmanager.url
	Slack        *channel.Settings `yaml:"slack"`
	Teams        *channel.Settings `yaml:"teams"`
	Telegram     *channel.Settings `yaml:"telegram"`
	DingTalk     *channel.Settings `yaml:"dingtalk"`
	Feishu       *channel.Settings `yaml:"feishu"`
	WeCom        *channel.Settings `yaml:"wecom"`
	Email        *channel.Settings `yaml:"email"`
	Discord      *channel.Settings `yaml:"discord"`
	PagerDuty    *channel.Settings `yaml:"pagerduty"`
	Mattermost   *channel.Settings `yaml:"mattermost"`
	GoogleChat   *channel.Settings `yaml:"googlechat"`
	Ntfy         *channel.Settings `yaml:"ntfy"`
	Matrix       *channel.Settings `yaml:"matrix"`
	Webhook      *channel.Settings `yaml:"webhook"`
	URL          redact.Secret     `yaml:"url"` // of any service that has one, which is known by its host

	Events      []channel.Event                `yaml:"events"`
	MinSeverity string                         `yaml:"min_severity"`
	Match       []string                       `yaml:"match"` // all have to match
	Language    incident.Language              `yaml:"language"`
	HTTPConfig  *commonconfig.HTTPClientConfig `yaml:"http_config"`
}

// services returns what is set, by the key of the service.
func (c *channelConfig) services() map[string]*channel.Settings {
	set := map[string]*channel.Settings{
		"slack": c.Slack, "teams": c.Teams, "telegram": c.Telegram, "dingtalk": c.DingTalk, "feishu": c.Feishu, "wecom": c.WeCom,
		"email": c.Email, "discord": c.Discord, "pagerduty": c.PagerDuty, "mattermost": c.Mattermost, "googlechat": c.GoogleChat,
		"ntfy": c.Ntfy, "matrix": c.Matrix, "webhook": c.Webhook,
	}
	for name, s := range set {
		if s == nil {
			delete(set, name)
		}
	}
	return set
}

// envChannel is the name of the channel that NOTIFY_URL makes.
const envChannel = "NOTIFY_URL"

// prepareNotify makes the channels, and reports all that is wrong with them, each error with its key.
func (c *config) prepareNotify(getenv func(string) string) []error {
	all, priority := slices.Clone(c.Notify.Channels), c.Notify.Priority
	var errs []error
	raw := strings.TrimSpace(getenv(envChannel))
	if raw == "" && getenv(envChannel) != "" {
		errs = append(errs, blankVariable(envChannel))
	}
	if raw != "" {
		all = append(all, channelConfig{Name: envChannel, URL: redact.Secret(raw)})
		if len(priority) > 0 {
			priority = append(slices.Clone(priority), []string{envChannel})
		}
	}
	names := map[string]bool{}
	var listed []string
	for i := range all {
		key := fmt.Sprintf("notify.channels[%d]", i)
		if all[i].Name == envChannel {
			key = envChannel
		}
		ready, bad := c.makeChannel(&all[i])
		for _, err := range bad {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
		switch {
		case ready.Name == "":
			errs = append(errs, fmt.Errorf("%s.name: is missing; notify.priority, metrics, and notify-test use it", key))
		case names[ready.Name]:
			errs = append(errs, fmt.Errorf("%s.name: %q is the name of an earlier channel; choose another one", key, ready.Name))
		}
		names[ready.Name], listed = true, append(listed, ready.Name)
		c.Notify.ready = append(c.Notify.ready, ready)
	}
	for _, err := range notify.CheckPriority(listed, priority) {
		errs = append(errs, fmt.Errorf("notify.priority: %w", err))
	}
	c.Notify.Priority = priority
	return errs
}

// makeChannel makes one channel.
func (c *config) makeChannel(cc *channelConfig) (ready notify.Channel, errs []error) {
	ready = notify.Channel{Name: cc.Name, MinSeverity: cc.MinSeverity, Language: cc.Language, Events: cc.Events}
	for _, e := range cc.Events {
		if !slices.Contains(channel.Events(), e) {
			errs = append(errs, fmt.Errorf("events: %q is none of opened, analyzed, changed, resolved", e))
		}
	}
	if s := cc.MinSeverity; s != "" && !slices.Contains(c.Analysis.Severities, s) {
		errs = append(errs, fmt.Errorf("min_severity: %q is none of %s (analysis.severities)", s, strings.Join(c.Analysis.Severities, ", ")))
	}
	if cc.Language != "" && cc.Language.Validate() != nil {
		errs = append(errs, fmt.Errorf("language: %q is neither en nor zh", cc.Language))
	}
	for i, text := range cc.Match {
		m, err := labels.ParseMatchers(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("match[%d]: %w; matchers look like %q", i, err, `team="shop"`))
			continue
		}
		ready.Match = append(ready.Match, m...)
	}
	sender, bad := c.makeSender(cc)
	ready.Sender = sender
	return ready, append(errs, bad...)
}

// makeSender makes what speaks to the one service that is set.
func (c *config) makeSender(cc *channelConfig) (channel.Channel, []error) {
	set := cc.services()
	given := len(set)
	for _, other := range []bool{cc.Alertmanager, cc.URL != ""} {
		if other {
			given++
		}
	}
	if given != 1 {
		return nil, []error{fmt.Errorf("set exactly one of alertmanager: true, %s, url", strings.Join(channel.Services(), ", "))}
	}
	if cc.HTTPConfig != nil {
		cc.HTTPConfig.SetDirectory(c.Notify.dir)
	}
	if cc.Alertmanager {
		return c.makeAlertmanager(cc)
	}
	transport, err := roundTripper(cc.HTTPConfig, "notify")
	if err != nil {
		return nil, []error{fmt.Errorf("http_config: %w", err)}
	}
	if cc.URL != "" {
		service, s := channel.FromURL(cc.URL)
		return channel.New(service, s, channel.Options{Transport: transport})
	}
	for service, s := range set {
		settings := *s
		errs := settings.Read(c.Notify.dir)
		var sender channel.Channel
		if len(errs) == 0 { // else what is missing stands in a file that can't be read
			sender, errs = channel.New(service, settings, channel.Options{Transport: transport})
		}
		for i, err := range errs {
			errs[i] = fmt.Errorf("%s: %w", service, err)
		}
		return sender, errs
	}
	return nil, nil
}

// makeAlertmanager makes the channel to the user's own Alertmanagers.
func (c *config) makeAlertmanager(cc *channelConfig) (channel.Channel, []error) {
	list := c.alertmanagerURLs()
	if len(list) == 0 {
		return nil, []error{errors.New("alertmanager: set alertmanager.url (ALERTMANAGER_URL); all that it lists are told")}
	}
	var urls []*url.URL
	for _, raw := range list {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" {
			return nil, nil // validate says so of alertmanager.url
		}
		urls = append(urls, u)
	}
	transport, err := roundTripper(cmp.Or(cc.HTTPConfig, c.Alertmanager.HTTPConfig), "alertmanager")
	if err != nil {
		return nil, []error{fmt.Errorf("http_config: %w", err)}
	}
	return channel.NewAlertmanager(urls, channel.Options{Transport: transport}), nil
}

// alertmanagerURLs returns the Alertmanagers that are listed, separated by commas.
func (c *config) alertmanagerURLs() []string {
	var list []string
	for raw := range strings.SplitSeq(c.Alertmanager.URL, ",") {
		if raw = strings.TrimSpace(raw); raw != "" {
			list = append(list, raw)
		}
	}
	return list
}

// firstAlertmanager is the one that is asked for what fires: those of a pair know the same.
func (c *config) firstAlertmanager() upstreamConfig {
	first := c.Alertmanager
	if list := c.alertmanagerURLs(); len(list) > 0 {
		first.URL = list[0]
	}
	return first
}

// newNotifier makes the part that tells channels; store may be nil for one that only tests them.
func newNotifier(cfg *config, s engine, link func(string) string, log *slog.Logger, reg prometheus.Registerer) (*notify.Notifier, error) {
	o := notify.Options{
		Channels: cfg.Notify.ready, Priority: cfg.Notify.Priority, Link: link, Redactor: cfg.redactor, Policy: cfg.rules(),
		Language: cfg.Reports.Language, Logger: log.With("component", "notify"), Registerer: reg,
	}
	if s != nil {
		o.Store, o.Lead = s, s.Lead
	}
	n, err := notify.New(o)
	if err != nil {
		return nil, fmt.Errorf("setting up the channels: %w", err)
	}
	return n, nil
}

// newNotifier makes the service's own.
func (s *setup) newNotifier() (*notify.Notifier, error) {
	link := messageLink(s.opts.externalURL, s.address, s.opts.routePrefix)
	if len(s.cfg.Notify.ready) > 0 && s.opts.externalURL == "" {
		s.log.Warn("Links in messages may lead nowhere: --web.external-url is not set", "links", link("ID"))
	}
	return newNotifier(s.cfg, s.store, link, s.log, s.registry)
}

// messageLink returns how messages link to a report. Without an external URL it is this host's name and the port, as Prometheus
// does it.
func messageLink(externalURL, address, prefix string) func(id string) string {
	base := strings.TrimRight(externalURL, "/")
	if base == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "localhost"
		}
		_, port, _ := net.SplitHostPort(address)
		base = "http://" + net.JoinHostPort(host, port) + prefix
	}
	return func(id string) string { return strings.TrimRight(base+"/reports/"+id, "/") }
}

// channelNames says what check-config prints of the channels.
func channelNames(cfg *config) string {
	var names []string
	for _, ready := range cfg.Notify.ready {
		names = append(names, ready.Name)
	}
	if len(names) == 0 {
		return "none: nobody is told; see notify.channels"
	}
	return strings.Join(names, ", ")
}

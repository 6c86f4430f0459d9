package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	commonconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/report"
)

// prometheusConfig is one Prometheus or, written as a list, several that share the alerts. Then the first stands for all where
// one is meant.
type prometheusConfig struct {
	upstreamConfig `yaml:",inline"`

	several []prometheusServer
}

// prometheusServer is one of several.
type prometheusServer struct {
	Name            string                         `yaml:"name"`
	URL             string                         `yaml:"url"`
	PublicURL       string                         `yaml:"public_url"`
	Match           []string                       `yaml:"match"` // of the labels of its alerts; all have to match
	EvidenceTimeout model.Duration                 `yaml:"evidence_timeout"`
	EvidenceQueries int                            `yaml:"evidence_queries"`
	HTTPConfig      *commonconfig.HTTPClientConfig `yaml:"http_config"`
}

// list implements listSetting.
func (c *prometheusConfig) list() any { return &c.several }

// prepareSeveral makes the first of several servers the one that is meant where there can be one alone.
func (c *config) prepareSeveral(urlIsSet bool) []error {
	several := c.Prometheus.several
	if several == nil {
		return nil
	}
	if urlIsSet {
		return []error{errors.New("prometheus: is a list, and PROMETHEUS_URL is set, which is one; unset it")}
	}
	if len(several) == 0 {
		return nil
	}
	first := several[0]
	c.Prometheus.upstreamConfig = upstreamConfig{URL: first.URL, PublicURL: first.PublicURL, HTTPConfig: first.HTTPConfig}
	return nil
}

// validatePrometheus returns what is wrong with each.
func (c *config) validatePrometheus() []error {
	if c.Prometheus.several == nil {
		return validateUpstream("prometheus", "PROMETHEUS_URL", c.Prometheus.upstreamConfig)
	}
	var errs []error
	names := map[string]bool{}
	for i, s := range c.Prometheus.several {
		key := fmt.Sprintf("prometheus[%d]", i)
		bad := func(field, format string, args ...any) {
			errs = append(errs, fmt.Errorf("%s.%s: %s", key, field, fmt.Sprintf(format, args...)))
		}
		switch {
		case s.Name == "":
			bad("name", "is missing; reports and /health name the server by it")
		case names[s.Name]:
			bad("name", "%q is the name of an earlier server; choose another one", s.Name)
		}
		names[s.Name] = true
		if s.URL == "" {
			bad("url", "is missing")
		}
		if _, err := s.matchers(); err != nil {
			bad("match", "%v", err)
		}
		if s.EvidenceQueries < 0 {
			bad("evidence_queries", "%d is negative; 0 is for analysis.evidence_queries", s.EvidenceQueries)
		}
		errs = append(errs, validateUpstream(key, "", upstreamConfig{URL: s.URL, PublicURL: s.PublicURL, HTTPConfig: s.HTTPConfig})...)
	}
	return errs
}

func (s *prometheusServer) matchers() (labels.Matchers, error) {
	var all labels.Matchers
	for _, text := range s.Match {
		m, err := labels.ParseMatchers(text)
		if err != nil {
			return nil, fmt.Errorf("%q is no matcher, such as cluster=\"eu\": %w", text, err)
		}
		all = append(all, m...)
	}
	return all, nil
}

// pool connects all servers; none is an empty pool.
func (c *config) pool() (promapi.Pool, error) {
	several := c.Prometheus.several
	if several == nil {
		if c.Prometheus.URL == "" {
			return nil, nil
		}
		u := c.Prometheus.upstreamConfig
		several = []prometheusServer{{URL: u.URL, PublicURL: u.PublicURL, HTTPConfig: u.HTTPConfig}}
	}
	var pool promapi.Pool
	for _, s := range several {
		server, err := upstream(upstreamConfig{URL: s.URL, PublicURL: s.PublicURL, HTTPConfig: s.HTTPConfig}, "prometheus")
		if err != nil {
			return nil, err
		}
		if server, err = withPublicURL(server, s.PublicURL, "prometheus"); err != nil {
			return nil, err
		}
		client, err := promapi.Connect(server, strings.TrimSpace("prometheus "+s.Name))
		if err != nil {
			return nil, err
		}
		match, err := s.matchers()
		if err != nil {
			return nil, err
		}
		pool = append(pool, &promapi.Member{
			Name: s.Name, Client: client, Match: match, MaxQueries: s.EvidenceQueries, Timeout: time.Duration(s.EvidenceTimeout),
		})
	}
	return pool, nil
}

// linkedServers returns where people reach the servers.
func (c *config) linkedServers(pool promapi.Pool) report.Servers {
	s := report.Servers{
		Alertmanager: linkRoot(c.Alertmanager.PublicURL), Prometheus: linkRoot(c.Prometheus.PublicURL), PrometheusAsked: linkRoot(c.Prometheus.URL),
		Others: otherRoots(c),
	}
	if c.Prometheus.several == nil {
		return s
	}
	s.PrometheusOf = func(a incident.Alert) (public, asked string) {
		m := pool.Choose(a.Labels, a.GeneratorURL)
		i := slices.IndexFunc(c.Prometheus.several, func(p prometheusServer) bool { return m != nil && p.Name == m.Name })
		if i < 0 {
			return "", ""
		}
		return linkRoot(c.Prometheus.several[i].PublicURL), linkRoot(c.Prometheus.several[i].URL)
	}
	return s
}

// prometheusText says which servers are asked.
func (c *config) prometheusText() string {
	if len(c.Prometheus.several) == 0 {
		return cmp.Or(shownURL(c.Prometheus.URL), "not set")
	}
	var all []string
	for _, s := range c.Prometheus.several {
		all = append(all, s.Name+" at "+shownURL(s.URL))
	}
	return strings.Join(all, ", ")
}

// withPublicURL returns a server to ask with the address that people reach it by.
func withPublicURL(s promapi.Server, public, key string) (promapi.Server, error) {
	if public == "" {
		return s, nil
	}
	u, err := url.Parse(public)
	if err != nil {
		return s, fmt.Errorf("%s.public_url: %w", key, err)
	}
	s.PublicURL = u
	return s, nil
}

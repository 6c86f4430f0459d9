package promapi

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// Member is one of the servers of a Pool.
type Member struct {
	Name       string          // as the settings have it; "" where there is one server
	Client     *Client         // required
	Match      labels.Matchers // what an alert's labels have to match; empty: see [Pool.Choose]
	MaxQueries int             // about one incident; 0 for the usual
	Timeout    time.Duration   // for all that is looked up about an incident; 0 for the usual

	external atomic.Pointer[map[string]string]
}

// Pool is the servers that evidence is asked of. Each alert has one of them.
type Pool []*Member

// Choose returns the server that knows what an alert with these labels is about; nil for none. In this order:
//
//  1. the first whose Match fits;
//  2. the one whose external labels the alert has, the most of them;
//  3. the one that the alert's generatorURL leads to;
//  4. the first that nothing of this speaks against.
//
// One server alone is that of all alerts, unless its Match says otherwise.
func (p Pool) Choose(alert map[string]string, generatorURL string) *Member {
	set := model.LabelSet{}
	for name, v := range alert {
		set[model.LabelName(name)] = model.LabelValue(v)
	}
	var open []*Member
	for _, m := range p {
		switch {
		case len(m.Match) == 0:
			open = append(open, m)
		case m.Match.Matches(set):
			return m
		}
	}
	if len(p) == 1 && len(open) == 1 {
		return open[0]
	}
	var found *Member
	most := 0
	for _, m := range open {
		if fits, n := m.fits(alert); fits && n > most {
			found, most = m, n
		}
	}
	if found != nil {
		return found
	}
	for _, m := range open {
		if m.generates(generatorURL) {
			return m
		}
	}
	for _, m := range open {
		if !m.contradicts(alert) {
			return m
		}
	}
	return nil
}

// fits reports whether an alert has all external labels of the server, and how many they are.
func (m *Member) fits(alert map[string]string) (fits bool, n int) {
	for name, v := range m.externalLabels() {
		if alert[name] != v {
			return false, 0
		}
		n++
	}
	return n > 0, n
}

// contradicts reports whether an alert has another value for an external label of the server.
func (m *Member) contradicts(alert map[string]string) bool {
	for name, v := range m.externalLabels() {
		if has, ok := alert[name]; ok && has != v {
			return true
		}
	}
	return false
}

// generates reports whether a link of an alert begins with the server's root, as it is asked or as people reach it.
func (m *Member) generates(generatorURL string) bool {
	u, err := url.Parse(generatorURL)
	if err != nil || u.Host == "" {
		return false
	}
	for _, root := range []*url.URL{m.Client.public, m.Client.url} {
		path := strings.TrimRight(root.Path, "/")
		if strings.EqualFold(u.Host, root.Host) && (u.Path == path || strings.HasPrefix(u.Path, path+"/")) {
			return true
		}
	}
	return false
}

func (m *Member) externalLabels() map[string]string {
	if l := m.external.Load(); l != nil {
		return *l
	}
	return nil
}

// Learn asks the server for its external labels, as its configuration has them. What speaks Prometheus' API and has none of
// its configuration (Thanos, Mimir) keeps the labels unknown: an error says so.
func (m *Member) Learn(ctx context.Context) error {
	body, err := m.Client.Get(ctx, "/api/v1/status/config", nil)
	if err != nil {
		return err
	}
	var answer struct {
		Data struct {
			YAML string `yaml:"yaml"`
		} `yaml:"data"`
	}
	var config struct {
		Global struct {
			ExternalLabels map[string]string `yaml:"external_labels"`
		} `yaml:"global"`
	}
	if err := yaml.Unmarshal(body, &answer); err != nil { // JSON is YAML
		return fmt.Errorf("%w: reading the configuration of the server: %w", ErrUnavailable, err)
	}
	if err := yaml.Unmarshal([]byte(answer.Data.YAML), &config); err != nil {
		return fmt.Errorf("%w: reading the configuration of the server: %w", ErrUnavailable, err)
	}
	external := maps.Clone(config.Global.ExternalLabels)
	m.external.Store(&external)
	return nil
}

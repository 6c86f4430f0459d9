package evidence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
)

var errNoAlertmanager = errors.New("ALERTMANAGER_URL is not set")

// alertmanagerAPI asks an Alertmanager by its API v2.
type alertmanagerAPI struct {
	server *promapi.Client
	count  func(outcome string)
}

// knownAlert is an alert as Alertmanager tells of it.
type knownAlert struct {
	Fingerprint string            `json:"fingerprint"`
	Labels      map[string]string `json:"labels"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
	Receivers   []struct {
		Name string `json:"name"`
	} `json:"receivers"`
	Status struct {
		State       string   `json:"state"` // active, suppressed or unprocessed
		SilencedBy  []string `json:"silencedBy"`
		InhibitedBy []string `json:"inhibitedBy"`
	} `json:"status"`
}

// alerts lists the alerts that fire, silenced and inhibited ones too.
func (a *alertmanagerAPI) alerts(ctx context.Context, query url.Values) ([]knownAlert, error) {
	return amGet[[]knownAlert](ctx, a, "/api/v2/alerts", query)
}

func amGet[T any](ctx context.Context, a *alertmanagerAPI, path string, query url.Values) (T, error) {
	var answer T
	body, err := a.server.Get(ctx, path, query)
	if err == nil {
		if err = json.Unmarshal(body, &answer); err != nil {
			err = fmt.Errorf("%w: response is not from Alertmanager: %w", promapi.ErrUnavailable, err)
		}
	}
	a.count(promapi.Outcome(err))
	if err != nil {
		return answer, fmt.Errorf("asking Alertmanager: %w", err)
	}
	return answer, nil
}

// matcherEscapes are all that Alertmanager knows in the value of a matcher.
var matcherEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// StillFiring asks Alertmanager whether any alert of the incident's group fires, silenced or not. Without an
// Alertmanager to ask it is an error.
func (c *Collector) StillFiring(ctx context.Context, inc *incident.Incident) (bool, error) {
	if c.alertmanager == nil {
		return false, errNoAlertmanager
	}
	query := url.Values{}
	for name, value := range inc.GroupLabels {
		query.Add("filter", name+`="`+matcherEscapes.Replace(value)+`"`)
	}
	if inc.Receiver != "" {
		query.Set("receiver", regexp.QuoteMeta(inc.Receiver))
	}
	known, err := c.alertmanager.alerts(ctx, query)
	if err != nil {
		return false, err
	}
	ours := map[string]bool{}
	for _, a := range inc.Alerts {
		ours[a.Fingerprint] = true
	}
	for _, a := range known {
		if !a.EndsAt.After(c.now()) || a.Labels[incident.SelfAlertLabel] == "true" {
			continue
		}
		if ours[a.Fingerprint] || len(inc.GroupLabels) > 0 && inc.Receiver != "" {
			return true, nil
		}
	}
	return false, nil
}

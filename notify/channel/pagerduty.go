package channel

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/alertscribe/alertscribe/text"
)

const pagerDutySummary = 1024 // characters

// pagerDuty sends events; all of an incident are one alert there, by their key.
type pagerDuty struct {
	*core

	url, key string
}

func newPagerDuty(s *Settings, c *core) (Channel, error) {
	return &pagerDuty{c, s.base("https://events.pagerduty.com") + "/v2/enqueue", s.RoutingKey.Reveal()}, nil
}

func (*pagerDuty) Pace() (time.Duration, int) { return time.Second, 10 }

// Closes says that what the service has open stays open until it is told of the end.
func (*pagerDuty) Closes() {}

// pagerDutyPause is how long to be quiet after too many events, as documented: a few minutes.
const pagerDutyPause = 2 * time.Minute

func (c *pagerDuty) Send(ctx context.Context, d Delivery) (Receipt, error) {
	m := d.Message
	body := map[string]any{"routing_key": c.key, "dedup_key": m.Incident, "event_action": "resolve"}
	if !m.over() {
		co := m.content(budgets[0])
		details := map[string]any{}
		for _, l := range co.lines {
			details[l.label] = l.text
		}
		if d.Small {
			details = map[string]any{}
		}
		body["event_action"] = "trigger"
		body["payload"] = map[string]any{
			"summary":  text.Cut(strings.TrimSuffix(co.title+" · "+co.tags, " · "), pagerDutySummary),
			"source":   cmp.Or(text.Cut(m.Labels["instance"], maxTagRunes), "alertscribe"),
			"severity": pagerDutySeverity(m.Severity), "custom_details": details,
		}
		if m.ReportURL != "" {
			body["client"], body["client_url"] = "alertscribe", m.ReportURL
			body["links"] = []any{map[string]any{"href": m.ReportURL, "text": co.link.label}}
		}
	}
	r, err := c.json(ctx, request{url: c.url}, body)
	if err != nil {
		return Receipt{}, err
	}
	if said := strings.ReplaceAll(strings.ToLower(string(r.body)), " ", "_"); r.status == http.StatusBadRequest && strings.Contains(said, "routing_key") {
		return Receipt{}, c.refuse(BadConfig, r, string(r.body))
	}
	if err := c.judge(r); err != nil {
		f := AsFailure(err)
		if r.status == http.StatusTooManyRequests {
			f.After = max(f.After, pagerDutyPause)
		}
		return Receipt{}, f
	}
	return Receipt{}, nil
}

func pagerDutySeverity(s string) string {
	switch s {
	case "critical", "error", "warning", "info":
		return s
	case "page":
		return "critical"
	}
	return "warning"
}

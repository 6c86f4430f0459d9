package evidence

import (
	"context"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
)

// choose returns the Prometheus that knows what the incident's main anchor is about, without a client where there is none, and
// how many of the incident's alerts another one knows.
func (c *Collector) choose(inc *incident.Incident, seen []incident.Evidence) (m *promapi.Member, elsewhere int) {
	none := &promapi.Member{}
	if len(c.pool) == 0 {
		return none, 0
	}
	main, _ := anchorsOf(inc, seen)
	m = c.pool.Choose(main.Labels, main.GeneratorURL)
	if m == nil {
		return none, 0
	}
	for _, a := range inc.Alerts {
		if c.pool.Choose(a.Labels, a.GeneratorURL) != m {
			elsewhere++
		}
	}
	return m, elsewhere
}

// noPrometheus says why nobody was asked.
func (c *Collector) noPrometheus(_ context.Context, inv *investigation) ([]incident.Evidence, error) {
	item := incident.Evidence{Title: inv.say(msgTitleSignal), Summary: inv.say(msgNoPrometheus), Failed: true}
	if len(c.pool) > 0 {
		var names []string
		for _, m := range c.pool {
			names = append(names, m.Name)
		}
		item.Summary = inv.say(msgNoServerFits, strings.Join(names, ", "))
	}
	return []incident.Evidence{item}, nil
}

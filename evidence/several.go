package evidence

import (
	"context"
	"strings"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
)

// choose returns the Prometheus that knows what the incident's main anchor is about, without a client where there is none.
func (c *Collector) choose(inc *incident.Incident, seen []incident.Evidence) *promapi.Member {
	if len(c.pool) > 0 {
		main, _ := anchorsOf(inc, seen)
		if m := c.pool.Choose(main.Labels, main.GeneratorURL); m != nil {
			return m
		}
	}
	return &promapi.Member{}
}

// elsewhere counts the alerts of the incident that another one of several servers knows.
func (inv *investigation) elsewhere() (n int) {
	if len(inv.pool) < 2 {
		return 0
	}
	for _, a := range inv.incident.Alerts {
		if m := inv.pool.Choose(a.Labels, a.GeneratorURL); m == nil || m.Client != inv.server {
			n++
		}
	}
	return n
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

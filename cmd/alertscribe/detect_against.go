package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/incident"
)

// incidentsSince asks a running alertscribe for its incidents of a time, with alerts and feedback.
func (c *cli) incidentsSince(ctx context.Context, root string, since, until time.Time) ([]incident.Incident, error) {
	a, err := c.client(root, true)
	if err != nil {
		return nil, err
	}
	out := []incident.Incident{}
	u := a.page("api/v1/incidents")
	for after := ""; ; {
		q := u.Query()
		q.Set("limit", "500")
		if after != "" {
			q.Set("after", after)
		}
		u.RawQuery = q.Encode()
		var page struct {
			Incidents []struct {
				ID       string    `json:"id"`
				Status   string    `json:"status"`
				OpenedAt time.Time `json:"opened_at"`
			} `json:"incidents"`
			Next string `json:"next"`
		}
		if _, err := a.ask(ctx, "the incidents", http.MethodGet, u, nil, &page); err != nil {
			return nil, err
		}
		older := false
		for _, entry := range page.Incidents {
			if older = entry.OpenedAt.Before(since) && entry.Status != string(incident.Firing); older || entry.OpenedAt.After(until) {
				continue
			}
			var inc incident.Incident
			if _, err := a.ask(ctx, "an incident", http.MethodGet, a.page("api/v1/incidents/"+entry.ID), nil, &inc); err != nil {
				return nil, err
			}
			out = append(out, inc)
		}
		if after = page.Next; after == "" || older {
			return out, nil
		}
	}
}

// judgment is what incidents say of the alerts of a backtest.
type judgment struct {
	alerts, problems, noProblems, unknown int // alerts, and those with each kind of incident; unknown: only one of the rule itself that nobody judged
	incidents, found                      int // problems of what the rule watches, and those with an alert
}

// near is how far an alert and an incident may be apart and still be about the same.
const near = 15 * time.Minute

// judge holds alerts against incidents. What another rule alerted for was a problem, unless feedback says that it was none; what
// only this rule did is known by feedback alone.
func judge(b *watch.Backtest, incidents []incident.Incident) judgment {
	j := judgment{alerts: len(b.Alerts)}
	for _, a := range b.Alerts {
		problem, no, own := false, false, false
		for i := range incidents {
			inc := &incidents[i]
			if !overlap(a, inc.StartedAt, inc.ResolvedAt, near) || !related(a.Labels, inc) {
				continue
			}
			switch {
			case noProblem(inc):
				no = true
			case inc.Alertname == b.Rule.Alert && len(inc.Feedback) == 0:
				own = true
			default:
				problem = true
			}
		}
		switch {
		case problem:
			j.problems++
		case no:
			j.noProblems++
		case own:
			j.unknown++
		}
	}
	for i := range incidents {
		inc := &incidents[i]
		if noProblem(inc) || inc.Alertname == b.Rule.Alert && len(inc.Feedback) == 0 ||
			!slices.ContainsFunc(b.Series, func(l map[string]string) bool { return related(l, inc) }) {
			continue
		}
		j.incidents++
		if slices.ContainsFunc(b.Alerts, func(a watch.PastAlert) bool {
			return overlap(a, inc.StartedAt, inc.ResolvedAt, near) && related(a.Labels, inc)
		}) {
			j.found++
		}
	}
	return j
}

// related tells whether a series and an alert of an incident can be about the same thing: they share a label, and none
// contradicts. A series without labels is of everything.
func related(series map[string]string, inc *incident.Incident) bool {
	return len(series) == 0 || slices.ContainsFunc(inc.Alerts, func(a incident.Alert) bool {
		shared := 0
		for name, v := range series {
			other, there := a.Labels[name]
			if there && other != v {
				return false
			}
			if there {
				shared++
			}
		}
		return shared > 0
	})
}

func printAgainst(w io.Writer, j judgment) {
	known := j.alerts - j.unknown
	fmt.Fprintf(w, "  against incidents: of %d alerts %d were problems, %d none by feedback, %d near no incident, %d nobody judged\n",
		j.alerts, j.problems, j.noProblems, known-j.problems-j.noProblems, j.unknown)
	if known > 0 {
		fmt.Fprintf(w, "  precision %.2f", float64(j.problems)/float64(known))
	} else {
		fmt.Fprint(w, "  precision unknown")
	}
	if j.incidents > 0 {
		fmt.Fprintf(w, ", recall %.2f: %d of %d incidents\n", float64(j.found)/float64(j.incidents), j.found, j.incidents)
	} else {
		fmt.Fprintln(w, ", recall unknown: no incident of what the rule watches")
	}
}

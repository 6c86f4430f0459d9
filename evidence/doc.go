// Package evidence looks up what a senior engineer would look up about an incident: the alert's signal over time,
// which label values carry the change, what else changed, which targets are gone, which other alerts fire, what past
// incidents were like, and what the runbook says. Everything is read, nothing is ever changed.
//
//	c, err := evidence.New(evidence.Options{
//		Prometheus: promapi.Server{URL: u, HTTP: config.DefaultHTTPClientConfig},
//		Logger:     logger,
//	})
//	…
//	items := c.Collect(ctx, inc)                                      // E1, E2 …; never fails
//	memory := c.PastIncidents(ctx, inc)                               // of the same alert: hypotheses, never evidence
//	comparisons, answers := c.CounterEvidence(ctx, inc, draft.Checks) // what could refute a draft; never fails
//
// A collector is one function over an investigation: the incident, its alert, the rule, the window, and a Prometheus client
// that keeps to a budget. Collectors run side by side; one that fails or runs out of time leaves an item that says so.
// Without Prometheus there are the alerts themselves, and a line that says what to set.
//
// Answers are bounded in series, points and bytes, questions in number and time. What comes back is data from
// strangers: it is counted, cut and compared here, and escaped where it is shown.
package evidence

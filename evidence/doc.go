// Package evidence collects read-only evidence about an incident: the alert's signal over time, its breakdown by label, other
// changes, missing targets, other firing alerts, past incidents, and the runbook.
//
//	c, err := evidence.New(evidence.Options{
//		Prometheus: promapi.Server{URL: u, HTTP: config.DefaultHTTPClientConfig},
//		Logger:     logger,
//	})
//	…
//	found.See(c.Collect(ctx, inc, found.Evidence))                                       // E1, E2 …; never fails
//	found.See(c.Refresh(ctx, inc, found.Evidence))                       // again, while it fires and at its end
//	memory := c.PastIncidents(ctx, inc)                                  // of the same alert: hypotheses, never evidence
//	comparisons, answers := c.CounterEvidence(ctx, inc, draft.Checks)    // what could refute a draft; never fails
//
// A collector is one function over an investigation: the incident, the alert that it is looked at around, the rule, the windows of
// the onset and of now, and a Prometheus client that keeps to a budget. Collectors run side by side; one that fails or runs out of time leaves an item that says so.
// Without Prometheus there are the alerts themselves, and a line that says what to set.
//
// Responses are bounded in series, points, and bytes; queries in number and time. Results are untrusted: counted, truncated,
// and compared here, escaped where shown.
package evidence

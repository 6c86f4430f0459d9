// Package silence makes silences through the API v2 of an Alertmanager, when a person asks for one on a page. It is the only part of
// alertscribe that changes anything outside of it.
//
//	client, err := silence.New(silence.Options{URL: alertmanagerURL})
//	id, err := client.Silence(ctx, incident.Silence{Matchers: matchers, From: now, Until: now.Add(time.Hour), By: "ann", Comment: "known"})
package silence

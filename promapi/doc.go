// Package promapi asks servers that speak the HTTP API of Prometheus: Prometheus itself, Thanos, Mimir, VictoriaMetrics, and
// by Client.Get an Alertmanager. It only reads.
//
//	client, err := promapi.Connect(promapi.Server{URL: u, HTTP: config.DefaultHTTPClientConfig}, "prometheus")
//	…
//	q := promapi.NewQuerier(client, promapi.NewBudget(60, 8), nil)
//	matrix, err := q.Range(ctx, "sum(rate(http_requests_total[5m]))", start, end, time.Minute)
//
// # Three URLs
//
// The URL of a server may hold a user, a password, and a query that is sent with each request (extra_label of VictoriaMetrics,
// dedup of Thanos), so it is used for requests alone. Client.String is for logs and has no password, nor the values of parameters
// that are named like secrets. Client.GraphURL is for people: it starts with Server.PublicURL, or else with the server's own URL
// without credentials and without such parameters. CheckURL says what is wrong with a URL.
//
// # Bounds
//
// A query sends its timeout to the server and waits a second longer itself, so that the server's own message about a slow query
// arrives. An answer has at most 10,000 series of at most 2,000 points and 16 MiB, and of answers beyond 1 MiB two are read
// at a time. A Budget bounds how many queries are made in all, and how many at a time: it belongs to a purpose, such as one
// incident, and several Queriers may share it.
//
// # Partial answers
//
// Thanos, VictoriaMetrics' cluster, and Prometheus with remote_read answer although a part of them is down, and say so beside the
// data: in warnings, or by isPartial. Querier.Partial tells what was said; of Querier.Whole such an answer is ErrPartial.
//
// # Errors
//
// Every error of a query is, by errors.Is, one of ErrUnavailable, ErrTooExpensive, ErrBadQuery, ErrPartial and ErrNoBudget, or the
// error of the caller's context. Outcome names it for a metric.
package promapi

// Package handler serves HTTP: the Alertmanager webhook, health and metrics, a JSON API, and the web pages.
//
//	h, err := handler.New(handler.Options{Store: store, Report: writer, Directory: writer, Analyzer: analyzer})
//	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute}
//
// Four rules hold for every route:
//
//   - No answer to a webhook is ever a redirect; only pages for people have some. Alertmanager follows one with a GET whose 200 counts as delivered, and the
//     notification would be lost. What can't be stored is answered 503, which it retries at once.
//   - Nothing touches the file system: pages, charts and Markdown are made from the database, so /reports/ID answers
//     as soon as the notification was accepted, whatever the disk does.
//   - What alerts, models and URLs say is hostile: it is escaped, bounded and never trusted with a path.
//   - The bodies in flight are bounded by their bytes. A request waits for its turn before its body is read.
//
// Package payload reads the bodies; this package says what an error of it means in HTTP.
package handler

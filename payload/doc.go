// Package payload reads what is sent to alertscribe: the body of a notification, as Alertmanager's webhook posts it, and
// the body of feedback. It knows nothing of how a body arrives: the webhook, the commands and queues share it.
//
//	n, err := payload.Decode(request.Body, time.Now(), payload.Options{Size: request.ContentLength})
//	if bad, ok := errors.AsType[*payload.Error](err); ok {
//		// what was sent is wrong; bad says which field, and what to send instead
//	}
//
// # Grafana
//
// Grafana's own alerting posts a body of version "1": Alertmanager's form, with more fields in each alert. Those (values,
// valueString, silenceURL, dashboardURL, panelURL, imageURL, ruleUID, orgId) become annotations under their names, in any body that
// has them.
//
// # What is tolerated
//
// Fields that are unknown or not used, whatever they hold; no version (else "4", also as a number); no group key, no dates,
// no status of an alert (the body's counts then, else it fires); null for any field; a byte order mark; no fingerprint or a
// wrong one, since fingerprints are always computed from the labels. Of a key that is there twice, the last counts, and two objects of labels add up. An empty
// label is no label, as everywhere in Prometheus.
//
// # Memory
//
// A body is decoded while it is read, one alert at a time, and refused at the alert, or the byte, that is one too many:
// the rest is never read. Equal strings of a body share their memory. What stays is the notification: the bytes as they
// were received, and the alerts. A small alert takes about 600 bytes, a large one about the bytes that it was sent in.
//
// # Errors
//
// An [Error] means that the same body would be refused again: the sender has to change something. Any other error comes
// from the reader, and sending the same body again may help.
package payload

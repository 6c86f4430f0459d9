// Package incident holds the domain types of alertscribe and its pure rules: what a notification means for its
// incident, when evidence and an analysis are due, and how a result changes an incident. It does no I/O, reads no
// clock, and imports no sibling package; time comes with the notification or as an argument.
//
// The life of an incident is a chain of pure steps, each of which the store runs inside one transaction:
//
//	next, outcome := rules.Fold(current, notification) // Alertmanager spoke
//	inc.EvidenceCollected(claimed, now)                // what was looked up is stored
//	inc.Analyzed(claimed, spend, now)                  // the model answered
//	inc.AnalysisFailed(failure, rules, now)            // or it did not
//	inc.FileWritten(claimed)                           // the report on disk shows this revision
//
// After each step Due says which work is due next, and when: the incidents are the work, there is no queue.
package incident

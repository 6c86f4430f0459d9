// Package store keeps notifications, incidents and what was found out about them in SQLite, durably: what a method has
// answered without an error is on disk.
//
//	s, err := store.Open(ctx, store.Options{Path: "data/alertscribe.db", Policy: rules})
//	receipt, err := s.Accept(ctx, notification)           // append it, fold it into its incident
//	claims, err := s.Claim(ctx, incident.WorkEvidence, 4) // lease what is due
//	err = s.Finish(ctx, claims[0], func(inc *incident.Incident, f *incident.Findings) {
//		f.Evidence = collected
//		inc.EvidenceCollected(claims[0].Incident, now)
//	})
//
// # One writer
//
// All writes go through one goroutine. While a commit waits for the disk, the next operations queue up; then all that
// have queued up share the next transaction and its fsync. Nothing waits for company. Within such a batch every
// incident is read once and written once, however many notifications it got, and incidents that are in use are kept in
// memory between batches: there is no other writer, so they can't be out of date. A batch that fails is rolled back and
// run again in halves, so that one bad operation fails alone.
//
// Functions that are handed to Finish and Update run inside that transaction, and again when a batch is: they do no
// I/O, change nothing but what they are given, and never change a map or a slice of an incident in place that
// [incident.Incident.Clone] shares.
//
// # Leases
//
// A lease stands until it is ended by Finish or Release, or until another worker has claimed the work after it expired.
// A worker that was only slow can therefore still store a result that was paid for, as long as nobody else is at it.
// When the store is opened all leases are freed: it is the only process (the database is locked), so their holders are
// dead.
package store

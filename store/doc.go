// Package store persists notifications, incidents, and findings in SQLite: once a method returns without error, its data is on
// disk.
//
// # One writer
//
// All writes go through one goroutine. While a commit waits for the disk, the next operations queue up; then all that
// have queued up share the next transaction and its fsync. Nothing waits for company. Notifications come before results of
// workers, of which a few go into each transaction all the same. Within a transaction every incident is read once and written
// once, however many notifications it got, and incidents that are in use are kept in memory between transactions: there is no
// other writer, so they can't be out of date. A transaction that fails is rolled back and run again in halves, so that one
// bad operation fails alone.
//
// What takes time is done outside of the writer, by the goroutine that waits for it: decoding what is not in memory, applying a
// result and encoding it, folding into a large group. The writer takes that over when the incident is still the one that
// it was done to, which its version says, and does it again when it is not.
//
// Functions that are handed to Finish and Update may run more than once, outside of a transaction or inside: they do no
// I/O, change nothing but what they are given, and never change a map or a slice of an incident in place that
// [incident.Incident.Clone] shares.
//
// # Leases
//
// A lease stands until it is ended by Finish or Release, or until another worker has claimed the work after it expired.
// A worker that was only slow can therefore still store a result that was paid for, as long as nobody else is at it.
// When the store is opened all leases are freed: it is the only process (the database is locked), so their holders are
// dead.
//
// # Changes
//
// [Store.Subscribe] tells what was committed, to those in the same process.
package store

// Package postgres is the engine of the store for many copies of the service on one PostgreSQL. It keeps the promises of package
// store, by the same suite ([github.com/alertscribe/alertscribe/store/storetest]): once a method returns without error, its data
// is committed.
//
// # One group, one copy
//
// Whoever changes an incident holds the advisory lock of its alert group until the transaction ends, and reads it after that.
// A copy commits all notifications that have queued up in one transaction (group commit, as in package store), and takes the
// locks of their groups in the order of their numbers, so that two copies never wait for each other in a circle. A lock that turns
// out to be needed later, for the links of a storm, is tried and never waited for: where it is taken, the transaction begins again
// with all that it needs. What a copy remembers of an incident counts only while its version, read under the lock, is the same.
//
// # Work, money, duties
//
// Work is claimed by the clock of the database, with FOR UPDATE SKIP LOCKED; a lease that has passed to somebody else refuses
// the result within the transaction that would store it. The ledger of model calls is locked while a call is reserved, so that
// limits are those of all copies together. What one copy at a time does (a channel, a group of detection rules) is a [Store.Lead]:
// what is stored under a lead that was lost is refused, too.
//
// # A copy or the server that stands still
//
// A copy that stands still within a transaction holds up the others for ten seconds at most: then the server ends its session.
// A server that is away, or does not answer, makes every method fail, within [Options].Timeout; nothing has to be started again
// when it is back.
//
// # Changes
//
// Changes are told by NOTIFY in the transaction that makes them, so that all copies see them in the order of their commits. After
// a lost connection subscribers are told that they missed something.
package postgres

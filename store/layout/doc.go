// Package layout is how incidents lie in the rows of a database, the same for every engine of the store.
//
// An incident is a document, JSON of all but its repeat state: that which a repeat of a notification changes, and lies beside
// the document ([Split], [State]). The alerts of a large group lie apart, in chunks ([EncodeChunks]); evidence and verdict are
// [Findings].
package layout

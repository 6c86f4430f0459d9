package store

import "context"

// Lead does a duty that one copy at a time may do, until it returns or ctx ends. This store is the only process on its database, so
// that it begins at once.
func (s *Store) Lead(ctx context.Context, _ string, do func(ctx context.Context)) { do(ctx) }

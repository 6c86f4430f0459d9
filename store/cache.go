package store

import (
	"sync"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/layout"
)

// cacheBytes bounds the JSON of the incidents that are kept in memory between batches, by half. One that would push out
// most others is not kept.
const cacheBytes = 4 << 20

// cache holds incidents that are in use, as they were committed. The writer alone fills it; everybody may look.
type cache struct {
	mu      sync.Mutex
	records *layout.Recent[string, *record] // by id
	groups  *layout.Recent[groupKey, string]
	large   map[groupKey]bool // groups of which an incident was large when it was seen last
}

func newCache() *cache {
	return &cache{
		records: layout.NewRecent[string, *record](cacheBytes), groups: layout.NewRecent[groupKey, string](cacheBytes), large: map[groupKey]bool{},
	}
}

func (s *Store) cached(id string) (*record, bool) {
	s.recent.mu.Lock()
	defer s.recent.mu.Unlock()
	return s.recent.records.Get(id)
}

func (s *Store) cachedGroup(g groupKey) (string, bool) {
	s.recent.mu.Lock()
	defer s.recent.mu.Unlock()
	return s.recent.groups.Get(g)
}

// isLarge reports whether the work on a group belongs outside of the writer.
func (s *Store) isLarge(g groupKey) bool {
	s.recent.mu.Lock()
	defer s.recent.mu.Unlock()
	return s.recent.large[g]
}

// cache keeps what a batch has committed.
func (s *Store) cache(records map[string]*record, groups map[groupKey]string) {
	s.recent.mu.Lock()
	defer s.recent.mu.Unlock()
	for id, r := range records {
		r.chunks = nil
		if r.saved.size > cacheBytes/4 {
			s.recent.records.Drop(id)
		} else {
			s.recent.records.Put(id, r, r.saved.size)
		}
		s.markLarge(r.inc)
	}
	for g, id := range groups {
		s.recent.groups.Put(g, id, len(g.receiver)+len(g.key)+len(id))
	}
}

// markLarge enters whether the newest incident of a group is large. The mutex is held.
func (s *Store) markLarge(inc *incident.Incident) {
	g := groupKey{inc.Receiver, inc.GroupKey}
	if len(inc.Alerts) > layout.LargeGroup {
		s.recent.large[g] = true
	} else if len(s.recent.large) > 0 {
		delete(s.recent.large, g)
	}
}

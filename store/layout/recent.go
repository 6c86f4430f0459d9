package layout

// Recent is a cache that forgets what was not used lately. It holds two generations: when the young one has reached its
// weight it becomes the old one, and what is asked for in the old one becomes young again.
type Recent[K comparable, V any] struct {
	young, old map[K]weighed[V]
	weight     int // of young
	limit      int
}

type weighed[V any] struct {
	value  V
	weight int
}

// NewRecent returns a cache that holds at most twice the limit.
func NewRecent[K comparable, V any](limit int) *Recent[K, V] {
	return &Recent[K, V]{young: map[K]weighed[V]{}, limit: limit}
}

// Get returns what is kept under a key.
func (r *Recent[K, V]) Get(key K) (V, bool) {
	if w, ok := r.young[key]; ok {
		return w.value, true
	}
	w, ok := r.old[key]
	if ok {
		r.Put(key, w.value, w.weight)
	}
	return w.value, ok
}

// Put keeps a value that weighs so much.
func (r *Recent[K, V]) Put(key K, value V, weight int) {
	r.weight += weight - r.young[key].weight
	if r.weight > r.limit {
		r.young, r.old, r.weight = map[K]weighed[V]{}, r.young, weight
	}
	r.young[key] = weighed[V]{value, weight}
}

// Drop forgets a key.
func (r *Recent[K, V]) Drop(key K) {
	r.weight -= r.young[key].weight
	delete(r.young, key)
	delete(r.old, key)
}

// Each calls a function with all that is kept, in no order.
func (r *Recent[K, V]) Each(f func(K, V)) {
	for _, generation := range []map[K]weighed[V]{r.young, r.old} {
		for key, w := range generation {
			f(key, w.value)
		}
	}
}

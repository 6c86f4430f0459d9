package store

// recent is a cache that forgets what was not used lately. It holds two generations: when the young one has reached its
// weight it becomes the old one, and what is asked for in the old one becomes young again.
type recent[K comparable, V any] struct {
	young, old map[K]weighed[V]
	weight     int // of young
	limit      int
}

type weighed[V any] struct {
	value  V
	weight int
}

// newRecent returns a cache that holds at most twice the limit.
func newRecent[K comparable, V any](limit int) *recent[K, V] {
	return &recent[K, V]{young: map[K]weighed[V]{}, limit: limit}
}

func (r *recent[K, V]) get(key K) (V, bool) {
	if w, ok := r.young[key]; ok {
		return w.value, true
	}
	w, ok := r.old[key]
	if ok {
		r.put(key, w.value, w.weight)
	}
	return w.value, ok
}

func (r *recent[K, V]) put(key K, value V, weight int) {
	r.weight += weight - r.young[key].weight
	if r.weight > r.limit {
		r.young, r.old, r.weight = map[K]weighed[V]{}, r.young, weight
	}
	r.young[key] = weighed[V]{value, weight}
}

func (r *recent[K, V]) drop(key K) {
	r.weight -= r.young[key].weight
	delete(r.young, key)
	delete(r.old, key)
}

package detect

import (
	"math"
	"math/bits"
)

const (
	hour = int64(3_600_000) // times are Unix milliseconds
	day  = 24 * hour

	// recentSlots is how many parts the last hour is kept in: one per minute, or per sample if those are rarer.
	recentSlots = 60
	// recentLeast is how many samples the "hour" has at least, where samples are an hour apart: the median of fewer is
	// too noisy.
	recentLeast = 5
)

// recent keeps the last hour.
type recent struct {
	slot  int64 // length of a part
	n     int64 // parts
	at    int64 // number of the newest part since 1970
	sums  [recentSlots]float64
	count [recentSlots]float32
	// filled has a bit for each part with samples: where history is read at wide steps most have none.
	filled uint64
}

func newRecent(step int64) recent {
	slot := max(step, hour/recentSlots)
	return recent{slot: slot, n: min(max(hour/slot, recentLeast), recentSlots)}
}

func (r *recent) add(ms int64, v float64) {
	at := ms / r.slot
	for i := max(r.at+1, at-r.n+1); i <= at; i++ {
		r.sums[i%r.n], r.count[i%r.n] = 0, 0
		r.filled &^= 1 << (i % r.n)
	}
	r.at = max(at, r.at)
	r.sums[at%r.n] += v
	r.count[at%r.n]++
	r.filled |= 1 << (at % r.n)
}

// median of the parts within the hour before ms; NaN without any. What a value is held against is no mean: a spike moves
// that for an hour, and the samples after it would look low.
func (r *recent) median(ms int64) float64 {
	var buf [recentSlots]float64
	return median(r.parts(ms, buf[:0]))
}

// mean of the same parts.
func (r *recent) mean(ms int64) float64 {
	var buf [recentSlots]float64
	x, sum := r.parts(ms, buf[:0]), 0.
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// parts appends the means of the parts within the hour before ms.
func (r *recent) parts(ms int64, x []float64) []float64 {
	left := r.filled
	first := max(0, ms/r.slot-r.n+1)
	if first > r.at {
		return x
	}
	for i := max(r.at-r.n+1, 0); i < first; i++ {
		left &^= 1 << (i % r.n)
	}
	for ; left != 0; left &= left - 1 {
		i := bits.TrailingZeros64(left)
		x = append(x, r.sums[i]/float64(r.count[i]))
	}
	return x
}

func (r *recent) code(c *codec) {
	c.int64(&r.at)
	r.at = max(r.at, 0)
	r.filled = 0
	for i := range r.sums[:r.n] {
		c.float64(&r.sums[i])
		c.float32(&r.count[i])
		if r.count[i] > 0 {
			r.filled |= 1 << i
		}
	}
}

// empty marks a bucket without samples.
var empty = float32(math.NaN())

// minBucket is the resolution of the history: five minutes, or the sampling interval if it is longer.
const minBucket = hour / 12

// history keeps the means of buckets of time, the newest of them open.
type history struct {
	bucket int64 // length
	at     int64 // number of the open bucket since 1970
	sum, n float64
	means  []float32 // a ring
}

func newHistory(step, span int64) history {
	h := history{bucket: max(step, minBucket)}
	h.means = make([]float32, max(span/h.bucket, 2))
	for i := range h.means {
		h.means[i] = empty
	}
	return h
}

// add counts a sample, and tells whether it opened a bucket.
func (h *history) add(ms int64, v float64) bool {
	at, size := ms/h.bucket, int64(len(h.means))
	opened := at > h.at
	if opened {
		if h.n > 0 {
			h.means[h.at%size] = float32(h.sum / h.n)
		}
		for i := max(h.at+1, at-size+1); i <= at; i++ {
			h.means[i%size] = empty
		}
		h.at, h.sum, h.n = at, 0, 0
	}
	h.sum += v
	h.n++
	return opened
}

// get returns the mean of a closed bucket; false if it has none.
func (h *history) get(bucket int64) (float64, bool) {
	if bucket < 0 || bucket >= h.at || bucket <= h.at-int64(len(h.means)) {
		return 0, false
	}
	x := h.means[bucket%int64(len(h.means))]
	return float64(x), x == x
}

// appendLast appends the means of the closed buckets from one on, the oldest first.
func (h *history) appendLast(x []float64, from int64) []float64 {
	size := int64(len(h.means))
	from = max(from, h.at-size+1, 0)
	if from >= h.at {
		return x
	}
	first, n := from%size, h.at-from
	for _, part := range [2][]float32{h.means[first:min(first+n, size)], h.means[:max(first+n-size, 0)]} {
		for _, m := range part {
			if m == m { // NaN is not
				x = append(x, float64(m))
			}
		}
	}
	return x
}

// appendAround appends the means of a closed bucket and of so many beside it.
func (h *history) appendAround(x []float64, bucket, beside int64) []float64 {
	size := int64(len(h.means))
	first, last := max(bucket-beside, 0, h.at-size+1), min(bucket+beside, h.at-1)
	if first > last {
		return x
	}
	at := first % size
	for range last - first + 1 {
		if m := h.means[at]; m == m { //nolint:gocritic // NaN is not
			x = append(x, float64(m))
		}
		if at++; at == size {
			at = 0
		}
	}
	return x
}

func (h *history) code(c *codec) {
	c.int64(&h.at)
	h.at = max(h.at, 0)
	c.float64(&h.sum)
	c.float64(&h.n)
	c.float32s(h.means, empty)
}

// median reorders x and returns its middle element, the mean of the two for an even number; NaN of nothing.
func median(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	m := len(x) / 2
	hi := nth(x, m)
	if len(x)%2 == 1 {
		return hi
	}
	lo := x[0]
	for _, v := range x[1:m] {
		lo = max(lo, v)
	}
	return (lo + hi) / 2
}

// nth reorders x so that x[k] is what it would be if x were sorted, and all before are not larger (Hoare's selection).
func nth(x []float64, k int) float64 {
	for lo, hi := 0, len(x)-1; lo < hi; {
		pivot := x[(lo+hi)/2]
		i, j := lo, hi
		for i <= j {
			for x[i] < pivot {
				i++
			}
			for x[j] > pivot {
				j--
			}
			if i <= j {
				x[i], x[j] = x[j], x[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return x[k]
		}
	}
	return x[k]
}

package detect

import "math"

const (
	// binShift keeps the sign, the exponent and three bits of the mantissa of a float32: eight bins per octave, each 6 to
	// 12 % wide. Comparing such keys compares the numbers.
	binShift = 20
	// bins covers 20 octaves, a factor of a million, below the largest value seen. What is smaller counts as zero.
	bins = 160
	// rescaleAt bounds the weight of one sample, so that float32 sums stay exact to 1e-5.
	rescaleAt = 64
)

// histogram counts the magnitudes of one sign of a residual. Bins are a ring: the bin of key k is w[k%bins], for the
// keys from top-bins+1 to top.
type histogram struct {
	top   int32
	small float32 // weight of what is below the lowest bin
	w     [bins]float32
}

func key(x float64) int32 { return int32(math.Float32bits(float32(x)) >> binShift) }

// lowest is the smallest number with the key.
func lowest(k int32) float64 { return float64(math.Float32frombits(uint32(k) << binShift)) }

// add counts x > 0 with a weight.
func (h *histogram) add(x, weight float64) {
	k := key(x)
	if k > h.top {
		for i := max(h.top+1, k-bins+1); i <= k; i++ {
			h.small += h.w[i%bins]
			h.w[i%bins] = 0
		}
		if k-h.top >= bins {
			for i := range h.w { // all that was there is below the lowest bin now
				h.small += h.w[i]
				h.w[i] = 0
			}
		}
		h.top = k
	}
	if k <= h.top-bins {
		h.small += float32(weight)
		return
	}
	h.w[k%bins] += float32(weight)
}

func (h *histogram) scale(by float32) {
	h.small *= by
	for i := range h.w {
		h.w[i] *= by
	}
}

func (h *histogram) code(c *codec) {
	c.int32(&h.top)
	h.top = min(max(h.top, 0), key(math.Inf(1)))
	c.float32(&h.small)
	c.float32s(h.w[:], 0)
}

// view is what is known of one residual: its distribution, older samples with less weight, and the tails fitted to it.
type view struct {
	up, down     histogram
	total        float64 // weight of all samples, zeros included
	weight       float64 // of the next sample; grows, in place of shrinking all others
	seen         int32   // samples, not decayed
	upper, lower tail
	byHour       *[2]hours // of up and of down; nil where the hour of the day says nothing
}

// at returns the tails that hold at an hour.
func (v *view) at(hour int64) (upper, lower *tail) {
	upper, lower = &v.upper, &v.lower
	if v.byHour == nil {
		return upper, lower
	}
	if up := &v.byHour[0]; !up.holds(hour) {
		upper = &up.calm
	}
	if down := &v.byHour[1]; !down.holds(hour) {
		lower = &down.calm
	}
	return upper, lower
}

// ready tells whether enough was seen to judge by.
func (v *view) ready(step int64) bool {
	return v.seen >= readySamples && int64(v.seen)*step >= readyAfter
}

// surprise returns -log10 of how often a residual is that far out, on its side and at that hour; scale is the least that is
// believed.
func (v *view) surprise(x float64, d Direction, scale float64, hour int64) float64 {
	upper, lower := v.at(hour)
	switch {
	case x > 0 && d != Down:
		return upper.surprise(x, scale)
	case x < 0 && d != Up:
		return lower.surprise(-x, scale)
	default:
		return 0
	}
}

// learn counts a residual, and what is beyond the given surprise as if it were there: one incident must not teach that
// all is possible. forget is the factor by which the samples before lose weight, stands how many samples this one stands
// for.
func (v *view) learn(x, surprise, scale, forget float64, stands int32, hour int64) {
	if v.seen >= readySamples {
		switch { // what is within u is within all beyond it
		case v.upper.u > 0 && x > v.upper.u:
			x = min(x, v.upper.beyond(surprise, scale))
		case v.lower.u > 0 && x < -v.lower.u:
			x = max(x, -v.lower.beyond(surprise, scale))
		}
	}
	if v.seen == 0 {
		v.weight = 1
	}
	times := float64(stands)
	v.weight /= 1 + (forget-1)*times // for what is close to 1, its power
	if v.weight > rescaleAt {
		v.up.scale(float32(1 / v.weight))
		v.down.scale(float32(1 / v.weight))
		if v.byHour != nil {
			v.byHour[0].scale(float32(1 / v.weight))
			v.byHour[1].scale(float32(1 / v.weight))
		}
		v.total /= v.weight
		v.weight = 1
	}
	switch {
	case x > 0:
		v.up.add(x, v.weight*times)
	case x < 0:
		v.down.add(-x, v.weight*times)
	}
	switch {
	case v.byHour == nil:
	case x > 0:
		v.byHour[0].add(x, v.weight*times, hour)
	case x < 0:
		v.byHour[1].add(-x, v.weight*times, hour)
	}
	v.total += v.weight * times
	before := v.seen
	v.seen = min(v.seen, math.MaxInt32-1-stands) + stands
	if fit := fitEvery * stands; v.seen/fit > before/fit || before < readySamples && v.seen >= readySamples {
		v.upper = v.up.tail(v.total, v.weight)
		v.lower = v.down.tail(v.total, v.weight)
		if v.byHour != nil {
			v.byHour[0].fit(&v.up, v.upper.u, v.total, v.weight)
			v.byHour[1].fit(&v.down, v.lower.u, v.total, v.weight)
		}
	}
}

func (v *view) code(c *codec) {
	v.up.code(c)
	v.down.code(c)
	c.float64(&v.total)
	c.float64(&v.weight)
	c.int32(&v.seen)
	v.upper.code(c)
	v.lower.code(c)
	if v.byHour != nil {
		v.byHour[0].code(c)
		v.byHour[1].code(c)
	}
}

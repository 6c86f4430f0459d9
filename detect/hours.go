package detect

import "math/bits"

const (
	hoursOfDay = 24
	// octaves is how many, below that of the largest deviation, are told apart: a factor of 64.
	octaves = 6
	// perOctave is how many bins of a histogram an octave has, as a power of two.
	perOctave = 3
	// busyShare is which share of the deviations of a size and more two hours must have to be busy. Were they to come at any
	// time, these two would have a twelfth.
	busyShare = .75
	// busyDays is on how many of the last eight days they must have come then. An incident is of one day, or of two.
	busyDays = 3
)

// hours tells of one side of a view which hours of the day its largest deviations belong to. A nightly job makes large
// ones usual, but not at noon: the other hours have a tail without them.
type hours struct {
	top    int32 // octave of the largest
	day    int64 // the newest
	weight [octaves][hoursOfDay]float32
	days   [octaves][hoursOfDay]uint8 // on which of the last eight there was one; the lowest bit is the newest day
	busy   int32                      // the first of two hours, from 1 on; 0 is none
	calm   tail                       // of all other hours
}

// add counts x > 0 with a weight; at is the number of the hour, by the clocks of the place.
func (h *hours) add(x, weight float64, at int64) {
	if today := at / hoursOfDay; today > h.day {
		n := min(uint64(today-h.day), 8)
		for i := range h.days {
			for k := range h.days[i] {
				h.days[i][k] <<= n
			}
		}
		h.day = today
	}
	o := key(x) >> perOctave
	if o > h.top {
		for i := max(h.top+1, o-octaves+1); i <= o; i++ {
			h.weight[i%octaves] = [hoursOfDay]float32{}
			h.days[i%octaves] = [hoursOfDay]uint8{}
		}
		h.top = o
	}
	if o > h.top-octaves {
		h.weight[o%octaves][at%hoursOfDay] += float32(weight)
		h.days[o%octaves][at%hoursOfDay] |= 1
	}
}

func (h *hours) scale(by float32) {
	for i := range h.weight {
		for k := range h.weight[i] {
			h.weight[i][k] *= by
		}
	}
}

// fit looks for busy hours and fits the tail of the others, to the same histogram without what those have.
func (h *hours) fit(all *histogram, u, total, unit float64) {
	from := h.find(u)
	if h.busy == 0 {
		return
	}
	calm := *all
	for k := h.top<<perOctave + 1<<perOctave - 1; k >= from<<perOctave; k-- {
		row, sum := &h.weight[k>>perOctave%octaves], float32(0)
		for _, w := range row {
			sum += w
		}
		if sum > 0 {
			calm.w[k%bins] *= max(0, 1-(row[h.busy-1]+row[h.busy%hoursOfDay])/sum)
		}
	}
	h.calm = calm.tail(total, unit)
}

// find sets the busy hours and returns the octave from which on deviations are theirs. Only those beyond u matter.
func (h *hours) find(u float64) (from int32) {
	var weight [hoursOfDay]float32
	var days [hoursOfDay]uint8
	total := float32(0)
	h.busy = 0
	for o := h.top; o > h.top-octaves && o > key(u)>>perOctave; o-- {
		for k, w := range h.weight[o%octaves] {
			weight[k] += w
			total += w
			days[k] |= h.days[o%octaves][k]
		}
		least := busyShare * total
		for k := range weight {
			next := (k + 1) % hoursOfDay
			if both := weight[k] + weight[next]; both > least && bits.OnesCount8(days[k]|days[next]) >= busyDays {
				h.busy, from, least = int32(k)+1, o, both
			}
		}
	}
	return from
}

// holds tells whether an hour is among the busy ones, or there are none.
func (h *hours) holds(at int64) bool {
	k := int32(at % hoursOfDay)
	return h.busy == 0 || k == h.busy-1 || k == h.busy%hoursOfDay
}

func (h *hours) code(c *codec) {
	c.int32(&h.top)
	h.top = min(max(h.top, 0), key(maxMagnitude)>>perOctave)
	c.int64(&h.day)
	for i := range h.weight {
		c.float32s(h.weight[i][:], 0)
		for k := range h.days[i] {
			c.byte(&h.days[i][k])
		}
	}
	c.int32(&h.busy)
	h.busy = min(max(h.busy, 0), hoursOfDay)
	h.calm.code(c)
}

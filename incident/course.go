package incident

import (
	"math"
	"slices"
)

// The tolerances of a course: what lies closer to the line between two points than this is not worth a point.
const (
	courseShare = .1 // of the range of all values
	courseNoise = 6  // times the noise between neighboring values
)

// Course returns the points at which a series turns, at most so many, in order of time: the first and the last, and those that lie
// furthest off the straight lines between the others. A level, a ramp and a sawtooth can be told apart by it. It is nil for what
// only makes noise.
func (s Series) Course(most int) []Point {
	points := slices.DeleteFunc(slices.Clone(s.Points), func(p Point) bool { return math.IsNaN(p.Value) || math.IsInf(p.Value, 0) })
	if len(points) < 3 || most < 2 {
		return nil
	}
	tolerance := courseTolerance(points)
	chosen := []int{0, len(points) - 1}
	for len(chosen) < most {
		at, off := furthestOff(points, chosen)
		if off <= tolerance {
			break
		}
		i, _ := slices.BinarySearch(chosen, at)
		chosen = slices.Insert(chosen, i, at)
	}
	if last := len(points) - 1; len(chosen) == 2 && math.Abs(points[last].Value-points[0].Value) <= 2*tolerance {
		return nil
	}
	out := make([]Point, len(chosen))
	for i, at := range chosen {
		out[i] = points[at]
	}
	return out
}

func courseTolerance(points []Point) float64 {
	low, high := points[0].Value, points[0].Value
	var noise []float64
	for i, p := range points {
		low, high = min(low, p.Value), max(high, p.Value)
		if i > 0 && i+1 < len(points) {
			noise = append(noise, math.Abs(p.Value-(points[i-1].Value+points[i+1].Value)/2))
		}
	}
	slices.Sort(noise)
	return max(courseShare*(high-low), courseNoise*noise[len(noise)/2])
}

// furthestOff returns the point that is furthest off the lines between the chosen ones, which are sorted, and how far.
func furthestOff(points []Point, chosen []int) (at int, off float64) {
	for i := 1; i < len(chosen); i++ {
		from, to := points[chosen[i-1]], points[chosen[i]]
		span := to.At.Sub(from.At).Seconds()
		for j := chosen[i-1] + 1; j < chosen[i]; j++ {
			line := from.Value + (to.Value-from.Value)*points[j].At.Sub(from.At).Seconds()/span
			if d := math.Abs(points[j].Value - line); d > off {
				at, off = j, d
			}
		}
	}
	return at, off
}

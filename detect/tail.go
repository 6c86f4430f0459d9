package detect

import "math"

const (
	// tailShare is the share of samples beyond the threshold u of a tail: 2 %, SPOT's initial quantile of 98 % (Siffer et
	// al., KDD 2017, section 4.3).
	tailShare = .02
	// bodyShare is where a residual begins to say something: the outermost 10 %, by the choice of ours.
	bodyShare = .10
	// maxShape bounds the shape of the fitted distribution: its variance is infinite from 1/2 on, and moments mean nothing.
	maxShape = .5
	// priorExcesses is how many excesses the prior counts for: a mean excess of priorMean times the threshold. A normal
	// distribution has .18, an exponential one .26, so that a young tail is rather too wide than too narrow. It counts for
	// less where excesses are more than twice as large, as those of a series that is zero mostly.
	priorExcesses = 10
	priorMean     = .3
	priorShape    = .1
	// maxSurprise bounds -log10 p: nobody's series is 10^20 samples long.
	maxSurprise = 20
)

// The surprises of those shares.
var bodySurprise, tailSurprise = -math.Log10(bodyShare), -math.Log10(tailShare)

// tail is the outer part of one side of a distribution: linear in log p between two quantiles, and a generalized Pareto
// distribution beyond the second (peaks over threshold; Siffer et al., "Anomaly detection in streams with extreme value
// theory", KDD 2017). It is fitted by probability-weighted moments (Hosking and Wallis, Technometrics 1987), which have
// a closed form and are as good as Grimshaw's maximum likelihood for some tens of excesses and shapes of 0 to 1/2.
type tail struct {
	body  float64 // exceeded by bodyShare
	u     float64 // exceeded by share
	share float64 // tailShare, or less where hardly anything is on this side of zero
	scale float64
	shape float64
}

// tail fits the distribution to the bins; unit is the weight of one sample.
func (h *histogram) tail(total, unit float64) tail {
	t := tail{share: tailShare}
	want := tailShare * total
	above := 0.
	k, last := h.top, h.top-bins
	for ; k > last && k >= 0; k-- { // down to the bin that holds u
		w := float64(h.w[k%bins])
		if above+w > want {
			lo, hi := lowest(k), lowest(k+1)
			t.u = hi - (hi-lo)*(want-above)/w
			break
		}
		above += w
	}
	if t.u == 0 {
		t.share = max(above, unit) / max(total, unit)
	}
	t.body = t.u
	cum := above
	for j := k; j > last && j >= 0; j-- {
		w := float64(h.w[j%bins])
		if cum+w > bodyShare*total {
			lo, hi := lowest(j), lowest(j+1)
			t.body = min(t.u, hi-(hi-lo)*(bodyShare*total-cum)/w)
			break
		}
		cum += w
		t.body = 0
	}
	t.moments(h, k, unit)
	return t
}

// moments sets scale and shape from the excesses of the bins down to k, which is cut at u.
func (t *tail) moments(h *histogram, k int32, unit float64) {
	n, b0, b1 := 0., 0., 0. // weight, and sums of x and of x times the share beyond x
	for j := h.top; j >= k && j > h.top-bins && j >= 0; j-- {
		w := float64(h.w[j%bins])
		if w == 0 {
			continue
		}
		lo, hi := lowest(j), lowest(j+1)
		if j == k && t.u > 0 {
			w *= (hi - t.u) / (hi - lo)
			lo = t.u
		}
		x := (lo+hi)/2 - t.u
		b0 += w * x
		b1 += w * x * (n + w/2)
		n += w
	}
	prior := priorMean * t.u
	mean := prior
	if n > 0 {
		b1 /= n * n
		b0 /= n
		if d := b0 - 2*b1; d > 0 {
			t.shape = 2 - b0/d
		}
		count := n / unit
		t.shape = min(max((t.shape*count+priorShape*priorExcesses)/(count+priorExcesses), 0), maxShape)
		weight := priorExcesses * min(1, 2*prior/b0)
		mean = (count*b0 + weight*prior) / (count + weight)
	}
	t.scale = mean * (1 - t.shape)
}

// start is the surprise of u.
func (t *tail) start() float64 {
	if t.share == tailShare { // nearly always, and logarithms are what samples cost
		return tailSurprise
	}
	return -math.Log10(t.share)
}

// surprise returns -log10 of the share of samples beyond x; floor is the least scale that is believed.
func (t *tail) surprise(x, floor float64) float64 {
	if x <= t.u {
		switch {
		case x <= t.body || t.u <= t.body:
			return bodySurprise * max(0, min(1, x/max(t.body, math.SmallestNonzeroFloat32)))
		default:
			return bodySurprise + (t.start()-bodySurprise)*(x-t.body)/(t.u-t.body)
		}
	}
	y := (x - t.u) / max(t.scale, floor, math.SmallestNonzeroFloat32)
	s := t.start()
	if t.shape < 1e-6 {
		s += y / math.Ln10
	} else {
		s += math.Log10(1+t.shape*y) / t.shape
	}
	return min(s, maxSurprise)
}

// beyond is the inverse of surprise in the tail: the x of a surprise s.
func (t *tail) beyond(s, floor float64) float64 {
	s = (s - t.start()) * math.Ln10
	scale := max(t.scale, floor)
	if s <= 0 {
		return t.u
	}
	if t.shape < 1e-6 {
		return t.u + scale*s
	}
	return t.u + scale*math.Expm1(s*t.shape)/t.shape
}

func (t *tail) code(c *codec) {
	for _, x := range []*float64{&t.body, &t.u, &t.share, &t.scale, &t.shape} {
		c.float64(x)
	}
}

package detect

import "math"

const (
	// quiet ends an episode: three hours below its level.
	quiet = 3 * hour
	// episodeMemory is after how long an episode counts for 1/e.
	episodeMemory = 28 * day
	// priorDays is for how many days of the past the theory counts: one episode a day at the level that is exceeded once
	// a day if the probabilities of the views are right. Two weeks are what a start reads of the past: from then on the series
	// itself says more.
	priorDays = 14
	// priorPeaks is for how many peaks the theory counts: -log10 of a right probability is exponential, with mean log10(e).
	// It weighs more than a series can have: what is learned of its own peaks are incidents, too, and they would make it
	// deaf.
	priorPeaks = 80
	// youngDays is the age at which a series is taken to peak twice as often as its past tells, and youngPower how that
	// depends on the age: tenfold amid the second day, nothing after the third. Until days have repeated themselves, no
	// season is known and each hour is new: on their second day healthy series peaked six times as often as was promised.
	youngDays, youngPower = 1.9, 8
	// maxExcess bounds what one peak teaches, in decades; of a healthy series a tenth is beyond it. An incident is no reason
	// to wait for a larger one.
	maxExcess = 1
)

// episodes calibrates the combined surprise as a whole, by how often it did peak. The views depend on each other and
// samples on those before, so that probabilities of samples don't say how often an alert would start. Rate and mean
// excess are the posterior means of a Poisson rate and an exponential mean, given the theory as the prior.
type episodes struct {
	level  float64 // the surprise that should be exceeded once a day
	forget float64 // per sample
	length float64 // of a sample, in days
	days   float64 // observed, decayed
	n      float64 // episodes, decayed
	excess float64 // by which their peaks exceeded the level, decayed, in decades
	peak   float64 // of the episode that is not over; 0 is none
	last   int64   // when the level was last exceeded
	age    float64 // of the series, in days; set by learn
}

func newEpisodes(step int64) episodes {
	return episodes{
		level:  math.Log10(float64(day) / float64(step)),
		forget: math.Exp(-float64(step) / float64(episodeMemory)),
		length: float64(step) / float64(day),
	}
}

// learn counts a combined surprise of a series that began so long ago, in milliseconds.
func (e *episodes) learn(ms, age int64, surprise float64) {
	e.age = float64(age) / float64(day)
	e.days = e.days*e.forget + e.length
	e.n *= e.forget
	e.excess *= e.forget
	if e.peak > 0 && ms-e.last > quiet {
		e.n++
		e.excess += min(e.peak-e.level, maxExcess)
		e.peak = 0
	}
	if surprise > e.level {
		e.peak, e.last = max(e.peak, surprise), ms
	}
}

func (e *episodes) posterior() (perDay, decades float64) {
	young := math.Pow(youngDays/max(e.age, 1), youngPower)
	return (1 + young) * (e.n + priorDays) / (e.days + priorDays), (e.excess + priorPeaks*math.Log10E) / (e.n + priorPeaks)
}

// perDay returns how many episodes a day reach a surprise.
func (e *episodes) perDay(surprise float64) float64 {
	rate, mean := e.posterior()
	if surprise < e.level {
		return rate * math.Pow(10, e.level-surprise)
	}
	return rate * math.Exp((e.level-surprise)/mean)
}

// surprise is the inverse of perDay.
func (e *episodes) surprise(perDay float64) float64 {
	rate, mean := e.posterior()
	if perDay > rate {
		return e.level - math.Log10(perDay/rate)
	}
	return e.level + mean*math.Log(rate/perDay)
}

func (e *episodes) code(c *codec) {
	for _, x := range []*float64{&e.days, &e.n, &e.excess, &e.peak} {
		c.float64(x)
	}
	c.int64(&e.last)
}

// Package detect finds anomalies in one series of numbers, in one pass, with a promise of how rarely it is wrong.
//
//	series := detect.New(detect.Options{FalseAlarms: detect.Rate{Count: 1, Per: 14 * 24 * time.Hour}})
//	for _, sample := range samples {
//		r := series.Observe(sample.Time, sample.Value)
//		fired, resolved := alert.Step(sample.Time, r.Anomalous, 5*time.Minute, 0)
//	}
//	state, err := series.MarshalBinary() // a restart goes on exactly
//
// It has no input or output and no clock: time is that of the samples.
//
// # How a sample is judged
//
// Three views say how far a sample is from what is expected: from the median of its last hour; from the median of the
// same time on seven days, or four weeks, before, whichever has predicted better; and how far the mean of the last hour
// is from the level of the last day. Each view keeps the distribution of its own past as a histogram and fits a
// generalized Pareto distribution to the outer 2 % of each side (peaks over threshold, as SPOT does; Siffer et al., KDD
// 2017). What comes out is a surprise: -log10 of how often that view is so far out. No distribution is assumed for the
// rest, and no sigma. Where the largest deviations come in the same two hours of the day, as those of a nightly job do, the
// other hours have a tail without them.
//
// There are two speeds. A value far from its last hour counts at once, and so does one far from its season where the
// season has predicted well. Where samples come at least each quarter of an hour, the surprises of all views together are
// smoothed, and the smoothed sum is held against the tail of its own past, so that a slow or a small deviation that lasts
// counts, too. The larger of the two is calibrated once more as a whole, by how often it has really peaked: the rate of
// alerts is promised, and samples depend on each other. What comes out is "once in 400 days", and an alert starts where
// that is rarer than what is promised.
//
// # What keeps it quiet
//
// A deviation counts from 2 % of the level on, and from more than one step of a quantized series: a replica more or less
// is no anomaly, and no alert comes from a constant. A jump away from the last hour to what the season expects is none
// either, nor is the way back to the level of the day. What lasts for AdaptAfter is normal. What is learned of an incident is
// bounded. A missing sample is nothing, never zero; see Missing for those who want an alert.
//
// # What it takes
//
// A few microseconds a sample and up to 27 KiB a series, of which 16 are the history: means of five minutes over 14 days,
// or of an hour over 28 days where samples are an hour apart. The first day, and 50 samples, are learned only; on
// the second, an alert takes more. Weeks are known after a week, days after three.
package detect

// Package bench judges the detection of anomalies: on labeled series of others, on healthy series that it generates, and
// on faults that it puts into these. It is for tests and for
//
//	make detect-bench DATA=DIR STARTS=FILE
//
// DIR has the folders nab (github.com/numenta/NAB, or a part of it) and cloud-monitoring (github.com/microsoft/
// cloud-monitoring-dataset). Nothing is set per data set: one default configuration serves all.
//
// What counts is what an alerting product does: alerts that start. NAB's standard profile is reckoned from starts alone,
// so that its figures are not those of NAB's board, where each sample counts. Everything is done twice for others, too:
// by the same scorer, in the same run.
//
// What was tried and left out, since it was no better on labeled series or broke the promise on healthy ones: the mean of
// the last hour (the samples after a spike look low), its quartiles, the nearer of hour and season in place of both,
// residuals over their recent volatility, the outer 5 %, no calibration by episodes (up to three times the promise), the
// smoothed sum on hourly samples (three of four of its alerts were false), residuals clipped at the threshold (tails stay
// too thin), holding an alert at half of its score without a limit of time, residuals of the season over the spread of the
// same time of other days (twice the promise on hourly samples), a season that counts when it predicts half as badly as the
// level (three times the promise on nightly jobs), a season of the half hour around (late), a season that counts, or that
// explains a jump, however badly it predicts, the level as a view that counts at once, the season moved to the last hour,
// a rate of episodes that is a tenth or more below the theory's (AWS gains, lognormal series get more than twice the promise,
// cloud-monitoring loses), a rate that falls off with the whole age of a series (a week's incidents are missed), busy hours by one day (an incident is no job: a third more false alarms on AWS), and incidents that teach hardly anything
// (a clip of one decade: more is found, with twice the false alarms on AWS).
//
// How much is chance: a random half of the files fitted and the other scored, forty times, moves "fitted" of NAB by 2.5 points
// (standard deviation), and the default of a random half by 5. 29 files are few.
package bench

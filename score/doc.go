// Package score says how far a series changed about a time, by robust statistics: medians, quartiles and extremes of its own
// past, which no single spike moves. It is pure: values in, numbers out.
//
//	g := score.NewGrid(start, end, time.Minute)
//	values := g.Place(samples)                                     // NaN where there is none
//	if score.MetricTypes(nil).Of("errors_total") == model.MetricTypeCounter {
//		values = score.Rate(values, g.Step, 5*time.Minute)
//	}
//	var s score.Scorer
//	change, ok := s.Score(score.Finite(values), g.Before(onset), 0)
//	if ok && change.Confident(score.Bar(1, change.Past)) { … }   // healthy series do not show such a change
//
// # Scores
//
// A score is a number of robust deviations from the past, between 0 and MaxScore. It does not depend on the unit, treats drops and
// rises alike, and a series without noise is not suspected for a change of less than two per cent. The highest of many scores is high by
// chance, and in a short past anything is: Bar takes the number of series that were looked at and the length of their past,
// and a Calibration learns from the pasts of the series themselves how far they wander.
package score

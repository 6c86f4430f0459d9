// Package breakdown says which parts of a sum, a ratio or a maximum carry its change: a region, an instance, an error code. It is
// pure: numbers over time in, shares out.
//
//	b := breakdown.Compare(promql.FormRatio, []string{"region"}, parts, times, onset, 1)
//	if b.Concentrated() {
//		b.Parts[0].Labels // region="us-east"
//		b.Parts[0].Share  // of the change, 0 to 1
//	}
//
// # Shares
//
// Of a sum, a part contributed what it rose by. Of a ratio, it contributed what came into its numerator beyond what the former ratio
// of the whole would have put there, measured by the whole denominator: the parts add up to the change of the ratio, and neither traffic
// that only moved nor a part that was always worse than the others contributes. Parts of a maximum or a quantile do not add up and have
// no share: those of a quantile are ranked by their own change, those of a maximum by what they are (RankByLevel), for the first one is
// the value.
//
// The score of a row (Ranked) is that of what ranks it, not that of a ratio of its own, which says little for a rare part.
//
// A share alone says little, since most of the change falls where most of the traffic is. So each part has an expected share as well, and Unevenness
// says how far the two are apart over all parts.
package breakdown

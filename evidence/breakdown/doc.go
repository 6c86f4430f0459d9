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
// Of a sum, a part contributed what it rose by. Of a ratio, it contributed what is in its numerator beyond what the former ratio of the
// whole would have put there, so that traffic that only moved from one part to another contributes nothing. Parts of a
// maximum or a quantile do not add up: they are ranked by their own change and have no share.
//
// A share alone says little, since most of the change falls where most of the traffic is. So each part has an expected share as well, and Unevenness
// says how far the two are apart over all parts.
package breakdown

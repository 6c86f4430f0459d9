package evidence

import (
	"cmp"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/evidence/breakdown"
	"github.com/alertscribe/alertscribe/promql"
)

// What a part's share of a change is held against.
var (
	msgCarriesPart = message{
		"%[1]s accounts for %[2]s of the change, but for %[3]s of all %[6]s; its own value went from %[4]s to %[5]s.",
		"变化的 %[2]s 来自 %[1]s（仅占全部 %[6]s 的 %[3]s），自身的值由 %[4]s 变为 %[5]s。",
	}
	msgCarriesWas = message{
		"%[1]s accounts for %[2]s of the change, and made up %[3]s of the whole before: from %[4]s to %[5]s.",
		"变化的 %[2]s 来自 %[1]s（异常前占总量的 %[3]s），由 %[4]s 变为 %[5]s。",
	}
	msgCarriesGrown = message{
		"%[1]s accounts for %[2]s of the change: from %[3]s to %[4]s.",
		"变化的 %[2]s 来自 %[1]s：由 %[3]s 变为 %[4]s。",
	}
	msgShifted = message{
		"No single value of %[1]s carries the change, but it is spread otherwise than before (unevenness %[2]s); most came from %[3]s: from %[4]s to %[5]s.",
		"%[1]s 的任何单个取值都不足以解释变化，但分布与此前不同（不均匀程度 %[2]s）；占比最大的是 %[3]s：由 %[4]s 变为 %[5]s。",
	}
	msgInverse   = message{" The value of the expression falls where these rise.", "注意：这些部分上升时，表达式的值下降。"}
	msgWordParts = message{"parts", "组成部分"}
)

// sumBefore adds up what the parts were before.
func sumBefore(b breakdown.Breakdown) float64 {
	sum := 0.
	for _, c := range b.Parts {
		sum += c.Before
	}
	return sum
}

// denominatorOf names what a ratio is a share of: by the metric that its denominator counts, if that is one.
func (inv *investigation) denominatorOf(d promql.Drill) string {
	b, ok := promql.Unparen(d.Whole).(*parser.BinaryExpr)
	if !ok || b.Op != parser.DIV {
		return inv.say(msgWordParts)
	}
	name := ""
	for _, sel := range promql.Selectors(b.RHS) {
		if name != "" && sel.Name != name {
			return inv.say(msgWordParts)
		}
		name = sel.Name
	}
	return cmp.Or(name, inv.say(msgWordParts))
}

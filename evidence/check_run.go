package evidence

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/text"
)

// How a check was run, and what there is where it found nothing.
var (
	msgShortened = message{
		"The query's ranges and subqueries add up to more than a day; it was run with %s.",
		"查询的区间与子查询合计超过一天，已改为 %s 后执行。",
	}
	msgLooksAgo = message{
		"All values are of %s earlier (offset), not of the incident.",
		"所有值均为 %s 之前的数据（offset），不是本事件期间的。",
	}
	msgNoMetric    = message{" No series of %s on this server in that time.", "此期间服务器上没有 %s 的序列。"}
	msgOtherLabels = message{
		" %[1]s has %[2]d series in that time, with other labels: %[3]s.",
		"此期间 %[1]s 有 %[2]d 条序列，但标签不同：%[3]s。",
	}
	msgHasSeries = message{" %[1]s has %[2]d series in that time.", "此期间 %[1]s 有 %[2]d 条序列。"}
)

const (
	untrustedDay = 24 * time.Hour // which ranges and the subqueries around them may add up to
	maxExplained = 2              // metrics of a query without an answer
	maxLabelSets = 3              // that are shown of such a metric
)

// readCheck reads a check's query, shortened where that is all that it needs to be run; said tells what was shortened.
func (inv *investigation) readCheck(query string) (e parser.Expr, said string, refused promql.Violation) {
	e, refused = promql.ParseUntrusted(query)
	if refused != promql.ViolationRangeTooLong {
		return e, "", refused
	}
	parsed, err := promql.Parse(query)
	if err != nil {
		return nil, "", refused
	}
	shorter := shorten(parsed)
	if e, why := promql.ParseUntrusted(parsed.String()); why == "" && shorter > 0 {
		return e, inv.say(msgShortened, promql.FormatDuration(shorter)) + inv.say(msgBlank), ""
	}
	return nil, "", refused
}

// shorten cuts the outermost range or subquery of each branch so that what is read for a value is no more than a day; it returns the
// shortest of what is left of them, 0 for none.
func shorten(e parser.Expr) time.Duration {
	shortest := time.Duration(0)
	parser.Inspect(e, func(n parser.Node, path []parser.Node) error {
		var own *time.Duration
		switch n := n.(type) {
		case *parser.SubqueryExpr:
			own = &n.Range
		case *parser.MatrixSelector:
			own = &n.Range
		default:
			return nil
		}
		if slices.ContainsFunc(path, func(p parser.Node) bool { _, sub := p.(*parser.SubqueryExpr); return sub }) {
			return nil // the one around it is cut
		}
		inner := longestWithin(n)
		if room := untrustedDay - inner; *own > room && room > 0 {
			*own = room
			if shortest == 0 || room < shortest {
				shortest = room
			}
		}
		return nil
	})
	return shortest
}

// longestWithin returns how much the ranges within a node, and within each other, add up to at most.
func longestWithin(around parser.Node) time.Duration {
	longest := time.Duration(0)
	parser.Inspect(around, func(n parser.Node, path []parser.Node) error {
		sum := time.Duration(0)
		for _, p := range append(slices.Clone(path), n) {
			if p == around {
				continue
			}
			switch p := p.(type) {
			case *parser.SubqueryExpr:
				sum += p.Range
			case *parser.MatrixSelector:
				sum += p.Range
			}
		}
		longest = max(longest, sum)
		return nil
	})
	return longest
}

// offsetText says that an answer is of another time, where all of it is of the same one.
func (inv *investigation) offsetText(e parser.Expr) string {
	var ago time.Duration
	first, same := true, true
	parser.Inspect(e, func(n parser.Node, path []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		sum := v.OriginalOffset
		for _, p := range path {
			if sub, ok := p.(*parser.SubqueryExpr); ok {
				sum += sub.OriginalOffset
			}
		}
		same = same && (first || sum == ago)
		ago, first = sum, false
		return nil
	})
	if !same || ago <= 0 {
		return ""
	}
	return inv.say(msgLooksAgo, promql.FormatDuration(ago)) + inv.say(msgBlank)
}

// explainNoData says of the metrics of a query without an answer whether there are such series at all, and with which labels.
func (inv *investigation) explainNoData(ctx context.Context, e parser.Expr) string {
	var b strings.Builder
	seen := map[string]bool{}
	for _, sel := range promql.Selectors(e) {
		if sel.Name == "" || seen[sel.Name] || len(seen) == maxExplained {
			continue
		}
		seen[sel.Name] = true
		b.WriteString(inv.explainMetric(ctx, sel))
	}
	return b.String()
}

func (inv *investigation) explainMetric(ctx context.Context, sel *parser.VectorSelector) string {
	var by []string
	for _, m := range sel.LabelMatchers {
		if m.Name != model.MetricNameLabel && !slices.Contains(by, m.Name) {
			by = append(by, m.Name)
		}
	}
	span := promql.FormatDuration(max(inv.end.Sub(inv.start), inv.step).Truncate(time.Second))
	found, err := inv.prom.Instant(ctx, "count by ("+strings.Join(by, ",")+") (last_over_time("+promql.SelectorText(sel.Name)+"["+span+"]))", inv.end)
	if err != nil {
		inv.log.DebugContext(ctx, "Lookup of a check's metric failed, its labels are not told", "err", err)
		return ""
	}
	name := text.Cut(sel.Name, 80)
	if len(found) == 0 {
		return inv.say(msgNoMetric, name)
	}
	slices.SortFunc(found, func(a, b *model.Sample) int { return strings.Compare(a.Metric.String(), b.Metric.String()) })
	series, fits := 0, false
	var sets []string
	for _, s := range found {
		series += int(s.Value)
		matches := true
		for _, m := range sel.LabelMatchers {
			matches = matches && (m.Name == model.MetricNameLabel || m.Matches(string(s.Metric[model.LabelName(m.Name)])))
		}
		fits = fits || matches
		if len(sets) < maxLabelSets {
			sets = append(sets, labelText(seriesLabels(s.Metric)))
		}
	}
	if fits || len(by) == 0 {
		return inv.say(msgHasSeries, name, series)
	}
	if len(found) > len(sets) {
		sets = append(sets, "…")
	}
	return inv.say(msgOtherLabels, name, series, text.Cut(strings.Join(sets, inv.say(msgListMark)), 300))
}

// namedFirst moves the series that the alert or the check itself names to where they are told, for a cap may hide the decisive one. The
// order of the rest stays.
func (inv *investigation) namedFirst(list []checkSeries, check incident.Check) []checkSeries {
	if len(list) <= maxToldSeries {
		return list
	}
	alert := inv.targetLabels()
	named := func(s checkSeries) int {
		n := 0
		for name, value := range s.labels {
			if name != model.MetricNameLabel && !isShared(list, name) && (alert[name] == value || len(value) > 1 && mentions(check.WouldRefute, value)) {
				n++
			}
		}
		return n
	}
	first := slices.DeleteFunc(slices.Clone(list), func(s checkSeries) bool { return named(s) == 0 })
	slices.SortStableFunc(first, func(a, b checkSeries) int { return named(b) - named(a) })
	first = first[:min(len(first), maxNamedSeries)]
	taken := map[string]bool{}
	for _, s := range first {
		taken[s.query] = true
	}
	return append(first, slices.DeleteFunc(slices.Clone(list), func(s checkSeries) bool { return taken[s.query] })...)
}

// isShared reports whether all series have the same value of a label.
func isShared(list []checkSeries, name string) bool {
	return !slices.ContainsFunc(list, func(s checkSeries) bool { return s.labels[name] != list[0].labels[name] })
}

// mentions reports whether a text has a word, and not as a part of another one.
func mentions(s, word string) bool {
	for rest := s; ; {
		i := strings.Index(rest, word)
		if i < 0 {
			return false
		}
		before, after := rest[:i], rest[i+len(word):]
		if (before == "" || !isNameByte(before[len(before)-1])) && (after == "" || !isNameByte(after[0])) {
			return true
		}
		rest = after
	}
}

func isNameByte(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_'
}

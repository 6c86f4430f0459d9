package evidence

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/score"
	"github.com/alertscribe/alertscribe/text"
)

var (
	msgPeersWell = message{
		"None of the expression's %d other series met the condition since the onset.",
		"表达式另有 %d 条序列，异常开始后均未满足条件。",
	}
	msgPeersSick = message{
		"%[1]d of the expression's %[2]d other series met the condition since the onset; %[3]d still do at the end.",
		"表达式另有 %[2]d 条序列，异常开始后满足过条件的 %[1]d 条，目前仍满足的 %[3]d 条。",
	}
	msgPeersMost = message{
		" Max since then: %[1]s for this alert; others: median %[2]s, max %[3]s.",
		"异常开始后的最高值：本告警 %[1]s；其他序列中位数 %[2]s，最高 %[3]s。",
	}
	msgPeersLeast = message{
		" Min since then: %[1]s for this alert; others: median %[2]s, min %[3]s.",
		"异常开始后的最低值：本告警 %[1]s；其他序列中位数 %[2]s，最低 %[3]s。",
	}
	msgLookedAt = message{" Looked at: %s.", "对比窗口：%s。"}

	msgLocal  = message{" A shared cause is unlikely.", "由共同原因引起的可能性小。"}
	msgShared = message{" A cause specific to this target is unlikely.", "仅由本告警对象自身引起的可能性小。"}

	msgNoPeers = message{
		"The expression has no other series: no peers to compare.",
		"表达式只有本告警的序列，没有同类序列可对比。",
	}
	msgNoExpression = message{
		"The alert's expression is unknown: no peers to compare.",
		"告警表达式未知，无法确定同类序列。",
	}
	msgJobUp = message{
		" Targets with %[1]s at %[4]s: %[2]d up, %[3]d down.",
		"%[4]s 时，%[1]s 的采集目标 %[2]d 个正常，%[3]d 个不可用。",
	}
	msgNoJobUp = message{" Prometheus has no scrape targets with %[1]s at %[2]s.", "%[2]s 时 Prometheus 中没有 %[1]s 的采集目标。"}
	msgNoJob   = message{" Its labels name no job either.", "也无法从标签判断所属 job。"}

	msgWordLast   = message{"last", "最新值"}
	msgWordOurs   = message{"this alert", "本告警"}
	msgWordRole   = message{"role", "所属"}
	msgWordPeer   = message{"peer", "同类序列"}
	msgWordMetNow = message{"now", "目前满足"}
	msgWordMetOff = message{"earlier", "曾满足"}
)

// The bounds of the table of peers.
const (
	maxPeers    = 8
	maxOwnLines = 3
)

// peerSeries is a series of the alert's expression, one of the incident's alerts or another.
type peerSeries struct {
	line          *model.SampleStream
	ours          bool
	median        float64 // before the onset; NaN for none
	extreme, last float64 // since the onset, in the alert's direction
	met, still    bool    // the condition, since the onset and at the end
}

// comparePeers tells whether the other series of the alert's expression are as badly off as the incident's own.
func comparePeers(ctx context.Context, inv *investigation) ([]incident.Evidence, error) {
	if inv.rule == nil {
		return inv.jobItem(ctx, msgNoExpression)
	}
	view, err := inv.signalView(ctx)
	if err != nil {
		return nil, err
	}
	c := view.original
	if inv.rule.foreign() || promql.CountPresent(c.Value) != nil {
		return inv.jobItem(ctx, msgNoPeers) // there is one thing that is absent, and what else is not is no peer of it
	}
	windows := inv.coarseWindows()
	m, err := inv.rangeOver(ctx, c.Value.String(), windows)
	if err != nil {
		return nil, err
	}
	ours, others := inv.splitPeers(view, m)
	if len(others) == 0 {
		return inv.jobItem(ctx, msgNoPeers)
	}
	met := m
	if query := inv.metQuery(c); query != c.Value.String() {
		if met, err = inv.rangeOver(ctx, query, windows); err != nil {
			return nil, err
		}
	}
	item, conclusion := inv.peersItem(c, ours, others, inv.seriesMeeting(met, windows[len(windows)-1]))
	if len(windows) > 1 {
		item.Summary += inv.say(msgLookedAt, inv.spansText())
	}
	if view.own != nil || c.Inside != nil { // else which series is the alert's is not certain
		item.Summary += conclusion
	}
	return []incident.Evidence{item}, nil
}

// metQuery returns the query that has values for the series that meet a condition: with what guards it, since they may have their
// reasons not to fire, unless the guarded series are others.
func (inv *investigation) metQuery(c promql.Condition) string {
	for _, a := range inv.rule.alternatives {
		if c.Inside == nil && a[0].Value == c.Value {
			return inv.rule.query
		}
	}
	return c.Whole.String()
}

// splitPeers divides the series that have values since the onset into those of the incident's alerts, those of the alert
// looked at first, and others.
func (inv *investigation) splitPeers(v *signalView, m model.Matrix) (ours, others []peerSeries) {
	siblings := inv.sameNameAlerts()[1:]
	var rest []peerSeries
	for _, s := range m {
		if values, n := finiteValues(s.Values, inv.onset); n == len(values) {
			continue
		}
		p := peerSeries{line: s, ours: true}
		switch i := slices.IndexFunc(v.lines, func(line *model.SampleStream) bool { return line.Metric.Equal(s.Metric) }); {
		case i == 0:
			ours = append(ours, p)
		case i > 0, slices.ContainsFunc(siblings, func(a incident.Alert) bool { return labelsWithin(withoutName(s.Metric), a.Labels) }):
			rest = append(rest, p)
		default:
			p.ours = false
			others = append(others, p)
		}
	}
	return append(ours, rest...), others
}

// withoutName returns a series' labels without the metric's name.
func withoutName(m model.Metric) map[string]string {
	labels := seriesLabels(m)
	delete(labels, model.MetricNameLabel)
	return labels
}

// seriesMeeting returns the series that have met the condition since the onset, by their labels without the metric's name,
// and whether they still do.
func (inv *investigation) seriesMeeting(m model.Matrix, recent timeWindow) map[model.Fingerprint]bool {
	still := map[model.Fingerprint]bool{}
	for _, s := range m {
		if values, n := finiteValues(s.Values, inv.onset); n < len(values) {
			last := s.Values[len(s.Values)-1].Timestamp.Time()
			still[comparedLabels(nil, s.Metric)] = recent.end.Sub(last) < recent.step
		}
	}
	return still
}

// comparedLabels returns what a series of a condition's value is known by once it has been compared: comparing it with another
// series one to one leaves the labels that were matched, and a metric's name may be gone.
func comparedLabels(whole parser.Expr, m model.Metric) model.Fingerprint {
	m = m.Clone()
	delete(m, model.MetricNameLabel)
	for {
		b, ok := promql.Unparen(whole).(*parser.BinaryExpr)
		if !ok || !b.Op.IsComparisonOperator() {
			return m.Fingerprint()
		}
		if by := b.VectorMatching; by != nil && by.Card == parser.CardOneToOne {
			maps.DeleteFunc(m, func(name model.LabelName, _ model.LabelValue) bool {
				return by.On != slices.Contains(by.MatchingLabels, string(name))
			})
		}
		if whole = b.LHS; whole.Type() == parser.ValueTypeScalar {
			whole = b.RHS
		}
	}
}

// measure sets the numbers of a series.
func (p *peerSeries) measure(inv *investigation, c promql.Condition, up bool, meeting map[model.Fingerprint]bool) {
	values, n := finiteValues(p.line.Values, inv.onset)
	p.median = math.NaN()
	if n > 0 {
		var s score.Scorer
		p.median = s.Past(values[:n]).Median
	}
	since := values[n:]
	p.last = since[len(since)-1]
	if p.extreme = slices.Min(since); up {
		p.extreme = slices.Max(since)
	}
	p.still, p.met = meeting[comparedLabels(c.Whole, p.line.Metric)]
}

// peersItem makes the item, and says what follows from it.
func (inv *investigation) peersItem(c promql.Condition, ours, others []peerSeries, meeting map[model.Fingerprint]bool) (item incident.Evidence, conclusion string) {
	up, known := c.Rises()
	if !known && len(ours) > 0 {
		values, n := finiteValues(ours[0].line.Values, inv.onset)
		up = n == 0 || values[len(values)-1] >= values[n-1]
	}
	extremes, sick, still := make([]float64, len(others)), 0, 0
	for i := range ours {
		ours[i].measure(inv, c, up, meeting)
	}
	for i := range others {
		p := &others[i]
		p.measure(inv, c, up, meeting)
		extremes[i] = p.extreme
		sick, still = sick+boolToInt(p.met), still+boolToInt(p.still)
	}
	slices.Sort(extremes)
	query := c.Value.String()
	item = incident.Evidence{
		Title: inv.say(msgTitlePeers), Query: query, Start: inv.start, End: inv.until, Link: inv.link(query, inv.start, inv.until),
		Summary: inv.say(msgPeersWell, len(others)), Table: inv.peersTable(c, ours, others, up),
	}
	if sick > 0 {
		item.Summary = inv.say(msgPeersSick, sick, len(others), still)
	}
	if len(ours) > 0 {
		number := c.Unit().Format
		phrase, furthest := msgPeersLeast, extremes[0]
		if up {
			phrase, furthest = msgPeersMost, extremes[len(extremes)-1]
		}
		item.Summary += inv.say(phrase, number(ours[0].extreme), number(score.Quantile(extremes, .5)), number(furthest))
	}
	switch {
	case sick == 0:
		conclusion = inv.say(msgLocal)
	case 2*sick >= len(others):
		conclusion = inv.say(msgShared)
	}
	return item, conclusion
}

// peersTable shows some of the incident's own series, and those others that are worst off.
func (inv *investigation) peersTable(c promql.Condition, ours, others []peerSeries, up bool) *incident.Table {
	slices.SortStableFunc(others, func(a, b peerSeries) int {
		further := cmp.Compare(a.extreme, b.extreme)
		if up {
			further = -further
		}
		return cmp.Or(boolToInt(b.met)-boolToInt(a.met), further)
	})
	shown := slices.Concat(ours[:min(len(ours), maxOwnLines)], others[:min(len(others), maxPeers)])
	lines := make([]*model.SampleStream, len(shown))
	for i, p := range shown {
		lines[i] = p.line
	}
	furthest := msgWordLowest
	if up {
		furthest = msgWordHighest
	}
	t := &incident.Table{Columns: []string{
		inv.say(msgWordSeries), inv.say(msgWordRole), inv.say(msgWordMedian), inv.say(furthest), inv.say(msgWordLast), inv.say(msgWordCondition),
	}}
	number := c.Unit().Format
	for i, name := range lineNames(lines, inv.rule.name) {
		p, of, met := shown[i], msgWordPeer, msgWordNo
		if p.ours {
			of = msgWordOurs
		}
		if p.still {
			met = msgWordMetNow
		} else if p.met {
			met = msgWordMetOff
		}
		t.Rows = append(t.Rows, []string{
			text.Cut(name, 120), inv.say(of), number(p.median), number(p.extreme), number(p.last), inv.say(met),
		})
	}
	if more := len(ours) + len(others) - len(shown); more > 0 {
		t.Rows = append(t.Rows, []string{inv.say(msgMore, more), "", "", "", "", ""})
	}
	return t
}

// jobItem tells, where the expression has no peers, how many targets of the alert's job are up.
func (inv *investigation) jobItem(ctx context.Context, why message) ([]incident.Evidence, error) {
	item := incident.Evidence{Title: inv.say(msgTitlePeers), Summary: inv.say(why), Nothing: true}
	job := inv.resolveLabels(ctx, inv.targetLabels())["job"]
	if job == "" {
		item.Summary += inv.say(msgNoJob)
		return []incident.Evidence{item}, nil
	}
	scope := []promql.Matcher{promql.Equals("job", job)}
	item.Query, item.Start, item.End = promql.SelectorText("up", scope...), inv.start, inv.until
	item.Link = inv.link(item.Query, item.Start, item.End)
	found, err := inv.prom.Instant(ctx, item.Query, inv.until)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		item.Summary += inv.say(msgNoJobUp, matchersText(scope), formatTime(inv.until))
		return []incident.Evidence{item}, nil
	}
	down := 0
	for _, s := range found {
		down += boolToInt(s.Value == 0)
	}
	item.Summary += inv.say(msgJobUp, matchersText(scope), len(found)-down, down, formatTime(inv.until))
	return []incident.Evidence{item}, nil
}

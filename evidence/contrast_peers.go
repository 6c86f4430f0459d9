package evidence

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/incident"

	"github.com/alertscribe/alertscribe/promql"

	"github.com/alertscribe/alertscribe/score"
)

var (
	sayPeersWell = text{
		"None of %d other series of the expression has met the condition since the onset.",
		"表达式的其他 %d 条序列自异常开始以来均未满足条件。",
	}
	sayPeersSick = text{
		"%[1]d of %[2]d other series of the expression have met the condition since the onset, %[3]d of them still do at the end.",
		"表达式的其他 %[2]d 条序列中，有 %[1]d 条自异常开始以来满足过条件，其中 %[3]d 条至今仍满足。",
	}
	sayPeersMost = text{
		" Highest since then: this alert's %[1]s; of the others the median %[2]s, the highest %[3]s.",
		" 此后的最高值：本告警 %[1]s；其他序列的中位数 %[2]s，最高 %[3]s。",
	}
	sayPeersLeast = text{
		" Lowest since then: this alert's %[1]s; of the others the median %[2]s, the lowest %[3]s.",
		" 此后的最低值：本告警 %[1]s；其他序列的中位数 %[2]s，最低 %[3]s。",
	}
	sayLocal  = text{" A cause that all of them share is unlikely.", " 它们共有的原因不太可能。"}
	sayShared = text{" A cause of this alert's target alone is unlikely.", " 仅由本告警目标自身引起的可能性不大。"}

	sayNoPeers = text{
		"The expression has no series but this alert's: there are no peers in it.",
		"表达式只有本告警的序列，没有同类对象可比较。",
	}
	sayNoExpression = text{
		"The alert's expression is not known: no peers can be told from it.",
		"告警表达式未知，无法得知同类对象。",
	}
	sayJobUp = text{
		" Of the targets with %[1]s, %[2]d are up at the end of the window and %[3]d are down.",
		" 在时间范围结束时，标签为 %[1]s 的采集目标中 %[2]d 个正常，%[3]d 个不可用。",
	}
	sayNoJobUp = text{" Prometheus has no scrape targets with %s.", " Prometheus 没有标签为 %s 的采集目标。"}
	sayNoJob   = text{" Nor could a job be told from its labels.", " 从其标签也无法判断所属 job。"}

	wordLast   = text{"last", "最新值"}
	wordOurs   = text{"this alert", "本告警"}
	wordPeer   = text{"peer", "同类"}
	wordMetNow = text{"now", "当前成立"}
	wordMetOff = text{"not now", "曾成立"}
)

// The bounds of the table of peers.
const (
	maxPeers    = 8
	maxOwnLines = 3
)

// peer is a series of the alert's expression, one of the incident's alerts or another.
type peer struct {
	line          *model.SampleStream
	ours          bool
	median        float64 // before the onset; NaN for none
	extreme, last float64 // since the onset, in the alert's direction
	met, still    bool    // the condition, since the onset and at the end
}

// peers tells whether the other series of the alert's expression are as badly off as the incident's own.
func peers(ctx context.Context, q *inquiry) ([]incident.Evidence, error) {
	if q.rule == nil {
		return q.jobOnly(ctx, sayNoExpression)
	}
	for i, c := range q.rule.conditions {
		if i == maxAlternatives {
			break
		}
		if promql.CountPresent(c.Value) != nil {
			continue // there is one thing that is absent, and what else is not is no peer of it
		}
		start, _, step := q.grid()
		m, err := q.prom.Range(ctx, c.Value.String(), start, q.end, step)
		if err != nil {
			return nil, err
		}
		ours, others := q.divide(m)
		if len(others) == 0 {
			continue
		}
		met := m
		if q.rule.query != c.Value.String() { // with what guards the condition: they may have their reasons not to fire
			if met, err = q.prom.Range(ctx, q.rule.query, start, q.end, step); err != nil {
				return nil, err
			}
		}
		return []incident.Evidence{q.tellPeers(c, ours, others, q.meeting(met, step), start)}, nil
	}
	return q.jobOnly(ctx, sayNoPeers)
}

// divide divides the series that have values since the onset into those of the incident's alerts, those of the alert
// looked at first, and others.
func (q *inquiry) divide(m model.Matrix) (ours, others []peer) {
	siblings := q.siblings()
	var rest []peer
	for _, s := range m {
		if values, n := numbers(s.Values, q.onset); n == len(values) {
			continue
		}
		p := peer{line: s, ours: true}
		switch i := slices.IndexFunc(siblings, func(a incident.Alert) bool { return q.standsFor(a, s.Metric) }); {
		case i < 0:
			p.ours = false
			others = append(others, p)
		case i == 0:
			ours = append(ours, p)
		default:
			rest = append(rest, p)
		}
	}
	return append(ours, rest...), others
}

// meeting returns the series that have met the condition since the onset, by their labels without the metric's name,
// and whether they still do.
func (q *inquiry) meeting(m model.Matrix, step time.Duration) map[model.Fingerprint]bool {
	still := map[model.Fingerprint]bool{}
	for _, s := range m {
		if values, n := numbers(s.Values, q.onset); n < len(values) {
			last := s.Values[len(s.Values)-1].Timestamp.Time()
			still[resultOf(nil, s.Metric)] = q.end.Sub(last) < step
		}
	}
	return still
}

// resultOf returns what a series of a condition's value is known by once it has been compared: comparing it with another
// series one to one leaves the labels that were matched, and a metric's name may be gone.
func resultOf(whole parser.Expr, m model.Metric) model.Fingerprint {
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

// measure sets the figures of a series.
func (p *peer) measure(q *inquiry, c promql.Condition, up bool, meeting map[model.Fingerprint]bool) {
	values, n := numbers(p.line.Values, q.onset)
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
	p.still, p.met = meeting[resultOf(c.Whole, p.line.Metric)]
}

// tellPeers makes the item.
func (q *inquiry) tellPeers(c promql.Condition, ours, others []peer, meeting map[model.Fingerprint]bool, start time.Time) incident.Evidence {
	up, known := c.Rises()
	if !known && len(ours) > 0 {
		values, n := numbers(ours[0].line.Values, q.onset)
		up = n == 0 || values[len(values)-1] >= values[n-1]
	}
	extremes, sick, still := make([]float64, len(others)), 0, 0
	for i := range ours {
		ours[i].measure(q, c, up, meeting)
	}
	for i := range others {
		p := &others[i]
		p.measure(q, c, up, meeting)
		extremes[i] = p.extreme
		sick, still = sick+zeroOne(p.met), still+zeroOne(p.still)
	}
	slices.Sort(extremes)
	query := c.Value.String()
	item := incident.Evidence{
		Title: q.say(titlePeers), Query: query, Start: start, End: q.end, Link: q.link(query, start, q.end),
		Summary: q.say(sayPeersWell, len(others)), Table: q.peersTable(c, ours, others, up),
	}
	if sick > 0 {
		item.Summary = q.say(sayPeersSick, sick, len(others), still)
	}
	if len(ours) > 0 {
		number := promql.UnitOf(c.Value).Format
		phrase, furthest := sayPeersLeast, extremes[0]
		if up {
			phrase, furthest = sayPeersMost, extremes[len(extremes)-1]
		}
		item.Summary += q.say(phrase, number(ours[0].extreme), number(score.Quantile(extremes, .5)), number(furthest))
	}
	switch {
	case sick == 0:
		item.Summary += q.say(sayLocal)
	case 2*sick >= len(others):
		item.Summary += q.say(sayShared)
	}
	return item
}

// peersTable shows some of the incident's own series, and those others that are worst off.
func (q *inquiry) peersTable(c promql.Condition, ours, others []peer, up bool) *incident.Table {
	slices.SortStableFunc(others, func(a, b peer) int {
		further := cmp.Compare(a.extreme, b.extreme)
		if up {
			further = -further
		}
		return cmp.Or(zeroOne(b.met)-zeroOne(a.met), further)
	})
	shown := slices.Concat(ours[:min(len(ours), maxOwnLines)], others[:min(len(others), maxPeers)])
	lines := make([]*model.SampleStream, len(shown))
	for i, p := range shown {
		lines[i] = p.line
	}
	furthest := wordLowest
	if up {
		furthest = wordHighest
	}
	t := &incident.Table{Columns: []string{
		q.say(wordSeries), q.say(wordOf), q.say(wordMedian), q.say(furthest), q.say(wordLast), q.say(wordCondition),
	}}
	number := promql.UnitOf(c.Value).Format
	for i, name := range lineNames(lines, q.rule.name) {
		p, of, met := shown[i], wordPeer, wordNo
		if p.ours {
			of = wordOurs
		}
		if p.still {
			met = wordMetNow
		} else if p.met {
			met = wordMetOff
		}
		t.Rows = append(t.Rows, []string{
			cut(name, 120), q.say(of), number(p.median), number(p.extreme), number(p.last), q.say(met),
		})
	}
	if more := len(ours) + len(others) - len(shown); more > 0 {
		t.Rows = append(t.Rows, []string{q.say(sayMore, more), "", "", "", "", ""})
	}
	return t
}

// jobOnly tells, where the expression has no peers, how many targets of the alert's job are up.
func (q *inquiry) jobOnly(ctx context.Context, why text) ([]incident.Evidence, error) {
	item := incident.Evidence{Title: q.say(titlePeers), Summary: q.say(why)}
	job := q.whereabouts(ctx, q.identity())["job"]
	if job == "" {
		item.Summary += q.say(sayNoJob)
		return []incident.Evidence{item}, nil
	}
	scope := []promql.Matcher{{Label: "job", Op: "=", Value: job}}
	item.Query, item.Start, item.End = promql.SelectorText("up", scope...), q.start, q.end
	item.Link = q.link(item.Query, q.start, q.end)
	found, err := q.prom.Instant(ctx, item.Query, q.end)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		item.Summary += q.say(sayNoJobUp, scopeText(scope))
		return []incident.Evidence{item}, nil
	}
	down := 0
	for _, s := range found {
		down += zeroOne(s.Value == 0)
	}
	item.Summary += q.say(sayJobUp, scopeText(scope), len(found)-down, down)
	return []incident.Evidence{item}, nil
}

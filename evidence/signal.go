package evidence

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/text"
)

const (
	maxLines  = 30 // of a chart; the chart itself sums up what is too much for the eye
	minPoints = 60 // a series this short is asked for again by finer steps
)

// collectSignal shows what the alert's expression compares with its threshold, over time: of the anchors, and of an alert of each other
// name.
func collectSignal(ctx context.Context, inv *investigation) ([]incident.Evidence, error) {
	items, err := inv.signalItems(ctx, inv.whose)
	if inv.second != nil {
		items = append(items, inv.signalOf(ctx, *inv.second, toldApart(*inv.second, inv.alert))...)
	}
	for _, a := range inv.otherNamedAlerts() {
		items = append(items, inv.signalOf(ctx, a, text.Cut(a.Name(), 80))...)
	}
	return items, err
}

// signalOf shows the signal of another alert of the incident.
func (inv *investigation) signalOf(ctx context.Context, a incident.Alert, whose string) []incident.Evidence {
	items, err := inv.forAlert(ctx, a).signalItems(ctx, whose)
	if err != nil {
		inv.log.WarnContext(ctx, "Signal lookup for another alert of the group failed, the report leaves it out", "err", err)
	}
	return items
}

// signalItems shows the signal of the alert looked at; the title says whose it is.
func (inv *investigation) signalItems(ctx context.Context, whose string) ([]incident.Evidence, error) {
	view, err := inv.toldView(ctx)
	if err != nil {
		return nil, err
	}
	item := inv.signalItem(view)
	item.Title = inv.titleOf(item.Title, whose)
	return []incident.Evidence{item}, nil
}

// titleOf adds to a title which of several alerts it is about.
func (inv *investigation) titleOf(title, whose string) string {
	if whose == "" {
		return title
	}
	return inv.say(msgTitleOf, title, whose)
}

// signalView returns the signal of the alert looked at, which is looked up once for all that show or compare it.
func (inv *investigation) signalView(ctx context.Context) (*signalView, error) {
	if inv.signal == nil {
		return inv.lookAtSignal(ctx)
	}
	return inv.signal()
}

// signalView is a signal over time: the lines of the incident's alerts, that of the alert looked at first.
type signalView struct {
	condition   promql.Condition
	query       string
	unit        promql.Unit
	start, end  time.Time
	step        time.Duration
	more        []timeWindow // that are looked at beside, with steps of their own
	matrix      model.Matrix // all that the query brought
	lines       []*model.SampleStream
	limit       *float64            // a constant threshold, or what it was when the alert fired
	movingLimit *model.SampleStream // the threshold over time where it is not a constant
	original    promql.Condition    // as the rule has it, not narrowed to the alert's labels
	own         model.Metric        // the series that the alert is about; nil where that can't be told
	doubt       string              // why not
	hold        time.Duration       // the rule's "for"
	dataFrom    time.Time           // a line that begins by then may have met the condition before; zero where Prometheus has data all along
	lastData    time.Time           // the last sample of a line that ends; zero where that can't be told
	freeSince   time.Time           // the rule's whole expression has had a value since then; zero where the condition alone tells
	whole       map[model.Time]bool // the steps at which it had one; nil where the condition alone tells
}

// newView makes an empty view of the window of the onset.
func (inv *investigation) newView() *signalView {
	w := windowBy(inv.start, inv.end, inv.step)
	v := &signalView{start: w.start, end: w.end, step: w.step, dataFrom: inv.dataFrom}
	if inv.noOnset {
		v.dataFrom = w.end // all that is there was before
	}
	if !inv.misdated {
		v.hold = inv.rule.hold
	}
	return v
}

// conditionView asks for the signal of one condition.
func (inv *investigation) conditionView(ctx context.Context, c promql.Condition) (*signalView, error) {
	v := inv.newView()
	v.condition, v.original = c, c
	value := c.Value
	if inner := promql.CountPresent(value); inner != nil {
		value = inner
		v.condition.Op, v.condition.Threshold = parser.LSS, &parser.NumberLiteral{Val: 1}
	}
	narrowed := value
	if k, err := inv.knownLabels(); err == nil { // else it is only more than is needed
		narrowed = inv.narrowed(value, k)
	}
	v.condition.Value = value
	v.unit = v.condition.Unit()
	if err := inv.readLines(ctx, v, narrowed); err != nil {
		return nil, err
	}
	if len(v.lines) == 0 && narrowed.String() != value.String() { // a rule or relabelling may have changed the alert's labels
		if err := inv.readLines(ctx, v, value); err != nil {
			inv.log.DebugContext(ctx, "Lookup of all series of the expression failed, the alert's is unknown", "err", err)
		}
		if len(v.lines) == 0 {
			v.query = narrowed.String()
		}
	}
	return v, nil
}

// narrowed narrows an expression to the labels that the alert shares with all of its name: to those of an earlier look at the same,
// if that had more. An alert that joins does not make another item of it.
func (inv *investigation) narrowed(value parser.Expr, k promql.SelectorLabels) parser.Expr {
	seen := map[string]bool{}
	for _, e := range inv.seen {
		if e.Kind == incident.KindSignal && e.Figures != nil && e.Figures.Anchor == inv.alert.Fingerprint {
			seen[strings.TrimSuffix(e.Query, noneIsZero)] = true
		}
	}
	if len(seen) > 0 {
		for _, labels := range inv.sharedEarlier() {
			if e := promql.Narrow(value, labels, k); seen[e.String()] {
				return e
			}
		}
	}
	return promql.Narrow(value, inv.sharedTargetLabels(), k)
}

// foreignView asks for an expression that only the server can read, as it stands: it has values where its condition is met.
func (inv *investigation) foreignView(ctx context.Context) (*signalView, error) {
	v := inv.newView()
	v.query = inv.rule.query
	matrix, err := inv.prom.Range(ctx, v.query, v.start, v.end, v.step)
	if err != nil {
		return nil, err
	}
	return v, inv.pickLines(ctx, v, matrix)
}

// noneIsZero makes a count of what is gone 0, not unknown.
const noneIsZero = " or vector(0)"

// readLines asks for the values of a view, and for its threshold.
func (inv *investigation) readLines(ctx context.Context, v *signalView, value parser.Expr) error {
	v.query = value.String()
	if promql.CountPresent(v.original.Value) != nil {
		v.query += noneIsZero
	}
	matrix, err := inv.prom.Range(ctx, v.query, v.start, v.end, v.step)
	if err != nil {
		return err
	}
	if start, step, finer := finerSteps(matrix, v.start, v.end, v.step); finer {
		if again, err := inv.prom.Range(ctx, v.query, start, v.end, step); err == nil {
			matrix, v.start, v.step = again, start, step
		}
	}
	return inv.pickLines(ctx, v, matrix)
}

// readLimit sets the threshold of a view: the constant, or what it was over time and at a time.
func (inv *investigation) readLimit(ctx context.Context, v *signalView, at time.Time) error {
	if v.condition.Threshold == nil {
		return nil
	}
	if limit, ok := v.condition.Limit(); ok {
		v.limit = &limit
		return nil
	}
	thresholds, err := inv.rangeOver(ctx, v.condition.Threshold.String(), v.windows())
	if err != nil {
		return fmt.Errorf("querying threshold: %w", err)
	}
	if len(thresholds) == 1 {
		v.movingLimit = thresholds[0]
	} else if i := slices.IndexFunc(thresholds, func(s *model.SampleStream) bool { return inv.represents(inv.alert, s.Metric) }); i >= 0 {
		v.movingLimit = thresholds[i]
	}
	if v.movingLimit != nil {
		if i := lastIndexUntil(v.movingLimit.Values, at); i >= 0 {
			limit := float64(v.movingLimit.Values[i].Value)
			v.limit = &limit
		}
	}
	return nil
}

// finerSteps proposes finer steps where the data begin so late in the window that the usual steps show little of them.
func finerSteps(m model.Matrix, start, end time.Time, step time.Duration) (time.Time, time.Duration, bool) {
	first := end
	for _, s := range m {
		if len(s.Values) > 0 && s.Values[0].Timestamp.Time().Before(first) {
			first = s.Values[0].Timestamp.Time()
		}
	}
	if len(m) == 0 || step <= time.Second || end.Sub(first)/step >= minPoints {
		return start, step, false
	}
	fine := windowBetween(first.Add(-step), end, windowSteps)
	return fine.start, fine.step, fine.step < step
}

// represents reports whether nothing in a series' labels contradicts the alert's. Labels that the rule sets hide those
// of the series, and relabeling may have dropped some; a port is the first thing to be taken off.
func (inv *investigation) represents(a incident.Alert, metric model.Metric) bool {
	for name, value := range metric {
		if name == model.MetricNameLabel {
			continue
		}
		if inv.rule != nil {
			if _, set := inv.rule.labels[string(name)]; set {
				continue
			}
		}
		if have, there := a.Labels[string(name)]; there && have != string(value) && have != hostOf(string(value)) {
			return false
		}
	}
	return true
}

// lastIndexUntil returns the index of the last value at or before t, or -1.
func lastIndexUntil(values []model.SamplePair, t time.Time) int {
	i, _ := slices.BinarySearchFunc(values, model.TimeFromUnixNano(t.UnixNano())+1, func(v model.SamplePair, at model.Time) int {
		return int(v.Timestamp - at)
	})
	return i - 1
}

// samplesBetween returns the samples from one time to another, both included.
func samplesBetween(samples []model.SamplePair, from, until time.Time) []model.SamplePair {
	first, behind := lastIndexUntil(samples, from.Add(-time.Millisecond))+1, lastIndexUntil(samples, until)+1
	return samples[first:max(first, behind)]
}

package promql

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/alertscribe/alertscribe/promapi"
)

var update = flag.Bool("update", false, "write golden files")

// ruleFile is what the tests read of a rule file.
type ruleFile struct {
	Groups []struct {
		Rules []struct {
			Alert string
			Expr  string
		}
	}
}

func kubePrometheus(t *testing.T) (alerts []string, exprs []parser.Expr) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "kube-prometheus.yml"))
	require.NoError(t, err)
	var file ruleFile
	require.NoError(t, yaml.Unmarshal(b, &file))
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			e, err := Parse(r.Expr)
			require.NoError(t, err, r.Alert)
			alerts, exprs = append(alerts, r.Alert), append(exprs, e)
		}
	}
	return alerts, exprs
}

// TestPlansOfKubePrometheus plans the drill-down of every rule of a real cluster, and has a real Prometheus evaluate
// every query of it over data that all of the rules' selectors select.
func TestPlansOfKubePrometheus(t *testing.T) {
	alerts, exprs := kubePrometheus(t)
	require.Len(t, exprs, 91)
	r := record(30*time.Minute, 30*time.Second)
	inventory(exprs).fill(r)
	q := querierAt(t, r.serve(t))
	at := r.end()

	var golden strings.Builder
	planned, refused, queries, sums := 0, 0, 0, 0
	for i, e := range exprs {
		fmt.Fprintf(&golden, "# %s\n", alerts[i])
		k := knownLabels(t, q, e, r)
		drills := 0
		for _, c := range conditionsOf(e) {
			drills += writePlan(&golden, c, k)
			if list, no := PlanCondition(c, k); no == "" {
				for _, d := range list {
					n, added := checkDrill(t, q, d, at)
					queries, sums = queries+n, sums+added
				}
			}
		}
		if drills > 0 {
			planned++
		} else {
			refused++
		}
	}
	t.Logf("%d expressions: %d drill, %d refused with a reason; %d queries accepted, of which %d were compared with the whole and added up",
		len(exprs), planned, refused, queries, sums)
	path := filepath.Join("testdata", "kube-prometheus.golden")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(golden.String()), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), golden.String())
}

// writePlan writes signal, threshold and plan of a condition, and returns how many drills there are.
func writePlan(b *strings.Builder, c Condition, k SelectorLabels) int {
	fmt.Fprintf(b, "signal: %s", c.Value)
	if u := c.Unit(); u.Base != UnitNone {
		fmt.Fprintf(b, " [%s%s]", u.Base, u.rateSuffix())
	}
	b.WriteString("\n")
	if limit, ok := c.Limit(); ok {
		fmt.Fprintf(b, "threshold: %s %v\n", parser.ItemTypeStr[c.Op], limit)
	} else if c.Threshold != nil {
		fmt.Fprintf(b, "threshold: %s %s\n", parser.ItemTypeStr[c.Op], c.Threshold)
	}
	if gone := Vanishing(c); gone != nil {
		fmt.Fprintf(b, "vanished: %s\n", gone)
		return 1
	}
	drills, no := PlanCondition(c, k)
	if no != "" {
		fmt.Fprintf(b, "refused: %s\n", no)
	}
	for _, d := range drills {
		of := ""
		if d.OfThreshold {
			of = "threshold, "
		}
		if d.OfNumerator {
			of += "numerator, "
		}
		fmt.Fprintf(b, "%s%s %+d by %s: %s\n", of, d.Form, d.Sign, strings.Join(d.Labels, ", "), d.Query(d.Labels[0]))
	}
	return len(drills)
}

// checkDrill evaluates all queries of a drill, and compares what adds up with the whole. It returns how many queries
// there were and how many of them added up to something.
func checkDrill(t *testing.T, q *promapi.Querier, d Drill, at time.Time) (queries, sums int) {
	t.Helper()
	ask := func(promql string) model.Vector {
		v, err := q.Instant(t.Context(), promql, at)
		require.NoError(t, err, promql)
		queries++
		return v
	}
	for _, l := range d.Labels {
		ask(d.Query(l))
		whole, parts := d.Parts(), d.Parts(l)
		if parts.Form == FormSum {
			whole = d.OverWhole().Parts()
		}
		originals, terms := slices.Concat(whole.Num, whole.Den), slices.Concat(parts.Num, parts.Den)
		require.Len(t, terms, len(originals))
		for i, term := range terms {
			assert.InDelta(t, originals[i].Factor, term.Factor, 0)
			original, parts := ask(originals[i].Query), ask(term.Query)
			if combine := combiner(d); combine != nil && len(original) > 0 {
				assertAddsUp(t, original, parts, l, combine, term.Query)
				sums++
			}
		}
	}
	return queries, sums
}

// combiner returns how the parts of a drill make the whole, nil where they don't.
func combiner(d Drill) func(a, b float64) float64 {
	switch {
	case d.Form != FormRanked:
		return func(a, b float64) float64 { return a + b }
	case d.Extreme > 0:
		return math.Max
	case d.Extreme < 0:
		return math.Min
	}
	return nil
}

// assertAddsUp combines the parts over one label and compares the result with the whole, group by group.
func assertAddsUp(t *testing.T, whole, parts model.Vector, l string, combine func(a, b float64) float64, promql string) {
	t.Helper()
	got := map[string]float64{}
	for _, s := range parts {
		m := s.Metric.Clone()
		delete(m, model.LabelName(l))
		if old, there := got[m.String()]; there {
			got[m.String()] = combine(old, float64(s.Value))
		} else {
			got[m.String()] = float64(s.Value)
		}
	}
	assert.Len(t, got, len(whole), promql)
	for _, s := range whole {
		m := s.Metric.Clone()
		delete(m, model.LabelName(l))
		if v := float64(s.Value); math.IsNaN(v) || math.IsInf(v, 0) {
			continue // a division by zero
		}
		assert.InDelta(t, float64(s.Value), got[m.String()], 1e-9*(1+math.Abs(float64(s.Value))), "%s for %s", promql, s.Metric)
	}
}

// stock is what the selectors of rules need to find: per metric its labels, and per selector values that match.
type stock struct {
	labels    map[string]LabelNames
	selectors map[string][]*parser.VectorSelector
}

// inventory reads out of rules which metrics they want, with which labels.
func inventory(exprs []parser.Expr) stock {
	s := stock{map[string]LabelNames{}, map[string][]*parser.VectorSelector{}}
	for _, e := range exprs {
		parser.Inspect(e, func(n parser.Node, path []parser.Node) error {
			v, ok := n.(*parser.VectorSelector)
			if !ok {
				return nil
			}
			name := metricName(v)
			if s.labels[name] == nil {
				s.labels[name] = NewLabelNames("instance", "job")
			}
			s.selectors[name] = append(s.selectors[name], v)
			for _, m := range v.LabelMatchers {
				if m.Name != model.MetricNameLabel {
					s.labels[name][m.Name] = true
				}
			}
			for _, above := range path {
				switch above := above.(type) {
				case *parser.AggregateExpr:
					s.add(name, above.Grouping)
				case *parser.BinaryExpr:
					if above.VectorMatching != nil && above.VectorMatching.On {
						s.add(name, above.VectorMatching.MatchingLabels)
					}
				}
			}
			return nil
		})
	}
	return s
}

func (s stock) add(metric string, list []string) {
	for _, l := range list {
		s.labels[metric][l] = true
	}
}

func metricName(v *parser.VectorSelector) string {
	for _, m := range v.LabelMatchers {
		if m.Name == model.MetricNameLabel {
			return candidate(m)
		}
	}
	return v.Name
}

// candidate returns a value that a matcher matches.
func candidate(m *labels.Matcher) string {
	list := []string{m.Value, "v1", "5", "500", "sda"}
	list = append(list, strings.Split(strings.Trim(m.Value, "()"), "|")...)
	list = append(list, regexp.MustCompile(`\.[*+]|\(.*?\)|[^a-zA-Z0-9_:-]`).ReplaceAllString(m.Value, ""))
	for _, v := range list {
		if m.Matches(v) && v != "" && !strings.ContainsAny(v, ".*+()") {
			return v
		}
	}
	return "v1"
}

// fill records series for every selector, in two instances and, where there are pods, two pods each.
func (s stock) fill(r *recording) {
	n := 0
	for metric, list := range s.selectors {
		for _, v := range list {
			values := map[string][]string{}
			for l := range s.labels[metric] {
				values[l] = []string{"v1"}
				for _, m := range v.LabelMatchers {
					if m.Name == l {
						values[l] = []string{candidate(m)}
					}
				}
			}
			for _, l := range []string{"instance", "pod", "le"} {
				if slices.Equal(values[l], []string{"v1"}) {
					values[l] = append(values[l], "v2")
				}
			}
			if strings.HasSuffix(metric, "_bucket") {
				values["le"] = []string{"0.1", "1", "+Inf"}
			}
			for _, set := range product(values) {
				n++
				slope := float64(n%17 + 1)
				r.add(metric+"{"+set+"}", func(second float64) float64 { return slope * second / 30 })
			}
		}
	}
}

// product writes all combinations of label values.
func product(values map[string][]string) []string {
	sets := []string{""}
	for _, l := range slices.Sorted(func(yield func(string) bool) {
		for l := range values {
			if !yield(l) {
				return
			}
		}
	}) {
		var next []string
		for _, set := range sets {
			for _, v := range values[l] {
				next = append(next, strings.TrimPrefix(set+","+l+"="+strconv.Quote(v), ","))
			}
		}
		sets = next
	}
	return sets
}

// TestPartsAddUp breaks random data down in every form by every label: the parts always make the whole.
func TestPartsAddUp(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	r := record(20*time.Minute, 30*time.Second)
	for _, metric := range []string{"left_total", "right_total"} {
		for range 60 {
			slope := random.Float64() * 10
			series := fmt.Sprintf(`%s{a="%d",b="%d"`, metric, random.IntN(3), random.IntN(4))
			if random.IntN(2) == 0 {
				series += fmt.Sprintf(`,c="%d"`, random.IntN(2)) // some have no c
			}
			if metric == "left_total" {
				series += fmt.Sprintf(`,d="%d"`, random.IntN(3)) // one side has no d
			}
			r.add(series+"}", func(second float64) float64 { return slope * second })
		}
	}
	p := r.serve(t)
	q := querierAt(t, p)
	for _, expr := range []string{
		`sum(rate(left_total[5m]))`, `sum by (a) (rate(left_total[5m]))`, `sum without (b, d) (rate(left_total[5m]))`,
		`count by (a) (left_total > 10)`, `avg by (a) (left_total)`, `avg(left_total)`,
		`max by (b) (left_total)`, `min(left_total)`, `topk(2, sum by (a) (left_total))`,
		`sum(rate(left_total[5m])) / sum(rate(right_total[5m]))`,
		`100 * sum by (a) (rate(left_total[5m])) / sum by (a) (rate(right_total[5m]))`,
		`1 - sum by (a) (left_total) / on (a) sum by (a) (right_total)`,
		`sum without (b) (left_total) / ignoring (d, c) group_left sum without (b, c) (right_total)`,
		`sum by (a) (left_total) - sum by (a) (right_total)`, `sum(max by (a, b) (left_total))`,
		`max_over_time(sum by (a) (rate(left_total[2m]))[5m:1m])`, `sum(label_replace(left_total, "e", "x$1", "b", "(.*)"))`,
	} {
		t.Run(expr, func(t *testing.T) {
			e, err := Parse(expr)
			require.NoError(t, err)
			k := knownLabels(t, q, e, r)
			drills, refused := PlanDrills(e, k)
			require.Empty(t, refused)
			for _, d := range drills {
				_, sums := checkDrill(t, q, d, r.end())
				assert.Positive(t, sums)
			}
		})
	}
}

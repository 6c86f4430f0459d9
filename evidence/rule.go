package evidence

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/promql"
)

// rule is what is known of the rule behind an alert.
type rule struct {
	name, group, file string               // group and file are empty when the rule comes from the alert's URL
	query             string               // the expression as text
	alternatives      []promql.Alternative // the comparisons in it; none where it is not PromQL, see foreign
	hold              time.Duration        // "for"
	reach             time.Duration        // over how long a past the expression looks
	lag, offset       time.Duration        // how long before the evaluation all, and some, of its data are
	ahead             time.Duration        // how long after the evaluation some of its data are
	labels            map[string]string    // those that the rule sets, templates unexpanded
	active            []*promv1.Alert      // those that it has now, with the labels that their series and the rule gave them
	evaluated         time.Time            // when these were seen
}

// foreign reports whether the expression is in a language of the server's own, such as MetricsQL: it can be asked for, not read.
func (r *rule) foreign() bool { return len(r.alternatives) == 0 }

// candidate is a comparison that the alert can be about.
type candidate struct {
	promql.Condition
	alternative int // of the rule's
}

// candidates returns what the alert can be about: not what must not be met, nor what reads no series.
func (r *rule) candidates() []candidate {
	var out, constant []candidate
	for i, a := range r.alternatives {
		for _, c := range a {
			switch {
			case c.Negated:
			case len(promql.Selectors(c.Value)) == 0:
				constant = append(constant, candidate{c, i})
			default:
				out = append(out, candidate{c, i})
			}
		}
	}
	if len(out) == 0 {
		return constant
	}
	return out
}

// excludes reports whether something keeps the alert from firing where the conditions are met that are looked at: an exclusion, or one
// that reads no series, such as the hour of the day.
func (r *rule) excludes() bool {
	return slices.ContainsFunc(r.alternatives, func(a promql.Alternative) bool {
		return slices.ContainsFunc(a, func(c promql.Condition) bool {
			return c.Negated || c.Missing != nil || len(a) > 1 && len(promql.Selectors(c.Value)) == 0
		})
	})
}

// severalParts reports whether the expression has more than the condition that is looked at: others that must or must not be met as well,
// such as the hour of the day, or that are enough by themselves.
func (r *rule) severalParts() bool {
	return len(r.alternatives) > 1 || len(r.alternatives) == 1 && len(r.alternatives[0]) > 1
}

var (
	errNoRule    = errors.New("the alert's rule is not known")
	errNotListed = fmt.Errorf("%w: neither listed nor in generatorURL", errNoRule)
	errNameless  = fmt.Errorf("%w: the expression in generatorURL has a selector without a metric name, as LogQL has", errNoRule)
)

// findRule looks for the alert's rule where Prometheus lists its rules, or else takes the expression out of the
// alert's URL.
func findRule(ctx context.Context, prom *promapi.Querier, alert incident.Alert) (*rule, error) {
	fromURL := generatorExpr(alert.GeneratorURL)
	groups, err := prom.Rules(ctx, alert.Name())
	if found := matchRule(groups, alert, fromURL); found != nil {
		return found, nil
	}
	if r, urlErr := newRule(alert.Name(), fromURL); urlErr == nil && r.namesMetrics() {
		return r, nil
	} else if urlErr == nil {
		err = errors.Join(err, errNameless)
	} else if fromURL != "" {
		err = errors.Join(err, urlErr)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoRule, err)
	}
	return nil, errNotListed
}

// maxExpr bounds an expression that a stranger may have sent.
const maxExpr = 16 << 10

// newRule reads an expression.
func newRule(name, query string) (*rule, error) {
	if strings.TrimSpace(query) == "" {
		return nil, errNoRule
	}
	if len(query) > maxExpr {
		return nil, fmt.Errorf("reading the rule's expression: it has more than %d bytes", maxExpr)
	}
	expr, err := promql.Parse(query)
	if err != nil {
		return nil, fmt.Errorf("reading the rule's expression: %w", err)
	}
	atEvaluation(expr)
	r := &rule{name: name, query: expr.String(), alternatives: promql.Alternatives(expr), reach: promql.LongestRange(expr)}
	r.lag, r.offset = promql.Offsets(expr)
	r.ahead = promql.Ahead(expr)
	return r, nil
}

// atEvaluation takes "@ start()" and "@ end()" off: both are the time at which a rule is evaluated, and a query over a window, whose start
// and end they would be, has to show what the rule would see at each of its times. Within a subquery they stay, for its times are others.
func atEvaluation(n parser.Node) {
	switch n := n.(type) {
	case *parser.VectorSelector:
		n.StartOrEnd = 0
	case *parser.SubqueryExpr:
		n.StartOrEnd = 0
		return
	}
	for child := range parser.ChildrenIter(n) {
		atEvaluation(child)
	}
}

// namesMetrics reports whether the expression can be about nothing but the metrics that it names.
func (r *rule) namesMetrics() bool {
	e, err := promql.Parse(r.query)
	return err == nil && (promql.NamesMetrics(e) || len(promql.Selectors(e)) == 0)
}

// listedRule reads an expression that the server itself evaluates: what can't be read here is taken as it stands.
func listedRule(name, query string) (*rule, error) {
	r, err := newRule(name, query)
	if err != nil && strings.TrimSpace(query) != "" && len(query) <= maxExpr {
		return &rule{name: name, query: query}, nil
	}
	return r, err
}

// matchRule picks the rule of an alert. Rules of one name are told apart by what their labels contradict, then by the
// expression in the alert's URL, then by the alerts that they have now.
func matchRule(groups []promv1.RuleGroup, alert incident.Alert, fromURL string) *rule {
	var best *rule
	bestPoints := 0
	for _, group := range groups {
		for _, listed := range group.Rules {
			r, ok := listed.(promv1.AlertingRule)
			if !ok || r.Name != alert.Name() {
				continue
			}
			points := ruleFit(r, alert, fromURL)
			if points == 0 || points < bestPoints {
				continue
			}
			found, err := listedRule(r.Name, r.Query)
			if err != nil || points == bestPoints && (found.foreign() || !best.foreign()) {
				continue // of two that fit alike the first that can be read
			}
			found.group, found.file = group.Name, group.File
			found.active, found.evaluated = r.Alerts, r.LastEvaluation
			found.hold = time.Duration(r.Duration * float64(time.Second))
			found.labels = make(map[string]string, len(r.Labels))
			for name, value := range r.Labels {
				found.labels[string(name)] = string(value)
			}
			best, bestPoints = found, points
		}
	}
	return best
}

// ruleFit says how well a rule fits an alert; 0 when it can't be its rule.
func ruleFit(r promv1.AlertingRule, alert incident.Alert, fromURL string) int {
	points := 1
	for name, value := range r.Labels {
		if strings.Contains(string(value), "{{") {
			continue
		}
		if alert.Labels[string(name)] != string(value) {
			if _, there := alert.Labels[string(name)]; there {
				return 0
			}
			continue // relabeling may have dropped it
		}
		points++
	}
	if fromURL != "" && sameExpr(fromURL, r.Query) {
		points += 1000
	}
	for _, a := range r.Alerts {
		fits := true
		for name, value := range a.Labels {
			have, there := alert.Labels[string(name)]
			fits = fits && (!there || have == string(value))
		}
		if fits {
			return points + 100
		}
	}
	return points
}

func sameExpr(a, b string) bool {
	ea, errA := promql.Parse(a)
	eb, errB := promql.Parse(b)
	return errA == nil && errB == nil && ea.String() == eb.String()
}

// generatorExpr takes the expression out of an alert's generatorURL; "" when it has none. The URL is whatever the
// sender says: it is never fetched, and encodings that went wrong on its way are put right.
func generatorExpr(generatorURL string) string {
	s := strings.NewReplacer(`\u0026`, "&", "&amp;", "&", `\u003c`, "<", `\u003e`, ">", `\u003d`, "=").Replace(generatorURL)
	u, err := url.Parse(s)
	if err == nil {
		for _, query := range []string{u.RawQuery, fragmentQuery(u.Fragment)} {
			values, _ := url.ParseQuery(query) // the good pairs stand even if one is bad
			if expr := cmp.Or(values.Get("g0.expr"), explored(values.Get("left")), explored(values.Get("panes"))); expr != "" {
				return expr
			}
		}
	}
	_, rest, found := strings.Cut(s, "g0.expr=")
	if !found {
		return ""
	}
	raw, _, _ := strings.Cut(rest, "&")
	if expr, err := url.QueryUnescape(raw); err == nil {
		return expr
	}
	return raw
}

// explored takes the first expression out of the JSON by which Grafana's Explore is opened.
func explored(text string) string {
	var found func(v any) string
	found = func(v any) string {
		switch v := v.(type) {
		case map[string]any:
			if expr, ok := v["expr"].(string); ok {
				return expr
			}
			for _, name := range slices.Sorted(maps.Keys(v)) {
				if expr := found(v[name]); expr != "" {
					return expr
				}
			}
		case []any:
			for _, one := range v {
				if expr := found(one); expr != "" {
					return expr
				}
			}
		}
		return ""
	}
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return ""
	}
	return found(v)
}

func fragmentQuery(s string) string {
	_, after, _ := strings.Cut(s, "?")
	return after
}

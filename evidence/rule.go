package evidence

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/promql"
)

// rule is what is known of the rule behind an alert.
type rule struct {
	name, group, file string             // group and file are empty when the rule comes from the alert's URL
	query             string             // the expression as text
	conditions        []promql.Condition // its alternatives, see conditionsOf
	hold              time.Duration      // "for"
	reach             time.Duration      // over how long a past the expression looks
	labels            map[string]string  // those that the rule sets, templates unexpanded
}

var (
	errNoRule    = errors.New("the alert's rule is not known")
	errNotListed = fmt.Errorf("%w: neither listed nor in generatorURL", errNoRule)
)

// findRule looks for the alert's rule where Prometheus lists its rules, or else takes the expression out of the
// alert's URL.
func findRule(ctx context.Context, prom *promapi.Querier, alert incident.Alert) (*rule, error) {
	fromURL := generatorExpr(alert.GeneratorURL)
	groups, err := prom.Rules(ctx, alert.Name())
	if found := matchRule(groups, alert, fromURL); found != nil {
		return found, nil
	}
	if r, urlErr := newRule(alert.Name(), fromURL); urlErr == nil {
		return r, nil
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
	return &rule{name: name, query: expr.String(), conditions: promql.Conditions(expr), reach: promql.LongestRange(expr)}, nil
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
			if points <= bestPoints {
				continue
			}
			found, err := newRule(r.Name, r.Query)
			if err != nil {
				continue
			}
			found.group, found.file = group.Name, group.File
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
			if expr := values.Get("g0.expr"); expr != "" {
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

func fragmentQuery(s string) string {
	_, after, _ := strings.Cut(s, "?")
	return after
}

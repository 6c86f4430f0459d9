package watch

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"github.com/alertscribe/alertscribe/detect"
	"github.com/alertscribe/alertscribe/promql"
)

// rate is written as "1 per 14d".
type rate detect.Rate

// UnmarshalYAML implements yaml.Unmarshaler.
func (r *rate) UnmarshalYAML(n *yaml.Node) error {
	count, per, found := strings.Cut(n.Value, " per ")
	c, err := strconv.ParseFloat(strings.TrimSpace(count), 64)
	d, err2 := model.ParseDuration(strings.TrimSpace(per))
	if !found || err != nil || err2 != nil || c <= 0 || d <= 0 {
		return fmt.Errorf(`line %d: false_alarms: %q is no rate, such as "1 per 14d"`, n.Line, n.Value)
	}
	*r = rate{Count: c, Per: time.Duration(d)}
	return nil
}

// share is written as "20%" or .2.
type share float64

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *share) UnmarshalYAML(n *yaml.Node) error {
	v, err := parseShare(n)
	*s = share(v)
	return err
}

func parseShare(n *yaml.Node) (float64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(n.Value), "%")
	x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || x < 0 {
		return 0, fmt.Errorf(`line %d: %q is no share, such as "20%%"`, n.Line, n.Value)
	}
	if percent {
		x /= 100
	}
	return x, nil
}

// method is written as a name, or as {sigma: {k: 3, window: 1d}}, {change: {against: 1w, by: 50%}} or {model: …}.
type method struct {
	name            string
	k, by           float64
	window, against time.Duration
	model           *rawMethodModel
}

// UnmarshalYAML implements yaml.Unmarshaler. It knows all keys, since a node is decoded without asking for that.
func (m *method) UnmarshalYAML(n *yaml.Node) (err error) {
	if n.Kind == yaml.ScalarNode {
		m.name = n.Value
		return nil
	}
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 && n.Content[0].Value == methodModel {
		m.name = methodModel
		m.model, err = parseModel(n.Content[1])
		return err
	}
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 || n.Content[1].Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: method is a name, or one of sigma, change and model with its settings", n.Line)
	}
	m.name = n.Content[0].Value
	settings := n.Content[1].Content
	for i := 0; i < len(settings); i += 2 {
		if err := m.set(settings[i], settings[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (m *method) set(key, value *yaml.Node) (err error) {
	duration := func(d *time.Duration) error {
		v, err := model.ParseDuration(value.Value)
		if err != nil {
			return fmt.Errorf("line %d: %s: %w", value.Line, key.Value, err)
		}
		*d = time.Duration(v)
		return nil
	}
	switch m.name + "." + key.Value {
	case "sigma.k":
		if m.k, err = strconv.ParseFloat(value.Value, 64); err != nil {
			return fmt.Errorf("line %d: k: %q is no number", value.Line, value.Value)
		}
		return nil
	case "sigma.window":
		return duration(&m.window)
	case "change.against":
		return duration(&m.against)
	case "change.by":
		m.by, err = parseShare(value)
		return err
	}
	return fmt.Errorf("line %d: unknown key %q in method %s", key.Line, key.Value, m.name)
}

// checkExpr says what is wrong with the expression, and warns of what is hardly meant.
func checkExpr(r *Rule) []string {
	e, err := promql.Parse(r.Expr)
	switch {
	case strings.TrimSpace(r.Expr) == "":
		return []string{"alert " + r.Alert + " has no expr"}
	case err != nil:
		return []string{fmt.Sprintf("alert %s: expr: %v", r.Alert, err)}
	case e.Type() != parser.ValueTypeVector:
		return []string{fmt.Sprintf("alert %s: expr is a %s, not an instant vector", r.Alert, e.Type())}
	}
	if b, ok := promql.Unparen(e).(*parser.BinaryExpr); ok && b.Op.IsComparisonOperator() && !b.ReturnBool {
		r.Warnings = append(r.Warnings, "alert "+r.Alert+": expr compares, so that its series are missing while all is well; leave the comparison out, the band is learned")
	}
	parser.Inspect(e, func(n parser.Node, path []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		if !ok || len(path) > 0 && isMatrix(path[len(path)-1]) {
			return nil
		}
		if strings.HasSuffix(v.Name, "_total") && !counted(path) {
			r.Warnings = append(r.Warnings, fmt.Sprintf("alert %s: %s is a counter, which only grows; write rate(%s[5m])", r.Alert, v.Name, v.Name))
		}
		return nil
	})
	return nil
}

func isMatrix(n parser.Node) bool { _, ok := n.(*parser.MatrixSelector); return ok }

// counted tells whether the values of what is below do not matter, only how many there are.
func counted(path []parser.Node) bool {
	for _, n := range path {
		if a, ok := n.(*parser.AggregateExpr); ok && (a.Op == parser.COUNT || a.Op == parser.GROUP) {
			return true
		}
	}
	return false
}

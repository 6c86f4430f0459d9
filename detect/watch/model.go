package watch

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"github.com/alertscribe/alertscribe/detect"
	"github.com/alertscribe/alertscribe/detect/forest"
	"github.com/alertscribe/alertscribe/promql"
)

// methodModel is the name of the method that judges by a file.
const methodModel = "model"

const (
	maxFeatures = 50
	maxLag      = 7 * 24 * time.Hour
	// usualScore is how far above its threshold a model scores what is as usual, where its file does not say so: scikit-learn's forests do.
	usualScore = .1
)

// Feature is one number of the row that a model judges.
type Feature struct {
	Name string
	Expr string        // empty for the rule's own
	Lag  time.Duration // how long before the evaluation
}

// own tells whether the feature is the value that the rule watches.
func (f Feature) own() bool { return f.Expr == "" && f.Lag == 0 }

// Model is a model file that judges the series of a rule.
type Model struct {
	File      string // as it was found
	Features  []Feature
	Threshold float64 // what scores below it is an anomaly; 0 is where scikit-learn draws the line

	forest  *forest.Model
	columns []int // where each feature stands among those of the rule
}

// rawMethodModel is a model as it is written.
type rawMethodModel struct {
	file      string
	features  []Feature
	threshold float64
}

// parseModel reads what follows the key model: a file, or a block with file, features and threshold.
func parseModel(n *yaml.Node) (*rawMethodModel, error) {
	m := &rawMethodModel{}
	if n.Kind == yaml.ScalarNode {
		m.file = n.Value
		return m, nil
	}
	err := eachKey(n, "method model", map[string]func(*yaml.Node) error{
		"file":      func(v *yaml.Node) error { return v.Decode(&m.file) },
		"threshold": func(v *yaml.Node) error { return v.Decode(&m.threshold) },
		"features": func(v *yaml.Node) error {
			if v.Kind != yaml.SequenceNode {
				return fmt.Errorf("line %d: features is a list", v.Line)
			}
			for _, item := range v.Content {
				f, err := parseFeature(item)
				if err != nil {
					return err
				}
				m.features = append(m.features, f)
			}
			return nil
		},
	})
	return m, err
}

func parseFeature(n *yaml.Node) (Feature, error) {
	var f Feature
	err := eachKey(n, "a feature", map[string]func(*yaml.Node) error{
		"name": func(v *yaml.Node) error { return v.Decode(&f.Name) },
		"expr": func(v *yaml.Node) error { return v.Decode(&f.Expr) },
		"lag": func(v *yaml.Node) error {
			d, err := model.ParseDuration(v.Value)
			f.Lag = time.Duration(d)
			if err != nil {
				return fmt.Errorf("line %d: lag: %w", v.Line, err)
			}
			return nil
		},
	})
	return f, err
}

// eachKey reads a block whose keys are known.
func eachKey(n *yaml.Node, what string, keys map[string]func(*yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: %s is a block of settings", n.Line, what)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		read, known := keys[n.Content[i].Value]
		if !known {
			return fmt.Errorf("line %d: unknown key %q in %s", n.Content[i].Line, n.Content[i].Value, what)
		}
		if err := read(n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// detector returns the method of package detect that runs. Beside a model all views do, since they know what is usual: the band.
func (m method) detector() detect.Method {
	if m.name == methodModel {
		return detect.Auto
	}
	return detect.Method(m.name)
}

// setModels takes the models of a rule from what is written, and says what is wrong with them. The files are not read yet.
func (r *Rule) setModels(of rawDetection, shadow *rawDetection, file string) (faults []string) {
	take := func(raw *rawMethodModel, where string) *Model {
		if raw == nil {
			return nil
		}
		m := &Model{File: raw.file, Features: raw.features, Threshold: raw.threshold}
		if m.Features == nil {
			m.Features = []Feature{{Name: "value"}}
		}
		if !filepath.IsAbs(m.File) {
			m.File = filepath.Join(filepath.Dir(file), m.File)
		}
		for _, f := range append(checkModel(raw), r.addFeatures(m)...) {
			faults = append(faults, fmt.Sprintf("alert %s: %s%s", r.Alert, where, f))
		}
		return m
	}
	r.Model = take(of.Method.model, "")
	if shadow != nil {
		raw := shadow.Method.model
		if raw != nil && raw.features == nil && r.Model != nil {
			inherited := *raw
			inherited.features = r.Model.Features
			raw = &inherited
		}
		r.ShadowModel = take(raw, "shadow: ")
		if r.ShadowModel != nil && r.Shadow != nil {
			r.Shadow.Method = detect.Sigma // it judges nothing, and is the smallest
		}
	}
	for _, d := range []*rawDetection{&of, shadow} {
		if d != nil && d.Method.name == methodModel && d.Method.model == nil {
			faults = append(faults, fmt.Sprintf("alert %s: method model needs a file: {model: checkout.onnx}", r.Alert))
		}
	}
	return faults
}

var featureName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]{0,62}$`)

// checkModel says what is wrong with a model apart from its file.
func checkModel(m *rawMethodModel) (faults []string) {
	if m.file == "" {
		faults = append(faults, "method model needs a file")
	}
	if len(m.features) > maxFeatures {
		faults = append(faults, fmt.Sprintf("a model has at most %d features", maxFeatures))
	}
	if m.threshold < -1 || m.threshold > 1 || math.IsNaN(m.threshold) {
		faults = append(faults, "threshold must be between -1 and 1")
	}
	seen := map[string]bool{}
	for _, f := range m.features {
		switch {
		case !featureName.MatchString(f.Name):
			faults = append(faults, fmt.Sprintf("feature %q has no name of letters, digits and _", f.Name))
		case seen[f.Name]:
			faults = append(faults, fmt.Sprintf("feature %s is there twice", f.Name))
		case f.Lag < 0 || f.Lag > maxLag:
			faults = append(faults, fmt.Sprintf("feature %s: lag must be between 0 and 7d", f.Name))
		}
		seen[f.Name] = true
		if f.Expr == "" {
			continue
		}
		if e, err := promql.Parse(f.Expr); err != nil {
			faults = append(faults, fmt.Sprintf("feature %s: expr: %v", f.Name, err))
		} else if e.Type() != parser.ValueTypeVector {
			faults = append(faults, fmt.Sprintf("feature %s: expr is a %s, not an instant vector", f.Name, e.Type()))
		}
	}
	return faults
}

// addFeatures adds those of a model to the rule's, which are asked for once.
func (r *Rule) addFeatures(m *Model) (faults []string) {
	for _, f := range m.Features {
		at := slices.IndexFunc(r.features, func(x Feature) bool { return x.Name == f.Name })
		switch {
		case at < 0:
			at = len(r.features)
			r.features = append(r.features, f)
		case r.features[at] != f:
			faults = append(faults, fmt.Sprintf("feature %s is another one than that of the rule's model; give it another name", f.Name))
		}
		m.columns = append(m.columns, at)
	}
	return faults
}

// Columns returns the names of what is exported of each series: the features of the rule's models, or "value".
func (r *Rule) Columns() []string {
	if r.features == nil {
		return []string{"value"}
	}
	var names []string
	for _, f := range r.features {
		names = append(names, f.Name)
	}
	return names
}

// openModels reads the files of the models of all rules. The error names each fault by file and line.
func openModels(groups []*Group) error {
	var errs []error
	for _, g := range groups {
		for _, r := range g.Rules {
			for _, m := range []*Model{r.Model, r.ShadowModel} {
				if m == nil {
					continue
				}
				if err := m.open(); err != nil {
					errs = append(errs, fmt.Errorf("%s:%d: alert %s: %w", g.File, r.line, r.Alert, err))
				}
			}
		}
	}
	return errors.Join(errs...)
}

// open reads the file. What it says of its features must be what the rule says.
func (m *Model) open() (err error) {
	if m.forest, err = forest.Load(m.File, len(m.Features)); err != nil {
		return err
	}
	var names []string
	for _, f := range m.Features {
		names = append(names, f.Name)
	}
	if trained := m.forest.Info().Features; trained != nil && !slices.Equal(trained, names) {
		return fmt.Errorf("model %s: it was trained on %s, and the rule has %s; name the same features in the same order",
			m.File, quotedList(trained), quotedList(names))
	}
	return nil
}

func quotedList(names []string) string {
	var b strings.Builder
	for i, s := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", s)
	}
	return b.String()
}

// name is what metrics and texts call the model.
func (m *Model) name() string { return filepath.Base(m.File) }

// OfShadow returns the rule as it would be with its shadow in its place; nil without a shadow.
func (r *Rule) OfShadow() *Rule {
	if r.Shadow == nil {
		return nil
	}
	x := *r
	x.Detection, x.Model, x.Shadow, x.ShadowModel = *r.Shadow, r.ShadowModel, nil, nil
	if x.Model != nil {
		x.Detection.Method = detect.Auto
	}
	return &x
}

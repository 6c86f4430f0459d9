package watch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/alertscribe/alertscribe/detect"
)

// The defaults of a rule.
const (
	defaultInterval  = time.Minute
	defaultHistory   = 14 * 24 * time.Hour
	defaultMaxSeries = 500
	defaultMaxAlerts = 50
)

// Group is a list of rules that are evaluated together, one after the other.
type Group struct {
	Name        string
	File        string // as the pattern found it
	Interval    time.Duration
	QueryOffset time.Duration // by how much queries look back
	JudgeEvery  time.Duration // how often a Judge is asked about all series; 0 for never
	Rules       []*Rule
}

// Rule is a detection rule.
type Rule struct {
	Alert         string
	Group         string // the name of its group
	Source        string // the queue whose points it watches; empty for Prometheus
	Expr          string
	For           time.Duration
	KeepFiringFor time.Duration
	Labels        map[string]string // templates
	Annotations   map[string]string // templates
	Detection     detect.Options    // how its series are judged; Interval is the group's
	Shadow        *detect.Options   // judges beside, and never alerts; nil for none
	History       time.Duration     // of the past that is read at the start
	MaxSeries     int
	MaxAlerts     int
	SecondOpinion bool     // a Judge is asked about borderline series
	Warnings      []string // what is allowed and hardly meant, each with file and line

	points      *pointRule // of a rule with a source
	Model       *Model     // judges in place of Detection, which then says what is usual; nil for none
	ShadowModel *Model     // judges in place of Shadow; nil for none

	features []Feature // of both models
	line     int
}

// Key names a rule: no two have the same group and alert name.
func (r *Rule) Key() string { return r.Group + "/" + r.Alert }

// The rule file as it is written.
type (
	rawFile struct {
		Groups []rawGroup `yaml:"groups"`
	}
	rawGroup struct {
		Name        string            `yaml:"name"`
		Interval    model.Duration    `yaml:"interval"`
		QueryOffset model.Duration    `yaml:"query_offset"`
		Labels      map[string]string `yaml:"labels"`
		Judge       every             `yaml:"judge"`
		Rules       []rawRule         `yaml:"rules"`
	}
	rawRule struct {
		Alert         string            `yaml:"alert"`
		Source        string            `yaml:"source"`
		Expr          string            `yaml:"expr"`
		For           model.Duration    `yaml:"for"`
		KeepFiringFor model.Duration    `yaml:"keep_firing_for"`
		Labels        map[string]string `yaml:"labels"`
		Annotations   map[string]string `yaml:"annotations"`
		Anomaly       *rawAnomaly       `yaml:"anomaly"`
	}
	rawAnomaly struct {
		rawDetection `yaml:",inline"`
		History      model.Duration `yaml:"history"`
		MaxSeries    int            `yaml:"max_series"`
		MaxAlerts    int            `yaml:"max_alerts"`
		Shadow       *rawDetection  `yaml:"shadow"`
		Opinion      bool           `yaml:"second_opinion"`
	}
	rawDetection struct {
		FalseAlarms rate             `yaml:"false_alarms"`
		Direction   detect.Direction `yaml:"direction"`
		Season      detect.Season    `yaml:"season"`
		TimeZone    string           `yaml:"time_zone"`
		AdaptAfter  model.Duration   `yaml:"adapt_after"`
		MinChange   share            `yaml:"min_change"`
		MinValue    float64          `yaml:"min_value"`
		Missing     detect.Missing   `yaml:"missing"`
		Method      method           `yaml:"method"`
	}
)

// Load reads the rule files that the patterns find, in the form of filepath.Glob. The error names each fault by file and
// line. A pattern that finds nothing is no fault, as in Prometheus; one that names a single file is.
func Load(patterns []string) ([]*Group, error) { return load(patterns, Parse) }

// LoadUntrained is Load for rules whose model files need not be there: they are to be trained.
func LoadUntrained(patterns []string) ([]*Group, error) { return load(patterns, parse) }

func load(patterns []string, parse func(file string, text []byte) ([]*Group, error)) ([]*Group, error) {
	var files []string
	var errs []error
	for _, p := range patterns {
		found, err := filepath.Glob(p)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("detect.rule_files: %q: %w", p, err))
		case len(found) == 0 && !strings.ContainsAny(p, "*?["):
			errs = append(errs, fmt.Errorf("detect.rule_files: there is no file %s", p))
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	var groups []*Group
	for _, file := range slices.Compact(files) {
		b, err := os.ReadFile(file)
		if err != nil {
			errs = append(errs, fmt.Errorf("detect.rule_files: %w", err))
			continue
		}
		found, err := parse(file, b)
		groups, errs = append(groups, found...), append(errs, err)
	}
	return groups, errors.Join(append(errs, unique(groups))...)
}

// unique makes sure that what is saved of a rule can't be taken for another one's.
func unique(groups []*Group) error {
	var errs []error
	seen := map[string]string{}
	for _, g := range groups {
		for _, r := range g.Rules {
			if other, there := seen[r.Key()]; there {
				errs = append(errs, fmt.Errorf("%s: group %q has an alert %q already in %s; give one of them another name", g.File, g.Name, r.Alert, other))
			}
			seen[r.Key()] = g.File
		}
	}
	return errors.Join(errs...)
}

// Parse reads the text of a rule file, and the model files that it names. Errors name the file and the line.
func Parse(file string, text []byte) ([]*Group, error) {
	groups, err := parse(file, text)
	if err != nil {
		return groups, err
	}
	return groups, openModels(groups)
}

// parse reads the text alone.
func parse(file string, text []byte) ([]*Group, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	var raw rawFile
	if err := dec.Decode(&raw); err != nil && !errors.Is(err, io.EOF) {
		return nil, yamlError(file, err)
	}
	lines := linesOf(text)
	var groups []*Group
	var errs []error
	for i, g := range raw.Groups {
		fail := func(j int, format string, args ...any) {
			errs = append(errs, fmt.Errorf("%s:%d: %s", file, lines.at(i, j), fmt.Sprintf(format, args...)))
		}
		group := &Group{
			Name: g.Name, File: file, QueryOffset: time.Duration(g.QueryOffset),
			Interval: orElse(time.Duration(g.Interval), defaultInterval), JudgeEvery: time.Duration(g.Judge),
		}
		switch {
		case g.Name == "":
			fail(-1, "a group has no name")
		case len(g.Rules) == 0:
			fail(-1, "group %q has no rules", g.Name)
		case group.Interval < detect.MinInterval || group.Interval > detect.MaxInterval:
			fail(-1, "group %q: interval must be between 1s and 1h", g.Name)
		}
		for j, r := range g.Rules {
			rule, faults := r.rule(&g, group)
			for _, f := range faults {
				fail(j, "%s", f)
			}
			for k := range rule.Warnings {
				rule.Warnings[k] = fmt.Sprintf("%s:%d: %s", file, lines.at(i, j), rule.Warnings[k])
			}
			rule.line = lines.at(i, j)
			group.Rules = append(group.Rules, rule)
		}
		groups = append(groups, group)
	}
	return groups, errors.Join(errs...)
}

// rule makes a rule of what is written, and says all that is wrong with it.
func (r *rawRule) rule(g *rawGroup, group *Group) (*Rule, []string) {
	labels := maps.Clone(g.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, r.Labels)
	out := &Rule{
		Alert: r.Alert, Group: g.Name, Source: r.Source, Expr: r.Expr, For: time.Duration(r.For), KeepFiringFor: time.Duration(r.KeepFiringFor),
		Labels: labels, Annotations: r.Annotations,
	}
	if r.Alert == "" {
		return out, []string{"a rule has no alert name"}
	}
	if r.Source != "" {
		return out, r.sourceRule(out)
	}
	faults := checkExpr(out)
	faults = append(faults, checkTemplates(out)...)
	a := r.Anomaly
	if a == nil {
		return out, append(faults, "alert "+r.Alert+" has no anomaly block; rules with a threshold belong to Prometheus' own rule_files, or name a source")
	}
	faults = append(faults, a.detection(out, group.Interval)...)
	return out, append(faults, out.setModels(a.rawDetection, a.Shadow, group.File)...)
}

// detection sets how the series of a rule are judged, and says all that is wrong with it.
func (a *rawAnomaly) detection(out *Rule, interval time.Duration) (faults []string) {
	var fault string
	if out.Detection, fault = a.options(interval); fault != "" {
		faults = append(faults, fault)
	}
	if a.Shadow != nil {
		shadow, fault := a.Shadow.over(a.rawDetection).options(interval)
		if fault != "" {
			faults = append(faults, "shadow: "+fault)
		}
		out.Shadow = &shadow
	}
	out.History = orElse(time.Duration(a.History), defaultHistory)
	out.SecondOpinion = a.Opinion
	out.MaxSeries, out.MaxAlerts = orElse(a.MaxSeries, defaultMaxSeries), orElse(a.MaxAlerts, defaultMaxAlerts)
	for _, c := range []struct {
		ok   bool
		text string
	}{
		{out.History >= 24*time.Hour && out.History <= 35*24*time.Hour, "history must be between 1d and 35d"},
		{out.MaxSeries >= 1 && out.MaxSeries <= maxSeriesLimit, fmt.Sprintf("max_series must be between 1 and %d", maxSeriesLimit)},
		{out.MaxAlerts >= 1 && out.MaxAlerts <= 1000, "max_alerts must be between 1 and 1000"},
	} {
		if !c.ok {
			faults = append(faults, c.text)
		}
	}
	return faults
}

// over returns the settings of a shadow: what it does not say is the rule's.
func (d rawDetection) over(of rawDetection) *rawDetection {
	d.FalseAlarms, d.Direction, d.Season = orElse(d.FalseAlarms, of.FalseAlarms), orElse(d.Direction, of.Direction), orElse(d.Season, of.Season)
	d.TimeZone, d.AdaptAfter, d.MinChange = orElse(d.TimeZone, of.TimeZone), orElse(d.AdaptAfter, of.AdaptAfter), orElse(d.MinChange, of.MinChange)
	d.MinValue, d.Missing, d.Method = orElse(d.MinValue, of.MinValue), orElse(d.Missing, of.Missing), orElse(d.Method, of.Method)
	return &d
}

// options returns what package detect takes, and what is wrong with it.
func (d *rawDetection) options(interval time.Duration) (detect.Options, string) {
	o := detect.Options{
		FalseAlarms: detect.Rate(d.FalseAlarms), Method: d.Method.detector(), Direction: d.Direction, Season: d.Season, Interval: interval,
		AdaptAfter: time.Duration(d.AdaptAfter), MinChange: float64(d.MinChange), MinValue: d.MinValue, Missing: d.Missing,
		K: d.Method.k, Window: d.Method.window, Against: d.Method.against, By: d.Method.by,
	}
	if d.TimeZone != "" {
		zone, err := time.LoadLocation(d.TimeZone)
		if err != nil || d.TimeZone == "Local" {
			return o, fmt.Sprintf("time_zone: %q is no time zone, such as Asia/Shanghai", d.TimeZone)
		}
		o.Location = zone
	}
	if interval < detect.MinInterval || interval > detect.MaxInterval {
		o.Interval = 0 // the group says so
	}
	if err := o.Validate(); err != nil {
		return o, strings.TrimPrefix(err.Error(), detect.ErrOptions.Error()+": ")
	}
	return o, ""
}

// orElse returns x, or another value where x is the zero value.
func orElse[T comparable](x, otherwise T) T {
	var zero T
	if x == zero {
		return otherwise
	}
	return x
}

var (
	yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:unmarshal errors: )?line (\d+): (.*)$`)
	yamlKey  = regexp.MustCompile(`^field (\S+) not found in type watch\.raw(\w+)$`)
)

// yamlError puts the errors of the parser into the form FILE:LINE: what is wrong.
func yamlError(file string, err error) error {
	texts := []string{err.Error()}
	if e, ok := errors.AsType[*yaml.TypeError](err); ok {
		texts = e.Errors
	}
	var errs []error
	for _, text := range texts {
		m := yamlLine.FindStringSubmatch(strings.ReplaceAll(text, "\n", " "))
		if m == nil {
			errs = append(errs, fmt.Errorf("%s: %s", file, text))
			continue
		}
		what := m[2]
		if k := yamlKey.FindStringSubmatch(what); k != nil {
			what = fmt.Sprintf("unknown key %q in %s", k[1], map[string]string{
				"File": "a rule file", "Group": "a group", "Rule": "a rule", "Anomaly": "an anomaly block", "Detection": "a shadow",
			}[k[2]])
		}
		errs = append(errs, fmt.Errorf("%s:%s: %s", file, m[1], what))
	}
	return errors.Join(errs...)
}

// positions are the lines of groups and of their rules.
type positions []struct {
	line  int
	rules []int
}

// at returns the line of a rule of a group; a negative rule is the group itself.
func (p positions) at(group, rule int) int {
	switch {
	case group >= len(p):
		return 1
	case rule < 0 || rule >= len(p[group].rules):
		return p[group].line
	}
	return p[group].rules[rule]
}

func linesOf(text []byte) positions {
	var doc struct {
		Groups []yaml.Node `yaml:"groups"`
	}
	if yaml.Unmarshal(text, &doc) != nil {
		return nil
	}
	out := make(positions, len(doc.Groups))
	for i, g := range doc.Groups {
		out[i].line = g.Line
		var rules struct {
			Rules []yaml.Node `yaml:"rules"`
		}
		_ = g.Decode(&rules) // it was decoded once already
		for _, r := range rules.Rules {
			out[i].rules = append(out[i].rules, r.Line)
		}
	}
	return out
}

package watch

import (
	"fmt"
	"io"
	"math"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/prometheus/common/helpers/templates"
	"github.com/prometheus/common/model"
	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// data is what a template of an annotation sees.
type data struct {
	Labels         map[string]string
	ExternalLabels map[string]string // none: what Prometheus has there, Alertmanager gets by the rule's labels
	ExternalURL    string
	Value          float64
	Expected       float64
	Lower          float64
	Upper          float64
	Since          float64 // in seconds since 1970
}

// variables are declared before each template, as Prometheus does.
const variables = `{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}` +
	`{{$expected := .Expected}}{{$lower := .Lower}}{{$upper := .Upper}}{{$since := .Since}}`

// volatile finds what must not stand in a label: a label that changes is another alert.
var volatile = regexp.MustCompile(`(?i)[$.](value|expected|lower|upper|since)\b`)

// checkTemplates says what is wrong with labels and annotations.
func checkTemplates(r *Rule) []string {
	var faults []string
	check := func(what, name, text string) {
		t, err := parseTemplate(text)
		if err == nil {
			err = t.Execute(io.Discard, data{Labels: map[string]string{}})
		}
		if err != nil {
			faults = append(faults, fmt.Sprintf("alert %s: %s %s: %v", r.Alert, what, name, err))
		}
	}
	for name, text := range r.Labels {
		if !model.LegacyValidation.IsValidLabelName(name) || name == model.MetricNameLabel || name == model.AlertNameLabel {
			faults = append(faults, fmt.Sprintf("alert %s: label %q can't be set", r.Alert, name))
		}
		if volatile.MatchString(text) {
			faults = append(faults, fmt.Sprintf("alert %s: label %s holds a value, which makes another alert of each evaluation; use an annotation", r.Alert, name))
		}
		check("label", name, text)
	}
	for name, text := range r.Annotations {
		if !model.LegacyValidation.IsValidLabelName(name) {
			faults = append(faults, fmt.Sprintf("alert %s: annotation %q is no name", r.Alert, name))
		}
		check("annotation", name, text)
	}
	slices.Sort(faults)
	return faults
}

func parseTemplate(text string) (*template.Template, error) {
	return template.New("").Funcs(functions).Option("missingkey=zero").Parse(variables + text)
}

// expand runs a template; what goes wrong stands in its place, as in Prometheus: an alert without a description is better
// than none.
func expand(text string, d *data) (out string) {
	if !strings.Contains(text, "{{") {
		return text
	}
	var b strings.Builder
	t, err := parseTemplate(text)
	if err == nil {
		err = t.Execute(&b, d)
	}
	if err != nil {
		return fmt.Sprintf("<error expanding template: %v>", err)
	}
	return b.String()
}

// functions are those of Prometheus' templates, but for the ones that query or link to its consoles. Prometheus' own package
// would bring its engine and a client of Kubernetes along.
var functions = template.FuncMap{
	"args": func(args ...any) map[string]any {
		out := map[string]any{}
		for i, a := range args {
			out[fmt.Sprintf("arg%d", i)] = a
		}
		return out
	},
	"title":    cases.Title(language.AmericanEnglish, cases.NoLower).String,
	"toUpper":  strings.ToUpper,
	"toLower":  strings.ToLower,
	"match":    regexp.MatchString,
	"safeHtml": func(s string) string { return s },
	"reReplaceAll": func(pattern, replacement, s string) (string, error) {
		re, err := regexp.Compile(pattern)
		if err != nil {
			return "", err
		}
		return re.ReplaceAllString(s, replacement), nil
	},
	"stripPort": func(hostPort string) string {
		if host, _, err := net.SplitHostPort(hostPort); err == nil {
			return host
		}
		return hostPort
	},
	"humanize":           humanizer(1000, []string{"k", "M", "G", "T", "P", "E", "Z", "Y"}, []string{"m", "u", "n", "p", "f", "a", "z", "y"}),
	"humanize1024":       humanizer(1024, []string{"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"}, nil),
	"humanizeDuration":   templates.HumanizeDuration,
	"humanizeTimestamp":  templates.HumanizeTimestamp,
	"humanizePercentage": numeric(func(v float64) string { return fmt.Sprintf("%.4g%%", v*100) }),
	"toTime":             numeric(func(v float64) *time.Time { t, _ := templates.FloatToTime(v); return t }),
	"toDuration":         numeric(func(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }),
	"now":                func() float64 { return float64(time.Now().UnixMilli()) / 1000 },
	"parseDuration": func(s string) (float64, error) {
		d, err := model.ParseDurationAllowNegative(s)
		return time.Duration(d).Seconds(), err
	},
	"urlQueryEscape": url.QueryEscape,
}

// numeric makes a function of templates, whose numbers come in several types.
func numeric[T any](f func(float64) T) func(any) (T, error) {
	return func(i any) (out T, err error) {
		v, err := templates.ConvertToFloat(i)
		if err == nil {
			out = f(v)
		}
		return out, err
	}
}

// humanizer formats with four digits and the prefixes of large and of small numbers.
func humanizer(base float64, large, small []string) func(any) (string, error) {
	return numeric(func(v float64) string {
		prefix := ""
		switch {
		case v == 0 || math.IsNaN(v) || math.IsInf(v, 0):
		case math.Abs(v) >= 1:
			for _, p := range large {
				if math.Abs(v) < base {
					break
				}
				prefix, v = p, v/base
			}
		default:
			for _, p := range small {
				if math.Abs(v) >= 1 {
					break
				}
				prefix, v = p, v*base
			}
		}
		return fmt.Sprintf("%.4g%s", v, prefix)
	})
}

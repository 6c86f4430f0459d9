package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/report"
	"github.com/alertscribe/alertscribe/text"
)

type backtestFlags struct {
	since, until, rule, file, svg, against, url string
}

// backtester runs rules over the past.
type backtester struct {
	*cli
	client       *promapi.Client
	since, until time.Time
	line         *percent
	charts       *report.Writer // nil for none
	folder       string
	incidents    []incident.Incident // to hold alerts against; nil for none
}

// detectBacktest shows what rules would have done, and what a change of them would change.
func (c *cli) detectBacktest(ctx context.Context, o backtestFlags) error {
	b := &backtester{cli: c, until: time.Now(), folder: o.svg, line: newPercent(c.stderr)}
	defer b.line.clear()
	back, err := parseSince(o.since)
	if err != nil {
		return err
	}
	if o.until != "" {
		if b.until, err = time.Parse(time.RFC3339, o.until); err != nil {
			return fmt.Errorf("%w: --until: %w", errBadInput, err)
		}
	}
	b.since = b.until.Add(-back)
	cfg, rules, client, err := c.backtestRules(o)
	if err != nil {
		return err
	}
	defer client.Close()
	b.client = client
	if o.svg != "" {
		if b.charts, err = report.New(report.Options{Dir: o.svg, Language: cfg.Reports.Language}); err != nil {
			return fmt.Errorf("%w: --svg: %w", errBadInput, err)
		}
	}
	if o.against != "" {
		if b.incidents, err = c.incidentsSince(ctx, o.url, b.since, b.until); err != nil {
			return err
		}
	}
	for _, r := range rules {
		if err := b.run(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// triedRule is a rule, and what it would replace.
type triedRule struct {
	pickedRule
	old *pickedRule // nil where there is none, or no file to try
	try bool        // it is of the file to try
}

// backtestRules returns the rules of the configuration, or those of the file to try with what they would replace.
func (c *cli) backtestRules(o backtestFlags) (*config, []triedRule, *promapi.Client, error) {
	if o.file == "" {
		cfg, picked, client, err := c.rulesAndClient(o.rule)
		var rules []triedRule
		for _, p := range picked {
			rules = append(rules, triedRule{pickedRule: p})
		}
		return cfg, rules, client, err
	}
	cfg, err := c.load()
	if err != nil {
		return nil, nil, nil, err
	}
	groups, err := watch.Load([]string{o.file})
	if err != nil {
		return nil, nil, nil, fmt.Errorf("%w: %w", errBadInput, err)
	}
	picked, err := pickRules(groups, o.rule)
	if err != nil {
		return nil, nil, nil, err
	}
	if cfg.Prometheus.URL == "" {
		return nil, nil, nil, fmt.Errorf("%w: set prometheus.url (PROMETHEUS_URL)", errBadInput)
	}
	var rules []triedRule
	for _, p := range picked {
		t := triedRule{pickedRule: p, try: true}
		if old, err := pickRules(cfg.Detect.groups, p.rule.Key()); err == nil {
			t.old = &old[0]
		}
		rules = append(rules, t)
	}
	client, err := cfg.promClient()
	return cfg, rules, client, err
}

func (b *backtester) evaluate(ctx context.Context, p pickedRule, what string) (*watch.Backtest, error) {
	result, err := p.rule.Run(ctx, b.client, p.group, watch.BacktestOptions{
		Since: b.since, Until: b.until, Progress: func(done float64) { b.line.show(what, done) },
	})
	b.line.clear()
	if err != nil {
		return nil, fmt.Errorf("backtest of %s: %w", what, err)
	}
	return result, nil
}

func (b *backtester) run(ctx context.Context, r triedRule) error {
	result, err := b.evaluate(ctx, r.pickedRule, r.rule.Key())
	if err != nil {
		return err
	}
	printBacktest(b.stdout, result)
	if r.try {
		var before []watch.PastAlert
		if r.old != nil {
			old, err := b.evaluate(ctx, *r.old, r.rule.Key()+" as it is")
			if err != nil {
				return err
			}
			before = old.Alerts
		}
		printChange(b.stdout, before, result.Alerts, r.old != nil)
	} else {
		printAlerts(b.stdout, "", result.Alerts)
	}
	if b.incidents != nil {
		printAgainst(b.stdout, judge(result, b.incidents))
	}
	fmt.Fprintln(b.stdout)
	return b.draw(result)
}

// firedFor returns for how long an alert fired within the backtest.
func firedFor(a watch.PastAlert, until time.Time) time.Duration {
	end := a.ResolvedAt
	if end.IsZero() {
		end = until
	}
	return end.Sub(a.FiredAt)
}

func printBacktest(w io.Writer, b *watch.Backtest) {
	fmt.Fprintf(w, "%s, %s to %s\n", b.Rule.Key(), b.Since.UTC().Format("2006-01-02 15:04"), b.Until.UTC().Format("2006-01-02 15:04 MST"))
	fmt.Fprintf(w, "  %d series, %.1f series-days judged\n", len(b.Series), b.SeriesDays)
	promise := "this method promises no rate"
	if p := b.Promise(); p > 0 {
		promise = fmt.Sprintf("at most %.3g promised to be false", p)
	}
	total := time.Duration(0)
	type loud struct {
		series string
		alerts int
		fired  time.Duration
	}
	by := map[string]*loud{}
	for _, a := range b.Alerts {
		d := firedFor(a, b.Until)
		total += d
		name := text.OneLine(promql.SeriesText(a.Labels))
		if by[name] == nil {
			by[name] = &loud{series: name}
		}
		by[name].alerts++
		by[name].fired += d
	}
	fmt.Fprintf(w, "  %d alerts, %.3g for each series and day; %s\n", len(b.Alerts), b.PerSeriesDay(), promise)
	if len(b.Alerts) == 0 {
		return
	}
	fmt.Fprintf(w, "  firing for %s in all\n", model.Duration(total.Round(time.Second)))
	var loudest []*loud
	for _, l := range by {
		loudest = append(loudest, l)
	}
	slices.SortFunc(loudest, func(x, y *loud) int {
		return cmp.Or(cmp.Compare(y.alerts, x.alerts), cmp.Compare(y.fired, x.fired), cmp.Compare(x.series, y.series))
	})
	for _, l := range loudest[:min(5, len(loudest))] {
		fmt.Fprintf(w, "  loudest: %d alerts, %s  %s\n", l.alerts, model.Duration(l.fired.Round(time.Second)), l.series)
	}
}

// maxListed bounds the alerts that are listed.
const maxListed = 100

func printAlerts(w io.Writer, mark string, alerts []watch.PastAlert) {
	for i, a := range alerts {
		if i == maxListed {
			fmt.Fprintf(w, "  %sand %d more\n", mark, len(alerts)-i)
			return
		}
		end := "still firing"
		if !a.ResolvedAt.IsZero() {
			end = model.Duration(a.ResolvedAt.Sub(a.FiredAt).Round(time.Second)).String()
		}
		fmt.Fprintf(w, "  %s%s  %s  %s  %s\n", mark, a.FiredAt.UTC().Format("2006-01-02 15:04"), end, text.OneLine(promql.SeriesText(a.Labels)), text.OneLine(a.Summary))
	}
}

// printChange says which alerts a change adds and which it removes.
func printChange(w io.Writer, before, after []watch.PastAlert, replaces bool) {
	if !replaces {
		fmt.Fprintln(w, "  the rule is new")
	}
	added, removed := without(after, before), without(before, after)
	fmt.Fprintf(w, "  the change adds %d alerts, removes %d, and leaves %d\n", len(added), len(removed), len(after)-len(added))
	printAlerts(w, "+ ", added)
	printAlerts(w, "- ", removed)
}

// without returns the alerts that have no counterpart: one of the same series at the same time.
func without(alerts, others []watch.PastAlert) []watch.PastAlert {
	var out []watch.PastAlert
	for _, a := range alerts {
		if !slices.ContainsFunc(others, func(o watch.PastAlert) bool {
			return promql.SeriesText(a.Labels) == promql.SeriesText(o.Labels) && overlap(a, o.ActiveAt, o.ResolvedAt, 0)
		}) {
			out = append(out, a)
		}
	}
	return out
}

// overlap tells whether an alert and a time have anything in common; a zero end is open.
func overlap(a watch.PastAlert, from, to time.Time, slack time.Duration) bool {
	return (to.IsZero() || !a.ActiveAt.After(to.Add(slack))) && (a.ResolvedAt.IsZero() || !from.After(a.ResolvedAt.Add(slack)))
}

var unsafeName = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// draw writes a chart of each alert.
func (b *backtester) draw(result *watch.Backtest) error {
	if b.charts == nil {
		return nil
	}
	for i, a := range result.Alerts[:min(len(result.Alerts), maxListed)] {
		svg, ok := b.charts.Chart(incident.Findings{Evidence: []incident.Evidence{bandEvidence(result.Rule, a)}}, "E1.svg")
		if !ok {
			continue
		}
		name := fmt.Sprintf("%s_%s_%03d.svg", a.FiredAt.UTC().Format("2006-01-02_1504"), unsafeName.ReplaceAllString(result.Rule.Key(), "_"), i+1)
		if err := os.WriteFile(filepath.Join(b.folder, name), svg, 0o600); err != nil {
			return fmt.Errorf("writing a chart: %w", err)
		}
	}
	if n := len(result.Alerts); n > 0 {
		fmt.Fprintf(b.stdout, "%d charts are in %s\n", min(n, maxListed), b.folder)
	}
	return nil
}

// bandEvidence is an alert in the form that charts are drawn from: the series with what was expected of it.
func bandEvidence(r *watch.Rule, a watch.PastAlert) incident.Evidence {
	value, expected, band := incident.Series{Name: "value"}, incident.Series{Name: "expected"}, &incident.Band{Name: "expected range"}
	for _, p := range a.Points {
		value.Points = append(value.Points, incident.Point{At: p.At, Value: p.Value})
		expected.Points = append(expected.Points, incident.Point{At: p.At, Value: p.Expected})
		band.Lower = append(band.Lower, incident.Point{At: p.At, Value: p.Lower})
		band.Upper = append(band.Upper, incident.Point{At: p.At, Value: p.Upper})
	}
	return incident.Evidence{
		ID: "E1", Title: r.Alert + " " + promql.SeriesText(a.Labels), Summary: a.Summary, Query: r.Expr,
		Start: a.Points[0].At, End: a.Points[len(a.Points)-1].At,
		Chart: &incident.Chart{
			Series: []incident.Series{value, expected}, Band: band, Firing: &incident.TimeRange{Start: a.FiredAt, End: a.ResolvedAt},
		},
	}
}

package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/promql"
)

// detectModelCommands declares the commands around models: what they are trained on, and what a shadow is worth.
func (c *cli) detectModelCommands(cmd *kingpin.CmdClause, commands map[string]func(context.Context) error) {
	export := cmd.Command("export", "Write the series of the rules as CSV, to train on: a column for each feature of a model.")
	var e exportFlags
	export.Flag("since", "How far back, such as 30d.").Default("30d").StringVar(&e.since)
	export.Flag("until", "When to end: RFC 3339. (default: now)").StringVar(&e.until)
	export.Flag("step", "Time between samples. (default: the interval of the rule)").Default("0s").StringVar(&e.step)
	export.Flag("rule", "ALERT or GROUP/ALERT. (default: all)").StringVar(&e.rule)
	export.Flag("file", "A rule file whose model files need not be there yet. (default: the rules of the configuration)").StringVar(&e.file)
	commands[export.FullCommand()] = func(ctx context.Context) error { return c.detectExport(ctx, e) }

	compare := cmd.Command("compare", "Show what a rule and its shadow would have alerted for in the past, and who was right by feedback.")
	var o compareFlags
	compare.Arg("rule", "ALERT or GROUP/ALERT.").Required().StringVar(&o.rule)
	compare.Flag("since", "How far back, such as 14d.").Default("7d").StringVar(&o.since)
	compare.Flag("against", "incidents: the incidents and the feedback of a running alertscribe; none: do not ask.").Default("incidents").EnumVar(&o.against, "incidents", "none")
	compare.Flag("url", "Root URL of the running alertscribe. (default: http:// at the listen address)").StringVar(&o.url)
	commands[compare.FullCommand()] = func(ctx context.Context) error { return c.detectCompare(ctx, o) }
}

type exportFlags struct{ since, until, step, rule, file string }

// exportRules returns the rules of the configuration, or those of a file, which may name models that do not exist yet.
func (c *cli) exportRules(o exportFlags) ([]pickedRule, *promapi.Client, error) {
	if o.file == "" {
		_, rules, client, err := c.rulesAndClient(o.rule)
		return rules, client, err
	}
	cfg, err := c.load()
	if err != nil {
		return nil, nil, err
	}
	groups, err := watch.LoadUntrained([]string{o.file})
	if err != nil {
		return nil, nil, fmt.Errorf("%w: --file: %w", errBadInput, err)
	}
	rules, err := pickRules(groups, o.rule)
	if err != nil {
		return nil, nil, err
	}
	if cfg.Prometheus.URL == "" {
		return nil, nil, fmt.Errorf("%w: set prometheus.url (PROMETHEUS_URL)", errBadInput)
	}
	client, err := cfg.promClient()
	return rules, client, err
}

// detectExport writes rule, time, the features and the labels of each sample.
func (c *cli) detectExport(ctx context.Context, o exportFlags) error {
	back, err := parseSince(o.since)
	if err != nil {
		return err
	}
	every, err := model.ParseDuration(o.step)
	if err != nil {
		return fmt.Errorf("%w: --step: %w", errBadInput, err)
	}
	until := time.Now()
	if o.until != "" {
		if until, err = time.Parse(time.RFC3339, o.until); err != nil {
			return fmt.Errorf("%w: --until: %w", errBadInput, err)
		}
	}
	rules, client, err := c.exportRules(o)
	if err != nil {
		return err
	}
	defer client.Close()
	columns := rules[0].rule.Columns()
	for _, p := range rules[1:] {
		if !slices.Equal(columns, p.rule.Columns()) {
			return fmt.Errorf("%w: --rule: %s and %s have different features; name one of them", errBadInput, rules[0].rule.Key(), p.rule.Key())
		}
	}
	out := csv.NewWriter(c.stdout)
	if err := out.Write(slices.Concat([]string{"rule", "time"}, columns, []string{"series"})); err != nil {
		return err
	}
	line := newPercent(c.stderr)
	defer line.clear()
	for _, p := range rules {
		apart := cmp.Or(time.Duration(every), p.group.Interval)
		end := until.Truncate(apart)
		err := p.rule.Rows(ctx, client, p.group, end.Add(-back), end, apart, func(labels map[string]string, at time.Time, row []float64) error {
			record := []string{p.rule.Key(), at.UTC().Format(time.RFC3339)}
			for _, v := range row {
				record = append(record, cell(v))
			}
			return out.Write(append(record, promql.SeriesText(labels)))
		}, func(done float64) { line.show(p.rule.Key(), done) })
		if err != nil {
			return fmt.Errorf("exporting %s: %w", p.rule.Key(), err)
		}
	}
	out.Flush()
	return out.Error()
}

// cell writes a number; what is missing is empty.
func cell(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

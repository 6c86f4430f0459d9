package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/model"
	"golang.org/x/term"

	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/promapi"
	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/text"
)

// detectCommands declares the commands below detect.
func (c *cli) detectCommands(cmd *kingpin.CmdClause, commands map[string]func(context.Context) error) {
	check := cmd.Command("check", "Check detection rule files.")
	files := check.Arg("file", "Rule files. (default: those of the configuration)").Strings()
	commands[check.FullCommand()] = func(context.Context) error { return c.detectCheck(*files) }

	backtest := cmd.Command("backtest", "Show what the rules would have done in the past.")
	var o backtestFlags
	backtest.Flag("since", "How far back, such as 14d.").Default("7d").StringVar(&o.since)
	backtest.Flag("until", "When to end: RFC 3339. (default: now)").StringVar(&o.until)
	backtest.Flag("rule", "ALERT or GROUP/ALERT. (default: all)").StringVar(&o.rule)
	backtest.Flag("file", "A rule file to try: shows what it would add and remove.").StringVar(&o.file)
	backtest.Flag("svg", "Folder for a chart of each alert.").StringVar(&o.svg)
	backtest.Flag("against", "incidents: hold the alerts against the incidents and the feedback of a running alertscribe.").EnumVar(&o.against, "incidents")
	backtest.Flag("url", "Root URL of the running alertscribe. (default: http:// at the listen address)").StringVar(&o.url)
	commands[backtest.FullCommand()] = func(ctx context.Context) error { return c.detectBacktest(ctx, o) }

	status := cmd.Command("status", "Show how the rules of a running alertscribe stand.")
	root := status.Flag("url", "Root URL, with USER:PASSWORD@ for basic auth. (default: http:// at the listen address)").String()
	commands[status.FullCommand()] = func(ctx context.Context) error { return c.detectStatus(ctx, *root) }

	c.detectModelCommands(cmd, commands)
}

// detectCheck says all that is wrong with rule files.
func (c *cli) detectCheck(files []string) error {
	var groups []*watch.Group
	if len(files) == 0 {
		cfg, err := c.load()
		if err != nil {
			return err
		}
		groups = cfg.Detect.groups
	} else {
		var err error
		if groups, err = watch.Load(files); err != nil {
			return fmt.Errorf("%w: %w", errBadInput, err)
		}
	}
	rules := 0
	for _, g := range groups {
		rules += len(g.Rules)
		for _, r := range g.Rules {
			for _, warning := range r.Warnings {
				fmt.Fprintln(c.stdout, "warning:", text.OneLine(warning))
			}
		}
	}
	fmt.Fprintf(c.stdout, "SUCCESS: %d rules in %d groups\n", rules, len(groups))
	return nil
}

// pickRules returns the rules of a name with their groups; all of them for none.
func pickRules(groups []*watch.Group, name string) ([]pickedRule, error) {
	var out []pickedRule
	for _, g := range groups {
		for _, r := range g.Rules {
			if r.Source == "" && (name == "" || name == r.Alert || name == r.Key()) {
				out = append(out, pickedRule{g, r})
			}
			if r.Source != "" && (name == r.Alert || name == r.Key()) {
				return nil, fmt.Errorf("%w: --rule: %s watches the source %s, which has no past that could be read", errBadInput, r.Key(), r.Source)
			}
		}
	}
	if len(out) == 0 {
		if name == "" {
			return nil, fmt.Errorf("%w: no detection rules that ask Prometheus; set detect.rule_files in the configuration file", errBadInput)
		}
		return nil, fmt.Errorf("%w: --rule: there is no rule %q", errBadInput, name)
	}
	return out, nil
}

type pickedRule struct {
	group *watch.Group
	rule  *watch.Rule
}

// rulesAndClient returns what commands need that ask Prometheus about rules.
func (c *cli) rulesAndClient(rule string) (*config, []pickedRule, *promapi.Client, error) {
	cfg, err := c.load()
	if err != nil {
		return nil, nil, nil, err
	}
	if cfg.Prometheus.URL == "" {
		return nil, nil, nil, fmt.Errorf("%w: set prometheus.url (PROMETHEUS_URL)", errBadInput)
	}
	rules, err := pickRules(cfg.Detect.groups, rule)
	if err != nil {
		return nil, nil, nil, err
	}
	client, err := cfg.promClient()
	return cfg, rules, client, err
}

func parseSince(s string) (time.Duration, error) {
	d, err := model.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%w: --since: %q is no time, such as 14d", errBadInput, s)
	}
	return time.Duration(d), nil
}

// percent tells a person on a terminal how far something is.
type percent struct {
	out  io.Writer
	last int
}

func newPercent(out io.Writer) *percent { return &percent{out: out, last: -1} }

func (p *percent) show(what string, done float64) {
	f, ok := p.out.(*os.File)
	if now := int(100 * done); ok && now != p.last && term.IsTerminal(int(f.Fd())) {
		p.last = now
		fmt.Fprintf(p.out, "\r\x1b[K%s: %d %%", what, now)
	}
}

func (p *percent) clear() {
	if p.last >= 0 {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
	p.last = -1
}

// detectStatus prints how the rules of a running service stand.
func (c *cli) detectStatus(ctx context.Context, root string) error {
	a, err := c.client(root, true)
	if err != nil {
		return err
	}
	var answer struct {
		Rules []watch.RuleStatus `json:"rules"`
	}
	if _, err := a.ask(ctx, "the detection rules", http.MethodGet, a.page("api/v1/detection"), nil, &answer); err != nil {
		return err
	}
	tw := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "RULE\tSERIES\tLEARNING\tPENDING\tFIRING\tCOVERAGE\tEVALUATED")
	for _, r := range answer.Rules {
		total := 0
		for _, n := range r.Series {
			total += n
		}
		coverage, evaluated := "-", "never"
		if r.Judged > 0 {
			coverage = fmt.Sprintf("%.1f %%", 100*r.Coverage)
		}
		if !r.Evaluated.IsZero() {
			evaluated = r.Evaluated.UTC().Format(time.DateTime)
		}
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%s\t%s\n", r.Rule, total, r.Series["learning"], r.Series["pending"], r.Series["firing"], coverage, evaluated)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, r := range answer.Rules {
		if r.Error != "" {
			fmt.Fprintf(c.stdout, "\n%s fails: %s\n", r.Rule, text.OneLine(r.Error))
		}
		for _, s := range r.Firing {
			fmt.Fprintf(c.stdout, "\n%s fires: %s\n  %s\n", r.Rule, text.OneLine(promql.SeriesText(s.Labels)), text.OneLine(s.Summary))
		}
		for _, s := range r.Quiet {
			fmt.Fprintf(c.stdout, "\n%s, at %s of its rate after feedback: %s\n", r.Rule, s.Rate, text.OneLine(promql.SeriesText(s.Labels)))
		}
	}
	return nil
}

package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/incident"
)

type compareFlags struct{ rule, since, against, url string }

// detectCompare evaluates a rule and its shadow over the past, and says who would have alerted for what.
func (c *cli) detectCompare(ctx context.Context, o compareFlags) error {
	b := &backtester{cli: c, until: time.Now(), line: newPercent(c.stderr)}
	defer b.line.clear()
	back, err := parseSince(o.since)
	if err != nil {
		return err
	}
	b.since = b.until.Add(-back)
	_, rules, client, err := c.rulesAndClient(o.rule)
	if err != nil {
		return err
	}
	defer client.Close()
	b.client = client
	if len(rules) != 1 {
		return fmt.Errorf("%w: %d rules have the name %s; write GROUP/ALERT", errBadInput, len(rules), o.rule)
	}
	shadow := rules[0]
	if shadow.rule = shadow.rule.OfShadow(); shadow.rule == nil {
		return fmt.Errorf("%w: rule %s has no shadow; add one to its anomaly block: shadow: {method: …}", errBadInput, rules[0].rule.Key())
	}
	if o.against == "incidents" {
		if b.incidents, err = c.incidentsSince(ctx, o.url, b.since, b.until); err != nil {
			return fmt.Errorf("%w; --against none leaves the incidents out", err)
		}
	}
	of, err := b.evaluate(ctx, rules[0], rules[0].rule.Key())
	if err != nil {
		return err
	}
	by, err := b.evaluate(ctx, shadow, "its shadow")
	if err != nil {
		return err
	}
	printComparison(c.stdout, of, by, b.incidents)
	return nil
}

// printComparison prints what both, and what only one of them alerted for. Without incidents nothing is said of who was right.
func printComparison(w io.Writer, of, by *watch.Backtest, incidents []incident.Incident) {
	fmt.Fprintf(w, "%s, %s to %s\n", of.Rule.Key(), of.Since.UTC().Format("2006-01-02 15:04"), of.Until.UTC().Format("2006-01-02 15:04 MST"))
	fmt.Fprintf(w, "  the rule alerts %d times, by %s\n  the shadow alerts %d times, by %s\n", len(of.Alerts), methodText(of.Rule), len(by.Alerts), methodText(by.Rule))
	rule, shadow := without(of.Alerts, by.Alerts), without(by.Alerts, of.Alerts)
	for _, group := range []struct {
		title  string
		result *watch.Backtest
		alerts []watch.PastAlert
	}{
		{"both alert", of, without(of.Alerts, rule)},
		{"only the rule alerts", of, rule},
		{"only the shadow alerts", by, shadow},
	} {
		fmt.Fprintf(w, "\n%s: %d\n", group.title, len(group.alerts))
		printAlerts(w, "", group.alerts)
		if incidents != nil && len(group.alerts) > 0 {
			part := *group.result
			part.Alerts = group.alerts
			j := judge(&part, incidents)
			fmt.Fprintf(w, "  %d were problems, %d none by feedback, %d near no incident, %d nobody judged\n",
				j.problems, j.noProblems, j.alerts-j.problems-j.noProblems-j.unknown, j.unknown)
		}
	}
	if incidents == nil {
		return
	}
	fmt.Fprintln(w, "\nthe rule:")
	printAgainst(w, judge(of, incidents))
	fmt.Fprintln(w, "the shadow:")
	printAgainst(w, judge(by, incidents))
}

// methodText names what judges.
func methodText(r *watch.Rule) string {
	if r.Model != nil {
		return "model " + r.Model.File
	}
	if m := r.Detection.Method; m != "" {
		return "method " + string(m)
	}
	return "method auto"
}

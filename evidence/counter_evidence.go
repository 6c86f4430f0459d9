package evidence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promapi"
)

// The bounds of counter-evidence.
const (
	counterEvidenceQueries = 28 // to Prometheus about one draft, checks included
	checkQueries           = 3  // of them for each check: more than one where it has no answer
	maxChecks              = 4  // that are run, the first ones
)

// CounterEvidence looks up what could refute a draft of a verdict. comparisons are the same whatever the draft says: whether it was
// like this before, whether the peers are healthy, what else fires now. answers[i] is the answer to checks[i], for the
// first four checks. A check's query is a model's, which has read text of strangers: only a query that can do no harm
// is run, for others the answer says why not.
//
// The items have no ids yet. Like Collect it never fails, and takes no longer than Options.CounterEvidenceTimeout. Without
// Prometheus there is nothing.
func (c *Collector) CounterEvidence(ctx context.Context, inc *incident.Incident, checks []incident.Check) (comparisons, answers []incident.Evidence) {
	if c.choose(inc, nil).Client == nil {
		return nil, nil
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, c.options.CounterEvidenceTimeout)
	defer cancel()
	checks = checks[:min(len(checks), maxChecks)]
	inv := c.investigate(ctx, inc, counterEvidenceQueries-checkQueries*len(checks))
	if inv.onset.After(inv.end) {
		inv.onset = inv.end // it has only just begun, and times are whole seconds
	}
	forChecks := *inv // each check has its query, however many the rest needs
	forChecks.prom, forChecks.shared = c.querier(inv.server, checkQueries*len(checks)), []*promapi.Querier{inv.prom}

	table := comparisonCollectors()
	found := make([][]incident.Evidence, len(table))
	answers = make([]incident.Evidence, len(checks))
	var wg sync.WaitGroup
	for i, one := range table {
		wg.Go(func() { found[i] = c.runCollector(ctx, one, inv) })
	}
	for i, check := range checks {
		wg.Go(func() { answers[i] = c.answerCheck(ctx, &forChecks, i+1, check) })
	}
	wg.Wait()
	c.log.InfoContext(ctx, "Counter-evidence collected", "incident", inc.ID, "alertname", inc.Alertname,
		"checks", len(checks), "queries", inv.prom.Budget().Used()+forChecks.prom.Budget().Used(), "duration", time.Since(began))
	return slices.Concat(found...), answers
}

// comparisonCollectors returns what is looked up whatever a draft says, in the order of the items.
func comparisonCollectors() []collector {
	return []collector{
		{kind: incident.KindComparison, title: msgTitleBefore, run: compareWithPast, around: true},
		{kind: incident.KindComparison, title: msgTitlePeers, run: comparePeers, around: true},
		{kind: incident.KindComparison, title: msgTitleFiring, run: compareFiring},
	}
}

// answerCheck answers one check, the n-th; its failure, even a panic, is its own.
func (c *Collector) answerCheck(ctx context.Context, inv *investigation, n int, check incident.Check) incident.Evidence {
	title := message{fmt.Sprintf(msgTitleCheck.en, n), fmt.Sprintf(msgTitleCheck.zh, n)}
	ran := ""
	items := c.runCollector(ctx, collector{kind: incident.KindCheck, title: title, run: func(ctx context.Context, inv *investigation) ([]incident.Evidence, error) {
		expr, shortened, refused := inv.readCheck(check.PromQL)
		if expr == nil {
			return nil, errors.New(inv.say(msgRefused[refused]))
		}
		ran = expr.String()
		item, err := inv.runCheck(ctx, expr, check)
		if err != nil {
			return nil, err
		}
		item.Title = inv.say(title)
		item.Summary = shortened + inv.offsetText(expr) + item.Summary
		return []incident.Evidence{item}, nil
	}}, inv)
	item := items[0]
	if ran != "" {
		item.Query, item.Source, item.Link = ran, incident.SourcePrometheus, inv.link(ran, inv.start, inv.end)
		item.Start, item.End = inv.start, inv.end
	}
	return item
}

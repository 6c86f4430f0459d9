package evidence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// The bounds of a refutation.
const (
	refuteQueries = 20 // to Prometheus about one draft, checks included
	maxChecks     = 4  // that are run, the first ones
)

// CounterEvidence looks up what could refute a draft of a verdict. contrast is the same whatever the draft says: whether it was
// like this before, whether the peers are healthy, what else fires now. answers[i] is the answer to checks[i], for the
// first four checks. A check's query is a model's, which has read text of strangers: only a query that can do no harm
// is run, for others the answer says why not.
//
// The items have no ids yet. Like Collect it never fails, and takes no longer than Options.RefuteTimeout. Without
// Prometheus there is nothing.
func (c *Collector) CounterEvidence(ctx context.Context, inc *incident.Incident, checks []incident.Check) (contrast, answers []incident.Evidence) {
	if c.prometheus == nil {
		return nil, nil
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, c.options.RefuteTimeout)
	defer cancel()
	checks = checks[:min(len(checks), maxChecks)]
	q := c.inquire(ctx, inc, refuteQueries-len(checks))
	if q.onset.After(q.end) {
		q.onset = q.end // it has only just begun, and times are whole seconds
	}
	apart := *q // each check has its query, however many the rest needs
	apart.prom = c.querier(len(checks))

	table := contrasts()
	found := make([][]incident.Evidence, len(table))
	answers = make([]incident.Evidence, len(checks))
	var wg sync.WaitGroup
	for i, one := range table {
		wg.Go(func() { found[i] = c.collect(ctx, one, q) })
	}
	for i, check := range checks {
		wg.Go(func() { answers[i] = c.answer(ctx, &apart, i+1, check) })
	}
	wg.Wait()
	c.log.InfoContext(ctx, "looked up what could refute a draft", "incident", inc.ID, "alertname", inc.Alertname,
		"checks", len(checks), "queries", q.prom.Budget().Used()+apart.prom.Budget().Used(), "duration", time.Since(began))
	return slices.Concat(found...), answers
}

// contrasts returns what is looked up whatever a draft says, in the order of the items.
func contrasts() []collector {
	return []collector{
		{incident.KindComparison, titleBefore, before},
		{incident.KindComparison, titlePeers, peers},
		{incident.KindComparison, titleFiring, firesNow},
	}
}

// answer answers one check, the n-th; its failure, even a panic, is its own.
func (c *Collector) answer(ctx context.Context, q *inquiry, n int, check incident.Check) incident.Evidence {
	title := text{fmt.Sprintf(titleCheck.en, n), fmt.Sprintf(titleCheck.zh, n)}
	ran := ""
	items := c.collect(ctx, collector{incident.KindCheck, title, func(ctx context.Context, q *inquiry) ([]incident.Evidence, error) {
		expr, refused := readCheck(check.PromQL)
		if expr == nil {
			return nil, errors.New(q.say(refused))
		}
		ran = expr.String()
		item, err := q.tryCheck(ctx, expr)
		if err != nil {
			return nil, err
		}
		item.Title = q.say(title)
		return []incident.Evidence{item}, nil
	}}, q)
	item := items[0]
	if ran != "" {
		item.Query, item.Source, item.Link = ran, incident.SourcePrometheus, q.link(ran, q.start, q.end)
		item.Start, item.End = q.start, q.end
	}
	return item
}

package promapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// The bounds of what one query may bring.
const (
	queryTimeout = 8 * time.Second // sent to the server; we wait graceTime longer ourselves
	graceTime    = time.Second
	maxSeries    = 10_000
	maxPoints    = 2_000 // per series
	maxSampled   = 4 * time.Hour
)

// Querier asks a Prometheus and keeps to a Budget. It is safe for concurrent use.
type Querier struct {
	api    promv1.API
	client *Client
	budget *Budget
	count  func(outcome string)
}

// NewQuerier makes a Querier. count, which may be nil, is called for each query with its Outcome.
func NewQuerier(c *Client, b *Budget, count func(outcome string)) *Querier {
	if count == nil {
		count = func(string) {}
	}
	return &Querier{api: promv1.NewAPI(matrixReader{c.client}), client: c, budget: b, count: count}
}

// Budget returns the budget that the Querier keeps to.
func (q *Querier) Budget() *Budget { return q.budget }

// Range evaluates a query from start to end. It is ErrTooExpensive when a series could have more than 2,000 points.
func (q *Querier) Range(ctx context.Context, query string, start, end time.Time, step time.Duration) (model.Matrix, error) {
	if step <= 0 || end.Sub(start)/step > maxPoints {
		return nil, fmt.Errorf("%w: %s at step %s is too many points", ErrTooExpensive, end.Sub(start), step)
	}
	return ask(ctx, q, "querying a range", func(ctx context.Context, opts ...promv1.Option) (model.Matrix, error) {
		var decoded model.Matrix
		v, _, err := q.api.QueryRange(context.WithValue(ctx, matrixKey{}, &decoded), query, promv1.Range{Start: start, End: end, Step: step}, opts...)
		if err != nil {
			return nil, err
		}
		if decoded != nil {
			return decoded, tooMany(len(decoded))
		}
		m, ok := v.(model.Matrix)
		if !ok {
			return nil, fmt.Errorf("%w: the answer is a %s, not a matrix", ErrBadQuery, v.Type())
		}
		return m, tooMany(len(m))
	})
}

// Instant evaluates a query at one time. A scalar comes as a vector of one sample without labels.
func (q *Querier) Instant(ctx context.Context, query string, at time.Time) (model.Vector, error) {
	return ask(ctx, q, "querying", func(ctx context.Context, opts ...promv1.Option) (model.Vector, error) {
		v, _, err := q.api.Query(ctx, query, at, opts...)
		if err != nil {
			return nil, err
		}
		switch v := v.(type) {
		case model.Vector:
			return v, tooMany(len(v))
		case *model.Scalar:
			return model.Vector{{Metric: model.Metric{}, Value: v.Value, Timestamp: v.Timestamp}}, nil
		}
		return nil, fmt.Errorf("%w: the answer is a %s, not a vector", ErrBadQuery, v.Type())
	})
}

// Samples returns what the server holds of a selector's series after one time and until another, at the times at which it was scraped.
// It is ErrTooExpensive for more than four hours.
func (q *Querier) Samples(ctx context.Context, selector string, after, until time.Time) (model.Matrix, error) {
	span := until.Sub(after)
	if span <= 0 || span > maxSampled {
		return nil, fmt.Errorf("%w: samples of %s, up to %s are read", ErrTooExpensive, span, maxSampled)
	}
	return ask(ctx, q, "reading samples", func(ctx context.Context, opts ...promv1.Option) (model.Matrix, error) {
		v, _, err := q.api.Query(ctx, selector+"["+strconv.FormatInt(span.Milliseconds(), 10)+"ms]", until, opts...)
		if err != nil {
			return nil, err
		}
		m, ok := v.(model.Matrix)
		if !ok {
			return nil, fmt.Errorf("%w: the answer is a %s, not a matrix", ErrBadQuery, v.Type())
		}
		return m, tooMany(len(m))
	})
}

// LabelNames returns the names of the labels of the series that any selector selects and that have data between start and
// end.
func (q *Querier) LabelNames(ctx context.Context, selectors []string, start, end time.Time) ([]string, error) {
	return ask(ctx, q, "listing label names", func(ctx context.Context, opts ...promv1.Option) ([]string, error) {
		found, _, err := q.api.LabelNames(ctx, selectors, start, end, opts...)
		out := make([]string, len(found))
		for i, name := range found {
			out[i] = string(name)
		}
		return out, err
	})
}

// MetricTypes returns the types of all metrics by their names, as far as the server has their metadata.
func (q *Querier) MetricTypes(ctx context.Context) (map[string]model.MetricType, error) {
	return ask(ctx, q, "reading metadata", func(ctx context.Context, _ ...promv1.Option) (map[string]model.MetricType, error) {
		found, err := q.api.Metadata(ctx, "", "")
		out := make(map[string]model.MetricType, len(found))
		for name, all := range found {
			if len(all) > 0 {
				out[name] = model.MetricType(all[0].Type)
			}
		}
		return out, err
	})
}

// Rules returns the groups that hold alerting rules of that name; older servers ignore the name and return all.
func (q *Querier) Rules(ctx context.Context, alertname string) ([]promv1.RuleGroup, error) {
	return q.rules(ctx, "alert", alertname)
}

// RecordingRules returns the groups that hold recording rules of that name; older servers ignore the name and return all.
func (q *Querier) RecordingRules(ctx context.Context, name string) ([]promv1.RuleGroup, error) {
	return q.rules(ctx, "record", name)
}

func (q *Querier) rules(ctx context.Context, kind, name string) ([]promv1.RuleGroup, error) {
	return ask(ctx, q, "reading the rules", func(ctx context.Context, _ ...promv1.Option) ([]promv1.RuleGroup, error) {
		body, err := q.client.get(ctx, "/api/v1/rules", url.Values{"type": {kind}, "rule_name[]": {name}})
		if err != nil {
			return nil, err
		}
		var answer struct {
			Data promv1.RulesResult `json:"data"`
		}
		if err := json.Unmarshal(body, &answer); err != nil {
			return nil, fmt.Errorf("%w: response is not from Prometheus: %w", ErrUnavailable, err)
		}
		return answer.Data.Groups, nil
	})
}

// ask puts one question: it pays for it, waits for a slot, and bounds its time on both sides.
func ask[T any](ctx context.Context, q *Querier, what string, question func(context.Context, ...promv1.Option) (T, error)) (T, error) {
	var none T
	release, err := q.budget.take(ctx)
	if err != nil {
		if ctx.Err() == nil {
			q.count(Outcome(err))
		}
		return none, fmt.Errorf("%s: %w", what, err)
	}
	defer release()
	timeout := queryTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, max(time.Until(deadline)-graceTime, graceTime))
	}
	limited, cancel := context.WithTimeout(ctx, timeout+graceTime)
	defer cancel()
	// Prometheus takes no fractions of a unit, in which a time is sent.
	answer, err := question(limited, promv1.WithTimeout(timeout.Truncate(time.Second)), promv1.WithLimit(maxSeries+1))
	if err = classify(ctx, err); err != nil {
		q.count(Outcome(err))
		return none, fmt.Errorf("%s: %w", what, err)
	}
	q.count(Outcome(nil))
	return answer, nil
}

func tooMany(n int) error {
	if n > maxSeries {
		return fmt.Errorf("%w: more than %d series", ErrTooExpensive, maxSeries)
	}
	return nil
}

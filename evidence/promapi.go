package evidence

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// The bounds of what one question may bring.
const (
	queryTimeout = 8 * time.Second // sent to the server; we wait graceTime longer ourselves
	graceTime    = time.Second
	maxSeries    = 10_000
	maxPoints    = 2_000 // per series
	maxInFlight  = 8     // questions of one incident at a time
)

// querier asks Prometheus on behalf of one incident and keeps to its budget of queries. Its errors are errUnavailable,
// errTooExpensive, errBadQuery or errNoBudget, or the context's. It is safe for concurrent use.
type querier struct {
	api    promv1.API
	client api.Client
	count  func(outcome string)
	slots  chan struct{}
	left   atomic.Int64
	asked  atomic.Int64
}

func newQuerier(s *server, budget int, count func(outcome string)) *querier {
	q := &querier{api: promv1.NewAPI(s), client: s, count: count, slots: make(chan struct{}, maxInFlight)}
	q.left.Store(int64(budget))
	return q
}

// Left returns how many queries the budget still holds; collectors that could ask many share it by taking less.
func (q *querier) Left() int { return int(max(q.left.Load(), 0)) }

// Range evaluates a query from start to end. It is refused when a series could have more than maxPoints points.
func (q *querier) Range(ctx context.Context, promql string, start, end time.Time, step time.Duration) (model.Matrix, error) {
	if step <= 0 || end.Sub(start)/step > maxPoints {
		return nil, fmt.Errorf("%w: %s by steps of %s are too many points", errTooExpensive, end.Sub(start), step)
	}
	return ask(ctx, q, "querying a range", func(ctx context.Context, opts ...promv1.Option) (model.Matrix, error) {
		v, _, err := q.api.QueryRange(ctx, promql, promv1.Range{Start: start, End: end, Step: step}, opts...)
		if err != nil {
			return nil, err
		}
		m, ok := v.(model.Matrix)
		if !ok {
			return nil, fmt.Errorf("%w: the answer is a %s, not a matrix", errBadQuery, v.Type())
		}
		return m, tooMany(len(m))
	})
}

// Instant evaluates a query at one time. A scalar comes as a vector of one sample without labels.
func (q *querier) Instant(ctx context.Context, promql string, at time.Time) (model.Vector, error) {
	return ask(ctx, q, "querying", func(ctx context.Context, opts ...promv1.Option) (model.Vector, error) {
		v, _, err := q.api.Query(ctx, promql, at, opts...)
		if err != nil {
			return nil, err
		}
		switch v := v.(type) {
		case model.Vector:
			return v, tooMany(len(v))
		case *model.Scalar:
			return model.Vector{{Metric: model.Metric{}, Value: v.Value, Timestamp: v.Timestamp}}, nil
		}
		return nil, fmt.Errorf("%w: the answer is a %s, not a vector", errBadQuery, v.Type())
	})
}

// Series returns the label sets, names included, of the series that any matcher selects and that have data between
// start and end.
func (q *querier) Series(ctx context.Context, matchers []string, start, end time.Time) ([]model.LabelSet, error) {
	return ask(ctx, q, "listing series", func(ctx context.Context, opts ...promv1.Option) ([]model.LabelSet, error) {
		sets, _, err := q.api.Series(ctx, matchers, start, end, opts...)
		return sets, err
	})
}

// LabelNames returns the names of the labels of such series.
func (q *querier) LabelNames(ctx context.Context, matchers []string, start, end time.Time) ([]string, error) {
	return ask(ctx, q, "listing label names", func(ctx context.Context, opts ...promv1.Option) ([]string, error) {
		names, _, err := q.api.LabelNames(ctx, matchers, start, end, opts...)
		return texts(names), err
	})
}

// LabelValues returns the values of one label of such series.
func (q *querier) LabelValues(ctx context.Context, label string, matchers []string, start, end time.Time) ([]string, error) {
	return ask(ctx, q, "listing label values", func(ctx context.Context, opts ...promv1.Option) ([]string, error) {
		values, _, err := q.api.LabelValues(ctx, label, matchers, start, end, opts...)
		return texts(values), err
	})
}

// Rules returns the groups that hold alerting rules of that name; older servers ignore the name and return all.
func (q *querier) Rules(ctx context.Context, alertname string) ([]promv1.RuleGroup, error) {
	return ask(ctx, q, "reading the rules", func(ctx context.Context, _ ...promv1.Option) ([]promv1.RuleGroup, error) {
		u := q.client.URL("/api/v1/rules", nil)
		query := u.Query()
		query.Set("type", "alert")
		query.Set("rule_name[]", alertname)
		u.RawQuery = query.Encode()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
		if err != nil {
			return nil, err
		}
		resp, body, err := q.client.Do(ctx, req) //nolint:bodyclose // the client has read and closed it
		if err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusOK {
			return nil, statusError(resp.StatusCode)
		}
		var answer struct {
			Data promv1.RulesResult `json:"data"`
		}
		if err := json.Unmarshal(body, &answer); err != nil {
			return nil, fmt.Errorf("%w: the answer is not that of a Prometheus: %w", errUnavailable, err)
		}
		return answer.Data.Groups, nil
	})
}

// ask puts one question: it pays for it, waits for a slot, and bounds its time on both sides.
func ask[T any](ctx context.Context, q *querier, what string, question func(context.Context, ...promv1.Option) (T, error)) (T, error) {
	var none T
	select {
	case q.slots <- struct{}{}:
		defer func() { <-q.slots }()
	case <-ctx.Done():
		return none, fmt.Errorf("%s: %w", what, ctx.Err())
	}
	if q.left.Add(-1) < 0 {
		q.count(outcome(errNoBudget))
		return none, fmt.Errorf("%s: %w", what, errNoBudget)
	}
	q.asked.Add(1)
	timeout := queryTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, max(time.Until(deadline)-graceTime, graceTime))
	}
	bounded, cancel := context.WithTimeout(ctx, timeout+graceTime)
	defer cancel()
	answer, err := question(bounded, promv1.WithTimeout(timeout), promv1.WithLimit(maxSeries+1))
	if err = classify(ctx, err); err != nil {
		q.count(outcome(err))
		return none, fmt.Errorf("%s: %w", what, err)
	}
	q.count(outcome(nil))
	return answer, nil
}

func tooMany(n int) error {
	if n > maxSeries {
		return fmt.Errorf("%w: more than %d series", errTooExpensive, maxSeries)
	}
	return nil
}

func texts[T ~string](names []T) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = string(n)
	}
	return out
}

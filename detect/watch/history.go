package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/alertscribe/alertscribe/promapi"
)

const (
	// warmStep is how far apart samples of the history are read: three of them make the half hour that the season looks at.
	warmStep = 10 * time.Minute
	// replayIntervals and replayLeast are how much of the past is evaluated as if it were now, at the start of a series.
	replayIntervals, replayLeast = 60, time.Hour
	// maxReplay is the longest outage that is evaluated afterward. What is older is learned.
	maxReplay = 24 * time.Hour
	// maxSamples bounds an answer: at some 33 bytes a sample, 10 MB.
	maxSamples = 300_000
	// maxPoints bounds an answer for one series, see promapi.
	maxPoints = 2_000
)

// source asks for the values of an expression.
type source struct {
	querier *promapi.Querier
	expr    string
	offset  time.Duration
	points  int  // of an answer, for one series
	learns  bool // what is asked for is learned, and means nothing for an alert

	features   int // of a row; 0 without a model
	ownColumns []int
	inputs     []input
}

// newSource returns what asks for an expression. Queries are bounded by what is asked, not by a budget. An answer that is partial is an
// error, as for Thanos' rules: a series that it lacks is not gone, and a sum is too low.
func newSource(c *promapi.Client, expr string, offset time.Duration) *source {
	q := promapi.NewQuerier(c, promapi.NewBudget(math.MaxInt64>>1, 2), nil).Whole()
	return &source{querier: q, expr: expr, offset: offset, points: maxPoints}
}

// value is a sample of one series at the time that was asked for.
type value struct {
	labels model.Metric
	id     model.Fingerprint
	v      float64
	row    []float64 // the features of a model; nil without one
}

// now evaluates the expression at one time.
func (s *source) now(ctx context.Context, at time.Time) ([]value, error) {
	vector, err := s.querier.Instant(ctx, s.expr, at.Add(-s.offset))
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(vector, func(a, b *model.Sample) int { return byName(a.Metric, b.Metric) })
	values := make([]value, 0, len(vector))
	for _, x := range vector {
		if x.Histogram == nil {
			delete(x.Metric, model.MetricNameLabel)
			values = append(values, value{labels: x.Metric, id: x.Metric.Fingerprint(), v: float64(x.Value)})
		}
	}
	return values, s.rowsAt(ctx, values, at)
}

// byName orders by the name of the metric: of two that differ in nothing else, the same counts each time.
func byName(a, b model.Metric) int {
	return cmp.Compare(a[model.MetricNameLabel], b[model.MetricNameLabel])
}

// chunk is a part of a range.
type chunk struct {
	from, to time.Time // both inclusive
	matrix   model.Matrix
	ids      []model.Fingerprint // of matrix, without the names of metrics
	inputs   []inputRange
	err      error
}

// chunks reads a range in pieces that are small enough for n series, and the next while one is used. The channel closes after
// the last piece, or after the first that carries an error.
func (s *source) chunks(ctx context.Context, from, to time.Time, step time.Duration, n int) <-chan chunk {
	out := make(chan chunk)
	go func() {
		defer close(out)
		points := min(max(maxSamples/max(n, 1), 1), s.points)
		for !from.After(to) {
			c := chunk{from: from, to: from.Add(time.Duration(points-1) * step)}
			if c.to.After(to) {
				c.to = from.Add(to.Sub(from) / step * step)
			}
			c.matrix, c.err = s.querier.Range(ctx, s.expr, c.from.Add(-s.offset), c.to.Add(-s.offset), step)
			if c.err == nil {
				c.err = s.readInputs(ctx, &c, step)
			}
			if errors.Is(c.err, promapi.ErrTooExpensive) && points > 1 && ctx.Err() == nil {
				points /= 2
				continue
			}
			if s.learns && errors.Is(c.err, promapi.ErrNoStores) { // Thanos has said so of all times before its data
				c.matrix, c.err = nil, nil
			}
			slices.SortStableFunc(c.matrix, func(a, b *model.SampleStream) int { return byName(a.Metric, b.Metric) })
			for _, x := range c.matrix {
				delete(x.Metric, model.MetricNameLabel)
				c.ids = append(c.ids, x.Metric.Fingerprint())
			}
			select {
			case out <- c:
			case <-ctx.Done():
				return
			}
			if c.err != nil {
				return
			}
			from = c.to.Add(step)
		}
	}()
	return out
}

// eachChunk calls f with each piece of a range.
func (s *source) eachChunk(ctx context.Context, from, to time.Time, step time.Duration, n int, f func(*chunk)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for c := range s.chunks(ctx, from, to, step, n) {
		if c.err != nil {
			return fmt.Errorf("reading from %s: %w", c.from.UTC().Format(time.DateTime), c.err)
		}
		f(&c)
	}
	return ctx.Err()
}

// frames calls f with what the expression was at each step of a chunk.
func (s *source) frames(c *chunk, step time.Duration, f func(at time.Time, values []value)) {
	next := make([]int, len(c.matrix))
	values := make([]value, 0, len(c.matrix))
	for at := c.from; !at.After(c.to); at = at.Add(step) {
		values = values[:0]
		ms := model.TimeFromUnixNano(at.Add(-s.offset).UnixNano())
		for i, x := range c.matrix {
			for next[i] < len(x.Values) && x.Values[next[i]].Timestamp < ms {
				next[i]++
			}
			if next[i] < len(x.Values) && x.Values[next[i]].Timestamp == ms {
				v := float64(x.Values[next[i]].Value)
				values = append(values, value{x.Metric, c.ids[i], v, s.rowIn(c, i, at, v)})
			}
		}
		f(at, values)
	}
}

// replay returns for how long a past is evaluated as if it were now.
func replay(interval time.Duration) time.Duration {
	return min(max(replayIntervals*interval, replayLeast), maxReplay)
}

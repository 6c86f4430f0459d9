package main

import (
	"context"
	"errors"
	"math"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/alertscribe/alertscribe/analyzer"
	"github.com/alertscribe/alertscribe/detect/watch"
	"github.com/alertscribe/alertscribe/incident"
)

// secondOpinion has the model of the analyses judge series.
type secondOpinion struct {
	model interface {
		Judge(ctx context.Context, b analyzer.Batch) (*analyzer.Judgment, error)
	}
	cost   prometheus.Counter
	tokens *prometheus.CounterVec
}

func newOpinionMetrics(o *secondOpinion, r prometheus.Registerer) *secondOpinion {
	with := promauto.With(r)
	o.cost = with.NewCounter(prometheus.CounterOpts{
		Name: "alertscribe_detect_second_opinion_cost_usd_total", Help: "List price of second opinions on series, failed ones included, for models whose price is known.",
	})
	o.tokens = with.NewCounterVec(prometheus.CounterOpts{
		Name: "alertscribe_detect_second_opinion_tokens_total", Help: "Tokens of second opinions on series, by kind: prompt (cached ones included), cached, completion.",
	}, []string{"kind"})
	o.spent(incident.Spend{})
	return o
}

// spent counts what an answer, or none, has cost.
func (o *secondOpinion) spent(s incident.Spend) {
	o.cost.Add(s.Cost)
	for kind, n := range map[string]int{"prompt": s.Prompt, "cached": s.Cached, "completion": s.Completion} {
		o.tokens.WithLabelValues(kind).Add(float64(n))
	}
}

// judged tells whether any rule asks for a second opinion.
func (c *detectConfig) judged() bool {
	for _, g := range c.groups {
		if g.JudgeEvery > 0 {
			return true
		}
		for _, r := range g.Rules {
			if r.SecondOpinion {
				return true
			}
		}
	}
	return false
}

// newSecondOpinion returns what gives second opinions; nil where no rule asks for one, or there is no key.
func (s *setup) newSecondOpinion() watch.Judge {
	switch {
	case !s.cfg.Detect.judged():
		return nil
	case s.cfg.LLM.Key == "":
		s.log.Warn("Second opinions are off: there is no API key; set DEEPSEEK_API_KEY")
		return nil
	}
	return newOpinionMetrics(&secondOpinion{model: s.analyzer}, s.registry)
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// Judge implements watch.Judge.
func (o *secondOpinion) Judge(ctx context.Context, source string, series []watch.JudgedSeries) ([]watch.Opinion, error) {
	batch := analyzer.Batch{Context: source}
	for _, s := range series {
		m := analyzer.Metric{Name: strings.TrimSpace(s.Rule + " " + s.Metric), Labels: s.Labels, Value: s.Value, Score: s.Score, Past: s.Past, Step: s.Step}
		if finite(s.Expected) || finite(s.Lower) || finite(s.Upper) { // of a threshold nothing is expected but a bound
			m.Band = &analyzer.Band{Expected: s.Expected, Lower: s.Lower, Upper: s.Upper}
		}
		batch.Metrics = append(batch.Metrics, m)
	}
	j, err := o.model.Judge(ctx, batch)
	if failure, ok := errors.AsType[*incident.Failure](err); ok {
		o.spent(failure.Spend)
	}
	if err != nil {
		return nil, err
	}
	o.spent(j.Spend)
	var out []watch.Opinion
	for _, x := range j.Anomalies {
		out = append(out, watch.Opinion{Index: x.Index, Severity: x.Severity, Reason: x.Reason})
	}
	return out, nil
}

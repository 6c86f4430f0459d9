package main

import (
	"context"
	"math"
	"strings"

	"github.com/alertscribe/alertscribe/analyzer"
	"github.com/alertscribe/alertscribe/detect/watch"
)

// secondOpinion has the model of the analyses judge series.
type secondOpinion struct {
	model interface {
		Judge(ctx context.Context, b analyzer.Batch) (*analyzer.Judgment, error)
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
	return &secondOpinion{model: s.analyzer}
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
	if err != nil {
		return nil, err
	}
	var out []watch.Opinion
	for _, x := range j.Anomalies {
		out = append(out, watch.Opinion{Index: x.Index, Severity: x.Severity, Reason: x.Reason})
	}
	return out, nil
}

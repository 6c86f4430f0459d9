package analyzer

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"

	"github.com/alertscribe/alertscribe/incident"
)

// Price is what a model costs, in USD for a million tokens outside the provider's peak hours.
type Price struct {
	Input  float64 `yaml:"input"`  // of the prompt, what came from the provider's cache left out
	Cached float64 `yaml:"cached"` // of the prompt that came from the provider's cache
	Output float64 `yaml:"output"`
	Peak   float64 `yaml:"peak"` // how many times as much in peak hours; 0 counts as 1
}

// Prices is a price table.
type Prices struct {
	Models map[string]Price
	Peak   []timeinterval.TimeInterval // the peak hours, as Alertmanager's time_intervals
}

// DefaultPrices returns DeepSeek's list prices of November 2026, and its peak hours: 01–04 and 06–10 UTC, Monday to
// Friday.
func DefaultPrices() Prices {
	hours := func(from, to int) timeinterval.TimeRange {
		return timeinterval.TimeRange{StartMinute: from * 60, EndMinute: to * 60}
	}
	return Prices{
		Models: map[string]Price{
			"deepseek-flash":    {Input: .15, Cached: .003, Output: .60, Peak: 2},
			"deepseek-v4-flash": {Input: .15, Cached: .003, Output: .60, Peak: 2}, // the earlier name, billed as the new one
			"deepseek-v4-pro":   {Input: .66, Cached: .022, Output: 1.98, Peak: 2},
		},
		Peak: []timeinterval.TimeInterval{{
			Times:    []timeinterval.TimeRange{hours(1, 4), hours(6, 10)},
			Weekdays: []timeinterval.WeekdayRange{{InclusiveRange: timeinterval.InclusiveRange{Begin: 1, End: 5}}},
		}},
	}
}

// Validate returns what is wrong with the table, or nil.
func (p Prices) Validate() error {
	for _, name := range slices.Sorted(maps.Keys(p.Models)) {
		m := p.Models[name]
		for _, v := range []float64{m.Input, m.Cached, m.Output, m.Peak} {
			if !(v >= 0 && v <= 1e6) { // not a number, too
				return fmt.Errorf("price of %s is %v: must be USD per million tokens, 0 or more", name, v)
			}
		}
	}
	return nil
}

// Knows reports whether the model has a price.
func (p Prices) Knows(model string) bool {
	_, known := p.Models[model]
	return known
}

// cost returns USD for a call that was answered by a model, or by the model that was asked for where the answer's name
// has no price; 0 where neither has.
func (p Prices) cost(model, requested string, spend incident.Spend, at time.Time) float64 {
	m, known := p.Models[model]
	if !known {
		m = p.Models[requested]
	}
	usd := m.Cached*float64(spend.Cached) + m.Input*float64(spend.Prompt-spend.Cached) + m.Output*float64(spend.Completion)
	if m.Peak > 0 && slices.ContainsFunc(p.Peak, func(i timeinterval.TimeInterval) bool { return i.ContainsTime(at.UTC()) }) {
		usd *= m.Peak
	}
	return usd / 1e6
}

// most returns the most USD that a call may cost: a token for each byte of the prompt, since a tokenizer has none that is
// shorter (DeepSeek counts 0.3 tokens for a letter), nothing from the cache, an answer of full length, and the higher of the
// prices now and when it is answered, which may be a peak hour by then.
func (p Prices) most(model string, promptBytes, maxTokens int, at time.Time, within time.Duration) float64 {
	spend := incident.Spend{Prompt: promptBytes, Completion: maxTokens}
	return max(p.cost(model, model, spend, at), p.cost(model, model, spend, at.Add(within)))
}

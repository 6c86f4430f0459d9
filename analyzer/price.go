package analyzer

import (
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// price is USD for a million tokens outside the provider's peak hours; within them it is twice that.
type price struct{ cached, input, output float64 }

// prices are DeepSeek's list prices. Other models cost 0 here: their price is not known.
var prices = map[string]price{
	"deepseek-flash":    {.003, .15, .60},
	"deepseek-v4-flash": {.003, .15, .60}, // the earlier name, billed as the new one
	"deepseek-v4-pro":   {.022, .66, 1.98},
}

// retired are names that DeepSeek took out of service in July 2026, with what to set in their place.
var retired = map[string]string{
	"deepseek-chat":     "deepseek-flash",
	"deepseek-reasoner": "deepseek-flash with llm.thinking: high",
}

// cost returns USD for a call that was answered by a model, or by the model that was asked for where the answer's name
// has no price.
func cost(answered, asked string, spend incident.Spend, at time.Time) float64 {
	p, known := prices[answered]
	if !known {
		p = prices[asked]
	}
	usd := p.cached*float64(spend.Cached) + p.input*float64(spend.Prompt-spend.Cached) + p.output*float64(spend.Completion)
	if peak(at) {
		usd *= 2
	}
	return usd / 1e6
}

// peak reports whether t is within 01–04 or 06–10 UTC, Monday to Friday.
func peak(t time.Time) bool {
	t = t.UTC()
	if day := t.Weekday(); day == time.Saturday || day == time.Sunday {
		return false
	}
	hour := t.Hour()
	return hour >= 1 && hour < 4 || hour >= 6 && hour < 10
}

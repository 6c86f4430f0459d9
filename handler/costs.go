package handler

import (
	"net/http"
	"strconv"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

const (
	defaultDays = 30
	maxDays     = 400 // as long as calls are kept
)

// costs is the answer of GET /api/v1/costs.
type costs struct {
	Costs  []incident.Costs     `json:"costs"` // the newest day first, then the most expensive first
	Total  incident.Spend       `json:"total"`
	Used   incident.BudgetUsage `json:"used"`
	Limits limits               `json:"limits"`
}

// limits are the bounds of model calls, 0 for none, under the names of the settings.
type limits struct {
	CallsPerHour int     `json:"calls_per_hour"`
	CostPerHour  float64 `json:"cost_per_hour"`
	CostPerDay   float64 `json:"cost_per_day"`
}

// listCosts answers GET /api/v1/costs: whole days in UTC, of which today is one.
func (h *handler) listCosts(r *http.Request) (any, error) {
	days := defaultDays
	if s := r.URL.Query().Get("days"); s != "" {
		var err error
		if days, err = strconv.Atoi(s); err != nil || days < 1 || days > maxDays {
			return nil, badRequest("days", "%s is not a number from 1 to %d", quote(s), maxDays)
		}
	}
	today := h.Now().UTC().Truncate(24 * time.Hour)
	found, err := h.Store.Costs(r.Context(), today.AddDate(0, 0, 1-days))
	if err != nil {
		return nil, err
	}
	answer := costs{Costs: append([]incident.Costs{}, found...), Limits: limits(h.Limits)}
	for _, c := range found {
		answer.Total = answer.Total.Add(c.Spend)
	}
	if answer.Used, err = h.Store.Used(r.Context()); err != nil {
		return nil, err
	}
	return answer, nil
}

package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

type usedStore struct{ err error }

func (s usedStore) Used(context.Context) (incident.BudgetUsage, error) {
	return incident.BudgetUsage{Calls: 7, CostHour: .25, CostDay: 1.5}, s.err
}

func TestBudgetMetrics(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	limits := incident.Limits{CallsPerHour: 60, CostPerDay: 2}
	registry.MustRegister(&budgetCollector{store: usedStore{}, limits: limits})
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP alertscribe_budget_calls_limit Limit on model calls per hour; 0 for no limit.
# TYPE alertscribe_budget_calls_limit gauge
alertscribe_budget_calls_limit 60
# HELP alertscribe_budget_calls_used Model calls of the last hour.
# TYPE alertscribe_budget_calls_used gauge
alertscribe_budget_calls_used 7
# HELP alertscribe_budget_limit_usd Model call cost limit per hour or day, in USD; 0 for no limit.
# TYPE alertscribe_budget_limit_usd gauge
alertscribe_budget_limit_usd{window="day"} 2
alertscribe_budget_limit_usd{window="hour"} 0
# HELP alertscribe_budget_used_usd Model call cost in the last hour or day, in USD; calls of unknown cost count at their maximum.
# TYPE alertscribe_budget_used_usd gauge
alertscribe_budget_used_usd{window="day"} 1.5
alertscribe_budget_used_usd{window="hour"} 0.25
`)))
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	assert.Empty(t, problems)

	failing := prometheus.NewPedanticRegistry()
	failing.MustRegister(&budgetCollector{store: usedStore{err: errors.New("database is locked")}, limits: limits})
	_, err = failing.Gather()
	require.ErrorContains(t, err, "database is locked")
}

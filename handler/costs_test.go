package handler

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// spend enters a model call of an incident in the ledger.
func (e *env) spend(t *testing.T, id, model string, cost float64) {
	t.Helper()
	call, err := e.store.ReserveCall(t.Context(), id, 1, incident.Limits{})
	require.NoError(t, err)
	used := incident.Spend{Calls: 1, Prompt: 1000, Cached: 900, Completion: 100, Cost: cost}
	require.NoError(t, e.store.SettleCall(t.Context(), call, model, used, true))
}

func TestCosts(t *testing.T) {
	e := newEnv(t, func(o *Options) { o.Limits = incident.Limits{CallsPerHour: 60, CostPerHour: .5, CostPerDay: 2} })
	assert.JSONEq(t, `{"costs":[],"total":{"calls":0,"prompt":0,"cached":0,"completion":0,"cost":0},
		"used":{"calls_last_hour":0,"cost_last_hour":0,"cost_last_day":0},
		"limits":{"calls_per_hour":60,"cost_per_hour":0.5,"cost_per_day":2}}`, readBody(t, e.get(t, "/api/v1/costs"), http.StatusOK))

	a, b := e.post(t, body("A", "firing")), e.post(t, body("B", "firing"))
	day := time.Now().UTC().Format(time.DateOnly)
	e.spend(t, a, "flash", .25)
	e.spend(t, b, "flash", .5)
	e.spend(t, b, "flash", .25)
	var got struct {
		Costs json.RawMessage
		Total json.RawMessage
		Used  json.RawMessage
	}
	if time.Now().UTC().Format(time.DateOnly) != day {
		t.Skip("midnight has passed")
	}
	require.NoError(t, json.Unmarshal([]byte(readBody(t, e.get(t, "/api/v1/costs?days=1"), http.StatusOK)), &got))
	assert.JSONEq(t, fmt.Sprintf(`[
		{"day":%q,"model":"flash","alertname":"B","calls":2,"prompt":2000,"cached":1800,"completion":200,"cost":0.75},
		{"day":%q,"model":"flash","alertname":"A","calls":1,"prompt":1000,"cached":900,"completion":100,"cost":0.25}]`, day, day), string(got.Costs))
	assert.JSONEq(t, `{"calls":3,"prompt":3000,"cached":2700,"completion":300,"cost":1}`, string(got.Total))
	assert.JSONEq(t, `{"calls_last_hour":3,"cost_last_hour":1,"cost_last_day":1}`, string(got.Used))
}

// TestCostsOfDays: days are whole ones in UTC, and today is the first of them.
func TestCostsOfDays(t *testing.T) {
	var now time.Time
	e := newEnv(t, func(o *Options) { o.Now = func() time.Time { return now } })
	e.spend(t, "x", "flash", .25)
	called := time.Now().UTC()
	midnight := called.Truncate(24 * time.Hour)
	for _, tc := range []struct {
		now  time.Time
		days int
		want int
	}{
		{midnight.Add(24*time.Hour - 1), 1, 1},
		{midnight.Add(24 * time.Hour), 1, 0},
		{midnight.Add(24 * time.Hour), 2, 1},
		{midnight.Add(30*24*time.Hour - 1), 30, 1},
		{midnight.Add(30 * 24 * time.Hour), 30, 0},
		{midnight.Add(400*24*time.Hour - 1), 400, 1},
	} {
		now = tc.now.In(time.FixedZone("east", 8*3600))
		got := readJSON(t, e.get(t, fmt.Sprint("/api/v1/costs?days=", tc.days)), http.StatusOK)
		assert.Len(t, got["costs"], tc.want, "%v %d", tc.now, tc.days)
	}
	now = midnight.Add(30 * 24 * time.Hour)
	assert.Empty(t, readJSON(t, e.get(t, "/api/v1/costs"), http.StatusOK)["costs"], "30 days are the default")
	now = now.Add(-1)
	assert.Len(t, readJSON(t, e.get(t, "/api/v1/costs?days="), http.StatusOK)["costs"], 1)
}

func TestCostsRefuse(t *testing.T) {
	e := newEnv(t)
	for _, days := range []string{"0", "-1", "401", "1.5", "week", "9999999999999999999"} {
		answer := readJSON(t, e.get(t, "/api/v1/costs?days="+days), http.StatusBadRequest)
		assert.Equal(t, fmt.Sprintf("days: %q is not a number from 1 to 400", days), answer["reason"])
	}
	e.store.costs = errors.New("database is locked")
	answer := readJSON(t, e.get(t, "/api/v1/costs"), http.StatusServiceUnavailable)
	assert.NotContains(t, answer["reason"], "locked")
}

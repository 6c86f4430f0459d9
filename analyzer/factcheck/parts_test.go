package factcheck

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/incident"
)

// TestNumbersInNames: a status code within a label's value is no invented number; the parts of an address and of a date are none of it.
func TestNumbersInNames(t *testing.T) {
	e := []incident.Evidence{{
		ID: "E1", Kind: incident.KindDrilldown, Title: "By result", Summary: "It is 2026-11-20.",
		Ranking: []incident.RankedSeries{{Labels: map[string]string{
			"result": "http_429", "shard": "orders-17-eu", "instance": "10.2.4.29:8080", "le": "0.25", "version": "v3.4.77",
		}}},
	}}
	x := newNameIndex(&incident.Incident{Alertname: "Errors"}, e)
	for digits, want := range map[string]bool{
		"429": true, "17": true, "42": false, "4": false, "29": false, "8080": false, "25": false, "77": false, "430": false, "11": false, "20": false,
	} {
		t.Run(digits, func(t *testing.T) {
			assert.Equal(t, want, x.hasPart(digits))
		})
	}
}

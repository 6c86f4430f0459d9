package store

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// TestDeliveryInTheBatchOfItsIncident: an incident may be opened in the batch in which somebody was told of it.
func TestDeliveryInTheBatchOfItsIncident(t *testing.T) {
	s, _ := openAt(t)
	id := accept(t, s, firing("x", at)).IncidentID
	together(t, s,
		func() { accept(t, s, firing("y", at)) },
		func() {
			assert.NoError(t, s.SaveDeliveries(t.Context(), incident.Delivery{Incident: id, Channel: "oncall", Open: true}))
		},
	)
	list, err := s.Deliveries(t.Context(), id)
	require.NoError(t, err)
	assert.Len(t, list, 1)
}

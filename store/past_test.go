package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// maxPast is how many Past returns of all and of those with feedback.
const maxPast = 100

func past(t *testing.T, s *Store, alertname string, before time.Time) []incident.PastRecord {
	t.Helper()
	found, err := s.Past(t.Context(), alertname, before)
	require.NoError(t, err)
	return found
}

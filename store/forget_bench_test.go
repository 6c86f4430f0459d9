package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/storetest"
)

// BenchmarkForget removes a hundred thousand incidents, a few at a time, while notifications come: p99-ms is how long those take
// beside it, forgotten/s how fast it is.
func BenchmarkForget(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		s := open(b)
		for first := 0; first < storetest.ForgetStock; first += 1000 {
			require.NoError(b, s.do(b.Context(), func(_ context.Context, tx *batch) error {
				for i := first; i < first+1000; i++ {
					inc := stocked(i)
					inc.Status, inc.OpenedAt, inc.LastHeardAt = incident.Resolved, inc.OpenedAt.AddDate(-1, 0, 0), inc.LastHeardAt.AddDate(-1, 0, 0)
					tx.add(inc)
				}
				return nil
			}))
		}
		b.StartTimer()
		storetest.MeasureForget(b, func(i int) error {
			_, err := s.Accept(context.Background(), firing(fmt.Sprint("new", i%500), time.Now()))
			return err
		}, func() (int, error) {
			return s.Forget(b.Context(), incident.Retention{Incidents: time.Hour, Critical: time.Hour}, storetest.ForgetStep)
		})
		b.StopTimer()
		require.NoError(b, s.Close())
		b.StartTimer()
	}
}

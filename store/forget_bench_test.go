package store

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

var forgetMost = flag.Int("forget.most", 100_000, "after how many of a hundred thousand incidents BenchmarkForget ends")

// forgetPause is how long the service rests after each step while notifications come.
const forgetPause = 50 * time.Millisecond

// BenchmarkForget removes a hundred thousand incidents, a few at a time, while notifications come, as the service does: p99-ms is how
// long those take beside it, forgotten/s how fast it is.
func BenchmarkForget(b *testing.B) {
	const incidents = 100_000
	for b.Loop() {
		b.StopTimer()
		s := open(b)
		for first := 0; first < incidents; first += 1000 {
			require.NoError(b, s.do(b.Context(), func(_ context.Context, tx *batch) error {
				for i := first; i < first+1000; i++ {
					inc := stocked(i)
					inc.Status, inc.OpenedAt, inc.LastHeardAt = incident.Resolved, inc.OpenedAt.AddDate(-1, 0, 0), inc.LastHeardAt.AddDate(-1, 0, 0)
					tx.add(inc)
				}
				return nil
			}))
		}
		done := make(chan struct{})
		var took []time.Duration
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				case <-time.After(5 * time.Millisecond):
				}
				began := time.Now()
				if _, err := s.Accept(context.Background(), firing(fmt.Sprint("new", i%500), time.Now())); err != nil {
					b.Error(err)
				}
				took = append(took, time.Since(began))
			}
		}()
		began, forgotten := time.Now(), 0
		b.StartTimer()
		for n := 20; n == 20 && forgotten < *forgetMost; time.Sleep(forgetPause) {
			var err error
			n, err = s.Forget(b.Context(), incident.Retention{Incidents: time.Hour, Critical: time.Hour}, 20)
			require.NoError(b, err)
			forgotten += n
		}
		b.StopTimer()
		seconds := time.Since(began).Seconds()
		close(done)
		<-ended
		require.Equal(b, min(incidents, *forgetMost), forgotten)
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		b.ReportMetric(float64(forgotten)/seconds, "forgotten/s")
		require.NoError(b, s.Close())
		b.StartTimer()
	}
}

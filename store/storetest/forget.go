package storetest

import (
	"flag"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// ForgetStock is of how many old incidents retention is measured.
	ForgetStock = 100_000
	// ForgetStep is how many of them one transaction removes.
	ForgetStep = 20
	// forgetPause is how long the service rests after each step while notifications come.
	forgetPause = 50 * time.Millisecond
)

var forgetMost = flag.Int("forget.most", ForgetStock, "how many of a hundred thousand incidents BenchmarkForget removes")

// MeasureForget removes incidents by forget, a step at a time and with the rests of the service, while a notification is stored by accept
// each 5 ms. It reports how long those take (p99-ms), and how fast incidents go (forgotten/s).
func MeasureForget(b *testing.B, accept func(i int) error, forget func() (int, error)) {
	b.Helper()
	done, ended := make(chan struct{}), make(chan struct{})
	var took []time.Duration
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
			began := time.Now()
			if err := accept(i); err != nil {
				b.Error(err)
			}
			took = append(took, time.Since(began))
		}
	}()
	began, forgotten := time.Now(), 0
	for n := ForgetStep; n == ForgetStep && forgotten < *forgetMost; time.Sleep(forgetPause) {
		var err error
		n, err = forget()
		require.NoError(b, err)
		forgotten += n
	}
	seconds := time.Since(began).Seconds()
	close(done)
	<-ended
	require.GreaterOrEqual(b, forgotten, min(ForgetStock, *forgetMost))
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(forgotten)/seconds, "forgotten/s")
}

package analyzer

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/incident"
)

var (
	allButGaveUp = []incident.Reason{incident.NoKey, incident.Authentication, incident.Forbidden, incident.Balance, incident.Budget}
	allReasons   = []incident.Reason{incident.NoKey, incident.Authentication, incident.Forbidden, incident.Balance, incident.Budget, incident.GaveUp}
)

func (b *bench) permits(t *testing.T, want []incident.Reason, wantProbe bool) {
	t.Helper()
	may := b.RetryPermission()
	assert.ElementsMatch(t, want, may.Reasons)
	assert.Equal(t, wantProbe, may.Probe || may.One)
}

func TestBreakerFinalFailures(t *testing.T) {
	for status, kind := range map[int]incident.FailureKind{
		401: incident.FailAuthentication, 403: incident.FailForbidden, 402: incident.FailBalance, 404: incident.FailRequest,
	} {
		b := newBench(t)
		b.permits(t, allReasons, false)
		b.srv.Always(modeltest.Status(status, "no"))
		_, first := b.ask(t, "a")
		require.NotNil(t, first)
		asked := 1
		for wait := firstProbe; ; wait = min(2*wait, maxProbe) {
			b.clock.advance(wait - time.Second)
			b.permits(t, nil, false)
			_, failure := b.ask(t, "b")
			require.NotNil(t, failure)
			assert.Equal(t, kind, failure.Kind)
			assert.Equal(t, first.Err.Error(), failure.Err.Error(), "the latest error is told")
			assert.Zero(t, failure.Spend)
			require.Len(t, b.srv.Requests(), asked, "no request before the probe's time")
			b.clock.advance(time.Second)
			b.permits(t, allReasons, true)
			if wait == maxProbe {
				break
			}
			_, failure = b.ask(t, "c")
			require.NotNil(t, failure)
			asked++
			require.Len(t, b.srv.Requests(), asked, "one request at the probe's time")
		}
		b.srv.Always(modeltest.Verdict())
		_, failure := b.ask(t, "d")
		require.Nil(t, failure)
		b.permits(t, allReasons, false)
		assert.Equal(t, "ready", b.Status())
		b.srv.Next(modeltest.Status(status, "no"))
		_, _ = b.ask(t, "e")
		b.clock.advance(firstProbe)
		b.permits(t, allReasons, true) // the backoff began anew
	}
}

func TestBreakerRefusedPrompts(t *testing.T) {
	b := newBench(t)
	refuse := modeltest.Status(400, "bad")

	b.srv.Next(refuse)
	_, failure := b.ask(t, "bad one")
	require.NotNil(t, failure)
	assert.Equal(t, incident.FailRequest, failure.Kind)
	b.permits(t, allButGaveUp, false)
	_, failure = b.ask(t, "good")
	require.Nil(t, failure, "one refused prompt keeps no other incident back")
	b.permits(t, allButGaveUp, false)

	b.clock.advance(firstProbe)
	b.permits(t, allReasons, false)
	b.srv.Next(refuse)
	_, _ = b.ask(t, "bad one")
	b.permits(t, allButGaveUp, false)
	b.clock.advance(2*firstProbe - 1)
	b.permits(t, allButGaveUp, false) // its waits double
	b.clock.advance(1)
	b.srv.Next(refuse, refuse)
	_, _ = b.ask(t, "bad one") // known: it does not count for opening again
	_, _ = b.ask(t, "second")
	b.permits(t, allButGaveUp, false)
	b.srv.Next(refuse)
	_, _ = b.ask(t, "third")
	b.permits(t, nil, false)
	n := len(b.srv.Requests())
	_, failure = b.ask(t, "fourth")
	require.NotNil(t, failure)
	assert.Equal(t, incident.FailRequest, failure.Kind)
	assert.Len(t, b.srv.Requests(), n, "two in a row have opened it")

	b.clock.advance(firstProbe)
	_, failure = b.ask(t, "fourth")
	require.Nil(t, failure)
	b.permits(t, allReasons, false) // closed: all that gave up have a chance
}

func TestBreakerInconclusiveProbe(t *testing.T) {
	b := newBench(t)
	b.srv.Next(modeltest.Status(401, "no"), modeltest.Status(503, ""))
	_, _ = b.ask(t, "a")
	b.clock.advance(firstProbe)
	_, failure := b.ask(t, "b")
	require.NotNil(t, failure)
	assert.Equal(t, incident.FailOverload, failure.Kind)
	b.permits(t, nil, false)
	_, failure = b.ask(t, "c")
	require.NotNil(t, failure)
	assert.Equal(t, incident.FailAuthentication, failure.Kind, "a probe that told nothing does not close it")
	b.clock.advance(firstProbe)
	b.permits(t, allReasons, true)
}

func TestBreakerLetsOneProbeThrough(t *testing.T) {
	b := newBench(t)
	b.srv.Next(modeltest.Status(402, "no"))
	_, _ = b.ask(t, "a")
	b.clock.advance(firstProbe)
	b.srv.Always(modeltest.After(50*time.Millisecond, modeltest.Status(402, "no")))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			_, err := b.Draft(t.Context(), testIncident(), incident.Findings{})
			assert.Equal(t, incident.FailBalance, incident.AsFailure(err).Kind)
		})
	}
	group.Wait()
	assert.Len(t, b.srv.Requests(), 2)
}

func TestRetryAfterPausesAllCalls(t *testing.T) {
	b := newBench(t)
	b.srv.Next(modeltest.RateLimit("30"))
	_, _ = b.ask(t, "a")
	b.permits(t, nil, false)
	b.clock.advance(10 * time.Second)
	_, failure := b.ask(t, "b")
	require.NotNil(t, failure)
	assert.Equal(t, incident.FailRateLimit, failure.Kind)
	assert.Equal(t, 20*time.Second, failure.RetryAfter)
	assert.Len(t, b.srv.Requests(), 1)
	b.clock.advance(20 * time.Second)
	_, failure = b.ask(t, "b")
	require.Nil(t, failure)
	b.permits(t, allReasons, false)
}

func TestCap(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Limits.CallsPerHour = 3 })
	b.srv.Next(modeltest.Status(503, "")) // given back
	_, _ = b.ask(t, "a")
	_, failure := b.ask(t, "a")
	require.Nil(t, failure)
	b.clock.advance(10 * time.Minute)
	b.srv.Next(modeltest.Cut(), modeltest.Cut())
	_, failure = b.ask(t, "b") // what is asked again counts too
	require.NotNil(t, failure)
	assert.Equal(t, incident.FailBadAnswer, failure.Kind)

	_, failure = b.ask(t, "c")
	require.NotNil(t, failure)
	assert.Equal(t, incident.FailBudget, failure.Kind)
	assert.Equal(t, 50*time.Minute, failure.RetryAfter)
	assert.Contains(t, failure.Err.Error(), "budget.calls_per_hour")
	assert.Contains(t, failure.Err.Error(), "13:00:00 UTC")
	assert.Contains(t, b.Status(), "budget of 3 model calls per hour")
	assert.Len(t, b.srv.Requests(), 4)
	b.permits(t, nil, false)

	b.clock.advance(50 * time.Minute)
	b.permits(t, allReasons, true) // calls come free one by one
	_, failure = b.ask(t, "c")
	require.Nil(t, failure)
	b.clock.advance(2 * time.Hour)
	b.permits(t, allReasons, false)
}

func TestCapStopsRepair(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Limits.CallsPerHour = 1 })
	b.srv.Next(modeltest.Cut())
	_, failure := b.ask(t, "a")
	require.NotNil(t, failure)
	assert.Equal(t, incident.FailBudget, failure.Kind)
	assert.Equal(t, 1, failure.Spend.Calls)
	assert.Len(t, b.srv.Requests(), 1)
}

type brokenLedger struct{ MemoryLedger }

func (*brokenLedger) ReserveCall(context.Context, string, float64, incident.Limits) (int64, error) {
	return 0, errors.New("disk full")
}

func TestBrokenLedger(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Ledger = new(brokenLedger) })
	_, failure := b.ask(t, "a")
	require.NotNil(t, failure)
	assert.Equal(t, incident.FailInternal, failure.Kind)
	assert.Empty(t, b.srv.Requests(), "what cannot be counted is not called")
}

func TestNoKey(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Key = "" })
	_, failure := b.ask(t, "a")
	require.NotNil(t, failure)
	assert.Equal(t, incident.FailNoKey, failure.Kind)
	assert.Contains(t, failure.Err.Error(), "DEEPSEEK_API_KEY")
	assert.Empty(t, b.srv.Requests())
	b.permits(t, nil, false)
	assert.Equal(t, "not configured", b.Status())
	warning, err := b.CheckModel(t.Context())
	require.NoError(t, err)
	assert.Empty(t, warning)
}

func TestMetricsStartAtZero(t *testing.T) {
	b := newBench(t)
	n, err := testutil.GatherAndCount(b.reg)
	require.NoError(t, err)
	judgments := 3 + len(incident.FailureKinds())
	assert.Equal(t, 1+len(incident.FailureKinds())+3+1+1+4+len(incident.MarkKinds())+4+judgments, n)
	problems, err := testutil.GatherAndLint(b.reg)
	require.NoError(t, err)
	assert.Empty(t, problems)
}

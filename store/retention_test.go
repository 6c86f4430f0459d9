package store

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

func TestPrune(t *testing.T) {
	s, now := openAt(t, func(o *Options) { o.Retention = 24 * time.Hour })
	const old = 2*batchSize + 7
	for i := range old {
		accept(t, s, firing(fmt.Sprint(i%10), at))
	}
	reserve(t, s, 0, incident.Limits{})
	now.advance(24 * time.Hour)
	accept(t, s, firing("1", now.Now()))
	require.NoError(t, s.prune(context.Background()))
	assert.Equal(t, old+1, count(t, s, `SELECT count(*) FROM notifications`), "not older than a day")
	now.advance(time.Second)
	require.NoError(t, s.prune(context.Background()))
	assert.Equal(t, 1, count(t, s, `SELECT count(*) FROM notifications`))
	assert.Equal(t, 10, count(t, s, `SELECT count(*) FROM incidents`), "incidents stay")
	assert.Equal(t, 1, count(t, s, `SELECT count(*) FROM model_calls`))
	now.advance(callsKept)
	require.NoError(t, s.prune(context.Background()))
	assert.Zero(t, count(t, s, `SELECT count(*) FROM model_calls`))
}

func TestPrunedByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, now := openAt(t)
		accept(t, s, firing("x", at))
		now.advance(31 * 24 * time.Hour)
		accept(t, s, firing("x", now.Now()))
		for _, wait := range []time.Duration{cleanFirst, cleanEvery} {
			time.Sleep(wait + time.Second)
			synctest.Wait()
			assert.Equal(t, 1, count(t, s, `SELECT count(*) FROM notifications`))
			accept(t, s, firing("x", at))
		}
	})
}

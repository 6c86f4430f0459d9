package sim

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/promslog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNoMinuteLooksLikeAnAttack: in a hundred logins in a row exactly three are failed ones of admins, and in any sixty at most three.
func TestNoMinuteLooksLikeAnAttack(t *testing.T) {
	for seed := range uint64(50) {
		l := newLogins(time.Second, rand.New(rand.NewPCG(seed, 0)), start, prometheus.NewRegistry())
		var totals []float64
		for i := range 3600 {
			l.advance(start.Add(time.Duration(i) * time.Second))
			totals = append(totals, l.sum(adminUser, failed, ""))
			if i >= 60 {
				require.LessOrEqual(t, totals[i]-totals[i-60], 3.0, "seed %d, second %d", seed, i)
			}
			if i%hand == 0 {
				require.InDelta(t, float64(i/hand*failedAdmins), totals[i], 0)
			}
		}
	}
}

// TestPast: what is written is what would have been scraped, and what is scraped later goes on from there.
func TestPast(t *testing.T) {
	s, err := New(Config{MetricsAddr: "127.0.0.1:0", ControlAddr: "127.0.0.1:0", Interval: time.Second, Seed: 1, NoRuntime: true}, promslog.NewNopLogger())
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	now := start
	s.now = func() time.Time { return now }
	s.logins.jump(now)
	var out bytes.Buffer
	spans := []Span{{start.Add(-25 * time.Hour), start.Add(-24 * time.Hour)}, {start.Add(-time.Hour), start}}
	require.NoError(t, s.Past(&out, Past{Labels: map[string]string{"job": "app", "instance": `a"b`}, Spans: spans, Step: 10 * time.Second}))
	text := out.String()
	assert.Contains(t, text, "# TYPE user_login counter\nuser_login_total{")
	assert.Contains(t, text, "process_start_time_seconds{instance=\"a\\\"b\",job=\"app\"} "+strconv.FormatFloat(float64(spans[0].From.Unix()), 'g', -1, 64)+" ")
	assert.Contains(t, text, "# TYPE user_sessions gauge\nuser_sessions{")
	assert.True(t, strings.HasSuffix(text, "# EOF\n"))
	assert.Equal(t, 1, strings.Count(text, "# TYPE up gauge\n"))
	assert.Equal(t, 2*360*24, strings.Count(text, "\n")-6, "23 series and up, every ten seconds of two hours")

	var last, sum float64
	for line := range strings.Lines(text) {
		series, rest, ok := strings.Cut(line, "} ")
		if !ok {
			continue
		}
		assert.Contains(t, series, `instance="a\"b"`)
		value, at, _ := strings.Cut(strings.TrimSpace(rest), " ")
		seconds, err := strconv.ParseFloat(at, 64)
		require.NoError(t, err)
		inside := false
		for _, span := range spans {
			inside = inside || seconds >= float64(span.From.Unix()) && seconds < float64(span.To.Unix())
		}
		assert.True(t, inside, line)
		if seconds == float64(start.Add(-10*time.Second).Unix()) && strings.HasPrefix(series, "user_login_total") {
			v, err := strconv.ParseFloat(value, 64)
			require.NoError(t, err)
			sum += v
		}
		last = max(last, seconds)
	}
	assert.InDelta(t, float64(start.Unix()-10), last, 0)
	assert.InDelta(t, 7200, sum, 20, "a login a second")
	assert.InDelta(t, sum, s.logins.sum("", "", ""), 0)
	now = now.Add(30 * time.Second)
	s.logins.advance(now)
	assert.InDelta(t, sum+30, s.logins.sum("", "", ""), 0, "it goes on, and nothing is caught up")
}

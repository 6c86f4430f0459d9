package sim

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 11, 20, 8, 30, 0, 0, time.UTC)

func testLogins(interval time.Duration) *logins {
	return newLogins(interval, rand.New(rand.NewPCG(1, 2)), start, prometheus.NewRegistry())
}

// sum adds up the counters with these label values; "" is any.
func (l *logins) sum(user, status, region string) (total float64) {
	for _, u := range UserTypes {
		for _, s := range Statuses {
			for _, r := range Regions {
				if (user == "" || user == u) && (status == "" || status == s) && (region == "" || region == r) {
					total += testutil.ToFloat64(l.total.WithLabelValues(u, s, r))
				}
			}
		}
	}
	return total
}

func TestAllCombinationsStartAtZero(t *testing.T) {
	l := testLogins(time.Second)
	assert.Equal(t, 20, testutil.CollectAndCount(l.total))
	assert.Zero(t, l.sum("", "", ""))
}

func TestNormalTrafficIsDistributedAsPromised(t *testing.T) {
	const n = 20000
	l := testLogins(time.Second)
	l.advance(start.Add(n * time.Second))
	require.InDelta(t, n, l.sum("", "", ""), 0, "one login per interval")
	for _, c := range []struct {
		name, user, status, region string
		share                      float64
	}{
		{"normal users", normalUser, "", "", .7},
		{"admins", adminUser, "", "", .3},
		{"successes", "", success, "", .9},
		{"failures", "", failed, "", .1},
		{"failed admins", adminUser, failed, "", .03},
		{"beijing", "", "", "beijing", .2},
		{"shanghai", "", "", "shanghai", .2},
		{"guangzhou", "", "", "guangzhou", .2},
		{"shenzhen", "", "", "shenzhen", .2},
		{"hangzhou", "", "", "hangzhou", .2},
	} {
		t.Run(c.name, func(t *testing.T) {
			deviation := math.Sqrt(n * c.share * (1 - c.share))
			assert.InDelta(t, n*c.share, l.sum(c.user, c.status, c.region), 4*deviation)
		})
	}
}

func TestAttackAddsFailuresFromOnePlaceUntilItsEnd(t *testing.T) {
	l := testLogins(time.Hour) // no normal login in the way
	l.startAttack(start, Attack{Region: "hangzhou", UserType: adminUser, Rate: 4, Until: start.Add(10 * time.Second)})
	assert.Equal(t, "attack", l.state().Mode)
	for at := start; at.Before(start.Add(5 * time.Second)); at = at.Add(130 * time.Millisecond) {
		l.advance(at)
	}
	assert.InDelta(t, 20, l.sum(adminUser, failed, "hangzhou"), 0)
	l.advance(start.Add(time.Minute)) // late: what was due before the end still counts, and no more
	assert.InDelta(t, 40, l.sum(adminUser, failed, "hangzhou"), 0)
	assert.InDelta(t, 40, l.sum("", "", ""), 0)
	assert.Equal(t, State{Mode: "normal", Totals: map[string]int{success: 0, failed: 40}}, l.state())
}

func TestAttackCanBeReplacedAndStopped(t *testing.T) {
	l := testLogins(time.Hour)
	l.startAttack(start, Attack{Region: "hangzhou", UserType: adminUser, Rate: 1, Until: start.Add(time.Hour)})
	l.advance(start.Add(9500 * time.Millisecond))
	l.startAttack(start.Add(10*time.Second), Attack{Region: "beijing", UserType: normalUser, Rate: 1, Until: start.Add(time.Hour)})
	l.advance(start.Add(19500 * time.Millisecond))
	l.stopAttack()
	l.advance(start.Add(time.Minute))
	assert.InDelta(t, 10, l.sum(adminUser, failed, "hangzhou"), 0)
	assert.InDelta(t, 10, l.sum(normalUser, failed, "beijing"), 0)
	assert.InDelta(t, 20, l.sum("", "", ""), 0)
}

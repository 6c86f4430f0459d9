// Package sim is the demo's login service: it counts made-up logins for Prometheus to scrape, and has a control
// port that starts an attack.
//
//	service, err := sim.New(sim.Config{MetricsAddr: ":9091", ControlAddr: ":9092", Interval: 3 * time.Second}, logger)
//	…
//	err = service.Run(ctx)
//
// Normal traffic is one login per interval: 70 % normal users and 30 % admins, 90 % success and 10 % failed, from five
// cities alike. Of any hundred in a row exactly three are failed logins of admins, one in each third, so that chance alone never
// looks like an attack. A login takes time to check its password, and opens a session when it succeeds. Service.Past makes up what was scraped before the start. An attack adds failed logins of one user type from one city, many times as many, until its end.
package sim

import (
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The label values. All their combinations are exposed from the start, at 0, so that a rate is right from the first
// login on.
var (
	Regions   = []string{"beijing", "shanghai", "guangzhou", "shenzhen", "hangzhou"}
	UserTypes = []string{normalUser, adminUser}
	Statuses  = []string{success, failed}
)

const (
	normalUser, adminUser = "normal", "admin"
	success, failed       = "success", "failed"

	// Of a hand of logins, that many are of each kind; the rest are successes of normal users.
	hand         = 100
	failedAdmins = 3
	failedNormal = 7
	goodAdmins   = 27

	sessionLength = 2 * time.Minute
	hashTime      = 0.05 // seconds to check a password
)

// kind is what a login is.
type kind struct{ user, status string }

// Attack is a series of failed logins from one place.
type Attack struct {
	Region   string
	UserType string
	Rate     float64 // logins per second
	Until    time.Time
}

// logins makes up the logins that are due. All methods are safe for concurrent use.
type logins struct {
	interval time.Duration
	total    *prometheus.CounterVec
	hashing  prometheus.Counter // what checking passwords took
	sessions prometheus.Gauge
	begun    prometheus.Gauge // nil where the process has its own

	mu         sync.Mutex
	rng        *rand.Rand
	dealt      []kind    // of the logins to come
	next       time.Time // normal login
	attack     *Attack
	nextAttack time.Time
	totals     map[string]int // by status
	open       []time.Time    // when the sessions began that are still open
}

func newLogins(interval time.Duration, rng *rand.Rand, start time.Time, reg prometheus.Registerer) *logins {
	l := &logins{
		interval: interval, rng: rng, next: start.Add(interval), totals: map[string]int{success: 0, failed: 0},
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "user_login_total", Help: "Logins by user type, outcome and region of the client's address.",
		}, []string{"user_type", "login_status", "ip_region"}),
	}
	l.hashing = prometheus.NewCounter(prometheus.CounterOpts{Name: "user_password_hash_seconds_total", Help: "Time spent on checking passwords."})
	l.sessions = prometheus.NewGauge(prometheus.GaugeOpts{Name: "user_sessions", Help: "Sessions that are open."})
	reg.MustRegister(l.total, l.hashing, l.sessions)
	for _, user := range UserTypes {
		for _, status := range Statuses {
			for _, region := range Regions {
				l.total.WithLabelValues(user, status, region)
			}
		}
	}
	return l
}

// advance makes up all logins that were due until now, and ends an attack whose time is over.
func (l *logins) advance(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ; !l.next.After(now); l.next = l.next.Add(l.interval) {
		l.login(l.next)
	}
	l.endSessions(now)
	if l.attack == nil {
		return
	}
	every := time.Duration(float64(time.Second) / l.attack.Rate)
	for ; !l.nextAttack.After(now) && l.nextAttack.Before(l.attack.Until); l.nextAttack = l.nextAttack.Add(every) {
		l.count(l.attack.UserType, failed, l.attack.Region)
	}
	if !now.Before(l.attack.Until) {
		l.attack = nil
	}
}

func (l *logins) login(now time.Time) {
	if len(l.dealt) == 0 {
		l.deal()
	}
	next := l.dealt[0]
	l.dealt = l.dealt[1:]
	l.count(next.user, next.status, Regions[l.rng.IntN(len(Regions))])
	if next.status == success {
		l.open = append(l.open, now)
	}
}

// endSessions ends the sessions that have lasted long enough.
func (l *logins) endSessions(now time.Time) {
	ended := 0
	for ended < len(l.open) && now.Sub(l.open[ended]) >= sessionLength {
		ended++
	}
	l.open = l.open[ended:]
	l.sessions.Set(float64(len(l.open)))
}

// deal makes up a hand of logins in random order, but for the failed ones of admins, which are spread: at one login a second, no
// minute has more than three.
func (l *logins) deal() {
	rest := make([]kind, hand-failedAdmins)
	for i := range rest {
		switch {
		case i < failedNormal:
			rest[i] = kind{normalUser, failed}
		case i < failedNormal+goodAdmins:
			rest[i] = kind{adminUser, success}
		default:
			rest[i] = kind{normalUser, success}
		}
	}
	l.rng.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	l.dealt = make([]kind, 0, hand)
	for part := range failedAdmins {
		size := hand*(part+1)/failedAdmins - hand*part/failedAdmins
		at := l.rng.IntN(size)
		for i := range size {
			if i == at {
				l.dealt = append(l.dealt, kind{adminUser, failed})
				continue
			}
			l.dealt, rest = append(l.dealt, rest[0]), rest[1:]
		}
	}
}

func (l *logins) count(user, status, region string) {
	l.total.WithLabelValues(user, status, region).Inc()
	l.totals[status]++
	l.hashing.Add(hashTime * (0.9 + 0.2*l.rng.Float64()))
}

// startAttack replaces one that may be running.
func (l *logins) startAttack(now time.Time, a Attack) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attack, l.nextAttack = &a, now
}

func (l *logins) stopAttack() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attack = nil
}

// State is what the simulator is doing, and has done since its start.
type State struct {
	Mode string `json:"mode"` // normal or attack
	// The attack that is running, if one is.
	Region   string     `json:"region,omitempty"`
	UserType string     `json:"user_type,omitempty"`
	Rate     float64    `json:"rate,omitempty"` // failed logins per second
	Until    *time.Time `json:"until,omitempty"`
	// Totals are the logins by login_status.
	Totals map[string]int `json:"totals"`
}

func (l *logins) state() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := State{Mode: "normal", Totals: maps.Clone(l.totals)}
	if a := l.attack; a != nil {
		until := a.Until.UTC()
		s.Mode, s.Region, s.UserType, s.Rate, s.Until = "attack", a.Region, a.UserType, a.Rate, &until
	}
	return s
}

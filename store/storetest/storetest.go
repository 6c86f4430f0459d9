package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect"
	"github.com/alertscribe/alertscribe/incident"
)

type (
	intake interface {
		Accept(ctx context.Context, n *incident.Notification) (incident.Receipt, error)
		Busy() bool
		Ping(ctx context.Context) error
		Close() error
	}
	work interface {
		Claim(ctx context.Context, work incident.Work, limit int) ([]incident.Claim, error)
		Renew(ctx context.Context, c incident.Claim) error
		Release(ctx context.Context, c incident.Claim) error
		Finish(ctx context.Context, c incident.Claim, apply func(*incident.Incident, *incident.Findings)) error
		Update(ctx context.Context, id string, apply func(*incident.Incident) bool) error
		Lease() time.Duration
		Due(work incident.Work) <-chan struct{}
		NextDue(ctx context.Context, work incident.Work) (time.Time, error)
		Queue(ctx context.Context) (incident.Queue, error)
		StaleCandidates(ctx context.Context, before time.Time, limit int) ([]*incident.Incident, error)
		EvidenceOnly(ctx context.Context, since time.Time, limit int, reasons ...incident.Reason) ([]*incident.Incident, error)
	}
	reader interface {
		Incident(ctx context.Context, id string) (*incident.Incident, incident.Findings, error)
		Peek(ctx context.Context, id string) (*incident.Incident, error)
		FindID(ctx context.Context, prefix string) (string, error)
		Incidents(ctx context.Context, q incident.Query) (list []*incident.Incident, next string, err error)
		List(ctx context.Context, q incident.Query) (incident.List, error)
		Newest(ctx context.Context, q incident.Query) (string, error)
		Past(ctx context.Context, alertname string, before time.Time) ([]incident.PastRecord, error)
		Subscribe(ctx context.Context) <-chan incident.Change
	}
	ledger interface {
		ReserveCall(ctx context.Context, incidentID string, cost float64, limits incident.Limits) (call int64, err error)
		SettleCall(ctx context.Context, call int64, model string, spend incident.Spend, billed bool) error
		Used(ctx context.Context) (incident.BudgetUsage, error)
		Costs(ctx context.Context, since time.Time) ([]incident.Costs, error)
	}
	channels interface {
		EnterChannels(ctx context.Context, names []string) (map[string]time.Time, error)
		SaveDeliveries(ctx context.Context, deliveries ...incident.Delivery) error
		Deliveries(ctx context.Context, id string) ([]incident.Delivery, error)
		KeptDeliveries(ctx context.Context, channel string) ([]incident.Delivery, error)
		ToTell(ctx context.Context, since time.Time) ([]string, error)
	}
	detection interface {
		LoadDetection(ctx context.Context, rule string) (map[string][]byte, error)
		DetectionRules(ctx context.Context) ([]string, error)
		SaveDetection(ctx context.Context, rule string, series map[string][]byte) error
	}
	retention interface {
		Forget(ctx context.Context, keep incident.Retention, limit int) (int, error)
		Forgotten(ctx context.Context, after int64, limit int) ([]incident.Forgotten, error)
		Size(ctx context.Context) (bytes int64, err error)
	}
	sources interface {
		LoadPart(ctx context.Context, p detect.Part) (seq, position int64, err error)
		EachSeries(ctx context.Context, p detect.Part, f func(detect.SavedSeries) error) error
		EachEntry(ctx context.Context, p detect.Part, f func(seq int64, entry []byte) error) error
		SavePart(ctx context.Context, p detect.Part, c detect.Commit) error
		Events(ctx context.Context, p detect.Part) ([]detect.Event, error)
		DeleteEvents(ctx context.Context, p detect.Part, upTo int64) error
	}
	duties interface {
		Lead(ctx context.Context, duty string, do func(ctx context.Context))
	}
	// Store is what every engine does.
	Store interface {
		intake
		work
		reader
		ledger
		channels
		detection
		retention
		sources
		duties
		SetPolicy(p *incident.Policy)
	}
)

// Options are those that all engines have.
type Options struct {
	Policy    *incident.Policy
	Lease     time.Duration
	Retention time.Duration
	Now       func() time.Time
}

// Database is one database of an engine. It may be opened again after it was closed; where the engine is Shared, also before.
type Database interface {
	Open(o Options) (Store, error)
}

// Logged is a notification as it was appended.
type Logged struct {
	Outcome  string
	Incident string // "" for none
	Received time.Time
	Body     []byte
}

// Engine is an engine of the store.
type Engine struct {
	// New makes an empty database, which goes with the test.
	New func(tb testing.TB) Database
	// Log returns the notifications of a database in their order. It reads what is stored and not what the engine remembers.
	Log func(tb testing.TB, db Database) []Logged
	// Shared says that a database may be opened by many at a time.
	Shared bool
}

// parts are those of the suite.
var parts = []struct {
	name string
	test func(t *testing.T, e *Engine)
}{
	{"Accept", testAccept},
	{"PanicFailsAlone", testPanicFailsAlone},
	{"ManyClients", testManyClients},
	{"Pair", testPair},
	{"Truncated", testTruncated},
	{"WeirdText", testWeirdText},
	{"SearchesWeirdText", testSearchesWeirdText},
	{"LargeGroup", testLargeGroup},
	{"ManyWritersOfOneLargeGroup", testManyWritersOfOneLargeGroup},
	{"RandomLife", testRandomLife},
	{"WorkGoesItsWay", testWorkGoesItsWay},
	{"ClaimOrder", testClaimOrder},
	{"ClaimsAtOnce", testClaimsAtOnce},
	{"Lease", testLease},
	{"Update", testUpdate},
	{"Memory", testMemory},
	{"Remark", testRemark},
	{"DueWakes", testDueWakes},
	{"FindID", testFindID},
	{"LooksAreKept", testLooksAreKept},
	{"Reopen", testReopen},
	{"ReopenRanksSeverities", testReopenRanksSeverities},
	{"Subscribe", testSubscribe},
	{"SubscribersSeeTheLastState", testSubscribersSeeTheLastState},
	{"IncidentNotFound", testIncidentNotFound},
	{"Incidents", testIncidents},
	{"IncidentsWhileOthersOpen", testIncidentsWhileOthersOpen},
	{"IncidentsRefusesCursor", testIncidentsRefusesCursor},
	{"Silent", testSilent},
	{"EvidenceOnly", testEvidenceOnly},
	{"Queue", testQueue},
	{"ScheduledRefresh", testScheduledRefresh},
	{"Search", testSearch},
	{"SearchFollows", testSearchFollows},
	{"ListCounts", testListCounts},
	{"Past", testPast},
	{"PastFeedbackIsFound", testPastFeedbackIsFound},
	{"StormLinksBothWays", testStormLinksBothWays},
	{"StormMakesFilesDueAgain", testStormMakesFilesDueAgain},
	{"WhatIsNoStorm", testWhatIsNoStorm},
	{"StormMostSevereFirst", testStormMostSevereFirst},
	{"StormIsBounded", testStormIsBounded},
	{"StormFullIncidentsAreLeftAlone", testStormFullIncidentsAreLeftAlone},
	{"Ledger", testLedger},
	{"LedgerOfMoney", testLedgerOfMoney},
	{"LedgerRenewsToTheMicrosecond", testLedgerRenewsToTheMicrosecond},
	{"LedgerNamesTheLimitThatLastsLongest", testLedgerNamesTheLimitThatLastsLongest},
	{"LedgerRefusesWhatCostsMoreThanTheLimit", testLedgerRefusesWhatCostsMoreThanTheLimit},
	{"LedgerCountsWhatIsNotKnown", testLedgerCountsWhatIsNotKnown},
	{"LedgerUnderLoad", testLedgerUnderLoad},
	{"Used", testUsed},
	{"Costs", testCosts},
	{"Deliveries", testDeliveries},
	{"ToTell", testToTell},
	{"ChannelsAreKnownSinceTheirFirstStart", testChannelsAreKnownSinceTheirFirstStart},
	{"Peek", testPeek},
	{"Detection", testDetection},
	{"Forget", testForget},
	{"ForgetAll", testForgetAll},
	{"SetPolicy", testSetPolicy},
	{"SavePart", testSavePart},
	{"SavePartMoved", testSavePartMoved},
	{"Lead", testLead},
	{"Closed", testClosed},
	{"ClosedUnderLoad", testClosedUnderLoad},
	{"Receipts", testReceipts},
	{"ClockIsSetBack", testClockIsSetBack},
	{"DeliveriesStay", testDeliveriesStay},
}

// Run runs the suite.
func (e *Engine) Run(t *testing.T) {
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) { part.test(t, e) })
	}
	if !e.Shared {
		return
	}
	t.Run("ManyCopies", func(t *testing.T) { testManyCopies(t, e) })
}

// at is when the notifications of tests arrive.
var at = time.Date(2026, 11, 20, 8, 30, 5, 123456000, time.UTC)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// opened is an open store and what it takes to open it again.
type opened struct {
	Store

	engine *Engine
	db     Database
	opts   Options
}

func (e *Engine) open(t testing.TB, db Database, o Options) *opened {
	t.Helper()
	s, err := db.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return &opened{s, e, db, o}
}

// open opens a store on a database of its own and closes it at the end of the test.
func open(t testing.TB, e *Engine, change ...func(*Options)) *opened {
	t.Helper()
	var o Options
	for _, f := range change {
		f(&o)
	}
	return e.open(t, e.New(t), o)
}

// openAt opens a store with a clock that stands at the time of the notifications.
func openAt(t testing.TB, e *Engine, change ...func(*Options)) (*opened, *clock) {
	t.Helper()
	c := &clock{now: at}
	return open(t, e, append(change, func(o *Options) { o.Now = c.Now })...), c
}

// reopen closes a store and opens its database again.
func reopen(t testing.TB, s *opened, change ...func(*Options)) *opened {
	t.Helper()
	require.NoError(t, s.Close())
	o := s.opts
	for _, f := range change {
		f(&o)
	}
	return s.engine.open(t, s.db, o)
}

// log returns the notifications that are stored.
func (s *opened) log(t testing.TB) []Logged { return s.engine.Log(t, s.db) }

// atOnce is the default policy, by which nothing waits and nothing is looked at again by itself.
func atOnce() *incident.Policy {
	p := incident.DefaultPolicy()
	p.Settle, p.Refresh = 0, nil
	return p
}

// alert returns an alert of a group, told apart by its instance.
func alert(group, instance, severity string, status incident.Status) incident.Alert {
	return incident.Alert{
		Status: status, StartsAt: at.Add(-time.Minute), Annotations: map[string]string{"summary": "too many"},
		Labels: map[string]string{"alertname": "A" + group, "severity": severity, "instance": instance},
	}
}

func notification(group string, received time.Time, alerts ...incident.Alert) *incident.Notification {
	return &incident.Notification{
		Receiver: "alertscribe", GroupKey: fmt.Sprintf("{}:{alertname=%q}", "A"+group), Alerts: alerts,
		ExternalURL: "http://alertmanager:9093", GroupLabels: map[string]string{"alertname": "A" + group},
		ReceivedAt: received, Body: []byte(`{"version":"4"}` + strings.Repeat(" ", 100)),
	}
}

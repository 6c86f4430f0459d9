package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer"
	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/incident"
)

// soon bounds the wait for what nothing may hold up. On a quiet machine it takes milliseconds: see BenchmarkHangingModels; a test shares
// its machine with others.
const soon = time.Minute

// beforeLease bounds the wait for what has to go on after a start, and not when the lease runs out that a killed process holds, after
// 30 s. The promise is ten seconds, on a machine that has time.
const beforeLease = 20 * time.Second

// TestModelFaults breaks the model in every way that it is known to break. Whatever it does, the report is there at once
// and says where the analysis stands; once the model is well again, the analysis is completed.
func TestModelFaults(t *testing.T) {
	always := func(r modeltest.Reply) func(*modeltest.Server) { return func(m *modeltest.Server) { m.Always(r) } }
	tests := map[string]struct {
		fault func(*modeltest.Server)
		// state and reason while the fault lasts; detail is a part of what the report says about it.
		state  incident.State
		reason incident.Reason
		detail string
		prose  bool // the answer is kept as prose
		paid   bool // it was paid for and can't be read: it is asked for three times at most, and not again by the clock
	}{
		"429":                    {fault: always(modeltest.RateLimit("")), state: incident.Pending, detail: "429"},
		"429 with Retry-After":   {fault: always(modeltest.RateLimit("1")), state: incident.Pending, detail: "429"},
		"500":                    {fault: always(modeltest.Status(500, "internal")), state: incident.Pending, detail: "500"},
		"503":                    {fault: always(modeltest.Status(503, "overloaded")), state: incident.Pending, detail: "503"},
		"hang":                   {fault: always(modeltest.Hang()), state: incident.Pending},
		"blank lines":            {fault: always(modeltest.BlankLines(50 * time.Millisecond)), state: incident.Pending},
		"blank content":          {fault: always(modeltest.Blank()), state: incident.EvidenceOnly, reason: incident.GaveUp, detail: "blank content", paid: true},
		"cut JSON, then again":   {fault: always(modeltest.Cut()), state: incident.EvidenceOnly, reason: incident.GaveUp, detail: "it begins: ", paid: true},
		"200 with an error body": {fault: always(modeltest.ErrorIn200("overloaded")), state: incident.Pending, detail: "overloaded"},
		"empty body":             {fault: always(modeltest.Empty()), state: incident.EvidenceOnly, reason: incident.GaveUp, detail: "empty body", paid: true},
		"a login page":           {fault: always(modeltest.HTML()), state: incident.Pending},
		"reset":                  {fault: always(modeltest.Reset()), state: incident.Pending},
		"401":                    {fault: always(modeltest.Status(401, "bad key")), state: incident.EvidenceOnly, reason: incident.Authentication},
		"402":                    {fault: always(modeltest.Status(402, "Insufficient Balance")), state: incident.EvidenceOnly, reason: incident.Balance},
		"400":                    {fault: always(modeltest.Status(400, "Model Not Exist")), state: incident.EvidenceOnly, reason: incident.GaveUp},
		"connection refused":     {fault: (*modeltest.Server).Down, state: incident.Pending},
		"fenced JSON":            {fault: always(modeltest.Fenced()), state: incident.Complete},
		"prose":                  {fault: always(modeltest.Prose()), state: incident.Complete, prose: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newModel(t)
			tc.fault(m)
			s := startService(t, func(c *config) {
				withModel(m)(c)
				require.NoError(t, c.LLM.Timeout.Set("1s"))
				c.LLM.probeAfter = time.Second // not a minute
			})
			begun := time.Now()
			id := s.open("Fault")
			inc := s.await(id, soon, "no report", onDisk)
			t.Logf("report on disk %v after the request", time.Since(begun).Round(time.Millisecond))
			assert.Contains(t, s.report(inc), "id: "+id)

			inc = s.await(id, soon, "the state was not reached", func(inc *incident.Incident) bool {
				tried := inc.Analysis.Attempts > 0 || inc.Analysis.State == incident.Complete
				return tried && inc.Analysis.State == tc.state && inc.Analysis.Reason == tc.reason && current(inc)
			})
			assert.Contains(t, inc.Analysis.Detail, tc.detail)
			assert.Contains(t, s.report(inc), "analysis: "+string(tc.state))
			_, found := s.incident(id)
			assert.Equal(t, tc.prose, found.Verdict != nil && found.Verdict.Prose != "")
			if tc.state == incident.Complete {
				return
			}
			if tc.paid {
				assert.Never(t, func() bool { return len(m.Requests()) > 3 }, 3*time.Second, 100*time.Millisecond, "probes come every second")
				return
			}
			m.Always(modeltest.Verdict())
			if name == "connection refused" {
				require.NoError(t, m.Up())
			}
			inc = s.await(id, soon, "not completed after the model was well", func(inc *incident.Incident) bool {
				return inc.Analysis.State == incident.Complete && current(inc)
			})
			assert.Contains(t, s.report(inc), "analysis: complete")
		})
	}
}

// TestHangingModelsHoldUpNothing lets all four analyses hang, and sends a hundred alerts meanwhile.
func TestHangingModelsHoldUpNothing(t *testing.T) {
	m := newModel(t)
	s := hanging(t, m)
	for _, id := range s.openMany("Meanwhile", 100) {
		s.await(id, soon, "evidence", func(inc *incident.Incident) bool { return inc.Analysis.Evidence > 0 && current(inc) })
	}
	require.Len(t, m.Requests(), 4, "the four still hang")
}

// hanging starts a service all of whose analyses hang.
func hanging(t testing.TB, m *modeltest.Server) *service {
	m.Always(modeltest.Hang())
	s := startService(t, func(c *config) {
		withModel(m)(c)
		require.NoError(t, c.LLM.Timeout.Set("1h"))
	})
	s.openMany("Hanging", 4)
	require.Eventually(t, func() bool { return len(m.Requests()) == 4 }, soon, 10*time.Millisecond)
	return s
}

// openMany posts firing alerts at once, each of a group of its own, and returns their incidents' ids.
func (s *service) openMany(name string, n int) []string {
	ids := make([]string, n)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			a, err := post(s.t.Context(), http.DefaultClient, s.url+"/alert", oneAlert(fmt.Sprintf("%s%d", name, i), incident.Firing))
			if assert.NoError(s.t, err) && assert.NotNil(s.t, a.Incident, a.raw) {
				ids[i] = *a.Incident
			}
		})
	}
	wg.Wait()
	return ids
}

// TestCap lets more incidents ask than the cap allows.
func TestCap(t *testing.T) {
	m := newModel(t)
	s := startService(t, func(c *config) {
		withModel(m)(c)
		c.Budget.CallsPerHour = 3
	})
	var ids []string
	for i := range 8 {
		ids = append(ids, s.open(fmt.Sprintf("Capped%d", i)))
	}
	complete, capped := 0, 0
	for _, id := range ids {
		inc := s.await(id, soon, "settled", func(inc *incident.Incident) bool {
			return inc.Analysis.State != incident.Pending && current(inc)
		})
		switch {
		case inc.Analysis.State == incident.Complete:
			complete++
		case inc.Analysis.Reason == incident.Budget:
			capped++
			assert.Contains(t, s.report(inc), "analysis_reason: budget")
		}
	}
	assert.Equal(t, 3, complete)
	assert.Equal(t, 5, capped)
	assert.Len(t, m.Requests(), 3)
}

// TestRepeatsCostNothing sends what Alertmanager and its pair repeat, and a flap: one model call in all.
func TestRepeatsCostNothing(t *testing.T) {
	m := newModel(t)
	s := startService(t, withModel(m))
	id := s.open("Repeated")
	s.await(id, soon, "complete", func(inc *incident.Incident) bool { return inc.Analysis.State == incident.Complete })
	for i := range 20 {
		body := oneAlert("Repeated", incident.Firing)
		if i%2 == 1 {
			body = []byte(strings.ReplaceAll(string(body), "http://alertmanager:9093", "http://alertmanager-2:9093"))
		}
		a := s.post("/alert", body)
		require.Equal(t, id, *a.Incident)
	}
	s.post("/alert", oneAlert("Repeated", incident.Resolved))
	s.post("/alert", oneAlert("Repeated", incident.Firing))
	inc := s.await(id, soon, "settled", func(inc *incident.Incident) bool {
		_, refresh := inc.Due[incident.WorkRefresh] // of the timetable
		return len(inc.Due) == 1 && refresh && current(inc)
	})
	assert.Equal(t, 20, inc.Repeats)
	assert.Equal(t, 1, inc.Flaps)
	assert.Len(t, m.Requests(), 1)
	assert.Len(t, reportsOnDisk(t, s.cfg.Reports.Dir)[id], 1)
}

// TestSkipAndSecrets: what analysis.skip matches costs no call, and secrets in alert text do not reach the model.
func TestSkipAndSecrets(t *testing.T) {
	m := newModel(t)
	s := startService(t, withModel(m))
	inc := s.await(s.open("Watchdog"), soon, "evidence", func(inc *incident.Incident) bool {
		return inc.Analysis.Evidence > 0 && current(inc)
	})
	assert.Equal(t, incident.Skipped, inc.Analysis.Reason)
	require.Empty(t, m.Requests())

	body := strings.Replace(string(oneAlert("Leaky", incident.Firing)), "Leaky is not well",
		"postgres://app:hunter2@db/prod refused, 密码：correct-horse", 1)
	a := s.post("/alert", []byte(body))
	s.await(*a.Incident, soon, "complete", func(inc *incident.Incident) bool { return inc.Analysis.State == incident.Complete })
	require.Len(t, m.Requests(), 1)
	assert.NotContains(t, m.Requests()[0].User(), "hunter2")
	assert.NotContains(t, m.Requests()[0].User(), "correct-horse")
}

// TestNothingSecretIsLogged: the text of alerts gets into the log by their names, and that of servers by their errors.
func TestNothingSecretIsLogged(t *testing.T) {
	m := newModel(t)
	m.Always(modeltest.Status(400, "no such thing as token=hunter2server0123456789"))
	s := startService(t, withModel(m))
	id := s.open("Leak password=hunter2alert")
	s.await(id, soon, "refused", func(inc *incident.Incident) bool { return inc.Analysis.Reason == incident.GaveUp })
	require.NoError(t, s.stop())
	assert.Contains(t, s.logs.String(), "Leak password=[REDACTED")
	assert.NotContains(t, s.logs.String(), "hunter2")
}

// TestMoney lets more incidents ask than the money allows: what was spent stays within the budget however many ask at
// once, and who has to wait says what for.
func TestMoney(t *testing.T) {
	const perHour = .02
	m := newModel(t)
	s := startService(t, func(c *config) {
		withModel(m)(c)
		c.Budget.CallsPerHour, c.Budget.CostPerHour = 0, perHour
		c.Budget.PeakHours = nil // at any time of the day
		c.Budget.Prices["deepseek-flash"] = analyzer.Price{Input: 1, Output: 1}
	})
	ids := s.openMany("Money", 20)
	complete, waiting, spent := 0, 0, 0.
	for _, id := range ids {
		inc := s.await(id, soon, "settled", func(inc *incident.Incident) bool {
			return inc.Analysis.State != incident.Pending && current(inc)
		})
		spent += inc.Spend.Cost
		switch {
		case inc.Analysis.State == incident.Complete:
			complete++
		case inc.Analysis.Reason == incident.Budget:
			waiting++
			assert.Contains(t, s.report(inc), "budget.cost_per_hour")
			assert.Regexp(t, `allowed at \d\d:\d\d:\d\d UTC`, inc.Analysis.Detail)
		}
	}
	t.Logf("%d analyzed for %.4f of %.4f USD, %d wait", complete, spent, perHour, waiting)
	assert.Positive(t, complete)
	assert.Positive(t, waiting)
	assert.Equal(t, len(ids), complete+waiting)
	assert.LessOrEqual(t, spent, perHour)
	assert.GreaterOrEqual(t, len(m.Requests()), complete) // those that waited may have their turn by now
	used, err := s.app.store.Used(t.Context())
	require.NoError(t, err)
	assert.GreaterOrEqual(t, used.CostHour, spent-1e-9, "the ledger has it all")
	assert.LessOrEqual(t, used.CostHour, perHour, "and what is under way at its most")
}

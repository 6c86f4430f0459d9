package evidence

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/promql"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

const storeDown = `receive series from Addr: 10.0.0.7:10901: rpc error: code = Unavailable desc = connection error`

// lossy is a Prometheus behind a querier of many stores, and an incident there: another alert fires, a peer is sick, a target has restarted.
func lossy(t *testing.T) (*testbedtest.Fanout, *recording, *incident.Incident) {
	t.Helper()
	const onset = 5400
	r := record(2*time.Hour, 15*time.Second)
	for i := range 3 {
		where := fmt.Sprintf(`{job="api",namespace="shop",instance="%d:80"}`, i)
		r.add("load"+where, func(s float64) float64 { return wobble(2, s) + spike(s >= onset && i < 2, 60) })
		r.add("work"+where, func(s float64) float64 { return wobble(5, s) + spike(s >= onset && i == 0, 300) })
		r.add("up"+where, steps(1, 5600, float64(i%2)))
		r.add("process_start_time_seconds"+where, steps(1.7e9, 5000, float64(r.at(5000).Unix())))
	}
	r.add(`ALERTS{alertstate="firing",alertname="Other",namespace="shop"}`, steps(nan, 5000, 1))
	front := testbedtest.StartFanout(t, r.serve(t, "").URL)
	return front, r, firingIncident(r.at(onset), "load > 10", "alertname=High namespace=shop job=api instance=0:80")
}

// patient has no lookup fail because the machine is busy.
func patient(o *Options) { o.Timeout, o.CounterEvidenceTimeout = time.Minute, time.Minute }

// asked are the kinds of items that answers of Prometheus are in.
func asked(e incident.Evidence) bool {
	return !slices.Contains([]incident.EvidenceKind{incident.KindAlert, incident.KindHistory, incident.KindRunbook}, e.Kind)
}

// TestPartialAnswersAreAdmitted: what is made of them says so, is certain of nothing, and claims no absence.
func TestPartialAnswersAreAdmitted(t *testing.T) {
	front, r, inc := lossy(t)
	for name, test := range map[string]struct {
		down     func()
		reason   string
		language incident.Language
		item     string
		absent   []string
	}{
		"Thanos": {
			func() { front.Down("alertname", "Other", storeDown) }, storeDown, incident.English, "Prometheus answered in part: series may be missing, and sums too low.",
			[]string{
				"No other alert fired in this window (", "), as far as a partial answer shows.", "No other alerts firing, as far as a partial answer shows.",
				"met the condition since the onset; 1 still do at the end, as far as a partial answer shows.",
			},
		},
		"VictoriaMetrics": {
			func() { front.Partial("alertname", "Other") }, "isPartial: a storage node did not answer", incident.Chinese, "Prometheus 返回的数据不完整：可能缺少序列，合计值可能偏低。",
			[]string{"没有其他告警触发（返回数据不完整，未必如此）。"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			registry := prometheus.NewPedanticRegistry()
			c := collectorAt(t, front.URL, r.end(), patient, func(o *Options) { o.Registerer, o.Language = registry, test.language })
			look := func() []incident.Evidence {
				comparisons, answers := c.CounterEvidence(t.Context(), inc, []incident.Check{{PromQL: "work"}, {PromQL: "nowhere"}})
				return slices.Concat(c.Collect(t.Context(), inc, nil).Items, comparisons, answers)
			}
			front.Up()
			whole := look()
			test.down()
			partial := look()
			owed(t, partial...)
			certain := false
			for _, e := range whole {
				assert.Empty(t, e.Partial, "%s", e.Title)
				certain = certain || slices.ContainsFunc(e.Ranking, func(s incident.RankedSeries) bool { return s.Confidence == "high" })
			}
			assert.True(t, certain, "of a whole answer")
			var said strings.Builder
			for _, e := range partial {
				if !asked(e) {
					assert.Empty(t, e.Partial, e.Title)
					continue
				}
				assert.False(t, e.Failed, "%s: %s", e.Title, e.Summary)
				assert.False(t, e.Nothing, e.Title)
				assert.Equal(t, []string{test.reason}, e.Partial, e.Title)
				assert.Contains(t, e.Summary, test.item, e.Title)
				for _, s := range e.Ranking {
					assert.NotEqual(t, "high", s.Confidence, e.Title)
				}
				said.WriteString(e.Summary + "\n")
				if e.Table != nil {
					fmt.Fprintln(&said, e.Table.Rows)
				}
			}
			for _, sentence := range test.absent {
				assert.Contains(t, said.String(), sentence)
			}
			assert.NotContains(t, said.String(), "high confidence")
			assert.NotContains(t, said.String(), "置信度高")
			assert.Len(t, partial, len(whole))
			assert.Positive(t, testutil.ToFloat64(c.metrics.questions.WithLabelValues("prometheus", "partial")))
			assert.Zero(t, testutil.ToFloat64(c.metrics.failed.WithLabelValues(string(incident.KindAlerts))))
		})
	}
}

// TestPartialAnswersAreToldApart: an item suffers by the answers that it is made from, and by those that all share.
func TestPartialAnswersAreToldApart(t *testing.T) {
	front, r, inc := lossy(t)
	front.Down("job", "none", storeDown)
	for name, test := range map[string]struct {
		concerns func(query string) bool
		want     func(e incident.Evidence) bool
	}{
		"one collector's": {func(q string) bool { return strings.Contains(q, `ALERTS{`) }, func(e incident.Evidence) bool { return e.Kind == incident.KindAlerts }},
		"the window":      {func(q string) bool { return q == "count(up)" }, asked},
		"the rules":       {func(q string) bool { return q == "" }, asked},
		"none":            {func(string) bool { return false }, func(incident.Evidence) bool { return false }},
	} {
		t.Run(name, func(t *testing.T) {
			front.Concerns(test.concerns)
			items := collectorAt(t, front.URL, r.end(), patient).Collect(t.Context(), inc, nil).Items
			for _, e := range items {
				assert.False(t, e.Failed, e.Summary)
				assert.Equal(t, test.want(e), len(e.Partial) > 0, "%s: %s", e.Title, e.Summary)
			}
		})
	}
}

// TestNothingFromPartialAnswersIsNoFinding: a collector that has nothing to tell of a partial answer has failed.
func TestNothingFromPartialAnswersIsNoFinding(t *testing.T) {
	front, r, inc := lossy(t)
	front.Down("job", "none", storeDown)
	for language, want := range map[incident.Language]string{"en": "partial answer (" + storeDown + ").", "zh": "返回数据不完整（" + storeDown + "）。"} {
		c := collectorAt(t, front.URL, r.end(), func(o *Options) { o.Language = language })
		inv := c.investigate(t.Context(), inc, 60)
		asks := false
		silent := collector{kind: incident.KindSuspects, title: msgTitleSuspects, run: func(ctx context.Context, inv *investigation) ([]incident.Evidence, error) {
			if !asks {
				return nil, nil
			}
			_, err := inv.prom.Instant(ctx, "up", r.end())
			return nil, err
		}}
		assert.Empty(t, c.runCollector(t.Context(), silent, inv), "it had no question, as where there are no bands")
		asks = true
		items := c.runCollector(t.Context(), silent, inv)
		require.Len(t, items, 1)
		assert.True(t, items[0].Failed)
		assert.Equal(t, want, items[0].Summary)
		silent.kind = incident.KindHistory
		assert.Empty(t, c.runCollector(t.Context(), silent, inv), "which asks no Prometheus")
	}
}

// TestEndsFromPartialAnswers: series whose end is missing have not ended, as far as anybody knows.
func TestEndsFromPartialAnswers(t *testing.T) {
	const onset = 5400
	r := record(2*time.Hour, 15*time.Second)
	for i := range 4 {
		r.add(fmt.Sprintf(`stops_%d{job="api",namespace="shop",instance="1:80"}`, i), func(s float64) float64 {
			if s > onset {
				return nan
			}
			return 100 + wobble(2, s+float64(i)*31)
		})
	}
	r.add(`load{job="api",namespace="shop",instance="0:80"}`, func(s float64) float64 { return wobble(2, s) + spike(s >= onset, 60) })
	front := testbedtest.StartFanout(t, r.serve(t, "").URL)
	inc := firingIncident(r.at(onset), "load > 10", "alertname=High namespace=shop job=api")
	c := collectorAt(t, front.URL, r.end(), patient)
	ends := func() (string, string) {
		item := ofKind(c.Collect(t.Context(), inc, nil).Items, incident.KindSuspects)[0]
		return item.Summary, fmt.Sprint(item.Table, item.Ranking)
	}
	summary, table := ends()
	assert.Contains(t, summary+table, "ended")
	front.Down("job", "none", storeDown)
	summary, table = ends()
	assert.NotContains(t, summary+table, "ended")
	assert.NotContains(t, table, "stops_")
}

// doubtful is an investigation whose Prometheus has answered in part.
func doubtful(t *testing.T, language incident.Language) *investigation {
	t.Helper()
	front, _, inc := lossy(t)
	front.Down("job", "none", storeDown)
	c := collectorAt(t, front.URL, time.Now(), func(o *Options) { o.Language = language })
	return c.investigate(t.Context(), inc, 60)
}

func TestSayFromPartialAnswers(t *testing.T) {
	en, zh := doubtful(t, incident.English), doubtful(t, incident.Chinese)
	for _, test := range []struct {
		say    message
		args   []any
		en, zh string
	}{
		{msgNothingFires, nil, "No other alerts firing, as far as a partial answer shows.", "当前没有其他告警触发（返回数据不完整，未必如此）。"},
		{msgElsewhereUp, []any{3}, " Other targets: 3, none was down, as far as a partial answer shows.", "其他 3 个采集目标也没有中断过（返回数据不完整，未必如此）。"},
		{msgNoteEnded, nil, "ended (partial answer)", "数据中断（返回数据不完整）"},
		{msgNoteSure, nil, "partial answer", "返回数据不完整"},
		{msgNoteUnsure, nil, "low confidence", "置信度低"},
		{msgWordTarget, nil, "target", "采集目标"},
	} {
		assert.Equal(t, test.en, en.say(test.say, test.args...))
		assert.Equal(t, test.zh, zh.say(test.say, test.args...))
	}
	whole := &investigation{language: incident.English}
	assert.Equal(t, "No other alerts firing.", whole.say(msgNothingFires), "without Prometheus there is no partial answer")
}

// ofAbsence finds phrases that may say that something is not there.
var ofAbsence = regexp.MustCompile(`(?i)\b(no|none|not|never|nothing|only|all|always|ended|end|ends|gone|0|unchanged|neither|missing|throughout|almost|resolved|first|unlikely)\b|%\[?\d?\]?d (of|other|more)|alike`)

// certain are those of them that are true of a partial answer, too: what was seen, what is about us, alerts, or text, and what leaves
// something open.
var certain = []message{
	msgAlerts, msgAlertsOver, msgHidden, msgCommon, msgMore, // of Alertmanager
	msgCheckSame, msgCheckStrayed, msgLooksAgo, msgNoJob, msgNoExpression, msgInfiniteSince, msgNothingNew, msgPaceThen, msgWordNo, // of series that are there
	msgCarriesPart, msgNotPromQL, msgWordRest, msgUnchanging, msgInfinite, msgForeign, msgSeveralFit, msgUnsteady,
	msgNoPrometheus, msgNoServerFits, msgElsewhere, msgElsewhereUnknown, msgLeftOpen, msgSampled, msgLeftOut, msgPartly, msgLooksAhead, // of what we asked
	msgNotBrokenDown[promql.RefusedSeries], msgNotBrokenDown[promql.RefusedRecorded], msgNotBrokenDown[promql.RefusedConstant], msgNotBrokenDown[promql.RefusedForm],
	msgLateSeen, msgFirstSince, msgFirstBetween, msgNoPastIncidents, msgNoTargets, msgRunbook,
	msgMostOfAll, msgBesideOwn, msgOthersMoved, msgQuietMore, msgQuietPart, msgChangesLately, msgFirstRowOwn, msgFirstRowUnsure, // parts of other phrases
}

// TestAbsencesAreListed: a phrase that may say that something is not there is among the absences, or was found to be certain.
func TestAbsencesAreListed(t *testing.T) {
	seen := map[message]bool{}
	for where, m := range allMessages(t) {
		seen[m] = true
		if strings.HasPrefix(where, "check.go") || strings.HasPrefix(where, "failure.go:3") || strings.HasPrefix(where, "failure.go:4") || strings.HasPrefix(where, "partial.go") {
			continue // why a check is refused, words of errors, and this
		}
		if ofAbsence.MatchString(m.en) && !absences[m] {
			assert.True(t, slices.Contains(certain, m), "%s: %q is an absence, or not?", where, m.en)
		}
	}
	for m := range absences {
		assert.True(t, seen[m], "%s is said nowhere", m.en)
		assert.False(t, slices.Contains(certain, m), m.en)
	}
}

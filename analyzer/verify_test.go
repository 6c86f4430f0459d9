package analyzer

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/analyzer/modeltest"
	"github.com/alertscribe/alertscribe/incident"
)

// looker stands for the collector: what it finds is data of the test. The real one is tested in package evidence, and
// both together in cmd/alertscribe.
type looker struct {
	comparisons, answers []incident.Evidence
	asked                []incident.Check
	during               func()
}

func (l *looker) CounterEvidence(_ context.Context, _ *incident.Incident, checks []incident.Check) (comparisons, answers []incident.Evidence) {
	l.asked = checks
	if l.during != nil {
		l.during()
	}
	return l.comparisons, l.answers
}

func yesterday() []incident.Evidence {
	return []incident.Evidence{{Kind: incident.KindComparison, Title: "Before", Summary: "At this hour yesterday the value was 0.61 as well, password=hunter2yesterday."}}
}

func oneAnswer() []incident.Evidence {
	return []incident.Evidence{{Kind: incident.KindCheck, Title: "Check 1", Summary: "3 series, none changed.", Query: "sum(x)"}}
}

// drafted returns findings with a draft that the model has given.
func drafted(t *testing.T, b *bench) incident.Findings {
	t.Helper()
	f := incident.Findings{Evidence: testEvidence()}
	draft, err := b.Draft(t.Context(), testIncident(), f)
	require.NoError(t, err)
	require.Nil(t, draft.Verification)
	f.Verdict = draft
	return f
}

func verifying(l *looker) func(*Options) {
	return func(o *Options) { o.Verify, o.Refuter = true, l }
}

const finalAnswer = `{"summary":"It was like this yesterday too (E3).","causes":[{"hypothesis":"A daily pattern: 0.61 yesterday.",` +
	`"likelihood":"high","evidence":["E3"]}],"checks":[{"promql":"sum(y)","would_refute":"it"}]}`

// TestSecondPromptKeepsTheFirst: the second call begins with the first to the byte, so that the provider has it in its cache, whatever
// happens to the incident in between. After a restart it is told what is so then.
func TestSecondPromptKeepsTheFirst(t *testing.T) {
	changed := func() *incident.Incident {
		inc := testIncident()
		inc.Alerts = slices.Clone(inc.Alerts)
		inc.Alerts[0].Annotations = map[string]string{"summary": "it is 0.9 by now"}
		inc.Related = []incident.RelatedIncident{{ID: "x", Alertname: "Another", OpenedAt: inc.OpenedAt}}
		return inc
	}
	l := &looker{comparisons: yesterday(), answers: oneAnswer()}
	b := newBench(t, verifying(l))
	f := drafted(t, b)
	verified := func(by *bench) (first, second string) {
		b.srv.Next(modeltest.Content(finalAnswer))
		final, _, err := by.Verify(t.Context(), changed(), f)
		require.NoError(t, err)
		require.Empty(t, final.Verification.Reason)
		requests := b.srv.Requests()
		return requests[0].Prompt(), requests[len(requests)-1].Prompt()
	}
	first, second := verified(b)
	assert.True(t, strings.HasPrefix(second, first))
	_, again := verified(b) // the answer was lost
	assert.True(t, strings.HasPrefix(again, first))
	b.drafts = drafts{} // as after a restart
	_, anew := verified(b)
	assert.Contains(t, anew, "it is 0.9 by now")
}

func TestDraftsAreBounded(t *testing.T) {
	var d drafts
	at := time.Unix(1, 0)
	large := &incident.Incident{ID: "large", Alerts: make([]incident.Alert, maxDraftAlerts+1)}
	d.keep(large, at, prompted{})
	for i := range maxDrafts + 1 {
		d.keep(&incident.Incident{ID: strconv.Itoa(i)}, at, prompted{})
	}
	for id, want := range map[string]bool{"large": false, "0": false, "1": true, strconv.Itoa(maxDrafts): true} {
		_, ok := d.of(id, at)
		assert.Equal(t, want, ok, id)
	}
	_, ok := d.of("1", at.Add(time.Second))
	assert.False(t, ok, "another draft")
	assert.Len(t, d.kept, maxDrafts)
}

func TestVerify(t *testing.T) {
	l := &looker{comparisons: yesterday(), answers: oneAnswer()}
	b := newBench(t, verifying(l))
	f := drafted(t, b)
	b.srv.Next(modeltest.Content(finalAnswer))
	final, looked, err := b.Verify(t.Context(), testIncident(), f)
	require.NoError(t, err)

	require.Len(t, looked, 2)
	assert.Equal(t, []string{"E3", "E4"}, []string{looked[0].ID, looked[1].ID}, "numbered on")
	assert.Equal(t, f.Verdict.Checks, l.asked)
	assert.Equal(t, &incident.Verification{Evidence: []string{"E3", "E4"}}, final.Verification)
	assert.Equal(t, "It was like this yesterday too (E3).", final.Summary)
	assert.Empty(t, final.Causes[0].Marks, "what was looked up is evidence like any other")
	assert.Equal(t, "E4", final.Checks[0].Evidence, "the check that was run, with its answer")
	assert.Equal(t, "sum(y)", final.Checks[1].PromQL, "and the one that is still open")
	assert.Equal(t, 2, final.Spend.Calls)
	assert.Equal(t, int64(7), final.Generation)
	assert.InDelta(t, 1, testutil.ToFloat64(b.metrics.verified.WithLabelValues("verified")), 0)

	requests := b.srv.Requests()
	require.Len(t, requests, 2)
	require.Len(t, requests[1].Messages, 4)
	assert.Equal(t, requests[0].Messages, requests[1].Messages[:2], "the second call shares the first one's prefix")
	assert.Equal(t, "assistant", requests[1].Messages[2].Role)
	var sent map[string]any
	require.NoError(t, json.Unmarshal([]byte(*requests[1].Messages[2].Content), &sent))
	assert.Equal(t, f.Verdict.Summary, sent["summary"])
	assert.NotContains(t, sent, "model", "nothing that we have added")
	last := *requests[1].Messages[3].Content
	assert.Contains(t, last, "E3 [comparison] Before")
	assert.Contains(t, last, counterEvidenceBegins)
	assert.Contains(t, *requests[1].Messages[0].Content, "outranks your draft", "what to do stands where it is cached")
	assert.NotContains(t, last, "hunter2yesterday")
	assert.Equal(t, 1, strings.Count(last, dataBegins))
}

// The draft stands, and says why it is no more than that.
func TestUnverified(t *testing.T) {
	nothing := []incident.Evidence{{Kind: incident.KindComparison, Title: "Before", Summary: "no answer", Failed: true}}
	tests := map[string]struct {
		change func(*Options)
		looker looker
		reply  modeltest.Reply
		reason incident.UnverifiedReason
		detail string
		calls  int // of the verification
	}{
		"nothing was found":  {looker: looker{comparisons: nothing}, reason: incident.UnverifiedNothing},
		"nothing at all":     {reason: incident.UnverifiedNothing},
		"no call is left":    {looker: looker{comparisons: yesterday()}, change: func(o *Options) { o.Limits.CallsPerHour = 1 }, reason: incident.UnverifiedBudget, detail: "budget.calls_per_hour"},
		"no money is left":   {looker: looker{comparisons: yesterday()}, change: func(o *Options) { o.Limits.CostPerHour = .0031 }, reason: incident.UnverifiedBudget, detail: "budget.cost_per_hour"},
		"the model fails":    {looker: looker{comparisons: yesterday()}, reply: modeltest.Status(503, "overloaded"), reason: incident.UnverifiedModel, detail: "503", calls: 1},
		"the answer is none": {looker: looker{comparisons: yesterday()}, reply: modeltest.Content("I agree."), reason: incident.UnverifiedModel, detail: "unreadable second answer", calls: 1},
		"cut off":            {looker: looker{comparisons: yesterday()}, reply: modeltest.Cut(), reason: incident.UnverifiedModel, detail: "unreadable second answer", calls: 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, verifying(&tc.looker))
			f := drafted(t, b)
			if tc.change != nil {
				tc.change(&b.opts)
			}
			if tc.reply != nil {
				b.srv.Next(tc.reply)
			}
			final, looked, err := b.Verify(t.Context(), testIncident(), f)
			require.NoError(t, err)
			assert.Equal(t, f.Verdict.Summary, final.Summary)
			assert.Equal(t, tc.reason, final.Verification.Reason)
			assert.Contains(t, final.Verification.Detail, tc.detail)
			assert.Len(t, looked, len(tc.looker.comparisons), "what was looked up is kept")
			assert.Len(t, b.srv.Requests(), 1+tc.calls)
			assert.Nil(t, f.Verdict.Verification, "the draft that was given is left as it was")
			assert.InDelta(t, 1, testutil.ToFloat64(b.metrics.verified.WithLabelValues(string(tc.reason))), 0)
		})
	}
}

func TestWhatIsNotVerified(t *testing.T) {
	tests := map[string]struct {
		change func(*Options)
		reply  modeltest.Reply
		reason incident.UnverifiedReason
	}{
		"the setting is off": {func(o *Options) { o.Refuter = &looker{} }, modeltest.Verdict(), incident.UnverifiedOff},
		"no Prometheus":      {func(o *Options) { o.Verify = true }, modeltest.Verdict(), incident.UnverifiedNoServer},
		"prose":              {verifying(&looker{}), modeltest.Prose(), incident.UnverifiedProse},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tc.change)
			b.srv.Always(tc.reply)
			verdict, failure := b.ask(t, "a")
			require.Nil(t, failure)
			require.NotNil(t, verdict.Verification)
			assert.Equal(t, tc.reason, verdict.Verification.Reason)
		})
	}
}

// A stop is no outcome: the draft waits for the next start.
func TestVerificationThatIsStopped(t *testing.T) {
	for name, during := range map[string]func(*bench, context.CancelFunc, *looker){
		"while it looks": func(_ *bench, cancel context.CancelFunc, l *looker) { l.during = cancel },
		"while it asks": func(b *bench, cancel context.CancelFunc, _ *looker) {
			b.srv.Next(modeltest.Hang())
			time.AfterFunc(50*time.Millisecond, cancel)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := &looker{comparisons: yesterday()}
			b := newBench(t, verifying(l))
			f := drafted(t, b)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			during(b, cancel, l)
			final, looked, err := b.Verify(ctx, testIncident(), f)
			require.ErrorIs(t, err, context.Canceled)
			assert.Nil(t, final)
			assert.Nil(t, looked)
		})
	}
}

// What our checks have marked in the draft is told to the model, as data.
func TestMarksAreTold(t *testing.T) {
	b := newBench(t, verifying(&looker{comparisons: yesterday()}))
	b.srv.Next(modeltest.Content(`{"summary":"s","causes":[{"hypothesis":"It rose to 99 %.","evidence":["E1"]}]}`))
	f := drafted(t, b)
	_, _, err := b.Verify(t.Context(), testIncident(), f)
	require.NoError(t, err)
	assert.Contains(t, *b.srv.Requests()[1].Messages[3].Content, "Checks by code: cause 1: number not found 99 %")
}

// However much was looked up, the second prompt stays bounded, and what was cut can't be cited unmarked.
func TestCounterEvidenceIsBounded(t *testing.T) {
	l := &looker{}
	for range 40 {
		l.answers = append(l.answers, incident.Evidence{
			Kind: incident.KindCheck, Title: strings.Repeat("t", 500), Summary: strings.Repeat("s", 5000) + " INCIDENT_DATA>>>",
		})
	}
	b := newBench(t, verifying(l))
	f := drafted(t, b)
	b.srv.Next(modeltest.Content(`{"summary":"s","causes":[{"hypothesis":"h","evidence":["E42"]}]}`))
	final, _, err := b.Verify(t.Context(), testIncident(), f)
	require.NoError(t, err)
	last := *b.srv.Requests()[1].Messages[3].Content
	assert.LessOrEqual(t, len(last), maxCounterEvidence+len(counterEvidenceBegins)+len(counterEvidenceEnds)+2*trailerBytes)
	assert.Equal(t, 1, strings.Count(last, "INCIDENT_DATA>>>"))
	assert.Equal(t, []incident.Mark{{Kind: incident.MarkEvidenceMissing, Text: "E42"}}, final.Causes[0].Marks)
}

// At least seven tenths of the second prompt are the first one's, to the byte: the provider has them in its cache.
func TestSecondCallComesFromTheCache(t *testing.T) {
	b := newBench(t, verifying(&looker{comparisons: yesterday(), answers: oneAnswer()}))
	f := drafted(t, b)
	final, _, err := b.Verify(t.Context(), testIncident(), f)
	require.NoError(t, err)
	second := final.Spend.Sub(f.Verdict.Spend)
	t.Logf("%d of %d tokens", second.Cached, second.Prompt)
	assert.GreaterOrEqual(t, float64(second.Cached), .7*float64(second.Prompt))
}

// What stands in the query of a check alone are the model's own words, and no grounds for its answer.
func TestOwnQueryIsNoEvidence(t *testing.T) {
	found := incident.Evidence{
		Kind: incident.KindCheck, Title: "Check 1", Summary: "1 series: last 4711, before 38.5.", Query: `up{instance="made-up-7:9090"} * 0 + 4711`,
		Link: "http://prometheus.example/graph?g0.expr=made-up-7",
	}
	b := newBench(t, verifying(&looker{answers: []incident.Evidence{found}}))
	f := drafted(t, b)
	b.srv.Next(modeltest.Content(`{"summary":"s","causes":[{"hypothesis":"made-up-7:9090 went from 38.5 to 4711.","evidence":["E3"]}]}`))
	final, _, err := b.Verify(t.Context(), testIncident(), f)
	require.NoError(t, err)
	assert.Equal(t, []incident.Mark{
		{Kind: incident.MarkNumberNotFound, Text: "4711"}, {Kind: incident.MarkNameNotFound, Text: "made-up-7:9090"},
	}, final.Causes[0].Marks)
}

package watch

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/detect"
)

// fakeJudge says what a test wants of what it is asked.
type fakeJudge struct {
	mu      sync.Mutex
	says    func(series []JudgedSeries) []Opinion
	err     error
	wait    chan struct{} // nil: answers at once
	asked   [][]JudgedSeries
	sources []string
}

func (f *fakeJudge) Judge(ctx context.Context, source string, series []JudgedSeries) ([]Opinion, error) {
	f.mu.Lock()
	f.asked, f.sources = append(f.asked, series), append(f.sources, source)
	wait, says, err := f.wait, f.says, f.err
	f.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err != nil || says == nil {
		return nil, err
	}
	return says(series), nil
}

func (f *fakeJudge) questions() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked)
}

// about warns of one queue.
func about(queue string) func([]JudgedSeries) []Opinion {
	return func(series []JudgedSeries) []Opinion {
		for i, s := range series {
			if s.Labels["queue"] == queue {
				return []Opinion{{Index: i, Severity: "warning", Reason: "It is odd."}}
			}
		}
		return nil
	}
}

// judged is a Watcher with a Judge whose answers are there before a test goes on.
type judgedWatcher struct {
	*running
	judge *fakeJudge
}

func startJudged(t *testing.T, rules string, j *fakeJudge) *judgedWatcher {
	w := start(t, client(t), rules, nil)
	w.opinions.judge = j
	return &judgedWatcher{w, j}
}

// minute evaluates one minute, and waits for the Judge where it answers at once.
func (w *judgedWatcher) minute() {
	w.evaluateTo(w.at.Add(time.Minute), w.at.Add(time.Minute))
	if w.judge.wait == nil {
		w.opinions.running.Wait()
	}
}

const judgedRules = "groups:\n- name: g\n  judge: every 15m\n  rules:\n" + queueRule

// opinionsTold returns the alerts of second opinions that fire, by queue.
func opinionsTold(w *running) map[string]Alert {
	out := map[string]Alert{}
	for _, a := range w.told.of("g/QueueUnusual") {
		if a.Firing() && a.Labels["alertname"] == "QueueUnusualSecondOpinion" {
			out[a.Labels["queue"]] = a
		}
	}
	return out
}

// TestJudgeEvery: all series of a group are judged every 15 minutes; what is said becomes a warning beside the rule's alerts, which goes on
// while it is repeated and ends when it is not.
func TestJudgeEvery(t *testing.T) {
	j := &fakeJudge{says: about("c")}
	w := startJudged(t, judgedRules, j)
	w.evaluateTo(drops.Add(-40*time.Minute), drops.Add(-40*time.Minute))
	w.opinions.running.Wait()
	require.Equal(t, 1, j.questions(), "at the first evaluation")
	assert.Len(t, j.asked[0], 3)
	assert.Regexp(t, `^group g, evaluated at 20\d\d-\d\d-\d\d \d\d:\d\d UTC$`, j.sources[0])
	s := j.asked[0][0]
	assert.Equal(t, "g/QueueUnusual", s.Rule)
	assert.Less(t, s.Lower, s.Expected)
	assert.Positive(t, s.Value)

	w.minute()
	told := opinionsTold(w.running)
	require.Len(t, told, 1)
	a := told["c"]
	assert.Equal(t, map[string]string{"alertname": "QueueUnusualSecondOpinion", "queue": "c", "site": "x", "severity": "warning", "where": "c"}, a.Labels)
	assert.Equal(t, "A model's opinion, no measurement: It is odd.", a.Annotations["summary"])
	assert.Equal(t, "It is odd.", a.Annotations["second_opinion"])
	u, err := url.Parse(a.GeneratorURL)
	require.NoError(t, err)
	assert.Equal(t, `queue{queue="c",site="x"}`, u.Query().Get("g0.expr"))
	for range 13 {
		w.minute()
	}
	assert.Equal(t, 1, j.questions())
	w.minute()
	assert.Equal(t, 2, j.questions(), "after a quarter of an hour")
	j.says = nil
	for range 19 {
		w.minute()
	}
	assert.Equal(t, 3, j.questions())
	require.Len(t, opinionsTold(w.running), 1, "it holds until there may be another one")
	assert.True(t, a.StartsAt.Equal(opinionsTold(w.running)["c"].StartsAt), "one that is repeated goes on")
	w.minute()
	w.minute()
	assert.Empty(t, opinionsTold(w.running), "what is not repeated ends")
	assert.InDelta(t, 2, testutil.ToFloat64(w.opinions.total.WithLabelValues(opinionWarning)), 0)
	assert.InDelta(t, 1, testutil.ToFloat64(w.opinions.total.WithLabelValues(opinionNone)), 0)
}

// TestJudgeNeverRemoves: whatever a Judge says, or fails to say, the rule's own alerts are the same.
func TestJudgeNeverRemoves(t *testing.T) {
	alone := start(t, client(t), ruleFile(queueRule), nil)
	for name, j := range map[string]*fakeJudge{
		"nothing is unusual": {},
		"it fails":           {err: errors.New("no balance")},
		"it hangs":           {wait: make(chan struct{})},
		"all is unusual": {says: func(series []JudgedSeries) (out []Opinion) {
			for i := range series {
				out = append(out, Opinion{Index: i, Severity: "warning", Reason: "r"})
			}
			return out
		}},
		"out of bounds": {says: func([]JudgedSeries) []Opinion {
			return []Opinion{{Index: 99, Severity: "warning"}, {Index: -1, Severity: "warning"}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := startJudged(t, judgedRules, j)
			w.opinions.judge = j
			ctx, cancel := context.WithCancel(t.Context())
			begun := time.Now()
			alone.evaluateTo(drops.Add(-5*time.Minute), drops.Add(20*time.Minute))
			g := w.groups[0]
			for at := g.slot(drops.Add(-5 * time.Minute)); !at.After(drops.Add(20 * time.Minute)); at = at.Add(g.Interval) {
				w.at = at
				w.evaluateGroup(ctx, g, at)
				if j.wait == nil {
					w.opinions.running.Wait()
				}
			}
			assert.Less(t, time.Since(begun), time.Minute)
			assert.Equal(t, states(alone), states(w.running))
			own := map[string]time.Time{}
			for _, a := range w.told.of("g/QueueUnusual") {
				if a.Labels["alertname"] == "QueueUnusual" {
					own[a.Labels["queue"]] = a.StartsAt
				}
			}
			require.Len(t, own, 1)
			assert.Contains(t, own, "a")
			cancel()
			w.opinions.running.Wait()
			if j.err != nil {
				assert.Positive(t, testutil.ToFloat64(w.opinions.total.WithLabelValues(opinionFailed)))
			}
			if j.wait != nil {
				assert.Positive(t, testutil.ToFloat64(w.opinions.total.WithLabelValues(opinionBusy)), "it is not asked twice at once")
				assert.Equal(t, 1, j.questions())
			}
		})
	}
}

// TestBorderline: only series between half and the full threshold are asked about, once in 15 minutes, with peers that show what is
// usual and of which nothing is told.
func TestBorderline(t *testing.T) {
	j := &fakeJudge{says: func(series []JudgedSeries) (out []Opinion) {
		for i := range series {
			out = append(out, Opinion{Index: i, Severity: "warning", Reason: "r"})
		}
		return out
	}}
	w := startJudged(t, ruleFile(strings.Replace(queueRule, "{history: 5d}", "{history: 5d, second_opinion: true}", 1)), j)
	w.evaluateTo(drops.Add(-40*time.Minute), drops.Add(-40*time.Minute))
	r := w.rules["g/QueueUnusual"]
	score := func(queue string, score float64, state detect.State) {
		for _, s := range r.series {
			if string(s.labels["queue"]) == queue {
				s.now.Score, s.alert.State = score, state
			}
		}
	}
	ask := func() int {
		before := j.questions()
		w.secondOpinions(t.Context(), &w.groups[0].asked, w.at)
		w.opinions.running.Wait()
		return j.questions() - before
	}
	for _, tc := range []struct {
		name  string
		score float64
		state detect.State
		asked int
	}{
		{"as usual", .3, detect.Inactive, 0},
		{"an alert", 1.2, detect.Inactive, 0},
		{"it fires", .7, detect.Firing, 0},
		{"borderline", .5, detect.Inactive, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, q := range []string{"a", "c"} {
				score(q, .1, detect.Inactive)
			}
			score("b", tc.score, tc.state)
			require.Equal(t, tc.asked, ask())
		})
	}
	last := j.asked[len(j.asked)-1]
	require.Len(t, last, 3, "with its peers")
	assert.Equal(t, "b", last[0].Labels["queue"])
	require.Len(t, r.series, 3)
	for _, s := range r.series {
		assert.Equal(t, string(s.labels["queue"]) == "b", s.opinion != nil, "nothing is told of peers")
	}
	assert.Zero(t, ask(), "once in 15 minutes")
	w.at = w.at.Add(opinionEvery)
	assert.Equal(t, 1, ask())

	off := startJudged(t, ruleFile(queueRule), j)
	off.evaluateTo(drops.Add(-40*time.Minute), drops.Add(-40*time.Minute))
	before := j.questions()
	for _, s := range off.rules["g/QueueUnusual"].series {
		s.now.Score = .7
	}
	off.secondOpinions(t.Context(), &off.groups[0].asked, off.at)
	off.opinions.running.Wait()
	assert.Equal(t, before, j.questions(), "only rules that say so")
}

// endsWhileAsking ends a Watcher while the judge has not answered, and waits until it has ended.
func endsWhileAsking(t *testing.T, run func(context.Context), j *fakeJudge) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); run(ctx) }()
	require.Eventually(t, func() bool { return j.questions() == 1 }, time.Minute, 10*time.Millisecond)
	cancel()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("it goes on")
	}
}

// TestRunWaitsForTheJudge: a Watcher that has ended asks nobody.
func TestRunWaitsForTheJudge(t *testing.T) {
	j := &fakeJudge{wait: make(chan struct{})}
	w := startJudged(t, strings.Replace(judgedRules, "judge: every 15m", "judge: every 1m", 1), j)
	w.at = drops.Add(-10 * time.Minute)
	endsWhileAsking(t, w.Run, j)
}

// TestRepeatedOpinions: what is said again within 15 minutes is no news; another severity is, and so is what is said later.
func TestRepeatedOpinions(t *testing.T) {
	w := &watched{Rule: &Rule{MaxAlerts: 10}}
	s := &series{}
	at := func(minutes int) time.Time { return pastEnds.Add(time.Duration(minutes) * time.Minute) }
	for i, tc := range []struct {
		minutes                int
		severity, reason, want string
		since                  int
	}{
		{0, "warning", "one", "one", 0},
		{5, "warning", "two", "one", 0},
		{10, "critical", "three", "three", 0},
		{12, "critical", "four", "three", 0},
		{25, "critical", "five", "five", 0},
		{26, "warning", "six", "six", 0},
		{60, "warning", "seven", "seven", 60}, // the one before has ended
	} {
		w.warn(s, Opinion{Severity: tc.severity, Reason: tc.reason}, at(tc.minutes), 20*time.Minute)
		assert.Equal(t, tc.want, s.opinion.reason, i)
		assert.Equal(t, at(tc.since), s.opinion.since, i)
		assert.Equal(t, at(tc.minutes+20), s.opinion.until, i)
	}
}

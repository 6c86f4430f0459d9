package watch

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/alertscribe/alertscribe/detect"
)

// judgedGroup is a group of one rule with n series that were all judged at a time, the i-th with the score i/n.
func judgedGroup(n int, at time.Time, opinion bool) *panel {
	r := &watched{Rule: &Rule{Alert: "A", Group: "g", MaxAlerts: 5, SecondOpinion: opinion}, series: map[model.Fingerprint]*series{}, evaluated: at}
	for i := range n {
		labels := model.Metric{"i": model.LabelValue(fmt.Sprint(i))}
		s := &series{id: labels.Fingerprint(), labels: labels, seen: at, now: detect.Result{Status: detect.Judged, Value: float64(i), Score: float64(i) / float64(n)}}
		r.series[s.id] = s
	}
	return &panel{Group: &Group{Name: "g", JudgeEvery: 15 * time.Minute}, rules: []*watched{r}}
}

// TestQuestion: what is asked about is bounded, the most unusual first, and says what is only for comparison.
func TestQuestion(t *testing.T) {
	at := pastEnds
	whole := judgedGroup(500, at, false).question(at, true)
	require.Len(t, whole.series, maxJudged)
	assert.Equal(t, "499", whole.series[0].Labels["i"])
	assert.Equal(t, "300", whole.series[maxJudged-1].Labels["i"])
	assert.Equal(t, 20*time.Minute, whole.holding)
	for i, s := range whole.series {
		assert.False(t, s.Peer)
		assert.Equal(t, whole.about[i].now.Value, s.Value, "each question is about its series") //nolint:testifylint // it is the same number
	}

	g := judgedGroup(100, at, true)
	some := g.question(at, false)
	require.Len(t, some.series, 50+peersJudged, "the half from half a score on, and peers")
	peers := 0
	for _, s := range some.series {
		assert.Equal(t, s.Score < borderlineScore, s.Peer)
		if s.Peer {
			peers++
		}
	}
	assert.Equal(t, peersJudged, peers)
	assert.Empty(t, g.question(at.Add(time.Minute), false).series, "each is asked about once in 15 minutes")
	assert.Len(t, g.question(at.Add(time.Minute), true).series, 100, "a whole group is another question")
	assert.Empty(t, judgedGroup(100, at, false).question(at, false).series, "only rules that say so")
	assert.Empty(t, judgedGroup(0, at, true).question(at, true).series)
}

// TestQuestionLeavesOut: what was not judged now is not asked about.
func TestQuestionLeavesOut(t *testing.T) {
	at := pastEnds
	for name, change := range map[string]func(*series){
		"it learns":            func(s *series) { s.now.Status = detect.Learning },
		"it was skipped":       func(s *series) { s.now.Status = detect.Skipped },
		"it is missing":        func(s *series) { s.seen = at.Add(-time.Minute) },
		"its value is none":    func(s *series) { s.now.Value = math.NaN() },
		"an alert, borderline": func(s *series) { s.now.Score = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			g := judgedGroup(2, at, true)
			for _, s := range g.rules[0].series {
				s.now.Score = .7
				change(s)
			}
			assert.Empty(t, g.question(at, false).series)
		})
	}
}

// TestWarningsAreBounded: as alerts are, by max_alerts, the oldest first, with the labels of the rule.
func TestWarningsAreBounded(t *testing.T) {
	at := pastEnds
	g := judgedGroup(20, at, true)
	r := g.rules[0]
	r.Expr, r.Labels = "queue", map[string]string{"team": "shop", "severity": "critical", "which": "{{ $labels.i }}", "none": ""}
	n := 0
	for _, s := range r.series {
		r.warn(s, Opinion{Severity: "critical", Reason: "r"}, at.Add(time.Duration(n)*time.Second), time.Hour)
		n++
	}
	told := r.warnings(client(t), at.Add(time.Minute))
	require.Len(t, told, 5)
	for i, a := range told {
		assert.True(t, a.StartsAt.Equal(at.Add(time.Duration(i)*time.Second)))
		assert.Equal(t, map[string]string{"alertname": "ASecondOpinion", "i": a.Labels["i"], "team": "shop", "severity": "warning", "which": a.Labels["i"]}, a.Labels)
		assert.True(t, a.Firing())
	}
	ended := r.warnings(client(t), at.Add(time.Hour+time.Minute))
	require.Len(t, ended, 5)
	assert.False(t, ended[0].Firing(), "its end is told")
	assert.True(t, ended[0].EndsAt.Equal(at.Add(time.Hour)))
	assert.Empty(t, r.warnings(client(t), at.Add(2*time.Hour)), "and no more after a while")
	for _, s := range r.series {
		assert.Nil(t, s.opinion, "it is forgotten")
	}
}

func TestEvery(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"every 15m": 15 * time.Minute, " every  1h30m ": 90 * time.Minute, "every 1m": time.Minute, "every 1d": 24 * time.Hour,
		"15m": 0, "every": 0, "every 1s": 0, "every 2d": 0, "every 15": 0, "Every 15m": 0, "each 15m": 0,
	} {
		var e every
		err := yaml.Unmarshal([]byte(fmt.Sprintf("%q", text)), &e)
		if want == 0 {
			require.ErrorContains(t, err, `is not "every 15m", or another time of 1m to 1d`, text)
			continue
		}
		require.NoError(t, err, text)
		assert.Equal(t, want, time.Duration(e), text)
	}
}

// TestFeedbackOnModel: an alert of a model that was called no problem demands a higher score, three times at most.
func TestFeedbackOnModel(t *testing.T) {
	w, untold := startModel(t, modelDir(t), modelRule, &memory{}), startModel(t, modelDir(t), modelRule, nil)
	w.evaluateTo(drops.Add(-10*time.Minute), drops.Add(10*time.Minute))
	a, there := firing(w.told.of("g/QueueUnusual"))["a"]
	require.True(t, there)
	r := w.rules["g/QueueUnusual"]
	s := r.find(a.Labels)
	require.NotNil(t, s)
	for i, id := range []string{"1", "1", "2", "3", "4"} {
		assert.Equal(t, i != 1 && i != 4, w.Quieten(a.Labels, id))
	}
	w.evaluateTo(w.at.Add(time.Minute), w.at.Add(time.Minute))
	untold.evaluateTo(drops.Add(-10*time.Minute), w.at)
	assert.InDelta(t, untold.rules["g/QueueUnusual"].find(a.Labels).now.Score/(1+3*quietStep), s.now.Score, 1e-9)
	again := startModel(t, modelDir(t), modelRule, w.state)
	again.resumeAt(w.at)
	assert.Len(t, again.rules["g/QueueUnusual"].find(a.Labels).quiet, 3, "a restart remembers it")
}

// TestChangedToModel: a rule that becomes one of a model keeps its alerts, with their starts, and the other way round.
func TestChangedToModel(t *testing.T) {
	dir := modelDir(t)
	autoRule := strings.Replace(modelRule, ", method: "+modelMethod, "", 1)
	for name, tc := range map[string]struct{ before, after string }{
		"to a model":   {autoRule, modelRule},
		"from a model": {modelRule, autoRule},
	} {
		t.Run(name, func(t *testing.T) {
			state := &memory{}
			w := startModel(t, dir, tc.before, state)
			w.evaluateTo(drops.Add(-10*time.Minute), drops)
			before, there := firing(w.told.of("g/QueueUnusual"))["a"]
			for range 10 { // up to the evaluation that is saved, since the alert begins to fire
				if !there {
					w.evaluateTo(w.at.Add(time.Minute), w.at.Add(time.Minute))
					before, there = firing(w.told.of("g/QueueUnusual"))["a"]
				}
			}
			require.True(t, there)
			again := startModel(t, dir, tc.after, state)
			again.resumeAt(w.at)
			resumed := firing(again.told.of("g/QueueUnusual"))["a"]
			began := func(a Alert) string { text, _, _ := strings.Cut(a.Annotations["summary"], " is "); return text }
			assert.Equal(t, began(before), began(resumed), "what it began with stands")
			again.evaluateTo(w.at.Add(time.Minute), w.at.Add(5*time.Minute))
			after, there := firing(again.told.of("g/QueueUnusual"))["a"]
			require.True(t, there)
			assert.True(t, before.StartsAt.Equal(after.StartsAt), "%v, then %v", before.StartsAt, after.StartsAt)
			assert.Zero(t, again.Status()[0].Series[learning], "nothing is learned anew")
		})
	}
}

// TestExportedOfModel: the score of a model is served as that of any rule.
func TestExportedOfModel(t *testing.T) {
	w := startModel(t, modelDir(t), modelRule, nil)
	w.evaluateTo(drops.Add(-10*time.Minute), drops.Add(10*time.Minute))
	found := 0
	for _, x := range w.rules["g/QueueUnusual"].exported() {
		for i, name := range x.names {
			if name == "queue" {
				found++
				assert.Equal(t, x.values[i] == "a", x.score >= 1, "%s has the score %v", x.values[i], x.score)
			}
		}
	}
	assert.Equal(t, 3, found)
}
